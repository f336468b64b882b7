//go:build !headless

package desktop

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/project"
)

// artist stands in for the network: it paints every seed a disc of another colour, and notes what it was asked.
type artist struct {
	asked    []string
	requests []studio.Request
	err      error
}

func (n *artist) note(r studio.Request, format string, args ...any) studio.Made {
	n.asked, n.requests = append(n.asked, fmt.Sprintf(format, args...)), append(n.requests, r)
	return studio.Made{Round: "1-flow", Evaluations: float64(r.Steps), Elapsed: 120 * time.Millisecond}
}

func ofSeed(seed uint64) *image.NRGBA {
	return drawing(32, 32, color.NRGBA{uint8(60 * seed), uint8(110 * seed), uint8(170 * seed), 255})
}

func (n *artist) Pictures(_ context.Context, first uint64, count int, r studio.Request, take func(int, *image.NRGBA)) (studio.Made, error) {
	made := n.note(r, "%d from %d", count, first)
	for i := range count {
		if n.err == nil {
			take(i, ofSeed(first+uint64(i)))
		}
	}
	return made, n.err
}

func (n *artist) Between(_ context.Context, from, to uint64, count int, r studio.Request, take func(int, *image.NRGBA)) (studio.Made, error) {
	for i := range count {
		take(i, ofSeed(100*from+10*to+uint64(i)))
	}
	return n.note(r, "%d between %d and %d", count, from, to), nil
}

func (n *artist) Invert(_ context.Context, img image.Image, r studio.Request) (studio.Inversion, error) {
	return studio.Inversion{
		Image: ofSeed(1), Noise: ofSeed(2), Again: ofSeed(3), Mean: .02, Deviation: .97, Difference: 3.14,
		Made: n.note(r, "the noise of %v", img.Bounds().Size()),
	}, n.err
}

// openFromNoise opens a project from noise whose rounds are said to be finished.
func openFromNoise(t *testing.T, a *App, rounds ...string) {
	t.Helper()
	settings := project.Default()
	settings.Source, settings.Target, settings.Size = project.NoiseSource, t.TempDir(), 32
	openRounds(t, a, settings, rounds...)
}

// testGenerate is the screen with an artist, everything at once.
func testGenerate(t *testing.T, a *App, rounds ...string) (*generateScreen, *artist) {
	t.Helper()
	openFromNoise(t, a, rounds...)
	s, n := newGenerateScreen(a), &artist{}
	s.generator, s.start, s.seeds.way.start, s.image.way.start = n, atOnce, atOnce, atOnce
	for _, l := range []*latest{s.seeds.grid, s.seeds.wayThere, s.image.work} {
		l.start, l.later = atOnce, func(_ time.Duration, f func()) { f() }
	}
	a.gen = s
	a.window.SetContent(s.build())
	a.window.Resize(fyne.NewSize(1024, 640))
	s.refresh()
	return s, n
}

func TestAProjectFromNoiseGenerates(t *testing.T) {
	a := testApp(t)
	s, n := testGenerate(t, a, "1-flow")
	if fmt.Sprint(n.asked) != "[16 from 1]" || n.requests[0].Steps != 16 || n.requests[0].Reverse {
		t.Fatalf("at first it makes %v by %+v", n.asked, n.requests)
	}
	g := s.seeds
	if g.large.title != "Seed 1" || g.large.img == nil || !g.cells[0].chosen || g.all.Disabled() {
		t.Errorf("the first picture is not shown large: %q", g.large.title)
	}
	for _, want := range []string{"16 pictures", "Flow", "16 network evaluations each", "0.12 s"} {
		if !strings.Contains(s.status.Text, want) {
			t.Errorf("the foot says %q, without %q", s.status.Text, want)
		}
	}
	g.seed.SetText("40")
	g.number.SetText("5")
	g.way.steps.SetText("4")
	if got := n.asked[len(n.asked)-1]; got != "5 from 40" || n.requests[len(n.requests)-1].Steps != 4 || len(g.mosaic.Objects) != 5 {
		t.Errorf("it makes %q", got)
	}
	before := len(n.asked)
	g.seed.SetText("-1")
	g.number.SetText("1000")
	if len(n.asked) != before || g.seed.Validate() == nil || g.number.Validate() == nil {
		t.Error("a seed or a count that is none was taken")
	}
	test.Tap(g.dice)
	if g.first == 40 || len(n.asked) != before+1 {
		t.Error("the die throws no other seed")
	}
}

func TestTheFirstPicturesTakeTheStepsThatTheirRoundNeeds(t *testing.T) {
	for _, c := range []struct {
		rounds []string
		want   int
	}{{[]string{"1-flow"}, 16}, {[]string{"1-flow", "2-reflow"}, 4}, {[]string{"1-flow", "2-refine"}, 1}} {
		a := testApp(t)
		s, n := testGenerate(t, a, c.rounds...)
		if n.requests[0].Steps != c.want || s.seeds.note.Visible() {
			t.Errorf("%v: %d steps, note %q", c.rounds, n.requests[0].Steps, s.seeds.note.Text)
		}
	}
	a := testApp(t)
	s, n := testGenerate(t, a, "1-flow", "2-reflow", "3-refine")
	steps := func() int { return n.requests[len(n.requests)-1].Steps }
	s.seeds.way.round.SetSelected("Flow")
	if steps() != 16 {
		t.Errorf("another round takes %d steps, although nobody chose a number", steps())
	}
	s.seeds.way.steps.SetText("2")
	s.seeds.way.round.SetSelected("Reflow 1")
	if steps() != 2 {
		t.Errorf("%d steps are taken where 2 were chosen", steps())
	}
}

func TestTwoChosenPicturesHaveAWayBetweenThem(t *testing.T) {
	a := testApp(t)
	s, n := testGenerate(t, a, "1-flow")
	g := s.seeds
	if g.stripScroll.Visible() || !strings.Contains(g.wayTitle.Text, "Click a second picture") {
		t.Error("without a second picture there is a way, or nobody says how to get one")
	}
	test.Tap(g.cells[4])
	if got := n.asked[len(n.asked)-1]; got != "8 between 1 and 5" || !g.stripScroll.Visible() || g.large.title != "Seed 5" {
		t.Errorf("after a second picture: %q, %q", got, g.large.title)
	}
	test.Tap(g.wayCells[2])
	if g.large.file != "between-1-5-003.png" || g.large.img == nil || !g.wayCells[2].chosen || g.cells[4].chosen {
		t.Errorf("tapping a picture on the way shows %q", g.large.file)
	}
	test.Tap(g.cells[4])
	if g.large.title != "Seed 5" || g.wayCells[2].chosen {
		t.Error("the grid cannot be gone back to")
	}
	g.way.steps.SetText("1")
	if tail := n.asked[len(n.asked)-2:]; fmt.Sprint(tail) != "[16 from 1 8 between 1 and 5]" || g.large.title != "Seed 5" {
		t.Errorf("another number of steps makes %v anew", tail)
	}
	g.seed.SetText("70")
	if g.stripScroll.Visible() || g.large.title != "Seed 70" {
		t.Error("other seeds keep the way of the earlier ones")
	}
}

func TestARealImageIsTakenToItsNoiseAndBack(t *testing.T) {
	a := testApp(t)
	s, n := testGenerate(t, a, "1-flow")
	a.trans, a.results = newTranslateScreen(a), newResultsScreen(a)
	path := writePNG(t, filepath.Join(t.TempDir(), "cat.png"), drawing(40, 30, color.NRGBA{A: 255}))
	a.results.dropped(fyne.Position{}, []string{path})
	if r := n.requests[len(n.requests)-1]; !s.fromImage || r.Steps != 16 || !r.Reverse || !strings.Contains(n.asked[len(n.asked)-1], "(40,30)") {
		t.Errorf("a dropped image is asked for by %+v: %v", r, n.asked)
	}
	for _, want := range []string{"within 3.1 of 255", "mean 0.02", "deviation 0.97"} {
		if !strings.Contains(s.image.words.Text, want) {
			t.Errorf("it says %q, without %q", s.image.words.Text, want)
		}
	}
	if s.image.save.Disabled() || s.image.copy.Disabled() || s.image.hint.Visible() {
		t.Error("the result cannot be kept")
	}
	before := len(n.asked)
	s.seeds.way.steps.SetText("2")
	if len(n.asked) != before {
		t.Error("pictures are made that nobody sees")
	}
	test.Tap(s.views[0])
	if got := n.asked[len(n.asked)-1]; got != "16 from 1" || s.fromImage {
		t.Errorf("back at the seeds %q is made", got)
	}
	if err := os.WriteFile(path, []byte("no image"), 0o666); err != nil {
		t.Fatal(err)
	}
	a.results.dropped(fyne.Position{}, []string{path})
	if text := overlayText(a); !strings.Contains(text, "cat.png could not be opened") {
		t.Errorf("the window shows %q", text)
	}
}

func TestPicturesAreSavedByTheirSeedsAndReplaceNothingUnasked(t *testing.T) {
	a := testApp(t)
	s, _ := testGenerate(t, a, "1-flow")
	s.seeds.number.SetText("3")
	dir := t.TempDir()
	s.saveInto(dir, s.seeds.pictures)
	names := func() (out []string) {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			out = append(out, f.Name())
		}
		return out
	}
	if got := names(); !slices.Equal(got, []string{"seed-1.png", "seed-2.png", "seed-3.png"}) {
		t.Fatalf("saved are %v", got)
	}
	kept := filepath.Join(dir, "seed-4.png")
	if err := os.WriteFile(kept, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	s.seeds.seed.SetText("4")
	s.saveInto(dir, s.seeds.pictures)
	if text := overlayText(a); !strings.Contains(text, "1 of 3 pictures have the names of files that are in "+dir) {
		t.Errorf("the window shows %q", text)
	}
	if data, err := os.ReadFile(kept); err != nil || string(data) != "mine" || len(names()) != 4 {
		t.Errorf("before the answer there is %v, and %q in the file", names(), data)
	}
}

func TestWhatCannotBeGeneratedSaysSo(t *testing.T) {
	a := testApp(t)
	s, n := testGenerate(t, a)
	if !s.untaught.root.Visible() || !s.seeds.seed.Disabled() || !s.seeds.all.Disabled() || len(n.asked) > 0 {
		t.Error("without a round nothing says so, or something is made")
	}
	s, n = testGenerate(t, a, "1-flow")
	n.err = errors.New("the device is gone")
	s.seeds.seed.SetText("9")
	if text := overlayText(a); !strings.Contains(text, "The pictures could not be generated") || !strings.Contains(text, "The device is gone") {
		t.Errorf("the window shows %q", text)
	}
}

func TestTheScreensFollowTheProject(t *testing.T) {
	a := shows[0].open(t)
	openTrained(t, a, "1-flow")
	a.open(2)
	if a.tabs[2].Text != "Translate" || a.results.root.Objects[0] != a.trans.root {
		t.Errorf("between two folders the tab is %q", a.tabs[2].Text)
	}
	openGenerator(t, a)
	a.refresh()
	if a.tabs[2].Text != "Generate" || a.results.root.Objects[0] != a.gen.root {
		t.Errorf("from noise the tab is %q", a.tabs[2].Text)
	}
	a.open(3)
	if !a.export.generates.Visible() || a.export.split.Visible() || !a.export.begin.Disabled() {
		t.Error("the Export screen does not say that there is nothing to translate")
	}
	a.open(1)
	if a.train.what.Text != "From the same noise" || !strings.Contains(a.train.advice.Text, "back within 3.1 of 255 in 16 steps") {
		t.Errorf("the Train screen says %q and %q", a.train.what.Text, a.train.advice.Text)
	}
}

func TestNoiseAsTheSource(t *testing.T) {
	a := shows[0].open(t)
	dir := t.TempDir()
	a.studio.Domains[0].Choose(dir)
	scanned(t, a)
	a.open(0)
	c, s := a.domains.cards[0], a.domains
	c.noise.SetChecked(true)
	a.refresh()
	if !a.studio.Domains[0].State().Noise || !c.words.Visible() || !c.thumbs.Visible() || !s.swap.Disabled() {
		t.Error("noise was not taken, or shows nothing, or can be swapped")
	}
	if !strings.HasSuffix(a.studio.SuggestDir(), "noise to .") { // of a target that is not chosen yet
		t.Errorf("the project would be kept in %s", a.studio.SuggestDir())
	}
	s.settings.Finish, s.settings.BothWays, s.settings.DistilSteps = project.FinishNone, true, 4
	a.refresh()
	for _, want := range []string{"Both ways has no effect", "Distil steps have no effect"} {
		if !strings.Contains(s.warned, want) {
			t.Errorf("%q is not said: %q", want, s.warned)
		}
	}
	if settings, _ := s.plan(); settings.BothWays || settings.DistilSteps > 1 || !settings.FromNoise() {
		t.Errorf("Train would begin with %+v", settings)
	}
	c.noise.SetChecked(false)
	a.refresh()
	if got := a.studio.Domains[0].Path(); got != dir || c.words.Visible() {
		t.Errorf("without noise the source is %q, want the folder before", got)
	}
}

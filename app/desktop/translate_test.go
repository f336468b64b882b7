//go:build !headless

package desktop

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/translate"
)

// at once runs work on the calling goroutine, in place of one of its own.
func atOnce(work func()) { work() }

// testApp is a window without a display, on folders of the test's own, in English.
func testApp(t *testing.T) *App {
	t.Helper()
	dir := t.TempDir()
	s, err := studio.New(studio.Dirs{Config: filepath.Join(dir, "config"), Cache: filepath.Join(dir, "cache"), Data: filepath.Join(dir, "data")})
	if err != nil {
		t.Fatal(err)
	}
	f := test.NewTempApp(t)
	speak("en")
	f.Settings().SetTheme(newLook("light", 1))
	t.Cleanup(func() { _ = s.Close() })
	return &App{fyne: f, studio: s, window: f.NewWindow("test"), stopped: make(chan struct{})}
}

// openTrained opens a project whose rounds are said to be finished; there are no weights.
func openTrained(t *testing.T, a *App, rounds ...string) {
	t.Helper()
	settings := project.Default()
	settings.Source, settings.Target, settings.Size = t.TempDir(), t.TempDir(), 64
	openRounds(t, a, settings, rounds...)
}

// openRounds opens a project with such settings and finished rounds.
func openRounds(t *testing.T, a *App, settings project.Settings, rounds ...string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "line art")
	p, err := project.Create(dir, settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range rounds {
		at := filepath.Join(dir, "rounds", name)
		if err := os.MkdirAll(at, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "round.json"), []byte(`{"round":"`+name+`","steps":10}`), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.studio.OpenProject(dir); err != nil {
		t.Fatal(err)
	}
}

// drawing is a disc on a ground.
func drawing(w, h int, disc color.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{uint8(255 * x / w), uint8(255 * y / h), 160, 255}
			if dx, dy := x-w/2, y-h/2; 9*(dx*dx+dy*dy) < min(w, h)*min(w, h) {
				c = disc
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

func writePNG(t *testing.T, path string, img image.Image) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	return path
}

// inverter stands in for the network: it inverts colours as far as it is asked to go, and notes what it was asked.
type inverter struct {
	asked []studio.Request
	shown [2]image.Image // to the person, before and after
}

func (n *inverter) image(_ context.Context, img image.Image, r studio.Request) (studio.Result, error) {
	n.asked = append(n.asked, r)
	b := img.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.NRGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			turn := func(v uint8) uint8 { return uint8((1-r.At)*float64(v) + r.At*float64(255-v)) }
			out.SetNRGBA(x, y, color.NRGBA{turn(c.R), turn(c.G), turn(c.B), c.A})
		}
	}
	return studio.Result{Image: out, Round: "2-reflow", Evaluations: r.Steps, Elapsed: 120 * time.Millisecond}, nil
}

// testTranslate is the screen with a network that inverts, everything at once. The viewer, which prepares its pictures
// on a goroutine of its own, gets none.
func testTranslate(t *testing.T, a *App) (*translateScreen, *inverter) {
	t.Helper()
	s, n := newTranslateScreen(a), &inverter{}
	s.start, s.way.start, s.image = atOnce, atOnce, n.image
	s.show = func(before, after image.Image) { n.shown = [2]image.Image{before, after} }
	s.later = func(_ time.Duration, f func()) { f() }
	a.trans = s
	a.window.SetContent(s.build())
	a.window.Resize(fyne.NewSize(1024, 640))
	s.shown()
	return s, n
}

func (n *inverter) last(t *testing.T) studio.Request {
	t.Helper()
	if len(n.asked) == 0 {
		t.Fatal("nothing was translated")
	}
	return n.asked[len(n.asked)-1]
}

func TestWithoutATrainedRoundTheControlsRestAndTheScreenSaysWhy(t *testing.T) {
	a := testApp(t)
	s, n := testTranslate(t, a)
	s.open(writePNG(t, filepath.Join(t.TempDir(), "cat.png"), drawing(32, 32, color.NRGBA{A: 255})))
	if !s.untaught.root.Visible() || !s.way.round.Disabled() || !s.slider.Disabled() || !s.copy.Disabled() || !s.save.Disabled() {
		t.Error("controls without an effect are not disabled, or nothing explains why")
	}
	if len(n.asked) > 0 {
		t.Error("a picture was translated without a round")
	}
	openTrained(t, a, "1-flow")
	s.refresh()
	if s.untaught.root.Visible() || s.way.round.Disabled() || s.slider.Disabled() {
		t.Error("the controls stay disabled with a finished round")
	}
	if s.result.Image == nil {
		t.Error("the open picture was not translated when a round was there")
	}
}

// A round that is not finished can be used as it was saved last; the last round is still the last finished one.
func TestARoundIsTriedWhileItIsTrained(t *testing.T) {
	for _, finished := range [][]string{nil, {"1-flow"}} {
		a := testApp(t)
		s, n := testTranslate(t, a)
		openTrained(t, a, finished...)
		p, _ := a.studio.Project()
		name := project.RoundName(len(finished)+1, project.KindReflow)
		if err := p.SaveCheckpoint(name, project.Checkpoint{Step: 3}); err != nil {
			t.Fatal(err)
		}
		s.refresh()
		if s.untaught.root.Visible() || s.slider.Disabled() {
			t.Error("the controls rest though a round was saved")
		}
		s.open(writePNG(t, filepath.Join(t.TempDir(), "cat.png"), drawing(32, 32, color.NRGBA{A: 255})))
		want := name
		if finished != nil {
			want = "" // the last finished one
		}
		if got := n.last(t).Round; got != want {
			t.Errorf("after %v it was asked for %q", finished, got)
		}
		s.way.round.SetSelectedIndex(len(finished) + 1)
		if got := n.last(t).Round; got != name || !s.note.Visible() {
			t.Errorf("chosen by hand it was asked for %q, note %q", got, s.note.Text)
		}
	}
}

func TestAnOpenedPictureIsTranslatedAsTheControlsSay(t *testing.T) {
	a := testApp(t)
	openTrained(t, a, "1-flow", "2-reflow", "3-refine")
	s, n := testTranslate(t, a)
	s.open(writePNG(t, filepath.Join(t.TempDir(), "cat.png"), drawing(40, 30, color.NRGBA{A: 255})))
	if got, want := n.last(t), (studio.Request{Steps: 1, At: 1}); got != want {
		t.Errorf("the first request is %+v, want %+v", got, want)
	}
	for _, want := range []string{"cat.png", "40×30", "Reflow 1", "1 network evaluation", "0.12 s"} {
		if !strings.Contains(s.status.Text, want) {
			t.Errorf("the foot says %q, without %q", s.status.Text, want)
		}
	}
	if n.shown[0] == nil || n.shown[1] == nil || n.shown[1].At(0, 0) != (color.NRGBA{255, 255, 95, 255}) {
		t.Error("the source and its translation are not shown")
	}
	s.way.steps.SetText("16")
	s.way.round.SetSelected("Reflow 1")
	s.way.direction.SetSelectedIndex(1)
	s.slider.SetValue(.5)
	if got, want := n.last(t), (studio.Request{Round: "2-reflow", Steps: 16, Reverse: true, At: .5}); got != want {
		t.Errorf("the request is %+v, want %+v", got, want)
	}
	before := len(n.asked)
	s.way.steps.SetText("many")
	if len(n.asked) != before || s.way.steps.Validate() == nil {
		t.Error("a number of steps that is none was taken")
	}
	s.way.size.SetSelectedIndex(1)
	if s.way.size.Selected != "Model size (64 px)" || n.last(t).Size != translate.Model {
		t.Errorf("the size is %q and %v", s.way.size.Selected, n.last(t).Size)
	}
}

func TestAFinishThatKnowsOneStepIsSaidToKnowOneStep(t *testing.T) {
	a := testApp(t)
	openTrained(t, a, "1-flow", "2-refine")
	w := newWay(a, chosenWay{}, func() {})
	w.start = atOnce
	w.refresh()
	for _, c := range []struct {
		name string
		at   chosenWay
		want string
	}{
		{"one step", chosenWay{Steps: 1}, ""},
		{"four steps", chosenWay{Steps: 4}, "Refine was trained for one step"},
		{"four steps of the flow", chosenWay{Steps: 4, Round: "1-flow"}, ""},
		{"the way back by the round that knows it", chosenWay{Steps: 4, Reverse: true}, ""},
		{"the way back by the finish", chosenWay{Steps: 1, Reverse: true, Round: "2-refine"}, "knows only the step from source to target"},
	} {
		w.at = c.at
		if got := w.note(); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTheNewestRequestTakesThePlaceOfOlderOnes(t *testing.T) {
	a := testApp(t)
	openTrained(t, a, "1-flow")
	s, n := testTranslate(t, a)
	s.open(writePNG(t, filepath.Join(t.TempDir(), "cat.png"), drawing(32, 32, color.NRGBA{A: 255})))
	var waiting, working []func()
	s.later = func(_ time.Duration, f func()) { waiting = append(waiting, f) }
	s.start = func(work func()) { working = append(working, work) }
	var broken []error
	s.image = func(ctx context.Context, img image.Image, r studio.Request) (studio.Result, error) {
		if err := ctx.Err(); err != nil {
			broken = append(broken, err)
			return studio.Result{}, err
		}
		return n.image(ctx, img, r)
	}
	before := len(n.asked)
	s.slider.SetValue(.2)
	waiting[0]() // under way
	s.slider.SetValue(.4)
	s.slider.SetValue(.6)
	waiting[1]() // overtaken before it began
	waiting[2]()
	for _, work := range working {
		work()
	}
	if got := len(n.asked) - before; got != 1 || n.last(t).At != .6 {
		t.Errorf("%d requests were worked off, the last for t = %.2f; want the last alone, 0.60", got, n.last(t).At)
	}
	if len(broken) != 1 || !errors.Is(broken[0], context.Canceled) {
		t.Errorf("the request under way was not broken off: %v", broken)
	}
}

func TestSeveralPicturesGetAStrip(t *testing.T) {
	a := testApp(t)
	openTrained(t, a, "1-flow")
	s, _ := testTranslate(t, a)
	dir := t.TempDir()
	one := writePNG(t, filepath.Join(dir, "a.png"), drawing(300, 200, color.NRGBA{200, 0, 0, 255}))
	writePNG(t, filepath.Join(dir, "b.png"), drawing(64, 64, color.NRGBA{0, 200, 0, 255}))
	broken := filepath.Join(dir, "c.png")
	if err := os.WriteFile(broken, []byte("no image"), 0o666); err != nil {
		t.Fatal(err)
	}
	s.dropped(fyne.Position{}, []string{dir})
	if !s.strip.root.Visible() || len(s.strip.cells) != 3 {
		t.Fatalf("a folder of three gives a strip of %d", len(s.strip.cells))
	}
	if s.title != "a.png" || !s.strip.cells[0].chosen || s.strip.cells[0].pictures[1].Image == nil || s.strip.cells[1].pictures[1].Image == nil {
		t.Error("the first picture is not open, or the strip is not translated")
	}
	if !s.strip.cells[2].failed {
		t.Error("a file that is no image is not marked")
	}
	test.Tap(s.strip.cells[1])
	if s.title != "b.png" || !s.strip.cells[1].chosen || s.strip.cells[0].chosen {
		t.Error("tapping a picture of the strip does not open it")
	}
	s.dropped(fyne.Position{}, []string{one})
	if s.strip.root.Visible() || s.title != "a.png" {
		t.Error("a single picture keeps the strip")
	}
}

func TestAFileThatIsNoImageIsNamed(t *testing.T) {
	a := testApp(t)
	openTrained(t, a, "1-flow")
	s, _ := testTranslate(t, a)
	path := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, []byte("no image"), 0o666); err != nil {
		t.Fatal(err)
	}
	s.open(path)
	if text := overlayText(a); !strings.Contains(text, "notes.txt could not be opened") || !strings.Contains(text, path) {
		t.Errorf("the window shows %q", text)
	}
}

// overlayText is the text of the dialog in front.
func overlayText(a *App) string {
	top := a.window.Canvas().Overlays().Top()
	if top == nil {
		return ""
	}
	var text []string
	for _, o := range test.LaidOutObjects(top) {
		if l, ok := o.(*widget.Label); ok {
			text = append(text, l.Text)
		}
	}
	return strings.Join(text, "\n")
}

func TestTheResultIsSavedWholeInTheFormatOfItsName(t *testing.T) {
	dir := t.TempDir()
	img := image.NewNRGBA(image.Rect(0, 0, 8, 8)) // all transparent
	for _, c := range []struct{ name, format string }{{"a.png", "png"}, {"b.JPG", "jpeg"}, {"c.jpeg", "jpeg"}} {
		path := filepath.Join(dir, c.name)
		if err := writeImage(path, img, color.NRGBA{200, 100, 50, 255}); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, format, err := image.Decode(f)
		_ = f.Close()
		if err != nil || format != c.format {
			t.Fatalf("%s is %s: %v", c.name, format, err)
		}
		r, _, _, alpha := got.At(4, 4).RGBA()
		if c.format == "jpeg" && (r>>8 < 195 || r>>8 > 205 || alpha != 0xffff) {
			t.Errorf("%s shows %v behind transparency, want the background", c.name, got.At(4, 4))
		}
	}
	if err := writeImage(filepath.Join(dir, "d.gif"), img, color.NRGBA{}); err == nil || !strings.Contains(err.Error(), ".png or .jpg") {
		t.Errorf("an ending that cannot be written gives %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "d.gif")); err == nil {
		t.Error("a file was left under a name that cannot be written")
	}
}

func TestPastingTakesPathsAndFileAddresses(t *testing.T) {
	dir := t.TempDir()
	path := writePNG(t, filepath.Join(dir, "a cat.png"), drawing(8, 8, color.NRGBA{A: 255}))
	address := "file://" + strings.ReplaceAll(path, " ", "%20")
	for _, c := range []struct {
		text string
		want int
	}{{path, 1}, {`"` + path + `"`, 1}, {address + "\r\n" + path, 2}, {"a cat.png", 0}, {filepath.Join(dir, "gone.png"), 0}, {"", 0}} {
		got := pastedFiles(c.text)
		if len(got) != c.want || len(got) > 0 && got[0] != path {
			t.Errorf("%q gives %q", c.text, got)
		}
	}
	a := testApp(t)
	openTrained(t, a, "1-flow")
	s, _ := testTranslate(t, a)
	a.fyne.Clipboard().SetContent(address)
	s.paste()
	if s.title != "a cat.png" {
		t.Errorf("pasting an address opens %q", s.title)
	}
}

func TestPastingWithoutAClipboardProgramSaysWhatToInstall(t *testing.T) {
	a := testApp(t)
	s, _ := testTranslate(t, a)
	t.Setenv("PATH", t.TempDir())
	a.fyne.Clipboard().SetContent("some words")
	s.paste()
	if text := overlayText(a); !strings.Contains(text, "Install xclip") {
		t.Errorf("the window shows %q", text)
	}
}

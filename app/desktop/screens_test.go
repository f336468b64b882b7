//go:build !headless

package desktop

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/project"
)

func init() { widgets.Inline = true }

var update = flag.Bool("update", false, "write the pictures of testdata anew")

// show is the whole window without a display, on folders of the test's own.
type show struct {
	name     string
	language string
	theme    string
	scale    float32
	size     fyne.Size
}

var shows = []show{
	{"English", "en", "light", 1, fyne.NewSize(1024, 640)},
	{"Chinese", "zh-CN", "dark", 1, fyne.NewSize(1024, 640)},
	{"English, dark, twice as large", "en", "dark", 2, fyne.NewSize(1600, 1000)},
	{"Chinese, twice as large", "zh-CN", "light", 2, fyne.NewSize(1600, 1000)},
}

func (w show) open(t *testing.T) *App {
	t.Helper()
	dir := t.TempDir()
	s, err := studio.New(studio.Dirs{Config: filepath.Join(dir, "config"), Cache: filepath.Join(dir, "cache"), Data: filepath.Join(dir, "data")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.Preferences.Set(func(c *studio.Choices) { c.Language, c.Theme, c.Scale = w.language, w.theme, w.scale })
	a := newApp(test.NewTempApp(t), s)
	for _, start := range []*func(func()){ // of what would draw from another goroutine
		&a.domains.cards[0].thumbs.Start, &a.domains.cards[1].thumbs.Start,
		&a.trans.start, &a.trans.way.start, &a.export.start, &a.export.options.way.start,
		&a.gen.start, &a.gen.seeds.way.start, &a.gen.image.way.start, &a.gen.seeds.grid.start, &a.gen.seeds.wayThere.start, &a.gen.image.work.start,
	} {
		*start = atOnce
	}
	a.lab.every = func(time.Duration, func() bool) {} // nothing moves by itself
	t.Cleanup(func() { speak("en") })
	a.window.Resize(w.size)
	return a
}

// settle lays everything out, as the first frames do: what wraps knows its width then.
func (a *App) settle() {
	size := a.window.Canvas().Size()
	for _, grow := range []float32{1, 0} {
		a.refresh()
		a.window.Resize(size.AddWidthHeight(grow, grow))
	}
}

// screenStates bring the window to what is looked at.
var screenStates = []struct {
	name string
	to   func(t *testing.T, a *App)
}{
	{"Domains, empty", func(t *testing.T, a *App) { a.open(0) }},
	{"Domains, two folders", func(t *testing.T, a *App) {
		if err := a.studio.Demo(); err != nil {
			t.Fatal(err)
		}
		scanned(t, a)
		a.open(0)
	}},
	{"Domains, warnings", func(t *testing.T, a *App) {
		for i, d := range a.studio.Domains {
			dir := t.TempDir()
			for n := range 17 {
				writePNG(t, filepath.Join(dir, fmt.Sprint(n, ".png")), drawing(30+30*i, 30, color.NRGBA{uint8(10 * n), 0, 0, 255}))
			}
			if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("no picture"), 0o666); err != nil {
				t.Fatal(err)
			}
			d.Choose(dir)
		}
		scanned(t, a)
		a.open(0)
	}},
	{"Domains, open project", func(t *testing.T, a *App) { openMeasured(t, a); a.open(0) }},
	{"Train, no project", func(t *testing.T, a *App) { a.open(1) }},
	{"Train, a trained project", func(t *testing.T, a *App) { openMeasured(t, a); a.open(1) }},
	{"Train, guarantees", func(t *testing.T, a *App) { openGuarantees(t, a) }},
	{"Train, nothing measured", func(t *testing.T, a *App) {
		openMeasured(t, a)
		a.open(1)
		a.train.setPromised(true)
	}},
	{"Translate, empty", func(t *testing.T, a *App) { a.open(2) }},
	{"Translate, trained", func(t *testing.T, a *App) { openMeasured(t, a); a.open(2) }},
	{"Export, empty", func(t *testing.T, a *App) { a.open(3) }},
	{"Export, trained", func(t *testing.T, a *App) { openMeasured(t, a); a.open(3) }},
	{"Lab, before a run", func(t *testing.T, a *App) { a.open(4) }},
	{"Lab, measured", func(t *testing.T, a *App) { openLab(t, a, 5) }},
	{"Settings", func(t *testing.T, a *App) { a.open(0); a.showSettings() }},
	{"Help", func(t *testing.T, a *App) { a.open(0); a.showHelp() }},
	{"Backends", func(t *testing.T, a *App) { a.open(0); a.showBackend() }},
	{"More settings", func(t *testing.T, a *App) { a.open(0); a.domains.showMore() }},
	{"Measurements", func(t *testing.T, a *App) {
		openMeasured(t, a)
		a.open(1)
		a.train.showMeasurements(a.studio.Training.State().Rounds[1])
	}},
	{"Domains, noise", func(t *testing.T, a *App) {
		a.studio.Domains[0].Choose(project.NoiseSource)
		a.domains.settings.BothWays, a.domains.settings.DistilSteps, a.domains.settings.Coupling = true, 4, project.CouplingRegistered
		a.open(0)
	}},
	{"Train, a generator", func(t *testing.T, a *App) { openGenerator(t, a); a.open(1) }},
	{"Measurements of a generator", func(t *testing.T, a *App) {
		openGenerator(t, a)
		a.open(1)
		a.train.showMeasurements(a.studio.Training.State().Rounds[1])
	}},
	{"Generate, empty", func(t *testing.T, a *App) {
		openFromNoise(t, a)
		a.open(2)
	}},
	{"Generate, from seeds", func(t *testing.T, a *App) {
		openGenerator(t, a)
		a.open(2)
		a.gen.seeds.choose(3)
	}},
	{"Generate, from an image", func(t *testing.T, a *App) {
		openGenerator(t, a)
		a.open(2)
		a.gen.image.load(writePNG(t, filepath.Join(t.TempDir(), "cat.png"), drawing(40, 30, color.NRGBA{A: 255})))
	}},
	{"Export, a generator", func(t *testing.T, a *App) { openGenerator(t, a); a.open(3) }},
	{"A problem", func(t *testing.T, a *App) {
		a.open(1)
		a.show(explain(tr("The project could not be opened"), fmt.Errorf("%w: /home/somebody/Straightway/faces to drawings is being written by process 4711", project.ErrLocked)))
	}},
}

// stateNamed is the number of a state.
func stateNamed(name string) int {
	for i, s := range screenStates {
		if s.name == name {
			return i
		}
	}
	panic("no state " + name)
}

func scanned(t *testing.T, a *App) {
	t.Helper()
	for _, d := range a.studio.Domains {
		for deadline := time.Now().Add(time.Minute); d.State().Scanning; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("looking through the folder does not end")
			}
		}
	}
}

// openMeasured opens a project with finished rounds, their measurements, losses and previews.
func openMeasured(t *testing.T, a *App) {
	t.Helper()
	openWith(t, a, t.TempDir(), func(far float64) project.Measurements {
		m := project.Measurements{"straightness": .2 * far * far, "cost": .8, "kid_source": 60, "accepted_target": .97, "round_trip/1": 30 * far, "round_trip/8": 3.1}
		for i, n := range []string{"1", "4", "8"} {
			near := far / float64(i+1)
			m["kid/"+n], m["swd/"+n], m["accepted/"+n], m["preservation/"+n], m["kid_reverse/"+n] = 20*near, 30*near, 1-near/2, .8, 25*near
		}
		return m
	})
}

// openGenerator opens a project from noise likewise; the pictures on the Generate screen are drawn by nobody's network.
func openGenerator(t *testing.T, a *App) {
	t.Helper()
	openWith(t, a, project.NoiseSource, func(far float64) project.Measurements {
		m := project.Measurements{"straightness": .2 * far * far, "cost": 1.9, "accepted_target": .97, "round_trip/1": 90 * far, "round_trip/16": 3.1, "inverted_std/1": .7, "inverted_std/16": .96}
		for i, n := range []string{"1", "4", "16"} {
			near := far / float64(i+1)
			m["kid/"+n], m["swd/"+n], m["accepted/"+n] = 20*near, 30*near, 1-near/2
		}
		return m
	})
	a.gen.generator = &artist{}
	for _, l := range []*latest{a.gen.seeds.grid, a.gen.seeds.wayThere, a.gen.image.work} {
		l.later = func(_ time.Duration, f func()) { f() }
	}
}

// openWith opens a project from a source whose rounds were measured so, in terms of how far they are from the target.
func openWith(t *testing.T, a *App, source string, measurements func(far float64) project.Measurements) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "colour to line art")
	settings := project.Default()
	settings.Source, settings.Target, settings.Size, settings.Rounds, settings.Finish = source, t.TempDir(), 32, 2, project.FinishRefine
	p, err := project.Create(dir, settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "previews"), 0o777); err != nil {
		t.Fatal(err)
	}
	for k, name := range []string{"1-flow", "2-reflow"} {
		far := 1 / float64(k+1)
		report := project.RoundReport{Steps: 400, Images: 12800, Seconds: 754, FinishedAt: time.Unix(1.8e9, 0), Measurements: measurements(far)}
		if err := p.FinishRound(name, nil, nil, report); err != nil {
			t.Fatal(err)
		}
		for step := 20; step <= 400; step += 20 {
			loss := far * (.02 + .5/float64(1+step/20))
			if err := p.Append(project.Entry{Kind: "step", Round: name, Step: int64(step), Values: project.Measurements{"loss": loss}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []int{100, 300} {
			all := image.NewNRGBA(image.Rect(0, 0, 4*32, 6*32))
			for i := range 4 * 6 {
				cell := drawing(32, 32, color.NRGBA{uint8(40 * (i / 4)), uint8(80 * (i % 4)), uint8(step / 2), 255})
				draw.Draw(all, cell.Rect.Add(image.Pt(i%4*32, i/4*32)), cell, image.Point{}, draw.Src)
			}
			writePNG(t, filepath.Join(dir, "previews", fmt.Sprintf("%s_%07d_8_32.png", name, step)), all)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.studio.OpenProject(dir); err != nil {
		t.Fatal(err)
	}
	scanned(t, a)
}

// area is a part of the window: left, top, right, bottom.
type area [4]float32

func (a area) within(b area) bool {
	const slack = .5 // rounding
	return a[0] >= b[0]-slack && a[1] >= b[1]-slack && a[2] <= b[2]+slack && a[3] <= b[3]+slack
}

func (a area) and(b area) area {
	return area{max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])}
}

func areaOf(at fyne.Position, size fyne.Size) area {
	return area{at.X, at.Y, at.X + size.Width, at.Y + size.Height}
}

// looker walks what is on the screen.
type looker struct {
	*testing.T
	seen []seen
}

// seen is a control with a text and the part of it that can be seen.
type seen struct {
	what string
	area area
}

// look checks an object at a position of the window and what is in it. It must lie in room; of that, clip is seen.
func (l *looker) look(o fyne.CanvasObject, at fyne.Position, room, clip area) {
	if !o.Visible() {
		return
	}
	control := func(kind, text string, least fyne.Size) {
		what := fmt.Sprintf("%s %q", kind, text)
		if size := o.Size(); size.Width < least.Width-.5 || size.Height < least.Height-.5 {
			l.Errorf("%s has %v, less than %v", what, size, least)
		}
		if here := areaOf(at, o.Size()); !here.within(room) {
			l.Errorf("%s at %v is not inside %v", what, here, room)
		}
		l.seen = append(l.seen, seen{what, areaOf(at, o.Size()).and(clip)})
	}
	var inside []fyne.CanvasObject
	switch o := o.(type) {
	case *widget.Button:
		control("button", o.Text, o.MinSize())
		return
	case *tip.Button:
		control("button", o.Text, o.MinSize())
		return
	case *widget.Check:
		control("check", o.Text, o.MinSize())
		return
	case *tip.Check:
		control("check", o.Text, o.MinSize())
		return
	case *dialogCheck:
		control("check", o.Text, o.MinSize())
		return
	case *dialogSelect:
		control("selection", o.Selected, selectionSize(&o.Select))
		return
	case *dialogEntry:
		control("entry", o.Text, entrySize(&o.Entry))
		return
	case *widget.Select:
		control("selection", o.Selected, selectionSize(o))
		return
	case *explainedSelect:
		control("selection", o.Selected, selectionSize(&o.Select.Select))
		return
	case *widget.Entry:
		control("entry", o.Text, entrySize(o))
		return
	case *widget.SelectEntry:
		control("entry", o.Text, entrySize(&o.Entry).AddWidthHeight(theme.IconInlineSize(), 0))
		return
	case *widget.Label:
		least := o.MinSize()
		if o.Truncation != fyne.TextTruncateOff {
			least.Width = 2*theme.InnerPadding() + theme.TextSize() // of which nothing else is asked
		}
		if o.Text == "" {
			return
		}
		if o.Size().IsZero() { // the title of a dialog, which Fyne draws without laying it out
			o.Resize(least)
		}
		control("label", o.Text, least)
		// Around a label's text is a margin, which lines of one text share.
		inner := theme.InnerPadding() / 2
		last := &l.seen[len(l.seen)-1]
		last.area = last.area.and(areaOf(at.AddXY(inner, inner), o.Size().SubtractWidthHeight(2*inner, 2*inner)))
		return
	case *container.Scroll:
		here := areaOf(at, o.Size())
		if !here.within(room) {
			l.Errorf("a scrolling part at %v is not inside %v", here, room)
		}
		room, clip = here, clip.and(here)
		if o.Direction == container.ScrollVerticalOnly || o.Direction == container.ScrollBoth {
			room[1], room[3] = -1e6, 1e6
		}
		if o.Direction == container.ScrollHorizontalOnly || o.Direction == container.ScrollBoth {
			room[0], room[2] = -1e6, 1e6
		}
		inside = []fyne.CanvasObject{o.Content}
	case *fyne.Container:
		inside = o.Objects
	case fyne.Widget:
		inside = test.WidgetRenderer(o).Objects()
	}
	for _, child := range inside {
		l.look(child, at.Add(child.Position()), room, clip)
	}
}

// selectionSize is what a selection needs to show its text, and not only to be there.
func selectionSize(s *widget.Select) fyne.Size {
	text := s.Selected
	if text == "" {
		text = s.PlaceHolder
	}
	return fyne.NewSize(fyne.MeasureText(text, theme.TextSize(), fyne.TextStyle{}).Width+theme.IconInlineSize()+3*theme.InnerPadding(), s.MinSize().Height)
}

func entrySize(e *widget.Entry) fyne.Size {
	text := e.Text
	if text == "" {
		text = e.PlaceHolder
	}
	return fyne.NewSize(fyne.MeasureText(text, theme.TextSize(), fyne.TextStyle{}).Width+2*theme.InnerPadding(), e.MinSize().Height)
}

// apart checks that no control covers another.
func (l *looker) apart() {
	for i, a := range l.seen {
		for _, b := range l.seen[:i] {
			if both := a.area.and(b.area); both[2]-both[0] > 1 && both[3]-both[1] > 1 {
				l.Errorf("%s and %s cover each other in %v", b.what, a.what, both)
			}
		}
	}
}

func TestNoTextIsCut(t *testing.T) {
	for _, w := range shows {
		for _, state := range screenStates {
			t.Run(w.name+"/"+state.name, func(t *testing.T) {
				a := w.open(t)
				state.to(t, a)
				a.settle()
				c := a.window.Canvas()
				if least := c.Content().MinSize(); least.Width > w.size.Width || least.Height > w.size.Height {
					t.Errorf("the window cannot be smaller than %v", least)
				}
				for _, o := range append([]fyne.CanvasObject{c.Content()}, c.Overlays().List()...) {
					l := looker{T: t}
					l.look(o, o.Position(), area{0, 0, w.size.Width, w.size.Height}, area{0, 0, w.size.Width, w.size.Height})
					l.apart()
					if len(l.seen) < 4 {
						t.Errorf("only %d controls were found", len(l.seen))
					}
				}
			})
		}
	}
}

// TestScreensLookAsTheyDid compares with the pictures of testdata. go test -tags ci ./app/desktop -update writes them.
func TestScreensLookAsTheyDid(t *testing.T) {
	for _, c := range []struct {
		name  string
		state string
		show  show
	}{
		{"domains-empty-en-light", "Domains, empty", shows[0]},
		{"train-zh-dark", "Train, a trained project", shows[1]},
		{"lab-en-light", "Lab, measured", shows[0]},
		{"generate-en-light", "Generate, from seeds", shows[0]},
		{"guarantees-en-light", "Train, guarantees", shows[0]},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := captured(t, c.show, c.state)
			path := filepath.Join("testdata", c.name+".png")
			if *update {
				writePNG(t, path, got)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if share := differing(got, want); share > .002 {
				failed := filepath.Join(t.ArtifactDir(), c.name+".png")
				writePNG(t, failed, got)
				t.Errorf("%.2f %% of the pixels differ from %s; the screen is in %s", 100*share, path, failed)
			}
		})
	}
}

// captured draws a state of the window. Fyne reads the clock at a capture: more than a minute after the last one, as on a
// machine that stood still meanwhile, renderers made before it count as too old and are drawn anew without a layout. Such
// a picture is taken again.
func captured(t *testing.T, s show, state string) image.Image {
	t.Helper()
	for {
		began := time.Now()
		test.NewCanvas().Capture()
		a := s.open(t)
		screenStates[stateNamed(state)].to(t, a)
		a.settle()
		if got := a.window.Canvas().Capture(); time.Since(began) < 50*time.Second {
			return got
		}
	}
}

// differing is the share of pixels that differ by more than rounding in some channel.
func differing(a, b image.Image) float64 {
	if a.Bounds() != b.Bounds() {
		return 1
	}
	far := func(v, w uint32) bool { return max(v, w)-min(v, w) > 0x1000 }
	n := 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			ar, ag, ab, _ := a.At(x, y).RGBA()
			br, bg, bb, _ := b.At(x, y).RGBA()
			if far(ar, br) || far(ag, bg) || far(ab, bb) {
				n++
			}
		}
	}
	return float64(n) / float64(a.Bounds().Dx()*a.Bounds().Dy())
}

// openDemo opens the window on the domains of the demo.
func openDemo(t *testing.T) *App {
	t.Helper()
	a := shows[0].open(t)
	if err := a.studio.Demo(); err != nil {
		t.Fatal(err)
	}
	scanned(t, a)
	a.open(0)
	a.settle()
	return a
}

// A folder that is dropped beside the cards comes to the nearer one, where neither is empty.
func TestDropBesideFullCards(t *testing.T) {
	a := openDemo(t)
	dir := t.TempDir()
	source := a.studio.Domains[0].Path()
	size := a.window.Canvas().Size()
	a.domains.dropped(fyne.NewPos(size.Width*.8, size.Height-5), []string{dir})
	if got := [2]string{a.studio.Domains[0].Path(), a.studio.Domains[1].Path()}; got != [2]string{source, dir} {
		t.Errorf("the domains are %q, want the target replaced", got)
	}
}

// The cards have all of their height again once there is nothing left to warn of.
func TestCardsGrowWhenWarningsAreGone(t *testing.T) {
	a := openDemo(t)
	height := a.domains.cards[0].frame.Size().Height
	source := a.studio.Domains[0].Path()
	a.studio.Domains[0].Choose(a.studio.Domains[1].Path())
	scanned(t, a)
	a.refresh()
	if got := a.domains.cards[0].frame.Size().Height; got >= height {
		t.Errorf("a card is %v high beside a warning, and %v without one", got, height)
	}
	a.studio.Domains[0].Choose(source)
	scanned(t, a)
	a.refresh()
	if got := a.domains.cards[0].frame.Size().Height; got != height {
		t.Errorf("a card is %v high after a warning, and was %v before", got, height)
	}
}

// Escape closes a dialog also while one of its controls has the keyboard.
func TestEscapeFromAControlOfADialog(t *testing.T) {
	a := shows[0].open(t)
	a.showSettings()
	c := a.window.Canvas()
	c.FocusNext()
	focused := c.Focused()
	if _, ok := focused.(*dialogSelect); !ok {
		t.Fatalf("the keyboard is with a %T, want a selection", focused)
	}
	focused.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if c.Overlays().Top() != nil {
		t.Error("the settings are still open")
	}
}

// At twice the size a path keeps its end, and the pictures of both cards begin at one height, whatever their paths.
func TestCardsAgree(t *testing.T) {
	for _, size := range []fyne.Size{{Width: 1024, Height: 640}, {Width: 1600, Height: 640}} {
		a := show{language: "en", theme: "light", scale: 2, size: size}.open(t)
		deep := filepath.Join(t.TempDir(), "a folder of a rather long name", "another inside it", "photographs")
		short := t.TempDir()
		for i, dir := range []string{deep, short} {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			for n := range 3 {
				writePNG(t, filepath.Join(dir, fmt.Sprint(n, ".png")), drawing(30, 30, color.NRGBA{A: 255}))
			}
			a.studio.Domains[i].Choose(dir)
		}
		scanned(t, a)
		a.open(0)
		a.settle()
		if got := a.domains.cards[0].path.Text; !strings.HasPrefix(got, "…") || !strings.HasSuffix(got, "photographs") {
			t.Errorf("in a window of %v the path is shown as %q", size, got)
		}
		at := func(i int) float32 {
			return a.fyne.Driver().AbsolutePositionForObject(a.domains.cards[i].thumbs).Y
		}
		if at(0) != at(1) {
			t.Errorf("in a window of %v the pictures begin at %v and %v", size, at(0), at(1))
		}
	}
}

// A training that ended in its first round goes on by the word that its messages name.
func TestWhatHasBegunGoesOnByContinue(t *testing.T) {
	a := shows[0].open(t)
	openTrained(t, a)
	a.open(1)
	p, _ := a.studio.Project()
	losses := []studio.Losses{{Round: "1-flow", Points: []studio.LossPoint{{Step: 3, Loss: .5}}}}
	for _, c := range []struct {
		state studio.TrainingState
		want  string
	}{
		{studio.TrainingState{}, "Start"},
		{studio.TrainingState{State: studio.Failed}, "Start"},
		{studio.TrainingState{State: studio.Failed, Losses: losses}, "Continue"},
		{studio.TrainingState{Losses: losses}, "Continue"},
		{studio.TrainingState{State: studio.Running, Losses: losses}, "Pause"},
	} {
		a.train.showState(p, c.state)
		if got := a.train.run.Text; got != c.want {
			t.Errorf("the button says %q, not %q", got, c.want)
		}
	}
}

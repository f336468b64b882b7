//go:build !headless

package desktop

import (
	"errors"
	"fmt"
	"image/color"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tooltip "github.com/dweymouth/fyne-tooltip"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/translate"
)

// testExport is the screen with an export whose state the test sets, everything at once.
func testExport(t *testing.T, a *App, st *studio.ExportState) *exportScreen {
	t.Helper()
	s := newExportScreen(a)
	s.start, s.options.way.start, s.table.thumbs.start = atOnce, atOnce, atOnce
	s.state = func() studio.ExportState { return *st }
	s.openURL = func(u *url.URL) error { return fmt.Errorf("opened %s", u) }
	a.export = s
	a.window.SetContent(s.build())
	a.window.Resize(fyne.NewSize(1024, 640))
	s.refresh()
	return s
}

func TestFilesAndFoldersAreCountedOnceEach(t *testing.T) {
	a := testApp(t)
	s := testExport(t, a, &studio.ExportState{})
	dir := t.TempDir()
	one := writePNG(t, filepath.Join(dir, "a.png"), drawing(8, 8, color.NRGBA{A: 255}))
	if err := os.Mkdir(filepath.Join(dir, "inside"), 0o777); err != nil {
		t.Fatal(err)
	}
	writePNG(t, filepath.Join(dir, "inside", "b.png"), drawing(8, 8, color.NRGBA{A: 255}))
	s.dropped(fyne.Position{}, []string{one, dir, one})
	if got := s.inputs.total.Text; got != "Inputs: 2 · images: 2" {
		t.Errorf("the list says %q", got)
	}
	s.options.recurses.SetChecked(true)
	if got := s.inputs.total.Text; got != "Inputs: 2 · images: 3" {
		t.Errorf("with the folders inside it says %q", got)
	}
	s.inputs.add(filepath.Join(dir, "gone.png"))
	if text := overlayText(a); !strings.Contains(text, "gone.png could not be added") {
		t.Errorf("a file that is not there gives %q", text)
	}
	test.Tap(s.inputs.clear)
	if got := s.inputs.paths(); len(got) > 0 || s.begin.Disabled() == false {
		t.Errorf("after clearing there is %q", got)
	}
}

func TestAFolderDroppedOnTheOutputIsTheOutput(t *testing.T) {
	a := testApp(t)
	s := testExport(t, a, &studio.ExportState{})
	dir := t.TempDir()
	at := a.fyne.Driver().AbsolutePositionForObject(s.outFrame).AddXY(5, 5)
	s.dropped(at, []string{dir})
	if s.out != dir || s.outLabel.Text != shortPath(dir) || len(s.inputs.list) > 0 {
		t.Errorf("the output folder is %q, the inputs %q", s.out, s.inputs.paths())
	}
}

func TestExportNeedsInputsAFolderAndARound(t *testing.T) {
	a := testApp(t)
	s := testExport(t, a, &studio.ExportState{})
	if !s.untaught.root.Visible() || !s.options.way.round.Disabled() {
		t.Error("without a round nothing says so")
	}
	openTrained(t, a, "1-flow", "2-refine")
	s.refresh()
	for _, step := range []struct {
		name string
		do   func()
		can  bool
	}{
		{"a round", func() {}, false},
		{"an input", func() { s.inputs.add(t.TempDir()) }, false},
		{"an output folder", func() { s.setOut(t.TempDir()) }, true},
		{"no number of steps", func() { s.options.way.steps.SetText("x") }, false},
		{"steps again", func() { s.options.way.steps.SetText("4") }, true},
	} {
		step.do()
		s.refresh()
		if s.begin.Disabled() == step.can {
			t.Errorf("with %s, Export can be pressed: %t, want %t", step.name, !s.begin.Disabled(), step.can)
		}
	}
	if !s.options.note.Visible() {
		t.Error("four steps of a one-step round go without a word")
	}
}

func TestTheJobIsWhatTheControlsSay(t *testing.T) {
	a := testApp(t)
	openTrained(t, a, "1-flow", "2-reflow")
	s := testExport(t, a, &studio.ExportState{})
	in, out := t.TempDir(), t.TempDir()
	s.inputs.add(in)
	s.setOut(out)
	o := s.options
	o.way.steps.SetText("4")
	o.way.round.SetSelected("Flow")
	o.way.direction.SetSelectedIndex(1)
	o.way.size.SetSelectedIndex(1)
	o.formats.SetSelected("JPEG")
	o.qualities.SetText("80")
	o.recurses.SetChecked(true)
	o.replace.SetChecked(true)
	want := studio.Job{
		Inputs: []string{in}, Out: out, Round: "1-flow", Steps: 4, Reverse: true, Recursive: true, Overwrite: true,
		Size: translate.Model, Format: translate.JPEG, Quality: 80,
	}
	if got := s.job(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the job is\n%+v, want\n%+v", got, want)
	}
	s.ask()
	if text := overlayText(a); !strings.Contains(text, "Files in "+out) {
		t.Errorf("replacing files is not asked about: %q", text)
	}
}

// finishedRows are events of n files, every fifth of which failed.
func finishedRows(n int) []translate.Event {
	var rows []translate.Event
	for i := range n {
		e := translate.Event{Input: fmt.Sprintf("/in/picture %05d.png", i), Output: fmt.Sprintf("/out/picture %05d.png", i), Seconds: .05, Done: i + 1, Total: n}
		switch {
		case i%5 == 4:
			e.Output, e.Err = "", &datasets.FileError{Path: e.Input, Kind: datasets.Broken, Reason: "the PNG file is cut short: copy or download it again"}
		case i%7 == 3:
			e.Skipped, e.Seconds = true, 0
		}
		rows = append(rows, e)
	}
	return rows
}

func TestTheTableShowsEveryFileAndItsWholeError(t *testing.T) {
	a := testApp(t)
	openTrained(t, a, "1-flow")
	st := studio.ExportState{State: studio.Running, Rows: finishedRows(50), Done: 50, Total: 100, Failed: 10, Elapsed: 5 * time.Second, ETA: 5 * time.Second, Version: 1}
	s := testExport(t, a, &st)
	if got, want := s.table.counts, (exportCounts{done: 34, there: 6, failed: 10}); got != want {
		t.Errorf("the counts are %+v, want %+v", got, want)
	}
	for _, want := range []string{"50 of 100", "10 images/s", "5 s left", "10 failed"} {
		if !strings.Contains(s.status.Text, want) {
			t.Errorf("the progress is %q, without %q", s.status.Text, want)
		}
	}
	s.table.filter.SetChecked(true)
	if s.table.length() != 10 || s.table.event(0).Err == nil {
		t.Errorf("failed files alone are %d", s.table.length())
	}
	s.table.list.Select(0)
	if text := overlayText(a); !strings.Contains(text, "picture 00004.png was not exported") || !strings.Contains(text, "cut short") {
		t.Errorf("tapping a failed file shows %q", text)
	}
	st.State, st.Version = studio.Finished, 2
	s.refresh()
	if got := s.status.Text; got != "Done: 34 exported · 6 already there · 10 failed · in 5 s" {
		t.Errorf("at the end it says %q", got)
	}
	if s.retry.Disabled() || !s.pause.Disabled() || !s.stop.Disabled() {
		t.Error("at the end failed files can be retried, and nothing can be paused or stopped")
	}
}

func TestAWaitingExportSaysWhatItWaitsFor(t *testing.T) {
	a := testApp(t)
	openTrained(t, a, "1-flow")
	st := studio.ExportState{State: studio.Running, Queued: true, Version: 1}
	s := testExport(t, a, &st)
	if !s.queued.Visible() || s.pause.Disabled() || s.stop.Disabled() || !s.begin.Disabled() {
		t.Error("an export behind training does not say so, or cannot be paused or stopped")
	}
	if got := s.status.Text; got != "Waits until training pauses or ends." {
		t.Errorf("while it waits for training it says %q", got)
	}
	st = studio.ExportState{State: studio.Paused, Version: 2}
	s.refresh()
	if s.queued.Visible() || s.pause.Text != "Continue" {
		t.Errorf("while paused the button says %q", s.pause.Text)
	}
	if got := s.status.Text; got != "Paused before the first image." {
		t.Errorf("paused before it began it says %q", got)
	}
	st = studio.ExportState{State: studio.Failed, Err: errors.New("the output folder /gone cannot be made"), Version: 3}
	s.refresh()
	if text := overlayText(a); !strings.Contains(text, "The export ended early") || !strings.Contains(text, "/gone") {
		t.Errorf("a failure shows %q", text)
	}
}

func TestAFolderThatTheSystemCannotShowIsNamedWithAWayOn(t *testing.T) {
	a := testApp(t)
	s := newExportScreen(a)
	s.openURL = func(*url.URL) error { return &exec.Error{Name: "xdg-open", Err: exec.ErrNotFound} }
	dir := t.TempDir()
	s.show(dir)
	if text := overlayText(a); !strings.Contains(text, dir) || !strings.Contains(text, "xdg-utils") {
		t.Errorf("it says %q", text)
	}
}

// A tooltip that is due, or shows, goes when its button is pressed: it would lie over what the button brings.
func TestAPressedButtonHasNoTooltip(t *testing.T) {
	a := testApp(t)
	pressed := false
	b := button("Press", nil, "Does something", func() { pressed = true })
	a.window.SetContent(tooltip.AddWindowToolTipLayer(b, a.window.Canvas()))
	tips := func() int {
		n := 0
		for _, o := range a.window.Canvas().Content().(*fyne.Container).Objects[1:] {
			n += len(o.(*fyne.Container).Objects)
		}
		return n
	}
	b.MouseIn(&desktop.MouseEvent{})
	for end := time.Now().Add(5 * time.Second); tips() == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
	}
	if tips() == 0 {
		t.Fatal("the pointer rests on it, and there is no tooltip")
	}
	b.OnTapped()
	if !pressed || tips() != 0 {
		t.Error("the tooltip is there after the button was pressed")
	}
}

func TestAQuestionIsWiderThanItsButtonsNeed(t *testing.T) {
	a := testApp(t)
	a.window.Resize(fyne.NewSize(1120, 720))
	a.confirm("Go on?", strings.Repeat("Some words. ", 12), "Yes", "No", func() {})
	for _, o := range test.LaidOutObjects(a.window.Canvas().Overlays().Top()) {
		if l, ok := o.(*widget.Label); ok && strings.HasPrefix(l.Text, "Some words") && l.Size().Width < 350 {
			t.Errorf("the question is %.0f wide", l.Size().Width)
		}
	}
}

func TestAPageThatScrollsKeepsClearOfItsBar(t *testing.T) {
	test.NewTempApp(t)
	high := canvas.NewRectangle(nil)
	high.SetMinSize(fyne.NewSize(50, 300))
	s := scrolled(high)
	s.Resize(fyne.NewSize(200, 100))
	if w := high.Size().Width; w > 200-theme.Size(theme.SizeNameScrollBarSmall) {
		t.Errorf("it is %.0f wide beside a bar", w)
	}
	s.Resize(fyne.NewSize(200, 400))
	if w := high.Size().Width; w != 200 {
		t.Errorf("it is %.0f wide without one", w)
	}
}

func TestTenThousandRowsKeepFewWidgetsAndStayQuick(t *testing.T) {
	a := testApp(t)
	openTrained(t, a, "1-flow")
	rows := finishedRows(10_000)
	st := studio.ExportState{State: studio.Running, Rows: rows[:9000], Done: 9000, Total: 10_000, Version: 1}
	s := testExport(t, a, &st)
	var spent []time.Duration
	for n := 9000; n < 9100; n++ {
		st.Rows, st.Done, st.Version = rows[:n+1], n+1, st.Version+1
		began := time.Now()
		s.refresh()
		spent = append(spent, time.Since(began))
	}
	slices.Sort(spent)
	if got := spent[len(spent)/2]; got > 40*time.Millisecond {
		t.Errorf("a refresh takes %v", got)
	}
	if n := len(s.table.shown); n > mostRows {
		t.Errorf("%d rows have widgets", n)
	}
	if !s.table.atEnd() {
		t.Error("the table does not follow the newest row")
	}
	s.table.list.ScrollToTop()
	st.Rows, st.Version = rows[:9200], st.Version+1
	s.refresh()
	if s.table.list.GetScrollOffset() != 0 {
		t.Error("the table runs away from where a person looks")
	}
	t.Logf("refresh: median %v, longest %v; %d rows with widgets", spent[len(spent)/2], spent[len(spent)-1], len(s.table.shown))
}

func TestThumbnailsAreReadOnceAndTheOldestAreForgotten(t *testing.T) {
	test.NewTempApp(t)
	dir := t.TempDir()
	path := writePNG(t, filepath.Join(dir, "a.png"), drawing(300, 200, color.NRGBA{A: 255}))
	arrived := 0
	n := newThumbnails(func(string) bool { return true }, func(string) { arrived++ })
	n.start = atOnce
	n.get(path)
	img := n.get(path)
	if img == nil || img.Bounds().Dx() != thumbnailSide || arrived != 1 {
		t.Fatalf("a picture of 300×200 gives %v after %d readings", img, arrived)
	}
	for i := range thumbnailsKept {
		n.get(filepath.Join(dir, fmt.Sprint(i))) // no pictures, which is kept too
	}
	n.get(path)
	if arrived != thumbnailsKept+2 || n.kept.Len() != thumbnailsKept {
		t.Errorf("%d readings, %d kept", arrived, n.kept.Len())
	}
}

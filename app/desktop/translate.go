//go:build !headless

package desktop

import (
	"context"
	"fmt"
	"image"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/app/studio"
)

// translateScreen translates single pictures and compares them with their sources.
type translateScreen struct {
	a    *App
	root fyne.CanvasObject

	// What is worked on.
	source  *image.NRGBA // whole; nil before the first
	shownAs *image.NRGBA // source, reduced for the screen
	title   string       // of the file, without its folder
	result  studio.Result
	far     float64 // how far along the way to go, 0 to 1

	// How it is worked on; tests put their own in.
	image  func(context.Context, image.Image, studio.Request) (studio.Result, error)
	show   func(before, after image.Image) // by the viewer
	start  func(func())                    // runs work on a goroutine of its own
	later  func(time.Duration, func())     // calls on the UI goroutine after a while
	serial int                             // counts requests, so that an old answer is not taken for a new one's
	opened int                             // counts openings likewise
	cancel context.CancelFunc              // of the request under way

	way      *way
	compare  *widgets.Compare
	modes    []*tip.Button
	slider   *tip.Slider
	place    *widget.Label
	copy     *tip.Button
	save     *tip.Button
	zoom     *tip.Button
	note     *widget.Label
	status   *widget.Label
	activity *widget.Activity
	untaught *nothingTrained
	strip    *strip
	page     *fyne.Container
}

func newTranslateScreen(a *App) *translateScreen {
	s := &translateScreen{a: a, far: 1, cancel: func() {}, start: func(work func()) { go work() }}
	s.later = func(d time.Duration, f func()) { time.AfterFunc(d, func() { fyne.Do(f) }) }
	s.image = a.studio.Translator.Image
	var at chosenWay
	mode := widgets.CompareSlider
	old := a.trans // of another language or look: what is open stays open
	if old != nil {
		old.cancel()
		old.serial++
		s.source, s.shownAs, s.title, s.far, at, mode = old.source, old.shownAs, old.title, old.far, old.way.at, old.compare.Mode()
	}
	s.way = newWay(a, at, func() { s.wayChanged() })
	s.strip = newStrip(s)
	s.make()
	s.setMode(mode)
	if old != nil {
		s.strip.adopt(old.strip)
	}
	s.wayChanged()
	return s
}

func (s *translateScreen) build() fyne.CanvasObject { return s.root }

func (s *translateScreen) shown() { s.way.refresh() }

func (s *translateScreen) refresh() {
	s.way.refresh()
	if s.untaught.refresh() {
		s.page.Refresh()
	}
}

func (s *translateScreen) dropped(_ fyne.Position, paths []string) { s.openAll(paths) }

// make builds the content.
func (s *translateScreen) make() {
	s.compare = widgets.NewCompare()
	s.show = s.compare.SetImages
	s.compare.SetHint(tr("Drop an image here, paste one with Ctrl+V, or press Open…\nSeveral at once get a strip below."))
	s.zoom = button(tr("Fit to window"), theme.ZoomFitIcon(), tr("Show the whole picture. Wheel: zoom. Double tap: its own pixels"), func() { s.compare.Fit() })
	s.compare.OnZoomChanged = func(percent int) { s.zoom.SetText(fmt.Sprintf("%d %%", percent)) }

	s.modes = nil
	views := container.New(layout.NewCustomPaddedHBoxLayout(0))
	for _, m := range []struct {
		mode     widgets.CompareMode
		text, on string
	}{
		{widgets.CompareSlider, tr("Slider"), tr("One picture over the other, with a divider to drag")},
		{widgets.CompareSideBySide, tr("Side by side"), tr("Both pictures whole, at the same zoom and place")},
		{widgets.CompareDifference, tr("Difference"), tr("Where the two pictures differ, %d times as bright as it is", widgets.DifferenceGain)},
	} {
		b := button(m.text, nil, m.on, func() { s.setMode(m.mode) })
		s.modes = append(s.modes, b)
		views.Add(b)
	}
	open := button(tr("Open…"), theme.FolderOpenIcon(), tr("Open an image; drop several to get a strip"), func() { s.a.chooseImage(s.open) })
	s.copy = button(tr("Copy"), theme.ContentCopyIcon(), tr("Copy the translation to the clipboard"), s.copyImage)
	s.save = button(tr("Save as…"), theme.DocumentSaveIcon(), tr("Save the translation as PNG or JPEG"), s.saveImage)
	controls := newRow(append([]fyne.CanvasObject{open}, s.way.groups...)...)
	looks := newRow(views, sized(13, s.zoom), s.copy, s.save)

	s.slider = tip.NewSlider(0, 1)
	s.slider.Step = .01
	s.slider.SetToolTip(tr("Drag to see the picture on its way: t = 0 is the source, t = 1 the target"))
	s.slider.Value = s.far
	s.slider.OnChanged = func(v float64) {
		s.far = v
		s.placeText()
		s.request(80 * time.Millisecond)
	}
	s.place = widget.NewLabel("")
	s.note = quiet("")
	s.note.Importance = widget.HighImportance
	s.status = quiet("")
	s.status.Wrapping, s.status.Truncation = fyne.TextWrapOff, fyne.TextTruncateEllipsis
	s.activity = widget.NewActivity()
	s.untaught = newNothingTrained(s.a)
	foot := container.NewBorder(nil, nil, nil, sized(2, s.activity), s.status)
	on := container.NewBorder(nil, nil, sized(20, s.place), nil, s.slider)
	s.page = newPage(s.compare, s.untaught.root, controls, looks, on, s.note, s.compare, s.strip.root, foot)
	s.root = scrolled(s.page) // it scrolls only where a large scale meets a small window
	s.placeText()
	s.working(false)
}

// setMode changes the way of looking.
func (s *translateScreen) setMode(mode widgets.CompareMode) {
	s.compare.SetMode(mode)
	for i, b := range s.modes {
		light(&b.Button, widgets.CompareMode(i) == mode, widget.MediumImportance)
	}
}

// placeText says how far along the way the picture is.
func (s *translateScreen) placeText() {
	t := s.far
	if s.way.at.Reverse {
		t = 1 - t
	}
	setText(s.place, tr("On the way: t = %.2f", t))
}

// wayChanged shows what the choice means and translates anew.
func (s *translateScreen) wayChanged() {
	if s.page == nil {
		return
	}
	trained := s.way.trained()
	s.way.setEnabled(trained)
	if trained {
		s.slider.Enable()
	} else {
		s.slider.Disable()
	}
	note := s.way.note()
	setText(s.note, note)
	setShown(s.note, note != "")
	setShown(s.untaught.root, !trained)
	before, after := tr("Source"), tr("Target")
	if s.way.at.Reverse {
		before, after = after, before
	}
	s.compare.SetLabels(before, after)
	s.placeText()
	s.enable()
	s.page.Refresh()
	s.request(30 * time.Millisecond)
}

// enable says which buttons have an effect.
func (s *translateScreen) enable() {
	setEnabled(s.copy, s.result.Image != nil)
	setEnabled(s.save, s.result.Image != nil)
	setEnabled(s.zoom, s.source != nil)
}

// say shows a quiet line at the foot; an activity turns before it while something is under way.
func (s *translateScreen) say(text string) { setText(s.status, text) }

func (s *translateScreen) working(on bool) {
	setShown(s.activity, on)
	if on {
		s.activity.Start()
	} else {
		s.activity.Stop()
	}
}

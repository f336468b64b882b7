//go:build !headless

package desktop

import (
	"context"
	"errors"
	"image"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/studio"
)

// generator is what the screen asks of the studio; tests put their own in.
type generator interface {
	Pictures(ctx context.Context, first uint64, count int, r studio.Request, take func(int, *image.NRGBA)) (studio.Made, error)
	Between(ctx context.Context, from, to uint64, count int, r studio.Request, take func(int, *image.NRGBA)) (studio.Made, error)
	Invert(ctx context.Context, img image.Image, r studio.Request) (studio.Inversion, error)
}

// generateScreen makes pictures from noise, and finds the noise of pictures.
type generateScreen struct {
	a         *App
	generator generator
	start     func(func()) // runs work on a goroutine of its own
	seeds     *generateSeeds
	image     *generateImage
	fromImage bool // the view in front

	views    []*tip.Button // of each view, from seeds and from an image
	body     *fyne.Container
	untaught *nothingTrained
	status   *widget.Label
	activity *widget.Activity
	root     fyne.CanvasObject
	page     *fyne.Container
	sawDir   string // of the project that the pictures are of
}

func newGenerateScreen(a *App) *generateScreen {
	s := &generateScreen{a: a, generator: a.studio.Generator, start: func(work func()) { go work() }}
	s.status = quiet("")
	s.status.Wrapping, s.status.Truncation = fyne.TextWrapOff, fyne.TextTruncateEllipsis
	s.activity = widget.NewActivity()
	s.untaught = newNothingTrained(a)
	s.body = container.NewStack()
	s.seeds, s.image = newGenerateSeeds(s), newGenerateImage(s)
	foot := container.NewBorder(nil, nil, nil, sized(2, s.activity), s.status)
	s.page = newPage(s.body, s.untaught.root, s.body, foot)
	s.root = scrolled(s.page)     // it scrolls only where a large scale meets a small window
	if old := a.gen; old != nil { // of another language or look
		old.seeds.grid.stop()
		old.seeds.wayThere.stop()
		old.image.work.stop()
		s.fromImage, s.sawDir = old.fromImage, old.sawDir
	}
	s.setView(s.fromImage)
	s.showBusy()
	return s
}

func (s *generateScreen) build() fyne.CanvasObject { return s.root }

func (s *generateScreen) refresh() {
	if p, _ := s.a.studio.Project(); p != nil && p.Dir() != s.sawDir {
		s.sawDir = p.Dir()
		s.seeds.forget()
		s.image.forget()
	}
	s.seeds.way.refresh()
	s.image.way.refresh()
	if s.untaught.refresh() {
		s.page.Refresh()
	}
}

// viewButtons are the two views to choose from.
func (s *generateScreen) viewButtons() fyne.CanvasObject {
	seeds := button(tr("From seeds"), nil, tr("Pictures from noise, and the way from one to another"), func() { s.setView(false) })
	img := button(tr("From an image"), nil, tr("The noise that an image comes from, and what this noise gives"), func() { s.setView(true) })
	s.views = append(s.views, seeds, img)
	return container.New(layout.NewCustomPaddedHBoxLayout(0), seeds, img)
}

// setView brings a view to the front; what it shows is made anew if it was not in front when the choice changed.
func (s *generateScreen) setView(fromImage bool) {
	s.fromImage = fromImage
	for i, b := range s.views {
		light(&b.Button, i%2 == 1 == fromImage, widget.MediumImportance)
	}
	if fromImage {
		s.body.Objects = []fyne.CanvasObject{s.image.root}
		s.image.catchUp()
	} else {
		s.body.Objects = []fyne.CanvasObject{s.seeds.root}
		s.seeds.catchUp()
	}
	s.body.Refresh()
}

// showTrained explains why the controls rest, where they do.
func (s *generateScreen) showTrained(trained bool) {
	setShown(s.untaught.root, !trained)
	s.page.Refresh()
}

func (s *generateScreen) showBusy() {
	on := s.seeds.grid.busy || s.seeds.wayThere.busy || s.image.work.busy
	setShown(s.activity, on)
	if on {
		s.activity.Start()
	} else {
		s.activity.Stop()
	}
}

func (s *generateScreen) say(text string) { setText(s.status, text) }

func (s *generateScreen) desk() desk { return desk{s.a, s.say, s.start} }

// failed tells about an error, unless something newer is the reason.
func (s *generateScreen) failed(what string, err error) {
	if !errors.Is(err, context.Canceled) {
		s.say("")
		s.a.fail(what, err)
	}
}

// request is what a way asks for.
func (w *way) request() studio.Request {
	return studio.Request{Round: w.name(), Steps: w.at.steps(), Solver: w.at.Solver, Reverse: w.at.Reverse, At: 1}
}

// effort says what the making of pictures took.
func effort(m studio.Made) string {
	evaluations := tr("%s network evaluations each", strconv.FormatFloat(m.Evaluations, 'g', 3, 64))
	if m.Evaluations == 1 {
		evaluations = tr("1 network evaluation each")
	}
	return roundTitle(m.Round) + " · " + evaluations + " · " + moment(m.Elapsed)
}

// settleTime is how long a choice is left to settle before pictures are made.
const settleTime = 150 * time.Millisecond

// parseSeed reads a seed.
func parseSeed(text string) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, errors.New(tr("a whole number from 0 on"))
	}
	return n, nil
}

//go:build !headless

package widgets

import (
	"image"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// CompareMode is a way to look at two pictures at once.
type CompareMode int

// The modes of Compare.
const (
	// CompareSlider shows the one picture left, and the other right of a divider that can be dragged.
	CompareSlider CompareMode = iota
	// CompareSideBySide shows both pictures whole, at the same zoom and place.
	CompareSideBySide
	// CompareDifference shows the absolute difference of the colours, DifferenceGain times as large.
	CompareDifference
)

// Compare shows a picture before and after. Zoom and place are the same in every mode. The wheel zooms about the
// pointer, dragging moves the picture or the divider, and a double tap switches between the whole picture and one
// picture pixel a device pixel. With the keyboard: + and − zoom, 0 shows all, 1 is 100 %, the arrows move the picture
// or, where all of it is seen, the divider, which [ and ] move always.
//
// If the pictures' sizes differ, both are stretched to the larger one's.
type Compare struct {
	widget.BaseWidget

	// OnZoomChanged, if set, is told the zoom in percent when it has changed.
	OnZoomChanged func(percent int)

	before, after, diff *picture
	sources             [2]image.Image // as given, before and after
	mode                CompareMode
	view                view
	divider             float32 // in [0, 1] of the width
	labels              [2]string
	hint                string
	percent             int
	work                background

	hover           fyne.Position
	draggingDivider bool
	dragging        bool
	focused         bool
	render          *compareRenderer
}

var (
	_ fyne.Focusable      = (*Compare)(nil)
	_ fyne.Draggable      = (*Compare)(nil)
	_ fyne.Scrollable     = (*Compare)(nil)
	_ fyne.DoubleTappable = (*Compare)(nil)
	_ desktop.Cursorable  = (*Compare)(nil)
	_ desktop.Mouseable   = (*Compare)(nil)
	_ desktop.Hoverable   = (*Compare)(nil)
)

// NewCompare returns a viewer without pictures.
func NewCompare() *Compare {
	c := &Compare{before: newPicture(), after: newPicture(), diff: newPicture(), divider: 0.5}
	c.view.fitted, c.view.scale = true, 1
	c.work.prepare = c.prepare
	c.ExtendBaseWidget(c)
	return c
}

// SetImages shows other pictures, either of which may be nil. They are prepared in the background, and the previous
// ones stay until then. The zoom stays if the new pictures have the same size.
func (c *Compare) SetImages(before, after image.Image) {
	c.sources = [2]image.Image{before, after}
	c.work.request()
}

// prepare makes what the screen needs of both pictures, and their difference.
func (c *Compare) prepare() func() func() {
	before, after := c.sources[0], c.sources[1]
	return func() func() {
		b, a := makeLevels(before), makeLevels(after)
		var d []*image.RGBA
		size := image.Point{}
		for _, levels := range [][]*image.RGBA{b, a} {
			if len(levels) > 0 && levels[0].Rect.Dx()*levels[0].Rect.Dy() > size.X*size.Y {
				size = levels[0].Rect.Size()
			}
		}
		if len(a) > 0 && len(b) > 0 {
			d = makeLevels(difference(b[0], a[0], size.X, size.Y))
		}
		return func() {
			c.before.setLevels(b)
			c.after.setLevels(a)
			c.diff.setLevels(d)
			picture := fyne.NewSize(float32(size.X), float32(size.Y))
			if picture != c.view.picture {
				c.view.picture = picture
				c.view.fit()
			}
			c.place()
		}
	}
}

// SetMode changes the way of looking; zoom and place stay.
func (c *Compare) SetMode(mode CompareMode) {
	if c.mode != mode {
		c.mode = mode
		c.place()
	}
}

// Mode returns the way of looking.
func (c *Compare) Mode() CompareMode { return c.mode }

// SetLabels names the two pictures; "" shows no label.
func (c *Compare) SetLabels(before, after string) {
	c.labels = [2]string{before, after}
	c.place()
}

// SetHint sets the text that stands where there is no picture.
func (c *Compare) SetHint(hint string) {
	c.hint = hint
	c.place()
}

// Zoom returns the device pixels per picture pixel: 1 is 100 %.
func (c *Compare) Zoom() float32 { return c.view.zoom }

// SetZoom changes the zoom about the middle of the frame.
func (c *Compare) SetZoom(zoom float32) {
	frame := c.view.frame
	c.zoomAbout(fyne.NewPos(frame.Width/2, frame.Height/2), zoom)
}

// Fit shows the whole picture, also after the widget has been resized.
func (c *Compare) Fit() {
	c.view.fit()
	c.place()
}

// zoomAbout changes the zoom and keeps what is under the frame position p.
func (c *Compare) zoomAbout(p fyne.Position, zoom float32) {
	c.view.zoomAbout(p, zoom)
	c.place()
}

// frames returns the two frames of the current mode within the widget; outside CompareSideBySide they are the same.
func (c *Compare) frames() (left, right fyne.Position, size fyne.Size) {
	size = c.Size()
	if c.mode == CompareSideBySide {
		gap := theme.Size(theme.SizeNamePadding)
		size.Width = max(0, (size.Width-gap)/2)
		right.X = size.Width + gap
	}
	return left, right, size
}

// inFrame returns the position within the frame that a position of the widget lies in.
func (c *Compare) inFrame(p fyne.Position) fyne.Position {
	if _, right, _ := c.frames(); right.X > 0 && p.X >= right.X {
		return p.Subtract(right)
	}
	return p
}

// place brings everything on the screen to where the state says it is.
func (c *Compare) place() {
	if c.render != nil {
		c.render.Layout(c.Size())
	}
}

// tellZoom reports a zoom that has changed.
func (c *Compare) tellZoom() {
	percent := int(math.Round(float64(c.view.zoom) * 100))
	if c.view.empty() || percent == c.percent {
		return
	}
	c.percent = percent
	if c.OnZoomChanged != nil {
		c.OnZoomChanged(percent)
	}
}

// MinSize returns a size at which a divider can still be handled.
func (c *Compare) MinSize() fyne.Size {
	c.ExtendBaseWidget(c)
	side := theme.Size(theme.SizeNameInlineIcon) * 6
	return fyne.NewSize(side, side)
}

// CreateRenderer implements fyne.Widget.
func (c *Compare) CreateRenderer() fyne.WidgetRenderer {
	r := &compareRenderer{
		c: c, back: canvas.NewRectangle(nil), divider: canvas.NewRectangle(nil), knob: canvas.NewRectangle(nil),
		ring: newFocusRing(),
		left: container.NewClip(container.NewWithoutLayout(c.before.object)),
	}
	r.right = container.NewClip(container.NewWithoutLayout(c.after.object, c.diff.object))
	r.hint = widget.NewLabel("")
	r.hint.Alignment, r.hint.Wrapping = fyne.TextAlignCenter, fyne.TextWrapWord
	r.objects = []fyne.CanvasObject{r.back, r.right, r.left, r.divider, r.knob}
	for i := range r.labels {
		r.plates[i], r.labels[i] = canvas.NewRectangle(nil), canvas.NewText("", nil)
		r.objects = append(r.objects, r.plates[i], r.labels[i])
	}
	r.objects = append(append(r.objects, r.hint), r.ring.objects()...)
	c.render = r
	r.restyle()
	return r
}

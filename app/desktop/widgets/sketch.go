//go:build !headless

package widgets

import (
	"image"
	"image/draw"
	"math"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	tip "github.com/dweymouth/fyne-tooltip/widget"
)

// The pen and the eraser, in units of the plane, which spans 4.8.
const (
	penSpacing   = .05 // between the points of a stroke
	penRadius    = .08 // of a point as it is shown
	eraserRadius = .2
	penStep      = .1 // of the arrow keys
	mostDrawn    = 4000
)

// Sketch is a square of the plane in which a person draws points: dragging sets or erases them, the arrow keys move a
// pen, and Enter uses it. Points are coordinates laid one after another, x before y.
type Sketch struct {
	tip.ToolTipWidget

	// OnDrawn, if set, is told all points whenever a person has changed them.
	OnDrawn func(points []float32)
	// OnTypedKey, if set, is given the keys that mean nothing here.
	OnTypedKey func(*fyne.KeyEvent)

	points  []float32
	drawn   bool // shown as a pen's dots rather than as a sample
	hued    bool // coloured by place, as particles that start there
	hint    string
	erasing bool
	focused bool
	pen     [2]float32 // of the keyboard
	keyed   bool       // the pen is in use, and shown
	last    *fyne.Position

	work   background
	render *sketchRenderer
}

var (
	_ fyne.Draggable     = (*Sketch)(nil)
	_ fyne.Tappable      = (*Sketch)(nil)
	_ fyne.Focusable     = (*Sketch)(nil)
	_ desktop.Cursorable = (*Sketch)(nil)
)

// NewSketch returns an empty square. Hued colours points by their place, as particles that start there.
func NewSketch(hued bool) *Sketch {
	s := &Sketch{hued: hued}
	s.work.prepare = s.prepare
	s.ExtendBaseWidget(s)
	return s
}

// SetPoints shows points: as a sample of a shape, or as dots of the pen that can be gone on with. Drawing on a sample
// begins a new drawing.
func (s *Sketch) SetPoints(points []float32, drawn bool) {
	s.points, s.drawn = points, drawn
	s.Refresh()
}

// SetHint sets the text that stands in the empty square.
func (s *Sketch) SetHint(hint string) {
	if s.hint != hint {
		s.hint = hint
		s.Refresh()
	}
}

// SetErasing says whether dragging erases.
func (s *Sketch) SetErasing(erasing bool) { s.erasing = erasing }

// SetInline paints at once on the calling goroutine, for pictures that are not shown in a window.
func (s *Sketch) SetInline() { s.work.inline = true }

// Cursor implements desktop.Cursorable.
func (s *Sketch) Cursor() desktop.Cursor { return desktop.CrosshairCursor }

// Tapped sets or erases a point.
func (s *Sketch) Tapped(e *fyne.PointEvent) {
	s.MouseOut() // the explanation would cover what is drawn
	focus(s)
	if x, y, ok := s.plane(e.Position); ok {
		s.use(x, y, x, y)
	}
}

// Dragged draws or erases along the pointer's way.
func (s *Sketch) Dragged(e *fyne.DragEvent) {
	s.MouseOut()
	from := e.Position.Subtract(e.Dragged)
	if s.last != nil {
		from = *s.last
	}
	s.last = &e.Position
	ax, ay, _ := s.plane(from)
	if bx, by, ok := s.plane(e.Position); ok {
		s.use(ax, ay, bx, by)
	}
}

// DragEnd implements fyne.Draggable.
func (s *Sketch) DragEnd() {
	s.last = nil
	focus(s)
}

// plane is the point of the plane at a position of the widget, and whether it lies in the square.
func (s *Sketch) plane(p fyne.Position) (x, y float32, ok bool) {
	pos, side := s.square()
	if side <= 0 {
		return 0, 0, false
	}
	x, y = ((p.X-pos.X)/side*2-1)*planeSpan, (1-(p.Y-pos.Y)/side*2)*planeSpan
	return x, y, max(x, -x, y, -y) <= planeSpan
}

// square is the largest one in the middle of the widget.
func (s *Sketch) square() (fyne.Position, float32) {
	size := s.Size()
	side := min(size.Width, size.Height)
	return fyne.NewPos((size.Width-side)/2, (size.Height-side)/2), side
}

// use draws or erases from a to b.
func (s *Sketch) use(ax, ay, bx, by float32) {
	length := float32(math.Hypot(float64(bx-ax), float64(by-ay)))
	if s.erasing {
		var left []float32
		for i := 0; i+1 < len(s.points); i += 2 {
			x, y := s.points[i], s.points[i+1]
			along := float32(0) // of the nearest place on the way
			if length > 0 {
				along = max(0, min(1, ((x-ax)*(bx-ax)+(y-ay)*(by-ay))/(length*length)))
			}
			dx, dy := x-ax-along*(bx-ax), y-ay-along*(by-ay)
			if dx*dx+dy*dy > eraserRadius*eraserRadius {
				left = append(left, x, y)
			}
		}
		s.changed(left)
		return
	}
	points := s.points
	if !s.drawn {
		points = nil
	}
	n := int(math.Ceil(float64(length / penSpacing)))
	for k := min(1, n); k <= n && len(points) < 2*mostDrawn; k++ {
		part := float32(k) / float32(max(1, n))
		points = append(slices.Clip(points), ax+part*(bx-ax), ay+part*(by-ay))
	}
	s.changed(points)
}

func (s *Sketch) changed(points []float32) {
	s.SetPoints(points, true)
	if s.OnDrawn != nil {
		s.OnDrawn(points)
	}
}

// TypedKey implements fyne.Focusable.
func (s *Sketch) TypedKey(k *fyne.KeyEvent) {
	step := func(dx, dy float32) {
		s.keyed = true
		s.pen[0], s.pen[1] = max(-2, min(2, s.pen[0]+dx)), max(-2, min(2, s.pen[1]+dy))
		s.Refresh()
	}
	switch k.Name {
	case fyne.KeyLeft:
		step(-penStep, 0)
	case fyne.KeyRight:
		step(penStep, 0)
	case fyne.KeyUp:
		step(0, penStep)
	case fyne.KeyDown:
		step(0, -penStep)
	case fyne.KeyReturn, fyne.KeyEnter:
		s.use(s.pen[0], s.pen[1], s.pen[0], s.pen[1])
	default:
		if s.OnTypedKey != nil {
			s.OnTypedKey(k)
		}
	}
}

// TypedRune implements fyne.Focusable.
func (s *Sketch) TypedRune(rune) {}

// FocusGained implements fyne.Focusable.
func (s *Sketch) FocusGained() {
	s.focused = true
	s.Refresh()
}

// FocusLost implements fyne.Focusable.
func (s *Sketch) FocusLost() {
	s.focused, s.keyed = false, false
	s.Refresh()
}

// MinSize returns a size in which a hand can still draw.
func (s *Sketch) MinSize() fyne.Size {
	s.ExtendBaseWidget(s)
	return fyne.NewSquareSize(theme.Size(theme.SizeNameText) * 9)
}

// CreateRenderer implements fyne.Widget.
func (s *Sketch) CreateRenderer() fyne.WidgetRenderer {
	r := &sketchRenderer{
		s: s, picture: &canvas.Image{ScaleMode: canvas.ImageScaleFastest, FillMode: canvas.ImageFillStretch},
		ring: newFocusRing(), across: canvas.NewRectangle(nil), down: canvas.NewRectangle(nil), hint: canvas.NewText("", nil),
	}
	s.render = r
	return r
}

// sketchRenderer lays out a Sketch: the picture of its points, the hint and the keyboard's pen.
type sketchRenderer struct {
	s            *Sketch
	picture      *canvas.Image
	ring         focusRing
	across, down *canvas.Rectangle // the pen's cross
	hint         *canvas.Text
}

func (r *sketchRenderer) MinSize() fyne.Size { return r.s.MinSize() }
func (r *sketchRenderer) Destroy()           {}

func (r *sketchRenderer) Objects() []fyne.CanvasObject {
	return append([]fyne.CanvasObject{r.picture, r.hint, r.across, r.down}, r.ring.objects()...)
}

func (r *sketchRenderer) Refresh() {
	r.Layout(r.s.Size())
	canvas.Refresh(r.s)
}

// Layout implements fyne.WidgetRenderer.
func (r *sketchRenderer) Layout(fyne.Size) {
	pos, side := r.s.square()
	r.picture.Move(pos)
	r.picture.Resize(fyne.NewSquareSize(side))
	r.ring.place(pos, fyne.NewSquareSize(side))
	restyle(r.hint, theme.ColorNamePlaceHolder, theme.SizeNameCaptionText)
	r.hint.Text = ""
	if len(r.s.points) == 0 {
		r.hint.Text = shorten(r.s.hint, side, theme.SizeNameCaptionText, fyne.TextStyle{})
	}
	least := r.hint.MinSize()
	r.hint.Resize(least)
	r.hint.Move(pos.AddXY((side-least.Width)/2, (side-least.Height)/2))
	r.ring.paint(r.s.focused)
	arm, thick := theme.Size(theme.SizeNameInnerPadding), theme.Size(theme.SizeNameInputBorder)*1.5
	at := pos.AddXY((r.s.pen[0]/planeSpan+1)/2*side, (1-r.s.pen[1]/planeSpan)/2*side)
	for _, bar := range []struct {
		o    *canvas.Rectangle
		w, h float32
	}{{r.across, 2 * arm, thick}, {r.down, thick, 2 * arm}} {
		bar.o.FillColor = theme.Color(theme.ColorNamePrimary)
		bar.o.Resize(fyne.NewSize(bar.w, bar.h))
		bar.o.Move(at.SubtractXY(bar.w/2, bar.h/2))
		bar.o.Hidden = !r.s.keyed
	}
	r.s.work.request()
}

// prepare takes along what the picture shows; it is painted away from the window's goroutine.
func (s *Sketch) prepare() func() func() {
	r := s.render
	_, side := s.square()
	scale := float64(pixelScale(s))
	pixels := int(math.Round(float64(side) * scale))
	if r == nil || pixels < 1 {
		return nil
	}
	points, drawn, hued, isDark := s.points, s.drawn, s.hued, dark()
	paper, edge := theme.Color(theme.ColorNameInputBackground), theme.Color(theme.ColorNameSeparator)
	ink := fade(theme.Color(theme.ColorNameForeground), .6)
	return func() func() {
		img := image.NewRGBA(image.Rect(0, 0, pixels, pixels))
		draw.Draw(img, img.Rect, image.NewUniform(edge), image.Point{}, draw.Src)
		draw.Draw(img, img.Rect.Inset(max(1, int(scale))), image.NewUniform(paper), image.Point{}, draw.Src)
		p := cloudPanel{square: img.Rect}
		radius := 1.2 * scale
		if drawn {
			radius = penRadius * float64(pixels) / (2 * planeSpan)
		}
		for i := 0; i+1 < len(points); i += 2 {
			c := ink
			if hued {
				c = hueOf(points[i], points[i+1], isDark)
			}
			x, y := p.place(points[i], points[i+1])
			spot(img, img.Rect, x, y, radius, c)
		}
		return func() {
			r.picture.Image = img
			canvas.Refresh(r.picture)
		}
	}
}

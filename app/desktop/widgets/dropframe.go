//go:build !headless

package widgets

import (
	"image"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// DropFrame is a dashed frame around a title and a content, on which files are dropped. Fyne reports drops to the
// window; the window asks Contains which frame is meant, and highlights that.
type DropFrame struct {
	widget.BaseWidget

	// OnTapped, if set, is called when the frame is tapped outside whatever takes taps in its content.
	OnTapped func()

	title       string
	content     fyne.CanvasObject
	highlighted bool
	hovered     bool
	render      *dropRenderer
}

var (
	_ fyne.Tappable      = (*DropFrame)(nil)
	_ desktop.Hoverable  = (*DropFrame)(nil)
	_ desktop.Cursorable = (*DropFrame)(nil)
)

// NewDropFrame returns a frame around a content, which may be nil. Without a title, the content has all the room.
func NewDropFrame(title string, content fyne.CanvasObject) *DropFrame {
	d := &DropFrame{title: title, content: content}
	d.ExtendBaseWidget(d)
	return d
}

// SetTitle changes the title.
func (d *DropFrame) SetTitle(title string) {
	d.title = title
	d.Refresh()
}

// SetContent changes the content.
func (d *DropFrame) SetContent(content fyne.CanvasObject) {
	d.content = content
	d.Refresh()
}

// SetHighlighted says whether what is dropped now would be taken.
func (d *DropFrame) SetHighlighted(highlighted bool) {
	if d.highlighted != highlighted {
		d.highlighted = highlighted
		d.Refresh()
	}
}

// Contains says whether a position in the window lies in the frame, and the frame is shown.
func (d *DropFrame) Contains(absolute fyne.Position) bool {
	driver := fyne.CurrentApp().Driver()
	if !d.Visible() || driver.CanvasForObject(d) == nil {
		return false
	}
	p, size := absolute.Subtract(driver.AbsolutePositionForObject(d)), d.Size()
	return p.X >= 0 && p.Y >= 0 && p.X < size.Width && p.Y < size.Height
}

// Tapped implements fyne.Tappable.
func (d *DropFrame) Tapped(*fyne.PointEvent) {
	if d.OnTapped != nil {
		d.OnTapped()
	}
}

// Cursor shows that the frame can be tapped.
func (d *DropFrame) Cursor() desktop.Cursor {
	if d.OnTapped != nil {
		return desktop.PointerCursor
	}
	return desktop.DefaultCursor
}

// MouseIn implements desktop.Hoverable.
func (d *DropFrame) MouseIn(*desktop.MouseEvent) { d.setHovered(true) }

// MouseMoved implements desktop.Hoverable.
func (d *DropFrame) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (d *DropFrame) MouseOut() { d.setHovered(false) }

func (d *DropFrame) setHovered(hovered bool) {
	d.hovered = hovered && d.OnTapped != nil
	if d.render != nil {
		d.render.restyle()
	}
}

// CreateRenderer implements fyne.Widget.
func (d *DropFrame) CreateRenderer() fyne.WidgetRenderer {
	r := &dropRenderer{d: d, back: canvas.NewRectangle(nil), title: canvas.NewText("", nil)}
	for i := range r.border {
		r.border[i] = canvas.NewRaster(func(width, height int) image.Image { return r.paint(i, width, height) })
	}
	d.render = r
	r.restyle()
	return r
}

type dropRenderer struct {
	d      *DropFrame
	back   *canvas.Rectangle
	border [4]*canvas.Raster // above, below, left and right: a software display takes time for every pixel between them
	title  *canvas.Text
}

func (r *dropRenderer) Destroy() {}

func (r *dropRenderer) Objects() []fyne.CanvasObject {
	objects := []fyne.CanvasObject{r.back, r.border[0], r.border[1], r.border[2], r.border[3], r.title}
	if r.d.content != nil {
		objects = append(objects, r.d.content)
	}
	return objects
}

func (r *dropRenderer) Refresh() {
	r.restyle()
	for _, edge := range r.border {
		edge.Refresh()
	}
	if r.d.content != nil {
		r.d.content.Refresh()
	}
	r.Layout(r.d.Size())
	canvas.Refresh(r.d)
}

// restyle takes the state and the colours of the current theme.
func (r *dropRenderer) restyle() {
	alpha := 0.0
	if r.d.highlighted {
		alpha = 0.15
	} else if r.d.hovered {
		alpha = 0.06
	}
	r.back.FillColor, r.back.CornerRadius, r.back.Hidden = fade(theme.Color(theme.ColorNamePrimary), alpha), dropRadius(), alpha == 0
	r.back.Refresh()
	r.title.Text, r.title.TextStyle.Bold = r.d.title, true
	restyle(r.title, theme.ColorNameForeground, theme.SizeNameText)
}

// dropRadius returns the radius of the corners.
func dropRadius() float32 { return theme.Size(theme.SizeNameInputRadius) * 2 }

// inset returns the distance of title and content from the border.
func (r *dropRenderer) inset() float32 { return theme.Size(theme.SizeNameInnerPadding) * 1.5 }

// head returns the height that the title takes.
func (r *dropRenderer) head() float32 {
	if r.d.title == "" {
		return 0
	}
	return r.title.MinSize().Height + theme.Size(theme.SizeNamePadding)
}

func (r *dropRenderer) MinSize() fyne.Size {
	size := fyne.NewSize(textSize(r.d.title, theme.SizeNameText, fyne.TextStyle{Bold: true}).Width, r.head())
	if r.d.content != nil {
		least := r.d.content.MinSize()
		size = fyne.NewSize(max(size.Width, least.Width), size.Height+least.Height)
	}
	return size.AddWidthHeight(2*r.inset(), 2*r.inset())
}

func (r *dropRenderer) Layout(size fyne.Size) {
	r.back.Resize(size)
	for i, edge := range r.border {
		at, extent := edgeOf(i, size)
		edge.Move(at)
		edge.Resize(extent)
	}
	inset, head := r.inset(), r.head()
	r.title.Move(fyne.NewPos(inset, inset))
	r.title.Resize(r.title.MinSize())
	if r.d.content != nil {
		r.d.content.Move(fyne.NewPos(inset, inset+head))
		r.d.content.Resize(fyne.NewSize(max(0, size.Width-2*inset), max(0, size.Height-2*inset-head)))
	}
}

// edgeOf returns the place of an edge of the border: the upper and the lower one with the corners.
func edgeOf(i int, size fyne.Size) (fyne.Position, fyne.Size) {
	corner := min(dropRadius()+4, size.Height/2) // and half a line
	const line = 4
	switch i {
	case 0:
		return fyne.Position{}, fyne.NewSize(size.Width, corner)
	case 1:
		return fyne.NewPos(0, size.Height-corner), fyne.NewSize(size.Width, corner)
	case 2:
		return fyne.NewPos(0, corner), fyne.NewSize(line, size.Height-2*corner)
	}
	return fyne.NewPos(size.Width-line, corner), fyne.NewSize(line, size.Height-2*corner)
}

// paint draws the part of the dashes along the rounded border that lies in one edge, for its size in device pixels.
func (r *dropRenderer) paint(edge, width, height int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	scale := float64(pixelScale(r.d))
	size := r.d.Size()
	at, _ := edgeOf(edge, size)
	line := 1.5 * scale
	c := theme.Color(theme.ColorNamePlaceHolder)
	if r.d.highlighted {
		line, c = 2.5*scale, theme.Color(theme.ColorNamePrimary)
	}
	outline := roundedOutline(math.Round(float64(size.Width)*scale), math.Round(float64(size.Height)*scale), line/2+0.5, float64(dropRadius())*scale)
	for i := range outline {
		outline[i].x -= math.Round(float64(at.X) * scale)
		outline[i].y -= math.Round(float64(at.Y) * scale)
	}
	stroke(img, dashes(outline, 8*scale, 6*scale), line, c)
	return img
}

// roundedOutline returns the closed outline of a rectangle with round corners, the given distance inside its size.
func roundedOutline(width, height, inset, radius float64) []point {
	radius = min(radius, width/2-inset, height/2-inset)
	if radius <= 0 {
		return nil
	}
	left, top, right, bottom := inset+radius, inset+radius, width-inset-radius, height-inset-radius
	const steps = 12 // to a corner
	var outline []point
	for corner, centre := range [4]point{{right, top}, {right, bottom}, {left, bottom}, {left, top}} {
		for i := range steps + 1 {
			sin, cos := math.Sincos((float64(corner) - 1 + float64(i)/steps) * math.Pi / 2)
			outline = append(outline, point{centre.x + radius*cos, centre.y + radius*sin})
		}
	}
	return append(outline, outline[0])
}

// dashes cuts a line into pieces of about the given length and gap, so that a closed line is cut evenly.
func dashes(line []point, length, gap float64) [][]point {
	var total float64
	for i := 1; i < len(line); i++ {
		total += math.Hypot(line[i].x-line[i-1].x, line[i].y-line[i-1].y)
	}
	if total == 0 {
		return nil
	}
	n := max(1, math.Round(total/(length+gap)))
	stretch := total / (n * (length + gap))
	length, gap = length*stretch, gap*stretch

	var pieces [][]point
	var piece []point
	on, left := true, length // in a dash or a gap, and how much of it is left
	for i := 1; i < len(line); i++ {
		a, b := line[i-1], line[i]
		rest := math.Hypot(b.x-a.x, b.y-a.y)
		for rest > 1e-9 {
			if on && len(piece) == 0 {
				piece = append(piece, a)
			}
			step := min(rest, left)
			a = point{a.x + (b.x-a.x)*step/rest, a.y + (b.y-a.y)*step/rest}
			rest, left = rest-step, left-step
			if on {
				piece = append(piece, a)
			}
			if left <= 1e-9 {
				if on {
					pieces, piece = append(pieces, piece), nil
				}
				on = !on
				left = gap
				if on {
					left = length
				}
			}
		}
	}
	if len(piece) > 1 {
		pieces = append(pieces, piece)
	}
	return pieces
}

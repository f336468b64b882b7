// Package ink fills strokes and discs of a picture, smooth at their edges.
package ink

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// Hex is a colour as SVG writes it, such as #0072b2.
func Hex(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// Pen collects strokes and fills them all at once, within the rectangle that they touch: a rasterizer of the whole
// picture for each path would take a hundred times as long.
type Pen struct {
	on                     draw.Image
	strokes                [][8]float64
	left, top, right, base float64
}

// NewPen returns a pen that draws on a picture.
func NewPen(on draw.Image) *Pen {
	return &Pen{on: on, left: math.Inf(1), top: math.Inf(1), right: math.Inf(-1), base: math.Inf(-1)}
}

// Line adds a stroke of half-width w from a to b.
func (p *Pen) Line(ax, ay, bx, by, w float64) {
	dx, dy := bx-ax, by-ay
	length := math.Hypot(dx, dy)
	if length == 0 {
		return
	}
	dx, dy = w*dx/length, w*dy/length
	p.quad(ax-dy, ay+dx, bx-dy, by+dx, bx+dy, by-dx, ax+dy, ay-dx)
}

func (p *Pen) quad(c ...float64) {
	for i := 0; i < 8; i += 2 {
		p.left, p.right = min(p.left, c[i]), max(p.right, c[i])
		p.top, p.base = min(p.top, c[i+1]), max(p.base, c[i+1])
	}
	p.strokes = append(p.strokes, [8]float64(c))
}

// Fill fills the strokes.
func (p *Pen) Fill(c color.NRGBA) {
	if p.strokes == nil {
		return
	}
	r := image.Rect(int(math.Floor(p.left)), int(math.Floor(p.top)), int(math.Ceil(p.right))+1, int(math.Ceil(p.base))+1).Intersect(p.on.Bounds())
	if r.Empty() {
		return
	}
	z := vector.NewRasterizer(r.Dx(), r.Dy())
	for _, s := range p.strokes {
		to := func(i int) (x, y float32) {
			return float32(s[i] - float64(r.Min.X)), float32(s[i+1] - float64(r.Min.Y))
		}
		z.MoveTo(to(0))
		z.LineTo(to(2))
		z.LineTo(to(4))
		z.LineTo(to(6))
		z.ClosePath()
	}
	z.Draw(p.on, r, image.NewUniform(c), image.Point{})
}

// Dot fills a disc of radius r around (x, y).
func Dot(on draw.Image, x, y, r float64, c color.NRGBA) {
	box := image.Rect(int(math.Floor(x-r)), int(math.Floor(y-r)), int(math.Ceil(x+r))+1, int(math.Ceil(y+r))+1)
	if !box.In(on.Bounds()) {
		return // not shown, where it is not wholly within the picture
	}
	z := vector.NewRasterizer(box.Dx(), box.Dy())
	cx, cy := x-float64(box.Min.X), y-float64(box.Min.Y)
	const corners = 12
	for i := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		px, py := float32(cx+r*cos), float32(cy+r*sin)
		if i == 0 {
			z.MoveTo(px, py)
		} else {
			z.LineTo(px, py)
		}
	}
	z.ClosePath()
	z.Draw(on, box, image.NewUniform(c), image.Point{})
}

package plane

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/vector"
)

// Span is the half-width of the part of the plane that figures show.
const Span = 2.4

// Figure is a picture of a coupling's lines or a flow's paths with the points at both ends, which can be drawn as pixels
// or as SVG.
type Figure struct {
	// Tracks are the ways of particles, at least two points each. A particle's colour follows from where it starts, so
	// that the colours of figures with the same particles agree.
	Tracks []Track
}

// Track is the way of one particle: x, y, x, y, …
type Track []float32

// Lines is the figure of up to most straight lines of the coupling that a round learnt from.
func (r *Round) Lines(most int) Figure { return tracks([][]float32{r.Path[0], r.X1}, most) }

// Paths is the figure of up to most paths of the round's flow.
func (r *Round) Paths(most int) Figure { return tracks(r.Path, most) }

func tracks(states [][]float32, most int) Figure {
	f := Figure{}
	for i := range min(most, len(states[0])/2) {
		track := make(Track, 0, 2*len(states))
		for _, s := range states {
			track = append(track, s[2*i], s[2*i+1])
		}
		f.Tracks = append(f.Tracks, track)
	}
	return f
}

// Colours of a figure: the ground and the ends of paths.
var (
	ground   = color.NRGBA{255, 255, 255, 255}
	endpoint = color.NRGBA{20, 20, 24, 255}
)

// colourOf is the colour of particles that start at (x, y): its hue follows the angle around the middle.
func colourOf(x, y float32) color.NRGBA {
	hue := math.Atan2(float64(y), float64(x)) / (2 * math.Pi)
	channel := func(shift float64) uint8 {
		return uint8(math.Round(255 * (.45 + .38*math.Cos(2*math.Pi*(hue-shift)))))
	}
	return color.NRGBA{channel(0), channel(1. / 3), channel(2. / 3), 255}
}

// WriteSVG writes the figure as a document of size×size units. Coordinates have one hundredth of a unit.
func (f Figure) WriteSVG(w io.Writer, size int) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[1]d" viewBox="0 0 %[1]d %[1]d">`+"\n", size)
	fmt.Fprintf(&b, `<rect width="%[1]d" height="%[1]d" fill="%[2]s"/>`+"\n", size, hex(ground))
	b.WriteString(`<g fill="none" stroke-width="0.8" stroke-opacity="0.5" stroke-linejoin="round">` + "\n")
	for _, t := range f.Tracks {
		fmt.Fprintf(&b, `<polyline stroke="%s" points="`, hex(colourOf(t[0], t[1])))
		for i := 0; i < len(t); i += 2 {
			x, y := pixel(t[i], t[i+1], size)
			if i > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%.2f,%.2f", x, y)
		}
		b.WriteString(`"/>` + "\n")
	}
	b.WriteString("</g>\n")
	for _, t := range f.Tracks {
		x, y := pixel(t[0], t[1], size)
		fmt.Fprintf(&b, `<circle cx="%.2f" cy="%.2f" r="1.8" fill="%s"/>`+"\n", x, y, hex(colourOf(t[0], t[1])))
		x, y = pixel(t[len(t)-2], t[len(t)-1], size)
		fmt.Fprintf(&b, `<circle cx="%.2f" cy="%.2f" r="1.4" fill="%s"/>`+"\n", x, y, hex(endpoint))
	}
	b.WriteString("</svg>\n")
	_, err := b.WriteTo(w)
	return err
}

func hex(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// pixel is where a point of the plane lies in a figure of that size.
func pixel(x, y float32, size int) (px, py float64) {
	scale := float64(size) / (2 * Span)
	return (float64(x) + Span) * scale, (Span - float64(y)) * scale
}

// Image draws the figure with size×size pixels.
func (f Figure) Image(size int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	draw.Draw(img, img.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
	unit := float64(size) / 600 // strokes are as broad as in an SVG of 600 units
	for _, t := range f.Tracks {
		c := colourOf(t[0], t[1])
		c.A = 128
		pen := newPen(img)
		for i := 2; i < len(t); i += 2 {
			ax, ay := pixel(t[i-2], t[i-1], size)
			bx, by := pixel(t[i], t[i+1], size)
			pen.line(ax, ay, bx, by, .5*unit)
		}
		pen.fill(c)
	}
	for _, t := range f.Tracks {
		x, y := pixel(t[0], t[1], size)
		dot(img, x, y, 1.8*unit, colourOf(t[0], t[1]))
		x, y = pixel(t[len(t)-2], t[len(t)-1], size)
		dot(img, x, y, 1.4*unit, endpoint)
	}
	return img
}

// WritePNG writes Image as a file.
func (f Figure) WritePNG(w io.Writer, size int) error {
	if err := png.Encode(w, f.Image(size)); err != nil {
		return fmt.Errorf("encoding a figure: %w", err)
	}
	return nil
}

// pen collects strokes and fills them all at once, within the rectangle that they touch: a rasterizer of the whole
// picture for each path would take a hundred times as long.
type pen struct {
	on                     draw.Image
	strokes                [][8]float64
	left, top, right, base float64
}

func newPen(on draw.Image) *pen {
	return &pen{on: on, left: math.Inf(1), top: math.Inf(1), right: math.Inf(-1), base: math.Inf(-1)}
}

// line adds a stroke of half-width w from a to b.
func (p *pen) line(ax, ay, bx, by, w float64) {
	dx, dy := bx-ax, by-ay
	length := math.Hypot(dx, dy)
	if length == 0 {
		return
	}
	dx, dy = w*dx/length, w*dy/length
	p.quad(ax-dy, ay+dx, bx-dy, by+dx, bx+dy, by-dx, ax+dy, ay-dx)
}

func (p *pen) quad(c ...float64) {
	for i := 0; i < 8; i += 2 {
		p.left, p.right = min(p.left, c[i]), max(p.right, c[i])
		p.top, p.base = min(p.top, c[i+1]), max(p.base, c[i+1])
	}
	p.strokes = append(p.strokes, [8]float64(c))
}

func (p *pen) fill(c color.NRGBA) {
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

// dot fills a disc of radius r around (x, y).
func dot(on draw.Image, x, y, r float64, c color.NRGBA) {
	box := image.Rect(int(math.Floor(x-r)), int(math.Floor(y-r)), int(math.Ceil(x+r))+1, int(math.Ceil(y+r))+1)
	if !box.In(on.Bounds()) {
		return // particles beyond the figure's edge are not shown
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

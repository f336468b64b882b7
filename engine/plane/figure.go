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

	"github.com/straightway-app/straightway/engine/internal/ink"
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
	fmt.Fprintf(&b, `<rect width="%[1]d" height="%[1]d" fill="%[2]s"/>`+"\n", size, ink.Hex(ground))
	b.WriteString(`<g fill="none" stroke-width="0.8" stroke-opacity="0.5" stroke-linejoin="round">` + "\n")
	for _, t := range f.Tracks {
		fmt.Fprintf(&b, `<polyline stroke="%s" points="`, ink.Hex(colourOf(t[0], t[1])))
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
		fmt.Fprintf(&b, `<circle cx="%.2f" cy="%.2f" r="1.8" fill="%s"/>`+"\n", x, y, ink.Hex(colourOf(t[0], t[1])))
		x, y = pixel(t[len(t)-2], t[len(t)-1], size)
		fmt.Fprintf(&b, `<circle cx="%.2f" cy="%.2f" r="1.4" fill="%s"/>`+"\n", x, y, ink.Hex(endpoint))
	}
	b.WriteString("</svg>\n")
	_, err := b.WriteTo(w)
	return err
}

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
		pen := ink.NewPen(img)
		for i := 2; i < len(t); i += 2 {
			ax, ay := pixel(t[i-2], t[i-1], size)
			bx, by := pixel(t[i], t[i+1], size)
			pen.Line(ax, ay, bx, by, .5*unit)
		}
		pen.Fill(c)
	}
	for _, t := range f.Tracks {
		x, y := pixel(t[0], t[1], size)
		ink.Dot(img, x, y, 1.8*unit, colourOf(t[0], t[1]))
		x, y = pixel(t[len(t)-2], t[len(t)-1], size)
		ink.Dot(img, x, y, 1.4*unit, endpoint)
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

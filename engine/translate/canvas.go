package translate

import (
	"image"
	"image/color"
	"math"

	"github.com/straightway-app/straightway/datasets"
)

// maxAspect bounds the canvas: a picture longer than this times its width is
// squeezed to it, so that 8×4000 pixels cost five tiles and not five hundred.
const maxAspect = 4

// squareEnough is the aspect up to which a picture is squeezed into one tile.
// Two tiles that overlap almost wholly would show twice what the network
// places a little differently in each.
const squareEnough = 1.1

// A layout says how a picture of the source's size is shown to a network that
// takes size×size pixels. The picture fills a canvas of w×h pixels, whose
// shorter side is size or, where a fit needs it, less; tiles of size×size cover
// the canvas, placed at their upper left corners (negative where Pad leaves a
// border outside the canvas).
type layout struct {
	size  int
	w, h  int
	tiles []image.Point
}

// newLayout lays out a picture of w×h pixels.
//
//   - Crop keeps the aspect and covers the longer side with overlapping tiles,
//     each of which looks like a picture that was cropped in training.
//   - Pad shows the whole picture in one tile, with borders.
//   - Stretch shows the whole picture in one tile.
func newLayout(w, h, size int, fit datasets.Fit) layout {
	l := layout{size: size, w: size, h: size, tiles: []image.Point{{}}}
	switch fit {
	case datasets.Pad:
		_, to := fit.Frame(w, h, size)
		l.w, l.h = to.Dx(), to.Dy()
		l.tiles[0] = image.Pt(-to.Min.X, -to.Min.Y)
	case datasets.Crop:
		aspect := float64(max(w, h)) / float64(min(w, h))
		if aspect <= squareEnough {
			break
		}
		long := int(math.Round(float64(size) * min(aspect, maxAspect)))
		// Neighbours share at least a quarter of their side.
		step := max(1, size-size/4)
		n := (long-size+step-1)/step + 1
		l.tiles = make([]image.Point, n)
		for i := range l.tiles {
			at := 0
			if n > 1 {
				at = (long - size) * i / (n - 1)
			}
			if w > h {
				l.tiles[i].X = at
			} else {
				l.tiles[i].Y = at
			}
		}
		if w > h {
			l.w = long
		} else {
			l.h = long
		}
	}
	return l
}

// fills tells whether one tile is the canvas.
func (l layout) fills() bool { return l.w == l.size && l.h == l.size }

// A canvas is a picture at the network's resolution.
type canvas struct {
	layout
	colour plane     // 3 channels in [-1, 1], composited on the background
	alpha  []float32 // w·h, in [0, 1]; nil where everything is opaque
	border [3]float32
}

// newCanvas scales img as datasets.FitSquare does, so that the network sees
// what it was trained on, down to the rounding to bytes.
func newCanvas(l layout, img *image.NRGBA, background color.NRGBA) canvas {
	small := datasets.Resize(img, l.w, l.h)
	c := canvas{layout: l, colour: newPlane(l.w, l.h, 3), border: toUnit(background)}
	if !small.Opaque() {
		c.alpha = make([]float32, l.w*l.h)
	}
	bg := [3]float32{float32(background.R), float32(background.G), float32(background.B)}
	if c.alpha == nil {
		to := c.colour.pix
		for i, j := 0, 0; i < len(to); i, j = i+3, j+4 {
			p, t := small.Pix[j:j+3], to[i:i+3]
			t[0], t[1], t[2] = unit(p[0]), unit(p[1]), unit(p[2])
		}
		return c
	}
	for i := range l.w * l.h {
		p := small.Pix[4*i : 4*i+4]
		a := float32(p[3]) / 255
		for k := range 3 {
			c.colour.pix[3*i+k] = unit(toByte(a*float32(p[k]) + (1-a)*bg[k]))
		}
		c.alpha[i] = a
	}
	return c
}

// cut appends tile i to x: size×size×3 values in [-1, 1].
func (c canvas) cut(x []float32, i int) []float32 {
	at := c.tiles[i]
	if c.fills() {
		return append(x, c.colour.pix...)
	}
	for y := at.Y; y < at.Y+c.size; y++ {
		for px := at.X; px < at.X+c.size; px++ {
			if px < 0 || px >= c.w || y < 0 || y >= c.h {
				x = append(x, c.border[:]...)
				continue
			}
			k := 3 * (y*c.w + px)
			x = append(x, c.colour.pix[k:k+3]...)
		}
	}
	return x
}

// join puts the translated tiles, size·size·3 values each, together. From one
// tile to the next the weight goes over smoothly around the middle of their
// overlap, within a quarter of the tile's side: no seam shows, and little of
// the picture is a mixture of two translations.
func (c canvas) join(tiles [][]float32, memory *room) plane {
	out := memory.plane(c.w, c.h, 3)
	if c.fills() {
		copy(out.pix, tiles[0])
		return out
	}
	along := func(p image.Point) int { return p.X + p.Y } // one of them is 0 where there are several tiles
	// share is how much tile i has given way to tile i+1 at the place p.
	share := func(i, p int) float32 {
		if i < 0 {
			return 1
		}
		if i+1 >= len(c.tiles) {
			return 0
		}
		from, to := along(c.tiles[i+1]), along(c.tiles[i])+c.size // the overlap
		width := min(float32(to-from), float32(c.size)/4)
		t := (float32(p)+0.5-float32(from+to)/2)/width + 0.5
		t = min(max(t, 0), 1)
		return t * t * (3 - 2*t)
	}
	for i, at := range c.tiles {
		for y := max(at.Y, 0); y < min(at.Y+c.size, c.h); y++ {
			for x := max(at.X, 0); x < min(at.X+c.size, c.w); x++ {
				weight := float32(1)
				if len(c.tiles) > 1 {
					p := x
					if c.h > c.w {
						p = y
					}
					weight = share(i-1, p) * (1 - share(i, p))
				}
				k := 3 * ((y-at.Y)*c.size + x - at.X)
				for v := range 3 {
					out.pix[3*(y*c.w+x)+v] += weight * tiles[i][k+v]
				}
			}
		}
	}
	return out
}

// units is the network's range [-1, 1] for every byte.
var units = func() (u [256]float32) {
	for b := range u {
		u[b] = float32(b)/127.5 - 1
	}
	return u
}()

// unit maps a byte to the network's range [-1, 1].
func unit(b uint8) float32 { return units[b] }

// toUnit maps a colour, without its alpha, to the network's range.
func toUnit(c color.NRGBA) [3]float32 { return [3]float32{unit(c.R), unit(c.G), unit(c.B)} }

// fromUnit maps the network's range to bytes and cuts off what exceeds it.
func fromUnit(v float32) uint8 { return toByte((v + 1) * 127.5) }

// toByte rounds to the nearest of 0…255. A NaN becomes 0.
func toByte(v float32) uint8 {
	if !(v > 0) {
		return 0
	}
	return uint8(min(v, 255) + 0.5)
}

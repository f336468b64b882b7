//go:build !headless

package widgets

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"fyne.io/fyne/v2/theme"
)

// planeSpan is the half-width of the part of the plane that a square shows, as in the laboratory's figures.
const planeSpan = 2.4

// cloudScene is what the panels show at a size, with the ground painted once and two frames that take turns: one is on
// the screen while the other is painted.
type cloudScene struct {
	changes int
	panels  []cloudPanel
	scale   float64 // device pixels per Fyne unit
	ground  *image.RGBA
	painted bool
	frames  [2]*image.RGBA
	next    int

	dark               bool
	paper, faint, edge color.NRGBA
}

// cloudPanel is a cloud with its square in device pixels.
type cloudPanel struct {
	Cloud
	square  image.Rectangle
	colours []color.NRGBA // by particle
}

// newCloudScene takes along what is shown; nothing is painted yet.
func newCloudScene(c *Clouds, width, height int, scale float64) *cloudScene {
	s := &cloudScene{changes: c.changes, scale: scale, ground: image.NewRGBA(image.Rect(0, 0, width, height))}
	s.dark = dark()
	s.paper, s.faint, s.edge = fade(theme.Color(theme.ColorNameInputBackground), 1), fade(theme.Color(theme.ColorNamePlaceHolder), .3), fade(theme.Color(theme.ColorNameSeparator), 1)
	for k, i := range c.shown() {
		b := c.render.boxes[k]
		x, y, side := float64(b.plot.X)*scale, float64(b.plot.Y)*scale, float64(b.side)*scale
		square := image.Rect(int(math.Round(x)), int(math.Round(y)), int(math.Round(x+side)), int(math.Round(y+side)))
		s.panels = append(s.panels, cloudPanel{Cloud: c.clouds[i], square: square.Intersect(s.ground.Rect)})
	}
	return s
}

// dark says whether the theme is a dark one.
func dark() bool {
	r, g, b, _ := theme.Color(theme.ColorNameBackground).RGBA()
	return r+g+b < 3*0x8000
}

// hueOf is the colour of a particle that starts at (x, y): its hue follows the angle around the middle.
func hueOf(x, y float32, dark bool) color.NRGBA {
	middle, reach := .45, .38
	if dark {
		middle, reach = .62, .34
	}
	hue := math.Atan2(float64(y), float64(x))
	channel := func(shift float64) uint8 {
		return uint8(math.Round(255 * (middle + reach*math.Cos(hue-2*math.Pi*shift))))
	}
	return color.NRGBA{channel(0), channel(1. / 3), channel(2. / 3), 255}
}

// paintGround paints what does not move: the squares, where the particles ought to arrive, and their ways.
func (s *cloudScene) paintGround() {
	if s.painted {
		return
	}
	s.painted = true
	for k := range s.panels {
		p := &s.panels[k]
		draw.Draw(s.ground, p.square, image.NewUniform(s.edge), image.Point{}, draw.Src)
		draw.Draw(s.ground, p.square.Inset(max(1, int(s.scale))), image.NewUniform(s.paper), image.Point{}, draw.Src)
		for i := 0; i+1 < min(len(p.Ghost), 2*cloudDots); i += 2 {
			x, y := p.place(p.Ghost[i], p.Ghost[i+1])
			spot(s.ground, p.square, x, y, 1.1*s.scale, s.faint)
		}
		if len(p.Path) > 0 {
			first := p.Path[0]
			for i := 0; i+1 < min(len(first), 2*cloudDots); i += 2 {
				p.colours = append(p.colours, hueOf(first[i], first[i+1], s.dark))
			}
		}
		for i := range min(cloudTracks, len(p.colours)) {
			c := p.colours[i]
			c.A = 90
			for k := 1; k < len(p.Tracks); k++ {
				a, b := p.Tracks[k-1], p.Tracks[k]
				ax, ay := p.place(a[2*i], a[2*i+1])
				bx, by := p.place(b[2*i], b[2*i+1])
				thread(s.ground, p.square, ax, ay, bx, by, .45*s.scale, c)
			}
		}
	}
}

// place is where a point of the plane lies, in pixels.
func (p *cloudPanel) place(x, y float32) (px, py float64) {
	scale := float64(p.square.Dx()) / (2 * planeSpan)
	return float64(p.square.Min.X) + (float64(x)+planeSpan)*scale, float64(p.square.Min.Y) + (planeSpan-float64(y))*scale
}

// frame paints the particles at a time in [0, 1].
func (s *cloudScene) frame(t float64) *image.RGBA {
	if s.frames[s.next] == nil {
		s.frames[s.next] = image.NewRGBA(s.ground.Rect)
	}
	out := s.frames[s.next]
	s.next = 1 - s.next
	copy(out.Pix, s.ground.Pix)
	for k := range s.panels {
		p := &s.panels[k]
		if len(p.Path) < 2 {
			continue
		}
		place := max(0, min(1, t)) * float64(len(p.Path)-1)
		at := min(int(place), len(p.Path)-2)
		a, b, part := p.Path[at], p.Path[at+1], float32(place-float64(at))
		radius := s.scale * max(1, min(2, float64(p.square.Dx())/s.scale/110))
		for i, c := range p.colours {
			x, y := a[2*i]+part*(b[2*i]-a[2*i]), a[2*i+1]+part*(b[2*i+1]-a[2*i+1])
			px, py := p.place(x, y)
			spot(out, p.square, px, py, radius, c)
		}
	}
	return out
}

// spot blends a disc of the given radius in pixels over an opaque picture, inside a part of it.
func spot(dst *image.RGBA, clip image.Rectangle, x, y, radius float64, c color.NRGBA) {
	x, y = x-.5, y-.5 // pixels' middles
	left, right := max(clip.Min.X, int(math.Ceil(x-radius-.5))), min(clip.Max.X-1, int(x+radius+.5))
	top, base := max(clip.Min.Y, int(math.Ceil(y-radius-.5))), min(clip.Max.Y-1, int(y+radius+.5))
	for j := top; j <= base; j++ {
		for i := left; i <= right; i++ {
			dx, dy := float64(i)-x, float64(j)-y
			blend(dst, i, j, c, radius+.5-math.Sqrt(dx*dx+dy*dy))
		}
	}
}

// thread blends a straight line of the given half-width in pixels over an opaque picture, inside a part of it.
func thread(dst *image.RGBA, clip image.Rectangle, ax, ay, bx, by, half float64, c color.NRGBA) {
	dx, dy := bx-ax, by-ay
	steep := math.Abs(dy) > math.Abs(dx)
	low, high, left, right := clip.Min.Y, clip.Max.Y, clip.Min.X, clip.Max.X
	if steep { // walk along y
		ax, ay, bx, by, dx, dy = ay, ax, by, bx, dy, dx
		low, high, left, right = left, right, low, high
	}
	if dx < 0 {
		ax, ay, bx = bx, by, ax
	}
	if dx == 0 {
		return // both ends are one
	}
	slope := dy / dx
	half *= math.Hypot(1, slope) // across the walk
	for i := max(left, int(math.Round(ax))); i < min(right, int(math.Round(bx))); i++ {
		middle := ay + (float64(i)+.5-ax)*slope
		for j := max(low, int(math.Floor(middle-half))); j < min(high, int(math.Floor(middle+half))+1); j++ {
			cover := min(float64(j+1), middle+half) - max(float64(j), middle-half)
			if steep {
				blend(dst, j, i, c, cover)
			} else {
				blend(dst, i, j, c, cover)
			}
		}
	}
}

// blend lays a colour over an opaque pixel.
func blend(dst *image.RGBA, x, y int, c color.NRGBA, cover float64) {
	if cover <= 0 {
		return
	}
	a := int(min(1, cover) * float64(c.A))
	p := dst.Pix[dst.PixOffset(x, y):][:3:3]
	for k, v := range [3]uint8{c.R, c.G, c.B} {
		p[k] += uint8((int(v) - int(p[k])) * a / 255)
	}
}

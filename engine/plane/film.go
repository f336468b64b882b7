package plane

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"math"

	"github.com/straightway-app/straightway/engine/internal/ink"
)

// Film shows the particles of rounds side by side as they flow from t = 0 to 1 and stand still for a moment, as an
// animated GIF that repeats for ever.
type Film struct {
	Rounds []*Round
	Most   int // particles shown a round
	Side   int // of each round's square, in pixels
	Frames int // from t = 0 to 1
}

// WriteGIF encodes the film at 20 frames a second.
func (f Film) WriteGIF(w io.Writer) error {
	if len(f.Rounds) == 0 || f.Frames < 2 || f.Side < 16 || f.Most < 1 {
		return fmt.Errorf("a film of %d rounds, %d frames, %d pixels and %d particles shows nothing: at least 1, 2, 16 and 1 are needed", len(f.Rounds), f.Frames, f.Side, f.Most)
	}
	palette := filmPalette()
	nearest := map[color.NRGBA]uint8{}
	movie := &gif.GIF{}
	for k := range f.Frames {
		canvas := image.NewNRGBA(image.Rect(0, 0, f.Side*len(f.Rounds), f.Side))
		draw.Draw(canvas, canvas.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
		for j, r := range f.Rounds {
			square := image.NewNRGBA(image.Rect(0, 0, f.Side, f.Side))
			draw.Draw(square, square.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
			now := r.At(float64(k) / float64(f.Frames-1))
			for i := range min(f.Most, len(now)/2) {
				x, y := pixel(now[2*i], now[2*i+1], f.Side)
				ink.Dot(square, x, y, 1.3, colourOf(r.Path[0][2*i], r.Path[0][2*i+1]))
			}
			draw.Draw(canvas, image.Rect(j*f.Side, 0, (j+1)*f.Side, f.Side), square, image.Point{}, draw.Src)
		}
		frame := image.NewPaletted(canvas.Bounds(), palette)
		for i := range frame.Pix {
			c := color.NRGBA{canvas.Pix[4*i], canvas.Pix[4*i+1], canvas.Pix[4*i+2], 255}
			at, known := nearest[c]
			if !known {
				at = uint8(palette.Index(c))
				nearest[c] = at
			}
			frame.Pix[i] = at
		}
		delay := 5
		if k == 0 || k == f.Frames-1 {
			delay = 80
		}
		movie.Image, movie.Delay = append(movie.Image, frame), append(movie.Delay, delay)
	}
	if err := gif.EncodeAll(w, movie); err != nil {
		return fmt.Errorf("encoding a film: %w", err)
	}
	return nil
}

// filmPalette holds the particles' colours, each in five depths on the ground.
func filmPalette() color.Palette {
	p := color.Palette{ground}
	for _, d := range filmDirections() {
		c := colourOf(d[0], d[1])
		for depth := 1; depth <= 5; depth++ {
			mix := func(a, b uint8) uint8 { return uint8((int(a)*(5-depth) + int(b)*depth) / 5) }
			p = append(p, color.NRGBA{mix(ground.R, c.R), mix(ground.G, c.G), mix(ground.B, c.B), 255})
		}
	}
	return p
}

// filmDirections are 48 directions around the middle, one a hue.
func filmDirections() [][2]float32 {
	const hues = 48
	out := make([][2]float32, hues)
	for i := range out {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / hues)
		out[i] = [2]float32{float32(cos), float32(sin)}
	}
	return out
}

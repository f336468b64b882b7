package translate

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// fake is a network that applies f to every image by itself.
type fake struct {
	size, batch int
	f           func(x []float32) error // changes one image in place
	cost        time.Duration           // of a batch, full or not
	calls       atomic.Int64
}

func (n *fake) Size() int  { return n.size }
func (n *fake) Batch() int { return n.batch }

func (n *fake) Run(_ context.Context, x []float32, count int) ([]float32, error) {
	n.calls.Add(1)
	if len(x) != count*n.size*n.size*3 || count > n.batch {
		return nil, errors.New("wrong shape")
	}
	time.Sleep(n.cost)
	y := append([]float32(nil), x...)
	for i := range count {
		if err := n.f(y[i*len(y)/count : (i+1)*len(y)/count]); err != nil {
			return nil, err
		}
	}
	return y, nil
}

func same([]float32) error { return nil }

// perPixel is a network that maps every pixel by itself.
func perPixel(f func(r, g, b float32) (float32, float32, float32)) func([]float32) error {
	return func(x []float32) error {
		for i := 0; i < len(x); i += 3 {
			x[i], x[i+1], x[i+2] = f(x[i], x[i+1], x[i+2])
		}
		return nil
	}
}

var (
	invert = perPixel(func(r, g, b float32) (float32, float32, float32) { return -r, -g, -b })
	rotate = perPixel(func(r, g, b float32) (float32, float32, float32) { return 0.8*g - 0.1, 0.9 * b, 0.7*r + 0.2*g })
	// curves leads luma through three curves, none of them linear.
	curves = perPixel(func(r, g, b float32) (float32, float32, float32) {
		l := (0.3*r + 0.59*g + 0.11*b + 1) / 2
		return 2*l*l - 1, 2*float32(math.Sin(3*float64(l))) - 1, 1 - 2*l
	})
)

// throughNetwork applies a per-pixel network to the bytes of a picture: the
// right answer at the source's own size.
func throughNetwork(img *image.NRGBA, f func([]float32) error) *image.NRGBA {
	out := clone(img)
	for i := 0; i < len(out.Pix); i += 4 {
		x := []float32{unit(out.Pix[i]), unit(out.Pix[i+1]), unit(out.Pix[i+2])}
		_ = f(x) // a per-pixel network has no errors
		out.Pix[i], out.Pix[i+1], out.Pix[i+2] = fromUnit(x[0]), fromUnit(x[1]), fromUnit(x[2])
	}
	return out
}

func clone(img *image.NRGBA) *image.NRGBA {
	return &image.NRGBA{Pix: append([]uint8(nil), img.Pix...), Stride: img.Stride, Rect: img.Rect}
}

// drawing is a picture of overlapping discs and boxes with dark outlines, soft
// at the edges, on white; and the same with nothing but the outlines.
func drawing(seed int64, w, h int) (colour, line *image.NRGBA) {
	rng := rand.New(rand.NewSource(seed))
	colour, line = image.NewNRGBA(image.Rect(0, 0, w, h)), image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range colour.Pix {
		colour.Pix[i], line.Pix[i] = 255, 255
	}
	unit := float64(min(w, h)) / 128
	for range 5 {
		cx, cy := rng.Float64()*float64(w), rng.Float64()*float64(h)
		rx, ry := (10+30*rng.Float64())*unit, (10+30*rng.Float64())*unit
		box := rng.Intn(2) == 0
		fill := [3]float64{60 + 195*rng.Float64(), 60 + 195*rng.Float64(), 60 + 195*rng.Float64()}
		pen := 2 * unit
		for y := range h {
			for x := range w {
				dx, dy := math.Abs(float64(x)-cx), math.Abs(float64(y)-cy)
				d := math.Max(dx-rx, dy-ry) // signed distance, about
				if !box {
					d = (math.Hypot(dx/rx, dy/ry) - 1) * math.Min(rx, ry)
				}
				in := math.Min(math.Max(0.5-d, 0), 1)
				edge := math.Min(math.Max(pen+0.5-math.Abs(d), 0), 1)
				p, q := colour.Pix[colour.PixOffset(x, y):], line.Pix[line.PixOffset(x, y):]
				for v := range 3 {
					c := (1-in)*float64(p[v]) + in*fill[v]
					p[v] = uint8((1-edge)*c + edge*20)
					c = (1-in)*float64(q[v]) + in*255
					q[v] = uint8((1-edge)*c + edge*20)
				}
			}
		}
	}
	return colour, line
}

// noisy is a picture of smooth colours and fine grain; with alpha it has
// opaque, half and wholly transparent parts.
func noisy(seed int64, w, h int, alpha bool) *image.NRGBA {
	rng := rand.New(rand.NewSource(seed))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{uint8(x*200/w + rng.Intn(50)), uint8(y*200/h + rng.Intn(50)), uint8(rng.Intn(256)), 255}
			if alpha {
				c.A = uint8(min(255, max(0, (x+y)*600/(w+h)-150)))
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

// meanError is the mean absolute difference of colours, each weighted by the
// reference's alpha, in 0…255.
func meanError(a, b *image.NRGBA) float64 {
	var sum, weight float64
	for i := 0; i < len(a.Pix); i += 4 {
		alpha := float64(b.Pix[i+3]) / 255
		for v := range 3 {
			sum += alpha * math.Abs(float64(a.Pix[i+v])-float64(b.Pix[i+v]))
			weight += alpha
		}
	}
	return sum / weight
}

func writePNG(t testing.TB, name string, img image.Image) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func readPNG(t testing.TB, name string) *image.NRGBA {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	out := image.NewNRGBA(img.Bounds())
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.Set(x, y, img.At(x, y))
		}
	}
	return out
}

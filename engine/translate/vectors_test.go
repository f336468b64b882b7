package translate

import (
	"math"
	"testing"

	"github.com/straightway-app/straightway/datasets"
)

// TestVectorsDoWhatPixelsDo: what the processor does eight at a time is what the plain code does one by one, at widths
// that fill the vectors and at widths that do not.
func TestVectorsDoWhatPixelsDo(t *testing.T) {
	if !vectors {
		t.Skip("this build, or this processor, has no vectors: everything else tests the plain code")
	}
	for _, size := range [][2]int{{1, 1}, {3, 2}, {8, 8}, {13, 40}, {64, 64}, {31, 7}} {
		w, h := size[0], size[1]
		src, _ := drawing(4, 3*w+1, 2*h+3)
		c := newCanvas(layout{size: w, w: w, h: h}, src, datasets.White)
		y := newPlane(w, h, 3)
		for i, v := range c.colour.pix {
			y.pix[i] = float32(math.Sin(3*float64(v) + float64(i%7)/10))
		}
		whole, _ := fitWhole(c.colour, y)
		gain, want := gainsByVectors(c.colour, y, whole, nil), gainsByPixels(c.colour, y, whole)
		for i, v := range want.pix {
			if math.Abs(float64(gain.pix[i]-v)) > 1e-3 {
				t.Fatalf("%d×%d: gain %d is %g, and %g by pixels", w, h, i, gain.pix[i], v)
			}
		}

		W := src.Rect.Dx()
		r := restorer{
			bothX: newTaps(W, w, catmullRom), gainX: newTaps(W, w, triangle),
			background: [3]float32{255, 255, 255}, behind: [3]float32{1, .5, -1},
		}
		b, g := make([]float32, perBoth*w), make([]float32, perGain*w+4)
		for x := range w {
			copy(b[perBoth*x:], y.pix[3*x:3*x+3])
			copy(b[perBoth*x+4:], c.colour.pix[3*x:3*x+3])
			copy(g[perGain*x:], want.pix[perGain*x:perGain*x+perGain])
		}
		line := append([]uint8(nil), src.Pix[:4*W]...)
		for x := range W {
			line[4*x+3] = uint8(255 - 85*(x%4)) // opaque, transparent and between
		}
		plain := append([]uint8(nil), line...)
		r.rowByVectors(line, b, g)
		r.rowByPixels(plain, b, g)
		for i, v := range plain {
			if d := int(line[i]) - int(v); d < -1 || d > 1 {
				t.Fatalf("%d×%d: byte %d is %d, and %d by pixels", w, h, i, line[i], v)
			}
		}
	}
}

package translate

import (
	"math"
	"testing"

	"github.com/straightway-app/straightway/datasets"
)

// TestVectorsDoWhatPixelsDo: what the processor does eight or sixteen at a time is what the plain code does one by one, at
// widths that fill the vectors and at widths that do not.
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
		both := (*room)(nil).planes(w, h, perBoth)
		both.split(c.colour, 0)
		both.split(y, 3)
		whole, _ := fitWhole(c.colour, y, both)
		sums, exact := sumByVectors(both), sumByPixels(c.colour, y)
		for k, v := range exact {
			if math.Abs(sums[k]-v) > 1e-9*float64(w*h) {
				t.Fatalf("%d×%d: moment %d of the whole is %g, and %g by pixels", w, h, k, sums[k], v)
			}
		}
		gain, want := gainsByVectors(both, whole, nil), gainsByPixels(c.colour, y, whole)
		for k := range perGain {
			for row := range h {
				for x, v := range want.row(k, row)[margin:][:w] {
					if got := gain.row(k, row)[margin+x]; math.Abs(float64(got-v)) > 1e-3 {
						t.Fatalf("%d×%d: gain %d of (%d, %d) is %g, and %g by pixels", w, h, k, x, row, got, v)
					}
				}
			}
		}

		W, H := src.Rect.Dx(), src.Rect.Dy()
		enlarged := func(p planes, n int, k kernel) []float32 {
			e := newEnlarger(p, n, W, H, k).withRows(nil)
			plain, rows := make([]float32, n*e.width), make([]float32, n*e.width)
			enlargeRows(rows, p, n, h/2, e.x, e.picks)
			enlargeRowsByPixels(plain, p, n, h/2, e.x)
			for i, v := range plain {
				if math.Abs(float64(rows[i]-v)) > 1e-5 {
					t.Fatalf("%d×%d: value %d of enlarged rows is %g, and %g by pixels", w, h, i, rows[i], v)
				}
			}
			e.row(0)
			return e.row(H / 2)
		}
		r := restorer{background: [3]float32{255, 255, 255}, behind: [3]float32{1, .5, -1}}
		b, g := enlarged(both, perBoth, catmullRom), enlarged(want, perGain, triangle)
		line := append([]uint8(nil), src.Pix[:4*W]...)
		for x := range W {
			line[4*x+3] = uint8(255 - 85*(x%4)) // opaque, transparent and between
		}
		plain := append([]uint8(nil), line...)
		done := restoreRow(line, b, g, r.background, r.behind)
		if W-done >= margin {
			t.Errorf("%d of %d pixels fill no vector", W-done, W)
		}
		r.byPixels(line, b, g, done)
		r.byPixels(plain, b, g, 0)
		for i, v := range plain {
			if d := int(line[i]) - int(v); d < -1 || d > 1 || i%4 == 3 && d != 0 {
				t.Fatalf("%d×%d: byte %d is %d, and %d by pixels", w, h, i, line[i], v)
			}
		}
	}
}

package datasets

import (
	"image"
	"math"
)

// taps says which source samples make one output sample: weight[i] of sample
// first+i. The weights sum to 1.
type taps struct {
	first  int
	weight []float32
}

// kernelTaps plans the resampling of n samples to m along one axis.
//
// Fewer samples come from the exact mean of the interval that each covers
// ("box"; the training recipe was tuned with it, and it neither rings nor
// aliases on whole ratios). More come from the Catmull-Rom cubic (Keys 1981,
// a = -1/2), which is sharp and overshoots little; at the edges the taps
// outside are left out and the rest scaled up to sum to 1.
func kernelTaps(n, m int) []taps {
	out := make([]taps, m)
	scale := float64(n) / float64(m)
	for i := range out {
		var first, last int // inclusive
		var weigh func(j int) float64
		if m <= n {
			lo, hi := float64(i)*scale, float64(i+1)*scale
			// A hair of tolerance keeps rounding from adding empty taps.
			first, last = int(lo+1e-9), int(math.Ceil(hi-1e-9))-1
			weigh = func(j int) float64 {
				return max(min(hi, float64(j+1))-max(lo, float64(j)), 0)
			}
		} else {
			centre := (float64(i)+0.5)*scale - 0.5
			first, last = int(math.Floor(centre))-1, int(math.Floor(centre))+2
			weigh = func(j int) float64 { return catmullRom(float64(j) - centre) }
		}
		first, last = max(first, 0), min(last, n-1)
		t := taps{first: first, weight: make([]float32, last-first+1)}
		var sum float64
		for j := first; j <= last; j++ {
			sum += weigh(j)
		}
		for j := first; j <= last; j++ {
			t.weight[j-first] = float32(weigh(j) / sum)
		}
		out[i] = t
	}
	return out
}

// catmullRom is Keys' cubic convolution kernel with a = -1/2 ("Cubic
// convolution interpolation for digital image processing", 1981, equation 15).
func catmullRom(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1:
		return (1.5*x-2.5)*x*x + 1
	case x < 2:
		return ((-0.5*x+2.5)*x-4)*x + 2
	}
	return 0
}

// resample scales the part r of src to w×h and passes each row of the result,
// in order, to emit: w pixels of red, green and blue times alpha, and alpha,
// where colour is in [0, 255] and alpha in [0, 1] but for the overshoot of the
// cubic. The row is valid during the call. Working on premultiplied colour
// keeps that of transparent pixels from bleeding into their neighbours.
//
// Source rows are scaled as they come and only those that the next output rows
// need are kept, so memory is a few rows, whatever the sizes.
func resample(src *image.NRGBA, r image.Rectangle, w, h int, emit func(y int, row []float32)) {
	across, down := kernelTaps(r.Dx(), w), kernelTaps(r.Dy(), h)
	keep := 0
	for _, t := range down {
		keep = max(keep, len(t.weight))
	}
	ring := make([][]float32, keep)
	for i := range ring {
		ring[i] = make([]float32, 4*w)
	}
	line := make([]float32, 4*r.Dx())
	sum := make([]float32, 4*w)
	next := 0 // the first source row not scaled yet
	for y, t := range down {
		for ; next < t.first+len(t.weight); next++ {
			if next < t.first {
				continue
			}
			premultiply(line, src.Pix[src.PixOffset(r.Min.X, r.Min.Y+next):])
			scaleLine(ring[next%keep], line, across)
		}
		clear(sum)
		for i, weight := range t.weight {
			for x, v := range ring[(t.first+i)%keep] {
				sum[x] += weight * v
			}
		}
		emit(y, sum)
	}
}

func premultiply(line []float32, pix []uint8) {
	for i := 0; i < len(line); i += 4 {
		p, out := pix[i:i+4:i+4], line[i:i+4:i+4]
		a := float32(p[3]) / 255
		out[0], out[1], out[2], out[3] = float32(p[0])*a, float32(p[1])*a, float32(p[2])*a, a
	}
}

func scaleLine(dst, line []float32, across []taps) {
	for x, t := range across {
		var r, g, b, a float32
		in := line[4*t.first:]
		for i, weight := range t.weight {
			p := in[4*i : 4*i+4 : 4*i+4]
			r += weight * p[0]
			g += weight * p[1]
			b += weight * p[2]
			a += weight * p[3]
		}
		out := dst[4*x : 4*x+4 : 4*x+4]
		out[0], out[1], out[2], out[3] = r, g, b, a
	}
}

// toByte rounds to the nearest of 0…255.
func toByte(v float32) uint8 {
	return uint8(min(max(v, 0), 255) + 0.5)
}

// Resize scales img to width×height pixels, both at least 1: along an axis that
// shrinks by exact area means, along one that grows by the Catmull-Rom cubic.
// Colours are weighted by their alpha.
func Resize(img *image.NRGBA, width, height int) *image.NRGBA {
	dst := image.NewNRGBA(image.Rect(0, 0, width, height))
	resample(img, img.Rect, width, height, func(y int, row []float32) {
		out := dst.Pix[y*dst.Stride:]
		for i := 0; i < len(row); i += 4 {
			a := row[i+3]
			if a <= 0 {
				continue
			}
			out[i] = toByte(row[i] / a)
			out[i+1] = toByte(row[i+1] / a)
			out[i+2] = toByte(row[i+2] / a)
			out[i+3] = toByte(255 * a)
		}
	})
	return dst
}

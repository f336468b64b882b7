package measure

import (
	"fmt"
	"math"
)

// Images is a batch of RGB images of one size.
type Images struct {
	N, H, W int
	Pix     []float32 // N×H×W×3 in [−1, 1]; values outside are taken as the nearest inside
}

// NewImages wraps n images, sharing pix. The error tells a wrong length.
func NewImages(n, h, w int, pix []float32) (Images, error) {
	x := Images{n, h, w, pix}
	return x, x.check("images")
}

// FromBytes converts n uint8 images.
func FromBytes(n, h, w int, pix []uint8) (Images, error) {
	x := Images{N: n, H: h, W: w, Pix: make([]float32, len(pix))}
	for i, v := range pix {
		x.Pix[i] = float32(v)/127.5 - 1
	}
	return x, x.check("images")
}

// Bytes converts to uint8, rounding to the nearest level.
func (x Images) Bytes() []uint8 {
	out := make([]uint8, len(x.Pix))
	for i, v := range x.Pix {
		out[i] = uint8(level(v) + .5)
	}
	return out
}

// At returns the i-th image as a batch of one that shares x's memory.
func (x Images) At(i int) Images {
	size := x.H * x.W * 3
	return Images{1, x.H, x.W, x.Pix[i*size : (i+1)*size]}
}

func (x Images) check(what string) error {
	if x.N < 1 || x.H < 1 || x.W < 1 || len(x.Pix) != x.N*x.H*x.W*3 {
		return fmt.Errorf("%s: %d values are not %d images of %d×%d×3", what, len(x.Pix), x.N, x.H, x.W)
	}
	return nil
}

func sameShape(a, b Images) error {
	if err := a.check("first images"); err != nil {
		return err
	}
	if err := b.check("second images"); err != nil {
		return err
	}
	if a.N != b.N || a.H != b.H || a.W != b.W {
		return fmt.Errorf("%d images of %d×%d cannot be compared one by one with %d of %d×%d: bring them to one size first", a.N, a.W, a.H, b.N, b.W, b.H)
	}
	return nil
}

// level maps [−1, 1] to 0..255, cutting off what lies outside. NaN counts as
// black.
func level(v float32) float32 {
	if !(v > -1) {
		return 0
	}
	return (min(v, 1) + 1) * 127.5
}

// lumaOf writes the brightness of one image, 0..255, with the weights of
// ITU-R BT.601.
func lumaOf(pix []float32) []float64 {
	y := make([]float64, len(pix)/3)
	for i := range y {
		y[i] = .299*float64(level(pix[3*i])) + .587*float64(level(pix[3*i+1])) + .114*float64(level(pix[3*i+2]))
	}
	return y
}

// Estimate is a mean over independent samples with its uncertainty.
type Estimate struct {
	Mean float64
	SE   float64 // standard error of Mean; NaN where there is only one sample
	N    int     // samples
}

// CI95 returns the normal 95 % confidence interval.
func (e Estimate) CI95() (low, high float64) { return e.Mean - 1.96*e.SE, e.Mean + 1.96*e.SE }

// Mean is the mean of independent samples.
func Mean(samples []float64) Estimate { return estimate(samples) }

// estimate takes the mean of samples and the standard error of that mean.
func estimate(samples []float64) Estimate {
	n := float64(len(samples))
	var sum, squares float64
	for _, v := range samples {
		sum += v
	}
	mean := sum / n
	for _, v := range samples {
		squares += (v - mean) * (v - mean)
	}
	se := math.NaN()
	if n > 1 {
		se = math.Sqrt(squares / (n - 1) / n)
	}
	return Estimate{mean, se, len(samples)}
}

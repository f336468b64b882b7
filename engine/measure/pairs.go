package measure

import (
	"fmt"
	"math"

	"github.com/straightway-app/straightway/engine/direct"
)

// MaxPSNR, in dB, is given for images that are equal, whose ratio has no
// bound, so that means over several pairs stay finite.
const MaxPSNR = 100

// Pair is how near an output is to its reference.
type Pair struct {
	L1   float64 // mean absolute difference over pixels and channels, 0..255
	PSNR float64 // dB
	SSIM float64 // 1 for equal images
}

// ComparePair measures a batch pair by pair: images a[i] and b[i].
func ComparePair(a, b Images) ([]Pair, error) {
	if err := sameShape(a, b); err != nil {
		return nil, err
	}
	if min(a.H, a.W) < ssimWindow {
		return nil, errTooSmall(a)
	}
	pairs := make([]Pair, a.N)
	direct.Each(a.N, func(i int) {
		x, y := a.At(i), b.At(i)
		l1, mse := differences(x.Pix, y.Pix)
		pairs[i] = Pair{L1: l1, PSNR: psnr(mse), SSIM: ssim(x, y)}
	})
	return pairs, nil
}

// MeanPair averages each measure over pairs.
func MeanPair(pairs []Pair) Pair {
	var m Pair
	n := float64(len(pairs))
	for _, p := range pairs {
		m.L1 += p.L1 / n
		m.PSNR += p.PSNR / n
		m.SSIM += p.SSIM / n
	}
	return m
}

// L1 returns the mean absolute difference over all images, pixels and
// channels, on the scale 0..255.
func L1(a, b Images) (float64, error) {
	if err := sameShape(a, b); err != nil {
		return 0, err
	}
	l1, _ := differences(a.Pix, b.Pix)
	return l1, nil
}

// PSNR returns 10·log10(255²/MSE) in dB with the mean square error taken over
// all images, pixels and channels; at most MaxPSNR.
func PSNR(a, b Images) (float64, error) {
	if err := sameShape(a, b); err != nil {
		return 0, err
	}
	_, mse := differences(a.Pix, b.Pix)
	return psnr(mse), nil
}

func psnr(mse float64) float64 { return min(MaxPSNR, 10*math.Log10(255*255/mse)) }

// differences returns the mean absolute and the mean square difference, on the
// scale 0..255.
func differences(a, b []float32) (l1, mse float64) {
	for i, v := range a {
		d := float64(level(v)) - float64(level(b[i]))
		l1 += math.Abs(d)
		mse += d * d
	}
	n := float64(len(a))
	return l1 / n, mse / n
}

// The constants of Wang, Bovik, Sheikh and Simoncelli 2004, "Image quality
// assessment: from error visibility to structural similarity", section III-C.
const (
	ssimWindow = 11
	ssimSigma  = 1.5
	ssimC1     = (.01 * 255) * (.01 * 255)
	ssimC2     = (.03 * 255) * (.03 * 255)
)

var ssimWeights = gaussian()

func gaussian() (w [ssimWindow]float64) {
	var sum float64
	for i := range w {
		d := float64(i - ssimWindow/2)
		w[i] = math.Exp(-d * d / (2 * ssimSigma * ssimSigma))
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
	}
	return w
}

// SSIM returns the mean structural similarity over the images of a batch
// (Wang et al. 2004): 11×11 Gaussian window of σ = 1.5, on luma, over the
// region where the window lies inside the image. Images need 11 pixels a side.
func SSIM(a, b Images) (float64, error) {
	if err := sameShape(a, b); err != nil {
		return 0, err
	}
	if min(a.H, a.W) < ssimWindow {
		return 0, errTooSmall(a)
	}
	values := make([]float64, a.N)
	direct.Each(a.N, func(i int) { values[i] = ssim(a.At(i), b.At(i)) })
	return estimate(values).Mean, nil
}

func errTooSmall(x Images) error {
	return fmt.Errorf("SSIM needs images of at least %d×%d pixels, these have %d×%d: compare larger images", ssimWindow, ssimWindow, x.W, x.H)
}

func ssim(a, b Images) float64 {
	x, y := lumaOf(a.Pix), lumaOf(b.Pix)
	xx, yy, xy := make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))
	for i := range x {
		xx[i], yy[i], xy[i] = x[i]*x[i], y[i]*y[i], x[i]*y[i]
	}
	for _, m := range []*[]float64{&x, &y, &xx, &yy, &xy} {
		*m = smooth(*m, a.H, a.W)
	}
	var sum float64
	for i := range x {
		mx, my := x[i], y[i]
		vx, vy, cov := xx[i]-mx*mx, yy[i]-my*my, xy[i]-mx*my
		sum += (2*mx*my + ssimC1) * (2*cov + ssimC2) / ((mx*mx + my*my + ssimC1) * (vx + vy + ssimC2))
	}
	return sum / float64(len(x))
}

// smooth filters an h×w map with the window, keeping the (h−10)×(w−10) valid
// region.
func smooth(m []float64, h, w int) []float64 {
	vw, vh := w-ssimWindow+1, h-ssimWindow+1
	rows := make([]float64, h*vw)
	for r := range h {
		for c := range vw {
			var sum float64
			for k, g := range ssimWeights {
				sum += g * m[r*w+c+k]
			}
			rows[r*vw+c] = sum
		}
	}
	out := make([]float64, vh*vw)
	for r := range vh {
		for c := range vw {
			var sum float64
			for k, g := range ssimWeights {
				sum += g * rows[(r+k)*vw+c]
			}
			out[r*vw+c] = sum
		}
	}
	return out
}

package measure

import (
	"math"

	"github.com/straightway-app/straightway/engine/direct"
)

// EdgeCorrelation tells how much of the sources' layout the outputs keep: the
// correlation, in [−1, 1], of the edge maps of source and output, blurred over
// 3×3 pixels so that an edge may move a little; its mean over the images. Edges
// are the magnitude of the luma gradient. (The "edge" of docs/recipe.md.)
// An image without any edge correlates with nothing and counts as 0.
func EdgeCorrelation(source, output Images) (Estimate, error) {
	if err := sameShape(source, output); err != nil {
		return Estimate{}, err
	}
	values := make([]float64, source.N)
	direct.Each(source.N, func(i int) {
		a, b := edgeMap(source.At(i)), edgeMap(output.At(i))
		for j := range a {
			values[i] += a[j] * b[j]
		}
	})
	return estimate(values), nil
}

// edgeMap returns the blurred edges of one image, with mean 0 and norm 1.
func edgeMap(x Images) []float64 {
	h, w := x.H, x.W
	y := lumaOf(x.Pix)
	edges := make([]float64, h*w)
	for r := range h {
		up, down := max(r-1, 0), min(r+1, h-1)
		for c := range w {
			left, right := max(c-1, 0), min(c+1, w-1)
			gx := (y[r*w+right] - y[r*w+left]) / 2
			gy := (y[down*w+c] - y[up*w+c]) / 2
			// The recipe adds 1e-6 under the root on the [−1, 1] scale.
			edges[r*w+c] = math.Sqrt(gx*gx + gy*gy + 1e-6*127.5*127.5)
		}
	}
	blurred := make([]float64, h*w)
	var mean float64
	for r := range h {
		for c := range w {
			var sum, n float64
			for i := max(r-1, 0); i <= min(r+1, h-1); i++ {
				for j := max(c-1, 0); j <= min(c+1, w-1); j++ {
					sum += edges[i*w+j]
					n++
				}
			}
			blurred[r*w+c] = sum / n
			mean += sum / n / float64(h*w)
		}
	}
	var squares float64
	for i := range blurred {
		blurred[i] -= mean
		squares += blurred[i] * blurred[i]
	}
	norm := max(math.Sqrt(squares), 1e-6*127.5)
	for i := range blurred {
		blurred[i] /= norm
	}
	return blurred
}

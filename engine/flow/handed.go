package flow

import "math"

// HandedLimit is the value of Handedness above which mirroring would put pictures into a domain that do not belong
// there. Sets of emoji, faces and drawings measured 0.1–0.35; hill-shaded relief, lit from one corner, above 1.
const HandedLimit = 0.7

// Handedness says how well an image of the set can be told from its mirror image: the largest of three statistics
// that change sign under mirroring (skewness of the horizontal brightness gradient, correlation of its two
// components, brightness of the left half against the right), as mean over standard deviation across the images.
func Handedness(set Images) float64 {
	const kinds = 3
	var sum, squares [kinds]float64
	n := min(set.Len(), 2000)
	for k := range n {
		p := shrink(set.Image(k*set.Len()/n), set.Size()).luma()
		var v, w [kinds]float64
		s := p.side
		for y := 1; y < s-1; y++ {
			for x := 1; x < s-1; x++ {
				gx := float64(p.at(0, y, x+1) - p.at(0, y, x-1))
				gy := float64(p.at(0, y+1, x) - p.at(0, y-1, x))
				side := float64(p.at(0, y, x))
				if x >= s/2 {
					side = -side
				}
				v[0] += gx * math.Abs(gx)
				w[0] += gx * gx
				v[1] += gx * gy
				w[1] += (gx*gx + gy*gy) / 2
				v[2] += side
				w[2] += math.Abs(side)
			}
		}
		for i := range kinds {
			r := v[i] / (w[i] + 1e-6)
			sum[i] += r
			squares[i] += r * r
		}
	}
	worst := 0.0
	for i := range kinds {
		mean := sum[i] / float64(n)
		sd := math.Sqrt(max(0, squares[i]/float64(n)-mean*mean))
		worst = max(worst, math.Abs(mean)/(sd+1e-6))
	}
	return worst
}

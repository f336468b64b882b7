package plane

import (
	"errors"
	"fmt"
	"math"

	"github.com/straightway-app/straightway/engine/flow"
)

// Exact is the closed-form velocity of the rectified flow of a finite coupling: n pairs x0[i], x1[i] of equal weight,
// each taken as a round Gaussian of standard deviation bandwidth that moves along the straight line of its pair. The
// velocity is then the mean of X1 − X0 over the pairs, weighted by how near their lines pass:
//
//	v(z, t) = Σᵢ wᵢ·(x1ᵢ − x0ᵢ) / Σᵢ wᵢ,   wᵢ = exp(−‖z − t·x1ᵢ − (1−t)·x0ᵢ‖² / 2·bandwidth²)
//
// This is E[X1 − X0 | Xt = z] of the smoothed coupling, which the training of a network approximates (Liu, Gong and Liu
// 2022, arXiv 2209.03003, equation 2 and the kernel estimator in its section 2.2). A bandwidth of 0 takes the nearest
// line alone, ties in equal parts. Each evaluation of m states takes time n·m.
//
// Every pair given is one line: an independent coupling of two sets is all pairs of one with the other, see Product.
func Exact(x0, x1 []float32, bandwidth float64) (flow.Velocity, error) {
	if len(x0) == 0 || len(x0) != len(x1) || len(x0)%2 != 0 {
		return nil, fmt.Errorf("exact velocity: %d and %d coordinates are no pairs of points", len(x0), len(x1))
	}
	if !(bandwidth >= 0) {
		return nil, fmt.Errorf("exact velocity: the bandwidth is %g, it must not be negative", bandwidth)
	}
	return exact(x0, x1, bandwidth).field(), nil
}

// exact is Exact of pairs that are some and a bandwidth that is none below 0, with a time for each state.
func exact(x0, x1 []float32, bandwidth float64) velocity {
	return func(z, t []float32) ([]float32, error) {
		if len(z) != 2*len(t) {
			return nil, errors.New("exact velocity: a point of the plane has two coordinates")
		}
		out := make([]float32, len(z))
		parallel(len(t), func(i int) {
			out[2*i], out[2*i+1] = weigh(x0, x1, float64(z[2*i]), float64(z[2*i+1]), float64(t[i]), bandwidth)
		})
		return out, nil
	}
}

// weigh is the weighted mean for one state.
func weigh(x0, x1 []float32, zx, zy, t, bandwidth float64) (vx, vy float32) {
	// One pass: when a nearer line turns up, what was summed before is scaled down to it, so that no exponential
	// underflows for all lines at once.
	nearest, sum, sx, sy := math.Inf(1), 0., 0., 0.
	for j := 0; j < len(x0); j += 2 {
		ax, ay, bx, by := float64(x0[j]), float64(x0[j+1]), float64(x1[j]), float64(x1[j+1])
		dx, dy := zx-t*bx-(1-t)*ax, zy-t*by-(1-t)*ay
		d := dx*dx + dy*dy
		w := 1.
		switch {
		case d < nearest:
			keep := decay(d-nearest, bandwidth)
			sum, sx, sy, nearest = sum*keep, sx*keep, sy*keep, d
		case d > nearest:
			w = decay(nearest-d, bandwidth)
		}
		sum += w
		sx += w * (bx - ax)
		sy += w * (by - ay)
	}
	return float32(sx / sum), float32(sy / sum)
}

// decay is the weight of a line whose squared distance is −difference beyond the nearest one's.
func decay(difference, bandwidth float64) float64 {
	if bandwidth == 0 {
		return 0
	}
	return math.Exp(difference / (2 * bandwidth * bandwidth))
}

// Product is the independent coupling of two sets: every point of a with every point of b.
func Product(a, b []float32) (x0, x1 []float32) {
	for i := 0; i+1 < len(a); i += 2 {
		for j := 0; j+1 < len(b); j += 2 {
			x0, x1 = append(x0, a[i], a[i+1]), append(x1, b[j], b[j+1])
		}
	}
	return x0, x1
}

package measure

import (
	"errors"
	"fmt"
	"math"

	"github.com/straightway-app/straightway/engine/direct"
)

// Trajectory is a batch of paths from X0 (t = 0) to X1 (t = 1), described by
// velocities over successive stretches of time. All slices hold N samples one
// after the other, in any unit.
type Trajectory struct {
	N      int // samples
	X0, X1 []float32
	// Velocities[k] applies for a time of Spans[k]. Nil Spans mean equal
	// ones. Spans are positive and add up to 1.
	Velocities [][]float32
	Spans      []float64
}

// Walk makes the trajectory of paths given by their places: states[k] is the
// batch at times[k], from 0 to 1. Its velocities are those of the straight
// stretches between, which are what any solver, of whatever order, moved by.
func Walk(n int, states [][]float32, times []float64) (Trajectory, error) {
	if len(states) < 2 || len(states) != len(times) {
		return Trajectory{}, fmt.Errorf("trajectory: %d places at %d times: there must be one place a time, and two at least", len(states), len(times))
	}
	p := Trajectory{N: n, X0: states[0], X1: states[len(states)-1]}
	for k := range len(states) - 1 {
		span := times[k+1] - times[k]
		if len(states[k]) != len(states[k+1]) {
			return Trajectory{}, errors.New("trajectory: the places differ in length")
		}
		v := make([]float32, len(states[k]))
		for i := range v {
			v[i] = float32((float64(states[k+1][i]) - float64(states[k][i])) / span)
		}
		p.Velocities = append(p.Velocities, v)
		p.Spans = append(p.Spans, span)
	}
	return p, p.check()
}

func (p Trajectory) check() error {
	if p.N < 1 || len(p.X0) < p.N || len(p.X0)%p.N != 0 || len(p.X1) != len(p.X0) {
		return fmt.Errorf("trajectory: %d and %d values at the ends are not %d samples each", len(p.X0), len(p.X1), p.N)
	}
	if len(p.Velocities) == 0 || p.Spans != nil && len(p.Spans) != len(p.Velocities) {
		return fmt.Errorf("trajectory: there are %d velocities and %d spans of time", len(p.Velocities), len(p.Spans))
	}
	for _, v := range p.Velocities {
		if len(v) != len(p.X0) {
			return fmt.Errorf("trajectory: a velocity has %d values instead of %d", len(v), len(p.X0))
		}
	}
	total := 0.
	for _, span := range p.Spans {
		if !(span > 0) {
			return fmt.Errorf("trajectory: a span of time is %v, it must be positive", span)
		}
		total += span
	}
	if p.Spans != nil && math.Abs(total-1) > 1e-6 {
		return fmt.Errorf("trajectory: the spans of time add up to %v instead of 1", total)
	}
	return nil
}

// Straightness returns S = ∫ E‖(Z1 − Z0) − dZt/dt‖² dt (Liu, Gong and Liu
// 2022, arXiv 2209.03003, section 2.2), as a mean over pixel values, so that
// image sizes compare; 0 exactly for straight paths at constant speed. The
// velocities are those along the flow's own paths, from Z0 = X0 to Z1 = X1.
func Straightness(path Trajectory) (Estimate, error) { return meanOf(Departure(path)) }

// Crossing returns V = ∫ E‖(X1 − X0) − E[X1 − X0 | Xt]‖² dt (same paper,
// section 3.3), as a mean over pixel values; 0 exactly when no two straight
// lines of the coupling cross. The velocities are the network's v(Xt, t), for
// the conditional mean, at the points Xt = t·X1 + (1 − t)·X0 of the lines.
func Crossing(lines Trajectory) (Estimate, error) { return meanOf(Departure(lines)) }

func meanOf(samples []float64, err error) (Estimate, error) {
	if err != nil {
		return Estimate{}, err
	}
	return estimate(samples), nil
}

// Departure returns what [Straightness] and [Crossing] have in common, one
// value a sample: ∫ ‖(X1 − X0) − v‖² dt as a mean over pixel values.
func Departure(p Trajectory) ([]float64, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	d := len(p.X0) / p.N
	samples := make([]float64, p.N)
	direct.Each(p.N, func(i int) {
		for k, velocity := range p.Velocities {
			span := 1 / float64(len(p.Velocities))
			if p.Spans != nil {
				span = p.Spans[k]
			}
			var sum float64
			for j := i * d; j < (i+1)*d; j++ {
				e := float64(p.X1[j]) - float64(p.X0[j]) - float64(velocity[j])
				sum += e * e
			}
			samples[i] += span * sum / float64(d)
		}
	})
	return samples, nil
}

// Identity is the identity E‖X1 − X0‖² − E‖Z1 − Z0‖² = S + V of the exact
// velocity (Liu, Gong and Liu 2022, arXiv 2209.03003, the proof of theorem
// 3.7), all as means over pixel values.
type Identity struct {
	Straightness, Crossing Estimate // S and V
	Drop                   Estimate // E‖X1 − X0‖² − E‖Z1 − Z0‖², the fall of the transport cost
	// Gap is S + V less the drop, with the error of the difference: the samples
	// are the same. A trained velocity leaves one, because its paths do not
	// quite keep the marginals.
	Gap Estimate
}

// CheckIdentity puts the identity together from one value a sample: the
// departures of the flow's own paths from x0 to z1 (S), and of the velocity on
// the straight lines from x0 to x1 (V).
func CheckIdentity(s, v []float64, x0, x1, z1 []float32) (Identity, error) {
	n := len(s)
	if n < 1 || len(v) != n || len(x0) < n || len(x0)%n != 0 || len(x1) != len(x0) || len(z1) != len(x0) {
		return Identity{}, fmt.Errorf("identity of S, V and the cost: %d values of S, %d of V, and %d, %d and %d pixel values are not of the same samples", n, len(v), len(x0), len(x1), len(z1))
	}
	d := len(x0) / n
	drop, gap := make([]float64, n), make([]float64, n)
	direct.Each(n, func(i int) {
		for j := i * d; j < (i+1)*d; j++ {
			a, b := float64(x1[j])-float64(x0[j]), float64(z1[j])-float64(x0[j])
			drop[i] += (a*a - b*b) / float64(d)
		}
		gap[i] = s[i] + v[i] - drop[i]
	})
	return Identity{estimate(s), estimate(v), estimate(drop), estimate(gap)}, nil
}

// Cost is the transport cost E c(X1 − X0) of a coupling for four convex c.
type Cost struct {
	L2Squared Estimate // mean square over pixel values
	L1        Estimate // mean absolute value over pixel values
	L2        Estimate // root of the mean square over an image's pixel values
	Huber     Estimate // mean over pixel values of e²/2 up to |e| = 1, |e| − ½ beyond
}

// TransportCost measures n pairs, x0[i] moved to x1[i]. Rectified flow does
// not raise the cost for any convex c (same paper, theorem 3.5).
func TransportCost(n int, x0, x1 []float32) (Cost, error) {
	if n < 1 || len(x0) < n || len(x0)%n != 0 || len(x1) != len(x0) {
		return Cost{}, fmt.Errorf("transport cost: %d and %d values are not %d pairs", len(x0), len(x1), n)
	}
	d := len(x0) / n
	squares, absolutes, roots, hubers := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	direct.Each(n, func(i int) {
		for j := i * d; j < (i+1)*d; j++ {
			e := math.Abs(float64(x1[j]) - float64(x0[j]))
			squares[i] += e * e / float64(d)
			absolutes[i] += e / float64(d)
			if e < 1 {
				hubers[i] += e * e / 2 / float64(d)
			} else {
				hubers[i] += (e - .5) / float64(d)
			}
		}
		roots[i] = math.Sqrt(squares[i])
	})
	return Cost{estimate(squares), estimate(absolutes), estimate(roots), estimate(hubers)}, nil
}

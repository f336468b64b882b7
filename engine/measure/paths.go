package measure

import (
	"errors"
	"fmt"
	"math"
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
func Straightness(path Trajectory) (Estimate, error) { return departure(path) }

// Crossing returns V = ∫ E‖(X1 − X0) − E[X1 − X0 | Xt]‖² dt (same paper,
// section 3.3), as a mean over pixel values; 0 exactly when no two straight
// lines of the coupling cross. The velocities are the network's v(Xt, t), for
// the conditional mean, at the points Xt = t·X1 + (1 − t)·X0 of the lines.
func Crossing(lines Trajectory) (Estimate, error) { return departure(lines) }

// departure is the integral that both have in common.
func departure(p Trajectory) (Estimate, error) {
	if err := p.check(); err != nil {
		return Estimate{}, err
	}
	d := len(p.X0) / p.N
	samples := make([]float64, p.N)
	parallel(p.N, func(i int) {
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
	return estimate(samples), nil
}

// Cost is the transport cost E c(X1 − X0) of a coupling for two convex c.
type Cost struct {
	L2Squared Estimate // mean square over pixel values
	L1        Estimate // mean absolute value over pixel values
}

// TransportCost measures n pairs, x0[i] moved to x1[i]. Rectified flow does
// not raise the cost for any convex c (same paper, theorem 3.5).
func TransportCost(n int, x0, x1 []float32) (Cost, error) {
	if n < 1 || len(x0) < n || len(x0)%n != 0 || len(x1) != len(x0) {
		return Cost{}, fmt.Errorf("transport cost: %d and %d values are not %d pairs", len(x0), len(x1), n)
	}
	d := len(x0) / n
	squares, absolutes := make([]float64, n), make([]float64, n)
	parallel(n, func(i int) {
		for j := i * d; j < (i+1)*d; j++ {
			e := float64(x1[j]) - float64(x0[j])
			squares[i] += e * e / float64(d)
			absolutes[i] += math.Abs(e) / float64(d)
		}
	})
	return Cost{estimate(squares), estimate(absolutes)}, nil
}

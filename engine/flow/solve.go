package flow

import (
	"context"
	"fmt"
)

// Velocity evaluates v(x, t) for a batch of states laid one after another; the result has the length of x. One call
// is one network evaluation (NFE) for every state of the batch.
type Velocity func(x []float32, t float64) ([]float32, error)

// Path is the way from one time to another in a number of equal steps: 0 → 1 translates source to target, 1 → 0
// target to source.
type Path struct {
	From, To float64
	Steps    int
}

// Forward goes from source to target in n steps.
func Forward(n int) Path { return Path{0, 1, n} }

// Backward goes from target to source in n steps.
func Backward(n int) Path { return Path{1, 0, n} }

// Euler solves dZ/dt = v(Z, t) along the path by Z ← Z + h·v(Z, t): as many evaluations as steps. On a straight
// flow a single step is exact. watch, where given, sees every velocity before it is applied: the step's number, the
// state and v. x is not changed.
func Euler(ctx context.Context, v Velocity, x []float32, p Path, watch func(step int, z, v []float32)) ([]float32, error) {
	if p.Steps < 1 {
		return nil, fmt.Errorf("%d solver steps: at least one is needed", p.Steps)
	}
	z := append([]float32(nil), x...)
	h := (p.To - p.From) / float64(p.Steps)
	for k := range p.Steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := v(z, p.From+float64(k)*h)
		if err != nil {
			return nil, err
		}
		if watch != nil {
			watch(k, z, d)
		}
		for i := range z {
			z[i] += float32(h) * d[i]
		}
	}
	return z, nil
}

// Heun solves the same equation by the explicit trapezoid rule, of second order: two evaluations a step (Karras et
// al. 2022, arXiv 2206.00364, algorithm 1 with constant noise).
func Heun(ctx context.Context, v Velocity, x []float32, p Path) ([]float32, error) {
	if p.Steps < 1 {
		return nil, fmt.Errorf("%d solver steps: at least one is needed", p.Steps)
	}
	z := append([]float32(nil), x...)
	mid := make([]float32, len(x))
	h := (p.To - p.From) / float64(p.Steps)
	for k := range p.Steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t := p.From + float64(k)*h
		d1, err := v(z, t)
		if err != nil {
			return nil, err
		}
		for i := range z {
			mid[i] = z[i] + float32(h)*d1[i]
		}
		d2, err := v(mid, t+h)
		if err != nil {
			return nil, err
		}
		for i := range z {
			z[i] += float32(h/2) * (d1[i] + d2[i])
		}
	}
	return z, nil
}

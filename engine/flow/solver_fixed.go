package flow

import (
	"context"
	"fmt"
)

// Euler takes equal steps Z ← Z + h·v(Z, t): as many evaluations as steps. On a straight flow a single step is
// exact.
func Euler(ctx context.Context, v Velocity, x []float32, p Path, watch Watch) ([]float32, error) {
	return explicit(ctx, v, x, p, watch, nil, []float64{1})
}

// Midpoint takes equal steps by the velocity half an Euler step ahead: second order, two evaluations a step (Runge
// 1895; Hairer, Nørsett and Wanner, "Solving Ordinary Differential Equations I", table II.1.1).
func Midpoint(ctx context.Context, v Velocity, x []float32, p Path, watch Watch) ([]float32, error) {
	return explicit(ctx, v, x, p, watch, [][]float64{{.5}}, []float64{0, 1})
}

// Heun takes equal steps by the explicit trapezoid rule: second order, two evaluations a step (Karras et al. 2022,
// arXiv 2206.00364, algorithm 1 with constant noise).
func Heun(ctx context.Context, v Velocity, x []float32, p Path, watch Watch) ([]float32, error) {
	return explicit(ctx, v, x, p, watch, [][]float64{{1}}, []float64{.5, .5})
}

// RK4 takes equal steps by the classical Runge–Kutta method: fourth order, four evaluations a step (Kutta 1901; Hairer,
// Nørsett and Wanner, table II.1.2).
func RK4(ctx context.Context, v Velocity, x []float32, p Path, watch Watch) ([]float32, error) {
	return explicit(ctx, v, x, p, watch, [][]float64{{.5}, {0, .5}, {0, 0, 1}}, []float64{1. / 6, 1. / 3, 1. / 3, 1. / 6})
}

// explicit walks equal steps by an explicit Runge–Kutta method: stage i starts h·Σ_j a[i−1][j]·k_j away from the
// state and h·Σ_j a[i−1][j] later, and the step is h·Σ b_i·k_i.
func explicit(ctx context.Context, v Velocity, x []float32, p Path, watch Watch, a [][]float64, b []float64) ([]float32, error) {
	if p.Steps < 1 {
		return nil, fmt.Errorf("%d solver steps: at least one is needed", p.Steps)
	}
	z := x // which nobody writes to: every step makes a new one
	h := (p.To - p.From) / float64(p.Steps)
	for step := range p.Steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t := p.From + float64(step)*h
		slope, err := v(z, t)
		if err != nil {
			return nil, err
		}
		if watch != nil {
			watch(step, z, slope)
		}
		k, err := stages(v, z, slope, t, h, a)
		if err != nil {
			return nil, err
		}
		z = combine(z, k, b, h)
	}
	return z, nil
}

// stages evaluates the remaining stages of a step whose first has given slope.
func stages(v Velocity, z, slope []float32, t, h float64, a [][]float64) ([][]float32, error) {
	k := [][]float32{slope}
	for _, row := range a {
		ahead := 0.
		for _, c := range row {
			ahead += c
		}
		next, err := v(combine(z, k, row, h), t+ahead*h)
		if err != nil {
			return nil, err
		}
		k = append(k, next)
	}
	return k, nil
}

// combine is z + h·Σ weights[i]·k[i], summed in float64: float32 sums would drown the error of a fifth-order step.
func combine(z []float32, k [][]float32, weights []float64, h float64) []float32 {
	out := make([]float32, len(z))
	for i := range z {
		sum := 0.
		for j, w := range weights {
			sum += w * float64(k[j][i])
		}
		out[i] = float32(float64(z[i]) + h*sum)
	}
	return out
}

package flow

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Tolerances of RK45 where a Path has none. They keep its error well below that of a trained velocity.
const (
	DefaultRelative = 1e-3
	DefaultAbsolute = 1e-4
)

// The coefficients of Dormand and Prince 1980 (Hairer, Nørsett and Wanner, "Solving Ordinary Differential Equations
// I", table II.5.2). The last row of stages is also the fifth-order result, so that the last evaluation of a step is
// the first of the next.
var (
	dormandPrince = [][]float64{
		{1. / 5},
		{3. / 40, 9. / 40},
		{44. / 45, -56. / 15, 32. / 9},
		{19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
		{9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
		{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
	}
	// dormandPrinceError is the fifth-order result less the embedded one of fourth order.
	dormandPrinceError = []float64{71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40}
)

// mostSteps ends a path on which the tolerance can only be met by ever smaller steps.
const mostSteps = 10_000

// RK45 chooses its steps so that each one's estimated error keeps the path's tolerances: the fifth-order method of
// Dormand and Prince, six evaluations a step and one more for the path, with the step size control of Hairer, Nørsett
// and Wanner, section II.4. The error is the root mean square over the whole batch (their equation 4.11), so that one
// stiff state among many does not hold up the rest. The batch shares its steps. watch sees accepted steps only.
//
// It fails where the velocity is not finite or where the tolerance asks for more than 10,000 steps.
func RK45(ctx context.Context, v Velocity, x []float32, p Path, watch Watch) ([]float32, error) {
	if p.Relative < 0 || p.Absolute < 0 || p.Steps < 0 {
		return nil, fmt.Errorf("RK45 with relative tolerance %g, absolute tolerance %g and %d first steps: none may be negative", p.Relative, p.Absolute, p.Steps)
	}
	if p.Relative == 0 {
		p.Relative = DefaultRelative
	}
	if p.Absolute == 0 {
		p.Absolute = DefaultAbsolute
	}
	z := append([]float32(nil), x...)
	if p.From == p.To {
		return z, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	slope, err := v(z, p.From)
	if err != nil {
		return nil, err
	}
	span := p.To - p.From
	h := span / float64(max(p.Steps, 1))
	if p.Steps == 0 {
		if h, err = firstStep(v, z, slope, p); err != nil {
			return nil, err
		}
	}
	t, accepted, refused := p.From, 0, false
	for range mostSteps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		last := (p.To-t-h)*span <= 1e-12*span*span // the rest of the path, but for rounding, fits into one step
		if last {
			h = p.To - t
		}
		k, err := stages(v, z, slope, t, h, dormandPrince)
		if err != nil {
			return nil, err
		}
		next := combine(z, k, dormandPrince[len(dormandPrince)-1], h)
		fault := scaledError(z, next, k, h, p)
		if math.IsNaN(fault) || math.IsInf(fault, 0) {
			return nil, errors.New("RK45: the velocity is not finite: choose a fixed number of steps, or another round of the flow")
		}
		// The best step is h·(1/fault)^(1/5); 0.9 makes its acceptance likely, and changes are bounded (equation 4.13).
		// After a refusal the step may not grow.
		most := 5.
		if refused {
			most = 1
		}
		factor := min(most, max(.2, .9*math.Pow(max(fault, 1e-12), -.2)))
		if fault > 1 {
			refused = true
			h *= factor
			continue
		}
		if watch != nil {
			watch(accepted, z, slope)
		}
		accepted++
		if last {
			return next, nil
		}
		t += h
		z, slope, refused = next, k[len(k)-1], false
		h *= factor
	}
	return nil, fmt.Errorf("RK45 did not reach t = %g in %d steps: choose larger tolerances than %g relative and %g absolute, or a fixed number of steps", p.To, mostSteps, p.Relative, p.Absolute)
}

// scaledError is the root mean square of a step's error in units of the tolerance (equation 4.11): at most 1 is
// accepted.
func scaledError(z, next []float32, k [][]float32, h float64, p Path) float64 {
	sum := 0.
	for i := range z {
		e := 0.
		for j, w := range dormandPrinceError {
			e += w * float64(k[j][i])
		}
		scale := p.Absolute + p.Relative*max(math.Abs(float64(z[i])), math.Abs(float64(next[i])))
		sum += h * e / scale * (h * e / scale)
	}
	return math.Sqrt(sum / float64(max(len(z), 1)))
}

// firstStep is the starting step of Hairer, Nørsett and Wanner, section II.4: from the sizes of the state, its
// velocity and, by one more evaluation, its acceleration.
func firstStep(v Velocity, z, slope []float32, p Path) (float64, error) {
	norm := func(d func(i int) float64) float64 {
		sum := 0.
		for i := range z {
			e := d(i) / (p.Absolute + p.Relative*math.Abs(float64(z[i])))
			sum += e * e
		}
		return math.Sqrt(sum / float64(max(len(z), 1)))
	}
	size := norm(func(i int) float64 { return float64(z[i]) })
	speed := norm(func(i int) float64 { return float64(slope[i]) })
	span := p.To - p.From
	longest := math.Abs(span)
	h := 1e-6
	if size > 1e-5 && speed > 1e-5 {
		h = .01 * size / speed
	}
	h = min(h, longest)
	direction := math.Copysign(1, span)
	ahead, err := v(combine(z, [][]float32{slope}, []float64{1}, direction*h), p.From+direction*h)
	if err != nil {
		return 0, err
	}
	bend := norm(func(i int) float64 { return float64(ahead[i]) - float64(slope[i]) }) / h
	second := max(1e-6, 1e-3*h)
	if fastest := max(speed, bend); fastest > 1e-15 {
		second = math.Pow(.01/fastest, 1./5)
	}
	return direction * min(100*h, second, longest), nil
}

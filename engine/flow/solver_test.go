package flow

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// A flow with a closed form: its velocity and where a state of two values that starts at z0 at time 0 is at time 1.
var closedFlows = []struct {
	name string
	v    Velocity
	end  func(z0 []float32) []float64
}{
	{
		"decay",
		func(z []float32, _ float64) ([]float32, error) { return []float32{-z[0], -z[1]}, nil },
		func(z []float32) []float64 { return []float64{float64(z[0]) / math.E, float64(z[1]) / math.E} },
	},
	{
		"rotation",
		func(z []float32, _ float64) ([]float32, error) { return []float32{-2 * z[1], 2 * z[0]}, nil },
		func(z []float32) []float64 {
			s, c := math.Sincos(2)
			return []float64{c*float64(z[0]) - s*float64(z[1]), s*float64(z[0]) + c*float64(z[1])}
		},
	},
	{
		"velocity that depends on time alone",
		func(_ []float32, t float64) ([]float32, error) {
			return []float32{float32(3 * t * t), float32(math.Exp(t))}, nil
		},
		func(z []float32) []float64 { return []float64{float64(z[0]) + 1, float64(z[1]) + math.E - 1} },
	},
	{
		"velocity that depends on time and place",
		func(z []float32, t float64) ([]float32, error) {
			return []float32{2 * float32(t) * z[0], -float32(t) * z[1]}, nil
		},
		func(z []float32) []float64 {
			return []float64{float64(z[0]) * math.E, float64(z[1]) * math.Exp(-.5)}
		},
	},
	{
		"rectified flow between two Gaussians",
		gaussians,
		func(z []float32) []float64 {
			return []float64{gaussianMean + gaussianDeviation*float64(z[0]), gaussianMean + gaussianDeviation*float64(z[1])}
		},
	},
}

// gaussians is the exact velocity of the rectified flow from N(0, 1) to N(m, s²) under independent coupling, in each
// coordinate: E[X1 − X0 | Xt = z] with Cov(X1 − X0, Xt) = ts² − (1−t). Its paths bend, and end at m + s·z0.
func gaussians(z []float32, t float64) ([]float32, error) {
	const m, s = gaussianMean, gaussianDeviation
	out := make([]float32, len(z))
	for i := range z {
		out[i] = float32(m + (t*s*s-(1-t))/(t*t*s*s+(1-t)*(1-t))*(float64(z[i])-t*m))
	}
	return out, nil
}

const gaussianMean, gaussianDeviation = 1.5, .6

// fixed are the solvers of equal steps.
var fixed = []Solver{ByEuler, ByMidpoint, ByHeun, ByRK4}

var begin = []float32{1, -.5}

func distance(got []float32, want []float64) float64 {
	sum := 0.0
	for i := range got {
		d := float64(got[i]) - want[i]
		sum += d * d
	}
	return math.Sqrt(sum)
}

func solve(t *testing.T, s Solver, v Velocity, x []float32, p Path) []float32 {
	t.Helper()
	z, _, err := s.Solve(t.Context(), v, x, p)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Halving the step divides the error by 2^order. A method may do better on a flow that is special to it.
func TestSolversHaveTheirOrder(t *testing.T) {
	for _, s := range fixed {
		for _, f := range closedFlows {
			steps := map[int]int{1: 64, 2: 24, 4: 8}[s.Order()] // errors far above float32's rounding
			coarse := distance(solve(t, s, f.v, begin, Forward(steps)), f.end(begin))
			fine := distance(solve(t, s, f.v, begin, Forward(2*steps)), f.end(begin))
			if order := math.Log2(coarse / fine); math.Abs(order-float64(s.Order())) > .3 && coarse > 1e-5 {
				t.Errorf("%s, %s: errors %.2g and %.2g are of order %.2f, want %d", s, f.name, coarse, fine, order, s.Order())
			}
		}
	}
}

// The order of RK45 shows with its steps held equal. In float32 that needs long steps of a fast flow.
func TestDormandPrinceIsOfFifthOrder(t *testing.T) {
	v := func(z []float32, _ float64) ([]float32, error) { return []float32{-6 * z[1], 6 * z[0]}, nil }
	sin, cos := math.Sincos(6)
	want := []float64{cos*float64(begin[0]) - sin*float64(begin[1]), sin*float64(begin[0]) + cos*float64(begin[1])}
	fault := func(n int) float64 {
		z, err := explicit(t.Context(), v, begin, Forward(n), nil, dormandPrince[:5], dormandPrince[5])
		if err != nil {
			t.Fatal(err)
		}
		return distance(z, want)
	}
	coarse, fine := fault(6), fault(12)
	if order := math.Log2(coarse / fine); order < 4.6 || order > 6 {
		t.Errorf("errors %.2g and %.2g are of order %.2f, want 5", coarse, fine, order)
	}
}

func TestRK45MeetsItsTolerance(t *testing.T) {
	for _, f := range closedFlows {
		before := 0
		for _, tolerance := range []float64{1e-2, 1e-3, 1e-4, 1e-5} {
			z, evaluations, err := ByRK45.Solve(t.Context(), f.v, begin, Path{From: 0, To: 1, Relative: tolerance, Absolute: tolerance})
			if err != nil {
				t.Fatal(err)
			}
			// The tolerance is that of a step; a few steps add up, and the flow may stretch what they leave.
			if d := distance(z, f.end(begin)); d > 10*tolerance {
				t.Errorf("%s: misses by %.2g at tolerance %g", f.name, d, tolerance)
			}
			if evaluations < before || evaluations > 200 {
				t.Errorf("%s: %d evaluations at tolerance %g after %d at ten times that", f.name, evaluations, tolerance, before)
			}
			before = evaluations
		}
	}
}

// On a straight flow RK45 needs one step and the two evaluations by which it begins.
func TestRK45TakesOneStepOnAStraightFlow(t *testing.T) {
	v := func(z []float32, _ float64) ([]float32, error) { return []float32{2, -1}, nil }
	z, evaluations, err := ByRK45.Solve(t.Context(), v, begin, Forward(1))
	if err != nil {
		t.Fatal(err)
	}
	if d := distance(z, []float64{3, -1.5}); d > 1e-6 || evaluations != 7 {
		t.Errorf("ends at %v after %d evaluations, want [3 -1.5] after 7", z, evaluations)
	}
}

// A velocity that jumps makes RK45 refuse steps, and then shorten them.
func TestRK45ShortensItsStepsWhereTheFlowIsFast(t *testing.T) {
	var speeds []float32
	_, err := RK45(t.Context(), func(z []float32, at float64) ([]float32, error) {
		return []float32{float32(1 / (1e-3 + (at-.5)*(at-.5)))}, nil
	}, []float32{0}, Path{From: 0, To: 1, Relative: 1e-4, Absolute: 1e-4}, func(_ int, _, v []float32) { speeds = append(speeds, v[0]) })
	if err != nil {
		t.Fatal(err)
	}
	peak := 0
	for _, v := range speeds {
		if v > 100 { // |t − ½| < 0.095, a fifth of the time
			peak++
		}
	}
	if peak < len(speeds)/3 {
		t.Errorf("%d of %d steps are at the peak", peak, len(speeds))
	}
}

// Whatever the tolerance, a velocity that is not a number ends with words.
func TestRK45SaysWhenTheVelocityIsNotFinite(t *testing.T) {
	_, err := RK45(t.Context(), func(z []float32, _ float64) ([]float32, error) {
		return []float32{float32(math.NaN())}, nil
	}, []float32{1}, Forward(1), nil)
	if err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("the error is %v", err)
	}
}

// Going there and back misses the start by less and less, at the solver's order.
func TestTheReverseFlowIsTheInverse(t *testing.T) {
	start := []float64{float64(begin[0]), float64(begin[1])}
	for _, f := range closedFlows {
		for _, s := range fixed {
			fault := func(n int) float64 {
				return distance(solve(t, s, f.v, solve(t, s, f.v, begin, Forward(n)), Backward(n)), start)
			}
			coarse, fine := fault(16), fault(32)
			if coarse > .4 || coarse > 1e-5 && math.Log2(coarse/fine) < float64(s.Order())-.3 {
				t.Errorf("%s, %s: there and back misses by %.2g in 16 steps and %.2g in 32, want order %d", s, f.name, coarse, fine, s.Order())
			}
		}
		p := Path{From: 0, To: 1, Relative: 1e-5, Absolute: 1e-5}
		there := solve(t, ByRK45, f.v, begin, p)
		p.From, p.To = 1, 0
		if d := distance(solve(t, ByRK45, f.v, there, p), start); d > 2e-4 {
			t.Errorf("rk45, %s: there and back misses by %.2g", f.name, d)
		}
	}
}

func TestSolverNamesAreReadBack(t *testing.T) {
	for _, s := range Solvers() {
		if got, err := ParseSolver(strings.ToUpper(s.String())); err != nil || got != s {
			t.Errorf("%q is read as %v, %v", s, got, err)
		}
	}
	if _, err := ParseSolver("leapfrog"); err == nil || !strings.Contains(err.Error(), "rk45") {
		t.Errorf("an unknown solver gives %v, which does not name the known ones", err)
	}
}

// z(t) = z0·(1 + at) moves straight: v(z, t) = az/(1 + at). One step is as good as many, in both directions.
func TestOneEulerStepIsExactOnAStraightFlow(t *testing.T) {
	const a = 1.5
	v := func(z []float32, t float64) ([]float32, error) {
		out := make([]float32, len(z))
		for i := range z {
			out[i] = float32(a * float64(z[i]) / (1 + a*t))
		}
		return out, nil
	}
	for _, n := range []int{1, 2, 7} {
		z, err := Euler(t.Context(), v, begin, Forward(n), nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := distance(z, []float64{2.5, -1.25}); d > 1e-6 {
			t.Errorf("%d steps forward end %.2g beside the line", n, d)
		}
		back, err := Euler(t.Context(), v, z, Backward(n), nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := distance(back, []float64{1, -.5}); d > 1e-6 {
			t.Errorf("%d steps backward end %.2g beside the line", n, d)
		}
	}
}

func TestSolversEvaluateWhenAndAsOftenAsTheySay(t *testing.T) {
	for s, want := range map[Solver][]float64{
		ByEuler:    {1, .5},
		ByMidpoint: {1, .75, .5, .25},
		ByHeun:     {1, .5, .5, 0},
		ByRK4:      {1, .75, .75, .5, .5, .25, .25, 0},
	} {
		var times []float64
		_, n, err := s.Solve(t.Context(), func(z []float32, at float64) ([]float32, error) {
			times = append(times, at)
			return make([]float32, len(z)), nil
		}, begin, Backward(2))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(times, want) || n != len(want) {
			t.Errorf("%s evaluated at %v and counted %d, want %v", s, times, n, want)
		}
	}
}

func TestSolversLeaveTheStartUnchanged(t *testing.T) {
	for _, s := range Solvers() {
		x := slices.Clone(begin)
		solve(t, s, closedFlows[0].v, x, Forward(3))
		if !slices.Equal(x, begin) {
			t.Errorf("%s changed its input to %v", s, x)
		}
	}
}

func TestEulerShowsEveryVelocityBeforeItIsApplied(t *testing.T) {
	var steps []int
	var states [][]float32
	_, err := Euler(t.Context(), func(z []float32, at float64) ([]float32, error) {
		return []float32{float32(at) + 1, 0}, nil
	}, []float32{0, 7}, Forward(2), func(step int, z, v []float32) {
		steps = append(steps, step)
		states = append(states, append(slices.Clone(z), v...))
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(steps, []int{0, 1}) || !slices.Equal(states[0], []float32{0, 7, 1, 0}) || !slices.Equal(states[1], []float32{.5, 7, 1.5, 0}) {
		t.Errorf("steps %v, states and velocities %v", steps, states)
	}
}

func TestSolversStopWhenTheContextEnds(t *testing.T) {
	for _, s := range Solvers() {
		ctx, cancel := context.WithCancel(t.Context())
		evaluations := 0
		z, _, err := s.Solve(ctx, func(z []float32, _ float64) ([]float32, error) {
			evaluations++
			cancel()
			return make([]float32, len(z)), nil
		}, begin, Forward(100))
		if !errors.Is(err, context.Canceled) || z != nil {
			t.Errorf("%s returned %v, %v after a cancellation", s, z, err)
		}
		if evaluations > s.Order() {
			t.Errorf("%s made %d evaluations after a cancellation in the first step", s, evaluations)
		}
	}
}

func TestSolversPassErrorsOn(t *testing.T) {
	broken := errors.New("no device")
	for _, s := range Solvers() {
		_, _, err := s.Solve(t.Context(), func([]float32, float64) ([]float32, error) { return nil, broken }, begin, Forward(2))
		if !errors.Is(err, broken) {
			t.Errorf("%s returned %v for a velocity that fails", s, err)
		}
	}
	for _, s := range fixed {
		if _, _, err := s.Solve(t.Context(), closedFlows[0].v, begin, Forward(0)); err == nil || !strings.Contains(err.Error(), "at least one") {
			t.Errorf("%s returned %v for no steps", s, err)
		}
	}
}

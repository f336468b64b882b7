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
}

var solvers = []struct {
	name  string
	order float64
	solve func(ctx context.Context, v Velocity, x []float32, p Path) ([]float32, error)
}{
	{"Euler", 1, func(ctx context.Context, v Velocity, x []float32, p Path) ([]float32, error) {
		return Euler(ctx, v, x, p, nil)
	}},
	{"Heun", 2, Heun},
}

var begin = []float32{1, -.5}

func distance(got []float32, want []float64) float64 {
	sum := 0.0
	for i := range got {
		d := float64(got[i]) - want[i]
		sum += d * d
	}
	return math.Sqrt(sum)
}

// Halving the step divides the error by 2^order.
func TestSolversHaveTheirOrder(t *testing.T) {
	for _, s := range solvers {
		for _, f := range closedFlows {
			fault := func(n int) float64 {
				z, err := s.solve(t.Context(), f.v, begin, Forward(n))
				if err != nil {
					t.Fatal(err)
				}
				return distance(z, f.end(begin))
			}
			coarse, fine := fault(16), fault(32)
			if order := math.Log2(coarse / fine); math.Abs(order-s.order) > .2 {
				t.Errorf("%s, %s: errors %.2g and %.2g are of order %.2f, want %g", s.name, f.name, coarse, fine, order, s.order)
			}
		}
	}
}

// Going there and back misses the start by less and less, at the solver's order.
func TestTheReverseFlowIsTheInverse(t *testing.T) {
	for _, s := range solvers {
		for _, f := range closedFlows[:2] {
			fault := func(n int) float64 {
				z, err := s.solve(t.Context(), f.v, begin, Forward(n))
				if err != nil {
					t.Fatal(err)
				}
				back, err := s.solve(t.Context(), f.v, z, Backward(n))
				if err != nil {
					t.Fatal(err)
				}
				return distance(back, []float64{float64(begin[0]), float64(begin[1])})
			}
			coarse, fine := fault(16), fault(32)
			if coarse > .4 || math.Log2(coarse/fine) < s.order-.2 {
				t.Errorf("%s, %s: there and back misses by %.2g in 16 steps and %.2g in 32, want order %g", s.name, f.name, coarse, fine, s.order)
			}
		}
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

func TestSolversEvaluateAsOftenAsTheySay(t *testing.T) {
	for _, s := range solvers {
		var times []float64
		x := slices.Clone(begin)
		_, err := s.solve(t.Context(), func(z []float32, at float64) ([]float32, error) {
			times = append(times, at)
			return make([]float32, len(z)), nil
		}, x, Backward(4))
		if err != nil {
			t.Fatal(err)
		}
		want := []float64{1, .75, .5, .25}
		if s.order == 2 {
			want = []float64{1, .75, .75, .5, .5, .25, .25, 0}
		}
		if !slices.Equal(times, want) {
			t.Errorf("%s evaluated at %v, want %v", s.name, times, want)
		}
	}
}

func TestSolversLeaveTheStartUnchanged(t *testing.T) {
	for _, s := range solvers {
		x := slices.Clone(begin)
		if _, err := s.solve(t.Context(), closedFlows[0].v, x, Forward(3)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x, begin) {
			t.Errorf("%s changed its input to %v", s.name, x)
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
	for _, s := range solvers {
		ctx, cancel := context.WithCancel(t.Context())
		evaluations := 0
		z, err := s.solve(ctx, func(z []float32, _ float64) ([]float32, error) {
			evaluations++
			cancel()
			return make([]float32, len(z)), nil
		}, begin, Forward(100))
		if !errors.Is(err, context.Canceled) || z != nil {
			t.Errorf("%s returned %v, %v after a cancellation", s.name, z, err)
		}
		if evaluations > int(s.order) {
			t.Errorf("%s made %d evaluations after a cancellation in the first step", s.name, evaluations)
		}
	}
}

func TestSolversPassErrorsOn(t *testing.T) {
	broken := errors.New("no device")
	for _, s := range solvers {
		_, err := s.solve(t.Context(), func([]float32, float64) ([]float32, error) { return nil, broken }, begin, Forward(2))
		if !errors.Is(err, broken) {
			t.Errorf("%s returned %v for a velocity that fails", s.name, err)
		}
		if _, err := s.solve(t.Context(), closedFlows[0].v, begin, Forward(0)); err == nil || !strings.Contains(err.Error(), "at least one") {
			t.Errorf("%s returned %v for no steps", s.name, err)
		}
	}
}

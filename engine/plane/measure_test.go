package plane

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/straightway-app/straightway/engine/flow"
)

func normal(n int, seed uint64, at, width float64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, 2*n)
	for i := range out {
		out[i] = float32(at + width*rng.NormFloat64())
	}
	return out
}

// With the exact velocity of the flow between two Gaussians, S + V is the fall of the cost, within sampling error.
func TestTheIdentityHoldsForTheExactVelocity(t *testing.T) {
	const n, at, width = 4000, 1.5, .6
	exact := func(x, t []float32) ([]float32, error) {
		out := make([]float32, len(x))
		for i := range out {
			u := float64(t[i/2])
			out[i] = float32(at + (u*width*width-(1-u))/(u*u*width*width+(1-u)*(1-u))*(float64(x[i])-u*at))
		}
		return out, nil
	}
	v := func(x []float32, at float64) ([]float32, error) {
		return exact(x, slices.Repeat([]float32{float32(at)}, len(x)/2))
	}
	x0, x1 := normal(n, 1, 0, 1), normal(n, 2, at, width)
	path, s, err := walk(t.Context(), v, x0, flow.ByRK4, 40)
	if err != nil {
		t.Fatal(err)
	}
	var m Measurements
	if err := m.measureIdentity(exact, x0, path[len(path)-1], s, func(i, k int) (x, y float32) {
		j := (i + 37*k) % n
		return x1[2*j], x1[2*j+1]
	}, 1); err != nil {
		t.Fatal(err)
	}
	// The paths end at m + s·z0, so that the drop is 2·((1 + s² + m²) − ((1−s)² + m²)) = 4s.
	if math.Abs(m.CostDrop.Value-4*width) > .1 {
		t.Errorf("the cost falls by %.3f, want %.3f", m.CostDrop.Value, 4*width)
	}
	if math.Abs(m.Gap.Value) > .02*m.CostDrop.Value {
		t.Errorf("S %.4f + V %.4f is not the drop %.4f", m.Straightness.Value, m.Crossing.Value, m.CostDrop.Value)
	}
	if m.Straightness.Value < .05 || m.Crossing.Value < 1 {
		t.Errorf("S %.4f and V %.4f: these paths bend and these lines cross", m.Straightness.Value, m.Crossing.Value)
	}
}

func TestStraightPathsHaveNoStraightnessError(t *testing.T) {
	x0 := normal(100, 3, 0, 1)
	path, s, err := walk(t.Context(), func(x []float32, _ float64) ([]float32, error) {
		return slices.Repeat([]float32{1, -2}, len(x)/2), nil
	}, x0, flow.ByRK45, 4)
	if err != nil {
		t.Fatal(err)
	}
	if m := mean(s); m.Value > 1e-9 || len(path) != 5 {
		t.Errorf("S is %g over %d states, want 0 over 5", m.Value, len(path))
	}
	if c := costOf(x0, path[4]); math.Abs(c.L1.Value-3) > 1e-5 || math.Abs(c.L2Squared.Value-5) > 1e-5 ||
		math.Abs(c.L2.Value-math.Sqrt(5)) > 1e-5 || math.Abs(c.Huber.Value-math.Sqrt(5)+.5) > 1e-5 {
		t.Errorf("the costs of a shift by (1, −2) are %+v", c)
	}
}

// Stretching along the axes is an optimal transport, so that no other pairing of the same points costs less; turning is
// straight as well, and is not.
func TestStraightIsNotOptimal(t *testing.T) {
	const n = 300
	x := normal(n, 5, 0, 1)
	stretched, turned := make([]float32, 2*n), make([]float32, 2*n)
	for i := 0; i < 2*n; i += 2 {
		stretched[i], stretched[i+1] = 2*x[i]+1, x[i+1]/2
		turned[i], turned[i+1] = -x[i+1], x[i]
	}
	if least, excess := leastCost(x, stretched); excess > 1e-6 || math.Abs(least-costOf(x, stretched).L2Squared.Value) > 1e-4 {
		t.Errorf("a stretch costs %.4f and %.4f more than the best pairing, want no more", least, excess)
	}
	if least, excess := leastCost(x, turned); least > .5 || math.Abs(least+excess-costOf(x, turned).L2Squared.Value) > 1e-3 {
		t.Errorf("a quarter turn costs %.3f at best and %.3f more, want about 4 in all and little of it needed", least, excess)
	}
}

// The energy distance is unbiased, and its error says how far it lies from the truth.
func TestEnergyDistance(t *testing.T) {
	const trials, n = 40, 200
	var same, apart, errors []float64
	for k := range trials {
		a, b := normal(n, uint64(100+k), 0, 1), normal(n, uint64(200+k), 0, 1)
		e := distanceBetween(a, b)
		same = append(same, e.Squared.Value)
		if math.Abs(e.Value-e.Noise) > .15 || e.Noise < .05 {
			t.Errorf("two samples of one distribution are %.3f apart, noise %.3f", e.Value, e.Noise)
		}
		e = distanceBetween(a, normal(n, uint64(300+k), .5, 1))
		apart, errors = append(apart, e.Squared.Value), append(errors, e.Squared.SE)
	}
	if m := mean(same); math.Abs(m.Value) > 4*m.SE {
		t.Errorf("equal distributions have %.5f ± %.5f on average, want 0", m.Value, m.SE)
	}
	m := mean(apart)
	spread := m.SE * math.Sqrt(trials)
	if got := mean(errors).Value; got < spread/2 || got > 2*spread {
		t.Errorf("the standard error is said to be %.4f and is %.4f", got, spread)
	}
	if m.Value < .1 {
		t.Errorf("a shift by (½, ½) is %.4f ± %.4f away", m.Value, m.SE)
	}
}

// The ends of two flows from the same particles share the luck of their sample, so that a difference between them is known
// far better than either distance.
func TestDistancesFromTheSameParticlesCompareFinely(t *testing.T) {
	const trials, n = 40, 200
	var differences, errors, apart []float64
	for k := range trials {
		target, near := normal(n, uint64(100+k), 0, 1), normal(n, uint64(200+k), .1, 1)
		far := make([]float32, len(near))
		for i, v := range near {
			far[i] = v + .1
		}
		a, b := distanceBetween(far, target), distanceBetween(near, target)
		d := a.Farther(b)
		differences, errors, apart = append(differences, d.Value), append(errors, d.SE), append(apart, math.Hypot(a.Squared.SE, b.Squared.SE))
		if back := b.Farther(a); back.Value != -d.Value || math.Abs(back.SE-d.SE) > 1e-12 {
			t.Errorf("the difference is %v one way and %v the other", d, back)
		}
	}
	m := mean(differences)
	spread := m.SE * math.Sqrt(trials)
	if got := mean(errors).Value; got < spread/2 || got > 2*spread {
		t.Errorf("the standard error of the difference is said to be %.4f and is %.4f", got, spread)
	}
	if got, loose := mean(errors).Value, mean(apart).Value; got > .7*loose {
		t.Errorf("the difference has an error of %.4f, of two independent ones %.4f", got, loose)
	}
}

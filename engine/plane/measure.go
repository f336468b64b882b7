package plane

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/measure"
)

// Cost is the transport cost E c(b − a) of a coupling of points a and b for four convex c, with standard errors.
// Rectified flow raises none of them (theorem 3.5 of the paper).
type Cost struct {
	L1        Estimate // |dx| + |dy|
	L2        Estimate // ‖d‖
	L2Squared Estimate // ‖d‖²
	Huber     Estimate // ‖d‖²/2 up to ‖d‖ = 1, ‖d‖ − ½ beyond
}

func costOf(a, b []float32) Cost {
	n := len(a) / 2
	var s [4][]float64
	for i := range s {
		s[i] = make([]float64, n)
	}
	for i := range n {
		dx, dy := float64(b[2*i]-a[2*i]), float64(b[2*i+1]-a[2*i+1])
		r := math.Hypot(dx, dy)
		s[0][i], s[1][i], s[2][i], s[3][i] = math.Abs(dx)+math.Abs(dy), r, r*r, r-.5
		if r < 1 {
			s[3][i] = r * r / 2
		}
	}
	return Cost{mean(s[0]), mean(s[1]), mean(s[2]), mean(s[3])}
}

// Distance compares two distributions by their energy distance.
type Distance struct {
	// Value is the square root of the energy distance between the two samples, in units of length^½. It is never
	// negative; Noise is what samples of these sizes have on average when their distributions agree.
	Value, Noise float64
	// Squared estimates the energy distance itself without bias: about 0, perhaps below, where the distributions agree.
	Squared Estimate

	energy measure.Energy
}

// DistanceOf is an energy distance as the laboratory has it.
func DistanceOf(e measure.Energy) Distance {
	return Distance{e.Distance, e.Noise, Estimate{e.Squared.Mean, e.Squared.SE}, e}
}

func distanceBetween(x, y []float32) Distance {
	points := func(flat []float32) measure.Matrix { return measure.Matrix{Rows: len(flat) / 2, Cols: 2, Data: flat} }
	e, err := measure.EnergyDistance(points(x), points(y))
	if err != nil {
		panic(err) // fewer points than Options allow
	}
	return DistanceOf(e)
}

// Farther is how much larger the square of d is than that of o, both from the same sample: of the ends of two flows that
// begin with the same particles it is known far better than either square, for they share their luck.
func (d Distance) Farther(o Distance) Estimate {
	e := d.energy.Farther(o.energy)
	return Estimate{e.Mean, e.SE}
}

// MarginalTimes are the times at which marginals are compared.
var MarginalTimes = [5]float64{0, .25, .5, .75, 1}

// Measurements are what the theorems speak of, for one round: a coupling (X0, X1) to learn from, and the coupling
// (Z0, Z1) that its flow makes.
type Measurements struct {
	// Straightness is S = ∫ E‖(Z1 − Z0) − v(Zt, t)‖² dt along the round's own paths: 0 for straight paths at constant
	// speed.
	Straightness Estimate
	// Crossing is V = ∫ E‖(X1 − X0) − v(Xt, t)‖² dt on the straight lines: 0 where no two lines cross. For a distilled
	// network it is the mean over the starts of its steps, for one step what the network misses of its pairs.
	Crossing Estimate
	// Before and After are the costs of (X0, X1) and of (Z0, Z1).
	Before, After Cost
	// Optimal is the least E‖·‖² at which the starts and the ends of the flow could be paired, of the first 1024 particles
	// (optimal transport between the two samples), and Excess what (Z0, Z1) costs above that: 0 where the flow is an
	// optimal transport, and in the mean no more than the truth where it is not. A straight coupling may keep some.
	Optimal, Excess float64
	// CostDrop is E‖X1 − X0‖² − E‖Z1 − Z0‖², which is S + V for the exact velocity (the proof of theorem 3.7), and Gap what
	// S + V exceeds it by. A trained velocity leaves a gap, because its paths do not quite keep the marginals.
	CostDrop, Gap Estimate
	// Marginal compares Zt with Xt at MarginalTimes, on samples independent of each other; at t = 0 and t = 1 Xt is the
	// source and the target themselves, so that Marginal[4] holds the errors of all rounds so far.
	Marginal [5]Distance
	// Fewer compares the ends of the flow in 1, 2 and 4 Euler steps with the target; of a distillation in 1 and in its own
	// number.
	Fewer map[int]Distance
	// Own compares the ends of the flow with the X1 that this round learnt from: the error of this round alone.
	Own Distance
	// Evaluations is how often RK45 evaluates the velocity on the way from 0 to 1 at flow.DefaultRelative: straight paths
	// need few. It is not counted, and 0, for a reference.
	Evaluations int
}

// optimalPoints is the number of particles of which the least cost is found; its time grows with the cube.
const optimalPoints = 1024

// leastCost is the least mean of ‖b − a‖² over all ways of pairing points a with points b, and what the way as they stand
// costs above it.
func leastCost(a, b []float32) (least, excess float64) {
	n := min(len(a)/2, optimalPoints)
	cost := make([]float32, n*n)
	for i := range n {
		for j := range n {
			cost[i*n+j] = float32(square(b[2*j]-a[2*i], b[2*j+1]-a[2*i+1]))
		}
	}
	for i, j := range flow.Assign(cost, n) {
		least += float64(cost[i*n+j]) / float64(n)
		excess += float64(cost[i*n+i]-cost[i*n+j]) / float64(n)
	}
	return least, excess
}

// FewerSteps are the numbers of Euler steps beside the full number.
var FewerSteps = []int{1, 2, 4}

// strata is the number of times at which the crossing term is sampled for each line.
const strata = 32

// measureIdentity fills in S, V, the fall of the cost and the gap between them. v evaluates the velocity at points, each
// at a time of its own; ends and s are what walk returns for x0. partner gives the X1 of point i in stratum k: an
// independent coupling has another one in each, by which V and the cost are known better.
func (m *Measurements) measureIdentity(v velocity, x0, ends []float32, s []float64, partner func(i, k int) (x, y float32), seed uint64) error {
	n := len(x0) / 2
	rng := rand.New(rand.NewPCG(seed, 0x63726f7373))
	crossing, before := make([]float64, n), make([]float64, n)
	xt, d, t := make([]float32, 2*n), make([]float32, 2*n), make([]float32, n)
	for k := range strata {
		for i := range n {
			t[i] = float32((float64(k) + rng.Float64()) / strata)
			x, y := partner(i, k)
			d[2*i], d[2*i+1] = x-x0[2*i], y-x0[2*i+1]
			xt[2*i], xt[2*i+1] = x0[2*i]+t[i]*d[2*i], x0[2*i+1]+t[i]*d[2*i+1]
			before[i] += square(d[2*i], d[2*i+1]) / strata
		}
		u, err := v(xt, t)
		if err != nil {
			return err
		}
		for i := range n {
			crossing[i] += square(d[2*i]-u[2*i], d[2*i+1]-u[2*i+1]) / strata
		}
	}
	drop, gap := make([]float64, n), make([]float64, n)
	for i := range n {
		drop[i] = before[i] - square(ends[2*i]-x0[2*i], ends[2*i+1]-x0[2*i+1])
		gap[i] = s[i] + crossing[i] - drop[i]
	}
	m.Straightness, m.Crossing, m.CostDrop, m.Gap = mean(s), mean(crossing), mean(drop), mean(gap)
	return nil
}

func square(x, y float32) float64 { return float64(x)*float64(x) + float64(y)*float64(y) }

// walk solves from t = 0 to t = 1 in steps equal stretches, each one step of the solver (an adaptive one may divide it).
// It returns the states at the steps+1 times, and for every particle ∫‖(Z1 − Z0) − v(Zt, t)‖² dt by the trapezoid rule.
func walk(ctx context.Context, v flow.Velocity, x0 []float32, solver flow.Solver, steps int) (path [][]float32, s []float64, err error) {
	path = [][]float32{x0}
	velocities := make([][]float32, 0, steps+1)
	for k := range steps {
		p := flow.Path{From: float64(k) / float64(steps), To: float64(k+1) / float64(steps), Steps: 1}
		first := true
		z, err := solver.Method()(ctx, v, path[k], p, func(_ int, _, u []float32) {
			if first {
				velocities, first = append(velocities, append([]float32(nil), u...)), false
			}
		})
		if err != nil {
			return nil, nil, err
		}
		path = append(path, z)
	}
	last, err := v(path[steps], 1)
	if err != nil {
		return nil, nil, err
	}
	velocities = append(velocities, last)
	z1 := path[steps]
	s = make([]float64, len(x0)/2)
	for k, u := range velocities {
		weight := 1 / float64(steps)
		if k == 0 || k == steps {
			weight /= 2
		}
		for i := range s {
			s[i] += weight * square(z1[2*i]-x0[2*i]-u[2*i], z1[2*i+1]-x0[2*i+1]-u[2*i+1])
		}
	}
	return path, s, nil
}

// between is the state of straight lines at time t.
func between(a, b []float32, t float64) []float32 {
	out := make([]float32, len(a))
	for i := range a {
		out[i] = a[i] + float32(t)*(b[i]-a[i])
	}
	return out
}

// at is a path's state at time t in [0, 1], linear between its states, which are at equal times.
func at(path [][]float32, t float64) []float32 {
	place := t * float64(len(path)-1)
	k := min(int(place), len(path)-2)
	return between(path[k], path[k+1], place-float64(k))
}

package plane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/straightway-app/straightway/engine/flow"
)

// Kind says how a round learns.
type Kind string

// The kinds of round.
const (
	Closed Kind = "exact"  // round 1 in closed form, without a network
	Flow   Kind = "flow"   // from independent pairs
	Reflow Kind = "reflow" // from the pairs that the round before makes
	Distil Kind = "distil" // from the same pairs as a reflow would, at the starts of its few Euler steps only: these copy them
)

// Options set up a run.
type Options struct {
	Source, Target Shape
	Reference      Reference   // velocity in closed form that is followed before the rounds; 0 means none
	Rounds         int         // flow and reflows together; 0 means 3
	Distil         []int       // rounds whose pairs are distilled as well
	DistilSteps    int         // Euler steps that a distillation is made for, learning at t = 0, 1/k, …, (k−1)/k; 0 means 1
	Solver         flow.Solver // of the paths; they are recorded at every step
	Steps          int         // of the solver; 0 means 32
	Points         int         // particles shown and measured; 0 means 4096
	Updates        int         // of the network in round 1, three fifths as many in a reflow, a fortieth for each step of a distillation, or at least 25 or a twentieth; 0 means 2000
	Seed           uint64
	// Progress, where given, is called from the goroutine of Run after every update of a network and after every round.
	Progress func(Progress)
}

func (o Options) withDefaults() (Options, error) {
	fill := func(v *int, standard, least int, what string) error {
		if *v == 0 {
			*v = standard
		}
		if *v < least {
			return fmt.Errorf("laboratory: %d %s: at least %d are needed", *v, what, least)
		}
		return nil
	}
	for _, err := range []error{
		fill(&o.Rounds, 3, 1, "rounds"), fill(&o.Steps, 32, 1, "solver steps"),
		fill(&o.Points, 4096, 64, "points"), fill(&o.Updates, 2000, 6, "updates"),
		fill(&o.DistilSteps, 1, 1, "steps of a distillation"),
	} {
		if err != nil {
			return o, err
		}
	}
	for _, k := range o.Distil {
		if k < 1 || k > o.Rounds {
			return o, fmt.Errorf("laboratory: there is no round %d to distil: rounds are 1 to %d", k, o.Rounds)
		}
	}
	if o.Source.sample == nil || o.Target.sample == nil {
		return o, errors.New("laboratory: a source and a target shape are needed")
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o, nil
}

// Progress says how far a run is.
type Progress struct {
	Round       int
	Kind        Kind
	Done, Total int     // updates of this round's network
	Loss        float64 // of the last batch
	Finished    *Round  // set once, when the round is done; a reference comes so alone
}

// Round is one finished round. Nobody changes it.
type Round struct {
	Number  int
	Kind    Kind
	Updates int
	Seconds float64
	Loss    float64 // mean over the last tenth of the updates
	// X1 are the partners of Path[0] in the coupling that the round learnt from: its straight lines.
	X1 []float32
	// Path is where the particles are at len(Path) equal times from 0 to 1.
	Path [][]float32
	// Fewer are the ends of the same particles in 1, 2 and 4 Euler steps; of a distillation in 1 and in its own number.
	Fewer map[int][]float32
	// Polygons are the whole ways that lead there, by the number of steps: the places of the particles at equal times.
	Polygons map[int][][]float32
	Measurements
}

// At returns the particles at time t in [0, 1].
func (r *Round) At(t float64) []float32 { return at(r.Path, t) }

// Name is the round's name in tables and files, such as 2-reflow.
func (r *Round) Name() string {
	if r.Kind == Closed {
		return string(Closed)
	}
	return fmt.Sprintf("%d-%s", r.Number, r.Kind)
}

// Result is a whole run, rounds in the order in which they were trained: a round's distillation follows it.
type Result struct {
	Source, Target Shape
	Exact          *Round // the flow of Options.Reference, number 0, of the first of the particles; nil for none
	Rounds         []*Round
}

// Independent is the round-1 cost E‖X1 − X0‖² before any flow; by theorem 3.7 of the paper, some round up to the k-th has
// S + V of at most Independent/k.
func (r *Result) Independent() float64 { return r.Rounds[0].Before.L2Squared.Value }

// Purposes of random numbers: each seed is used once.
const (
	seedNetwork = iota
	seedStart
	seedPartners
	seedFresh
	seedPool
	seedTarget
	seedRound = 1000
)

// lab is a run in progress.
type lab struct {
	Options
	start          []float32 // the particles shown, the same in all rounds
	partners       []float32 // independent target points
	freshX0, fresh []float32 // samples of both shapes for comparisons
	poolX0         []float32 // source points that pairs for training start from
}

// Run trains and measures the rounds. It stops with ctx's error soon after ctx ends; the rounds finished until then have
// been given to Progress.
func Run(ctx context.Context, o Options) (*Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	seed := func(purpose uint64) uint64 { return o.Seed*1_000_003 + purpose }
	l := &lab{
		Options:  o,
		start:    o.Source.Sample(o.Points, seed(seedStart)),
		partners: o.Target.Sample(o.Points, seed(seedPartners)),
		freshX0:  o.Source.Sample(o.Points, seed(seedFresh)),
		fresh:    o.Target.Sample(o.Points, seed(seedTarget)),
		poolX0:   o.Source.Sample(poolSize(o), seed(seedPool)),
	}
	result := &Result{Source: o.Source, Target: o.Target}
	if result.Exact, err = l.reference(ctx); err != nil {
		return nil, fmt.Errorf("following the velocity in closed form: %w", err)
	}
	if result.Exact != nil {
		l.Progress(Progress{Kind: Closed, Finished: result.Exact})
	}
	weights := table().Init(seed(seedNetwork))
	coupling, lines, fresh := independent(o.Source, o.Target), l.partners, l.fresh
	freshX0 := l.freshX0
	for k := 1; k <= o.Rounds; k++ {
		r := &Round{Number: k, Kind: Flow, Updates: o.Updates, X1: lines}
		rate, starts := 6e-3, 0.
		if k > 1 {
			r.Kind, r.Updates, rate, starts = Reflow, max(1, o.Updates*3/5), 4e-3, reflowStarts
		}
		began := time.Now()
		weights, r.Loss, err = learn(ctx, lesson{
			pairs: coupling, begin: weights, updates: r.Updates, rate: rate, starts: starts, seed: seed(uint64(seedRound + 2*k)), watch: l.watch(r),
		})
		if err != nil {
			return nil, fmt.Errorf("round %d: %w", k, err)
		}
		if err := l.measure(ctx, r, newNetwork(weights).velocity, freshX0, fresh); err != nil {
			return nil, fmt.Errorf("measuring round %d: %w", k, err)
		}
		r.Seconds = time.Since(began).Seconds()
		l.finish(result, r)
		distil := slices.Contains(o.Distil, k)
		if k == o.Rounds && !distil {
			break
		}
		// The pairs of this round: what it makes of source points that nothing has been measured on.
		poolX1, _, err := o.Solver.Solve(ctx, velocity(newNetwork(weights).velocity).field(), l.poolX0, flow.Forward(o.Steps))
		if err != nil {
			return nil, fmt.Errorf("pairs of round %d: %w", k, err)
		}
		coupling, lines = fixedPairs(l.poolX0, poolX1), r.Path[len(r.Path)-1]
		freshX0, fresh = l.poolX0[:2*o.Points], poolX1[:2*o.Points]
		if distil {
			d := &Round{Number: k, Kind: Distil, Updates: max(1, min(25, o.Updates/20), o.Updates/40) * o.DistilSteps, X1: lines}
			began := time.Now()
			student, loss, err := learn(ctx, lesson{
				pairs: coupling, begin: weights, updates: d.Updates, rate: 2e-3, steps: o.DistilSteps, seed: seed(uint64(seedRound + 2*k + 1)), watch: l.watch(d),
			})
			if err != nil {
				return nil, fmt.Errorf("distilling round %d: %w", k, err)
			}
			d.Loss = loss
			if err := l.measureDistilled(ctx, d, student, freshX0, fresh); err != nil {
				return nil, fmt.Errorf("measuring the distillation of round %d: %w", k, err)
			}
			d.Seconds = time.Since(began).Seconds()
			l.finish(result, d)
		}
	}
	return result, nil
}

// poolSize is the number of pairs that a reflow learns from: enough that the network cannot learn them by heart.
func poolSize(o Options) int { return max(8192, o.Points) }

func (l *lab) watch(r *Round) func(done int, loss float64) {
	return func(done int, loss float64) {
		l.Progress(Progress{Round: r.Number, Kind: r.Kind, Done: done, Total: r.Updates, Loss: loss})
	}
}

func (l *lab) finish(result *Result, r *Round) {
	result.Rounds = append(result.Rounds, r)
	l.Progress(Progress{Round: r.Number, Kind: r.Kind, Done: r.Updates, Total: r.Updates, Loss: r.Loss, Finished: r})
}

// measure fills in the round's paths and measurements. freshX0 and freshX1 are pairs of the coupling that the round
// learnt from, independent of the particles.
func (l *lab) measure(ctx context.Context, r *Round, of velocity, freshX0, freshX1 []float32) error {
	v := of.field()
	path, s, err := walk(ctx, v, l.start, l.Solver, l.Steps)
	if err != nil {
		return err
	}
	r.Path = path
	ends := path[len(path)-1]
	n := l.Points
	starts, partners := l.start, r.X1
	partner := func(i, _ int) (x, y float32) { return r.X1[2*i], r.X1[2*i+1] }
	if r.Number < 2 { // another independent partner in each stratum
		starts, partners = slices.Repeat(l.start, strata), l.Target.Sample(n*strata, l.Seed+seedPartners)
		partner = func(i, k int) (x, y float32) {
			j := 2 * (k*n + i)
			return partners[j], partners[j+1]
		}
	}
	if err := r.measureIdentity(of, l.start, ends, s, partner, l.Seed+uint64(r.Number)); err != nil {
		return err
	}
	r.Before, r.After = costOf(starts, partners), costOf(l.start, ends)
	r.Fewer, r.Polygons = map[int][]float32{}, map[int][][]float32{}
	for _, steps := range FewerSteps {
		polygon, _, err := walk(ctx, v, l.start, flow.ByEuler, steps)
		if err != nil {
			return err
		}
		r.Polygons[steps], r.Fewer[steps] = polygon, polygon[steps]
	}
	if r.Kind != Closed { // the nearest line changes in jumps, at which an adaptive solver ends
		few := l.start[:2*min(n, 256)] // the steps depend on the mean error of a batch, which some of it show
		if _, r.Evaluations, err = flow.ByRK45.Solve(ctx, v, few, flow.Path{From: 0, To: 1}); err != nil {
			return err
		}
	}
	l.compare(r, freshX0, freshX1)
	return ctx.Err()
}

// measureDistilled does the same for a network that knows the starts of its steps only. S, V and the drop are sums over
// these steps in place of integrals; in one step the path is straight by construction.
func (l *lab) measureDistilled(ctx context.Context, r *Round, weights, freshX0, freshX1 []float32) error {
	v, steps := velocity(newNetwork(weights).velocity).field(), l.DistilSteps
	miss := func(sum []float64, d, u []float32) { // what the velocity u misses of the displacement d
		for i := range sum {
			sum[i] += square(d[2*i]-u[2*i], d[2*i+1]-u[2*i+1]) / float64(steps)
		}
	}
	pairs, way := make([]float32, len(l.start)), make([]float32, len(l.start)) // displacements: X1 − X0, Z1 − Z0
	for i := range pairs {
		pairs[i] = r.X1[i] - l.start[i]
	}
	lines, s := make([]float64, l.Points), make([]float64, l.Points)
	r.Path = [][]float32{l.start}
	var velocities [][]float32
	for k := range steps {
		t := float64(k) / float64(steps)
		u, err := v(between(l.start, r.X1, t), t)
		if err != nil {
			return err
		}
		miss(lines, pairs, u)
		if u, err = v(r.Path[k], t); err != nil {
			return err
		}
		velocities = append(velocities, u)
		next := make([]float32, len(u))
		for i := range next {
			way[i] += u[i] / float32(steps)
			next[i] = l.start[i] + way[i]
		}
		r.Path = append(r.Path, next)
	}
	for _, u := range velocities {
		miss(s, way, u)
	}
	ends := r.Path[steps]
	one, _, err := flow.ByEuler.Solve(ctx, v, l.start, flow.Forward(1))
	if err != nil {
		return err
	}
	r.Fewer = map[int][]float32{1: one, steps: ends}
	r.Polygons = map[int][][]float32{1: {l.start, one}, steps: r.Path}
	r.Before, r.After = costOf(l.start, r.X1), costOf(l.start, ends)
	drop, gap := make([]float64, l.Points), make([]float64, l.Points)
	for i := range drop {
		a, b := 2*i, 2*i+1
		drop[i] = square(r.X1[a]-l.start[a], r.X1[b]-l.start[b]) - square(ends[a]-l.start[a], ends[b]-l.start[b])
		gap[i] = s[i] + lines[i] - drop[i]
	}
	r.Straightness, r.Crossing, r.CostDrop, r.Gap, r.Evaluations = mean(s), mean(lines), mean(drop), mean(gap), steps
	l.compare(r, freshX0, freshX1)
	return nil
}

// compare fills in the distances between distributions.
func (l *lab) compare(r *Round, freshX0, freshX1 []float32) {
	for i, t := range MarginalTimes {
		reference := between(freshX0, freshX1, t)
		switch t {
		case 0:
			reference = l.freshX0
		case 1:
			reference = l.fresh
		}
		r.Marginal[i] = distanceBetween(r.At(t), reference)
	}
	r.Measurements.Fewer = map[int]Distance{}
	for steps, ends := range r.Fewer {
		r.Measurements.Fewer[steps] = distanceBetween(ends, l.fresh)
	}
	ends := r.Path[len(r.Path)-1]
	r.Own = distanceBetween(ends, freshX1)
	r.Optimal, r.Excess = leastCost(l.start, ends)
}

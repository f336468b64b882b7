package plane

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// batch is the number of pairs of one update.
const batch = 1024

// pairs draws n pairs of a coupling, one pair after another in both slices.
type pairs func(n int, rng *rand.Rand) (x0, x1 []float32)

// independent couples every source point with any target point.
func independent(source, target Shape) pairs {
	return func(n int, rng *rand.Rand) (x0, x1 []float32) { return source.draw(n, rng), target.draw(n, rng) }
}

// fixedPairs draws from a finite coupling.
func fixedPairs(x0, x1 []float32) pairs {
	return func(n int, rng *rand.Rand) (a, b []float32) {
		a, b = make([]float32, 0, 2*n), make([]float32, 0, 2*n)
		for range n {
			i := 2 * rng.IntN(len(x0)/2)
			a, b = append(a, x0[i], x0[i+1]), append(b, x1[i], x1[i+1])
		}
		return a, b
	}
}

// reflowStarts is the share of a reflow's pairs that learn the one step itself, t = 0 exactly. The velocity there is the
// map from start to end, in which every place where paths part is an edge; and a time that is drawn evenly is hardly
// ever 0. From two moons to a checkerboard, seed 1, one step after the reflow ends 1.9 times as far from the target as 32
// steps without it, 1.2 times with 15 % and 1.1 times with 30 %. From a heart to three dots it ends 0.135 from the target
// with 20 % in two fifths of round 1's updates and 0.103 with 40 % in three fifths, which leave the other times more.
const reflowStarts = .4

// starting is a number without a common divisor with batch: multiples of it, modulo batch, are spread over all strata.
const starting = 619

// lesson is what one network is to learn.
type lesson struct {
	pairs   pairs
	begin   []float32 // weights to start from
	updates int
	rate    float64 // highest learning rate; it rises over the first twentieth and falls to zero like a cosine
	steps   int     // t ∈ {0, 1/steps, …, (steps−1)/steps} in equal parts, as in distillation; 0: uniform on [0, 1], stratified
	starts  float64 // share of the pairs whose t is 0 in place of their stratum's, where steps is 0
	seed    uint64
	watch   func(done int, loss float64)
}

// Adam's constants (Kingma and Ba 2015, arXiv 1412.6980). The short memory of the second moment suits rounds of a few
// hundred updates.
const beta1, beta2, adamEpsilon = .9, .99, 1e-8

// learn minimises E‖(X1 − X0) − v(Xt, t)‖² and returns the moving average of the weights, and the mean loss of the last
// tenth.
func learn(ctx context.Context, l lesson) (average []float32, loss float64, err error) {
	rng := rand.New(rand.NewPCG(l.seed, 0x6c6561726e))
	weights, average := slices.Clone(l.begin), slices.Clone(l.begin)
	m, v, gradient := make([]float32, len(weights)), make([]float32, len(weights)), make([]float32, len(weights))
	net := newNetwork(weights)
	tail, counted := 0., 0
	for k := range l.updates {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		x0, x1 := l.pairs(batch, rng)
		clear(gradient)
		now := net.learn(x0, x1, l.times(rng), gradient)
		if math.IsNaN(now) || math.IsInf(now, 0) {
			return nil, 0, fmt.Errorf("the loss is not finite after %d updates: check that the points lie within [−2, 2]", k)
		}
		done, q := float64(k)/float64(l.updates), float64(k+1)
		rate := float32(l.rate * min(1, q/(.05*float64(l.updates)+1)) * (1 + math.Cos(math.Pi*done)) / 2)
		keep := float32(min(.99, q/(10+q))) // a short memory at first, so that the start is forgotten
		first, second := float32(1/(1-math.Pow(beta1, q))), float32(1/(1-math.Pow(beta2, q)))
		for i, g := range gradient {
			m[i] = beta1*m[i] + (1-beta1)*g
			v[i] = beta2*v[i] + (1-beta2)*g*g
			weights[i] -= rate * m[i] * first / (float32(math.Sqrt(float64(v[i]*second))) + adamEpsilon)
			average[i] = keep*average[i] + (1-keep)*weights[i]
		}
		net.load(weights)
		if k >= l.updates*9/10 {
			tail, counted = tail+now, counted+1
		}
		if l.watch != nil {
			l.watch(k+1, now)
		}
	}
	return average, tail / float64(max(counted, 1)), nil
}

// times draws the times of one batch.
func (l lesson) times(rng *rand.Rand) []float32 {
	t := make([]float32, batch)
	for i := range t {
		if l.steps > 0 {
			t[i] = float32(i%l.steps) / float32(l.steps)
			continue
		}
		if float64(i*starting%batch) < l.starts*batch {
			continue // t = 0
		}
		// One time in every stratum of width 1/batch lowers the variance of the gradient at no cost. The pairs come in
		// random order, so that the times need no shuffling.
		t[i] = float32((float64(i) + rng.Float64()) / batch)
	}
	return t
}

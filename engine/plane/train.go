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
// steps without it, 1.2 times with 15 % and 1.1 times with 30 %, by which the other times come off a little worse.
const reflowStarts = .2

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

// learn minimises E‖(X1 − X0) − v(Xt, t)‖² and returns the moving average of the weights, and the mean loss of the last
// tenth.
func (e *engine) learn(ctx context.Context, l lesson) (weights []float32, loss float64, err error) {
	rng := rand.New(rand.NewPCG(l.seed, 0x6c6561726e))
	state := [][]float32{l.begin, l.begin, make([]float32, len(l.begin)), make([]float32, len(l.begin))}
	tail, counted := 0., 0
	for k := range l.updates {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		x0, x1 := l.pairs(batch, rng)
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
			// random order, so that the times need no shuffling; neighbours go to different shards.
			t[i] = float32((float64(i) + rng.Float64()) / batch)
		}
		var parts [shards][][]float32
		err := e.each(func(i int, w *worker) error {
			a, b, at := strided(x0, 2, i), strided(x1, 2, i), strided(t, 1, i)
			var err error
			parts[i], err = call(w.grad, flat(state[0]), rows(a, 2), rows(b, 2), flat(at))
			return err
		})
		if err != nil {
			return nil, 0, fmt.Errorf("computing the gradient of %d pairs: %w", batch, err)
		}
		var grads []float32
		now := 0.
		for _, p := range parts {
			grads = append(grads, p[0]...)
			now += float64(p[1][0]) / shards
		}
		if math.IsNaN(now) || math.IsInf(now, 0) {
			return nil, 0, fmt.Errorf("the loss is not finite after %d updates: check that the points lie within [−2, 2]", k)
		}
		done, q := float64(k)/float64(l.updates), float64(k+1)
		rate := l.rate * min(1, q/(.05*float64(l.updates)+1)) * (1 + math.Cos(math.Pi*done)) / 2
		average := min(.99, q/(10+q)) // a short memory at first, so that the start is forgotten
		next, err := call(e.workers[0].update, flat(state[0]), flat(state[1]), flat(state[2]), flat(state[3]), rows(grads, len(l.begin)),
			flat([]float32{float32(rate), float32(1 / (1 - math.Pow(beta1, q))), float32(1 / (1 - math.Pow(beta2, q))), float32(average)}))
		if err != nil {
			return nil, 0, fmt.Errorf("updating the network: %w", err)
		}
		state = next
		if k >= l.updates*9/10 {
			tail, counted = tail+now, counted+1
		}
		if l.watch != nil {
			l.watch(k+1, now)
		}
	}
	return slices.Clone(state[1]), tail / float64(max(counted, 1)), nil
}

// strided takes every shards-th row of width columns, beginning with row i.
func strided(x []float32, columns, i int) []float32 {
	out := make([]float32, 0, len(x)/shards)
	for at := i * columns; at < len(x); at += shards * columns {
		out = append(out, x[at:at+columns]...)
	}
	return out
}

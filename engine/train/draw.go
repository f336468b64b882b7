package train

import (
	"math"
	"math/rand/v2"

	"github.com/straightway-app/straightway/engine/flow"
)

// couple is one training pair: indices into the two shelves, and how each image is laid before both are augmented.
type couple struct {
	a, b         int32
	moveA, moveB flow.Move
	back         bool // a finish learns this pair from target to source
}

// pairing gives the pairs of each step. It is a pure function of the step.
type pairing interface{ pairs(step, n int) []couple }

// listed goes through a fixed list of pairs, every one once an epoch, in an order of its own each epoch.
type listed struct {
	list  []couple
	seed  uint64
	epoch int
	order []int
}

func (l *listed) pairs(step, n int) []couple {
	out := make([]couple, n)
	for i := range out {
		at := step*n + i
		e := at / len(l.list)
		if l.order == nil || l.epoch != e {
			l.epoch, l.order = e, random(l.seed, "order", e).Perm(len(l.list))
		}
		out[i] = l.list[l.order[at%len(l.list)]]
	}
	return out
}

// independent draws both sides at random: the plain coupling of the paper's round 1.
type independent struct {
	a, b []int
	seed uint64
}

func (p *independent) pairs(step, n int) []couple {
	rng := random(p.seed, "independent", step)
	out := make([]couple, n)
	for i := range out {
		out[i] = couple{a: int32(p.a[rng.IntN(len(p.a))]), b: int32(p.b[rng.IntN(len(p.b))])}
	}
	return out
}

// fromNoise couples target images with noise that nobody draws twice: image i of a noise shelf.
type fromNoise struct {
	b    []int
	seed uint64
}

func (p *fromNoise) pairs(step, n int) []couple {
	rng := random(p.seed, "noise", step)
	out := make([]couple, n)
	for i := range out {
		out[i] = couple{a: rng.Int32(), b: int32(p.b[rng.IntN(len(p.b))])}
	}
	return out
}

// both takes half of every batch from each of two couplings.
type both struct{ forward, back pairing }

func (p *both) pairs(step, n int) []couple {
	first, second := p.forward, p.back
	if step%2 == 1 { // an odd batch has one more of the first
		first, second = second, first
	}
	more, less := first.pairs(step, (n+1)/2), second.pairs(step, max(1, n/2))
	out := make([]couple, n)
	for i := range out { // in turns, so that the parts of a divided batch hold both
		if i%2 == 0 {
			out[i] = more[i/2]
		} else {
			out[i] = less[i/2]
		}
	}
	return out
}

// minibatch assigns random pools of both sides at the least total squared pixel distance (minibatch optimal
// transport: Tong et al. 2023, arXiv 2302.00482; Pooladian et al. 2023, arXiv 2304.14772).
type minibatch struct {
	plain   pairing                     // that is assigned anew within each pool
	feature func(side, i int) []float32 // of image i of side 0 (source) or 1 (target)
	pool    int
	at      int
	current []couple
}

func (p *minibatch) pairs(step, n int) []couple {
	per := max(1, p.pool/n) // steps served by one pool
	if k := step / per; p.current == nil || p.at != k {
		p.at = k
		size := per * n
		p.current = p.plain.pairs(k, size)
		cost := make([]float32, size*size)
		for i, a := range p.current {
			fa := p.feature(0, int(a.a))
			for j, b := range p.current {
				fb := p.feature(1, int(b.b))
				var s float32
				for q := range fa {
					d := fa[q] - fb[q]
					s += d * d
				}
				cost[i*size+j] = s
			}
		}
		matched := make([]couple, size)
		for i, j := range flow.Assign(cost, size) {
			matched[i] = couple{a: p.current[i].a, b: p.current[j].b}
		}
		p.current = matched
	}
	at := step % per * n
	return p.current[at : at+n]
}

// draw is everything random in one step, ready for the graph.
type draw struct {
	indexA, indexB []int32
	moves          [][][]int32 // [3][n][3]: of image A, of image B, augmentation of both
	t              []float32   // n times, one in each n-th of [0,1]
	noise          []uint64    // state of the graph's generator
}

// times says how t is drawn.
type times int

const (
	uniform times = iota
	middle        // logit-normal: the middle oftener (Esser et al. 2024, arXiv 2403.03206, section 3.1, m = 0 and s = 1)
	ends          // startShare of the batch at t = 0, the rest U-shaped: both ends oftener (Lee et al. 2024, arXiv 2405.20320, section 4.1, a = 4)
	start         // t = 0, for a pair learnt backwards t = 1; of several finish steps the start of one
)

// startShare is the share of a reflow batch that learns the one step itself, t = 0 exactly. On colour → line art at
// 32 px (seed 2) one step came to L1 11.0 without it and to 10.2 with it, from the same pairs in as many steps.
const startShare = .3

func moveRow(m flow.Move) []int32 {
	f := int32(0)
	if m.Flip {
		f = 1
	}
	return []int32{f, int32(m.DY), int32(m.DX)}
}

// augmentation is a random shift, and flip where allowed.
func augmentation(rng *rand.Rand, shift int, flip bool) []int32 {
	r := []int32{0, int32(rng.IntN(2*shift+1) - shift), int32(rng.IntN(2*shift+1) - shift)}
	if flip {
		r[0] = int32(rng.IntN(2))
	}
	return r
}

func newDraw(rng *rand.Rand, pairs []couple, how times, finishSteps, shift int, flip bool) draw {
	n := len(pairs)
	d := draw{
		indexA: make([]int32, n), indexB: make([]int32, n), t: make([]float32, n),
		moves: [][][]int32{make([][]int32, n), make([][]int32, n), make([][]int32, n)},
		noise: []uint64{rng.Uint64(), rng.Uint64(), rng.Uint64()},
	}
	for i, p := range pairs {
		d.indexA[i], d.indexB[i] = p.a, p.b
		d.moves[0][i], d.moves[1][i] = moveRow(p.moveA), moveRow(p.moveB)
		d.moves[2][i] = augmentation(rng, shift, flip)
		u := (float64(i) + rng.Float64()) / float64(n)
		switch how {
		case middle: // the logistic of a standard normal value
			u = 1 / (1 + math.Exp(-math.Sqrt2*math.Erfinv(2*u-1)))
		case ends:
			const a = 4
			x := math.Log1p(u*(math.Expm1(a))) / a // density ∝ e^{a·x} on [0,1]
			if rng.IntN(2) == 0 {
				x = 1 - x
			}
			u = x
			if rng.Float64() < startShare {
				u = 0
			}
		case start:
			u = float64(rng.IntN(finishSteps)) / float64(finishSteps)
			if p.back {
				u = 1 - u
			}
		}
		d.t[i] = float32(min(u, 1))
	}
	return d
}

// slice is the part [lo,hi) of a draw, for gradient accumulation.
func (d draw) slice(lo, hi int) draw {
	s := draw{indexA: d.indexA[lo:hi], indexB: d.indexB[lo:hi], t: d.t[lo:hi], moves: make([][][]int32, 3)}
	for i := range s.moves {
		s.moves[i] = d.moves[i][lo:hi]
	}
	s.noise = append([]uint64(nil), d.noise...)
	s.noise[0] += uint64(lo)
	return s
}

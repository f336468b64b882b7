package flow

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute"
)

// Pair couples a source image with a target image, by index, and lays the target over the source.
type Pair struct {
	Source, Target int
	Move           Move
}

// Images is a set of fitted images as the coupling sees it.
type Images interface {
	Len() int
	Size() int
	Image(i int) []byte // S×S×3 bytes
}

// Registration says how a registered coupling is found.
type Registration struct {
	Feature Feature
	Flip    bool   // also try the mirrored target
	Shift   int    // also try shifts up to so many pixels at CoupleSize, in each direction
	Pool    int    // images assigned at a time; 0 means DefaultPool
	Seed    uint64 // for the order in which images meet when there are more than fit in a pool
	Kernels bool   // compute the costs by package direct on the processor, where it can, in place of the backend
	// Progress, where given, is told how much of the work is done.
	Progress func(done, total int)
}

// DefaultPool is the number of images of each side that are assigned together. The assignment of 2,048 takes about
// a third of a second, its cost matrices some seconds.
const DefaultPool = 2048

// Register couples data-set-wide: each image of the larger side is used once, those of the smaller side in turn, so
// that both marginals stay as they are; within a pool the total squared distance of the features, minimised over
// the allowed moves of the target, is the least possible.
func Register(ctx context.Context, be compute.Backend, source, target Images, r Registration) (*Coupling, error) {
	n := max(source.Len(), target.Len())
	if source.Len() == 0 || target.Len() == 0 {
		return nil, fmt.Errorf("coupling %d source images with %d target images: both sides need at least one", source.Len(), target.Len())
	}
	if r.Pool <= 0 {
		r.Pool = DefaultPool
	}
	moves := r.moves()
	costs, free, err := r.costs(be)
	if err != nil {
		return nil, err
	}
	defer free()
	a, b := inTurn(source.Len(), n, r.Seed), inTurn(target.Len(), n, r.Seed+1)
	pools := (n + r.Pool - 1) / r.Pool
	c := &Coupling{Feature: r.Feature, Pairs: make([]Pair, 0, n)}
	var sum, squares, matched, count float64
	scale := source.Size() / shrink(source.Image(0), source.Size()).side
	for k := range pools {
		lo, hi := k*n/pools, (k+1)*n/pools
		best, arg, err := costs(ctx, r.Feature.maps(source, a[lo:hi]), r.Feature.maps(target, b[lo:hi]), moves, func(done int) {
			if r.Progress != nil {
				r.Progress(k*len(moves)+done, pools*len(moves))
			}
		})
		if err != nil {
			return nil, err
		}
		size := hi - lo
		for _, x := range best {
			sum += float64(x)
			squares += float64(x) * float64(x)
		}
		count += float64(len(best))
		for i, j := range Assign(best, size) {
			m := moves[arg[i*size+j]]
			m.DY, m.DX = m.DY*scale, m.DX*scale
			c.Pairs = append(c.Pairs, Pair{a[lo+i], b[lo+j], m})
			matched += float64(best[i*size+j])
		}
	}
	c.Cost, c.Mean = matched/float64(n), sum/count
	if sd := math.Sqrt(max(0, squares/count-c.Mean*c.Mean)); sd > 0 {
		c.Distinct = (c.Mean - c.Cost) / sd
	}
	return c, nil
}

// Coupling is what Register found.
type Coupling struct {
	Feature Feature
	Pairs   []Pair
	Cost    float64 // mean cost of the pairs: squared distance per feature value
	Mean    float64 // mean cost of all possible pairs
	// Distinct is (Mean − Cost) in standard deviations of the cost of all possible pairs: how clearly the feature
	// knows which images belong together. It needs no labels; among features, the one with the largest value is
	// taken. (Colour → line art: edge 2.1, pixels 1.2, and edge trains to the lower error; between two styles of
	// people emoji: pixels 1.7, edge 1.1, and pixels trains to the lower distance.)
	Distinct float64
}

// Best couples by every given feature and returns the most distinct coupling together with all of them.
func Best(ctx context.Context, be compute.Backend, source, target Images, features []Feature, r Registration) (*Coupling, []*Coupling, error) {
	var best *Coupling
	var all []*Coupling
	for i, f := range features {
		r := r
		r.Feature = f
		if p := r.Progress; p != nil {
			r.Progress = func(done, total int) { p(i*total+done, len(features)*total) }
		}
		c, err := Register(ctx, be, source, target, r)
		if err != nil {
			return nil, nil, fmt.Errorf("coupling by %s: %w", f, err)
		}
		all = append(all, c)
		if best == nil || c.Distinct > best.Distinct {
			best = c
		}
	}
	return best, all, nil
}

func (r Registration) moves() []Move {
	flips := []bool{false}
	if r.Flip {
		flips = append(flips, true)
	}
	var out []Move
	for _, f := range flips {
		for dy := -r.Shift; dy <= r.Shift; dy++ {
			for dx := -r.Shift; dx <= r.Shift; dx++ {
				out = append(out, Move{f, dy, dx})
			}
		}
	}
	return out
}

// inTurn lists 0…n−1 of a side of m images: whole rounds of all of them, each in random order, so that no image is
// used more than once oftener than another.
func inTurn(m, n int, seed uint64) []int {
	rng := rand.New(rand.NewPCG(seed, 0xc0))
	out := make([]int, 0, n+m)
	for len(out) < n {
		out = append(out, rng.Perm(m)...)
	}
	return out[:n]
}

package flow

import (
	"math"
	"math/rand/v2"
	"testing"
)

func total(cost []float32, n int, a []int) (s float64) {
	for i, j := range a {
		s += float64(cost[i*n+j])
	}
	return s
}

func randomCost(rng *rand.Rand, n int, ties bool) []float32 {
	c := make([]float32, n*n)
	for i := range c {
		if ties {
			c[i] = float32(rng.IntN(4))
		} else {
			c[i] = rng.Float32()
		}
	}
	return c
}

func TestAssignIsOptimalAgainstAllPermutations(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for trial := range 400 {
		n := 1 + rng.IntN(6)
		c := randomCost(rng, n, trial%2 == 0)
		got := Assign(c, n)
		seen := make([]bool, n)
		for _, j := range got {
			if seen[j] {
				t.Fatalf("column %d assigned twice: %v", j, got)
			}
			seen[j] = true
		}
		best := math.Inf(1)
		perm := make([]int, n)
		for i := range perm {
			perm[i] = i
		}
		var search func(k int)
		search = func(k int) {
			if k == n {
				best = min(best, total(c, n, perm))
				return
			}
			for i := k; i < n; i++ {
				perm[k], perm[i] = perm[i], perm[k]
				search(k + 1)
				perm[k], perm[i] = perm[i], perm[k]
			}
		}
		search(0)
		if d := total(c, n, got) - best; d > 1e-5 {
			t.Fatalf("trial %d, n=%d: cost %.6f above the best", trial, n, d)
		}
	}
}

// In one dimension with a convex cost, the optimal coupling sorts both sides.
func TestAssignSortsInOneDimension(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const n = 120
	a, b := make([]float64, n), make([]float64, n)
	for i := range n {
		a[i], b[i] = rng.NormFloat64(), 3+2*rng.NormFloat64()
	}
	c := make([]float32, n*n)
	for i := range n {
		for j := range n {
			d := a[i] - b[j]
			c[i*n+j] = float32(d * d)
		}
	}
	match := Assign(c, n)
	for i := range n {
		for k := range n {
			if a[i] < a[k] && b[match[i]] > b[match[k]]+1e-6 {
				t.Fatalf("pairs cross: %.3f→%.3f and %.3f→%.3f", a[i], b[match[i]], a[k], b[match[k]])
			}
		}
	}
}

func BenchmarkAssign(b *testing.B) {
	for _, n := range []int{128, 700, 2048} {
		c := randomCost(rand.New(rand.NewPCG(5, 6)), n, false)
		b.Run(map[int]string{128: "128", 700: "700", 2048: "2048"}[n], func(b *testing.B) {
			for b.Loop() {
				Assign(c, n)
			}
		})
	}
}

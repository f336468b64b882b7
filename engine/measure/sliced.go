package measure

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/straightway-app/straightway/engine/direct"
)

// SlicedOptions sets up [SlicedWasserstein]. Zero values mean those of
// docs/recipe.md: 20,000 patches of 5×5 pixels and 128 directions.
type SlicedOptions struct {
	Patch      int // side of a patch in pixels
	Patches    int // patches drawn from each set, fewer if there are not as many
	Directions int // random directions to project on
	Seed       uint64
}

func (o SlicedOptions) withDefaults() SlicedOptions {
	if o.Patch == 0 {
		o.Patch = 5
	}
	if o.Patches == 0 {
		o.Patches = 20_000
	}
	if o.Directions == 0 {
		o.Directions = 128
	}
	return o
}

// SlicedWasserstein returns the sliced Wasserstein-1 distance (Rabin, Peyré,
// Delon and Bernot 2011) between the small patches of two sets of images, on
// the scale 0..255: the mean over random unit vectors u of the distance
// between the projections uᵀp of patches p drawn from either set. The sets may
// differ in number and in image size.
//
// A change by c levels of every value alike gives not c but about 0.8·c, the
// mean of |Σ u| for a unit vector being √(2/π) in many dimensions.
func SlicedWasserstein(x, y Images, o SlicedOptions) (float64, error) {
	o = o.withDefaults()
	for _, images := range []Images{x, y} {
		if err := images.check("sliced Wasserstein distance"); err != nil {
			return 0, err
		}
		if o.Patch < 1 || o.Patch > min(images.H, images.W) {
			return 0, fmt.Errorf("sliced Wasserstein distance: patches of %d×%d do not fit into images of %d×%d", o.Patch, o.Patch, images.W, images.H)
		}
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0x70617463))
	n := min(o.Patches, x.patchCount(o.Patch), y.patchCount(o.Patch))
	a, b := x.drawPatches(o.Patch, n, rng), y.drawPatches(o.Patch, n, rng)
	return SlicedPoints(a, b, o.Directions, o.Seed)
}

func (x Images) patchCount(side int) int { return x.N * (x.H - side + 1) * (x.W - side + 1) }

// drawPatches returns n different patches as vectors of side×side×3 levels,
// 0..255.
func (x Images) drawPatches(side, n int, rng *rand.Rand) Matrix {
	across, down := x.W-side+1, x.H-side+1
	out := Matrix{n, side * side * 3, make([]float32, n*side*side*3)}
	for i, place := range drawDistinct(n, x.patchCount(side), rng) {
		column, rest := place%across, place/across
		row, image := rest%down, rest/down
		patch := out.Row(i)
		for r := range side {
			start := ((image*x.H+row+r)*x.W + column) * 3
			for c, v := range x.Pix[start : start+side*3] {
				patch[r*side*3+c] = level(v)
			}
		}
	}
	return out
}

// drawDistinct returns k different numbers below n (Floyd's algorithm), in
// ascending order so that memory is read in order.
func drawDistinct(k, n int, rng *rand.Rand) []int {
	taken := make(map[int]bool, k)
	drawn := make([]int, 0, k)
	for i := n - k; i < n; i++ {
		v := rng.IntN(i + 1)
		if taken[v] {
			v = i
		}
		taken[v] = true
		drawn = append(drawn, v)
	}
	slices.Sort(drawn)
	return drawn
}

// SlicedPoints returns the sliced Wasserstein-1 distance between two sets of
// vectors, in their own units. From the larger set as many vectors are drawn
// as the smaller one has.
func SlicedPoints(x, y Matrix, directions int, seed uint64) (float64, error) {
	if err := checkSets(x, y, 1); err != nil {
		return 0, fmt.Errorf("sliced Wasserstein distance: %w", err)
	}
	if directions < 1 {
		return 0, fmt.Errorf("sliced Wasserstein distance: %d directions are too few, it needs one at least", directions)
	}
	rng := rand.New(rand.NewPCG(seed, 0x736c6963))
	n := min(x.Rows, y.Rows)
	x, y = x.draw(n, rng), y.draw(n, rng)
	units := make([][]float32, directions)
	for i := range units {
		units[i] = unitVector(x.Cols, rng)
	}
	distances := make([]float64, directions)
	direct.Each(directions, func(i int) {
		a, b := x.project(units[i]), y.project(units[i])
		slices.Sort(a)
		slices.Sort(b)
		for k := range a {
			distances[i] += math.Abs(float64(a[k])-float64(b[k])) / float64(n)
		}
	})
	return estimate(distances).Mean, nil
}

func (m Matrix) draw(n int, rng *rand.Rand) Matrix {
	if n == m.Rows {
		return m
	}
	out := Matrix{n, m.Cols, make([]float32, 0, n*m.Cols)}
	for _, i := range drawDistinct(n, m.Rows, rng) {
		out.Data = append(out.Data, m.Row(i)...)
	}
	return out
}

func (m Matrix) project(u []float32) []float32 {
	out := make([]float32, m.Rows)
	for i := range out {
		out[i] = float32(dot(m.Row(i), u))
	}
	return out
}

func unitVector(d int, rng *rand.Rand) []float32 {
	u := make([]float32, d)
	var squares float64
	for i := range u {
		v := rng.NormFloat64()
		u[i] = float32(v)
		squares += v * v
	}
	for i := range u {
		u[i] /= float32(math.Sqrt(squares))
	}
	return u
}

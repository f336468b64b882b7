package measure

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/straightway-app/straightway/engine/direct"
)

// Matrix is a set of points or feature vectors, one a row.
type Matrix struct {
	Rows, Cols int
	Data       []float32 // Rows×Cols
}

// NewMatrix wraps rows vectors of length cols, sharing data.
func NewMatrix(rows, cols int, data []float32) (Matrix, error) {
	m := Matrix{rows, cols, data}
	return m, m.check("matrix")
}

// Row returns the i-th vector; it shares m's memory.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols] }

func (m Matrix) check(what string) error {
	if m.Rows < 1 || m.Cols < 1 || len(m.Data) != m.Rows*m.Cols {
		return fmt.Errorf("%s: %d values are not %d vectors of length %d", what, len(m.Data), m.Rows, m.Cols)
	}
	return nil
}

func checkSets(x, y Matrix, least int) error {
	if err := x.check("first set"); err != nil {
		return err
	}
	if err := y.check("second set"); err != nil {
		return err
	}
	if x.Cols != y.Cols {
		return fmt.Errorf("vectors of length %d cannot be compared with vectors of length %d", x.Cols, y.Cols)
	}
	if min(x.Rows, y.Rows) < least {
		return fmt.Errorf("sets of %d and %d are too small to compare: each needs at least %d", x.Rows, y.Rows, least)
	}
	return nil
}

// kidBlocks is how many blocks the jackknife of PolynomialMMD leaves out in
// turn. Twenty keep the standard error itself within about 16 % (1/√(2·19)).
const kidBlocks = 20

// KID is the kernel inception distance of Bińkowski, Sutherland, Arbel and
// Gretton 2018 ("Demystifying MMD GANs", arXiv 1801.01401) between outputs and
// target, on feature vectors that the caller has extracted: PolynomialMMD of
// what [SquashFeatures] makes of both. It is 0 on average when both have one
// distribution, and may then be slightly negative. Seed shuffles the blocks of
// the standard error; it does not touch the value.
func KID(outputs, target Matrix, seed uint64) (Estimate, error) {
	if err := checkSets(outputs, target, 2); err != nil {
		return Estimate{}, fmt.Errorf("KID: %w", err)
	}
	return PolynomialMMD(SquashFeatures(outputs, target), SquashFeatures(target, target), seed)
}

// SquashFeatures brings every feature of x to the scale of target and bounds
// it, so that a single feature of a small classifier cannot outweigh the rest:
// 3·tanh((x−μ)/(σ+0.05)/3), with μ and σ of target. (docs/recipe.md, "The measurements".)
func SquashFeatures(x, target Matrix) Matrix {
	d := x.Cols
	mean, deviation := make([]float64, d), make([]float64, d)
	n := float64(target.Rows)
	for i := range target.Rows {
		for j, v := range target.Row(i) {
			mean[j] += float64(v) / n
		}
	}
	for i := range target.Rows {
		for j, v := range target.Row(i) {
			e := float64(v) - mean[j]
			deviation[j] += e * e / max(n-1, 1)
		}
	}
	out := Matrix{x.Rows, d, make([]float32, len(x.Data))}
	for i := range x.Rows {
		row := out.Row(i)
		for j, v := range x.Row(i) {
			row[j] = float32(3 * math.Tanh((float64(v)-mean[j])/(math.Sqrt(deviation[j])+.05)/3))
		}
	}
	return out
}

// PolynomialMMD returns the unbiased estimate of the squared maximum mean
// discrepancy (Gretton et al. 2012, JMLR 13, equation 3) under the kernel
// k(x, y) = (xᵀy/d + 1)³, without any scaling of the vectors. The standard
// error is a jackknife that leaves out one of up to 20 random blocks of both
// sets in turn. Each set needs two vectors. The memory needed grows with the
// sets, not with their square.
func PolynomialMMD(x, y Matrix, seed uint64) (Estimate, error) {
	if err := checkSets(x, y, 2); err != nil {
		return Estimate{}, fmt.Errorf("MMD: %w", err)
	}
	kernel := func(a, b []float32) float64 {
		k := dot(a, b)/float64(len(a)) + 1
		return k * k * k
	}
	// Leaving a block out must leave two vectors behind.
	smaller := min(x.Rows, y.Rows)
	blocks := min(kidBlocks, smaller)
	if smaller < 3 {
		blocks = 0
	}
	rng := rand.New(rand.NewPCG(seed, 0x6b6964))
	bx, by := assignBlocks(x.Rows, blocks, rng), assignBlocks(y.Rows, blocks, rng)
	xx := blockSums(x, x, bx, bx, blocks, true, kernel)
	yy := blockSums(y, y, by, by, blocks, true, kernel)
	xy := blockSums(x, y, bx, by, blocks, false, kernel)

	mmd := func(leaveOut int) float64 {
		m, n := float64(countOutside(bx, leaveOut)), float64(countOutside(by, leaveOut))
		return xx.without(leaveOut)/(m*(m-1)) + yy.without(leaveOut)/(n*(n-1)) - 2*xy.without(leaveOut)/(m*n)
	}
	result := Estimate{Mean: mmd(-1), SE: math.NaN(), N: smaller}
	if blocks == 0 {
		return result, nil
	}
	left := make([]float64, blocks)
	for k := range left {
		left[k] = mmd(k)
	}
	// The jackknife: √((B−1)/B · Σ(θk − θ̄)²), from the spread of the θk.
	result.SE = estimate(left).SE * float64(blocks-1)
	return result, nil
}

// assignBlocks deals n vectors to blocks at random, as evenly as can be. With
// no blocks every vector gets −2, which is never left out.
func assignBlocks(n, blocks int, rng *rand.Rand) []int {
	block := make([]int, n)
	for i := range block {
		block[i] = -2
		if blocks > 0 {
			block[i] = i % blocks
		}
	}
	rng.Shuffle(n, func(i, j int) { block[i], block[j] = block[j], block[i] })
	return block
}

func countOutside(block []int, leaveOut int) int {
	n := 0
	for _, b := range block {
		if b != leaveOut {
			n++
		}
	}
	return n
}

// sums of a kernel between two sets: over everything, and over the pairs that
// touch block k on either side.
type sums struct {
	total    float64
	touching []float64
}

func (s sums) without(k int) float64 {
	if k < 0 {
		return s.total
	}
	return s.total - s.touching[k]
}

// blockSums adds up kernel(x[i], y[j]), without i = j if the sets are one.
func blockSums(x, y Matrix, bx, by []int, blocks int, same bool, kernel func(a, b []float32) float64) sums {
	// rows[i][l] is the sum over the j in block l; the last column is for all.
	rows := make([][]float64, x.Rows)
	direct.Each(x.Rows, func(i int) {
		row := make([]float64, blocks+1)
		a := x.Row(i)
		for j := range y.Rows {
			if same && i == j {
				continue
			}
			k := kernel(a, y.Row(j))
			row[blocks] += k
			if blocks > 0 {
				row[by[j]] += k
			}
		}
		rows[i] = row
	})
	s := sums{touching: make([]float64, blocks)}
	for i, row := range rows {
		s.total += row[blocks]
		if blocks == 0 {
			continue
		}
		for l, v := range row[:blocks] {
			s.touching[l] += v
		}
		// Row i touches its own block through all its columns; the part in
		// that block's columns has just been counted.
		s.touching[bx[i]] += row[blocks] - row[bx[i]]
	}
	return s
}

func dot(a, b []float32) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += float64(a[i]) * float64(b[i])
		s1 += float64(a[i+1]) * float64(b[i+1])
		s2 += float64(a[i+2]) * float64(b[i+2])
		s3 += float64(a[i+3]) * float64(b[i+3])
	}
	for ; i < len(a); i++ {
		s0 += float64(a[i]) * float64(b[i])
	}
	return s0 + s1 + s2 + s3
}

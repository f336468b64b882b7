package direct

import "math"

// Each calls do for i = 0 … count−1, each once, on all cores, and returns when all calls have.
func Each(count int, do func(i int)) { newCrew().each(count, do) }

// Room is the number of values that must be readable after those of Product's b.
const Room = 16

// Product sets or, with add, adds to C [m,n] the product of A [m,k] and B [k,n], on one core of any processor: A(i, l) is
// a[i·aRow + l·aStep], the rows of B and C are contiguous, n values each. k is 1 or more.
func Product(c, a []float32, aRow, aStep int, b []float32, m, n, k int, add bool) {
	if Available() {
		gemm(c, n, a, aRow, aStep, b[:n*k+Room], n, m, n, k, add)
		return
	}
	for i := range m {
		row := c[i*n : (i+1)*n]
		if !add {
			clear(row)
		}
		for l := range k {
			v := a[i*aRow+l*aStep]
			for j, w := range b[l*n : (l+1)*n] {
				row[j] += v * w
			}
		}
	}
}

// Squareplus replaces every x by x + √(x² + 1) (Barron 2021, arXiv 2112.11687, twice over), which is smooth like SiLU
// without the exponential function.
func Squareplus(x []float32) {
	done := 0
	if Available() {
		done = squareplus(x)
	}
	for i, v := range x[done:] {
		x[done+i] = v + float32(math.Sqrt(float64(v*v+1)))
	}
}

// SquareplusBack turns d from the gradient by y = Squareplus(x) into that by x, whose derivative is 2y²/(y² + 1).
func SquareplusBack(d, y []float32) {
	done := 0
	if Available() {
		done = squareplusBack(d, y)
	}
	for i := done; i < len(d); i++ {
		q := y[i] * y[i]
		d[i] *= 2 * q / (q + 1)
	}
}

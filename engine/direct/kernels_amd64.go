//go:build amd64 && goexperiment.simd

package direct

import (
	"simd/archsimd"
	"slices"
)

// Available tells whether this processor has the instructions that the kernels are written in: AVX2 and FMA.
func Available() bool { return archsimd.X86.AVX2() && archsimd.X86.FMA() }

// avx512 tells whether the processor has AVX-512.
var avx512 = archsimd.X86.AVX512()

// tall is the number of rows of a product that are computed together.
var tall = func() int {
	if avx512 {
		return 8
	}
	return 6
}()

// product sets or, where add is not 0, adds to a tile of C of tall rows and one panel of 16 columns or two:
// Σ_i A(row, i)·B(i, column) over i < k, k ≥ 1. A's neighbours lie aRow and aStep bytes apart, B's rows bStep bytes, C's
// rows cRow bytes, and the panels of both bPanel and cPanel bytes. With AVX-512 it adds up in the same order, so that the
// bits are the same.
func product(k int, a *float32, aRow, aStep int, b *float32, bStep int, c *float32, cRow, add, panels, bPanel, cPanel int) {
	switch {
	case avx512 && panels == 2:
		wide8x32(k, a, aRow, aStep, b, bStep, c, cRow, add, bPanel, cPanel)
	case avx512:
		wide8x16(k, a, aRow, aStep, b, bStep, c, cRow, add)
	default:
		narrow6x16(k, a, aRow, aStep, b, bStep, c, cRow, add)
		if panels == 2 {
			narrow6x16(k, a, aRow, aStep, &at8(b, bPanel/4)[0], bStep, &at8(c, cPanel/4)[0], cRow, add)
		}
	}
}

//go:noescape
func narrow6x16(k int, a *float32, aRow, aStep int, b *float32, bStep int, c *float32, cRow, add int)

//go:noescape
func wide8x16(k int, a *float32, aRow, aStep int, b *float32, bStep int, c *float32, cRow, add int)

//go:noescape
func wide8x32(k int, a *float32, aRow, aStep int, b *float32, bStep int, c *float32, cRow, add, bPanel, cPanel int)

// Go writes scalars, zeros and copies of structs in the older encoding, which takes some hundred cycles a turn on Intel's
// processors where the upper halves of the vectors are in use: ClearAVXUpperBits stands at the end of what computes with
// vectors, and no scalars within its loops.

// The following work through c channels sixteen at a time where the processor can, the rest eight at a time. What is
// computed for a channel does not depend on which, bit for bit.

// inputTransform is inputTransform8 for c channels, the pixels of c channels side by side.
func inputTransform(v *float32, plane int, p *float32, row, c int, half *float32) {
	k := 0
	if avx512 && c >= lanes16 {
		inputs16(v, 4*plane, p, 4*row, 4*c, c/lanes16)
		k = c / lanes16 * lanes16
	}
	for ; k < c; k += lanes8 {
		inputTransform8(&at8(v, k)[0], plane, &at8(p, k)[0], row, c, half)
	}
	archsimd.ClearAVXUpperBits()
}

// adjointTransform is adjointTransform8 for c channels.
func adjointTransform(m *float32, plane int, p *float32, row, c int, half *float32) {
	k := 0
	if avx512 && c >= lanes16 {
		adjoints16(m, 4*plane, p, 4*row, 4*c, c/lanes16)
		k = c / lanes16 * lanes16
	}
	for ; k < c; k += lanes8 {
		adjointTransform8(&at8(m, k)[0], plane, &at8(p, k)[0], row, c, half)
	}
	archsimd.ClearAVXUpperBits()
}

// outputTransform is outputTransform8 for c channels, which lie in m in panels of 16, each next values behind the last.
func outputTransform(y, add *float32, m *float32, plane, next int, bias *float32, row, c, h, w int, half *float32) {
	k := 0
	if avx512 && c >= lanes16 && h == 4 && w == 4 {
		outputs16(y, add, m, 4*plane, 4*next, bias, 4*row, 4*c, c/lanes16)
		k = c / lanes16 * lanes16
	}
	for ; k < c; k += lanes8 {
		outputTransform8(&at8(y, k)[0], behind(add, k), &at8(m, k/panel*next+k%panel)[0], plane, &at8(bias, k)[0], row, c, h, w, half)
	}
	archsimd.ClearAVXUpperBits()
}

// behind is k values after p, or nil where p is.
func behind(p *float32, k int) *float32 {
	if p == nil {
		return nil
	}
	return &at8(p, k)[0]
}

// filterTransform is filterTransform8 for a panel of 16 channels.
func filterTransform(u *float32, plane int, g *float32, tap int, half *float32) {
	if avx512 {
		filterTransform16(u, plane, g, tap, half)
	} else {
		for k := 0; k < panel; k += lanes8 {
			filterTransform8(&at8(u, k)[0], plane, &at8(g, k)[0], tap, half)
		}
	}
	archsimd.ClearAVXUpperBits()
}

// filterAdjoint is filterAdjoint8 for a panel of 16 channels.
func filterAdjoint(g *float32, tap int, u *float32, plane int, half *float32) {
	if avx512 {
		filterAdjoint16(g, tap, u, plane, half)
	} else {
		for k := 0; k < panel; k += lanes8 {
			filterAdjoint8(&at8(g, k)[0], tap, &at8(u, k)[0], plane, half)
		}
	}
	archsimd.ClearAVXUpperBits()
}

//go:noescape
func inputs16(v *float32, plane int, p *float32, row, px, count int)

//go:noescape
func adjoints16(m *float32, plane int, p *float32, row, px, count int)

//go:noescape
func outputs16(y, add, m *float32, plane, next int, bias *float32, row, px, count int)

// whole tells whether c channels are whole vectors of sixteen, and the processor has those.
func whole(c int) bool { return avx512 && c%lanes16 == 0 }

// activateRow sets y to SiLU(x·a + b), or without silu to x·a + b, for n pixels of c channels.
func activateRow(y, x, a, b *float32, n, c int, silu bool) {
	if whole(c) {
		activateRow16(y, x, a, b, n, c, silu)
		return
	}
	activateRow8(y, x, a, b, n, c, silu)
}

// activateBack turns dy, n pixels of c channels, from the gradient by y of activateRow into that by z = x·a + b, and sets
// da to Σ dz·x and db to Σ dz.
func activateBack(dy, x, a, b, da, db *float32, n, c int, silu bool) {
	if whole(c) {
		activateBack16(dy, x, a, b, da, db, n, c, silu)
		return
	}
	activateBack8(dy, x, a, b, da, db, n, c, silu)
}

// spread sets dx to dz·a + q + x·p or, with add, adds that to it, for n pixels of c channels: what reaches the input of a
// normalisation.
func spread(dx, dz, x, a, q, p *float32, n, c int, add bool) {
	if whole(c) {
		spread16(dx, dz, x, a, q, p, n, c, add)
		return
	}
	spread8(dx, dz, x, a, q, p, n, c, add)
}

// sums sets s1 and s2 to Σ x and Σ x² over n pixels of c channels.
func sums(s1, s2, x *float32, n, c int) {
	if whole(c) {
		sums16(s1, s2, x, n, c)
		return
	}
	sums8(s1, s2, x, n, c)
}

// softmaxRow is softmax of n scores, a multiple of lanes.
func softmaxRow(row *float32, n int, scale float32) {
	over(row, n, exponentials(row, n, largest(row, n), scale))
}

// The steps of softmaxRow are functions of their own, or the compiler might keep a vector across ClearAVXUpperBits.

//go:noinline
func largest(row *float32, n int) float32 {
	top := load8(row, 0)
	for i := lanes; i < n; i += lanes {
		top = top.Max(load8(row, i))
	}
	var each [lanes]float32
	top.Store(&each)
	archsimd.ClearAVXUpperBits()
	return slices.Max(each[:])
}

// exponentials replaces every score by exp((score − top)·scale), and returns their sum.
//
//go:noinline
func exponentials(row *float32, n int, top, scale float32) float32 {
	most, by, sum := all8(top), all8(scale), archsimd.Float32x8{}
	for i := 0; i < n; i += lanes {
		e := exponential8(load8(row, i).Sub(most).Mul(by))
		e.Store(at8(row, i))
		sum = sum.Add(e)
	}
	var each [lanes]float32
	sum.Store(&each)
	archsimd.ClearAVXUpperBits()
	return added(&each)
}

//go:noinline
func over(row *float32, n int, by float32) {
	total := all8(by)
	for i := 0; i < n; i += lanes {
		load8(row, i).Div(total).Store(at8(row, i))
	}
	archsimd.ClearAVXUpperBits()
}

// softmaxRowBack is softmaxBack of n values, a multiple of lanes.
func softmaxRowBack(row, weights *float32, n int, scale float32) {
	weighed(row, weights, n, dot(row, weights, n), scale)
}

//go:noinline
func dot(x, y *float32, n int) float32 {
	sum := archsimd.Float32x8{}
	for i := 0; i < n; i += lanes {
		sum = load8(x, i).MulAdd(load8(y, i), sum)
	}
	var each [lanes]float32
	sum.Store(&each)
	archsimd.ClearAVXUpperBits()
	return added(&each)
}

// weighed replaces every value of row by what it is more than mean, times its weight and scale.
//
//go:noinline
func weighed(row, weights *float32, n int, mean, scale float32) {
	less, by := all8(mean), all8(scale)
	for i := 0; i < n; i += lanes {
		load8(row, i).Sub(less).Mul(load8(weights, i)).Mul(by).Store(at8(row, i))
	}
	archsimd.ClearAVXUpperBits()
}

func added(each *[lanes]float32) (sum float32) {
	for _, v := range each {
		sum += v
	}
	return sum
}

// leak sets n values of y, a multiple of lanes, to the larger of x and slope·x.
func leak(y, x *float32, n int, slope float32) {
	s := all8(slope)
	for i := 0; i < n; i += lanes {
		v := load8(x, i)
		v.Max(v.Mul(s)).Store(at8(y, i))
	}
	archsimd.ClearAVXUpperBits()
}

// leakBack turns n values of d from the gradient by y = leak(x) into that by x.
func leakBack(d, y *float32, n int, slope float32) {
	s, one := all8(slope), all8(1)
	zero := archsimd.Float32x8{}
	for i := 0; i < n; i += lanes {
		load8(d, i).Mul(one.Merge(s, load8(y, i).Greater(zero))).Store(at8(d, i))
	}
	archsimd.ClearAVXUpperBits()
}

// squareplus works on the values of x in front, as far as they fill vectors, and returns their number.
func squareplus(x []float32) (done int) {
	one := all8(1)
	for ; done+lanes <= len(x); done += lanes {
		v := load8(&x[done], 0)
		v.Add(v.MulAdd(v, one).Sqrt()).Store(at8(&x[done], 0))
	}
	archsimd.ClearAVXUpperBits()
	return done
}

// squareplusBack works on the values of d in front, as far as they fill vectors, and returns their number.
func squareplusBack(d, y []float32) (done int) {
	one := all8(1)
	for ; done+lanes <= len(d); done += lanes {
		v := load8(&y[done], 0)
		q := v.Mul(v)
		load8(&d[done], 0).Mul(q.Add(q).Div(q.Add(one))).Store(at8(&d[done], 0))
	}
	archsimd.ClearAVXUpperBits()
	return done
}

// plus adds x to y, n values, a multiple of lanes.
func plus(y, x *float32, n int) {
	for i := 0; i < n; i += lanes {
		load8(y, i).Add(load8(x, i)).Store(at8(y, i))
	}
	archsimd.ClearAVXUpperBits()
}

// gather sets or, with add, adds f times the sum of 2×2 pixels of x, whose rows lie row values apart, to n pixels of c
// channels of y.
func gather(y, x *float32, f float32, n, c, row int, add bool) {
	scale := all8(f)
	for i := range n {
		for k := 0; k < c; k += lanes {
			o := 2*i*c + k
			v := load8(x, o).Add(load8(x, o+c)).Add(load8(x, o+row)).Add(load8(x, o+row+c)).Mul(scale)
			if add {
				v = v.Add(load8(y, i*c+k))
			}
			v.Store(at8(y, i*c+k))
		}
	}
	archsimd.ClearAVXUpperBits()
}

// scatter sets or, with add, adds f times n pixels of c channels of x to 2×2 pixels each of y, whose rows lie row values
// apart.
func scatter(y, x *float32, f float32, n, c, row int, add bool) {
	scale := all8(f)
	for i := range n {
		for k := 0; k < c; k += lanes {
			v, o := load8(x, i*c+k).Mul(scale), 2*i*c+k
			for _, q := range [4]int{o, o + c, o + row, o + row + c} {
				if add {
					load8(y, q).Add(v).Store(at8(y, q))
				} else {
					v.Store(at8(y, q))
				}
			}
		}
	}
	archsimd.ClearAVXUpperBits()
}

//go:build amd64 && goexperiment.simd

package direct

import (
	"simd/archsimd"
	"unsafe"
)

// Values as bfloat16 lie in pairs, one in each half of a float32's place, the first in the lower one. side is the number of
// rows of a tile, of the pairs in a row of it, and of the sums in a row of theirs; group is the number of channels of
// activations that lie together: pairs of channels side apart.
const (
	side  = 16
	group = 2 * side
)

// tileRows sets or, where add is not 0, adds to pairs of blocks of c, each [side][group], Σ_i A(row, i)·B(i), count times a
// product of [side][group] and [group][group]: row r of A(row, i) lies aRow·r + starts[block] + steps[i] bytes behind a, and
// b holds [count][2][side][side] pairs. All that is read should be aligned to 64 bytes.
//
//go:noescape
func tileRows(c, a *float32, starts *int, pairs, aRow int, steps *int, count int, b *float32, add int)

// tileSums sets or, where add is not 0, adds to c [group][group] Σ A·B over count·parts products of [group][group] each. A has
// rows of pairs, aRow bytes apart, and each part's are aNext bytes behind those of the last. B has rows of a pair for each
// column, bRow and bNext bytes apart.
//
//go:noescape
func tileSums(c *float32, cRow int, a *float32, aRow, aNext int, b *float32, bRow, bNext, count, parts, add int)

// transpose16 sets to to the transpose of a matrix of 16×16 values; rows lie toRow and fromRow bytes apart.
//
//go:noescape
func transpose16(to *float32, toRow int, from *float32, fromRow int)

type bits16 = archsimd.Uint32x16

func loadBits(p *float32, i int) bits16 {
	return archsimd.LoadUint32x16((*[side]uint32)(unsafe.Add(unsafe.Pointer(p), 4*i)))
}

func storeBits(v bits16, p *float32, i int) {
	v.Store((*[side]uint32)(unsafe.Add(unsafe.Pointer(p), 4*i)))
}

// words holds constants, each in all lanes, because reading one takes less time than spreading it: half of the last place that
// bfloat16 keeps, and the places of a pair.
var words = func() (k struct{ round, low, high [side]uint32 }) {
	for i := range side {
		k.round[i], k.low[i], k.high[i] = 0x8000, 0xffff, 0xffff0000
	}
	return k
}()

// pairs is a and b, rounded to the nearest bfloat16, side by side.
func pairs(a, b vector16) bits16 {
	round := archsimd.LoadUint32x16(&words.round)
	return upper(a.AsUint32x16().Add(round), b.AsUint32x16().Add(round))
}

// lower is the pairs of the lower halves of a and b, upper those of the upper ones.
func lower(a, b bits16) bits16 {
	return a.And(archsimd.LoadUint32x16(&words.low)).Or(b.ShiftAllLeft(16))
}

func upper(a, b bits16) bits16 {
	// Not shifted, as the compiler takes an instruction for it that waits for what a register held before.
	return a.RotateAllRight(16).And(archsimd.LoadUint32x16(&words.low)).Or(b.And(archsimd.LoadUint32x16(&words.high)))
}

// pack turns n values, a multiple of group, into half as many pairs.
func pack(y, x *float32, n int) {
	for i := 0; i < n; i += group {
		storeBits(pairs(load16(x, i), load16(x, i+side)), y, i/2)
	}
	archsimd.ClearAVXUpperBits()
}

// packAdding is pack for n pixels of c channels, and adds to sum what each channel of them sums up to.
func packAdding(y, x, sum *float32, n, c int) {
	for k := 0; k < c; k += group {
		s0, s1 := load16(sum, k), load16(sum, k+side)
		for i := k; i < n*c; i += c {
			v0, v1 := load16(x, i), load16(x, i+side)
			s0, s1 = s0.Add(v0), s1.Add(v1)
			storeBits(pairs(v0, v1), y, i/2)
		}
		s0.Store(at16(sum, k))
		s1.Store(at16(sum, k+side))
	}
	archsimd.ClearAVXUpperBits()
}

// spreadAdding is spread, packed, and adds to sum what each channel sums up to.
func spreadAdding(y, dz, x, a, q, p, sum *float32, n, c int) {
	for k := 0; k < c; k += group {
		a0, q0, p0, s0 := load16(a, k), load16(q, k), load16(p, k), load16(sum, k)
		a1, q1, p1, s1 := load16(a, k+side), load16(q, k+side), load16(p, k+side), load16(sum, k+side)
		for i := k; i < n*c; i += c {
			v0 := load16(x, i).MulAdd(p0, load16(dz, i).MulAdd(a0, q0))
			v1 := load16(x, i+side).MulAdd(p1, load16(dz, i+side).MulAdd(a1, q1))
			s0, s1 = s0.Add(v0), s1.Add(v1)
			storeBits(pairs(v0, v1), y, i/2)
		}
		s0.Store(at16(sum, k))
		s1.Store(at16(sum, k+side))
	}
	archsimd.ClearAVXUpperBits()
}

// packRows turns 32 rows of x, sixteen values each and next values apart, into sixteen rows of pairs: those of rows side apart.
func packRows(y, x *float32, next int) {
	for j := range side {
		storeBits(pairs(load16(x, j*next), load16(x, (side+j)*next)), y, j*side)
	}
	archsimd.ClearAVXUpperBits()
}

// unpack is the inverse of pack, but for the rounding; n counts values.
func unpack(y, x *float32, n int) {
	for i := 0; i < n; i += group {
		v := loadBits(x, i/2)
		storeBits(v.ShiftAllLeft(16), y, i)
		storeBits(v.And(archsimd.LoadUint32x16(&words.high)), y, i+side)
	}
	archsimd.ClearAVXUpperBits()
}

// swishes holds the constants of roughSigmoid, each in all lanes.
var swishes = func() (k struct{ log2e, exp3, exp2, exp1, one [side]float32 }) {
	for i := range side {
		k.log2e[i], k.exp3[i], k.exp2[i], k.exp1[i], k.one[i] = -1.44269504, 0.0775116, 0.2274884, 0.695, 1
	}
	return k
}()

// roughSigmoid is 1/(1 + exp(−z)) to some 2⁻¹³ of it, which is sixteen times what bfloat16 keeps: the power of two by a
// polynomial that is right at either end and off by 1.2·10⁻⁴ at most between, fitted for that.
func roughSigmoid(z vector16) vector16 {
	k := &swishes
	w := z.Mul(archsimd.LoadFloat32x16(&k.log2e))
	f := w.FloorScaledResidue(0)
	one := archsimd.LoadFloat32x16(&k.one)
	p := f.MulAdd(archsimd.LoadFloat32x16(&k.exp3), archsimd.LoadFloat32x16(&k.exp2))
	p = p.MulAdd(f, archsimd.LoadFloat32x16(&k.exp1)).MulAdd(f, one)
	return p.Scale(w).Add(one).Reciprocal()
}

// activatePairs is activateRow, packed; c is a multiple of group.
func activatePairs(y, x, a, b *float32, n, c int, silu bool) {
	for k := 0; k < c; k += group {
		a0, b0, a1, b1 := load16(a, k), load16(b, k), load16(a, k+side), load16(b, k+side)
		for i := k; i < n*c; i += c {
			z0, z1 := load16(x, i).MulAdd(a0, b0), load16(x, i+side).MulAdd(a1, b1)
			if silu {
				z0, z1 = z0.Mul(roughSigmoid(z0)), z1.Mul(roughSigmoid(z1))
			}
			storeBits(pairs(z0, z1), y, i/2)
		}
	}
	archsimd.ClearAVXUpperBits()
}

// addRows sets n rows of group values of y, next values apart, to those of x, which lie group values apart, plus bias and,
// where it is not nil, add, which lies like y.
func addRows(y, x, bias, add *float32, n, next int) {
	b0, b1 := load16(bias, 0), load16(bias, side)
	for i := range n {
		v0, v1 := load16(x, i*group).Add(b0), load16(x, i*group+side).Add(b1)
		if add != nil {
			v0, v1 = v0.Add(load16(add, i*next)), v1.Add(load16(add, i*next+side))
		}
		v0.Store(at16(y, i*next))
		v1.Store(at16(y, i*next+side))
	}
	archsimd.ClearAVXUpperBits()
}

// besides turns n pairs of neighbouring pixels of x, c packed channels each and next values apart, into pairs of what the two
// have in a channel, n times c of them.
func besides(y, x *float32, n, c, next int) {
	for i := range n {
		for k := 0; k < c; k += group {
			a, b := loadBits(x, 2*i*next+k/2), loadBits(x, (2*i+1)*next+k/2)
			storeBits(lower(a, b), y, i*c+k)
			storeBits(upper(a, b), y, i*c+k+side)
		}
	}
	archsimd.ClearAVXUpperBits()
}

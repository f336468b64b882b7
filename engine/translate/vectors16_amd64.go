// Code generated from vectors8_amd64.go by TestSixteenLanesAreMadeFromEight. DO NOT EDIT.

//go:build amd64 && goexperiment.simd

package translate

import (
	"simd/archsimd"
	"unsafe"
)

const lanes16 = 16

type vector16 = archsimd.Float32x16

// at16 is the vector of s that begins at place i. A slice of s would be checked twice, which takes longer than the loading.
func at16(s []float32, i int) *[lanes16]float32 {
	return (*[lanes16]float32)(unsafe.Add(unsafe.Pointer(&s[i+lanes16-1]), -4*(lanes16-1)))
}

func load16(s []float32, i int) vector16 { return archsimd.LoadFloat32x16(at16(s, i)) }

func store16(v vector16, s []float32, i int) { v.Store(at16(s, i)) }

func all16(v float32) vector16 { return archsimd.BroadcastFloat32x16(v) }

func loadIndex16(s []uint32, i int) archsimd.Uint32x16 {
	return archsimd.LoadUint32x16((*[lanes16]uint32)(s[i:]))
}

// colours16 is as many pixels, of four bytes each, from pixel x of a line on.
func colours16(line []byte, x int) *[lanes16]int32 {
	return (*[lanes16]int32)(unsafe.Pointer(&line[4*x : 4*(x+lanes16)][0]))
}

// addRow16 adds the moments of a row of w pixels, times f, to the columns, which lie n apart. The row begins at place at
// of the channels of v, which lie plane apart.
func addRow16(columns []float32, n int, v []float32, plane, at, w int, f float32) {
	factor := all16(f)
	for x := margin; x < margin+w; x += lanes16 {
		i := at + x
		s0, s1, s2 := load16(v, i), load16(v, i+plane), load16(v, i+2*plane)
		f0, f1, f2 := s0.Mul(factor), s1.Mul(factor), s2.Mul(factor)
		grow16(columns, x+atS*n, f0)
		grow16(columns, x+(atS+1)*n, f1)
		grow16(columns, x+(atS+2)*n, f2)
		grow16(columns, x+atSS*n, f0.Mul(s0))
		grow16(columns, x+(atSS+1)*n, f0.Mul(s1))
		grow16(columns, x+(atSS+2)*n, f0.Mul(s2))
		grow16(columns, x+(atSS+3)*n, f1.Mul(s1))
		grow16(columns, x+(atSS+4)*n, f1.Mul(s2))
		grow16(columns, x+(atSS+5)*n, f2.Mul(s2))
		for c := range 3 {
			y := load16(v, i+(3+c)*plane)
			e := y.Mul(factor)
			grow16(columns, x+(atY+c)*n, e)
			grow16(columns, x+(atSY+c)*n, f0.Mul(y))
			grow16(columns, x+(atSY+3+c)*n, f1.Mul(y))
			grow16(columns, x+(atSY+6+c)*n, f2.Mul(y))
			grow16(columns, x+(atYY+c)*n, e.Mul(y))
		}
	}
	archsimd.ClearAVXUpperBits()
}

func grow16(s []float32, i int, by vector16) { store16(load16(s, i).Add(by), s, i) }

// fitRow16 fits the windows of a row, whose columns are summed.
func fitRow16(columns, level planes, row, r int, shareOfRows float32, share []float32) {
	rows, pix, stride := all16(shareOfRows), columns.pix, columns.stride
	var m [moments][lanes16]float32
	for x := margin; x < margin+columns.w; x += lanes16 {
		n := load16(share, x).Mul(rows)
		for k := range m {
			first := k*stride + x - r
			sum := load16(pix, first)
			for i := first + 1; i <= first+2*r; i++ {
				sum = sum.Add(load16(pix, i))
			}
			sum.Mul(n).Store(&m[k])
		}
		fitVector16(level.pix, level.h*level.stride, row*level.stride+x, &m)
	}
	archsimd.ClearAVXUpperBits()
}

// fitVector16 is fit, with the ridge of a window, for the pixels whose means are m. Their priors are in level, whose
// channels lie plane apart, at place at; the fits take their place.
func fitVector16(level []float32, plane, at int, m *[moments][lanes16]float32) {
	eps, one, two := all16(ridge), all16(1), all16(2)
	zero := eps.Sub(eps)
	mean := func(k int) vector16 { return archsimd.LoadFloat32x16(&m[k]) }
	s0, s1, s2 := mean(atS), mean(atS+1), mean(atS+2)
	c00, c01, c02 := mean(atSS).Sub(s0.Mul(s0)), mean(atSS+1).Sub(s0.Mul(s1)), mean(atSS+2).Sub(s0.Mul(s2))
	c11, c12, c22 := mean(atSS+3).Sub(s1.Mul(s1)), mean(atSS+4).Sub(s1.Mul(s2)), mean(atSS+5).Sub(s2.Mul(s2))
	a, d, f := c00.Add(eps), c11.Add(eps), c22.Add(eps)
	p, q, r := d.Mul(f).Sub(c12.Mul(c12)), c12.Mul(c02).Sub(c01.Mul(f)), c01.Mul(c12).Sub(d.Mul(c02))
	k := one.Div(a.Mul(p).Add(c01.Mul(q)).Add(c02.Mul(r)))
	i00, i01, i02 := p.Mul(k), q.Mul(k), r.Mul(k)
	i11, i12, i22 := a.Mul(f).Sub(c02.Mul(c02)).Mul(k), c01.Mul(c02).Sub(a.Mul(c12)).Mul(k), a.Mul(d).Sub(c01.Mul(c01)).Mul(k)
	left, total := zero, zero
	for v := range 3 {
		y := mean(atY + v)
		x0, x1, x2 := mean(atSY+v).Sub(s0.Mul(y)), mean(atSY+3+v).Sub(s1.Mul(y)), mean(atSY+6+v).Sub(s2.Mul(y))
		g0, g1, g2 := load16(level, at+v*plane), load16(level, at+(3+v)*plane), load16(level, at+(6+v)*plane)
		r0 := x0.Sub(c00.Mul(g0)).Sub(c01.Mul(g1)).Sub(c02.Mul(g2))
		r1 := x1.Sub(c01.Mul(g0)).Sub(c11.Mul(g1)).Sub(c12.Mul(g2))
		r2 := x2.Sub(c02.Mul(g0)).Sub(c12.Mul(g1)).Sub(c22.Mul(g2))
		g0 = g0.Add(i00.Mul(r0)).Add(i01.Mul(r1)).Add(i02.Mul(r2))
		g1 = g1.Add(i01.Mul(r0)).Add(i11.Mul(r1)).Add(i12.Mul(r2))
		g2 = g2.Add(i02.Mul(r0)).Add(i12.Mul(r1)).Add(i22.Mul(r2))
		store16(g0, level, at+v*plane)
		store16(g1, level, at+(3+v)*plane)
		store16(g2, level, at+(6+v)*plane)
		variance := mean(atYY + v).Sub(y.Mul(y)).Max(zero)
		// The variance of y − g·s.
		fits := g0.Mul(x0).Add(g1.Mul(x1)).Add(g2.Mul(x2))
		spread := g0.Mul(c00.Mul(g0).Add(c01.Mul(g1).Add(c02.Mul(g2)).Mul(two))).
			Add(g1.Mul(c11.Mul(g1).Add(c12.Mul(g2).Mul(two)))).Add(g2.Mul(c22).Mul(g2))
		left = left.Add(variance.Sub(fits.Add(fits)).Add(spread).Max(zero))
		total = total.Add(variance)
	}
	u := at + 9*plane
	store16(left.Add(eps.Mul(load16(level, u))).Div(total.Add(eps)).Min(one), level, u)
}

// addFits16 adds a row of fits, times f, to the columns.
func addFits16(columns, level planes, row int, f float32) {
	factor := all16(f)
	sums, pix, stride, plane := columns.pix, level.pix, columns.stride, level.h*level.stride
	for k := range len(sums) / stride {
		sum, from := k*stride, k*plane+row*level.stride
		for x := margin; x < margin+level.w; x += lanes16 {
			store16(load16(pix, from+x).MulAdd(factor, load16(sums, sum+x)), sums, sum+x)
		}
	}
	archsimd.ClearAVXUpperBits()
}

// meanFits16 is the means of the windows of a row, whose columns are summed.
func meanFits16(columns, level planes, row, r int, shareOfRows float32, share []float32) {
	rows := all16(shareOfRows)
	sums, pix, stride, plane := columns.pix, level.pix, columns.stride, level.h*level.stride
	for k := range len(sums) / stride {
		sum, to := k*stride, k*plane+row*level.stride
		for x := margin; x < margin+level.w; x += lanes16 {
			mean := load16(sums, sum+x-r)
			for i := 1 - r; i <= r; i++ {
				mean = mean.Add(load16(sums, sum+x+i))
			}
			store16(mean.Mul(rows).Mul(load16(share, x)), pix, to+x)
		}
	}
	archsimd.ClearAVXUpperBits()
}

// trustRow16 multiplies a row of fits g by q, which what they leave unexplained says.
func trustRow16(level planes, row int) {
	one, zero, factor := all16(1), all16(0), all16(-caution)
	plane := level.h * level.stride
	for at := row*level.stride + margin; at < row*level.stride+margin+level.w; at += lanes16 {
		q := load16(level.pix, at+9*plane).MulAdd(factor, one).Max(zero)
		for k := range 9 {
			store16(load16(level.pix, at+k*plane).Mul(q), level.pix, at+k*plane)
		}
	}
	archsimd.ClearAVXUpperBits()
}

// mix16 sets dst, a whole number of vectors, to v times a and w times b, or adds them.
func mix16(dst, a, b []float32, v, w float32, add bool) {
	f, g := all16(v), all16(w)
	for i := 0; i < len(dst); i += lanes16 {
		sum := load16(a, i).Mul(f)
		if add {
			sum = load16(a, i).MulAdd(f, load16(dst, i))
		}
		store16(load16(b, i).MulAdd(g, sum), dst, i)
	}
	archsimd.ClearAVXUpperBits()
}

// enlarge16 writes to dst n rows at another width, those that lie plane apart in src.
func enlarge16(dst, src []float32, n, plane int, p *picks) {
	width := len(dst) / n
	for x, from := range p.from {
		for k := 0; k < p.n; k += 2 {
			i := (x*p.n + k) * lanes16
			first, second := loadIndex16(p.index, i), loadIndex16(p.index, i+lanes16)
			v, w := load16(p.weight, i), load16(p.weight, i+lanes16)
			for c := range n {
				a, b := load16(src, c*plane+from), load16(src, c*plane+from+lanes16)
				sum := pick16(a, b, first).Mul(v)
				if k > 0 {
					sum = sum.Add(load16(dst, c*width+x*lanes16))
				}
				store16(pick16(a, b, second).MulAdd(w, sum), dst, c*width+x*lanes16)
			}
		}
	}
	archsimd.ClearAVXUpperBits()
}

// restoreRow16 is restorer.row for as many of the first pixels of the line as fill vectors. It gives their number.
// Go 1.26 combines some operations on bits wrongly for AVX-512, so channels are put together by adding; and it takes shifts that are
// no constants from a register that it sets in the older encoding, so factors move them to their places.
func restoreRow16(line []byte, both, gain []float32, background, behind [3]float32) int {
	one, half, white, share, unit := all16(1), all16(127.5), all16(255), all16(1./255), all16(1/127.5)
	zero, round := one.Sub(one), all16(.5)
	low := archsimd.BroadcastInt32x16(255)
	stream, n := len(both)/perBoth, len(gain)/perGain
	x := 0
	for ; 4*(x+lanes16) <= len(line); x += lanes16 {
		p := archsimd.LoadInt32x16(colours16(line, x))
		bits := p.ShiftAllRight(24).And(low)
		alpha := bits.ConvertToFloat32().Mul(share)
		glass := one.Sub(alpha)
		r := p.And(low).ConvertToFloat32().Mul(alpha).Add(glass.Mul(all16(background[0])))
		g := p.ShiftAllRight(8).And(low).ConvertToFloat32().Mul(alpha).Add(glass.Mul(all16(background[1])))
		b := p.ShiftAllRight(16).And(low).ConvertToFloat32().Mul(alpha).Add(glass.Mul(all16(background[2])))
		// What the canvas could not hold.
		r = r.Mul(unit).Sub(one).Sub(load16(both, x))
		g = g.Mul(unit).Sub(one).Sub(load16(both, stream+x))
		b = b.Mul(unit).Sub(one).Sub(load16(both, 2*stream+x))
		solid := alpha.Merge(one, alpha.Greater(zero))
		glass = one.Sub(solid)
		times := one.Div(solid)
		result := bits.ShiftAllLeft(24)
		for v := range 3 {
			out := load16(gain, v*n+x).MulAdd(r, load16(both, (3+v)*stream+x))
			out = load16(gain, (3+v)*n+x).MulAdd(g, out)
			out = load16(gain, (6+v)*n+x).MulAdd(b, out)
			out = out.Sub(glass.Mul(all16(behind[v]))).Mul(times)
			level := out.Add(one).Mul(half).Max(zero).Min(white).Add(round).ConvertToInt32()
			result = result.Add(level.Mul(archsimd.BroadcastInt32x16(1 << (8 * v))))
		}
		result.Store(colours16(line, x))
	}
	archsimd.ClearAVXUpperBits()
	return x
}

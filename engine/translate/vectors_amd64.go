//go:build amd64 && goexperiment.simd

package translate

import (
	"encoding/binary"
	"simd/archsimd"
	"unsafe"
)

// Wide and scalar arithmetic must not take turns within a loop: Go writes scalars, zeros and copies of structs in the
// older encoding, and where the upper halves of the registers are in use every turn costs some hundred cycles on Intel's
// processors. So constants are made before a loop, and ClearAVXUpperBits stands where scalar code goes on.

// vectors tells whether this processor has what the code below is written in: AVX2 and FMA. The same is done, pixel by
// pixel, by gainsByPixels, rowByPixels and addScaledByPixels, which say what each step means.
var vectors = archsimd.X86.AVX2() && archsimd.X86.FMA()

const lanes = 8

type vector = archsimd.Float32x8

// at is the vector of s that begins at place i. A slice of s would be checked twice, which takes longer than the loading.
func at(s []float32, i int) *[lanes]float32 {
	return (*[lanes]float32)(unsafe.Add(unsafe.Pointer(&s[i+lanes-1]), -4*(lanes-1)))
}

func load(s []float32, i int) vector { return archsimd.LoadFloat32x8(at(s, i)) }

func store(v vector, s []float32, i int) { v.Store(at(s, i)) }

func all(v float32) vector { return archsimd.BroadcastFloat32x8(v) }

// addScaled adds w·src to dst.
func addScaled(dst, src []float32, w float32) {
	n := len(dst) &^ (lanes - 1)
	f := all(w)
	for i := 0; i < n; i += lanes {
		store(load(src, i).MulAdd(f, load(dst, i)), dst, i)
	}
	archsimd.ClearAVXUpperBits()
	addScaledByPixels(dst[n:], src[n:], w)
}

// planes are channels of a canvas, each for itself, in rows with room for windows that reach over the ends.
type planes struct {
	w, h, stride int
	pix          []float32
}

// margin is the zeros before each row; at least as many lie behind it.
const margin = lanes

func (r *room) planes(w, h, n int) planes {
	stride := margin + (w+lanes-1)/lanes*lanes + margin
	return planes{w, h, stride, r.take(stride * h * n)}
}

// row is row y of plane k, margins included.
func (p planes) row(k, y int) []float32 {
	return p.pix[(k*p.h+y)*p.stride:][:p.stride]
}

// gainsByVectors is gains for eight pixels at once.
func gainsByVectors(s, y plane, whole linear, memory *room) plane {
	w, h := s.w, s.h
	values := memory.planes(w, h, 6) // s and y
	for row := range h {
		from, and := s.row(row), y.row(row)
		for c := range 3 {
			a, b := values.row(c, row)[margin:], values.row(3+c, row)[margin:]
			for x := range w {
				a[x], b[x] = from[3*x+c], and[3*x+c]
			}
		}
	}
	level, other := memory.planes(w, h, 10), memory.planes(w, h, 10) // g, and what it leaves unexplained
	for k := range 10 {
		v := whole.unexplained
		if k < 9 {
			v = whole.g[k]
		}
		for row := range h {
			at := level.row(k, row)[margin:][:w]
			for x := range at {
				at[x] = v
			}
		}
	}
	share := memory.planes(w, 1, 1).pix
	for _, r := range windows {
		for x := range w {
			share[margin+x] = 1 / float32(min(x+r, w-1)-max(x-r, 0)+1)
		}
		fitWindows(values, level, r, share, memory)
		meanWindows(level, other, r, share, memory)
		level, other = other, level
	}
	out := memory.plane(w, h, perGain)
	for row := range h {
		var at [10][]float32
		for k := range at {
			at[k] = level.row(k, row)[margin:]
		}
		to := out.row(row)
		for x := range w {
			trust := max(0, 1-caution*at[9][x])
			for k, g := range at[:9] {
				to[perGain*x+k/3*4+k%3] = g[x] * trust
			}
		}
	}
	return out
}

// fitWindows fits every pixel's window anew, starting from the fit that level holds of it. share is 1 over the number
// of columns of a window.
func fitWindows(values, level planes, r int, share []float32, memory *room) {
	columns := memory.planes(values.w, 1, moments)
	add := func(row int, sign float64) {
		addRow(columns.pix, columns.stride, values.pix, values.h*values.stride, row*values.stride, values.w, float32(sign))
	}
	var m [moments][lanes]float32
	eachSum(values.h, r, add, func(row, rows int) {
		fitRow(columns, level, row, r, 1/float32(rows), share, &m)
	})
}

// addRow adds the moments of a row of w pixels, times f, to the columns, which lie n apart. The row begins at place at
// of the channels of v, which lie plane apart.
func addRow(columns []float32, n int, v []float32, plane, at, w int, f float32) {
	factor := all(f)
	for x := margin; x < margin+w; x += lanes {
		i := at + x
		s0, s1, s2 := load(v, i), load(v, i+plane), load(v, i+2*plane)
		f0, f1, f2 := s0.Mul(factor), s1.Mul(factor), s2.Mul(factor)
		grow(columns, x+atS*n, f0)
		grow(columns, x+(atS+1)*n, f1)
		grow(columns, x+(atS+2)*n, f2)
		grow(columns, x+atSS*n, f0.Mul(s0))
		grow(columns, x+(atSS+1)*n, f0.Mul(s1))
		grow(columns, x+(atSS+2)*n, f0.Mul(s2))
		grow(columns, x+(atSS+3)*n, f1.Mul(s1))
		grow(columns, x+(atSS+4)*n, f1.Mul(s2))
		grow(columns, x+(atSS+5)*n, f2.Mul(s2))
		for c := range 3 {
			y := load(v, i+(3+c)*plane)
			e := y.Mul(factor)
			grow(columns, x+(atY+c)*n, e)
			grow(columns, x+(atSY+c)*n, f0.Mul(y))
			grow(columns, x+(atSY+3+c)*n, f1.Mul(y))
			grow(columns, x+(atSY+6+c)*n, f2.Mul(y))
			grow(columns, x+(atYY+c)*n, e.Mul(y))
		}
	}
	archsimd.ClearAVXUpperBits()
}

func grow(s []float32, i int, by vector) { store(load(s, i).Add(by), s, i) }

// fitRow fits the windows of a row, whose columns are summed. m is room for means.
func fitRow(columns, level planes, row, r int, shareOfRows float32, share []float32, m *[moments][lanes]float32) {
	rows, pix, stride := all(shareOfRows), columns.pix, columns.stride
	for x := margin; x < margin+columns.w; x += lanes {
		n := load(share, x).Mul(rows)
		for k := range m {
			first := k*stride + x - r
			sum := load(pix, first)
			for i := first + 1; i <= first+2*r; i++ {
				sum = sum.Add(load(pix, i))
			}
			sum.Mul(n).Store(&m[k])
		}
		fitVector(level.pix, level.h*level.stride, row*level.stride+x, m)
	}
	archsimd.ClearAVXUpperBits()
}

// fitVector is fit, with the ridge of a window, for eight pixels whose means are m. Their priors are in level, whose
// channels lie plane apart, at place at; the fits take their place.
func fitVector(level []float32, plane, at int, m *[moments][lanes]float32) {
	eps, one, two := all(ridge), all(1), all(2)
	zero := eps.Sub(eps)
	mean := func(k int) vector { return archsimd.LoadFloat32x8(&m[k]) }
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
		g0, g1, g2 := load(level, at+v*plane), load(level, at+(3+v)*plane), load(level, at+(6+v)*plane)
		r0 := x0.Sub(c00.Mul(g0)).Sub(c01.Mul(g1)).Sub(c02.Mul(g2))
		r1 := x1.Sub(c01.Mul(g0)).Sub(c11.Mul(g1)).Sub(c12.Mul(g2))
		r2 := x2.Sub(c02.Mul(g0)).Sub(c12.Mul(g1)).Sub(c22.Mul(g2))
		g0 = g0.Add(i00.Mul(r0)).Add(i01.Mul(r1)).Add(i02.Mul(r2))
		g1 = g1.Add(i01.Mul(r0)).Add(i11.Mul(r1)).Add(i12.Mul(r2))
		g2 = g2.Add(i02.Mul(r0)).Add(i12.Mul(r1)).Add(i22.Mul(r2))
		store(g0, level, at+v*plane)
		store(g1, level, at+(3+v)*plane)
		store(g2, level, at+(6+v)*plane)
		variance := mean(atYY + v).Sub(y.Mul(y)).Max(zero)
		// The variance of y − g·s.
		fits := g0.Mul(x0).Add(g1.Mul(x1)).Add(g2.Mul(x2))
		spread := g0.Mul(c00.Mul(g0).Add(c01.Mul(g1).Add(c02.Mul(g2)).Mul(two))).
			Add(g1.Mul(c11.Mul(g1).Add(c12.Mul(g2).Mul(two)))).Add(g2.Mul(c22).Mul(g2))
		left = left.Add(variance.Sub(fits.Add(fits)).Add(spread).Max(zero))
		total = total.Add(variance)
	}
	u := at + 9*plane
	store(left.Add(eps.Mul(load(level, u))).Div(total.Add(eps)).Min(one), level, u)
}

// meanWindows writes to out the mean of in over the (2r+1)² window around every pixel, cut off at the border. What lies
// behind the end of in's rows is lost.
func meanWindows(in, out planes, r int, share []float32, memory *room) {
	sum := memory.planes(in.w, 1, 1).pix
	end := margin + in.w
	for k := range 10 {
		clear(sum)
		eachSum(in.h, r, func(row int, sign float64) {
			from := in.row(k, row)
			clear(from[end:]) // fits of pixels that are not there
			addScaled(sum, from, float32(sign))
		}, func(row, rows int) {
			meanRow(out.row(k, row), sum, in.w, r, 1/float32(rows), share)
		})
	}
}

// meanRow is the means of a row whose columns are summed.
func meanRow(to, sum []float32, w, r int, shareOfRows float32, share []float32) {
	n := all(shareOfRows)
	for x := margin; x < margin+w; x += lanes {
		mean := load(sum, x-r)
		for i := 1 - r; i <= r; i++ {
			mean = mean.Add(load(sum, x+i))
		}
		store(mean.Mul(n).Mul(load(share, x)), to, x)
	}
	archsimd.ClearAVXUpperBits()
}

// mixRows sets dst to the sum of rows of p, weight[k] times row first+k.
func mixRows(dst []float32, p plane, first int, weight []float32) {
	n := 0
	if vectors {
		for ; n+lanes <= len(dst); n += lanes {
			at := first*len(dst) + n
			sum := load(p.pix, at).Mul(all(weight[0]))
			for _, w := range weight[1:] {
				at += len(dst)
				sum = load(p.pix, at).MulAdd(all(w), sum)
			}
			store(sum, dst, n)
		}
		archsimd.ClearAVXUpperBits()
	}
	mixRowsByPixels(dst, p, first, weight, n)
}

type colour = archsimd.Float32x4 // of a pixel: three channels, and alpha or nothing

func grey(v float32) colour { return archsimd.BroadcastFloat32x4(v) }

// rowByVectors is row with the channels of a pixel side by side. Its rows of gains have room for half a vector behind
// them.
func (r *restorer) rowByVectors(line []uint8, b, g []float32) {
	background := archsimd.LoadFloat32x4(&[4]float32{r.background[0], r.background[1], r.background[2]})
	behind := archsimd.LoadFloat32x4(&[4]float32{r.behind[0], r.behind[1], r.behind[2]})
	zero, one, round := grey(0), grey(1), grey(.5)
	half, white, share := grey(127.5), grey(255), grey(1./255)
	// Structs are not copied within the loop, see above.
	fromB, fromG, weightB, weightG, nB, nG := r.bothX.start, r.gainX.start, r.bothX.weight, r.gainX.weight, r.bothX.n, r.gainX.n
	for x := range len(line) / 4 {
		i, first := perBoth*fromB[x], x*nB
		both := load(b, i).Mul(all(weightB[first]))
		for k := first + 1; k < first+nB; k++ {
			i += perBoth
			both = load(b, i).MulAdd(all(weightB[k]), both)
		}
		i, first = perGain*fromG[x], x*nG
		w := all(weightG[first])
		gain, third := load(g, i).Mul(w), load(g, i+lanes).Mul(w)
		for k := first + 1; k < first+nG; k++ {
			i += perGain
			w := all(weightG[k])
			gain = load(g, i).MulAdd(w, gain)
			third = load(g, i+lanes).MulAdd(w, third)
		}
		p := line[4*x : 4*x+4]
		f := archsimd.BroadcastUint32x4(binary.LittleEndian.Uint32(p)).AsUint8x16().ExtendLo4ToUint32().AsInt32x4().ConvertToFloat32()
		alpha := f.SelectFromPair(3, 3, 3, 3, f).Mul(share)
		if p[3] != 255 {
			f = alpha.Mul(f).Add(one.Sub(alpha).Mul(background))
		}
		d := f.Div(half).Sub(one).Sub(both.GetHi()) // what the canvas could not hold
		out := gain.GetLo().MulAdd(d.SelectFromPair(0, 0, 0, 0, d), both.GetLo())
		out = gain.GetHi().MulAdd(d.SelectFromPair(1, 1, 1, 1, d), out)
		out = third.GetLo().MulAdd(d.SelectFromPair(2, 2, 2, 2, d), out)
		if p[3] != 255 && p[3] != 0 {
			out = out.Sub(one.Sub(alpha).Mul(behind)).Div(alpha)
		}
		var bytes [4]int32
		out.Add(one).Mul(half).Max(zero).Min(white).Add(round).ConvertToInt32().Store(&bytes)
		p[0], p[1], p[2] = uint8(bytes[0]), uint8(bytes[1]), uint8(bytes[2])
	}
	archsimd.ClearAVXUpperBits()
}

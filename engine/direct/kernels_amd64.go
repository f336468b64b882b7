//go:build amd64 && goexperiment.simd

package direct

import (
	"simd/archsimd"
	"slices"
	"unsafe"
)

// Available tells whether this processor has the instructions that the kernels are written in: AVX2 and FMA.
func Available() bool { return archsimd.X86.AVX2() && archsimd.X86.FMA() }

// kernel6x16 sets or, where add is not 0, adds to a 6×16 tile of C: Σ_i A(row, i)·B(i, column) over i < k, k ≥ 1. A's
// neighbours lie aRow and aStep bytes apart, B's rows of 16 bStep bytes, C's rows cRow bytes. With AVX-512 it adds up in
// the same order, so that the bits are the same.
func kernel6x16(k int, a *float32, aRow, aStep int, b *float32, bStep int, c *float32, cRow, add int) {
	if avx512 {
		wide6x16(k, a, aRow, aStep, b, bStep, c, cRow, add)
		return
	}
	narrow6x16(k, a, aRow, aStep, b, bStep, c, cRow, add)
}

// avx512 tells whether the processor has AVX-512.
var avx512 = archsimd.X86.AVX512()

//go:noescape
func narrow6x16(k int, a *float32, aRow, aStep int, b *float32, bStep int, c *float32, cRow, add int)

//go:noescape
func wide6x16(k int, a *float32, aRow, aStep int, b *float32, bStep int, c *float32, cRow, add int)

type vector = archsimd.Float32x8

func at(p *float32, i int) *[lanes]float32 {
	return (*[lanes]float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}

func load(p *float32, i int) vector { return archsimd.LoadFloat32x8(at(p, i)) }

func all(v float32) vector { return archsimd.BroadcastFloat32x8(v) }

// The transforms of Winograd's F(4×4, 3×3) with the points 0, ±1, ±2, ∞ (Lavin and Gray 2015, arXiv 1509.09308,
// section 4.3). Each works on eight channels at once, and is handed the place for what lies between its two halves.

type halfway [places][lanes]float32

// inputTransform is Bᵀ·d·B for a patch d of 6×6 pixels: p is its first value, its rows lie row and its pixels px values
// apart. The 36 results go to v, plane values apart.
func inputTransform(v *float32, plane int, p *float32, row, px int, half *halfway) {
	two, four, five := all(2), all(4), all(5)
	for x := range 6 {
		q := x * px
		d0, d1, d2 := load(p, q), load(p, q+row), load(p, q+2*row)
		d3, d4, d5 := load(p, q+3*row), load(p, q+4*row), load(p, q+5*row)
		d0.MulAdd(four, d4).Sub(d2.Mul(five)).Store(&half[x])
		a, b := d4.Sub(d2.Mul(four)), d3.Sub(d1.Mul(four))
		a.Add(b).Store(&half[6+x])
		a.Sub(b).Store(&half[12+x])
		a, b = d4.Sub(d2), d3.Sub(d1).Mul(two)
		a.Add(b).Store(&half[18+x])
		a.Sub(b).Store(&half[24+x])
		d1.MulAdd(four, d5).Sub(d3.Mul(five)).Store(&half[30+x])
	}
	for y := range 6 {
		h := half[6*y : 6*y+6 : 6*y+6]
		d0, d1, d2 := archsimd.LoadFloat32x8(&h[0]), archsimd.LoadFloat32x8(&h[1]), archsimd.LoadFloat32x8(&h[2])
		d3, d4, d5 := archsimd.LoadFloat32x8(&h[3]), archsimd.LoadFloat32x8(&h[4]), archsimd.LoadFloat32x8(&h[5])
		o := 6 * y * plane
		d0.MulAdd(four, d4).Sub(d2.Mul(five)).Store(at(v, o))
		a, b := d4.Sub(d2.Mul(four)), d3.Sub(d1.Mul(four))
		a.Add(b).Store(at(v, o+plane))
		a.Sub(b).Store(at(v, o+2*plane))
		a, b = d4.Sub(d2), d3.Sub(d1).Mul(two)
		a.Add(b).Store(at(v, o+3*plane))
		a.Sub(b).Store(at(v, o+4*plane))
		d1.MulAdd(four, d5).Sub(d3.Mul(five)).Store(at(v, o+5*plane))
	}
}

// outputTransform is Aᵀ·m·A: m holds 36 vectors plane values apart, out gets 4×4.
func outputTransform(out *[16][lanes]float32, m *float32, plane int, half *halfway) {
	two, four, eight := all(2), all(4), all(8)
	for x := range 6 {
		q, r := x*plane, 6*plane
		m0, m1, m2 := load(m, q), load(m, q+r), load(m, q+2*r)
		m3, m4, m5 := load(m, q+3*r), load(m, q+4*r), load(m, q+5*r)
		s1, s2, s3, s4 := m1.Add(m2), m1.Sub(m2), m3.Add(m4), m3.Sub(m4)
		m0.Add(s1).Add(s3).Store(&half[x])
		s4.MulAdd(two, s2).Store(&half[6+x])
		s3.MulAdd(four, s1).Store(&half[12+x])
		s4.MulAdd(eight, s2).Add(m5).Store(&half[18+x])
	}
	for y := range 4 {
		h := half[6*y : 6*y+6 : 6*y+6]
		m0, m1, m2 := archsimd.LoadFloat32x8(&h[0]), archsimd.LoadFloat32x8(&h[1]), archsimd.LoadFloat32x8(&h[2])
		m3, m4, m5 := archsimd.LoadFloat32x8(&h[3]), archsimd.LoadFloat32x8(&h[4]), archsimd.LoadFloat32x8(&h[5])
		s1, s2, s3, s4 := m1.Add(m2), m1.Sub(m2), m3.Add(m4), m3.Sub(m4)
		m0.Add(s1).Add(s3).Store(&out[4*y])
		s4.MulAdd(two, s2).Store(&out[4*y+1])
		s3.MulAdd(four, s1).Store(&out[4*y+2])
		s4.MulAdd(eight, s2).Add(m5).Store(&out[4*y+3])
	}
}

// adjointTransform is A·g·Aᵀ, the adjoint of outputTransform, for 4×4 pixels of a gradient laid out as inputTransform's.
func adjointTransform(m *float32, plane int, p *float32, row, px int, half *halfway) {
	two, four, eight := all(2), all(4), all(8)
	for x := range 4 {
		q := x * px
		y0, y1, y2, y3 := load(p, q), load(p, q+row), load(p, q+2*row), load(p, q+3*row)
		y0.Store(&half[x])
		a, b := y0.Add(y2), y1.Add(y3)
		a.Add(b).Store(&half[4+x])
		a.Sub(b).Store(&half[8+x])
		a, b = y2.MulAdd(four, y0), y3.Mul(eight).Add(y1.Mul(two))
		a.Add(b).Store(&half[12+x])
		a.Sub(b).Store(&half[16+x])
		y3.Store(&half[20+x])
	}
	for y := range 6 {
		h := half[4*y : 4*y+4 : 4*y+4]
		y0, y1, y2, y3 := archsimd.LoadFloat32x8(&h[0]), archsimd.LoadFloat32x8(&h[1]), archsimd.LoadFloat32x8(&h[2]), archsimd.LoadFloat32x8(&h[3])
		o := 6 * y * plane
		y0.Store(at(m, o))
		a, b := y0.Add(y2), y1.Add(y3)
		a.Add(b).Store(at(m, o+plane))
		a.Sub(b).Store(at(m, o+2*plane))
		a, b = y2.MulAdd(four, y0), y3.Mul(eight).Add(y1.Mul(two))
		a.Add(b).Store(at(m, o+3*plane))
		a.Sub(b).Store(at(m, o+4*plane))
		y3.Store(at(m, o+5*plane))
	}
}

// filterTransform is G·g·Gᵀ: the nine taps of g lie tap values apart, the 36 results plane values apart.
func filterTransform(u *float32, plane int, g *float32, tap int, half *halfway) {
	quarter, sixth, t12, t24 := all(1./4), all(-1./6), all(1./12), all(1./24)
	for x := range 3 {
		g0, g1, g2 := load(g, x*tap), load(g, (3+x)*tap), load(g, (6+x)*tap)
		g0.Mul(quarter).Store(&half[x])
		a := g0.Add(g2)
		a.Add(g1).Mul(sixth).Store(&half[3+x])
		a.Sub(g1).Mul(sixth).Store(&half[6+x])
		b, c := g2.Mul(t24).MulAdd(all(4), g0.Mul(t24)), g1.Mul(t12)
		b.Add(c).Store(&half[9+x])
		b.Sub(c).Store(&half[12+x])
		g2.Store(&half[15+x])
	}
	for y := range 6 {
		h := half[3*y : 3*y+3 : 3*y+3]
		g0, g1, g2 := archsimd.LoadFloat32x8(&h[0]), archsimd.LoadFloat32x8(&h[1]), archsimd.LoadFloat32x8(&h[2])
		o := 6 * y * plane
		g0.Mul(quarter).Store(at(u, o))
		a := g0.Add(g2)
		a.Add(g1).Mul(sixth).Store(at(u, o+plane))
		a.Sub(g1).Mul(sixth).Store(at(u, o+2*plane))
		b, c := g2.Mul(t24).MulAdd(all(4), g0.Mul(t24)), g1.Mul(t12)
		b.Add(c).Store(at(u, o+3*plane))
		b.Sub(c).Store(at(u, o+4*plane))
		g2.Store(at(u, o+5*plane))
	}
}

// filterAdjoint is Gᵀ·u·G, the adjoint of filterTransform: it adds to nothing, it sets the nine taps.
func filterAdjoint(g *[9][lanes]float32, u *float32, plane int, half *halfway) {
	quarter, sixth, t12, t24 := all(1./4), all(-1./6), all(1./12), all(1./24)
	four := all(4)
	for x := range 6 {
		q, r := x*plane, 6*plane
		u0, u1, u2 := load(u, q), load(u, q+r), load(u, q+2*r)
		u3, u4, u5 := load(u, q+3*r), load(u, q+4*r), load(u, q+5*r)
		s, d := u1.Add(u2).Mul(sixth), u1.Sub(u2).Mul(sixth)
		e, f := u3.Add(u4).Mul(t24), u3.Sub(u4).Mul(t12)
		u0.MulAdd(quarter, s).Add(e).Store(&half[x])
		d.Add(f).Store(&half[6+x])
		e.MulAdd(four, s).Add(u5).Store(&half[12+x])
	}
	for y := range 3 {
		h := half[6*y : 6*y+6 : 6*y+6]
		u0, u1, u2 := archsimd.LoadFloat32x8(&h[0]), archsimd.LoadFloat32x8(&h[1]), archsimd.LoadFloat32x8(&h[2])
		u3, u4, u5 := archsimd.LoadFloat32x8(&h[3]), archsimd.LoadFloat32x8(&h[4]), archsimd.LoadFloat32x8(&h[5])
		s, d := u1.Add(u2).Mul(sixth), u1.Sub(u2).Mul(sixth)
		e, f := u3.Add(u4).Mul(t24), u3.Sub(u4).Mul(t12)
		u0.MulAdd(quarter, s).Add(e).Store(&g[3*y])
		d.Add(f).Store(&g[3*y+1])
		e.MulAdd(four, s).Add(u5).Store(&g[3*y+2])
	}
}

// exponents holds the constants of exponential, each eight times, because reading one takes less time than spreading it. The
// coefficients are those of exp on ±½·ln 2 (Moshier, Cephes, expf.c).
var exponents = func() (k struct{ low, high, log2e, ln2hi, ln2lo, exp5, exp4, exp3, exp2, exp1, exp0, one [lanes]float32 }) {
	for i := range lanes {
		k.low[i], k.high[i], k.log2e[i], k.ln2hi[i], k.ln2lo[i] = -87, 87, 1.44269504088896341, -0.693359375, 2.12194440e-4
		k.exp5[i], k.exp4[i], k.exp3[i] = 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3
		k.exp2[i], k.exp1[i], k.exp0[i], k.one[i] = 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1
	}
	return k
}()

// exponential is exp(w), to about one unit in the last place; w is cut off at ±87.
func exponential(w vector) vector {
	k := &exponents
	w = w.Min(archsimd.LoadFloat32x8(&k.high)).Max(archsimd.LoadFloat32x8(&k.low))
	e := w.Mul(archsimd.LoadFloat32x8(&k.log2e)).RoundToEven()
	f := e.MulAdd(archsimd.LoadFloat32x8(&k.ln2lo), e.MulAdd(archsimd.LoadFloat32x8(&k.ln2hi), w))
	p := f.MulAdd(archsimd.LoadFloat32x8(&k.exp5), archsimd.LoadFloat32x8(&k.exp4)).MulAdd(f, archsimd.LoadFloat32x8(&k.exp3))
	p = p.MulAdd(f, archsimd.LoadFloat32x8(&k.exp2)).MulAdd(f, archsimd.LoadFloat32x8(&k.exp1)).MulAdd(f, archsimd.LoadFloat32x8(&k.exp0))
	p = p.MulAdd(f.Mul(f), f).Add(archsimd.LoadFloat32x8(&k.one))
	return p.AsInt32x8().Add(e.ConvertToInt32().ShiftAllLeft(23)).AsFloat32x8() // times 2^e
}

// sigmoid is 1/(1 + exp(−z)).
func sigmoid(z vector) vector {
	one := archsimd.LoadFloat32x8(&exponents.one)
	return one.Div(exponential(archsimd.Float32x8{}.Sub(z)).Add(one))
}

// softmaxRow is softmax of n scores, a multiple of lanes.
func softmaxRow(row *float32, n int, scale float32) {
	top, by := load(row, 0), all(scale)
	for i := lanes; i < n; i += lanes {
		top = top.Max(load(row, i))
	}
	var each [lanes]float32
	top.Store(&each)
	top = all(slices.Max(each[:]))
	sum := archsimd.Float32x8{}
	for i := 0; i < n; i += lanes {
		e := exponential(load(row, i).Sub(top).Mul(by))
		e.Store(at(row, i))
		sum = sum.Add(e)
	}
	sum.Store(&each)
	total := all(added(&each))
	for i := 0; i < n; i += lanes {
		load(row, i).Div(total).Store(at(row, i))
	}
}

// softmaxRowBack is softmaxBack of n values, a multiple of lanes.
func softmaxRowBack(row, weights *float32, n int, scale float32) {
	dot, by := archsimd.Float32x8{}, all(scale)
	for i := 0; i < n; i += lanes {
		dot = load(row, i).MulAdd(load(weights, i), dot)
	}
	var each [lanes]float32
	dot.Store(&each)
	mean := all(added(&each))
	for i := 0; i < n; i += lanes {
		load(row, i).Sub(mean).Mul(load(weights, i)).Mul(by).Store(at(row, i))
	}
}

func added(each *[lanes]float32) (sum float32) {
	for _, v := range each {
		sum += v
	}
	return sum
}

// activateRow sets y to SiLU(x·a + b), or without silu to x·a + b, for n pixels of c channels.
func activateRow(y, x, a, b *float32, n, c int, silu bool) {
	for k := 0; k < c; k += lanes {
		av, bv := load(a, k), load(b, k)
		if !silu {
			for i := k; i < n*c; i += c {
				load(x, i).MulAdd(av, bv).Store(at(y, i))
			}
			continue
		}
		for i := k; i < n*c; i += c {
			z := load(x, i).MulAdd(av, bv)
			z.Mul(sigmoid(z)).Store(at(y, i))
		}
	}
}

// activateBack turns dy, n pixels of c channels, from the gradient by y of activateRow into that by z = x·a + b, and sets
// da to Σ dz·x and db to Σ dz.
func activateBack(dy, x, a, b, da, db *float32, n, c int, silu bool) {
	for k := 0; k < c; k += lanes {
		av, bv, one := load(a, k), load(b, k), all(1)
		sumA, sumB := archsimd.Float32x8{}, archsimd.Float32x8{}
		for i := k; i < n*c; i += c {
			xv, d := load(x, i), load(dy, i)
			if silu {
				z := xv.MulAdd(av, bv)
				s := sigmoid(z)
				d = d.Mul(s).Mul(z.Mul(one.Sub(s)).Add(one))
				d.Store(at(dy, i))
			}
			sumA = d.MulAdd(xv, sumA)
			sumB = sumB.Add(d)
		}
		sumA.Store(at(da, k))
		sumB.Store(at(db, k))
	}
}

// spread sets dx to dz·a + q + x·p or, with add, adds that to it, for n pixels of c channels: what reaches the input of a
// normalisation.
func spread(dx, dz, x, a, q, p *float32, n, c int, add bool) {
	for k := 0; k < c; k += lanes {
		av, qv, pv := load(a, k), load(q, k), load(p, k)
		for i := k; i < n*c; i += c {
			v := load(x, i).MulAdd(pv, load(dz, i).MulAdd(av, qv))
			if add {
				v = v.Add(load(dx, i))
			}
			v.Store(at(dx, i))
		}
	}
}

// sums sets s1 and s2 to Σ x and Σ x² over n pixels, for the eight channels from x on; the pixels lie c values apart.
func sums(s1, s2 *[lanes]float32, x *float32, n, c int) {
	a, b := archsimd.Float32x8{}, archsimd.Float32x8{}
	for i := range n {
		v := load(x, i*c)
		a = a.Add(v)
		b = v.MulAdd(v, b)
	}
	a.Store(s1)
	b.Store(s2)
}

// plus adds x to y, n values, a multiple of lanes.
func plus(y, x *float32, n int) {
	for i := 0; i < n; i += lanes {
		load(y, i).Add(load(x, i)).Store(at(y, i))
	}
}

// tileOut writes a 4×4 tile of eight channels, of which h×w pixels are inside the image, to y plus bias plus, where there
// is one, add.
func tileOut(y, add *float32, tile *[16][lanes]float32, bias *float32, row, px, h, w int) {
	b := load(bias, 0)
	for i := range h {
		for j := range w {
			v, o := archsimd.LoadFloat32x8(&tile[4*i+j]).Add(b), i*row+j*px
			if add != nil {
				v = v.Add(load(add, o))
			}
			v.Store(at(y, o))
		}
	}
}

// gather sets or, with add, adds f times the sum of 2×2 pixels of x, whose rows lie row values apart, to n pixels of c
// channels of y.
func gather(y, x *float32, f float32, n, c, row int, add bool) {
	scale := all(f)
	for i := range n {
		for k := 0; k < c; k += lanes {
			o := 2*i*c + k
			v := load(x, o).Add(load(x, o+c)).Add(load(x, o+row)).Add(load(x, o+row+c)).Mul(scale)
			if add {
				v = v.Add(load(y, i*c+k))
			}
			v.Store(at(y, i*c+k))
		}
	}
}

// scatter sets or, with add, adds f times n pixels of c channels of x to 2×2 pixels each of y, whose rows lie row values
// apart.
func scatter(y, x *float32, f float32, n, c, row int, add bool) {
	scale := all(f)
	for i := range n {
		for k := 0; k < c; k += lanes {
			v, o := load(x, i*c+k).Mul(scale), 2*i*c+k
			for _, q := range [4]int{o, o + c, o + row, o + row + c} {
				if add {
					load(y, q).Add(v).Store(at(y, q))
				} else {
					v.Store(at(y, q))
				}
			}
		}
	}
}

// leak sets n values of y, a multiple of lanes, to the larger of x and slope·x.
func leak(y, x *float32, n int, slope float32) {
	s := all(slope)
	for i := 0; i < n; i += lanes {
		v := load(x, i)
		v.Max(v.Mul(s)).Store(at(y, i))
	}
}

// leakBack turns n values of d from the gradient by y = leak(x) into that by x.
func leakBack(d, y *float32, n int, slope float32) {
	s, one := all(slope), all(1)
	zero := archsimd.Float32x8{}
	for i := 0; i < n; i += lanes {
		load(d, i).Mul(one.Merge(s, load(y, i).Greater(zero))).Store(at(d, i))
	}
}

// squareplus works on the values of x in front, as far as they fill vectors, and returns their number.
func squareplus(x []float32) (done int) {
	one := all(1)
	for ; done+lanes <= len(x); done += lanes {
		v := load(&x[done], 0)
		v.Add(v.MulAdd(v, one).Sqrt()).Store(at(&x[done], 0))
	}
	return done
}

// squareplusBack works on the values of d in front, as far as they fill vectors, and returns their number.
func squareplusBack(d, y []float32) (done int) {
	one := all(1)
	for ; done+lanes <= len(d); done += lanes {
		v := load(&y[done], 0)
		q := v.Mul(v)
		load(&d[done], 0).Mul(q.Add(q).Div(q.Add(one))).Store(at(&d[done], 0))
	}
	return done
}

// Code generated from vectors8_amd64.go by TestSixteenLanesAreMadeFromEight. DO NOT EDIT.

//go:build amd64 && goexperiment.simd

package direct

import (
	"simd/archsimd"
	"unsafe"
)

const lanes16 = 16

type vector16 = archsimd.Float32x16

func at16(p *float32, i int) *[lanes16]float32 {
	return (*[lanes16]float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}

func load16(p *float32, i int) vector16 { return archsimd.LoadFloat32x16(at16(p, i)) }

func all16(v float32) vector16 { return archsimd.BroadcastFloat32x16(v) }

// filterTransform16 is G·g·Gᵀ of Winograd's F(4×4, 3×3): the nine taps of g lie tap values apart, the 36 results plane values
// apart. half is a place for what lies between its two halves, 36 vectors.
func filterTransform16(u *float32, plane int, g *float32, tap int, half *float32) {
	quarter, sixth, t12, t24, four := all16(1./4), all16(-1./6), all16(1./12), all16(1./24), all16(4)
	for x := range 3 {
		h := x * lanes16
		g0, g1, g2 := load16(g, x*tap), load16(g, (3+x)*tap), load16(g, (6+x)*tap)
		g0.Mul(quarter).Store(at16(half, h))
		a := g0.Add(g2)
		a.Add(g1).Mul(sixth).Store(at16(half, h+3*lanes16))
		a.Sub(g1).Mul(sixth).Store(at16(half, h+6*lanes16))
		b, c := g2.Mul(t24).MulAdd(four, g0.Mul(t24)), g1.Mul(t12)
		b.Add(c).Store(at16(half, h+9*lanes16))
		b.Sub(c).Store(at16(half, h+12*lanes16))
		g2.Store(at16(half, h+15*lanes16))
	}
	for y := range 6 {
		h, o := 3*y*lanes16, 6*y*plane
		g0, g1, g2 := load16(half, h), load16(half, h+lanes16), load16(half, h+2*lanes16)
		g0.Mul(quarter).Store(at16(u, o))
		a := g0.Add(g2)
		a.Add(g1).Mul(sixth).Store(at16(u, o+plane))
		a.Sub(g1).Mul(sixth).Store(at16(u, o+2*plane))
		b, c := g2.Mul(t24).MulAdd(four, g0.Mul(t24)), g1.Mul(t12)
		b.Add(c).Store(at16(u, o+3*plane))
		b.Sub(c).Store(at16(u, o+4*plane))
		g2.Store(at16(u, o+5*plane))
	}
}

// filterAdjoint16 is Gᵀ·u·G, the adjoint of filterTransform16. The nine taps go to g, tap values apart.
func filterAdjoint16(g *float32, tap int, u *float32, plane int, half *float32) {
	quarter, sixth, t12, t24, four := all16(1./4), all16(-1./6), all16(1./12), all16(1./24), all16(4)
	for x := range 6 {
		q, r, h := x*plane, 6*plane, x*lanes16
		u0, u1, u2 := load16(u, q), load16(u, q+r), load16(u, q+2*r)
		u3, u4, u5 := load16(u, q+3*r), load16(u, q+4*r), load16(u, q+5*r)
		s, d := u1.Add(u2).Mul(sixth), u1.Sub(u2).Mul(sixth)
		e, f := u3.Add(u4).Mul(t24), u3.Sub(u4).Mul(t12)
		u0.MulAdd(quarter, s).Add(e).Store(at16(half, h))
		d.Add(f).Store(at16(half, h+6*lanes16))
		e.MulAdd(four, s).Add(u5).Store(at16(half, h+12*lanes16))
	}
	for y := range 3 {
		h, o := 6*y*lanes16, 3*y*tap
		u0, u1, u2 := load16(half, h), load16(half, h+lanes16), load16(half, h+2*lanes16)
		u3, u4, u5 := load16(half, h+3*lanes16), load16(half, h+4*lanes16), load16(half, h+5*lanes16)
		s, d := u1.Add(u2).Mul(sixth), u1.Sub(u2).Mul(sixth)
		e, f := u3.Add(u4).Mul(t24), u3.Sub(u4).Mul(t12)
		u0.MulAdd(quarter, s).Add(e).Store(at16(g, o))
		d.Add(f).Store(at16(g, o+tap))
		e.MulAdd(four, s).Add(u5).Store(at16(g, o+2*tap))
	}
}

// exponents16 holds the constants of exponential16, each in all lanes, because reading one takes less time than spreading it.
// The coefficients are those of exp on ±½·ln 2 (Moshier, Cephes, expf.c).
var exponents16 = func() (k struct{ low, high, log2e, ln2hi, ln2lo, exp5, exp4, exp3, exp2, exp1, exp0, one [lanes16]float32 }) {
	for i := range lanes16 {
		k.low[i], k.high[i], k.log2e[i], k.ln2hi[i], k.ln2lo[i] = -87, 87, 1.44269504088896341, -0.693359375, 2.12194440e-4
		k.exp5[i], k.exp4[i], k.exp3[i] = 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3
		k.exp2[i], k.exp1[i], k.exp0[i], k.one[i] = 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1
	}
	return k
}()

// exponential16 is exp(w), to about one unit in the last place; w is cut off at ±87.
func exponential16(w vector16) vector16 {
	k := &exponents16
	w = w.Min(archsimd.LoadFloat32x16(&k.high)).Max(archsimd.LoadFloat32x16(&k.low))
	e := w.Mul(archsimd.LoadFloat32x16(&k.log2e)).RoundToEvenScaled(0)
	f := e.MulAdd(archsimd.LoadFloat32x16(&k.ln2lo), e.MulAdd(archsimd.LoadFloat32x16(&k.ln2hi), w))
	p := f.MulAdd(archsimd.LoadFloat32x16(&k.exp5), archsimd.LoadFloat32x16(&k.exp4)).MulAdd(f, archsimd.LoadFloat32x16(&k.exp3))
	p = p.MulAdd(f, archsimd.LoadFloat32x16(&k.exp2)).MulAdd(f, archsimd.LoadFloat32x16(&k.exp1)).MulAdd(f, archsimd.LoadFloat32x16(&k.exp0))
	p = p.MulAdd(f.Mul(f), f).Add(archsimd.LoadFloat32x16(&k.one))
	return p.AsInt32x16().Add(e.ConvertToInt32().ShiftAllLeft(23)).AsFloat32x16() // times 2^e
}

// sigmoid16 is 1/(1 + exp(−z)).
func sigmoid16(z vector16) vector16 {
	one := archsimd.LoadFloat32x16(&exponents16.one)
	return one.Div(exponential16(archsimd.Float32x16{}.Sub(z)).Add(one))
}

// activateRow16 is activateRow.
func activateRow16(y, x, a, b *float32, n, c int, silu bool) {
	for k := 0; k < c; k += lanes16 {
		av, bv := load16(a, k), load16(b, k)
		if !silu {
			for i := k; i < n*c; i += c {
				load16(x, i).MulAdd(av, bv).Store(at16(y, i))
			}
			continue
		}
		for i := k; i < n*c; i += c {
			z := load16(x, i).MulAdd(av, bv)
			z.Mul(sigmoid16(z)).Store(at16(y, i))
		}
	}
	archsimd.ClearAVXUpperBits()
}

// activateBack16 is activateBack.
func activateBack16(dy, x, a, b, da, db *float32, n, c int, silu bool) {
	for k := 0; k < c; k += lanes16 {
		av, bv, one := load16(a, k), load16(b, k), all16(1)
		sumA, sumB := archsimd.Float32x16{}, archsimd.Float32x16{}
		for i := k; i < n*c; i += c {
			xv, d := load16(x, i), load16(dy, i)
			if silu {
				z := xv.MulAdd(av, bv)
				s := sigmoid16(z)
				d = d.Mul(s).Mul(z.Mul(one.Sub(s)).Add(one))
				d.Store(at16(dy, i))
			}
			sumA = d.MulAdd(xv, sumA)
			sumB = sumB.Add(d)
		}
		sumA.Store(at16(da, k))
		sumB.Store(at16(db, k))
	}
	archsimd.ClearAVXUpperBits()
}

// spread16 is spread.
func spread16(dx, dz, x, a, q, p *float32, n, c int, add bool) {
	for k := 0; k < c; k += lanes16 {
		av, qv, pv := load16(a, k), load16(q, k), load16(p, k)
		for i := k; i < n*c; i += c {
			v := load16(x, i).MulAdd(pv, load16(dz, i).MulAdd(av, qv))
			if add {
				v = v.Add(load16(dx, i))
			}
			v.Store(at16(dx, i))
		}
	}
	archsimd.ClearAVXUpperBits()
}

// sums16 is sums.
func sums16(s1, s2, x *float32, n, c int) {
	for k := 0; k < c; k += lanes16 {
		a, b := archsimd.Float32x16{}, archsimd.Float32x16{}
		for i := k; i < n*c; i += c {
			v := load16(x, i)
			a = a.Add(v)
			b = v.MulAdd(v, b)
		}
		a.Store(at16(s1, k))
		b.Store(at16(s2, k))
	}
	archsimd.ClearAVXUpperBits()
}

//go:build amd64 && goexperiment.simd

package direct

import (
	"simd/archsimd"
	"unsafe"
)

// What this file computes, it computes for eight channels at once. vectors16_amd64.go is the same for sixteen, and is made
// from this one by go test ./engine/internal/widen -update.

const lanes8 = 8

type vector8 = archsimd.Float32x8

func at8(p *float32, i int) *[lanes8]float32 {
	return (*[lanes8]float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}

func load8(p *float32, i int) vector8 { return archsimd.LoadFloat32x8(at8(p, i)) }

func all8(v float32) vector8 { return archsimd.BroadcastFloat32x8(v) }

// filterTransform8 is G·g·Gᵀ of Winograd's F(4×4, 3×3): the nine taps of g lie tap values apart, the 36 results plane values
// apart. half is a place for what lies between its two halves, 36 vectors.
func filterTransform8(u *float32, plane int, g *float32, tap int, half *float32) {
	quarter, sixth, t12, t24, four := all8(1./4), all8(-1./6), all8(1./12), all8(1./24), all8(4)
	for x := range 3 {
		h := x * lanes8
		g0, g1, g2 := load8(g, x*tap), load8(g, (3+x)*tap), load8(g, (6+x)*tap)
		g0.Mul(quarter).Store(at8(half, h))
		a := g0.Add(g2)
		a.Add(g1).Mul(sixth).Store(at8(half, h+3*lanes8))
		a.Sub(g1).Mul(sixth).Store(at8(half, h+6*lanes8))
		b, c := g2.Mul(t24).MulAdd(four, g0.Mul(t24)), g1.Mul(t12)
		b.Add(c).Store(at8(half, h+9*lanes8))
		b.Sub(c).Store(at8(half, h+12*lanes8))
		g2.Store(at8(half, h+15*lanes8))
	}
	for y := range 6 {
		h, o := 3*y*lanes8, 6*y*plane
		g0, g1, g2 := load8(half, h), load8(half, h+lanes8), load8(half, h+2*lanes8)
		g0.Mul(quarter).Store(at8(u, o))
		a := g0.Add(g2)
		a.Add(g1).Mul(sixth).Store(at8(u, o+plane))
		a.Sub(g1).Mul(sixth).Store(at8(u, o+2*plane))
		b, c := g2.Mul(t24).MulAdd(four, g0.Mul(t24)), g1.Mul(t12)
		b.Add(c).Store(at8(u, o+3*plane))
		b.Sub(c).Store(at8(u, o+4*plane))
		g2.Store(at8(u, o+5*plane))
	}
}

// filterAdjoint8 is Gᵀ·u·G, the adjoint of filterTransform8. The nine taps go to g, tap values apart.
func filterAdjoint8(g *float32, tap int, u *float32, plane int, half *float32) {
	quarter, sixth, t12, t24, four := all8(1./4), all8(-1./6), all8(1./12), all8(1./24), all8(4)
	for x := range 6 {
		q, r, h := x*plane, 6*plane, x*lanes8
		u0, u1, u2 := load8(u, q), load8(u, q+r), load8(u, q+2*r)
		u3, u4, u5 := load8(u, q+3*r), load8(u, q+4*r), load8(u, q+5*r)
		s, d := u1.Add(u2).Mul(sixth), u1.Sub(u2).Mul(sixth)
		e, f := u3.Add(u4).Mul(t24), u3.Sub(u4).Mul(t12)
		u0.MulAdd(quarter, s).Add(e).Store(at8(half, h))
		d.Add(f).Store(at8(half, h+6*lanes8))
		e.MulAdd(four, s).Add(u5).Store(at8(half, h+12*lanes8))
	}
	for y := range 3 {
		h, o := 6*y*lanes8, 3*y*tap
		u0, u1, u2 := load8(half, h), load8(half, h+lanes8), load8(half, h+2*lanes8)
		u3, u4, u5 := load8(half, h+3*lanes8), load8(half, h+4*lanes8), load8(half, h+5*lanes8)
		s, d := u1.Add(u2).Mul(sixth), u1.Sub(u2).Mul(sixth)
		e, f := u3.Add(u4).Mul(t24), u3.Sub(u4).Mul(t12)
		u0.MulAdd(quarter, s).Add(e).Store(at8(g, o))
		d.Add(f).Store(at8(g, o+tap))
		e.MulAdd(four, s).Add(u5).Store(at8(g, o+2*tap))
	}
}

// exponents8 holds the constants of exponential8, each in all lanes, because reading one takes less time than spreading it.
// The coefficients are those of exp on ±½·ln 2 (Moshier, Cephes, expf.c).
var exponents8 = func() (k struct{ low, high, log2e, ln2hi, ln2lo, exp5, exp4, exp3, exp2, exp1, exp0, one [lanes8]float32 }) {
	for i := range lanes8 {
		k.low[i], k.high[i], k.log2e[i], k.ln2hi[i], k.ln2lo[i] = -87, 87, 1.44269504088896341, -0.693359375, 2.12194440e-4
		k.exp5[i], k.exp4[i], k.exp3[i] = 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3
		k.exp2[i], k.exp1[i], k.exp0[i], k.one[i] = 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1
	}
	return k
}()

// exponential8 is exp(w), to about one unit in the last place; w is cut off at ±87.
func exponential8(w vector8) vector8 {
	k := &exponents8
	w = w.Min(archsimd.LoadFloat32x8(&k.high)).Max(archsimd.LoadFloat32x8(&k.low))
	e := w.Mul(archsimd.LoadFloat32x8(&k.log2e)).RoundToEven()
	f := e.MulAdd(archsimd.LoadFloat32x8(&k.ln2lo), e.MulAdd(archsimd.LoadFloat32x8(&k.ln2hi), w))
	p := f.MulAdd(archsimd.LoadFloat32x8(&k.exp5), archsimd.LoadFloat32x8(&k.exp4)).MulAdd(f, archsimd.LoadFloat32x8(&k.exp3))
	p = p.MulAdd(f, archsimd.LoadFloat32x8(&k.exp2)).MulAdd(f, archsimd.LoadFloat32x8(&k.exp1)).MulAdd(f, archsimd.LoadFloat32x8(&k.exp0))
	p = p.MulAdd(f.Mul(f), f).Add(archsimd.LoadFloat32x8(&k.one))
	return p.AsInt32x8().Add(e.ConvertToInt32().ShiftAllLeft(23)).AsFloat32x8() // times 2^e
}

// sigmoid8 is 1/(1 + exp(−z)).
func sigmoid8(z vector8) vector8 {
	one := archsimd.LoadFloat32x8(&exponents8.one)
	return one.Div(exponential8(archsimd.Float32x8{}.Sub(z)).Add(one))
}

// activateRow8 is activateRow.
func activateRow8(y, x, a, b *float32, n, c int, silu bool) {
	for k := 0; k < c; k += lanes8 {
		av, bv := load8(a, k), load8(b, k)
		if !silu {
			for i := k; i < n*c; i += c {
				load8(x, i).MulAdd(av, bv).Store(at8(y, i))
			}
			continue
		}
		for i := k; i < n*c; i += c {
			z := load8(x, i).MulAdd(av, bv)
			z.Mul(sigmoid8(z)).Store(at8(y, i))
		}
	}
	archsimd.ClearAVXUpperBits()
}

// activateBack8 is activateBack.
func activateBack8(dy, x, a, b, da, db *float32, n, c int, silu bool) {
	for k := 0; k < c; k += lanes8 {
		av, bv, one := load8(a, k), load8(b, k), all8(1)
		sumA, sumB := archsimd.Float32x8{}, archsimd.Float32x8{}
		for i := k; i < n*c; i += c {
			xv, d := load8(x, i), load8(dy, i)
			if silu {
				z := xv.MulAdd(av, bv)
				s := sigmoid8(z)
				d = d.Mul(s).Mul(z.Mul(one.Sub(s)).Add(one))
				d.Store(at8(dy, i))
			}
			sumA = d.MulAdd(xv, sumA)
			sumB = sumB.Add(d)
		}
		sumA.Store(at8(da, k))
		sumB.Store(at8(db, k))
	}
	archsimd.ClearAVXUpperBits()
}

// spread8 is spread.
func spread8(dx, dz, x, a, q, p *float32, n, c int, add bool) {
	for k := 0; k < c; k += lanes8 {
		av, qv, pv := load8(a, k), load8(q, k), load8(p, k)
		for i := k; i < n*c; i += c {
			v := load8(x, i).MulAdd(pv, load8(dz, i).MulAdd(av, qv))
			if add {
				v = v.Add(load8(dx, i))
			}
			v.Store(at8(dx, i))
		}
	}
	archsimd.ClearAVXUpperBits()
}

// sums8 is sums.
func sums8(s1, s2, x *float32, n, c int) {
	for k := 0; k < c; k += lanes8 {
		a, b := archsimd.Float32x8{}, archsimd.Float32x8{}
		for i := k; i < n*c; i += c {
			v := load8(x, i)
			a = a.Add(v)
			b = v.MulAdd(v, b)
		}
		a.Store(at8(s1, k))
		b.Store(at8(s2, k))
	}
	archsimd.ClearAVXUpperBits()
}

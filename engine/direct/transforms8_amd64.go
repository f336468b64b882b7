//go:build amd64 && goexperiment.simd

package direct

// The transforms of Winograd's F(4×4, 3×3) with the points 0, ±1, ±2, ∞ (Lavin and Gray 2015, arXiv 1509.09308,
// section 4.3), for eight channels at once. Each is handed the place for what lies between its two halves, 36 vectors.
// transforms16_amd64.s has them for sixteen.

// inputTransform8 is Bᵀ·d·B for a patch d of 6×6 pixels: p is its first value, its rows lie row and its pixels px values
// apart. The 36 results go to v, plane values apart.
func inputTransform8(v *float32, plane int, p *float32, row, px int, half *float32) {
	two, four, lessTwo, lessFour, lessFive := all8(2), all8(4), all8(-2), all8(-4), all8(-5)
	for x := range 6 {
		q, h := x*px, x*lanes8
		d0, d1, d2 := load8(p, q), load8(p, q+row), load8(p, q+2*row)
		d3, d4, d5 := load8(p, q+3*row), load8(p, q+4*row), load8(p, q+5*row)
		d2.MulAdd(lessFive, d0.MulAdd(four, d4)).Store(at8(half, h))
		a, b := d2.MulAdd(lessFour, d4), d1.MulAdd(lessFour, d3)
		a.Add(b).Store(at8(half, h+6*lanes8))
		a.Sub(b).Store(at8(half, h+12*lanes8))
		a, b = d4.Sub(d2), d3.Sub(d1)
		b.MulAdd(two, a).Store(at8(half, h+18*lanes8))
		b.MulAdd(lessTwo, a).Store(at8(half, h+24*lanes8))
		d3.MulAdd(lessFive, d1.MulAdd(four, d5)).Store(at8(half, h+30*lanes8))
	}
	for y := range 6 {
		h, o := 6*y*lanes8, 6*y*plane
		d0, d1, d2 := load8(half, h), load8(half, h+lanes8), load8(half, h+2*lanes8)
		d3, d4, d5 := load8(half, h+3*lanes8), load8(half, h+4*lanes8), load8(half, h+5*lanes8)
		d2.MulAdd(lessFive, d0.MulAdd(four, d4)).Store(at8(v, o))
		a, b := d2.MulAdd(lessFour, d4), d1.MulAdd(lessFour, d3)
		a.Add(b).Store(at8(v, o+plane))
		a.Sub(b).Store(at8(v, o+2*plane))
		a, b = d4.Sub(d2), d3.Sub(d1)
		b.MulAdd(two, a).Store(at8(v, o+3*plane))
		b.MulAdd(lessTwo, a).Store(at8(v, o+4*plane))
		d3.MulAdd(lessFive, d1.MulAdd(four, d5)).Store(at8(v, o+5*plane))
	}
}

// outputTransform8 is Aᵀ·m·A plus bias plus, where there is one, add: m holds 36 vectors plane values apart; of the 4×4
// results h×w go to y, whose rows lie row and whose pixels px values apart, as those of add do.
func outputTransform8(y, add *float32, m *float32, plane int, bias *float32, row, px, h, w int, half *float32) {
	two, four, eight := all8(2), all8(4), all8(8)
	for x := range 6 {
		q, r, h := x*plane, 6*plane, x*lanes8
		m0, m1, m2 := load8(m, q), load8(m, q+r), load8(m, q+2*r)
		m3, m4, m5 := load8(m, q+3*r), load8(m, q+4*r), load8(m, q+5*r)
		s1, s2, s3, s4 := m1.Add(m2), m1.Sub(m2), m3.Add(m4), m3.Sub(m4)
		m0.Add(s1).Add(s3).Store(at8(half, h))
		s4.MulAdd(two, s2).Store(at8(half, h+6*lanes8))
		s3.MulAdd(four, s1).Store(at8(half, h+12*lanes8))
		s4.MulAdd(eight, s2).Add(m5).Store(at8(half, h+18*lanes8))
	}
	b := load8(bias, 0)
	for i := range h {
		h, o := 6*i*lanes8, i*row
		m0, m1, m2 := load8(half, h), load8(half, h+lanes8), load8(half, h+2*lanes8)
		m3, m4, m5 := load8(half, h+3*lanes8), load8(half, h+4*lanes8), load8(half, h+5*lanes8)
		s1, s2, s3, s4 := m1.Add(m2), m1.Sub(m2), m3.Add(m4), m3.Sub(m4)
		y0, y1 := m0.Add(s1).Add(s3).Add(b), s4.MulAdd(two, s2).Add(b)
		y2, y3 := s3.MulAdd(four, s1).Add(b), s4.MulAdd(eight, s2).Add(m5).Add(b)
		if add != nil {
			y0, y1 = y0.Add(load8(add, o)), y1.Add(load8(add, o+min(1, w-1)*px))
			y2, y3 = y2.Add(load8(add, o+min(2, w-1)*px)), y3.Add(load8(add, o+(w-1)*px))
		}
		y0.Store(at8(y, o))
		if w > 1 {
			y1.Store(at8(y, o+px))
		}
		if w > 2 {
			y2.Store(at8(y, o+2*px))
		}
		if w > 3 {
			y3.Store(at8(y, o+3*px))
		}
	}
}

// adjointTransform8 is A·g·Aᵀ, the adjoint of outputTransform8, for 4×4 pixels of a gradient laid out as inputTransform8's.
func adjointTransform8(m *float32, plane int, p *float32, row, px int, half *float32) {
	two, four, lessTwo := all8(2), all8(4), all8(-2)
	for x := range 4 {
		q, h := x*px, x*lanes8
		y0, y1, y2, y3 := load8(p, q), load8(p, q+row), load8(p, q+2*row), load8(p, q+3*row)
		y0.Store(at8(half, h))
		a, b := y0.Add(y2), y1.Add(y3)
		a.Add(b).Store(at8(half, h+4*lanes8))
		a.Sub(b).Store(at8(half, h+8*lanes8))
		a, b = y2.MulAdd(four, y0), y3.MulAdd(four, y1)
		b.MulAdd(two, a).Store(at8(half, h+12*lanes8))
		b.MulAdd(lessTwo, a).Store(at8(half, h+16*lanes8))
		y3.Store(at8(half, h+20*lanes8))
	}
	for y := range 6 {
		h, o := 4*y*lanes8, 6*y*plane
		y0, y1, y2, y3 := load8(half, h), load8(half, h+lanes8), load8(half, h+2*lanes8), load8(half, h+3*lanes8)
		y0.Store(at8(m, o))
		a, b := y0.Add(y2), y1.Add(y3)
		a.Add(b).Store(at8(m, o+plane))
		a.Sub(b).Store(at8(m, o+2*plane))
		a, b = y2.MulAdd(four, y0), y3.MulAdd(four, y1)
		b.MulAdd(two, a).Store(at8(m, o+3*plane))
		b.MulAdd(lessTwo, a).Store(at8(m, o+4*plane))
		y3.Store(at8(m, o+5*plane))
	}
}

//go:build amd64 && goexperiment.simd

package direct

import "math"

// norm is a group normalisation.
type norm struct {
	name        string
	c           int
	gain, shift int   // where they lie in the parameters
	half        bool  // what comes of it is packed
	before      *conv // the convolution in bfloat16 whose result it takes, and nobody else
}

const normEpsilon = 1e-5 // as in package layer

func (n *Net) newNorm(name string, c int, half bool) norm {
	return norm{name, c, n.at[name+".gain"], n.at[name+".shift"], half, nil}
}

// moments are the mean and the reciprocal deviation of the groups, [n][groups].
func (p *pass) moments(x *grid) (mean, inverse []float64) {
	per := bands(x.h)
	some := p.mem.take(p.n * per * 2 * x.c)
	p.bands(x.h, func(k, i, y0, y1 int) {
		sums(&some[2*k*x.c], &some[(2*k+1)*x.c], &x.v[(i*x.h+y0)*x.w*x.c], (y1-y0)*x.w, x.c)
	})
	mean, inverse = make([]float64, p.n*groups), make([]float64, p.n*groups)
	wide := x.c / groups
	count := float64(x.h * x.w * wide)
	for i := range p.n {
		for g := range groups {
			var s1, s2 float64
			for k := i * per; k < (i+1)*per; k++ {
				for o := g * wide; o < (g+1)*wide; o++ {
					s1 += float64(some[2*k*x.c+o])
					s2 += float64(some[(2*k+1)*x.c+o])
				}
			}
			m := s1 / count
			mean[i*groups+g] = m
			inverse[i*groups+g] = 1 / math.Sqrt(max(0, s2/count-m*m)+normEpsilon)
		}
	}
	p.mem.back(some)
	return mean, inverse
}

// conditioned is a time's scale and shift of a block, and their gradients: each row [scale [c], shift [c]].
type conditioned struct{ e, d []float32 }

// normalise is SiLU(GroupNorm(x)·(1 + scale) + shift) in a frame, or the same without SiLU. back takes the gradient by it, laid
// out as x.v, which it spoils, and adds the gradient by x to x.d.
func (p *pass) normalise(n norm, x *grid, time *conditioned, activate bool) (u *framed, back func(d []float32)) {
	mean, inverse := p.moments(x)
	c, wide := x.c, x.c/groups
	gain, shift := p.flat[n.gain:n.gain+c], p.flat[n.shift:n.shift+c]
	ab := p.mem.take(p.n * 2 * c)
	for i := range p.n {
		a, b := ab[2*i*c:(2*i+1)*c], ab[(2*i+1)*c:(2*i+2)*c]
		for o := range c {
			m, r := mean[i*groups+o/wide], inverse[i*groups+o/wide]
			ka := r * float64(gain[o])
			kb := float64(shift[o]) - m*ka
			if time != nil {
				s := 1 + float64(time.e[2*i*c+o])
				ka, kb = ka*s, kb*s+float64(time.e[(2*i+1)*c+o])
			}
			a[o], b[o] = float32(ka), float32(kb)
		}
	}
	u = p.newFramed(x.h, x.w, c, n.half)
	row := activateRow
	if n.half {
		row = activatePairs
	}
	p.bands(x.h, func(_, i, y0, y1 int) {
		for y := y0; y < y1; y++ {
			row(&u.v[u.row(i, y)], &x.v[(i*x.h+y)*x.w*c], &ab[2*i*c], &ab[(2*i+1)*c], x.w, c, activate)
		}
	})
	if !p.learn {
		p.mem.back(ab)
		return u, nil
	}
	p.held = append(p.held, ab)
	return u, func(d []float32) { p.normaliseBack(n, x, time, activate, mean, inverse, ab, d) }
}

func (p *pass) normaliseBack(n norm, x *grid, time *conditioned, activate bool, mean, inverse []float64, ab, d []float32) {
	c, wide, per := x.c, x.c/groups, bands(x.h)
	gain, shift := p.flat[n.gain:n.gain+c], p.flat[n.shift:n.shift+c]
	some := p.mem.take(p.n * per * 2 * c)
	p.bands(x.h, func(k, i, y0, y1 int) {
		o := (i*x.h + y0) * x.w * c
		activateBack(&d[o], &x.v[o], &ab[2*i*c], &ab[(2*i+1)*c], &some[2*k*c], &some[(2*k+1)*c], (y1-y0)*x.w, c, activate)
	})
	dGain, dShift := p.gradientOf(n.name+".gain", c), p.gradientOf(n.name+".shift", c)
	qp := p.mem.take(p.n * 2 * c)
	count := float64(x.h * x.w * wide)
	for i := range p.n {
		for g := range groups {
			m, r := mean[i*groups+g], inverse[i*groups+g]
			var mean1, mean2 float64
			for o := g * wide; o < (g+1)*wide; o++ {
				var s1, s2 float64 // Σ dz, Σ dz·x
				for k := i * per; k < (i+1)*per; k++ {
					s2 += float64(some[2*k*c+o])
					s1 += float64(some[(2*k+1)*c+o])
				}
				hat := r * (s2 - m*s1) // Σ dz·x̂
				k := 1.
				if time != nil {
					k += float64(time.e[2*i*c+o])
					time.d[2*i*c+o] = float32(float64(gain[o])*hat + float64(shift[o])*s1)
					time.d[(2*i+1)*c+o] = float32(s1)
				}
				dGain[o] += float32(k * hat)
				dShift[o] += float32(k * s1)
				mean1 += k * float64(gain[o]) * s1 / count
				mean2 += k * float64(gain[o]) * hat / count
			}
			for o := g * wide; o < (g+1)*wide; o++ {
				qp[2*i*c+o] = float32(-r*mean1 + r*r*m*mean2)
				qp[(2*i+1)*c+o] = float32(-r * r * mean2)
			}
		}
	}
	if n.before != nil {
		p.leaveTo(n.before, x, d, ab, qp, some)
	} else {
		fresh := p.fresh(x)
		p.bands(x.h, func(_, i, y0, y1 int) {
			o := (i*x.h + y0) * x.w * c
			spread(&x.d[o], &d[o], &x.v[o], &ab[2*i*c], &qp[2*i*c], &qp[(2*i+1)*c], (y1-y0)*x.w, c, !fresh)
		})
	}
	p.mem.back(some, qp)
}

// leaveTo is the end of normaliseBack where all that x is comes from a convolution in bfloat16: the gradient by x is arriving
// there, in x.arrived. There is room for a number of each band and channel in some.
func (p *pass) leaveTo(c *conv, x *grid, d, ab, qp, some []float32) {
	x.arrived = p.newFramed(x.h, x.w, x.c, true)
	p.bands(x.h, func(k, i, y0, y1 int) {
		sum := some[k*x.c : (k+1)*x.c]
		clear(sum)
		for y := y0; y < y1; y++ {
			o := (i*x.h + y) * x.w * x.c
			spreadAdding(&x.arrived.v[x.arrived.row(i, y)], &d[o], &x.v[o], &ab[2*i*x.c], &qp[2*i*x.c], &qp[(2*i+1)*x.c], &sum[0], x.w, x.c)
		}
	})
	p.addBias(c.name+".bias", some[:p.n*bands(x.h)*x.c], x.c, x.c)
}

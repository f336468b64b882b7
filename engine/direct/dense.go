//go:build amd64 && goexperiment.simd

package direct

// gemm sets or, with add, adds to C [m,n] the product of A [m,k] and B [k,n]: A(i, l) is a[i·aRow + l·aStep], the rows of B
// and C are contiguous, bRow and cRow values apart. The memory behind b may be read up to 15 values further.
func gemm(c []float32, cRow int, a []float32, aRow, aStep int, b []float32, bRow, m, n, k int, add bool) {
	adds := 0
	if add {
		adds = 1
	}
	var tile [8 * panel]float32
	for j := 0; j < n; {
		panels := min(2, (n-j)/panel) // whole ones
		for i := 0; i < m; {
			if i+tall <= m && panels > 0 {
				product(k, &a[i*aRow], 4*aRow, 4*aStep, &b[j], 4*bRow, &c[i*cRow+j], 4*cRow, adds, panels, 4*panel, 4*panel)
				i += tall
				continue
			}
			// An edge: so many rows that end with the last, or one row so many times, and one panel after the other, by way of
			// a tile.
			from, step, rows := i, aRow, min(tall, m-i)
			switch {
			case rows == tall:
			case m >= tall:
				from = m - tall
			default:
				step, rows = 0, 1
			}
			for q := range max(panels, 1) {
				at := j + q*panel
				wide := min(panel, n-at)
				if add { // in the order of the whole tiles, or a row's rounding would depend on how many there are
					for r := range rows {
						copy(tile[(i+r-from)*panel:(i+r-from)*panel+wide], c[(i+r)*cRow+at:])
					}
				}
				product(k, &a[from*aRow], 4*step, 4*aStep, &b[at], 4*bRow, &tile[0], 4*panel, adds, 1, 0, 0)
				for r := range rows {
					copy(c[(i+r)*cRow+at:(i+r)*cRow+at+wide], tile[(i+r-from)*panel:])
				}
			}
			i += rows
		}
		j += max(panels, 1) * panel
	}
}

// transpose sets t [c,r] to the transpose of m [r,c].
func transpose(t, m []float32, r, c int) {
	for i := range r {
		for j, v := range m[i*c : (i+1)*c] {
			t[j*r+i] = v
		}
	}
}

// dense is a linear map of vectors of ci values to co values.
type dense struct {
	name         string
	ci, co       int
	weight, bias int // where they lie in the parameters; bias is −1 where there is none
	turned       []float32
}

func (n *Net) newDense(name string, ci, co int) *dense {
	d := &dense{name: name, ci: ci, co: co, weight: n.at[name+".weight"], bias: -1}
	if at, ok := n.at[name+".bias"]; ok {
		d.bias = at
	}
	if n.learning {
		d.turned = make([]float32, ci*co, ci*co+slack)
	}
	return d
}

// share is the number of vectors that one piece of work takes through a linear map.
const share = 192

// apply sets y [m,co] to x [m,ci] times the weights, plus the bias.
func (d *dense) apply(p *pass, y, x []float32, m int) {
	w := p.flat[d.weight:]
	p.team.each((m+share-1)/share, func(b int) {
		lo, hi := b*share, min(m, (b+1)*share)
		if d.bias >= 0 {
			for i := lo; i < hi; i++ {
				copy(y[i*d.co:(i+1)*d.co], p.flat[d.bias:])
			}
		}
		gemm(y[lo*d.co:], d.co, x[lo*d.ci:], d.ci, 1, w, d.co, hi-lo, d.co, d.ci, d.bias >= 0)
	})
}

// parts is the number of sums that a gradient by weights is divided into; it does not depend on the number of cores.
const parts = 8

// backward adds the gradients by the weights and the bias for dy [m,co], and to dx [m,ci], where it is asked for, that by
// x.
func (d *dense) backward(p *pass, x, dy []float32, m int, dx []float32) {
	size := d.ci * d.co
	some := p.mem.take(parts * (size + d.co))
	p.team.each(parts, func(b int) {
		lo, hi := b*m/parts, (b+1)*m/parts
		gw, gb := some[b*(size+d.co):b*(size+d.co)+size], some[b*(size+d.co)+size:(b+1)*(size+d.co)]
		clear(gw)
		clear(gb)
		for at := lo; at < hi; at += share {
			n := min(share, hi-at)
			weightProduct(gw, d.co, x[at*d.ci:], d.ci, dy[at*d.co:], d.co, d.ci, d.co, n)
			if d.bias >= 0 {
				for i := at; i < at+n; i++ {
					for k, v := range dy[i*d.co : (i+1)*d.co] {
						gb[k] += v
					}
				}
			}
			if dx != nil {
				gemm(dx[at*d.ci:], d.ci, dy[at*d.co:], d.co, 1, d.turned, d.ci, n, d.ci, d.co, true)
			}
		}
	})
	gw := p.gradientOf(d.name+".weight", size)
	for b := range parts {
		for i, v := range some[b*(size+d.co) : b*(size+d.co)+size] {
			gw[i] += v
		}
	}
	if d.bias >= 0 {
		gb := p.gradientOf(d.name+".bias", d.co)
		for b := range parts {
			for i, v := range some[b*(size+d.co)+size : (b+1)*(size+d.co)] {
				gb[i] += v
			}
		}
	}
	p.mem.back(some)
}

// weightProduct adds to c [m,n] Σ_l A(l, i)·B(l, j) over k rows l of A and B.
func weightProduct(c []float32, cRow int, a []float32, aRow int, b []float32, bRow, m, n, k int) {
	gemm(c, cRow, a, 1, aRow, b, bRow, m, n, k, true)
}

//go:build amd64 && goexperiment.simd

package direct

// pointwise is a linear map of the channels of every pixel: of vectors, or in bfloat16 a convolution of single pixels.
type pointwise struct {
	dense *dense // nil in bfloat16
	tiles *conv  // nil in float32
}

func (n *Net) newPointwise(name string, ci, co int) pointwise {
	if !n.halves(ci, co) {
		return pointwise{dense: n.newDense(name, ci, co)}
	}
	c := &conv{name: name, ci: ci, co: co, half: true, weight: n.at[name+".weight"], bias: -1}
	if at, ok := n.at[name+".bias"]; ok {
		c.bias = at
	}
	c.make(1, n.learning)
	return pointwise{tiles: c}
}

// apply sets y to the map of x, images of h×w pixels, plus, where there is one, add. It returns what back wants.
func (m pointwise) apply(p *pass, y, x, add []float32, h, w int) (seen *framed) {
	if m.tiles == nil {
		m.dense.apply(p, y, x, p.n*h*w)
		if add != nil {
			p.plus(y, add)
		}
		return nil
	}
	seen, bias := p.frame(x, h, w, m.tiles.ci, true), p.nothing()
	if m.tiles.bias >= 0 {
		bias = p.flat[m.tiles.bias:]
	}
	p.convolveTiles(bias, add, y, source{m.tiles.forward, seen})
	return seen
}

// back adds the gradients by the weights and the bias for the gradient dy by y, and to dx that by x.
func (m pointwise) back(p *pass, x []float32, seen *framed, dy, dx []float32, h, w int) {
	if m.tiles == nil {
		m.dense.backward(p, x, dy, p.n*h*w, dx)
		return
	}
	d := p.arriving(m.tiles, dy, h, w)
	p.weightGradient(m.tiles, seen, d)
	p.convolveTiles(p.nothing(), dx, dx, source{m.tiles.back, d})
	p.mem.back(d.v)
}

// freeSeen gives back what apply returned.
func (p *pass) freeSeen(seen ...*framed) {
	for _, s := range seen {
		if s != nil {
			p.mem.back(s.v)
		}
	}
}

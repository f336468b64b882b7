//go:build amd64 && goexperiment.simd

package direct

// block is a residual block of the network, with self-attention behind it where the network has some.
type block struct {
	name         string
	ci, co       int
	norm1, norm2 norm
	conv1, conv2 *conv
	time         *dense
	skip         *pointwise // nil where ci = co
	attention    *attention
}

func (n *Net) newBlock(name string, ci, co, side int) *block {
	b := &block{
		name: name, ci: ci, co: co,
		norm1: n.newNorm(name+".norm1", ci, n.halves(ci, co)), conv1: n.newConv(name+".conv1", ci, co),
		norm2: n.newNorm(name+".norm2", co, n.halves(co, co)), conv2: n.newConv(name+".conv2", co, co),
		time: n.newDense(name+".time", 4*n.config.Base, 2*co),
	}
	if b.conv1.half {
		b.norm2.before = b.conv1
	}
	if ci != co {
		skip := n.newPointwise(name+".skip", ci, co)
		b.skip = &skip
	}
	if n.config.Attends(side) {
		b.attention = n.newAttention(name+".attention", co)
	}
	return b
}

// pointwise is the block's maps of single pixels.
func (b *block) pointwise() (all []pointwise) {
	if b.skip != nil {
		all = append(all, *b.skip)
	}
	if b.attention != nil {
		all = append(all, b.attention.qkv, b.attention.out)
	}
	return all
}

// Block evaluates a residual block.
func (p *pass) Block(name string, _, co, _ int) {
	b, x := p.blocks[name], p.h
	u1, back1 := p.normalise(b.norm1, x, nil, true)
	h := p.newGrid(x.h, x.w, co)
	p.beyond(u1)
	p.convolve(b.conv1.forward, u1, p.flat[b.conv1.bias:], nil, h.v)
	time := &conditioned{e: p.mem.take(p.n * 2 * co)}
	b.time.apply(p, time.e, p.emb, p.n)
	u2, back2 := p.normalise(b.norm2, h, time, true)
	y := p.newGrid(x.h, x.w, co)
	p.beyond(u2)
	var seen *framed // what skip sees
	bias := p.flat[b.conv2.bias:]
	switch {
	case b.skip == nil:
		p.convolve(b.conv2.forward, u2, bias, x.v, y.v)
	case b.skip.tiles != nil: // both into the same sums
		seen = p.frame(x.v, x.h, x.w, x.c, true)
		p.convolveTiles(bias, nil, y.v, source{b.conv2.forward, u2}, source{b.skip.tiles.forward, seen})
	default:
		add := p.mem.take(len(y.v))
		b.skip.apply(p, add, x.v, nil, x.h, x.w)
		p.convolve(b.conv2.forward, u2, bias, add, y.v)
		p.mem.back(add)
	}
	p.h = y
	p.later(func() {
		dy := p.arriving(b.conv2, y.d, y.h, y.w)
		p.weightGradient(b.conv2, u2, dy)
		du := p.mem.take(len(y.v))
		p.convolveBack(b.conv2, dy, du)
		if seen != nil {
			p.weightGradient(b.skip.tiles, seen, dy)
			before := x.d
			p.fresh(x)
			p.convolveTiles(p.nothing(), before, x.d, source{b.skip.tiles.back, dy})
			p.mem.back(seen.v)
		}
		p.mem.back(dy.v, u2.v)
		time.d = p.mem.take(p.n * 2 * co)
		back2(du)
		b.time.backward(p, p.emb, time.d, p.n, p.dEmb)
		p.mem.back(du, time.d, time.e, h.v)

		dh := h.arrived
		if dh == nil {
			dh = p.arriving(b.conv1, h.d, h.h, h.w)
		}
		p.weightGradient(b.conv1, u1, dh)
		du = p.mem.take(len(x.v))
		p.convolveBack(b.conv1, dh, du)
		p.mem.back(dh.v, h.d, u1.v)
		switch {
		case seen != nil:
			p.mem.back(y.d)
		case b.skip != nil:
			if p.fresh(x) {
				clear(x.d)
			}
			b.skip.back(p, x.v, nil, y.d, x.d, x.h, x.w)
			p.mem.back(y.d)
		case x.d == nil:
			x.d = y.d
		default:
			p.plus(x.d, y.d)
			p.mem.back(y.d)
		}
		back1(du)
		p.mem.back(du, y.v)
		y.d, y.v = nil, nil
	})
	if !p.learn {
		p.freeSeen(seen)
		p.mem.back(u1.v, u2.v, h.v, time.e)
		p.drop(x)
	}
	if b.attention != nil {
		p.attend(b.attention)
	}
}

// plus adds x to y.
func (p *pass) plus(y, x []float32) {
	const size = 1 << 14
	p.team.each((len(x)+size-1)/size, func(b int) {
		plus(&y[b*size], &x[b*size], min(size, len(x)-b*size))
	})
}

// Save keeps the present activations for a skip connection.
func (p *pass) Save() {
	p.h.saved++
	p.skips = append(p.skips, p.h)
}

// Join concatenates the newest kept activations.
func (p *pass) Join() {
	a, b := p.h, p.skips[len(p.skips)-1]
	p.skips = p.skips[:len(p.skips)-1]
	b.saved--
	y := p.newGrid(a.h, a.w, a.c+b.c)
	rows := func(do func(px int)) {
		p.bands(a.h, func(_, i, y0, y1 int) {
			for px := (i*a.h + y0) * a.w; px < (i*a.h+y1)*a.w; px++ {
				do(px)
			}
		})
	}
	rows(func(px int) {
		copy(y.v[px*y.c:px*y.c+a.c], a.v[px*a.c:])
		copy(y.v[px*y.c+a.c:(px+1)*y.c], b.v[px*b.c:])
	})
	p.h = y
	p.drop(a)
	p.drop(b)
	p.later(func() {
		fresh, other := p.fresh(a), p.fresh(b)
		rows(func(px int) {
			part(a.d[px*a.c:(px+1)*a.c], y.d[px*y.c:], fresh)
			part(b.d[px*b.c:(px+1)*b.c], y.d[px*y.c+a.c:], other)
		})
		p.mem.back(y.v, y.d)
	})
}

func part(to, from []float32, fresh bool) {
	if fresh {
		copy(to, from)
		return
	}
	plus(&to[0], &from[0], len(to))
}

// Down halves the sides by averaging 2×2 pixels.
func (p *pass) Down() {
	x := p.h
	y := p.newGrid(x.h/2, x.w/2, x.c)
	p.halves(y, func(i, r int) { gather(&y.v[i], &x.v[r], .25, y.w, x.c, x.w*x.c, false) })
	p.h = y
	p.drop(x)
	p.later(func() {
		fresh := p.fresh(x)
		p.halves(y, func(i, r int) { scatter(&x.d[r], &y.d[i], .25, y.w, x.c, x.w*x.c, !fresh) })
		p.mem.back(y.v, y.d)
	})
}

// Up doubles the sides by repeating each pixel.
func (p *pass) Up() {
	x := p.h
	y := p.newGrid(2*x.h, 2*x.w, x.c)
	p.halves(x, func(i, r int) { scatter(&y.v[r], &x.v[i], 1, x.w, x.c, y.w*x.c, false) })
	p.h = y
	p.drop(x)
	p.later(func() {
		fresh := p.fresh(x)
		p.halves(x, func(i, r int) { gather(&x.d[i], &y.d[r], 1, x.w, x.c, y.w*x.c, !fresh) })
		p.mem.back(y.v, y.d)
	})
}

// halves calls do for every row of the smaller grid with the places of its row and of the two rows of the larger one.
func (p *pass) halves(small *grid, do func(i, r int)) {
	p.bands(small.h, func(_, i, y0, y1 int) {
		for y := y0; y < y1; y++ {
			row := i*small.h + y
			do(row*small.w*small.c, row*4*small.w*small.c)
		}
	})
}

//go:build amd64 && goexperiment.simd

package direct

import "fmt"

// Stack is a small convolutional network, 3×3 or 4×4 convolutions with leaky ReLU behind each: the classifier of the two
// domains, or the patch critic. It is safe for use by one goroutine at a time.
type Stack struct {
	layers []StackLayer
	slope  float32
	linear bool
	net    *Net // team and memory
	convs  []*conv
	wide   []*strided
}

// StackLayer is a convolution of side K from In to Out channels with zero padding; Stride is 1 or, for even images, 2.
type StackLayer struct{ K, In, Out, Stride int }

// NewStack makes a network of these layers; slope is that of the leaky ReLU below zero, and with linear the last layer has
// none. Available must hold.
func NewStack(layers []StackLayer, slope float32, linear bool) *Stack {
	s := &Stack{layers: layers, slope: slope, linear: linear, net: &Net{learning: true, team: newCrew(), mem: pool{free: map[int][][]float32{}}}}
	for i, l := range layers {
		name := fmt.Sprint(i)
		if l.Stride == 1 {
			c := &conv{name: name, ci: l.In, co: l.Out}
			c.make(9, true)
			s.convs, s.wide = append(s.convs, c), append(s.wide, nil)
			continue
		}
		s.convs, s.wide = append(s.convs, nil), append(s.wide, newStrided(l))
	}
	return s
}

// Set takes each layer's weights [K,K,In,Out] and biases [Out].
func (s *Stack) Set(weights, biases [][]float32) {
	for i, l := range s.layers {
		if c := s.convs[i]; c != nil {
			c.forward.set(s.net.team, weights[i], l.In, l.Out, false)
			c.back.set(s.net.team, weights[i], l.In, l.Out, true)
			continue
		}
		s.wide[i].set(weights[i])
	}
	s.net.flat = s.net.flat[:0]
	for i, c := range s.convs {
		at := len(s.net.flat)
		s.net.flat = append(s.net.flat, biases[i]...)
		s.net.flat = append(s.net.flat, make([]float32, 2*panel)...)
		if c != nil {
			c.bias = at
		} else {
			s.wide[i].bias = at
		}
	}
}

// Release gives the memory that is free inside the stack to the garbage collector.
func (s *Stack) Release() { s.net.Release() }

// StackRun is one evaluation of a stack. It is to be freed.
type StackRun struct {
	*Stack
	p     *pass
	ins   []*framed
	outs  []*grid
	width int // channels of the input
}

// Run evaluates the stack for n images x [n,side,side,In].
func (s *Stack) Run(x []float32, n, side int) *StackRun {
	r := &StackRun{Stack: s, p: s.net.newPass(n, true), width: s.layers[0].In}
	in := r.p.newFramed(side, side, roundUp(r.width, lanes), false)
	r.p.bands(side, func(_, i, y0, y1 int) {
		for y := y0; y < y1; y++ {
			o := in.row(i, y)
			clear(in.v[o : o+side*in.c])
			for px := range side {
				copy(in.v[o+px*in.c:o+px*in.c+r.width], x[((i*side+y)*side+px)*r.width:])
			}
		}
	})
	for i, l := range s.layers {
		out := r.p.newGrid(in.h/l.Stride, in.w/l.Stride, roundUp(l.Out, lanes))
		if c := s.convs[i]; c != nil {
			r.p.convolve(c.forward, in, s.net.flat[c.bias:], nil, out.v)
		} else {
			s.wide[i].apply(r.p, in, out)
		}
		r.ins, r.outs = append(r.ins, in), append(r.outs, out)
		if i == len(s.layers)-1 {
			if !s.linear {
				r.p.inBands(out, func(v []float32) { leak(&v[0], &v[0], len(v), s.slope) })
			}
			break
		}
		in = r.p.newFramed(out.h, out.w, out.c, false)
		r.p.bands(out.h, func(_, i, y0, y1 int) {
			row := out.w * out.c
			for y := y0; y < y1; y++ {
				v := out.v[(i*out.h+y)*row : (i*out.h+y+1)*row]
				leak(&v[0], &v[0], row, s.slope)
				copy(in.v[in.row(i, y):], v)
			}
		})
	}
	return r
}

// inBands calls do with the values of bands of rows.
func (p *pass) inBands(g *grid, do func(v []float32)) {
	row := g.w * g.c
	p.bands(g.h, func(_, i, y0, y1 int) { do(g.v[(i*g.h+y0)*row : (i*g.h+y1)*row]) })
}

// Out is what layer i gives: n·h·w pixels of as many values as Width says, of which those beyond the layer's channels mean
// nothing. It is not to be changed, and ends with the run.
func (r *StackRun) Out(i int) []float32 { return r.outs[i].v }

// Width is the number of values from pixel to pixel in what layer i gives.
func (s *Stack) Width(i int) int { return roundUp(s.layers[i].Out, lanes) }

// StackGradient asks for gradients of a sum over the outputs of Σ out·D.
type StackGradient struct {
	D [][]float32 // gradient by what each layer gives, laid out like it; nil is zero. They are spoilt
	// Weights and Biases, where not nil, get the gradient of each layer added.
	Weights, Biases [][]float32
	Input           []float32 // where not nil, is set to the gradient by x
}

// Back computes gradients, once.
func (r *StackRun) Back(g StackGradient) {
	p := r.p
	var d []float32 // by what the present layer gives, from the layers behind it
	for i := len(r.layers) - 1; i >= 0; i-- {
		out, in, l := r.outs[i], r.ins[i], r.layers[i]
		switch {
		case d == nil && g.D[i] == nil:
			continue
		case d == nil:
			d = g.D[i]
		case g.D[i] != nil:
			p.plus(d, g.D[i])
		}
		if i < len(r.layers)-1 || !r.linear {
			row := out.w * out.c
			p.bands(out.h, func(_, k, y0, y1 int) {
				lo, hi := (k*out.h+y0)*row, (k*out.h+y1)*row
				leakBack(&d[lo], &out.v[lo], hi-lo, r.slope)
			})
		}
		if g.Biases != nil {
			p.biasGradient(fmt.Sprint(i), d, out.h, out.c)
			for k, v := range p.gradient[fmt.Sprint(i)][:l.Out] {
				g.Biases[i][k] += v
			}
		}
		var dx []float32
		if i > 0 || g.Input != nil {
			dx = p.hold(p.n * in.h * in.w * in.c)
		}
		if c := r.convs[i]; c != nil {
			dy := p.frame(d, out.h, out.w, out.c, false)
			if g.Weights != nil {
				p.weightGradient(c, in, dy)
				c.collect(p.team, g.Weights[i])
			}
			if dx != nil {
				p.convolve(c.back, dy, p.nothing(), nil, dx)
			}
			p.mem.back(dy.v)
		} else {
			r.wide[i].backward(p, in, out, d, dx, g.Weights, i)
		}
		d = dx
	}
	if g.Input != nil && d != nil {
		c := r.ins[0].c
		for px := range len(g.Input) / r.width {
			copy(g.Input[px*r.width:(px+1)*r.width], d[px*c:])
		}
	}
}

// Free gives the run's memory back.
func (r *StackRun) Free() {
	for i := range r.outs {
		r.p.mem.back(r.ins[i].v, r.outs[i].v)
	}
	r.p.free()
	r.ins, r.outs = nil, nil
}

// strided is a convolution of stride 2, as a product of patches [pixels, K·K·In] with the weights.
type strided struct {
	StackLayer
	depth     int
	bias      int
	w, turned []float32 // [depth, out], [out, depth]
}

func newStrided(l StackLayer) *strided {
	if l.In%lanes != 0 || l.Out%lanes != 0 {
		panic("direct: a strided convolution takes and gives whole vectors of channels")
	}
	n := l.K * l.K * l.In
	return &strided{StackLayer: l, depth: n, w: make([]float32, n*l.Out, n*l.Out+slack), turned: make([]float32, n*l.Out, n*l.Out+slack)}
}

func (s *strided) set(w []float32) {
	copy(s.w, w)
	transpose(s.turned, w, s.depth, s.Out)
}

// patches sets to to what output rows y0 to y1 of image i see.
func (s *strided) patches(to []float32, in *framed, i, y0, y1, w int) {
	at := 0
	for y := y0; y < y1; y++ {
		for x := range w {
			for k := range s.K {
				o := ((i*in.rows()+2*y+k)*in.cols() + 2*x) * in.c
				at += copy(to[at:at+s.K*in.c], in.v[o:])
			}
		}
	}
}

func (s *strided) apply(p *pass, in *framed, out *grid) {
	p.bands(out.h, func(_, i, y0, y1 int) {
		n := (y1 - y0) * out.w
		seen := p.mem.take(n * s.depth)
		s.patches(seen, in, i, y0, y1, out.w)
		y := out.v[(i*out.h+y0)*out.w*out.c:]
		for px := range n {
			copy(y[px*out.c:(px+1)*out.c], p.flat[s.bias:])
		}
		gemm(y, out.c, seen, s.depth, 1, s.w, s.Out, n, s.Out, s.depth, true)
		p.mem.back(seen)
	})
}

// backward sets dx, where it is asked for, and adds to the layer's gradient by the weights.
func (s *strided) backward(p *pass, in *framed, out *grid, d, dx []float32, weights [][]float32, layer int) {
	size := s.depth * s.Out
	var some []float32
	if weights != nil {
		some = p.mem.take(parts * size)
		clear(some)
	}
	row := out.w * out.c
	p.team.each(parts, func(b int) {
		n := min(band, out.h) * out.w
		seen, sum := p.mem.take(n*s.depth), p.mem.take((in.h+2)*(in.w+2)*in.c)
		for i := b * p.n / parts; i < (b+1)*p.n/parts; i++ {
			clear(sum)
			for y0 := 0; y0 < out.h; y0 += band {
				y1 := min(out.h, y0+band)
				n := (y1 - y0) * out.w
				dy := d[(i*out.h+y0)*row:]
				if weights != nil {
					s.patches(seen, in, i, y0, y1, out.w)
					weightProduct(some[b*size:], s.Out, seen, s.depth, dy, out.c, s.depth, s.Out, n)
				}
				if dx == nil {
					continue
				}
				gemm(seen, s.depth, dy, out.c, 1, s.turned, s.depth, n, s.depth, s.Out, false)
				at := 0
				for y := y0; y < y1; y++ {
					for x := range out.w {
						for k := range s.K {
							plus(&sum[((2*y+k)*(in.w+2)+2*x)*in.c], &seen[at], s.K*in.c)
							at += s.K * in.c
						}
					}
				}
			}
			if dx != nil {
				for y := range in.h {
					copy(dx[(i*in.h+y)*in.w*in.c:(i*in.h+y+1)*in.w*in.c], sum[((y+1)*(in.w+2)+1)*in.c:])
				}
			}
		}
		p.mem.back(seen, sum)
	})
	if weights == nil {
		return
	}
	for b := range parts {
		for i, v := range some[b*size : (b+1)*size] {
			weights[layer][i] += v
		}
	}
	p.mem.back(some)
}

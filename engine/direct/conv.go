//go:build amd64 && goexperiment.simd

package direct

import "unsafe"

// lanes is the number of channels that one vector holds; channels lie in memory in multiples of it.
const lanes = 8

// panel is the number of columns of a product that are computed together.
const panel = 16

// places is the number of values that F(4×4, 3×3) turns a tile into.
const places = 36

// filter is the weights of a 3×3 convolution from ci to co channels (both as they lie in memory) as Winograd's F(4×4, 3×3)
// needs them: 36 matrices, each in panels of 16 output channels, [36][panel][ci][16].
type filter struct {
	ci, co, panels int
	u              []float32
	area           int       // number of taps: 9, or in bfloat16 also 1, the middle one
	taps           []float32 // [area][ci][16·panels]
	// tiles is what stands for u in bfloat16: [co/32][area·ci/32][2][16][16] pairs of input channels side apart, for sixteen
	// output channels each.
	tiles []float32
}

func newFilter(area, ci, co int, half bool) *filter {
	f := &filter{area: area, ci: ci, co: co, panels: (co + panel - 1) / panel}
	if half {
		f.tiles = aligned(area * ci * co / 2)
	} else {
		f.u = make([]float32, places*f.panels*ci*panel)
	}
	f.taps = make([]float32, area*ci*f.panels*panel, area*ci*f.panels*panel+slack)
	return f
}

// plane is how far the 36 matrices lie apart.
func (f *filter) plane() int { return f.panels * f.ci * panel }

// set takes the weights w [area,ci,co], ci and co as in the network. With turned, it becomes the filter that carries a
// gradient back: rotated by half a turn, with ci and co swapped.
func (f *filter) set(team crew, w []float32, ci, co int, turned bool) {
	wide := f.panels * panel
	team.each(f.area, func(tap int) {
		from := w[tap*ci*co : (tap+1)*ci*co]
		if !turned {
			for i := range ci {
				copy(f.taps[(tap*f.ci+i)*wide:], from[i*co:(i+1)*co])
			}
			return
		}
		to := f.taps[(f.area-1-tap)*f.ci*wide:]
		for i := range ci {
			for o, v := range from[i*co : (i+1)*co] {
				to[o*wide+i] = v
			}
		}
	})
	if f.tiles != nil {
		f.setTiles(team)
		return
	}
	team.each(f.ci, func(i int) {
		var half halfway
		for q := range f.panels {
			filterTransform(&f.u[(q*f.ci+i)*panel], f.plane(), &f.taps[i*wide+q*panel], f.ci*wide, half.place())
		}
	})
}

// conv is a 3×3 convolution, or in bfloat16 one of single pixels.
type conv struct {
	name         string
	ci, co       int // in the network
	weight, bias int // where they lie in the parameters; bias is −1 where there is none
	forward      *filter
	back         *filter   // nil unless learning
	half         bool      // in bfloat16
	du           []float32 // gradient by forward.u, laid out in the same way but for rows to fill up a product, [36][panel][rows][16]; in bfloat16 by the weights, [area][co][ci]
	rows         int
}

func (n *Net) newConv(name string, ci, co int) *conv {
	c := &conv{name: name, ci: ci, co: co, half: n.halves(ci, co), weight: n.at[name+".weight"], bias: n.at[name+".bias"]}
	c.make(9, n.learning)
	return c
}

// make makes what the weights of so many taps are turned into and, for learning, what a gradient takes.
func (c *conv) make(area int, learning bool) {
	wi, wo := roundUp(c.ci, lanes), roundUp(c.co, lanes)
	c.forward = newFilter(area, wi, wo, c.half)
	switch {
	case !learning:
		return
	case c.half:
		c.du = aligned(area * wi * wo)
	default:
		c.rows = roundUp(wi, tall)
		c.du = make([]float32, places*c.forward.panels*c.rows*panel)
	}
	c.back = newFilter(area, wo, wi, c.half)
}

// halfway is a place for 36 vectors and for what aligns them: one that lies across two lines of the cache takes twice as long.
type halfway [(places + 1) * lanes16]float32

func (h *halfway) place() *float32 {
	const line = 4 * lanes16
	return &h[(line-uintptr(unsafe.Pointer(h))%line)%line/4]
}

// blockTiles is the number of tiles that one piece of work takes through transform, product and transform: as many as stay in
// the processor's second cache, but enough that each matrix of the filter is read for many.
func blockTiles(ci, co int) int { return min(max(tilesLeast, (96<<10)/(places*(ci+co))/tall*tall), 48) }

// tilesLeast is the least number of tiles in a block.
const tilesLeast = 24

// apart is how far planes of n values lie apart. Where that is a multiple of the cache's way, they would push each other
// out of it, so a line is left between them.
func apart(n int) int { return n + panel }

// convolve sets y to the convolution of x by f plus bias [≥ f.co] plus, where there is one, add, laid out as y.
func (p *pass) convolve(f *filter, x *framed, bias, add, y []float32) {
	if x.packed() {
		p.convolveTiles(bias, add, y, source{f, x})
		return
	}
	down, across := x.tiles()
	per := down * across
	total, size := x.n*per, blockTiles(f.ci, f.co)
	if least := (total + int(p.team) - 1) / int(p.team); least < size {
		size = max(tall, roundUp(least, tall)) // a single small image: a share for everyone
	}
	rows := roundUp(size, tall)
	p.team.each((total+size-1)/size, func(b int) {
		first := b * size
		n := min(size, total-first)
		planeV, planeM := apart(rows*f.ci), apart(f.panels*rows*panel)
		s := p.mem.take(places * (planeV + planeM))
		v, m := s[:places*planeV], s[places*planeV:]
		var half halfway
		transformTiles(v, planeV, x, first, n, half.place())
		multiply(m, planeM, v, planeV, f, rows, roundUp(n, tall))
		for t := range n {
			at := first + t
			img, ty, tx := at/per, at%per/across, at%across
			h, w := min(4, x.h-4*ty), min(4, x.w-4*tx)
			o := ((img*x.h+4*ty)*x.w + 4*tx) * f.co
			var plus *float32
			if add != nil {
				plus = &add[o]
			}
			outputTransform(&y[o], plus, &m[t*panel], planeM, rows*panel, &bias[0], x.w*f.co, f.co, h, w, half.place())
		}
		p.mem.back(s)
	})
}

// transformTiles sets the 36 planes of v, [tiles][c] each, to the input transforms of n tiles from the first on.
func transformTiles(v []float32, plane int, x *framed, first, n int, half *float32) {
	down, across := x.tiles()
	per := down * across
	row := x.cols() * x.c
	for t := range n {
		at := first + t
		o := ((at/per*x.rows()+4*(at%per/across))*x.cols() + 4*(at%across)) * x.c
		inputTransform(&v[t*x.c], plane, &x.v[o], row, x.c, half)
	}
}

// multiply sets the first used rows of the 36 planes of m, [panel][rows][16] each, to the products of those of v,
// [rows][ci], and the filter.
func multiply(m []float32, planeM int, v []float32, planeV int, f *filter, rows, used int) {
	for i := range places {
		for q := 0; q < f.panels; q += 2 {
			u := &f.u[i*f.plane()+q*f.ci*panel]
			for r := 0; r < used; r += tall {
				product(f.ci, &v[i*planeV+r*f.ci], 4*f.ci, 4, u, 4*panel, &m[i*planeM+(q*rows+r)*panel], 4*panel, 0,
					min(2, f.panels-q), 4*f.ci*panel, 4*rows*panel)
			}
		}
	}
}

// weightGradient sets c.du to what the convolution of x with the gradient dy of its output says: for each of the 36
// places, transformed input times transformed gradient, summed over all tiles in one order whatever the team.
func (p *pass) weightGradient(c *conv, x, dy *framed) {
	if c.half {
		p.weightGradientTiles(c, x, dy)
		return
	}
	down, across := x.tiles()
	per := down * across
	total := x.n * per
	size := min(total, max(32, (1<<20)/(places*(x.c+dy.c))))
	planeV, planeM := apart(size*x.c), apart(size*dy.c)
	v, m := p.mem.take(places*planeV), p.mem.take(places*planeM)
	const step = 8
	panels := c.forward.panels
	for first := 0; first < total; first += size {
		n := min(size, total-first)
		p.team.each((n+step-1)/step, func(b int) {
			var half halfway
			t, last := b*step, min(n, (b+1)*step)
			transformTiles(v[t*x.c:], planeV, x, first+t, last-t, half.place())
			for ; t < last; t++ {
				at := first + t
				o := dy.row(at/per, at%per/across*4) + at%across*4*dy.c
				adjointTransform(&m[t*dy.c], planeM, &dy.v[o], dy.cols()*dy.c, dy.c, half.place())
			}
		})
		add := min(first, 1)
		pairs := (panels + 1) / 2
		p.team.each(places*pairs, func(b int) {
			i, q := b/pairs, b%pairs*2
			for r := 0; r < c.rows; r += tall {
				product(n, &v[i*planeV+r], 4, 4*x.c, &m[i*planeM+q*panel], 4*dy.c, &c.du[((i*panels+q)*c.rows+r)*panel], 4*panel, add,
					min(2, panels-q), 4*panel, 4*c.rows*panel)
			}
		})
	}
	p.mem.back(v, m)
}

// collect adds the gradient by the weights [3,3,ci,co] to its place in grad.
func (c *conv) collect(team crew, grad []float32) {
	to := grad[c.weight:]
	if c.half {
		c.collectTiles(team, to)
		return
	}
	team.each(c.ci, func(i int) {
		var taps [9 * panel]float32
		var half halfway
		for o := 0; o < c.co; o += panel {
			filterAdjoint(&taps[0], panel, &c.du[(o/panel*c.rows+i)*panel], c.forward.panels*c.rows*panel, half.place())
			for t := range 9 {
				for k, v := range taps[t*panel : t*panel+min(panel, c.co-o)] {
					to[(t*c.ci+i)*c.co+o+k] += v
				}
			}
		}
	})
}

// biasGradient adds the sums over all pixels of dy, images of side s with c channels in memory, to the named bias.
func (p *pass) biasGradient(name string, dy []float32, h, c int) {
	w := len(dy) / (p.n * h * c)
	parts := p.mem.take(p.n * bands(h) * 2 * c)
	p.bands(h, func(k, i, y0, y1 int) {
		sums(&parts[2*k*c], &parts[(2*k+1)*c], &dy[(i*h+y0)*w*c], (y1-y0)*w, c)
	})
	p.addBias(name, parts, 2*c, c)
	p.mem.back(parts)
}

// addBias adds the sums that parts has of every band, c of them and next values apart, to the named bias.
func (p *pass) addBias(name string, parts []float32, next, c int) {
	g := p.gradientOf(name, p.biasSize(name, c))
	for o := range g {
		sum := 0.
		for at := o; at < len(parts); at += next {
			sum += float64(parts[at])
		}
		g[o] += float32(sum)
	}
}

// arriving frames d, the gradient by what a convolution of images of h×w pixels gives, and adds it to that by the bias.
func (p *pass) arriving(c *conv, d []float32, h, w int) *framed {
	co, name := roundUp(c.co, lanes), c.name+".bias"
	if !c.half {
		p.biasGradient(name, d, h, co)
		return p.frame(d, h, w, co, false)
	}
	f, parts := p.newFramed(h, w, co, true), p.mem.take(p.n*bands(h)*co)
	p.bands(h, func(k, i, y0, y1 int) {
		sum := parts[k*co : (k+1)*co]
		clear(sum)
		for y := y0; y < y1; y++ {
			packAdding(&f.v[f.row(i, y)], &d[(i*h+y)*w*co], &sum[0], w, co)
		}
	})
	if c.bias >= 0 {
		p.addBias(name, parts, co, co)
	}
	p.mem.back(parts)
	return f
}

// biasSize is the number of values in a bias: c, or fewer where the channels in memory are more than the network's.
func (p *pass) biasSize(name string, c int) int {
	if name == "out.bias" {
		return p.out.co
	}
	return c
}

//go:build amd64 && goexperiment.simd

package direct

import (
	"math"

	"github.com/straightway-app/straightway/engine/unet"
)

// grid is a group of n images of h×w pixels with c channels, the channels of a pixel side by side; c is a multiple of
// lanes. d is the gradient by v, nil until something is added to it.
type grid struct {
	n, h, w, c int
	v, d       []float32
	saved      int     // times that a skip connection waits for it
	arrived    *framed // in place of d, the gradient packed for the convolution that v comes from
}

// framed is a group of images with a frame of zeros around each: one pixel, and as many more on the right and below as
// make the inside a multiple of four.
type framed struct {
	n, h, w, c int
	px         int // values of v from pixel to pixel: c, or half as many where they are packed
	v          []float32
}

// packed tells whether the images are bfloat16, as pack leaves it.
func (f *framed) packed() bool { return f.px < f.c }

func (f *framed) rows() int { return roundUp(f.h, 4) + 2 }
func (f *framed) cols() int { return roundUp(f.w, 4) + 2 }

// row is where the inside of row y of image i begins.
func (f *framed) row(i, y int) int { return ((i*f.rows()+y+1)*f.cols() + 1) * f.px }

// tiles is the number of 4×4 tiles of one image.
func (f *framed) tiles() (down, across int) { return (f.h + 3) / 4, (f.w + 3) / 4 }

// pass is one evaluation of the network.
type pass struct {
	*Net
	n        int
	learn    bool
	emb      []float32 // SiLU of the time embedding, [n, e]
	dEmb     []float32
	h        *grid
	skips    []*grid
	tape     []func()             // what the gradient takes, in the order of evaluation
	held     [][]float32          // memory to give back at the end
	gradient map[string][]float32 // of dense maps and norms
	seed     func(dv []float32)
}

func (n *Net) newPass(images int, learn bool) *pass {
	return &pass{Net: n, n: images, learn: learn, gradient: map[string][]float32{}}
}

func (p *pass) free() {
	p.mem.back(p.held...)
	p.held = nil
}

// hold takes memory that lives as long as the pass.
func (p *pass) hold(n int) []float32 {
	s := p.mem.take(n)
	p.held = append(p.held, s)
	return s
}

func (p *pass) newGrid(h, w, c int) *grid {
	return &grid{n: p.n, h: h, w: w, c: c, v: p.mem.take(p.n * h * w * c)}
}

// fresh takes memory for a grid's gradient where it has none, and tells whether it did: it is to be set then, not added to.
func (p *pass) fresh(g *grid) bool {
	if g.d != nil {
		return false
	}
	g.d = p.mem.take(len(g.v))
	return true
}

// drop gives a grid's values back where no gradient asks for them and no skip connection waits for them.
func (p *pass) drop(g *grid) {
	if !p.learn && g.saved == 0 {
		p.mem.back(g.v)
		g.v = nil
	}
}

// later keeps what the gradient of an operation does.
func (p *pass) later(back func()) {
	if p.learn {
		p.tape = append(p.tape, back)
	}
}

// newFramed returns images whose frame is zero and whose inside is not set.
func (p *pass) newFramed(h, w, c int, half bool) *framed {
	f := &framed{n: p.n, h: h, w: w, c: c, px: c}
	rows, cols, behind := f.rows(), f.cols(), 0
	if half {
		f.px, behind = c/2, side // a tile may reach beyond the last pixel
	}
	c = f.px
	f.v = p.mem.take((p.n*rows*cols + behind) * c)
	p.team.each(p.n, func(i int) {
		image := f.v[i*rows*cols*c : (i+1)*rows*cols*c]
		clear(image[:cols*c])
		for y := 1; y <= h; y++ {
			row := image[y*cols*c : (y+1)*cols*c]
			clear(row[:c])
			clear(row[(1+w)*c:])
		}
		clear(image[(1+h)*cols*c:])
	})
	return f
}

// band is the number of rows of an image that one piece of work takes.
const band = 8

func bands(h int) int { return (h + band - 1) / band }

// bands calls do for every band of rows of every image: rows y0 to y1 of image i; k counts the bands.
func (p *pass) bands(h int, do func(k, i, y0, y1 int)) {
	per := bands(h)
	p.team.each(p.n*per, func(k int) {
		y := k % per * band
		do(k, k/per, y, min(h, y+band))
	})
}

// gradientOf returns the zeroed place where the gradient of the named parameters is added up, n values.
func (p *pass) gradientOf(name string, n int) []float32 {
	g, ok := p.gradient[name]
	if !ok {
		g = p.hold(n)
		clear(g)
		p.gradient[name] = g
	}
	return g
}

// forward sets v [n,S,S,3] to the network's value for x [n,S,S,3].
func (p *pass) forward(v, x, t []float32) {
	c := p.config
	s := c.Size
	p.embed(t)
	image := p.newFramed(s, s, lanes, false)
	p.bands(s, func(_, i, y0, y1 int) {
		for y := y0; y < y1; y++ {
			o := image.row(i, y)
			clear(image.v[o : o+s*lanes])
			for px := range s {
				copy(image.v[o+px*lanes:o+px*lanes+unet.Channels], x[((i*s+y)*s+px)*unet.Channels:])
			}
		}
	})
	p.h = p.newGrid(s, s, c.Base)
	p.beyond(image)
	p.convolve(p.in.forward, image, p.flat[p.in.bias:], nil, p.h.v)
	first := p.h
	p.later(func() {
		dy := p.arriving(p.in, first.d, s, s)
		p.weightGradient(p.in, image, dy)
		p.mem.back(dy.v, image.v, first.d, first.v)
	})
	if !p.learn {
		p.mem.back(image.v)
	}
	c.Walk(p)

	last := p.h
	u, back := p.normalise(p.outNorm, last, nil, true)
	y := p.newGrid(s, s, lanes)
	bias := make([]float32, panel)
	copy(bias, p.flat[p.out.bias:p.out.bias+unet.Channels])
	p.beyond(u)
	p.convolve(p.out.forward, u, bias, nil, y.v)
	var m []float32
	if p.mix != nil {
		m = p.mem.take(p.n * unet.Channels * unet.Channels)
		p.mix.apply(p, m, p.emb, p.n)
	}
	p.bands(s, func(_, i, y0, y1 int) {
		for px := (i*s + y0) * s; px < (i*s+y1)*s; px++ {
			mixed(v[px*3:px*3+3], y.v[px*lanes:], x[px*3:], m, i)
		}
	})
	p.mem.back(y.v, m)
	if !p.learn {
		p.mem.back(u.v)
		p.drop(last)
	}
	p.seed = func(dv []float32) {
		if p.mix != nil {
			p.mixGradient(x, dv)
		}
		g := p.newGrid(s, s, lanes)
		for px := range p.n * s * s {
			copy(g.v[px*lanes:], dv[px*3:px*3+3])
			clear(g.v[px*lanes+3 : (px+1)*lanes])
		}
		dy := p.arriving(p.out, g.v, s, s)
		p.weightGradient(p.out, u, dy)
		du := p.newGrid(s, s, last.c)
		p.convolveBack(p.out, dy, du.v)
		p.mem.back(g.v, dy.v, u.v)
		back(du.v)
		p.mem.back(du.v)
	}
}

// mixed sets the three channels of v to y plus, where m has a matrix for image i, that of x.
func mixed(v, y, x, m []float32, i int) {
	for k := range v {
		v[k] = y[k]
	}
	if m == nil {
		return
	}
	for j, w := range x[:3] {
		for k := range v {
			v[k] += w * m[9*i+3*j+k]
		}
	}
}

// mixGradient is the gradient by the channels' matrices, and by what makes them.
func (p *pass) mixGradient(x, dv []float32) {
	dm := p.mem.take(p.n * 9)
	size := len(x) / p.n
	p.team.each(p.n, func(i int) {
		var sum [9]float64
		for px := i * size; px < (i+1)*size; px += 3 {
			for j := range 3 {
				for k := range 3 {
					sum[3*j+k] += float64(x[px+j]) * float64(dv[px+k])
				}
			}
		}
		for k, s := range sum {
			dm[9*i+k] = float32(s)
		}
	})
	p.mix.backward(p, p.emb, dm, p.n, p.dEmb)
	p.mem.back(dm)
}

// nothing is a bias of zeros.
func (p *pass) nothing() []float32 { return zeros }

var zeros = make([]float32, 4096)

// frame copies v, images of h×w pixels, into a frame of zeros, packed where half says so.
func (p *pass) frame(v []float32, h, w, c int, half bool) *framed {
	f := p.newFramed(h, w, c, half)
	p.bands(h, func(_, i, y0, y1 int) {
		for y := y0; y < y1; y++ {
			from := v[(i*h+y)*w*c : (i*h+y+1)*w*c]
			if half {
				pack(&f.v[f.row(i, y)], &from[0], w*c)
			} else {
				copy(f.v[f.row(i, y):], from)
			}
		}
	})
	return f
}

// embed computes the time embedding.
func (p *pass) embed(t []float32) {
	const half = unet.TimeFrequencies
	angles := p.hold(p.n * 2 * half)
	freq := unet.Frequencies()
	for i, at := range t {
		for k, f := range freq {
			angle := float64(at * f)
			angles[i*2*half+k], angles[i*2*half+half+k] = float32(math.Sin(angle)), float32(math.Cos(angle))
		}
	}
	e := p.time0.co
	z0, h0, z1 := p.hold(p.n*e), p.hold(p.n*e), p.hold(p.n*e)
	p.emb = p.hold(p.n * e)
	p.time0.apply(p, z0, angles, p.n)
	silu(h0, z0)
	p.time1.apply(p, z1, h0, p.n)
	silu(p.emb, z1)
	if !p.learn {
		return
	}
	p.dEmb = p.hold(p.n * e)
	clear(p.dEmb)
	p.later(func() {
		siluBack(p.dEmb, z1)
		d := p.hold(p.n * e)
		clear(d)
		p.time1.backward(p, h0, p.dEmb, p.n, d)
		siluBack(d, z0)
		p.time0.backward(p, angles, d, p.n, nil)
	})
}

func silu(y, x []float32) {
	for i, v := range x {
		y[i] = float32(float64(v) / (1 + math.Exp(-float64(v))))
	}
}

// siluBack turns d from the gradient by SiLU(z) into that by z.
func siluBack(d, z []float32) {
	for i, v := range z {
		s := 1 / (1 + math.Exp(-float64(v)))
		d[i] *= float32(s * (1 + float64(v)*(1-s)))
	}
}

// backward runs the tape back.
func (p *pass) backward(dv []float32) {
	p.seed(dv)
	for i := len(p.tape) - 1; i >= 0; i-- {
		p.tape[i]()
	}
}

// collect adds the gradient to grad.
func (p *pass) collect(grad []float32) {
	for _, c := range p.convs() {
		c.collect(p.team, grad)
	}
	for name, g := range p.gradient {
		to := grad[p.at[name]:]
		for i, v := range g {
			to[i] += v
		}
	}
}

//go:build amd64 && goexperiment.simd

package direct

import (
	"math"
	"slices"

	"github.com/straightway-app/straightway/engine/unet"
)

// attention is self-attention over the pixels, added to what it looks at (unet's selfAttention).
type attention struct {
	norm     norm
	qkv, out pointwise
	c, heads int
}

func (n *Net) newAttention(name string, c int) *attention {
	return &attention{norm: n.newNorm(name+".norm", c, false), qkv: n.newPointwise(name+".qkv", c, 3*c), out: n.newPointwise(name+".out", c, c), c: c, heads: unet.AttentionHeads(c)}
}

// head is one head's part of one image: query, key and value lie 3c values apart from pixel to pixel.
type head struct {
	q, k, v []float32
	weights []float32 // softmax of the scores, [N,N]
}

// width is the number of channels of a head, scale what its scores are multiplied by.
func (a *attention) width() int     { return a.c / a.heads }
func (a *attention) scale() float32 { return float32(1 / math.Sqrt(float64(a.width()))) }

// head cuts the b-th head of all images out of qkv [n·N, 3c] and the weights [n·heads, N, N].
func (a *attention) head(qkv, weights []float32, pixels, b int) head {
	at := b/a.heads*pixels*3*a.c + b%a.heads*a.width()
	return head{qkv[at:], qkv[at+a.c:], qkv[at+2*a.c:], weights[b*pixels*pixels : (b+1)*pixels*pixels]}
}

// turned is the transpose [width, pixels] of one of a head's three parts.
func (a *attention) turned(to, part []float32, pixels int) {
	for i := range pixels {
		for k, v := range part[i*3*a.c : i*3*a.c+a.width()] {
			to[k*pixels+i] = v
		}
	}
}

func (p *pass) attend(a *attention) {
	x := p.h
	pixels, c, w := x.h*x.w, a.c, a.width()
	u, back := p.normalise(a.norm, x, nil, false)
	flat := p.mem.take(len(x.v))
	p.bands(x.h, func(_, i, y0, y1 int) {
		for y := y0; y < y1; y++ {
			o := (i*x.h + y) * x.w * c
			copy(flat[o:o+x.w*c], u.v[u.row(i, y):])
		}
	})
	p.mem.back(u.v)
	qkv, weights, mixed := p.mem.take(3*len(x.v)), p.mem.take(p.n*a.heads*pixels*pixels), p.mem.take(len(x.v))
	seen := a.qkv.apply(p, qkv, flat, nil, x.h, x.w)
	p.team.each(p.n*a.heads, func(b int) {
		h := a.head(qkv, weights, pixels, b)
		keys := p.mem.take(w * pixels)
		a.turned(keys, h.k, pixels)
		gemm(h.weights, pixels, h.q, 3*c, 1, keys, pixels, pixels, pixels, w, false)
		for i := range pixels {
			softmax(h.weights[i*pixels:(i+1)*pixels], a.scale())
		}
		gemm(mixed[b/a.heads*pixels*c+b%a.heads*w:], c, h.weights, pixels, 1, h.v, 3*c, pixels, w, pixels, false)
		p.mem.back(keys)
	})
	y := p.newGrid(x.h, x.w, c)
	seenMixed := a.out.apply(p, y.v, mixed, x.v, x.h, x.w)
	p.h = y
	if !p.learn {
		p.freeSeen(seen, seenMixed)
		p.mem.back(flat, qkv, weights, mixed)
		p.drop(x)
	}
	p.later(func() {
		d := p.mem.take(len(x.v))
		clear(d)
		a.out.back(p, mixed, seenMixed, y.d, d, x.h, x.w)
		dqkv := p.mem.take(len(qkv))
		p.team.each(p.n*a.heads, func(b int) { a.headBack(p, qkv, weights, dqkv, d, pixels, b) })
		clear(d)
		a.qkv.back(p, flat, seen, dqkv, d, x.h, x.w)
		p.freeSeen(seen, seenMixed)
		if x.d == nil {
			x.d = y.d
		} else {
			p.plus(x.d, y.d)
			p.mem.back(y.d)
		}
		back(d)
		p.mem.back(d, dqkv, qkv, weights, mixed, flat, y.v)
		y.d, y.v = nil, nil
	})
}

// headBack sets a head's part of dqkv from the gradient d by what the heads give.
func (a *attention) headBack(p *pass, qkv, weights, dqkv, d []float32, pixels, b int) {
	c, w := a.c, a.width()
	h, g := a.head(qkv, weights, pixels, b), a.head(dqkv, weights, pixels, b)
	given := d[b/a.heads*pixels*c+b%a.heads*w:]
	gemm(g.v, 3*c, h.weights, 1, pixels, given, c, pixels, w, pixels, false)
	values, scores := p.mem.take(w*pixels), p.mem.take(pixels*pixels)
	a.turned(values, h.v, pixels)
	gemm(scores, pixels, given, c, 1, values, pixels, pixels, pixels, w, false)
	for i := range pixels {
		softmaxBack(scores[i*pixels:(i+1)*pixels], h.weights[i*pixels:(i+1)*pixels], a.scale())
	}
	gemm(g.q, 3*c, scores, pixels, 1, h.k, 3*c, pixels, w, pixels, false)
	gemm(g.k, 3*c, scores, 1, pixels, h.q, 3*c, pixels, w, pixels, false)
	p.mem.back(values, scores)
}

// softmax turns a row of scores times scale into weights.
func softmax(row []float32, scale float32) {
	if len(row)%lanes == 0 {
		softmaxRow(&row[0], len(row), scale)
		return
	}
	top, sum := slices.Max(row), float32(0)
	for i, v := range row {
		row[i] = float32(math.Exp(float64((v - top) * scale)))
		sum += row[i]
	}
	for i := range row {
		row[i] /= sum
	}
}

// softmaxBack turns the gradient by the weights that softmax gave into that by the scores.
func softmaxBack(row, weights []float32, scale float32) {
	if len(row)%lanes == 0 {
		softmaxRowBack(&row[0], &weights[0], len(row), scale)
		return
	}
	dot := float32(0)
	for i, v := range row {
		dot += v * weights[i]
	}
	for i, w := range weights {
		row[i] = (row[i] - dot) * w * scale
	}
}

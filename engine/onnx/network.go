package onnx

import (
	"math"

	"github.com/straightway-app/straightway/engine/unet"
)

// velocity adds v(x, t) for x [N,3,S,S] in [-1,1] and t [M], M being N or 1: [N,3,S,S]. It is unet.Config.Velocity in
// ONNX's operations: the same walk with another visitor.
func (g *builder) velocity(x, t value) value {
	w := &weaver{builder: g, time: g.timeEmbedding(t), h: g.convolution("in", x)}
	g.net.Walk(w)
	v := g.convolution("out", g.silu(g.groupNorm("out.norm", w.h, g.net.Base*g.net.Mult[0], g.net.Size)))
	if g.net.Mix {
		v = g.sum(v, g.mix(x, w.time))
	}
	return v
}

// timeEmbedding is the SiLU of the embedding of t [M]: [M, 4·Base].
func (g *builder) timeEmbedding(t value) value {
	frequencies := unet.Frequencies()
	angle := g.product(g.reshape(t, -1, 1), g.floats([]int{1, len(frequencies)}, frequencies...))
	e := g.join(1, g.node("Sin", []value{angle}), g.node("Cos", []value{angle}))
	return g.silu(g.dense("time.1", g.silu(g.dense("time.0", e))))
}

// mix multiplies the channels of x by a matrix that follows from the time, [M,9] with the rows of red, green and blue.
func (g *builder) mix(x, time value) value {
	const c = unet.Channels
	matrix := g.transpose(g.reshape(g.dense("mix", time), -1, c, c), 0, 2, 1)
	y := g.node("MatMul", []value{matrix, g.reshape(x, 0, c, -1)})
	return g.reshape(y, 0, c, g.net.Size, g.net.Size)
}

// weaver is where the walk through the network stands: its value h [N,C,S,S] and the skips not yet joined.
type weaver struct {
	*builder
	time, h value
	skips   []value
}

func (w *weaver) Save() { w.skips = append(w.skips, w.h) }
func (w *weaver) Down() { w.h = w.down(w.h) }
func (w *weaver) Up()   { w.h = w.up(w.h) }

func (w *weaver) Join() {
	last := len(w.skips) - 1
	w.h = w.join(1, w.h, w.skips[last])
	w.skips = w.skips[:last]
}

func (w *weaver) Block(name string, ci, co, side int) {
	x := w.h
	h := w.convolution(name+".conv1", w.silu(w.groupNorm(name+".norm1", x, ci, side)))
	time := w.split(w.reshape(w.dense(name+".time", w.time), -1, 2*co, 1, 1), co, co)
	scale, shift := w.sum(time[0], w.floats(nil, 1)), time[1]
	h = w.sum(w.product(w.groupNorm(name+".norm2", h, co, side), scale), shift)
	h = w.convolution(name+".conv2", w.silu(h))
	if ci != co {
		x = w.convolution(name+".skip.weight", x)
	}
	w.h = w.sum(x, h)
	if w.net.Attends(side) {
		w.h = w.attention(name+".attention", w.h, co, side)
	}
}

// attention adds multi-head self-attention over the pixels of x [N,C,S,S] to x.
func (g *builder) attention(name string, x value, channels, side int) value {
	heads := unet.AttentionHeads(channels)
	width, pixels := channels/heads, side*side
	qkv := g.convolution(name+".qkv", g.groupNorm(name+".norm", x, channels, side))
	part := g.split(g.transpose(g.reshape(qkv, 0, 3*heads, width, pixels), 0, 1, 3, 2), heads, heads, heads) // [N,heads,pixels,width]
	q := g.product(part[0], g.floats(nil, float32(1/math.Sqrt(float64(width)))))
	score := g.node("MatMul", []value{q, g.transpose(part[1], 0, 1, 3, 2)})
	out := g.node("MatMul", []value{g.node("Softmax", []value{score}, attribute{"axis", -1}), part[2]})
	out = g.reshape(g.transpose(out, 0, 1, 3, 2), 0, channels, side, side)
	return g.sum(x, g.convolution(name+".out", out))
}

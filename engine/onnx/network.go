package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/straightway-app/straightway/engine/unet"
)

// velocity adds v(x, t) for x [N,3,S,S] in [-1,1] and t [M], M being N or 1: [N,3,S,S]. It is unet.Config.Velocity in
// ONNX's operations, in the same order.
func (g *builder) velocity(x, t value) value {
	net := g.net
	w := &weaver{builder: g, time: g.timeEmbedding(t), h: g.convolution("in", x), channels: net.Base, side: net.Size}
	w.save()
	for i, m := range net.Mult {
		for b := range net.Blocks {
			w.block(fmt.Sprintf("down.%d.%d", i, b), net.Base*m)
			w.save()
		}
		if i < len(net.Mult)-1 {
			w.h, w.side = g.down(w.h), w.side/2
			w.save()
		}
	}
	w.block("middle", w.channels)
	for i := len(net.Mult) - 1; i >= 0; i-- {
		for b := range net.Blocks + 1 {
			w.join()
			w.block(fmt.Sprintf("up.%d.%d", i, b), net.Base*net.Mult[i])
		}
		if i > 0 {
			w.h, w.side = g.up(w.h), w.side*2
		}
	}
	v := g.convolution("out", g.silu(g.groupNorm("out.norm", w.h, w.channels, w.side)))
	if net.Mix {
		v = g.sum(v, g.mix(x, w.time))
	}
	return v
}

// timeEmbedding is the SiLU of the embedding of t [M]: [M, 4·Base].
func (g *builder) timeEmbedding(t value) value {
	n := g.parts["time.0.weight"].shape[0] / 2
	frequencies := make([]float32, n)
	for i := range frequencies {
		frequencies[i] = float32(1000 * math.Exp(-math.Log(10000)*float64(i)/float64(n)))
	}
	angle := g.product(g.reshape(t, -1, 1), g.floats([]int{1, n}, frequencies...))
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

// weaver is where the walk through the network stands: its value h [N,channels,side,side] and the skips not yet joined.
type weaver struct {
	*builder
	time, h        value
	channels, side int
	skips          []skip
}

type skip struct {
	value
	channels int
}

func (w *weaver) save() { w.skips = append(w.skips, skip{w.h, w.channels}) }

// join concatenates the newest saved skip.
func (w *weaver) join() {
	last := len(w.skips) - 1
	s := w.skips[last]
	w.skips = w.skips[:last]
	w.h = w.builder.join(1, w.h, s.value)
	w.channels += s.channels
}

func (w *weaver) block(name string, co int) {
	x := w.h
	h := w.convolution(name+".conv1", w.silu(w.groupNorm(name+".norm1", x, w.channels, w.side)))
	time := w.split(w.reshape(w.dense(name+".time", w.time), -1, 2*co, 1, 1), co, co)
	scale, shift := w.sum(time[0], w.floats(nil, 1)), time[1]
	h = w.sum(w.product(w.groupNorm(name+".norm2", h, co, w.side), scale), shift)
	h = w.convolution(name+".conv2", w.silu(h))
	if w.channels != co {
		x = w.convolution(name+".skip.weight", x)
	}
	w.h, w.channels = w.sum(x, h), co
	if slices.Contains(w.net.Attention, w.side) {
		w.h = w.attention(name+".attention", w.h, co, w.side)
	}
}

// attentionHead is the width of a head in engine/unet.
const attentionHead = 32

// attention adds multi-head self-attention over the pixels of x [N,C,S,S] to x.
func (g *builder) attention(name string, x value, channels, side int) value {
	heads := max(1, channels/attentionHead)
	for channels%heads != 0 {
		heads--
	}
	width, pixels := channels/heads, side*side
	qkv := g.convolution(name+".qkv", g.groupNorm(name+".norm", x, channels, side))
	part := g.split(g.transpose(g.reshape(qkv, 0, 3*heads, width, pixels), 0, 1, 3, 2), heads, heads, heads) // [N,heads,pixels,width]
	q := g.product(part[0], g.floats(nil, float32(1/math.Sqrt(float64(width)))))
	score := g.node("MatMul", []value{q, g.transpose(part[1], 0, 1, 3, 2)})
	out := g.node("MatMul", []value{g.node("Softmax", []value{score}, attribute{"axis", -1}), part[2]})
	out = g.reshape(g.transpose(out, 0, 1, 3, 2), 0, channels, side, side)
	return g.sum(x, g.convolution(name+".out", out))
}

// Package unet is the velocity network v(x, t): a U-Net over images with the time t as its condition.
//
// The shape is the usual one of diffusion and flow models (Ronneberger et al. 2015, arXiv 1505.04597; Ho et al.
// 2020, arXiv 2006.11239): residual blocks with group normalisation, time entering as scale and shift, averaging
// down, repeating up, skip connections by concatenation, self-attention at low resolution where asked for.
// Residual branches and the output start at zero, so that an untrained network is v = 0: the identity translation.
package unet

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/straightway-app/straightway/engine/layer"
)

// Channels is the number of image channels, in and out: red, green, blue.
const Channels = 3

// TimeFrequencies is the number of sines, and of cosines, that a time becomes.
const TimeFrequencies = 32

// Frequencies are their angular frequencies.
func Frequencies() []float32 {
	freq := make([]float32, TimeFrequencies)
	for i := range freq {
		freq[i] = float32(1000 * math.Exp(-math.Log(10000)*float64(i)/TimeFrequencies))
	}
	return freq
}

// Config is the architecture. Together with a parameter vector it is the whole model.
type Config struct {
	Size      int   `json:"size"`      // side of the square image in pixels; divisible by 2^(len(Mult)-1)
	Base      int   `json:"base"`      // channels at full resolution; a multiple of 8
	Mult      []int `json:"mult"`      // channels as multiples of Base, one entry a resolution level
	Blocks    int   `json:"blocks"`    // residual blocks a level on the way down; one more on the way up
	Attention []int `json:"attention"` // sides (pixels) of the levels with self-attention
	// Mix adds a linear map of the input's three channels, chosen by t, to the output. Group normalisation takes the
	// absolute level of a colour away, so without it the network has to rebuild the colours that the velocity must
	// cancel, and leaves tints of them behind.
	Mix bool `json:"mix,omitempty"`
	// Repeat has the convolutions see the pixels at the border of their input beyond it too, not zeros: a flat image stays
	// flat. With zeros the network has to learn what the border does, and until then draws a frame around its images.
	Repeat bool `json:"repeat,omitempty"`
}

// Validate says what is wrong with a configuration.
func (c Config) Validate() error {
	if c.Base <= 0 || c.Base%layer.Groups != 0 {
		return fmt.Errorf("network width %d: the number of base channels must be a positive multiple of %d", c.Base, layer.Groups)
	}
	if len(c.Mult) == 0 || slices.Min(c.Mult) < 1 || c.Blocks < 1 {
		return fmt.Errorf("channel multiples %v and %d blocks: the network needs at least one level and one block a level, and multiples from 1 on", c.Mult, c.Blocks)
	}
	if f := 1 << (len(c.Mult) - 1); c.Size <= 0 || c.Size%f != 0 {
		return fmt.Errorf("image size %d: a network of %d levels needs a multiple of %d", c.Size, len(c.Mult), f)
	}
	return nil
}

// Equal tells whether two configurations are the same network.
func (c Config) Equal(d Config) bool {
	return c.Size == d.Size && c.Base == d.Base && c.Blocks == d.Blocks && c.Mix == d.Mix && c.Repeat == d.Repeat && slices.Equal(c.Mult, d.Mult) && slices.Equal(c.Attention, d.Attention)
}

// Embedding is the length of the vector that a time becomes.
func (c Config) Embedding() int { return 4 * c.Base }

// Attends tells whether the blocks of images of a side have self-attention.
func (c Config) Attends(side int) bool { return slices.Contains(c.Attention, side) }

// Visitor is told the parts of the network in the order of evaluation. Table, Velocity and the kernels of package direct
// are visitors of one walk, so that the parameters cannot disagree with the computation.
type Visitor interface {
	Block(name string, ci, co, side int) // a residual block, with attention where the side has some
	Down()
	Save() // the present activations are kept for a skip connection
	Join() // the newest kept ones are concatenated behind the present ones
	Up()
}

// Walk tells v the parts of the network between the first and the last convolution.
func (c Config) Walk(v Visitor) {
	ch, side := c.Base, c.Size
	var kept []int
	save := func() {
		v.Save()
		kept = append(kept, ch)
	}
	join := func() int {
		v.Join()
		n := kept[len(kept)-1]
		kept = kept[:len(kept)-1]
		return n
	}
	save()
	for i, m := range c.Mult {
		for b := range c.Blocks {
			v.Block(fmt.Sprintf("down.%d.%d", i, b), ch, c.Base*m, side)
			ch = c.Base * m
			save()
		}
		if i < len(c.Mult)-1 {
			v.Down()
			side /= 2
			save()
		}
	}
	v.Block("middle", ch, ch, side)
	for i := len(c.Mult) - 1; i >= 0; i-- {
		for b := range c.Blocks + 1 {
			v.Block(fmt.Sprintf("up.%d.%d", i, b), ch+join(), c.Base*c.Mult[i], side)
			ch = c.Base * c.Mult[i]
		}
		if i > 0 {
			v.Up()
			side *= 2
		}
	}
}

// Table lists the parameters.
func (c Config) Table() layer.Table {
	e := c.Embedding()
	t := layer.Table{}.
		Dense("time.0", 2*TimeFrequencies, e, layer.Uniform).
		Dense("time.1", e, e, layer.Uniform).
		Conv("in", 3, Channels, c.Base, layer.Uniform)
	if c.Mix {
		t = t.Dense("mix", e, Channels*Channels, layer.Zero)
	}
	l := &lister{c: c, t: t}
	c.Walk(l)
	return l.t.Norm("out.norm", c.Base*c.Mult[0]).Conv("out", 3, c.Base*c.Mult[0], Channels, layer.Zero)
}

type lister struct {
	c Config
	t layer.Table
}

func (l *lister) Block(name string, ci, co, side int) {
	l.t = l.t.
		Norm(name+".norm1", ci).
		Conv(name+".conv1", 3, ci, co, layer.Uniform).
		Dense(name+".time", l.c.Embedding(), 2*co, layer.Uniform).
		Norm(name+".norm2", co).
		Conv(name+".conv2", 3, co, co, layer.Zero)
	if ci != co {
		l.t = append(l.t, layer.Part{Name: name + ".skip.weight", Shape: []int{ci, co}, FanIn: ci})
	}
	if l.c.Attends(side) {
		l.t = l.t.
			Norm(name+".attention.norm", co).
			Dense(name+".attention.qkv", co, 3*co, layer.Uniform).
			Dense(name+".attention.out", co, co, layer.Zero)
	}
}
func (l *lister) Down() {}
func (l *lister) Up()   {}
func (l *lister) Save() {}
func (l *lister) Join() {}

// Velocity builds v(x, t) for x [B,S,S,3] float32 and t [B] float32 in [0,1]: [B,S,S,3] float32, in image units
// ([-1,1] is the range of an image) per unit of t. p is c.Table() bound to a parameter vector.
func (c Config) Velocity(p *layer.Params, x, t *Node) *Node {
	g := x.Graph()
	bs := x.Shape().Dimensions[0]
	angle := Mul(Reshape(t, bs, 1), Reshape(Const(g, Frequencies()), 1, TimeFrequencies))
	emb := Concatenate([]*Node{Sin(angle), Cos(angle)}, -1)
	emb = p.Dense("time.1", layer.SiLU(p.Dense("time.0", emb)))
	w := &weaver{c: c, p: p, emb: layer.SiLU(emb), h: p.Conv3("in", p.How.Cast(x), c.Repeat)}
	c.Walk(w)
	a, b := p.GroupNormAffine("out.norm", w.h, nil, nil, nil)
	v := ConvertDType(p.Conv3("out", layer.AffineSiLU(w.h, a, b), c.Repeat), dtypes.Float32)
	if c.Mix {
		v = Add(v, mixChannels(x, p.Dense("mix", w.emb)))
	}
	return v
}

// mixChannels multiplies the channels of x [B,S,S,3] by a matrix of the image's own, m [B,9], row after row.
func mixChannels(x, m *Node) *Node {
	bs := x.Shape().Dimensions[0]
	var sum *Node
	for i := range Channels {
		row := Reshape(Slice(m, AxisRange(), AxisRange(i*Channels, (i+1)*Channels)), bs, 1, 1, Channels)
		term := Mul(Slice(x, AxisRange(), AxisRange(), AxisRange(), AxisRange(i, i+1)), row)
		if sum == nil {
			sum = term
			continue
		}
		sum = Add(sum, term)
	}
	return sum
}

type weaver struct {
	c     Config
	p     *layer.Params
	emb   *Node // SiLU of the time embedding, [B, 4·Base] float32
	h     *Node
	skips []*Node
}

func (w *weaver) Block(name string, ci, co, side int) {
	p, x := w.p, w.h
	a, b := p.GroupNormAffine(name+".norm1", x, nil, nil, nil)
	h, bias := p.Conv3NoBias(name+".conv1", layer.AffineSiLU(x, a, b), w.c.Repeat)
	e := p.Dense(name+".time", w.emb)
	scale, shift := Slice(e, AxisRange(), AxisRange(0, co)), Slice(e, AxisRange(), AxisRange(co, 2*co))
	a, b = p.GroupNormAffine(name+".norm2", h, bias, scale, shift)
	h = p.Conv3(name+".conv2", layer.AffineSiLU(h, a, b), w.c.Repeat)
	if ci != co {
		x = p.Mix(p.Get(name+".skip.weight"), x)
	}
	w.h = Add(x, h)
	if w.c.Attends(side) {
		w.h = selfAttention(p, name+".attention", w.h)
	}
}

func (w *weaver) Down() { w.h = layer.Down(w.h) }
func (w *weaver) Up()   { w.h = layer.Up(w.h) }
func (w *weaver) Save() { w.skips = append(w.skips, w.h) }
func (w *weaver) Join() {
	s := w.skips[len(w.skips)-1]
	w.skips = w.skips[:len(w.skips)-1]
	w.h = Concatenate([]*Node{w.h, s}, -1)
}

// attentionHead is the width of a head, where the channels are a multiple of it.
const attentionHead = 32

// AttentionHeads is the number of heads over c channels.
func AttentionHeads(c int) int {
	heads := max(1, c/attentionHead)
	for c%heads != 0 {
		heads--
	}
	return heads
}

// selfAttention adds multi-head attention over the pixels of x [B,H,W,C] (Vaswani et al. 2017, arXiv 1706.03762,
// eq. 1) to x.
func selfAttention(p *layer.Params, name string, x *Node) *Node {
	d := x.Shape().Dimensions
	bs, n, c := d[0], d[1]*d[2], d[3]
	heads := AttentionHeads(c)
	a, b := p.GroupNormAffine(name+".norm", x, nil, nil, nil)
	qkv := Reshape(p.Dense(name+".qkv", layer.Affine(x, a, b)), bs, n, 3, heads, c/heads)
	part := func(i int) *Node { return Squeeze(Slice(qkv, AxisRange(), AxisRange(), AxisElem(i)), 2) } // [B,N,heads,C/heads]
	score := Einsum("bqhd,bkhd->bhqk", MulScalar(part(0), 1/math.Sqrt(float64(c/heads))), part(1))
	weight := ConvertDType(Softmax(ConvertDType(score, dtypes.Float32), -1), x.DType())
	out := Reshape(Einsum("bhqk,bkhd->bqhd", weight, part(2)), d...)
	return Add(x, p.Dense(name+".out", out))
}

//go:build amd64 && goexperiment.simd

package direct

import (
	"math/bits"
	"sync"
	"unsafe"

	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/unet"
)

// Fits tells whether this processor and this network are such that a Net can be made.
func Fits(c unet.Config) bool { return Available() && c.Base%lanes == 0 }

// Net is the velocity network with weights, ready to evaluate. Evaluations may run side by side; Set must not run beside
// them.
type Net struct {
	config   unet.Config
	learning bool
	half     bool // the blocks' convolutions compute in bfloat16
	size     int  // of the parameter vector
	at       map[string]int
	flat     []float32 // the parameters, with some room after them
	team     crew
	mem      pool

	time0, time1, mix *dense
	in, out           *conv
	outNorm           norm
	blocks            map[string]*block
}

// New makes a network without weights; learning prepares it for Learn as well, and half has it compute in bfloat16 where
// Halves(c) holds. Fits(c) must hold.
func New(c unet.Config, learning, half bool) *Net {
	table := c.Table()
	n := &Net{
		config: c, learning: learning, half: half && Halves(c), size: table.Size(), at: map[string]int{}, blocks: map[string]*block{},
		flat: make([]float32, table.Size(), table.Size()+slack),
		team: newCrew(),
		mem:  pool{free: map[int][][]float32{}},
	}
	at := 0
	for _, p := range table {
		n.at[p.Name] = at
		at += p.Size()
	}
	e := c.Embedding()
	n.time0, n.time1 = n.newDense("time.0", 2*unet.TimeFrequencies, e), n.newDense("time.1", e, e)
	if c.Mix {
		n.mix = n.newDense("mix", e, unet.Channels*unet.Channels)
	}
	n.in = n.newConv("in", unet.Channels, c.Base)
	c.Walk(&builder{n})
	n.outNorm, n.out = n.newNorm("out.norm", c.Base*c.Mult[0], false), n.newConv("out", c.Base*c.Mult[0], unet.Channels)
	return n
}

// Set takes the parameters, laid out as the network's table says.
func (n *Net) Set(flat []float32) {
	copy(n.flat[:n.size], flat)
	for _, c := range n.convs() {
		c.forward.set(n.team, n.flat[c.weight:], c.ci, c.co, false)
		if c.back != nil {
			c.back.set(n.team, n.flat[c.weight:], c.ci, c.co, true)
		}
	}
	for _, d := range n.denses() {
		if n.learning {
			transpose(d.turned, n.flat[d.weight:], d.ci, d.co)
		}
	}
}

// Memory is about the number of bytes that an evaluation of so many images by a network takes, with what its gradient needs
// where it is learning.
func Memory(c unet.Config, learning bool, images int) int64 {
	m := &meter{c: c, learning: learning, side: c.Size}
	c.Walk(m)
	return 4 * int64(images) * (m.held + m.most)
}

// Kept is the number of bytes that are free inside the network, for evaluations to come.
func (n *Net) Kept() int64 {
	n.mem.mu.Lock()
	defer n.mem.mu.Unlock()
	total := 0
	for size, list := range n.mem.free {
		total += size * len(list)
	}
	return 4 * int64(total)
}

// Release gives the memory that is free inside the network to the garbage collector.
func (n *Net) Release() {
	n.mem.mu.Lock()
	defer n.mem.mu.Unlock()
	clear(n.mem.free)
}

// meter adds up the values that an image takes.
type meter struct {
	c          unet.Config
	learning   bool
	side       int
	held, most int64 // values that stay, and the most that a block takes for itself
}

func (m *meter) Block(_ string, ci, co, side int) {
	m.side = side
	pixels := int64(side * side)
	inside := pixels * int64(2*ci+4*co)
	if m.c.Attends(side) {
		inside += pixels * (6*int64(co) + pixels*int64(unet.AttentionHeads(co)))
	}
	if m.learning {
		m.held += inside
	}
	m.most = max(m.most, 2*inside)
}
func (m *meter) Save() { m.held += int64(m.side * m.side * m.c.Base) }
func (m *meter) Join() {}
func (m *meter) Down() {}
func (m *meter) Up()   {}

// Velocity evaluates v(x, t) for len(t) images x [B,S,S,3] in [-1,1]. It works on as many parts of the batch at a time as
// there are cores, each of which has one for itself until there are fewer parts left.
func (n *Net) Velocity(x, t []float32) []float32 {
	v := make([]float32, len(x))
	size, cores := n.config.Size*n.config.Size*unet.Channels, int(n.team)
	some := n.together()
	parts := roundUp(len(t), some) / some
	if len(t)%cores == 0 || len(t) >= 4*cores { // or some cores would have much more to do than others
		some = max(1, some/cores)
		parts = min(roundUp(roundUp(len(t), some)/some, cores), len(t))
	}
	n.team.each(parts, func(i int) {
		underWay.Add(1)
		defer underWay.Add(-1)
		from, to := len(t)*i/parts, len(t)*(i+1)/parts
		p := n.newPass(to-from, false)
		p.forward(v[from*size:to*size], x[from*size:to*size], t[from:to])
		p.free()
	})
	return v
}

// together is the number of images that are evaluated together: not so many that their activations leave the processor's
// last cache from one operation to the next, nor so few that the filters are read too often.
func (n *Net) together() int {
	pixels := n.config.Size * n.config.Size
	return max(1, (1<<20)/(pixels*n.config.Base), n.size/(pixels*256))
}

// Trace is one evaluation with all that its gradient takes.
type Trace struct{ pass *pass }

// Learn evaluates as Velocity does and keeps what Back needs.
func (n *Net) Learn(x, t []float32) (v []float32, trace *Trace) {
	p := n.newPass(len(t), true)
	v = make([]float32, len(x))
	p.forward(v, x, t)
	return v, &Trace{p}
}

// Back adds to grad the gradient by the parameters of Σ v·dv, for dv [B,S,S,3], and frees the trace.
func (t *Trace) Back(dv, grad []float32) {
	t.pass.backward(dv)
	t.pass.collect(grad)
	t.Free()
}

// Free gives the trace's memory back without a gradient; once is enough.
func (t *Trace) Free() {
	if t.pass != nil {
		t.pass.free()
		t.pass = nil
	}
}

// builder makes the blocks of a network.
type builder struct{ *Net }

func (b *builder) Block(name string, ci, co, side int) {
	b.blocks[name] = b.newBlock(name, ci, co, side)
}
func (b *builder) Down() {}
func (b *builder) Up()   {}
func (b *builder) Save() {}
func (b *builder) Join() {}

func (n *Net) convs() []*conv {
	all := []*conv{n.in, n.out}
	for _, b := range n.blocks {
		all = append(all, b.conv1, b.conv2)
		for _, m := range b.pointwise() {
			if m.tiles != nil {
				all = append(all, m.tiles)
			}
		}
	}
	return all
}

func (n *Net) denses() []*dense {
	all := []*dense{n.time0, n.time1}
	if n.mix != nil {
		all = append(all, n.mix)
	}
	for _, b := range n.blocks {
		all = append(all, b.time)
		for _, m := range b.pointwise() {
			if m.dense != nil {
				all = append(all, m.dense)
			}
		}
	}
	return all
}

// pool hands out memory and takes it back, in sizes that are rounded up so that they fit again. Vectors are read in
// whole, and the rows of a product in sixes, so each piece is a little longer than asked for.
type pool struct {
	mu   sync.Mutex
	free map[int][][]float32
}

const slack = 128

// aligned makes n values that begin with a line of the cache.
func aligned(n int) []float32 {
	s := make([]float32, n+panel)
	k := -int(uintptr(unsafe.Pointer(&s[0]))/4) & (panel - 1)
	return s[k : k+n]
}

// room is the size of the piece that serves for n values: with three bits of precision, at most an eighth too large.
func room(n int) int {
	step := 1 << max(6, bits.Len(uint(n))-4)
	return roundUp(n, step)
}

// take returns n values, not cleared.
func (p *pool) take(n int) []float32 {
	size := room(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	if list := p.free[size]; len(list) > 0 {
		s := list[len(list)-1]
		p.free[size] = list[:len(list)-1]
		return s[:n]
	}
	return inHugePages(aligned(size + slack))[:n]
}

// back takes pieces back; nil is none.
func (p *pool) back(pieces ...[]float32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range pieces {
		if s != nil {
			size := room(len(s))
			p.free[size] = append(p.free[size], s)
		}
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// groups is the number of groups of every normalisation.
const groups = layer.Groups

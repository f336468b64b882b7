package layer

import (
	"fmt"
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
)

// Init says how a part starts.
type Init int

// The ways a part can start. Uniform is U(−1/√fan-in, 1/√fan-in), the default of the prototype's library.
const (
	Uniform Init = iota
	Zero
	One
)

// Part is one named piece of a parameter vector.
type Part struct {
	Name  string
	Shape []int
	Init  Init
	FanIn int // for Uniform
}

// Size is the number of values in the part.
func (p Part) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Table lists the parts of a parameter vector in the order in which they lie.
type Table []Part

// Size is the length of the whole vector.
func (t Table) Size() int {
	n := 0
	for _, p := range t {
		n += p.Size()
	}
	return n
}

// Init returns a fresh vector. The same seed gives the same values on every machine and backend.
func (t Table) Init(seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0x5eed))
	out := make([]float32, 0, t.Size())
	for _, p := range t {
		bound := 1 / math.Sqrt(float64(max(1, p.FanIn)))
		for range p.Size() {
			v := float32(0)
			switch p.Init {
			case Uniform:
				v = float32((2*rng.Float64() - 1) * bound)
			case One:
				v = 1
			}
			out = append(out, v)
		}
	}
	return out
}

// Conv adds a k×k convolution from ci to co channels with bias under name.
func (t Table) Conv(name string, k, ci, co int, init Init) Table {
	biasInit := init
	return append(t,
		Part{name + ".weight", []int{k, k, ci, co}, init, k * k * ci},
		Part{name + ".bias", []int{co}, biasInit, k * k * ci})
}

// Dense adds a linear map from ci to co with bias under name.
func (t Table) Dense(name string, ci, co int, init Init) Table {
	return append(t,
		Part{name + ".weight", []int{ci, co}, init, ci},
		Part{name + ".bias", []int{co}, init, ci})
}

// Norm adds the gain and the shift of a normalisation over c channels.
func (t Table) Norm(name string, c int) Table {
	return append(t, Part{name + ".gain", []int{c}, One, 0}, Part{name + ".shift", []int{c}, Zero, 0})
}

// Params are the parts of one parameter vector inside a graph.
type Params struct {
	How   Lowering
	graph *Graph
	parts map[string]*Node
	order []*Node
}

// Bind cuts the vector flat (float32, of length t.Size()) into its parts.
func (t Table) Bind(flat *Node, how Lowering) *Params {
	if flat.Shape().Rank() != 1 || flat.Shape().Dimensions[0] != t.Size() {
		panic(fmt.Errorf("a parameter vector of %d values was expected, the given one has shape %s", t.Size(), flat.Shape()))
	}
	p := &Params{How: how, graph: flat.Graph(), parts: make(map[string]*Node, len(t))}
	at := 0
	for _, part := range t {
		n := part.Size()
		node := Reshape(Slice(flat, AxisRange(at, at+n)), part.Shape...)
		p.parts[part.Name] = node
		p.order = append(p.order, node)
		at += n
	}
	return p
}

// Get returns the named part as float32.
func (p *Params) Get(name string) *Node {
	n, ok := p.parts[name]
	if !ok {
		panic(fmt.Errorf("the parameter vector has no part %q", name))
	}
	return n
}

// Gradient returns d loss / d parameters as one vector in the order of the table.
func (p *Params) Gradient(loss *Node) *Node {
	grads := Gradient(loss, p.order...)
	for i, g := range grads {
		grads[i] = Reshape(g, g.Shape().Size())
	}
	return Concatenate(grads, 0)
}

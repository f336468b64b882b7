package critic

import (
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/straightway-app/straightway/engine/layer"
)

// Patch judges patches of an image: high where they look like the target. Its convolutions are divided by their
// largest singular value, estimated by one power iteration a step (Miyato et al. 2018, arXiv 1802.05957).
//
// With Ways it judges two domains by one network: its images have a fourth channel, 0 for the target and 1 for the
// source, which says whose likeness is asked for.
type Patch struct {
	Width int
	Ways  bool
}

type patchConv struct {
	name              string
	k, ci, co, stride int
}

func (c Patch) convs() []patchConv {
	w, channels := c.Width, 3
	if c.Ways {
		channels = 4
	}
	return []patchConv{
		{"conv0", 3, channels, w, 1},
		{"conv1", 4, w, 2 * w, 2},
		{"conv2", 3, 2 * w, 2 * w, 1},
		{"conv3", 3, 2 * w, 1, 1},
	}
}

// Table lists the critic's parameters.
func (c Patch) Table() layer.Table {
	t := layer.Table{}
	for _, k := range c.convs() {
		t = t.Conv(k.name, k.k, k.ci, k.co, layer.Uniform)
	}
	return t
}

// Singular is a first state of the power iteration: one unit vector a convolution, one after another.
func (c Patch) Singular(seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0x51))
	var out []float32
	for _, k := range c.convs() {
		u, sum := make([]float64, k.co), 0.0
		for i := range u {
			u[i] = rng.NormFloat64()
			sum += u[i] * u[i]
		}
		for _, x := range u {
			out = append(out, float32(x/math.Sqrt(sum)))
		}
	}
	return out
}

// Weights divides the convolutions' weights by their singular values. singular is the state of the power iteration
// (Singular's layout); the next state comes back with the weights. No gradient flows through the estimate's vectors.
func (c Patch) Weights(p *layer.Params, singular *Node) (weights []*Node, next *Node) {
	at := 0
	var states []*Node
	for _, k := range c.convs() {
		w := p.Get(k.name + ".weight")
		m := Reshape(w, k.k*k.k*k.ci, k.co) // maps a patch to channels: x·m
		u := Reshape(Slice(singular, AxisRange(at, at+k.co)), k.co, 1)
		at += k.co
		fixed := StopGradient(m)
		v := unit(Dot(fixed, u).MatMul())
		u = unit(Dot(Transpose(fixed, 0, 1), v).MatMul())
		sigma := ReduceAllSum(Mul(v, Dot(m, u).MatMul()))
		weights = append(weights, Div(w, sigma))
		states = append(states, Reshape(u, k.co))
	}
	return weights, Concatenate(states, 0)
}

func unit(x *Node) *Node {
	return StopGradient(Div(x, AddScalar(Sqrt(ReduceAllSum(Mul(x, x))), 1e-12)))
}

// Judge scores the patches of x [B,S,S,3], with Ways [B,S,S,4], with weights from Weights: [B,S/2,S/2,1].
func (c Patch) Judge(p *layer.Params, weights []*Node, x *Node) *Node {
	x = p.How.Cast(x)
	for i, k := range c.convs() {
		x = p.ConvWith(weights[i], x, k.stride)
		x = Add(x, ExpandLeftToRank(ConvertDType(p.Get(k.name+".bias"), x.DType()), 4))
		if i < len(weights)-1 {
			x = leaky(x, 0.2)
		}
	}
	return x
}

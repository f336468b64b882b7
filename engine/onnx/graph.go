package onnx

import (
	"fmt"
	"slices"

	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/unet"
)

// value is the name of a tensor in the graph; every value is made by one node, or is an input or an initializer.
type value string

// builder collects the nodes and initializers of one network. Images in it are NCHW, as ONNX wants them.
type builder struct {
	net                 unet.Config
	parts               map[string]part
	nodes, initializers []message
	constants           map[string]value // by content, so that each is written once
	written             map[string]bool  // parameters: further steps use those of the first
	count               int
}

// part is a named piece of the network's parameters.
type part struct {
	shape  []int
	values []float32
}

func newBuilder(net unet.Config, flat []float32) (*builder, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	table := net.Table()
	if len(flat) != table.Size() {
		return nil, fmt.Errorf("the network has %d parameters, and %d were given", table.Size(), len(flat))
	}
	g := &builder{net: net, parts: map[string]part{}, constants: map[string]value{}, written: map[string]bool{}}
	for _, p := range table {
		g.parts[p.Name] = part{p.Shape, flat[:p.Size()]}
		flat = flat[p.Size():]
	}
	return g, nil
}

// node adds an operation with one result.
func (g *builder) node(op string, in []value, attributes ...attribute) value {
	g.count++
	out := value(fmt.Sprintf("%s_%d", op, g.count))
	g.add(op, in, []value{out}, attributes...)
	return out
}

func (g *builder) add(op string, in, out []value, attributes ...attribute) {
	var m message
	for _, v := range in {
		m.text(1, string(v))
	}
	for _, v := range out {
		m.text(2, string(v))
	}
	m.text(3, "node:"+string(out[0]))
	m.text(4, op)
	for _, a := range attributes {
		m.message(5, a.message())
	}
	g.nodes = append(g.nodes, m)
}

// floats is a constant that is no parameter.
func (g *builder) floats(shape []int, values ...float32) value {
	return constant(g, shape, values)
}

// integers is a constant vector, such as a shape.
func (g *builder) integers(values ...int) value {
	wide := make([]int64, len(values))
	for i, v := range values {
		wide[i] = int64(v)
	}
	return constant(g, []int{len(values)}, wide)
}

func constant[T float32 | int64](g *builder, shape []int, values []T) value {
	key := fmt.Sprintf("%T %v %v", values, shape, values)
	name, ok := g.constants[key]
	if !ok {
		name = value(fmt.Sprintf("constant_%d", len(g.constants)+1))
		g.constants[key] = name
		g.initializers = append(g.initializers, tensor(string(name), shape, values))
	}
	return name
}

// parameter writes a part of the network's parameters, laid out anew where layout is not nil.
func (g *builder) parameter(name string, layout func(part) part) value {
	p, ok := g.parts[name]
	if !ok {
		panic(fmt.Sprintf("the network has no part %q", name)) // the network of another version of engine/unet
	}
	if g.written[name] {
		return value(name)
	}
	g.written[name] = true
	if layout != nil {
		p = layout(p)
	}
	g.initializers = append(g.initializers, tensor(name, p.shape, p.values))
	return value(name)
}

// perChannel lays a vector [C] as [C,1,1], which ONNX spreads over the pixels of an image.
func perChannel(p part) part { return part{[]int{p.shape[0], 1, 1}, p.values} }

// kernel lays the weights of a convolution, [k,k,Ci,Co] or the [Ci,Co] of one pixel, as ONNX's [Co,Ci,k,k].
func kernel(p part) part {
	k := 1
	if len(p.shape) == 4 {
		k = p.shape[0]
	}
	ci, co := p.shape[len(p.shape)-2], p.shape[len(p.shape)-1]
	out := make([]float32, 0, len(p.values))
	for o := range co {
		for i := range ci {
			for tap := range k * k {
				out = append(out, p.values[(tap*ci+i)*co+o])
			}
		}
	}
	return part{[]int{co, ci, k, k}, out}
}

// --- the operations that the network is made of ---

func (g *builder) sum(a, b value) value     { return g.node("Add", []value{a, b}) }
func (g *builder) product(a, b value) value { return g.node("Mul", []value{a, b}) }

func (g *builder) reshape(x value, shape ...int) value {
	return g.node("Reshape", []value{x, g.integers(shape...)})
}

func (g *builder) transpose(x value, axes ...int) value {
	return g.node("Transpose", []value{x}, attribute{"perm", axes})
}

// split cuts x along axis 1 into parts of these sizes.
func (g *builder) split(x value, sizes ...int) []value {
	var out []value
	for range sizes {
		g.count++
		out = append(out, value(fmt.Sprintf("Split_%d", g.count)))
	}
	g.add("Split", []value{x, g.integers(sizes...)}, out, attribute{"axis", 1})
	return out
}

func (g *builder) join(axis int, x ...value) value {
	return g.node("Concat", x, attribute{"axis", axis})
}

// convolution is the named convolution of odd side and stride 1, of images as large as before. Without a bias in the table it has
// none, and name is then that of the weights.
func (g *builder) convolution(name string, x value) value {
	weight, inputs := name, []value{x}
	_, biased := g.parts[name+".bias"]
	if biased {
		weight += ".weight"
	}
	inputs = append(inputs, g.parameter(weight, kernel))
	if biased {
		inputs = append(inputs, g.parameter(name+".bias", nil))
	}
	k := 1
	if s := g.parts[weight].shape; len(s) == 4 {
		k = s[0]
	}
	pads := k / 2
	if pads > 0 && g.net.Repeat {
		inputs[0] = g.node("Pad", []value{x, g.integers(0, 0, pads, pads, 0, 0, pads, pads)}, attribute{"mode", "edge"})
		pads = 0
	}
	return g.node("Conv", inputs, attribute{"kernel_shape", []int{k, k}}, attribute{"pads", slices.Repeat([]int{pads}, 4)})
}

// dense is the named linear map of x [M,Ci] to [M,Co].
func (g *builder) dense(name string, x value) value {
	return g.node("Gemm", []value{x, g.parameter(name+".weight", nil), g.parameter(name+".bias", nil)})
}

// groupNorm normalises the groups of x [N,C,S,S] and applies the named gain and shift. It is written as the instance
// normalisation of the groups, which all engines have (ONNX's own GroupNormalization came later and was changed since).
func (g *builder) groupNorm(name string, x value, channels, side int) value {
	groups := g.reshape(x, 0, layer.Groups, -1)
	one := g.floats([]int{layer.Groups}, slices.Repeat([]float32{1}, layer.Groups)...)
	none := g.floats([]int{layer.Groups}, make([]float32, layer.Groups)...)
	normal := g.node("InstanceNormalization", []value{groups, one, none}, attribute{"epsilon", float32(normEpsilon)})
	x = g.product(g.reshape(normal, 0, channels, side, side), g.parameter(name+".gain", perChannel))
	return g.sum(x, g.parameter(name+".shift", perChannel))
}

// normEpsilon is that of engine/layer.
const normEpsilon = 1e-5

// silu is x·σ(x).
func (g *builder) silu(x value) value { return g.product(x, g.node("Sigmoid", []value{x})) }

// down halves the sides by averaging.
func (g *builder) down(x value) value {
	return g.node("AveragePool", []value{x}, attribute{"kernel_shape", []int{2, 2}}, attribute{"strides", []int{2, 2}})
}

// up doubles the sides by repeating each pixel.
func (g *builder) up(x value) value {
	return g.node("Resize", []value{x, "", g.floats([]int{4}, 1, 1, 2, 2)},
		attribute{"mode", "nearest"}, attribute{"coordinate_transformation_mode", "asymmetric"}, attribute{"nearest_mode", "floor"})
}

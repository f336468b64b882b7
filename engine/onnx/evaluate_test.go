package onnx

import (
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/internal/graphtest"
)

// evaluate computes a file's only output as the operators' definitions say (github.com/onnx/onnx, docs/Operators.md):
// by what the file says, and nothing of engine/unet or engine/layer.
func evaluate(t *testing.T, f file, inputs map[string]*tensors.Tensor) []float32 {
	t.Helper()
	var names []string
	var values []any
	for name := range f.inputs {
		names, values = append(names, name), append(values, inputs[name])
	}
	return graphtest.Call(t, graphtest.GoBackend(t), func(in []*graph.Node) []*graph.Node {
		e := evaluator{file: f, graph: in[0].Graph(), known: map[string]*graph.Node{}}
		for i, name := range names {
			e.known[name] = in[i]
		}
		for _, n := range f.nodes {
			for i, out := range e.compute(n) {
				e.known[n.out[i]] = out
			}
		}
		for name := range f.outputs {
			return []*graph.Node{e.known[name]}
		}
		panic("the file has no output")
	}, values...)[0]
}

type evaluator struct {
	file
	graph *graph.Graph
	known map[string]*graph.Node
}

func (e evaluator) value(name string) *graph.Node {
	if v, ok := e.known[name]; ok {
		return v
	}
	c := e.tensors[name]
	v := graph.Const(e.graph, tensors.FromFlatDataAndDimensions(c.floats, c.shape...))
	e.known[name] = v
	return v
}

func (e evaluator) compute(n node) []*graph.Node {
	in := func(i int) *graph.Node { return e.value(n.in[i]) }
	x := in(0)
	d := x.Shape().Dimensions
	// aligned are both inputs at one rank, as numpy's broadcasting has them.
	aligned := func() (a, b *graph.Node) {
		rank := max(x.Rank(), in(1).Rank())
		return graph.ExpandLeftToRank(x, rank), graph.ExpandLeftToRank(in(1), rank)
	}
	one := func(y *graph.Node) []*graph.Node { return []*graph.Node{y} }
	switch n.op {
	case "Add":
		return one(graph.Add(aligned()))
	case "Mul":
		return one(graph.Mul(aligned()))
	case "Sin":
		return one(graph.Sin(x))
	case "Cos":
		return one(graph.Cos(x))
	case "Sigmoid":
		return one(graph.Sigmoid(x))
	case "Identity":
		return one(x)
	case "Clip":
		return one(graph.Clip(x, in(1), in(2)))
	case "Softmax":
		return one(graph.Softmax(x, n.ints["axis"]...))
	case "MatMul":
		if x.Rank() == 3 { // graph.MatMul would spread a batch of one, but not over a batch of two
			if d[0] == 1 {
				x = graph.BroadcastToDims(x, in(1).Shape().Dimensions[0], d[1], d[2])
			}
			return one(graph.Einsum("bij,bjk->bik", x, in(1)))
		}
		return one(graph.Einsum("bhij,bhjk->bhik", x, in(1)))
	case "Gemm":
		return one(graph.Add(graph.Dot(x, in(1)).MatMul(), graph.ExpandLeftToRank(in(2), 2)))
	case "Transpose":
		return one(graph.TransposeAllAxes(x, n.ints["perm"]...))
	case "Concat":
		return one(graph.Concatenate([]*graph.Node{x, in(1)}, n.ints["axis"][0]))
	case "Reshape":
		return one(reshaped(x, e.tensors[n.in[1]].integers))
	case "Split":
		var out []*graph.Node
		at := 0
		for _, size := range e.tensors[n.in[1]].integers {
			out = append(out, graph.Slice(x, graph.AxisRange(), graph.AxisRange(at, at+size)))
			at += size
		}
		return out
	case "Pad": // of [N,C,H,W], by as many pixels on all four sides
		if n.strings["mode"] != "edge" {
			panic(fmt.Sprintf("Pad %v", n.strings))
		}
		for axis, by := range e.tensors[n.in[1]].integers[:4] {
			for range by {
				spec := make([]graph.SliceAxisSpec, 4)
				for i := range spec {
					spec[i] = graph.AxisRange()
				}
				spec[axis] = graph.AxisRange(0, 1)
				first := graph.Slice(x, spec...)
				spec[axis] = graph.AxisRange(x.Shape().Dimensions[axis]-1, x.Shape().Dimensions[axis])
				x = graph.Concatenate([]*graph.Node{first, x, graph.Slice(x, spec...)}, axis)
			}
		}
		return one(x)
	case "Conv":
		p := n.ints["pads"] // top, left, bottom, right
		y := graph.Convolve(graph.TransposeAllAxes(x, 0, 2, 3, 1), graph.TransposeAllAxes(in(1), 2, 3, 1, 0)).
			PaddingPerDim([][2]int{{p[0], p[2]}, {p[1], p[3]}}).Done()
		if len(n.in) == 3 {
			y = graph.Add(y, graph.ExpandLeftToRank(in(2), 4))
		}
		return one(graph.TransposeAllAxes(y, 0, 3, 1, 2))
	case "InstanceNormalization": // of [N,C,L], by the two passes of its definition
		off := graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, 2))
		variance := graph.ReduceAndKeep(graph.Mul(off, off), graph.ReduceMean, 2)
		y := graph.Div(off, graph.Sqrt(graph.AddScalar(variance, float64(n.floats["epsilon"]))))
		each := func(v *graph.Node) *graph.Node { return graph.Reshape(v, 1, d[1], 1) }
		return one(graph.Add(graph.Mul(y, each(in(1))), each(in(2))))
	case "AveragePool":
		k, s := n.ints["kernel_shape"], n.ints["strides"]
		return one(graph.ReduceMean(graph.Reshape(x, d[0], d[1], d[2]/k[0], s[0], d[3]/k[1], s[1]), 3, 5))
	case "Resize":
		if n.strings["mode"] != "nearest" || n.strings["coordinate_transformation_mode"] != "asymmetric" || n.strings["nearest_mode"] != "floor" {
			panic(fmt.Sprintf("Resize %v", n.strings))
		}
		s := e.tensors[n.in[2]].floats // pixel y of the result is pixel ⌊y/scale⌋ of x
		y := graph.BroadcastToDims(graph.Reshape(x, d[0], d[1], d[2], 1, d[3], 1), d[0], d[1], d[2], int(s[2]), d[3], int(s[3]))
		return one(graph.Reshape(y, d[0], d[1], d[2]*int(s[2]), d[3]*int(s[3])))
	}
	panic("no definition of " + n.op)
}

// reshaped follows ONNX's Reshape: 0 keeps a side, -1 is what remains.
func reshaped(x *graph.Node, to []int) *graph.Node {
	out, free, rest := append([]int{}, to...), -1, x.Shape().Size()
	for i, d := range to {
		switch d {
		case 0:
			out[i] = x.Shape().Dimensions[i]
		case -1:
			free = i
			continue
		}
		rest /= out[i]
	}
	if free >= 0 {
		out[free] = rest
	}
	return graph.Reshape(x, out...)
}

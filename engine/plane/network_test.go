package plane

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/straightway-app/straightway/engine/internal/graphtest"
	"github.com/straightway-app/straightway/engine/layer"
)

// velocityGraph is the network as a graph: v(x, t) for x [B,2] and t [B].
func velocityGraph(p *layer.Params, x, t *graph.Node) *graph.Node {
	g := x.Graph()
	squareplus := func(x *graph.Node) *graph.Node {
		return graph.Add(x, graph.Sqrt(graph.AddScalar(graph.Mul(x, x), 1)))
	}
	t = graph.Reshape(t, -1, 1)
	phase := graph.Dot(x, graph.Const(g, [][]float32{waves[0][:], waves[1][:]})).MatMul()
	beat := graph.Mul(t, graph.Const(g, [][]float32{{math.Pi, 2 * math.Pi, 3 * math.Pi}}))
	late, early := graph.AddScalar(t, endScale), graph.AddScalar(graph.Neg(t), 1+endScale)
	ends := graph.DivScalar(graph.Log(graph.Div(late, early)), math.Log((1+endScale)/endScale))
	ends = graph.Mul(ends, graph.Const(g, [][]float32{{math.Pi / 2, math.Pi, 3 * math.Pi / 2, 2 * math.Pi}}))
	h := graph.Concatenate([]*graph.Node{x, t, graph.Sin(phase), graph.Cos(phase), graph.Sin(beat), graph.Cos(beat), graph.Sin(ends), graph.Cos(ends)}, 1)
	h = squareplus(p.Dense("in", h))
	for i := range hidden {
		h = squareplus(p.Dense(fmt.Sprint("hidden", i), h))
	}
	return p.Dense("out", h)
}

// The network evaluated by products of its own agrees with GoMLX's graph of it, and so do the loss and its gradient, for
// numbers of points that fill no block.
func TestTheNetworkIsTheGraphOfItself(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	n := 2*block + 37
	weights := table().Init(3)
	for i := linears[hidden+1].weight; i < len(weights); i++ {
		weights[i] = float32(rng.NormFloat64()) / 10 // the last map starts at 0
	}
	x0, x1, at := graphtest.Normal(rng, 2*n), graphtest.Normal(rng, 2*n), make([]float32, n)
	for i := range at {
		at[i] = rng.Float32()
	}
	points := func(x []float32) (out [][]float32) {
		for i := 0; i < len(x); i += 2 {
			out = append(out, x[i:i+2])
		}
		return out
	}
	want := graphtest.Call(t, graphtest.GoBackend(t), func(in []*graph.Node) []*graph.Node {
		p, x0, x1, at := table().Bind(in[0], layer.Lowering{}), in[1], in[2], in[3]
		way := graph.Sub(x1, x0)
		v := velocityGraph(p, graph.Add(x0, graph.Mul(graph.Reshape(at, -1, 1), way)), at)
		r := graph.Sub(way, v)
		loss := graph.ReduceAllMean(graph.ReduceSum(graph.Mul(r, r), 1))
		return []*graph.Node{graph.Reshape(velocityGraph(p, x0, at), -1), p.Gradient(loss), graph.Reshape(loss, 1)}
	}, weights, points(x0), points(x1), at)

	net := newNetwork(weights)
	v, err := net.velocity(x0, at)
	if err != nil {
		t.Fatal(err)
	}
	gradient := make([]float32, len(weights))
	loss := net.learn(x0, x1, at, gradient)
	graphtest.Near(t, "velocities", v, want[0], 1e-5)
	graphtest.Near(t, "gradient", gradient, want[1], 1e-5)
	graphtest.Near(t, "loss", []float32{float32(loss)}, want[2], 1e-5)

	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	alone := make([]float32, len(weights))
	if net.learn(x0, x1, at, alone) != loss {
		t.Error("the loss depends on the number of cores")
	}
	graphtest.Near(t, "gradient on one core", alone, gradient, 0)
}

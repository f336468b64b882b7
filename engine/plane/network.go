package plane

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/model"
)

// The velocity network is a multilayer perceptron over x, t and their Fourier features (Tancik et al. 2020, arXiv
// 2006.10739), by which it learns edges as sharp as a checkerboard's. The sizes, the rate and the number of updates
// were chosen by how well round 1 kept its identity from spirals to a checkerboard, from eight Gaussians to two moons and
// in the crossing example.
const (
	width           = 96
	hidden          = 2   // linear maps from width to width
	frequencies     = 16  // random plane waves over (x, y)
	waveSpread      = 3.0 // standard deviation of a wave's number, in radians a unit of length
	timeFrequencies = 3   // sin and cos of πt, 2πt, 3πt
	inputs          = 3 + 2*frequencies + 2*timeFrequencies
)

// table lists the network's parameters.
func table() layer.Table {
	t := layer.Table{}.Dense("in", inputs, width, layer.Uniform)
	for i := range hidden {
		t = t.Dense(fmt.Sprint("hidden", i), width, width, layer.Uniform)
	}
	return t.Dense("out", width, 2, layer.Zero)
}

// waves are the wave vectors of the Fourier features, [2, frequencies]; the same in every network.
func waves() [][]float32 {
	rng := rand.New(rand.NewPCG(2209, 3003))
	out := [][]float32{make([]float32, frequencies), make([]float32, frequencies)}
	for i := range frequencies {
		out[0][i], out[1][i] = float32(waveSpread*rng.NormFloat64()), float32(waveSpread*rng.NormFloat64())
	}
	return out
}

// velocityGraph is v(x, t) for x [B,2] and t [B].
func velocityGraph(p *layer.Params, x, t *graph.Node) *graph.Node {
	g := x.Graph()
	t = graph.Reshape(t, -1, 1)
	phase := graph.Dot(x, graph.Const(g, waves())).MatMul()
	octaves := make([]float32, timeFrequencies)
	for i := range octaves {
		octaves[i] = float32(math.Pi * float64(i+1))
	}
	beat := graph.Mul(t, graph.Const(g, [][]float32{octaves}))
	h := graph.Concatenate([]*graph.Node{x, t, graph.Sin(phase), graph.Cos(phase), graph.Sin(beat), graph.Cos(beat)}, 1)
	h = squareplus(p.Dense("in", h))
	for i := range hidden {
		h = squareplus(p.Dense(fmt.Sprint("hidden", i), h))
	}
	return p.Dense("out", h)
}

// squareplus is x + √(x² + 1) (Barron 2021, arXiv 2112.11687, twice over): smooth like SiLU without the exponential
// function, which takes longer than the matrix products on the pure Go backend. Its gradient is y/√(x² + 1).
func squareplus(x *graph.Node) *graph.Node {
	root := graph.StopGradient(graph.Sqrt(graph.AddScalar(graph.Mul(x, x), 1)))
	var y *graph.Node
	xi := graph.IdentityWithCustomGradient(x, func(_, v *graph.Node) *graph.Node { return graph.Mul(v, graph.Div(y, root)) })
	y = graph.Add(xi, root)
	return y
}

// Adam's constants (Kingma and Ba 2015, arXiv 1412.6980). The short memory of the second moment suits rounds of a few
// hundred updates.
const beta1, beta2, adamEpsilon = .9, .99, 1e-8

// worker holds the programs that one goroutine at a time may run, on a pure Go backend of its own.
type worker struct {
	backend            compute.Backend
	grad, update, eval *graph.Exec
}

func newWorker() (w *worker, err error) {
	defer func() {
		if r := recover(); r != nil {
			w, err = nil, fmt.Errorf("preparing the laboratory's network: %v", r)
		}
	}()
	// The parallel executor of this backend deadlocks now and then (see engine/backend).
	b, err := gobackend.New("ops_sequential")
	if err != nil {
		return nil, fmt.Errorf("opening the pure Go backend: %w", err)
	}
	parts := table()
	w = &worker{backend: b}
	w.eval = graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{velocityGraph(parts.Bind(in[0], layer.Lowering{}), in[1], in[2])}
	})
	w.grad = graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node {
		weights, x0, x1, t := in[0], in[1], in[2], in[3]
		p := parts.Bind(weights, layer.Lowering{})
		at := graph.Reshape(t, -1, 1)
		residual := flow.Residual(x0, x1, velocityGraph(p, graph.Add(graph.Mul(x1, at), graph.Mul(x0, graph.OneMinus(at))), t))
		loss := graph.ReduceAllMean(graph.ReduceSum(graph.Mul(residual, residual), 1))
		return []*graph.Node{p.Gradient(loss), loss}
	})
	w.update = graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node {
		weights, average, m, v, grad, rates := in[0], in[1], in[2], in[3], in[4], in[5]
		number := func(i int) *graph.Node { return graph.Reshape(graph.Slice(rates, graph.AxisRange(i, i+1))) }
		grad = graph.MulScalar(graph.ReduceSum(grad, 0), 1./shards)
		m = graph.Add(graph.MulScalar(m, beta1), graph.MulScalar(grad, 1-beta1))
		v = graph.Add(graph.MulScalar(v, beta2), graph.MulScalar(graph.Mul(grad, grad), 1-beta2))
		step := graph.Div(graph.Mul(m, number(1)), graph.AddScalar(graph.Sqrt(graph.Mul(v, number(2))), adamEpsilon))
		weights = graph.Sub(weights, graph.Mul(step, number(0)))
		average = graph.Add(graph.Mul(average, number(3)), graph.Mul(weights, graph.OneMinus(number(3))))
		return []*graph.Node{weights, average, m, v}
	})
	return w, nil
}

func (w *worker) close() {
	w.eval.Finalize()
	w.grad.Finalize()
	w.update.Finalize()
	w.backend.Finalize()
}

// call runs a program on vectors and on matrices (see rows), and returns the values of its outputs.
func call(e *graph.Exec, in ...input) ([][]float32, error) {
	// Given slices, the library would look at the shape of every element, which takes longer than the computation.
	args := make([]any, len(in))
	for i, v := range in {
		t := tensors.FromFlatDataAndDimensions(v.data, v.shape()...)
		defer t.MustFinalizeAll()
		args[i] = t
	}
	out, err := model.Call(e, args...)
	if err != nil {
		return nil, err
	}
	values := make([][]float32, len(out))
	for i, t := range out {
		values[i] = tensors.MustCopyFlatData[float32](t)
		t.MustFinalizeAll()
	}
	return values, nil
}

// input is a vector, or a matrix of so many columns.
type input struct {
	data    []float32
	columns int // 0 for a vector
}

func (v input) shape() []int {
	if v.columns == 0 {
		return []int{len(v.data)}
	}
	return []int{len(v.data) / v.columns, v.columns}
}

func flat(x []float32) input { return input{x, 0} }

func rows(x []float32, columns int) input { return input{x, columns} }

// shards is the number of parts that a batch is divided into, each computed by a worker; being fixed, it gives the same
// numbers on any number of cores.
const shards = 2

// engine is the workers of one run. Its methods may be called by one goroutine at a time.
type engine struct{ workers [shards]*worker }

func newEngine() (*engine, error) {
	e := &engine{}
	for i := range e.workers {
		w, err := newWorker()
		if err != nil {
			e.close()
			return nil, err
		}
		e.workers[i] = w
	}
	return e, nil
}

func (e *engine) close() {
	for _, w := range e.workers {
		if w != nil {
			w.close()
		}
	}
}

// each runs work on every worker at once and returns the first error.
func (e *engine) each(work func(i int, w *worker) error) error {
	var group sync.WaitGroup
	var errs [shards]error
	for i, w := range e.workers {
		group.Go(func() { errs[i] = work(i, w) })
	}
	group.Wait()
	return errors.Join(errs[:]...)
}

// chunk is the number of states evaluated in one call: the intermediate values of more would leave the cache.
const chunk = 1024

// velocity is the network with the given weights.
func (e *engine) velocity(weights []float32) velocity {
	return func(x, t []float32) ([]float32, error) { return e.evaluate(weights, x, t) }
}

// evaluate finds the network's velocity at points x, all at their own times t.
func (e *engine) evaluate(weights, x, t []float32) ([]float32, error) {
	n := len(t)
	out := make([]float32, 2*n)
	var next atomic.Int64
	err := e.each(func(_ int, w *worker) error {
		for {
			from := int(next.Add(chunk)) - chunk
			if from >= n {
				return nil
			}
			to := min(from+chunk, n)
			xs, ts := make([]float32, 2*chunk), make([]float32, chunk) // one shape, compiled once
			copy(xs, x[2*from:2*to])
			copy(ts, t[from:to])
			v, err := call(w.eval, flat(weights), rows(xs, 2), flat(ts))
			if err != nil {
				return fmt.Errorf("evaluating the velocity of %d points: %w", n, err)
			}
			copy(out[2*from:2*to], v[0])
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// velocity is a velocity in the plane, of points x, each at a time t of its own.
type velocity func(x, t []float32) ([]float32, error)

// field is a velocity as the solvers want it.
func (v velocity) field() flow.Velocity {
	return func(x []float32, t float64) ([]float32, error) {
		return v(x, slices.Repeat([]float32{float32(t)}, len(x)/2))
	}
}

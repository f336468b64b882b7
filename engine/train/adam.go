package train

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// adam are the constants of the optimiser (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1) together with
// clipping by the global norm and the exponential moving average (EMA) of the weights.
type adam struct {
	beta1, beta2, epsilon float64
	clip                  float64 // largest norm of the gradient; 0 leaves it as it is
}

// rate is what changes from one update to the next; it enters the graph as a vector of four numbers.
type rate struct {
	learning float64 // the learning rate
	step     int     // updates made before this one
	average  float64 // decay of the moving average: ema ← average·ema + (1−average)·w
}

// vector packs a rate for the graph: learning rate, the two bias corrections 1/(1−βᵗ), EMA decay.
func (a adam) vector(r rate) []float32 {
	t := float64(r.step + 1)
	return []float32{
		float32(r.learning),
		float32(1 / (1 - math.Pow(a.beta1, t))),
		float32(1 / (1 - math.Pow(a.beta2, t))),
		float32(r.average),
	}
}

// update builds one step of the optimiser over flat vectors of one length. It returns the new weights, EMA and
// moments, the norm of the gradient, and ok: 1 where the gradient was finite, else 0 and everything is returned
// as it came.
func (a adam) update(w, ema, m, v, grad, rates *Node) (w2, ema2, m2, v2, norm, ok *Node) {
	g := w.Graph()
	norm = Sqrt(ReduceAllSum(squareSums(grad)))
	finite := IsFinite(norm)
	if a.clip > 0 {
		one := ScalarOne(g, dtypes.Float32)
		grad = Mul(grad, Min(one, Div(Const(g, float32(a.clip)), AddScalar(norm, 1e-6))))
	}
	number := func(i int) *Node { return Reshape(Slice(rates, AxisRange(i, i+1))) }
	m2 = Add(MulScalar(m, a.beta1), MulScalar(grad, 1-a.beta1))
	v2 = Add(MulScalar(v, a.beta2), MulScalar(Mul(grad, grad), 1-a.beta2))
	change := Div(Mul(m2, number(1)), AddScalar(Sqrt(Mul(v2, number(2))), a.epsilon))
	w2 = Sub(w, Mul(change, number(0)))
	ema2 = Add(Mul(ema, number(3)), Mul(w2, OneMinus(number(3))))
	keep := func(next, old *Node) *Node { return Where(finite, next, old) }
	return keep(w2, w), keep(ema2, ema), keep(m2, m), keep(v2, v), norm, ConvertDType(finite, dtypes.Float32)
}

// squareSums are sums of squares over blocks of a vector: float32 sums stay short on every backend.
func squareSums(x *Node) *Node {
	const block = 1024
	n := x.Shape().Dimensions[0]
	whole := n / block * block
	sq := Mul(x, x)
	var parts []*Node
	if whole > 0 {
		parts = append(parts, ReduceSum(Reshape(Slice(sq, AxisRange(0, whole)), whole/block, block), 1))
	}
	if whole < n {
		parts = append(parts, Slice(sq, AxisRange(whole, n)))
	}
	return Concatenate(parts, 0)
}

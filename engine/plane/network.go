package plane

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/layer"
)

// The velocity network is a multilayer perceptron over x, t and their Fourier features (Tancik et al. 2020, arXiv
// 2006.10739), by which it learns edges as sharp as a checkerboard's. The sizes, the rate and the number of updates
// were chosen by how well round 1 kept its identity from spirals to a checkerboard, from eight Gaussians to two moons and
// in the crossing example; the fine waves and the features of the ends of time by drawn outlines and a few dots, where the
// velocity has its edges in the first and the last hundredths. (From a heart to three dots, one step after the reflow
// ended 0.150 from the target without them at a width of 96, and ends 0.086 from it with more of its pairs at t = 0.)
// It is small enough that its products are evaluated here one by one: called operation by operation, a library takes four
// times as long.
const (
	width           = 128
	hidden          = 2   // linear maps from width to width
	frequencies     = 32  // random plane waves over (x, y)
	waveSpread      = 3.0 // standard deviation of a wave's number, in radians a unit of length, of the first half
	fineSpread      = 6.0 // and of the second
	timeFrequencies = 3   // sin and cos of πt, 2πt, 3πt
	endFrequencies  = 4   // of π/2·l, 2π/2·l, … with l from ends
	endScale        = .02 // of t, in which l looks closely at both ends
	inputs          = 3 + 2*frequencies + 2*timeFrequencies + 2*endFrequencies
)

// table lists the network's parameters.
func table() layer.Table {
	t := layer.Table{}.Dense("in", inputs, width, layer.Uniform)
	for i := range hidden {
		t = t.Dense(fmt.Sprint("hidden", i), width, width, layer.Uniform)
	}
	return t.Dense("out", width, 2, layer.Zero)
}

// linear is where the table has a linear map: weights [in, out], then biases.
type linear struct{ in, out, weight, bias int }

var linears = func() (all []linear) {
	at := 0
	for _, p := range table() {
		if len(p.Shape) == 2 {
			all = append(all, linear{p.Shape[0], p.Shape[1], at, at + p.Size()})
		}
		at += p.Size()
	}
	return all
}()

// waves are the wave vectors of the Fourier features; the same in every network.
var waves = func() (out [2][frequencies]float32) {
	rng := rand.New(rand.NewPCG(2209, 3003))
	for i := range frequencies {
		spread := waveSpread
		if i >= frequencies/2 {
			spread = fineSpread
		}
		out[0][i], out[1][i] = float32(spread*rng.NormFloat64()), float32(spread*rng.NormFloat64())
	}
	return out
}()

// ends goes from −1 to 1 as t goes from 0 to 1, like a logarithm near either end.
func ends(t float32) float32 {
	return float32(math.Log((float64(t)+endScale)/(1-float64(t)+endScale)) / math.Log((1+endScale)/endScale))
}

// features are the network's inputs at a point and a time.
func features(to []float32, x, y, t float32) {
	to[0], to[1], to[2] = x, y, t
	for i := range frequencies {
		to[3+i], to[3+frequencies+i] = sincos(x*waves[0][i] + y*waves[1][i])
	}
	beat := to[3+2*frequencies:]
	for i := range timeFrequencies {
		beat[i], beat[timeFrequencies+i] = sincos(math.Pi * float32(i+1) * t)
	}
	beat, l := beat[2*timeFrequencies:], ends(t)
	for i := range endFrequencies {
		beat[i], beat[endFrequencies+i] = sincos(math.Pi / 2 * float32(i+1) * l)
	}
}

// sincos is the sine and the cosine to about 10⁻⁷, by their series in the eighth of the circle about the nearest axis.
func sincos(x float32) (sin, cos float32) {
	turns := math.RoundToEven(float64(x) * (2 / math.Pi))
	r := float64(x) - turns*(math.Pi/2)
	q := r * r
	s := float32(r * (1 + q*(-1./6+q*(1./120+q*(-1./5040+q/362880)))))
	c := float32(1 + q*(-1./2+q*(1./24+q*(-1./720+q*(1./40320-q/3628800)))))
	switch int64(turns) & 3 {
	case 0:
		return s, c
	case 1:
		return c, -s
	case 2:
		return -s, -c
	}
	return -c, s
}

// network is a network with its weights. They may be replaced by load, and are read by any number of goroutines.
type network struct {
	flat   []float32   // as the table has them, with room after them
	turned [][]float32 // the transposed weights of every map but the first, for gradients
}

func newNetwork(weights []float32) *network {
	n := &network{flat: make([]float32, len(weights)+direct.Room)}
	for _, l := range linears[1:] {
		n.turned = append(n.turned, make([]float32, l.in*l.out+direct.Room))
	}
	n.load(weights)
	return n
}

func (n *network) load(weights []float32) {
	copy(n.flat, weights)
	for k, l := range linears[1:] {
		for i := range l.in {
			for j := range l.out {
				n.turned[k][j*l.in+i] = weights[l.weight+i*l.out+j]
			}
		}
	}
}

// block is the number of points that go through the network together: so many that their values stay in the cache.
const block = 128

// pass is the memory of one walk through the network: values[0] are the inputs of a block of points, values[k] what the
// k-th map makes of them.
type pass struct {
	values    [][]float32
	d, before []float32 // gradients by a map's output and by its input
	gradient  []float32 // by the weights
}

var passes = sync.Pool{New: func() any {
	p := &pass{
		values: [][]float32{make([]float32, block*inputs)},
		d:      make([]float32, block*width+direct.Room), before: make([]float32, block*width+direct.Room),
		gradient: make([]float32, table().Size()),
	}
	for _, l := range linears {
		p.values = append(p.values, make([]float32, block*l.out))
	}
	return p
}}

// forward evaluates up to block points x at their times t, and returns the velocities, which are the pass's own.
func (p *pass) forward(n *network, x, t []float32) []float32 {
	for i, at := range t {
		features(p.values[0][i*inputs:(i+1)*inputs], x[2*i], x[2*i+1], at)
	}
	for k, l := range linears {
		out := p.values[k+1][:len(t)*l.out]
		for i := range t {
			copy(out[i*l.out:], n.flat[l.bias:l.bias+l.out])
		}
		direct.Product(out, p.values[k], l.in, 1, n.flat[l.weight:], len(t), l.out, l.in, true)
		if k < len(linears)-1 {
			direct.Squareplus(out)
		}
	}
	return p.values[len(linears)][:2*len(t)]
}

// back sets the gradient by the weights, for d, the gradient by the velocities of the forward pass before it.
func (p *pass) back(n *network, d []float32) {
	points := len(d) / 2
	clear(p.gradient)
	copy(p.d, d)
	for k, l := range slices.Backward(linears) {
		d := p.d[:points*l.out]
		if k < len(linears)-1 {
			direct.SquareplusBack(d, p.values[k+1])
		}
		direct.Product(p.gradient[l.weight:l.bias], p.values[k], 1, l.in, p.d, l.in, l.out, points, false)
		bias := p.gradient[l.bias : l.bias+l.out]
		for i := range points {
			for j, v := range d[i*l.out : (i+1)*l.out] {
				bias[j] += v
			}
		}
		if k > 0 {
			direct.Product(p.before, p.d, l.out, 1, n.turned[k-1], points, l.in, l.out, false)
			p.d, p.before = p.before, p.d
		}
	}
}

// velocity finds the network's velocity.
func (n *network) velocity(x, t []float32) ([]float32, error) {
	out := make([]float32, len(x))
	direct.Each((len(t)+block-1)/block, func(i int) {
		p := passes.Get().(*pass)
		defer passes.Put(p)
		from, to := i*block, min(len(t), (i+1)*block)
		copy(out[2*from:2*to], p.forward(n, x[2*from:2*to], t[from:to]))
	})
	return out, nil
}

// learn returns the mean of ‖(X1 − X0) − v(Xt, t)‖² over len(t) pairs, and adds its gradient by the weights to gradient.
// It does not depend on the number of cores.
func (n *network) learn(x0, x1, t, gradient []float32) (loss float64) {
	blocks := make([]*pass, (len(t)+block-1)/block)
	losses := make([]float64, len(blocks))
	direct.Each(len(blocks), func(i int) {
		p := passes.Get().(*pass)
		blocks[i] = p
		from, to := i*block, min(len(t), (i+1)*block)
		a, b, at := x0[2*from:2*to], x1[2*from:2*to], t[from:to]
		x := make([]float32, len(a))
		for j := range x {
			x[j] = a[j] + at[j/2]*(b[j]-a[j])
		}
		v := p.forward(n, x, at)
		for j := range v {
			r := v[j] - (b[j] - a[j])
			losses[i] += float64(r) * float64(r) / float64(len(t))
			v[j] = 2 * r / float32(len(t))
		}
		p.back(n, v)
	})
	for i, p := range blocks {
		loss += losses[i]
		for j, g := range p.gradient {
			gradient[j] += g
		}
		passes.Put(p)
	}
	return loss
}

// velocity is a velocity in the plane, of points x, each at a time t of its own.
type velocity func(x, t []float32) ([]float32, error)

// field is a velocity as the solvers want it.
func (v velocity) field() flow.Velocity {
	return func(x []float32, t float64) ([]float32, error) {
		return v(x, slices.Repeat([]float32{float32(t)}, len(x)/2))
	}
}

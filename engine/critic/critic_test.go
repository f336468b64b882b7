package critic

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/internal/graphtest"
	"github.com/straightway-app/straightway/engine/layer"
)

// place sets one value of a named part: the tap (dy, dx) from channel ci to co of a convolution.
func place(table layer.Table, flat []float32, name string, v float32, index ...int) {
	at := 0
	for _, p := range table {
		if p.Name == name {
			offset := 0
			for i, d := range p.Shape {
				offset = offset*d + index[i]
			}
			flat[at+offset] = v
			return
		}
		at += p.Size()
	}
	panic("no part " + name)
}

func leak(x, slope float64) float64 { return max(x, slope*x) }

// centred is a classifier that looks at single pixels: every kernel has its middle tap only, so that the activations
// of an image can be computed for each pixel by itself.
type centred struct {
	w0 [classifierWidth]float64 // applied to the sum of red, green and blue
	b0 [classifierWidth]float64
	w1 [2 * classifierWidth]float64 // from channel i mod 16
	w2 [4 * classifierWidth]float64 // from channel i mod 32
}

func newCentred(rng *rand.Rand) (c centred, flat []float32) {
	table := Classifier{}.Table()
	flat = make([]float32, table.Size())
	for i := range c.w0 {
		c.w0[i], c.b0[i] = rng.NormFloat64(), rng.NormFloat64()
		for ch := range 3 {
			place(table, flat, "conv0.weight", float32(c.w0[i]), 1, 1, ch, i)
		}
		place(table, flat, "conv0.bias", float32(c.b0[i]), i)
	}
	for i := range c.w1 {
		c.w1[i] = rng.NormFloat64()
		place(table, flat, "conv1.weight", float32(c.w1[i]), 1, 1, i%len(c.w0), i)
	}
	for i := range c.w2 {
		c.w2[i] = rng.NormFloat64()
		place(table, flat, "conv2.weight", float32(c.w2[i]), 1, 1, i%len(c.w1), i)
	}
	return c, flat
}

// layers are the activations of a pixel whose red, green and blue add up to s.
func (c centred) layers(s float64) [3][]float64 {
	var out [3][]float64
	for i := range c.w0 {
		out[0] = append(out[0], leak(c.w0[i]*s+c.b0[i], .1))
	}
	for i, w := range c.w1 {
		out[1] = append(out[1], leak(w*out[0][i%len(c.w0)], .1))
	}
	for i, w := range c.w2 {
		out[2] = append(out[2], leak(w*out[1][i%len(c.w1)], .1))
	}
	return out
}

func TestClassifierFeaturesAreMeansAndDeviationsOfTheLayers(t *testing.T) {
	be := graphtest.GoBackend(t)
	c, flat := newCentred(rand.New(rand.NewPCG(1, 1)))
	const s = 8
	// One image of one colour; one with its upper half in another colour, which every layer sees half and half.
	first, second := [3]float32{.2, -.5, .9}, [3]float32{-.7, .1, .3}
	var x []float32
	for image := range 2 {
		for y := range s {
			for range s {
				colour := first
				if image == 1 && y < s/2 {
					colour = second
				}
				x = append(x, colour[:]...)
			}
		}
	}
	out := graphtest.Program(t, be, func(in []*Node) []*Node {
		p := Classifier{}.Table().Bind(in[0], layer.Lowering{})
		layers := Classifier{}.Layers(p, in[1])
		for i, want := range [][]int{{2, s, s, 16}, {2, s / 2, s / 2, 32}, {2, s / 4, s / 4, 64}} {
			if err := layers[i].Shape().Check(layers[i].DType(), want...); err != nil {
				t.Errorf("layer %d: %v", i, err)
			}
		}
		features := Classifier{}.Features(layers)
		if err := features.Shape().Check(features.DType(), 2, Classifier{}.FeatureSize()); err != nil {
			t.Errorf("features: %v", err)
		}
		return []*Node{features}
	})(flat, tensors.FromFlatDataAndDimensions(x, 2, s, s, 3))[0]
	sum := func(c [3]float32) float64 { return float64(c[0]) + float64(c[1]) + float64(c[2]) }
	a, b := c.layers(sum(first)), c.layers(sum(second))
	var want []float32
	for image := range 2 {
		for l := range a {
			var means, deviations []float32
			for i := range a[l] {
				other := a[l][i]
				if image == 1 {
					other = b[l][i]
				}
				means = append(means, float32((a[l][i]+other)/2))
				deviations = append(deviations, float32(math.Sqrt((a[l][i]-other)*(a[l][i]-other)/4+1e-8)))
			}
			want = append(append(want, means...), deviations...)
		}
	}
	graphtest.Near(t, "features", out, want, 1e-4)
}

func TestClassifierLogitIsLinearInTheMeanOfTheLastLayer(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(2, 1))
	c, flat := newCentred(rng)
	table := Classifier{}.Table()
	want := .25
	last := c.layers(-.6)[2]
	for i, v := range last {
		w := rng.NormFloat64()
		place(table, flat, "logit.weight", float32(w), i, 0)
		want += w * v
	}
	place(table, flat, "logit.bias", .25, 0)
	x := make([]float32, 3*4*4*3)
	for i := range x {
		x[i] = -.2
	}
	got := graphtest.Program(t, be, func(in []*Node) []*Node {
		p := table.Bind(in[0], layer.Lowering{})
		return []*Node{Classifier{}.Logit(p, Classifier{}.Layers(p, in[1]))}
	})(flat, tensors.FromFlatDataAndDimensions(x, 3, 4, 4, 3))[0]
	graphtest.Near(t, "logits", got, []float32{float32(want), float32(want), float32(want)}, 1e-4)
}

// −log σ(z) for a target, −log(1 − σ(z)) for a source, finite also where σ is 0 or 1 in float32.
func TestClassifierLossIsTheCrossEntropy(t *testing.T) {
	be := graphtest.GoBackend(t)
	logits := []float32{0, 2, -2, .5, 200, -200, 200}
	labels := []float32{1, 1, 1, 0, 1, 0, 0}
	var mean float64
	slope := make([]float32, len(logits))
	n := float64(len(logits))
	for i, z := range logits {
		sign := 1 - 2*float64(labels[i])
		u := sign * float64(z) // log(1 + e^u)
		mean += (max(u, 0) + math.Log1p(math.Exp(-math.Abs(u)))) / n
		slope[i] = float32((1/(1+math.Exp(-float64(z))) - float64(labels[i])) / n)
	}
	got := graphtest.Program(t, be, func(in []*Node) []*Node {
		loss := Classifier{}.Loss(in[0], in[1])
		return []*Node{loss, Gradient(loss, in[0])[0]}
	})(logits, labels)
	graphtest.Near(t, "loss", got[0], []float32{float32(mean)}, 1e-5)
	for i := 1; i < len(slope); i++ { // at exactly 0 the loss is written with |z|, whose slope there is a matter of taste
		if d := math.Abs(float64(got[1][i] - slope[i])); d > 1e-6 {
			t.Errorf("slope at %g is %g, want %g", logits[i], got[1][i], slope[i])
		}
	}
}

// largest is the largest singular value of m [rows, cols], to double precision.
func largest(m []float64, rows, cols int) float64 {
	u := make([]float64, cols)
	for i := range u {
		u[i] = 1 + float64(i%3)
	}
	sigma := 0.0
	for range 20000 {
		v, next := make([]float64, rows), make([]float64, cols)
		for r := range rows {
			for c := range cols {
				v[r] += m[r*cols+c] * u[c]
			}
		}
		for r := range rows {
			for c := range cols {
				next[c] += m[r*cols+c] * v[r]
			}
		}
		norm := 0.0
		for _, x := range next {
			norm += x * x
		}
		norm = math.Sqrt(norm)
		before := sigma
		sigma = math.Sqrt(norm)
		for c := range next {
			u[c] = next[c] / norm
		}
		if math.Abs(sigma-before) < 1e-12*sigma {
			break
		}
	}
	return sigma
}

func TestSpectralNormalisationMakesTheLargestSingularValueOne(t *testing.T) {
	be := graphtest.GoBackend(t)
	c := Patch{Width: 8}
	table := c.Table()
	flat := table.Init(3)
	state := c.Singular(4)
	at := 0
	for _, k := range c.convs() {
		norm := 0.0
		for _, x := range state[at : at+k.co] {
			norm += float64(x) * float64(x)
		}
		if math.Abs(norm-1) > 1e-6 {
			t.Errorf("%s: the first state has length %g", k.name, math.Sqrt(norm))
		}
		at += k.co
	}
	if at != len(state) {
		t.Fatalf("the state has %d values, want %d", len(state), at)
	}
	run := graphtest.Program(t, be, func(in []*Node) []*Node {
		weights, next := c.Weights(table.Bind(in[0], layer.Lowering{}), in[1])
		return append(weights, next)
	})
	var out [][]float32
	for range 200 {
		out = run(flat, state)
		state = out[len(out)-1]
	}
	for i, k := range c.convs() {
		rows := k.k * k.k * k.ci
		m := make([]float64, rows*k.co)
		for j, x := range out[i] {
			m[j] = float64(x)
		}
		if s := largest(m, rows, k.co); math.Abs(s-1) > .01 {
			t.Errorf("%s: after 200 power iterations the largest singular value is %.4f, want 1", k.name, s)
		}
	}
}

// With the vectors u and v of the estimate held fixed, σ = vᵀWu and d⟨C, W/σ⟩/dW = C/σ − ⟨C, W⟩/σ²·v·uᵀ.
func TestTheGradientGoesThroughTheSingularValueButNotItsVectors(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(5, 1))
	c := Patch{Width: 8}
	table := c.Table()
	flat, state := table.Init(5), c.Singular(6)
	k := c.convs()[0]
	rows := k.k * k.k * k.ci
	weight := flat[:rows*k.co]
	toward := make([]float32, len(weight))
	for i := range toward {
		toward[i] = float32(rng.NormFloat64())
	}
	got := graphtest.Program(t, be, func(in []*Node) []*Node {
		p := table.Bind(in[0], layer.Lowering{})
		weights, _ := c.Weights(p, in[1])
		return []*Node{p.Gradient(ReduceAllSum(Mul(Reshape(weights[0], len(weight)), in[2])))}
	})(flat, state, toward)[0][:len(weight)]

	normalise := func(x []float64) []float64 {
		sum := 0.0
		for _, v := range x {
			sum += v * v
		}
		for i := range x {
			x[i] /= math.Sqrt(sum)
		}
		return x
	}
	v, u := make([]float64, rows), make([]float64, k.co)
	for r := range rows {
		for o := range k.co {
			v[r] += float64(weight[r*k.co+o]) * float64(state[o])
		}
	}
	normalise(v)
	for r := range rows {
		for o := range k.co {
			u[o] += float64(weight[r*k.co+o]) * v[r]
		}
	}
	normalise(u)
	var sigma, product float64
	for r := range rows {
		for o := range k.co {
			i := r*k.co + o
			sigma += v[r] * float64(weight[i]) * u[o]
			product += float64(toward[i]) * float64(weight[i])
		}
	}
	want := make([]float32, len(weight))
	for r := range rows {
		for o := range k.co {
			i := r*k.co + o
			want[i] = float32(float64(toward[i])/sigma - product/(sigma*sigma)*v[r]*u[o])
		}
	}
	graphtest.Near(t, "gradient", got, want, 1e-4)
}

// A critic of middle taps sees a constant image as a chain of numbers; its verdict is one for each 2×2 block of pixels.
func TestJudgeIsAChainOfConvolutions(t *testing.T) {
	be := graphtest.GoBackend(t)
	c := Patch{Width: 8}
	table := c.Table()
	flat := make([]float32, table.Size())
	for _, k := range c.convs() {
		place(table, flat, k.name+".weight", 2, 1, 1, 0, 0)
		place(table, flat, k.name+".bias", .5, 0)
	}
	const s = 6
	x := make([]float32, 2*s*s*3)
	for i := range x {
		x[i] = .3
		if i >= s*s*3 {
			x[i] = -.9
		}
	}
	got := graphtest.Program(t, be, func(in []*Node) []*Node {
		p := table.Bind(in[0], layer.Lowering{})
		var weights []*Node
		for _, k := range c.convs() {
			weights = append(weights, p.Get(k.name+".weight"))
		}
		y := c.Judge(p, weights, in[1])
		if err := y.Shape().Check(y.DType(), 2, s/2, s/2, 1); err != nil {
			t.Error(err)
		}
		return []*Node{y}
	})(flat, tensors.FromFlatDataAndDimensions(x, 2, s, s, 3))[0]
	var want []float32
	for _, v := range []float64{.3, -.9} {
		for i := range c.convs() {
			v = 2*v + .5
			if i < 3 {
				v = leak(v, .2)
			}
		}
		for range s * s / 4 {
			want = append(want, float32(v))
		}
	}
	graphtest.Near(t, "verdicts", got, want, 1e-5)
}

func TestStartsAreReproducible(t *testing.T) {
	a, b, other := Patch{Width: 8}.Singular(1), Patch{Width: 8}.Singular(1), Patch{Width: 8}.Singular(2)
	graphtest.Near(t, "the same seed", a, b, 0)
	if other[0] == a[0] {
		t.Error("another seed gave the same first state")
	}
}

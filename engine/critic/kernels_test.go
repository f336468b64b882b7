package critic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/internal/graphtest"
	"github.com/straightway-app/straightway/engine/layer"
)

func needKernels(t *testing.T) {
	t.Helper()
	if !direct.Available() {
		t.Skip("this build or this processor has no kernels")
	}
}

// near compares by the size of the whole vector.
func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	var off, all float64
	for i, w := range want {
		off += float64(got[i]-w) * float64(got[i]-w)
		all += float64(w) * float64(w)
	}
	if len(got) != len(want) || all == 0 || !(math.Sqrt(off/all) < tolerance) {
		t.Errorf("%s: %d values, off by %.2g of their size, want %d", what, len(got), math.Sqrt(off/all), len(want))
	}
}

// The classifier's kernels compute what its graph does: features, verdicts, the feature loss, the cross-entropy, and the
// gradients of both.
func TestClassifierKernelsAgreeWithTheGraph(t *testing.T) {
	needKernels(t)
	for _, c := range []Classifier{{}, {Deeper: 2}} {
		t.Run(fmt.Sprintf("%d deeper", c.Deeper), func(t *testing.T) { classifierAgrees(t, c) })
	}
}

func classifierAgrees(t *testing.T, c Classifier) {
	be, rng := graphtest.GoBackend(t), rand.New(rand.NewPCG(4, 1))
	const n, side = 6, 16
	flat, x, r := c.Table().Init(4), graphtest.Normal(rng, n*side*side*3), graphtest.Normal(rng, n*side*side*3)
	labels := []float32{0, 1, 1, 0, 1, 0}
	image := func(v []float32) *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(slices.Clone(v), n, side, side, 3)
	}
	want := graphtest.Call(t, be, func(in []*Node) []*Node {
		p := c.Table().Bind(in[0], layer.Lowering{})
		layers := c.Layers(p, in[1])
		logit := c.Logit(p, layers)
		loss := c.Loss(logit, in[3])
		f := flow.FeatureLoss(func(x *Node) []*Node { return c.Layers(p, x) }, in[1], in[2])
		return []*Node{c.Features(layers), logit, Reshape(loss, 1), p.Gradient(loss), Reshape(f, 1), Gradient(f, in[2])[0]}
	}, flat, image(x), image(r), labels)
	k := c.NewKernels()
	k.Set(flat)
	features, logits := k.Look(x, n, side)
	near(t, "features", slices.Concat(features...), want[0], 1e-4)
	near(t, "verdicts", logits, want[1], 1e-4)
	loss, gradient := k.Gradient(x, labels, n, side)
	near(t, "cross-entropy", []float32{float32(loss)}, want[2], 1e-5)
	near(t, "its gradient", gradient, want[3], 1e-4)
	loss, gradient = k.FeatureLoss(x, r, n, side, flow.FeatureProbe)
	near(t, "feature loss", []float32{float32(loss)}, want[4], 1e-3)
	near(t, "its gradient", gradient, want[5], 1e-2) // a difference of nearly equal numbers, by two ways of rounding
}

// So do the critic's, for one domain and for two: verdict, hinge loss, power iteration and gradients.
func TestCriticKernelsAgreeWithTheGraph(t *testing.T) {
	needKernels(t)
	for _, c := range []Patch{{Width: 16}, {Width: 8, Ways: true}} {
		be, rng := graphtest.GoBackend(t), rand.New(rand.NewPCG(4, 2))
		const n, side = 3, 8
		channels := c.convs()[0].ci
		flat, singular := c.Table().Init(5), c.Singular(6)
		x, y := graphtest.Normal(rng, n*side*side*channels), graphtest.Normal(rng, n*side*side*channels)
		image := func(v []float32) *tensors.Tensor {
			return tensors.FromFlatDataAndDimensions(slices.Clone(v), n, side, side, channels)
		}
		want := graphtest.Call(t, be, func(in []*Node) []*Node {
			p := c.Table().Bind(in[0], layer.Lowering{})
			weights, next := c.Weights(p, in[1])
			mean := func(s *Node) *Node { return ReduceAllMean(s) }
			verdict := mean(c.Judge(p, weights, in[2]))
			hinge := Add(mean(MaxScalar(OneMinus(c.Judge(p, weights, in[2])), 0.0)), mean(MaxScalar(OnePlus(c.Judge(p, weights, in[3])), 0.0)))
			return []*Node{next, Reshape(verdict, 1), Gradient(verdict, in[2])[0], Reshape(hinge, 1), p.Gradient(hinge)}
		}, flat, singular, image(x), image(y))
		k := c.NewKernels()
		near(t, "next state of the power iteration", k.Set(flat, singular), want[0], 1e-4)
		verdict, gradient := k.Verdict(x, n, side)
		near(t, "verdict", []float32{float32(verdict)}, want[1], 1e-3)
		near(t, "its gradient", gradient, want[2], 1e-4)
		loss, gradient := k.Hinge(slices.Concat(x, y), n, side)
		near(t, "hinge loss", []float32{float32(loss)}, want[3], 1e-4)
		near(t, "its gradient", gradient, want[4], 1e-4)
	}
}

// The energy is the squared deviations, averaged over channels and images, summed over the layers.
func TestEnergyAddsUpTheLayers(t *testing.T) {
	features := make([][]float32, 2)
	for i := range features {
		features[i] = make([]float32, Classifier{}.FeatureSize())
		at := 0
		for layer, width := range []int{classifierWidth, 2 * classifierWidth, 4 * classifierWidth} {
			for k := range width {
				features[i][at+k] = 9 // a mean has no part in it
				features[i][at+width+k] = float32(layer + 1 + i)
			}
			at += 2 * width
		}
	}
	if got, want := (Classifier{}).Energy(features), (1.+4+9+4+9+16)/2; math.Abs(got-want) > 1e-9 {
		t.Errorf("energy %g, want %g", got, want)
	}
}

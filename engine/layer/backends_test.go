package layer_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/layer"
)

// The best backend of this machine and pure Go compute the same values and gradients by their different lowerings, for
// every convolution in use and for what surrounds it. (A gradient that is wrong on one backend only shows as a network
// that learns badly there; this is the test that finds it.)
func TestBackendsAgreeOnValuesAndGradients(t *testing.T) {
	best, _, err := backend.Open(backend.Auto)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(best.Close)
	pure, _, err := backend.Open(string(backend.Go))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pure.Close)
	const n, side, c = 2, 8, 16
	table := layer.Table{}.Norm("norm", c).Conv("three", 3, c, c, layer.Uniform).Conv("repeated", 3, c, c, layer.Uniform).Conv("down3", 3, c, c, layer.Uniform).
		Conv("down4", 4, c, c, layer.Uniform).Conv("two", 2, c, c, layer.Uniform).Conv("one", 1, c, c, layer.Uniform).Dense("dense", c, 4, layer.Uniform)
	rng := rand.New(rand.NewPCG(8, 9))
	x := make([]float32, n*side*side*c)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	run := func(be *backend.Backend) [][]float32 {
		exec, err := NewExec(be.Compute, func(in []*Node) []*Node {
			p := table.Bind(in[0], layer.Lowering{NativeConv: be.NativeConv(), ProductGradient: be.ProductGradient()})
			a, b := p.GroupNormAffine("norm", in[1], nil, nil, nil)
			h := p.Conv("three", layer.AffineSiLU(in[1], a, b), 1)
			h = layer.SiLU(p.Conv3("repeated", h, true))
			h = Add(p.Conv("down3", h, 2), p.Conv("down4", h, 2))
			h = layer.Up(p.Conv("one", layer.SiLU(p.Conv("two", h, 1)), 1))
			y := p.Dense("dense", layer.Down(Add(h, in[1])))
			loss := ReduceAllSum(Mul(y, Sin(y)))
			return []*Node{y, Gradient(loss, in[1])[0], p.Gradient(loss)}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		out, err := exec.Call(table.Init(3), tensors.FromFlatDataAndDimensions(x, n, side, side, c))
		if err != nil {
			t.Fatal(err)
		}
		var flat [][]float32
		for _, o := range out {
			flat = append(flat, tensors.MustCopyFlatData[float32](o))
		}
		return flat
	}
	got, want := run(best), run(pure)
	for i, what := range []string{"values", "gradient by the images", "gradient by the parameters"} {
		var off, all float64
		for k := range want[i] {
			d := float64(got[i][k] - want[i][k])
			off += d * d
			all += float64(want[i][k]) * float64(want[i][k])
		}
		if r := math.Sqrt(off / all); !(r < 1e-4) || all == 0 {
			t.Errorf("%s of %s and pure Go differ by %.2g of their size", what, best.Label, r)
		}
	}
}

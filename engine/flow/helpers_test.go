package flow

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

func goBackend(t testing.TB) compute.Backend {
	t.Helper()
	be, err := gobackend.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(be.Finalize)
	return be
}

func call(t testing.TB, be compute.Backend, f func(in []*Node) []*Node, args ...any) [][]float32 {
	t.Helper()
	exec, err := NewExec(be, f)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	var flat [][]float32
	for _, o := range out {
		flat = append(flat, tensors.MustCopyFlatData[float32](o))
	}
	return flat
}

func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= tolerance*(1+math.Abs(float64(want[i])))) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

func normal(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// batch is b images of s×s×3 values as a tensor.
func batch(x []float32, b, s int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(x, b, s, s, 3)
}

// album is a set of images in memory.
type album struct {
	size int
	list [][]byte
}

func (a album) Len() int           { return len(a.list) }
func (a album) Size() int          { return a.size }
func (a album) Image(i int) []byte { return a.list[i] }

// drawn makes an image pixel by pixel.
func drawn(size int, f func(y, x int) [3]float64) []byte {
	out := make([]byte, 0, size*size*3)
	for y := range size {
		for x := range size {
			for _, v := range f(y, x) {
				out = append(out, byte(math.Round(max(0, min(255, v)))))
			}
		}
	}
	return out
}

func noise(rng *rand.Rand, size int) []byte {
	return drawn(size, func(int, int) [3]float64 {
		return [3]float64{255 * rng.Float64(), 255 * rng.Float64(), 255 * rng.Float64()}
	})
}

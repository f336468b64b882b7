package critic

import (
	"math/rand/v2"
	"testing"

	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/internal/graphtest"
)

// BenchmarkClassifierStep is what a step of teaching a classifier computes.
func BenchmarkClassifierStep(b *testing.B) {
	if !direct.Available() {
		b.Skip("this build or this processor has no kernels")
	}
	const n, side = 64, 32
	rng := rand.New(rand.NewPCG(1, 1))
	flat, x := Classifier{}.Table().Init(1), graphtest.Normal(rng, n*side*side*3)
	labels := make([]float32, n)
	k := Classifier{}.NewKernels()
	for b.Loop() {
		k.Set(flat)
		k.Gradient(x, labels, n, side)
	}
}

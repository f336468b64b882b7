package model

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/straightway-app/straightway/engine/flow"
)

// Translator carries batches of images along one path; it is what package translate runs. It is safe for use by
// several goroutines.
type Translator struct {
	*Model
	path   flow.Path
	solver flow.Solver
	ran    *ran
}

// ran counts what a translator did.
type ran struct{ images, evaluations atomic.Int64 }

// NewTranslator goes the way that u asks for with a model; u's round and batch were decided when the model was made.
func NewTranslator(m *Model, u Use) Translator {
	return Translator{Model: m, path: u.path(), solver: u.Solver, ran: &ran{}}
}

// Size is the side of the images in pixels.
func (t Translator) Size() int { return t.Net.Size }

// Batch is the number of images that run together. The kernels lose nothing by half as many, and package translate has
// them at two batches at a time.
func (t Translator) Batch() int {
	if t.kernels != nil {
		return max(1, t.Sampler.Batch/2)
	}
	return t.Sampler.Batch
}

// Run translates n images; x holds n×S×S×3 values in [-1,1], noise too. The result is not clipped.
func (t Translator) Run(ctx context.Context, x []float32, n int) ([]float32, error) {
	if want := n * t.Net.Size * t.Net.Size * 3; len(x) != want {
		return nil, fmt.Errorf("translating %d images: %d values were given, %d are needed", n, len(x), want)
	}
	z, evaluations, err := t.solver.Solve(ctx, t.Velocity, x, t.path)
	if err == nil {
		t.ran.images.Add(int64(n))
		t.ran.evaluations.Add(int64(n) * int64(evaluations))
	}
	return z, err
}

// Evaluations is the number of network evaluations so far, summed over the images.
func (t Translator) Evaluations() int { return int(t.ran.evaluations.Load()) }

// NFE is the mean number of network evaluations that an image took so far; 0 before the first. An adaptive solver
// takes as many as its batch needs.
func (t Translator) NFE() float64 {
	return float64(t.ran.evaluations.Load()) / float64(max(1, t.ran.images.Load()))
}

package model

import (
	"context"
	"fmt"

	"github.com/straightway-app/straightway/engine/flow"
)

// Translator carries batches of images along one path; it is what package translate runs.
type Translator struct {
	*Model
	Path flow.Path
}

// Size is the side of the images in pixels.
func (t Translator) Size() int { return t.Net.Size }

// Batch is the number of images that run together.
func (t Translator) Batch() int { return t.Sampler.Batch }

// Run translates n images; x holds n×S×S×3 values in [-1,1].
func (t Translator) Run(ctx context.Context, x []float32, n int) ([]float32, error) {
	if want := n * t.Net.Size * t.Net.Size * 3; len(x) != want {
		return nil, fmt.Errorf("translating %d images: %d values were given, %d are needed", n, len(x), want)
	}
	return t.Flow(ctx, x, t.Path)
}

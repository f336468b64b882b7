package train

import (
	"context"
	"testing"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// BenchmarkFlowStep is a step of round 1 as the quick preset makes it, feature loss and all, on each backend.
func BenchmarkFlowStep(b *testing.B) {
	for _, kind := range []backend.Kind{backend.Go, backend.CPU} {
		b.Run(string(kind), func(b *testing.B) {
			be, _, err := backend.Open(string(kind))
			if err != nil {
				b.Skip(err)
			}
			defer be.Close()
			r, err := NewRecipe(project.Default())
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			if _, _, err := benchTraining(context.Background(), be, 1, r.Net, model.Lowering(be, project.PrecisionAuto), r.Batch, b.N, true); err != nil {
				b.Fatal(err)
			}
		})
	}
}

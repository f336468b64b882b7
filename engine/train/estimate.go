package train

import (
	"context"
	"time"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// MeasureSpeed makes a few training steps of the settings' recipe on noise and returns the images a second, and how
// long the program took to compile. Nothing is read or written.
func MeasureSpeed(ctx context.Context, be *backend.Backend, s project.Settings) (perSecond float64, compile time.Duration, err error) {
	r, err := NewRecipe(s)
	if err != nil {
		return 0, 0, err
	}
	return benchTraining(ctx, be, 1, r.Net, model.Lowering(be, s.Precision), r.Batch, 4, r.FeatureWeight > 0)
}

// Estimate is how long training by the settings takes at a speed in images a second of round 1. What is done beside
// the steps (the domains' classifiers, the coupling, compiling, the pairs, measuring) took a quarter of the time of
// the steps on two cores at the quick preset, and is counted so. The pairs of a generator are counted by themselves:
// an evaluation is a quarter of a step there.
func Estimate(s project.Settings, perSecond float64) (time.Duration, error) {
	if s.Minutes > 0 {
		return time.Duration(s.Minutes * float64(time.Minute)), nil
	}
	r, err := NewRecipe(s)
	if err != nil {
		return 0, err
	}
	seconds, err := r.seconds(s.Plan(), perSecond)
	if s.FromNoise() && s.Rounds > 1 {
		seconds += float64((s.Rounds-1)*r.NoisePairs*r.PairSteps) / (4 * perSecond)
	}
	return time.Duration(1.25 * seconds * float64(time.Second)), err
}

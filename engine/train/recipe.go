package train

import (
	"fmt"

	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/unet"
)

// Stage is how one round is trained.
type Stage struct {
	Steps   int     // updates
	Rate    float64 // largest learning rate
	WarmUp  int     // updates over which the rate rises to it
	Average float64 // decay of the EMA once it has settled
}

// Recipe is everything that a preset decides. The constants come from the experiments on colour → line art and on
// people emoji at 32 and 64 px.
type Recipe struct {
	Net   unet.Config
	Batch int
	// FirstBatch is the number of images in the first steps of round 1, while the rate is small. A large network is seen to
	// learn sooner for it; the gradient's noise does little harm there (Smith et al. 2018, arXiv 1711.00489).
	FirstBatch int

	Flow, Reflow, Distil, Refine Stage

	FeatureWeight float64 // of the feature loss in round 1
	BridgeNoise   float64 // of round 1
	PairSteps     int     // Euler steps that make the pairs of a reflow round
	NoisePairs    int     // number of those pairs where the source is noise
	ManySteps     int     // the N of "1, 4 and N steps"
	ClassifySteps int     // updates of each domain classifier
	Shift         int     // augmentation: shifts up to so many pixels, the same for both images of a pair

	CriticRate   float64 // learning rate of the refine critic
	CriticWidth  int     // channels of its first layer
	CriticWeight float64 // of its verdict in refine's loss
	TeacherLoss  float64 // weight of the squared distance to the reflow teacher in refine's loss
}

// NewRecipe is the recipe of a project's settings.
func NewRecipe(s project.Settings) (Recipe, error) {
	r := Recipe{
		Net:           unet.Config{Size: s.Size, Base: 16, Mult: []int{1, 2, 4}, Blocks: 1, Mix: true, Repeat: s.Border != project.BorderZeros && !s.FromNoise()},
		Batch:         32,
		Flow:          Stage{Steps: 400, Rate: 2e-3, WarmUp: 50, Average: .99},
		Reflow:        Stage{Steps: 200, Rate: 8e-4, WarmUp: 50, Average: .99},
		Distil:        Stage{Steps: 120, Rate: 8e-4, WarmUp: 50, Average: .99},
		Refine:        Stage{Steps: 400, Rate: 4e-4, WarmUp: 30, Average: .99},
		FeatureWeight: 0.1,
		BridgeNoise:   s.BridgeNoise,
		PairSteps:     6,
		NoisePairs:    4096,
		ManySteps:     8,
		ClassifySteps: 200,
		Shift:         max(1, s.Size/16),
		CriticRate:    8e-4,
		CriticWidth:   32,
		CriticWeight:  .05,
		TeacherLoss:   .5,
	}
	if s.Size >= 64 {
		r.Batch = 16
		r.Refine.Steps = 450
	}
	if s.Size >= 128 {
		r.Net.Mult = []int{1, 2, 4, 4}
	}
	if s.Size >= 256 {
		r.Net.Mult = []int{1, 2, 4, 4, 4}
		r.Batch = 8
	}
	switch s.Preset {
	case project.PresetQuick:
		if s.Size < 64 {
			r.Refine.Steps = 1000
		}
	case project.PresetBalanced:
		r.Net.Base = 32
		r.Net.Attention = []int{s.Size / 4}
		if s.Size > 64 {
			r.Net.Attention = []int{16}
		}
		r.scale(4, .995)
	case project.PresetQuality:
		r.Net.Base, r.Net.Blocks = 64, 2
		r.Net.Attention = []int{8, 16}
		r.Batch *= 2
		r.scale(16, .999)
		r.Flow.Rate, r.Reflow.Rate, r.Distil.Rate = 6e-4, 3e-4, 3e-4
		r.Refine.Rate, r.CriticRate = 2e-4, 4e-4
		r.CriticWidth = 64
	default:
		return Recipe{}, fmt.Errorf("preset %s is unknown to this version", s.Preset)
	}
	if s.FromNoise() { // a longer way: all of the image has to be learnt, and no image helps to place it
		r.Flow.Steps, r.Reflow.Steps, r.Distil.Steps = r.Flow.Steps*5/2, r.Reflow.Steps*3, r.Distil.Steps*5/2
		r.PairSteps, r.ManySteps = 16, 16
		r.Shift, r.FeatureWeight, r.BridgeNoise = 0, 0, 0
		if s.Batch == 0 { // as many images in more steps learn more
			const parts = 4
			r.Batch /= parts
			for _, st := range r.stages() {
				st.Steps *= parts
				st.Average = 1 - (1-st.Average)/parts
			}
		}
	}
	if s.Batch > 0 {
		r.Batch = s.Batch
	}
	r.FirstBatch = r.Batch
	if s.Preset == project.PresetQuality && s.Batch == 0 {
		r.FirstBatch = r.Batch / 4
	}
	if s.Loss == project.LossPixel {
		r.FeatureWeight = 0
	}
	if s.Steps > 0 { // round 1 as asked for, the others in the preset's proportion
		f := float64(s.Steps) / float64(r.Flow.Steps)
		for _, st := range r.stages() {
			st.Steps = max(1, int(float64(st.Steps)*f+.5))
		}
		r.NoisePairs = max(4*r.Batch, int(float64(r.NoisePairs)*min(1, f)))
	}
	return r, r.Net.Validate()
}

func (r *Recipe) stages() []*Stage { return []*Stage{&r.Flow, &r.Reflow, &r.Distil, &r.Refine} }

func (r *Recipe) scale(f int, average float64) {
	r.NoisePairs *= f
	for _, st := range r.stages() {
		st.Steps *= f
		st.Average = average
	}
}

// Stage is the stage of a kind of round.
func (r Recipe) Stage(k project.RoundKind) Stage { return *r.stage(k) }

func (r *Recipe) stage(k project.RoundKind) *Stage {
	switch k {
	case project.KindReflow:
		return &r.Reflow
	case project.KindDistil:
		return &r.Distil
	case project.KindRefine:
		return &r.Refine
	}
	return &r.Flow
}

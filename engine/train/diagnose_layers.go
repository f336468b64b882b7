package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/critic"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// Layer is one part of the network's parameters.
type Layer struct {
	Name     string
	Values   int
	Weight   float64 // norm of the averaged weights
	Gradient float64 // norm of the loss's gradient there, on one batch of pairs that the round learnt from
	// Apart is ‖weights as trained − averaged weights‖ / ‖averaged weights‖; NaN where the former are not kept.
	Apart float64
}

// layers fills in norms by layer. The loss is the round's regression at times that are spread evenly over those that
// it was trained at: for round 1 with its feature loss, for a refine finish without its critic, which is not kept.
func (d *diagnoser) layers(ctx context.Context, weights *tensors.Tensor, flat, raw []float32, g *Diagnosis, s samples) error {
	gradient, err := d.gradient(ctx, weights, len(flat), g, s)
	if err != nil {
		return err
	}
	at := 0
	for _, p := range d.recipe.Net.Table() {
		n := p.Size()
		l := Layer{Name: p.Name, Values: n, Weight: norm(flat[at : at+n]), Gradient: norm(gradient[at : at+n]), Apart: math.NaN()}
		if raw != nil {
			l.Apart = apart(raw[at:at+n], flat[at:at+n])
		}
		g.Layers = append(g.Layers, l)
		at += n
	}
	return nil
}

func norm(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// apart is ‖a − b‖ / ‖b‖.
func apart(a, b []float32) float64 {
	difference := make([]float32, len(a))
	for i := range a {
		difference[i] = a[i] - b[i]
	}
	return norm(difference) / norm(b)
}

// gradient is that of one batch, divided where the device has too little memory for it at once.
func (d *diagnoser) gradient(ctx context.Context, weights *tensors.Tensor, size int, g *Diagnosis, s samples) (_ []float32, err error) {
	if d.flowProgram == nil {
		judge := make([]float32, critic.Classifier{}.Table().Size())
		if d.recipe.FeatureWeight > 0 {
			if err := d.learnFeatures(ctx); err != nil {
				return nil, err
			}
			copy(judge, d.lossJudge)
		}
		if d.flowProgram, err = newFlowProgram(d.Backend, nil, d.recipe.Net, d.how, d.recipe.FeatureWeight > 0); err != nil {
			return nil, err
		}
		d.judge = vector(judge)
	}
	n := min(d.recipe.Batch, s.n)
	t := make([]float32, n)
	for i := range t {
		t[i] = (float32(i) + .5) / float32(n)
		if !g.Kind.EveryTime() {
			t[i] = float32(i%g.FewSteps) / float32(g.FewSteps)
		}
	}
	for part := n; ; part = (part + 1) / 2 {
		gradient, err := d.gradientInParts(weights, size, g, s, t, part)
		if !backend.IsOutOfMemory(err) || part == 1 {
			return gradient, err
		}
	}
}

func (d *diagnoser) gradientInParts(weights *tensors.Tensor, size int, g *Diagnosis, s samples, t []float32, part int) ([]float32, error) {
	knobs := flowKnobs{}
	if g.Kind == project.KindFlow {
		knobs.feature = d.recipe.FeatureWeight * d.featureScale
	}
	sum := sums{value: vector(make([]float32, size))}
	defer sum.free()
	for lo := 0; lo < len(t); lo += part {
		hi := min(len(t), lo+part)
		knobs.share = float64(hi-lo) / float64(len(t))
		grad, stats, err := d.flowProgram.at(weights, sum.value, s, lo, t[lo:hi], d.settings.Size, d.judge, knobs)
		if err != nil {
			return nil, err
		}
		sum.take(grad)
		sum.stats(stats)
	}
	return tensors.CopyFlatData[float32](sum.value)
}

// at computes the gradient on pairs that are given as images in [-1,1] rather than on a shelf, from the first-th on, as
// many as there are times.
func (f *flowProgram) at(w, sum *tensors.Tensor, s samples, first int, t []float32, size int, judge *tensors.Tensor, k flowKnobs) (grad, stats *tensors.Tensor, err error) {
	n := len(t)
	batch := func(x []float32) *tensors.Tensor {
		pixels := size * size * 3
		return tensors.FromFlatDataAndDimensions(append([]float32(nil), x[first*pixels:(first+n)*pixels]...), n, size, size, 3)
	}
	x0, x1 := batch(s.x0), batch(s.x1)
	defer x0.MustFinalizeAll()
	defer x1.MustFinalizeAll()
	index := [][]int32{make([]int32, n), make([]int32, n)}
	moves := make([][][]int32, 3)
	for i := range moves {
		for range n {
			moves[i] = append(moves[i], make([]int32, 3))
		}
	}
	return f.run(w, sum, judge, k, t, x0, x1, index, moves, t, []uint64{1, 2, 3})
}

// Average compares a round's averaged weights (EMA), which are its result, with the weights as trained.
type Average struct {
	Apart float64 // ‖weights as trained − averaged weights‖ / ‖averaged weights‖
	// Averaged and Raw are the distance of the quick outputs of either from held-out targets: kernel inception distance,
	// as in the round's report.
	Averaged, Raw measure.Estimate
}

// averages compares the weights as trained with the averaged ones, whose quick outputs are given.
func (d *diagnoser) averages(ctx context.Context, g *Diagnosis, held samples, few, flat, raw []float32) error {
	kid := func(outputs []float32) (measure.Estimate, error) {
		features, _, err := d.look(ctx, outputs)
		if err != nil {
			return measure.Estimate{}, err
		}
		return measure.KID(features, d.targetFeatures, d.settings.Seed)
	}
	averaged, err := kid(few)
	if err != nil {
		return err
	}
	weights := vector(raw)
	defer weights.MustFinalizeAll()
	z, err := d.sampler.With(model.Share(weights)).Flow(ctx, held.x0, flow.Forward(g.FewSteps))
	if err != nil {
		return err
	}
	trained, err := kid(z)
	g.Average = &Average{Apart: apart(raw, flat), Averaged: averaged, Raw: trained}
	return err
}

// rawName is the file of the weights as trained in a finished round's folder. They are for the diagnosis only.
const rawName = "raw.safetensors"

// keepRaw writes a finished round's weights as trained, which its checkpoints take away with them.
func (s *roundState) keepRaw() error {
	dir, err := s.Project.RoundDir(s.name)
	if err != nil {
		return err
	}
	w, err := tensors.CopyFlatData[float32](s.net.w)
	if err != nil {
		return fmt.Errorf("copying the weights as trained: %w", err)
	}
	return project.WriteSafetensors(filepath.Join(dir, rawName), []project.Tensor{project.NewTensor("network.weights", []int{len(w)}, w)}, nil)
}

// rawWeights are a round's weights as trained: those that were kept, or those of a checkpoint that is still there; nil
// where there are neither.
func (d *diagnoser) rawWeights(round string, size int) ([]float32, error) {
	dir, err := d.Project.RoundDir(round)
	if err != nil {
		return nil, err
	}
	if f, err := project.ReadSafetensors(filepath.Join(dir, rawName)); err == nil {
		return floats(f.Tensors, "network.weights", size)
	}
	c, _, err := d.Project.LoadLatest(round)
	if errors.Is(err, project.ErrNoCheckpoint) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return floats(c.Tensors, "network.weights", size)
}

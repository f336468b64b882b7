package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// Diagnosis is what can be told of a finished round beyond its report: where its loss is and which layers its gradient
// reaches, what averaging the weights did, whether it copies, and how far it keeps the guarantees of rectified flow.
// Pairs are of the kind that the round learnt from; everything is a mean over pixel values of images in [-1,1].
type Diagnosis struct {
	Round        string
	Kind         project.RoundKind
	Number       int       // k, of the round's name
	TrainedSteps int64     // updates
	FinishedAt   time.Time // of the training
	Images       int       // held-out pairs, and as many training pairs
	PathSteps    int       // Euler steps of the round's own paths
	FewSteps     int       // Euler steps of its quick outputs: 1, or what a finish was trained for

	Loss    []LossAt
	Layers  []Layer
	Average *Average // nil where the weights as trained are not kept
	Nearest Nearest

	// Identity holds S, V and the fall of the cost. For a finish V is over the times that it knows, and the identity,
	// which is about the velocity at all times, does not hold: the gap is NaN.
	Identity measure.Identity
	// Bound is E‖X1 − X0‖² of round 1's pairs divided by k: some round up to the k-th has S + V of at most that
	// (theorem 3.7 of the paper). NaN for a finish.
	Bound         float64
	Before, After measure.Cost // of the pairs learnt from, and of those that the round's paths make
	// Marginal compares Zt, from held-out sources, with Xt of training pairs at MarginalTimes, but at t = 1 with
	// held-out targets: it holds the errors of all rounds so far.
	Marginal [5]Distances
	Own      Distances // the ends of the paths from the X1 that this round learnt from: the error of this round alone
	Few      Distances // the quick outputs from held-out targets

	Sheet *measure.Sheet // source, quick output, and the training images nearest to it
}

// MarginalTimes are the times at which marginals are compared.
var MarginalTimes = [5]float64{0, .25, .5, .75, 1}

// Distances are the energy distances between two sets of images: of their pixels, and of the features that the
// report's distance looks at.
type Distances struct{ Pixels, Features measure.Energy }

// Diagnose looks at one finished round, or with an empty name at all of them, and tells each as it is done.
func Diagnose(ctx context.Context, o Options, round string, found func(*Diagnosis)) error {
	rounds, err := o.Project.Rounds()
	if err != nil {
		return err
	}
	rounds = slices.DeleteFunc(rounds, func(d project.Round) bool { return !d.Finished || round != "" && d.Name != round })
	if len(rounds) == 0 {
		_, err := o.Project.Finished(round) // says which there are
		return err
	}
	d := &diagnoser{run: newRun(o)}
	defer d.out.close()
	defer d.close()
	if err := d.prepare(ctx); err != nil {
		return err
	}
	for _, round := range rounds {
		diagnosis, err := d.diagnose(ctx, round)
		if err != nil {
			return fmt.Errorf("diagnosing round %s: %w", round.Name, err)
		}
		found(diagnosis)
	}
	return nil
}

// diagnoser is a run that only looks.
type diagnoser struct {
	*run
	coupling       *flow.Coupling // of round 1, where it is a registered one
	first          float64        // E‖X1 − X0‖² of the pairs of round 1
	targetFeatures measure.Matrix // of the held-out targets
	judge          *tensors.Tensor
}

func (d *diagnoser) prepare(ctx context.Context) (err error) {
	if err := d.prepareRecipe(); err != nil {
		return err
	}
	if err := d.open(ctx); err != nil {
		return err
	}
	if d.targetFeatures, _, err = d.look(ctx, d.heldTarget); err != nil {
		return err
	}
	held, err := d.heldOutPairs(ctx, d.settings.Plan()[0])
	if err != nil {
		return err
	}
	cost, err := measure.TransportCost(held.n, held.x0, held.x1)
	d.first = cost.L2Squared.Mean
	return err
}

func (d *diagnoser) close() {
	if d.judge != nil {
		d.judge.MustFinalizeAll()
	}
	d.run.close()
}

// diagnosing begins the phase in which a round is looked into.
const diagnosing = "diagnosing "

// Diagnosing is the round that is looked into in a phase of Diagnose; empty while it gets ready.
func Diagnosing(phase string) string {
	name, found := strings.CutPrefix(phase, diagnosing)
	if !found {
		return ""
	}
	return name
}

// stages is the number of things that are looked at in a round, for the progress.
const stages = 6

func (d *diagnoser) diagnose(ctx context.Context, round project.Round) (*Diagnosis, error) {
	_, net, flat, err := model.Load(d.Project, round.Name)
	if err != nil {
		return nil, err
	}
	if !net.Equal(d.recipe.Net) {
		return nil, errors.New("the round was trained with another network than the settings ask for now: restore project.json.bak")
	}
	at := 0
	next := func() { d.phase(ctx, diagnosing+round.Name, at, stages); at++ }
	next()
	held, err := d.heldOutPairs(ctx, round.Name)
	if err != nil {
		return nil, err
	}
	seen, err := d.trainingPairs(ctx, round.Name, held.n)
	if err != nil {
		return nil, err
	}
	weights := vector(flat)
	defer weights.MustFinalizeAll()
	m := d.sampler.With(model.Share(weights))
	g := &Diagnosis{
		Round: round.Name, Kind: round.Kind, Number: round.Index, TrainedSteps: round.Report.Steps, FinishedAt: round.Report.FinishedAt,
		Images: held.n, PathSteps: 4 * d.recipe.ManySteps, FewSteps: 1,
	}
	if n := d.settings.FinishSteps(round.Kind); n > 0 {
		g.PathSteps, g.FewSteps = n, n
	}
	next()
	crossing, err := d.lossByTime(m, g, held, seen)
	if err != nil {
		return nil, err
	}
	next()
	if err := d.guarantees(ctx, m, g, held, seen, crossing); err != nil {
		return nil, err
	}
	next()
	few, err := m.Flow(ctx, held.x0, flow.Forward(g.FewSteps))
	if err != nil {
		return nil, err
	}
	if g.Few, err = d.distances(ctx, few, d.heldTarget); err != nil {
		return nil, err
	}
	raw, err := d.rawWeights(g.Round, len(flat))
	if err != nil {
		return nil, err
	}
	if raw != nil {
		if err := d.averages(ctx, g, held, few, flat, raw); err != nil {
			return nil, err
		}
	}
	next()
	if err := d.layers(ctx, weights, flat, raw, g, seen); err != nil {
		return nil, err
	}
	next()
	if err := d.nearest(ctx, g, held, few); err != nil {
		return nil, err
	}
	next()
	return g, nil
}

// distances compares two sets of images in [-1,1]. The features are those of the report's distance, brought to one
// scale by those of the second set.
func (d *diagnoser) distances(ctx context.Context, x, y []float32) (Distances, error) {
	var out Distances
	var err error
	if out.Pixels, err = energyPerValue(d.matrix(x), d.matrix(y)); err != nil {
		return out, err
	}
	fx, _, err := d.look(ctx, x)
	if err != nil {
		return out, err
	}
	fy, _, err := d.look(ctx, y)
	if err != nil {
		return out, err
	}
	out.Features, err = energyPerValue(measure.SquashFeatures(fx, fy), measure.SquashFeatures(fy, fy))
	return out, err
}

// matrix holds images as vectors of their pixel values.
func (d *diagnoser) matrix(x []float32) measure.Matrix {
	return measure.Matrix{Rows: len(x) / d.pixels(), Cols: d.pixels(), Data: x}
}

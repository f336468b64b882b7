package train

import (
	"context"
	"errors"
	"fmt"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// PairOptions say what EvaluatePairs compares.
type PairOptions struct {
	Project           *project.Project
	Backend           *backend.Backend
	Use               model.Use // how they are translated; no steps mean 1 of a solver that does not choose its own
	Source, Reference string    // folders; a pair is two files of one name, whatever the extension
	Progress          func(phase string, done, total int)
}

// PairResult is what EvaluatePairs found: means over the pairs.
type PairResult struct {
	Round   string
	Steps   int
	NFE     float64 // network evaluations an image
	Pairs   int
	Missing []string // sources without a reference
	measure.Pair
	Sheet *measure.Sheet
}

// EvaluatePairs translates the source images and compares each, at the model's size, with the reference of its name.
func EvaluatePairs(ctx context.Context, o PairOptions) (*PairResult, error) {
	if !o.Use.Solver.Adaptive() {
		o.Use.Steps = max(1, o.Use.Steps)
	}
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	settings := o.Project.Settings()
	if settings.FromNoise() && !o.Use.Reverse {
		return nil, fmt.Errorf("%s makes images from noise, so no source has a reference: leave out the two folders, and its distances are measured", o.Project.Dir())
	}
	net, round, _, err := model.OpenTranslator(o.Project, o.Backend, o.Use)
	if err != nil {
		return nil, err
	}
	defer net.Close()
	open := func(what, dir string) (*datasets.Set, error) {
		fit, err := datasets.ParseFit(settings.Fit.String())
		if err != nil {
			return nil, err
		}
		set, err := datasets.Open(ctx, dir, "", datasets.Options{
			Size: net.Size(), Fit: fit, Background: settings.Background.NRGBA(), KeepDuplicates: true,
			Progress: func(done, total int, _ string) { o.Progress("reading the "+what+" images", done, total) },
		})
		if err != nil {
			return nil, fmt.Errorf("reading the %s folder: %w", what, err)
		}
		return set, nil
	}
	source, err := open("source", o.Source)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	reference, err := open("reference", o.Reference)
	if err != nil {
		return nil, err
	}
	defer reference.Close()
	byName := map[string]int{}
	for i := range reference.Len() {
		byName[stem(reference.Name(i))] = i
	}
	result := &PairResult{Round: round, Steps: o.Use.Steps}
	var pairs [][2]int
	for i := range source.Len() {
		if j, ok := byName[stem(source.Name(i))]; ok {
			pairs = append(pairs, [2]int{i, j})
		} else {
			result.Missing = append(result.Missing, source.Name(i))
		}
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("no image of %s has a partner of the same name in %s: pairs are told by file name, so name the two files of a pair alike", o.Source, o.Reference)
	}
	size := net.Size()
	var all []measure.Pair
	var shown [3][][]byte
	for at := 0; at < len(pairs); at += net.Batch() {
		o.Progress("translating", at, len(pairs))
		part := pairs[at:min(len(pairs), at+net.Batch())]
		var x []float32
		var real []byte
		for _, p := range part {
			x = model.AppendUnit(x, source.Image(p[0]))
			real = append(real, reference.Image(p[1])...)
		}
		z, err := net.Run(ctx, x, len(part))
		if err != nil {
			return nil, err
		}
		// Compared as anybody would see them: rounded to bytes.
		got, err := measure.FromBytes(len(part), size, size, model.Bytes(z))
		if err != nil {
			return nil, err
		}
		want, err := measure.FromBytes(len(part), size, size, real)
		if err != nil {
			return nil, err
		}
		compared, err := measure.ComparePair(got, want)
		if err != nil {
			return nil, err
		}
		all = append(all, compared...)
		for i, p := range part {
			if len(shown[0]) < 2*sheetRows {
				shown[0] = append(shown[0], source.Image(p[0]))
				shown[1] = append(shown[1], rowsOf(z[i*size*size*3:(i+1)*size*size*3], size, 1)[0])
				shown[2] = append(shown[2], reference.Image(p[1]))
			}
		}
	}
	o.Progress("translating", len(pairs), len(pairs))
	result.Pairs, result.Pair, result.NFE = len(all), measure.MeanPair(all), net.NFE()
	for i := range shown { // the set's memory goes with it
		for k := range shown[i] {
			shown[i][k] = append([]byte(nil), shown[i][k]...)
		}
	}
	result.Sheet = &measure.Sheet{
		Size:    size,
		Columns: []measure.Column{{Title: "source", Images: shown[0]}, {Title: stepsTitle(o.Use.Steps), Images: shown[1]}, {Title: "reference", Images: shown[2]}},
		Caption: fmt.Sprintf("round %s: %d pairs, L1 %.2f", round, result.Pairs, result.L1),
	}
	return result, nil
}

// EvaluateHeldOut measures a finished round anew on the project's held-out images.
func EvaluateHeldOut(ctx context.Context, o Options, round string, how Look) (*project.RoundReport, error) {
	r := newRun(o)
	defer r.out.close()
	defer r.close()
	if err := r.prepareRecipe(); err != nil {
		return nil, err
	}
	found, net, flat, err := model.Load(o.Project, round)
	if err != nil {
		return nil, err
	}
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	if !net.Equal(r.recipe.Net) {
		return nil, errors.New("the round was trained with another network than the settings ask for now: restore project.json.bak")
	}
	weights := vector(flat)
	defer weights.MustFinalizeAll()
	report, _, err := r.measure(ctx, found.Name, found.Kind, r.sampler.With(model.Share(weights)), how)
	report.Round = found.Name
	return &report, err
}

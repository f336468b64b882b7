package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// An experiment asks what the same number of updates is worth in a reflow, in a distillation, or in one after the
// other (Liu, Gong and Liu 2022, arXiv 2209.03003, section 2.1: a reflow improves the coupling, a distillation copies
// it). All arms begin with round 1 of a project, learn the same pairs and are measured on the same held-out images.

// Arm is one way to spend the budget.
type Arm struct {
	Name   string         // of its folder
	Rounds int            // flow and reflow rounds
	Finish project.Finish // none or distil
}

// Arms are the arms of an experiment.
var Arms = []Arm{
	{"reflow", 2, project.FinishNone},
	{"distil", 1, project.FinishDistil},
	{"reflow-distil", 2, project.FinishDistil},
}

// ExperimentOptions say what an experiment is made with.
type ExperimentOptions struct {
	Project *project.Project // with a finished round 1; it is only read
	Backend *backend.Backend
	Dir     string // for the arms' projects; an experiment that was interrupted goes on there
	Updates int    // the budget of each arm; 0 means what the settings give a reflow and a distillation together
	Watch   func(arm string, e Event)

	Source, Reference string // folders of pairs, see PairOptions; empty for none

	hooks hooks // of this package's tests
}

// Outcome is what became of an arm.
type Outcome struct {
	Arm
	Round   string // its last
	Updates int
	Report  project.RoundReport // see run.measure for the measurements
	Pairs   *PairResult         // of one step, where there are pairs
}

// Experiment is the result: the outcome of each arm, before them round 1 itself, and a contact sheet of one step of
// each.
type Experiment struct {
	Updates  int
	Outcomes []Outcome
	Sheet    *measure.Sheet
}

const firstRound = "1-flow"

// RunExperiment trains what is missing of the arms and compares them.
func RunExperiment(ctx context.Context, o ExperimentOptions) (*Experiment, error) {
	first, err := o.Project.Finished(firstRound)
	if err != nil {
		return nil, fmt.Errorf("the experiment begins with round 1: %w", err)
	}
	recipe, err := NewRecipe(o.Project.Settings())
	if err != nil {
		return nil, err
	}
	if o.Updates == 0 {
		o.Updates = recipe.Reflow.Steps + recipe.Distil.Steps
	}
	if o.Updates < 2 {
		return nil, fmt.Errorf("an experiment needs two updates or more, %d were given", o.Updates)
	}
	x := &Experiment{Updates: o.Updates, Outcomes: []Outcome{{Arm: Arm{Name: "flow alone", Rounds: 1}, Round: firstRound, Report: first.Report}}}
	for i, arm := range Arms {
		before := o.Project.Dir()
		if i > 0 {
			before = filepath.Join(o.Dir, Arms[0].Name) // which has the pairs by now
		}
		outcome, err := o.run(ctx, arm, before)
		if err != nil {
			return nil, fmt.Errorf("arm %s of the experiment: %w", arm.Name, err)
		}
		x.Outcomes = append(x.Outcomes, outcome)
	}
	if err := o.pairs(ctx, x); err != nil {
		return nil, err
	}
	x.Sheet, err = o.sheet(ctx, x)
	return x, err
}

// dirOf is the folder of the project that an outcome is of.
func (o ExperimentOptions) dirOf(x Outcome) string {
	if x.Round == firstRound {
		return o.Project.Dir()
	}
	return filepath.Join(o.Dir, x.Name)
}

// pairs measures one step of every outcome on pairs.
func (o ExperimentOptions) pairs(ctx context.Context, x *Experiment) error {
	for i := range x.Outcomes {
		if o.Source == "" {
			return nil
		}
		p, err := project.OpenReadOnly(o.dirOf(x.Outcomes[i]))
		if err != nil {
			return err
		}
		defer p.Close()
		x.Outcomes[i].Pairs, err = EvaluatePairs(ctx, PairOptions{
			Project: p, Backend: o.Backend, Use: model.Use{Round: x.Outcomes[i].Round, Steps: 1}, Source: o.Source, Reference: o.Reference,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// steps divides an arm's budget among its rounds.
func (o ExperimentOptions) steps(a Arm) map[project.RoundKind]int {
	var kinds []project.RoundKind
	if a.Rounds > 1 {
		kinds = append(kinds, project.KindReflow)
	}
	if a.Finish == project.FinishDistil {
		kinds = append(kinds, project.KindDistil)
	}
	out := map[project.RoundKind]int{}
	for i, k := range kinds {
		out[k] = o.Updates * (i + 1) / len(kinds)
		if i > 0 {
			out[k] -= o.Updates * i / len(kinds)
		}
	}
	return out
}

func (o ExperimentOptions) run(ctx context.Context, a Arm, cacheOf string) (Outcome, error) {
	p, err := o.open(a, cacheOf)
	if err != nil {
		return Outcome{}, err
	}
	defer p.Close()
	options := Options{Project: p, Backend: o.Backend, steps: o.steps(a), hooks: o.hooks}
	if o.Watch != nil {
		options.Watch = func(e Event) { o.Watch(a.Name, e) }
	}
	if _, err := Run(ctx, options); err != nil {
		return Outcome{}, err
	}
	rounds, err := p.Rounds()
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Arm: a}
	for _, r := range rounds {
		if r.Name != firstRound {
			out.Updates += int(r.Report.Steps)
		}
		out.Round, out.Report = r.Name, r.Report
	}
	if out.Updates != o.Updates {
		return out, fmt.Errorf("%s was trained with %d updates and the budget is now %d: give the same budget, or another folder", p.Dir(), out.Updates, o.Updates)
	}
	return out, nil
}

// open opens the project of an arm, or makes it: the settings, round 1 and the cache of the project it is made from.
func (o ExperimentOptions) open(a Arm, cacheOf string) (*project.Project, error) {
	dir := filepath.Join(o.Dir, a.Name)
	s := o.Project.Settings()
	s.Rounds, s.Finish, s.DistilSteps, s.BothWays, s.Minutes = a.Rounds, a.Finish, 0, false, 0
	p, err := project.Open(dir)
	if errors.Is(err, project.ErrNotProject) {
		p, err = project.Create(dir, s)
	}
	if err != nil {
		return nil, err
	}
	round := func(project string) string { return filepath.Join(project, "rounds", firstRound) }
	copies := []struct{ from, to string }{
		{filepath.Join(cacheOf, "cache"), filepath.Join(dir, "cache")},
		{round(o.Project.Dir()), round(dir)},
	}
	for _, c := range copies {
		if _, err := os.Stat(c.from); err != nil {
			continue // a cache that was deleted is made anew
		}
		if err := copyMissing(c.from, c.to); err != nil {
			_ = p.Close()
			return nil, fmt.Errorf("copying %s into the experiment: %w", c.from, err)
		}
	}
	return p, nil
}

// sheet shows held-out images, all of the way by round 1, one step of each outcome, and the references.
func (o ExperimentOptions) sheet(ctx context.Context, x *Experiment) (*measure.Sheet, error) {
	p, err := project.OpenReadOnly(filepath.Join(o.Dir, Arms[0].Name))
	if err != nil {
		return nil, err
	}
	defer p.Close()
	r := newRun(Options{Project: p, Backend: o.Backend, hooks: o.hooks})
	defer r.out.close()
	defer r.close()
	if err := r.prepareRecipe(); err != nil {
		return nil, err
	}
	if r.cache, err = p.CacheDir(); err != nil {
		return nil, err
	}
	if err := r.openSets(ctx); err != nil {
		return nil, err
	}
	size := r.settings.Size
	n := min(sheetRows, len(r.heldOut)/(size*size*3))
	images := r.heldOut[:n*size*size*3]
	s := &measure.Sheet{Size: size, Columns: []measure.Column{{Title: "source", Images: rowsOf(images, size, n)}}}
	sampler, err := model.NewSampler(o.Backend, r.recipe.Net, model.Lowering(o.Backend, r.settings.Precision), n)
	if err != nil {
		return nil, err
	}
	defer sampler.Close() // one program for all of them
	column := func(title, dir, round string, steps int) error {
		q, err := project.OpenReadOnly(dir)
		if err != nil {
			return err
		}
		defer q.Close()
		_, _, flat, err := model.Load(q, round)
		if err != nil {
			return err
		}
		z, err := sampler.With(model.NewWeights(flat)).Flow(ctx, images, flow.Forward(steps))
		if err != nil {
			return err
		}
		s.Columns = append(s.Columns, measure.Column{Title: title, Images: rowsOf(z, size, n)})
		return nil
	}
	many := r.recipe.ManySteps
	if err := column(fmt.Sprintf("flow, %d", many), o.Project.Dir(), firstRound, many); err != nil {
		return nil, err
	}
	for _, outcome := range x.Outcomes {
		title := outcome.Name
		if outcome.Round == firstRound {
			title = "flow, 1"
		}
		if err := column(title, o.dirOf(outcome), outcome.Round, 1); err != nil {
			return nil, err
		}
	}
	if reference := r.references(n); reference != nil {
		s.Columns = append(s.Columns, measure.Column{Title: "reference", Images: reference})
	}
	s.Caption = fmt.Sprintf("held-out images, %d px: all of the way by round 1, then one step of round 1 and of each arm after %d updates", size, x.Updates)
	return s, nil
}

// copyMissing copies the files of a folder that are not there yet.
func copyMissing(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o777)
		}
		if _, err := os.Stat(target); err == nil || !d.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return project.WriteFile(target, func(w io.Writer) error { _, err := io.Copy(w, f); return err })
	})
}

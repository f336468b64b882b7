package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/project"
)

// Plan is plan.json in the folder of a project whose settings give minutes: how many steps each round makes. It is
// written once, when the speed of the machine is known, so that a run that is resumed, on another machine too, ends
// with the same numbers as one that never stopped. Deleting it is harmless before the first round is finished: the
// speed is then measured again, and afterwards it follows from that round's steps.
type Plan struct {
	Schema          int            `json:"schema"`            // version of this file
	Minutes         float64        `json:"minutes"`           // the setting that it answers
	Recipe          string         `json:"recipe"`            // preset, size and batch that it was made for
	ImagesPerSecond float64        `json:"images_per_second"` // of round 1's steps, as measured; 0 where that was not possible
	Scale           float64        `json:"scale"`             // the steps are the preset's times this
	Steps           map[string]int `json:"steps"`             // by round
}

const (
	planName   = "plan.json"
	planSchema = 1
)

// refineCost is what an image costs in a step of the refine finish, as a multiple of its cost in a step of the flow
// (measured at 32 px with the feature loss).
const refineCost = 1.3

func cost(k project.RoundKind) float64 {
	if k == project.KindRefine {
		return refineCost
	}
	return 1
}

// seconds is how long the updates of some rounds take at a speed in images a second of round 1.
func (r Recipe) seconds(rounds []string, perSecond float64) (total float64, err error) {
	for _, name := range rounds {
		_, kind, err := project.ParseRoundName(name)
		if err != nil {
			return 0, err
		}
		total += float64(r.Stage(kind).Steps*r.Batch) * cost(kind) / perSecond
	}
	return total, nil
}

// planFor makes the plan of some rounds: the steps of all of them times one factor, so that their updates together
// take the minutes at a speed in images a second of round 1.
func planFor(r Recipe, rounds []string, minutes, perSecond float64) (Plan, error) {
	seconds, err := r.seconds(rounds, perSecond)
	if err != nil {
		return Plan{}, err
	}
	if seconds <= 0 || math.IsInf(seconds, 0) || math.IsNaN(seconds) {
		return Plan{}, fmt.Errorf("planning %g minutes of training: a speed of %g images/s was measured, which cannot be: give --steps instead of --minutes", minutes, perSecond)
	}
	return scaled(r, rounds, Plan{Minutes: minutes, ImagesPerSecond: perSecond, Scale: minutes * 60 / seconds})
}

// scaled fills in the steps that a plan's scale gives, for the rounds that it does not hold yet.
func scaled(r Recipe, rounds []string, p Plan) (Plan, error) {
	steps := map[string]int{}
	for _, name := range rounds {
		_, kind, err := project.ParseRoundName(name)
		if err != nil {
			return p, err
		}
		if steps[name] = p.Steps[name]; steps[name] < 1 {
			steps[name] = stepsAt(r.Stage(kind).Steps, p.Scale)
		}
	}
	p.Schema, p.Steps = planSchema, steps
	return p, nil
}

// follow puts the steps of a plan into the recipe. Shorter rounds warm up in proportion.
func (r *Recipe) follow(p Plan) {
	for _, st := range r.stages() {
		st.Steps = stepsAt(st.Steps, p.Scale)
		st.WarmUp = stepsAt(st.WarmUp, min(1, p.Scale))
	}
	for name, steps := range p.Steps {
		if _, kind, err := project.ParseRoundName(name); err == nil {
			r.stage(kind).Steps = steps
		}
	}
}

// stepsAt scales a number of steps, of which at least one is left.
func stepsAt(steps int, by float64) int { return max(1, int(min(math.MaxInt32, float64(steps)*by))) }

// loadPlan reads plan.json, if the settings give minutes, and makes the recipe follow it. Where there is none yet
// round 1 makes it; see makePlan.
func (r *run) loadPlan(rounds []project.Round) error {
	if r.settings.Minutes <= 0 {
		return nil
	}
	path := filepath.Join(r.Project.Dir(), planName)
	var p Plan
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
		err = json.Unmarshal(data, &p)
		if err == nil && p.Schema > planSchema {
			return fmt.Errorf("%s was written by a newer version of Straightway (schema %d, this one reads up to %d): install that version", path, p.Schema, planSchema)
		}
		if err == nil && !(p.Scale > 0 && p.Minutes > 0) {
			err = errors.New("it has no scale")
		}
		if err == nil && p.Recipe != "" && p.Recipe != r.recipeName() {
			err = fmt.Errorf("it is for %s and the project is set to %s", p.Recipe, r.recipeName())
		}
		if err != nil {
			r.out.note(fmt.Sprintf("%s cannot be used and is made anew: %v", path, err))
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("reading the plan of the rounds: %w", err)
	}
	if err != nil { // no plan, or none that can be used: a finished round tells it
		at := slices.IndexFunc(rounds, func(d project.Round) bool { return d.Finished && r.recipe.Stage(d.Kind).Steps > 0 })
		if at < 0 {
			return nil
		}
		p = Plan{Minutes: r.settings.Minutes, Scale: float64(rounds[at].Report.Steps) / float64(r.recipe.Stage(rounds[at].Kind).Steps)}
	}
	if p.Minutes != r.settings.Minutes {
		r.out.note(fmt.Sprintf("the time was changed from %g to %g minutes: the rounds that are not finished follow", p.Minutes, r.settings.Minutes))
		p.Scale *= r.settings.Minutes / p.Minutes
		p.Minutes, p.Steps = r.settings.Minutes, nil
	}
	return r.adopt(p)
}

func (r *run) recipeName() string {
	return fmt.Sprintf("%s, %d px, batch %d", r.settings.Preset, r.settings.Size, r.recipe.Batch)
}

// adopt completes a plan, keeps it and follows it.
func (r *run) adopt(p Plan) error {
	p.Recipe = r.recipeName()
	p, err := scaled(r.recipe, r.settings.Plan(), p)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the plan of the rounds: %w", err)
	}
	err = project.WriteFile(filepath.Join(r.Project.Dir(), planName), func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
	if err != nil {
		return err
	}
	r.plan = &p
	r.recipe.follow(p)
	return nil
}

// makePlan measures how fast this machine makes steps, with updates that are thrown away, and plans the rounds.
func (s *roundState) makePlan(ctx context.Context) error {
	perSecond, err := s.speed(ctx)
	if err != nil {
		return fmt.Errorf("measuring the speed of training: %w", err)
	}
	p, err := planFor(s.recipe, s.settings.Plan(), s.settings.Minutes, perSecond)
	if err != nil {
		return err
	}
	preset := s.stage.Steps
	if err := s.adopt(p); err != nil {
		return err
	}
	text := fmt.Sprintf("%g minutes at %.1f images/s: %d steps in round %s, where the preset has %d", s.settings.Minutes, perSecond, s.plan.Steps[s.name], s.name, preset)
	if p.Scale < .5 {
		text += "; so few teach little, more --minutes or a smaller --size help"
	}
	s.out.note(text)
	return nil
}

// Updates that the speed is measured on: at most so many, and after two of them for no longer than this.
const (
	trialUpdates = 12
	trialTime    = 4 * time.Second
)

// speed is the images a second of this round's updates, whose results are thrown away. The first one, which compiles,
// does not count.
func (s *roundState) speed(ctx context.Context) (float64, error) {
	if err := s.takeFeatures(ctx); err != nil {
		return 0, err
	}
	s.trial = true
	defer func() { s.trial = false }()
	s.out.phase("compiling", 0, 0)
	if err := s.attempt(s.rehearse); err != nil {
		return 0, err
	}
	began := time.Now()
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		s.out.phase("measuring the speed", n-1, trialUpdates)
		if err := s.attempt(s.rehearse); err != nil {
			return 0, err
		}
		if took := time.Since(began); n == trialUpdates || n >= 2 && took >= trialTime {
			return float64(n*s.recipe.Batch) / took.Seconds(), nil
		}
	}
}

// rehearse computes an update, waits for the device, and throws the result away.
func (s *roundState) rehearse() error {
	next, err := s.propose()
	if err != nil {
		return err
	}
	defer next.drop()
	if _, err := tensors.CopyFlatData[float32](next[len(next)-1]); err != nil {
		return fmt.Errorf("waiting for the device: %w", err)
	}
	return nil
}

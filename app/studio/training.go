package studio

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// previewEvery is the time between previews while training.
const previewEvery = 10 * time.Second

// RunState says what training does.
type RunState int

// The states of training.
const (
	Idle RunState = iota
	Running
	Paused
	Stopping // saving, after Stop
	Finished // every round of the plan is there
	Failed
)

// LossPoint is a loss of one round.
type LossPoint struct {
	Step int
	Loss float64
}

// Losses are those of one round in the order of steps.
type Losses struct {
	Round  string
	Points []LossPoint
}

// TrainingState says where training stands. Its slices are shared and never changed.
type TrainingState struct {
	State    RunState
	Event    train.Event // the last step or phase; zero before the first
	Rounds   []project.Round
	Plan     []string // names of the rounds to be
	Losses   []Losses
	Previews []train.Preview
	Notes    []string
	Err      error
	Ended    time.Time // when the last run ended
	Version  int       // changes with every other field
}

// Training runs the open project's rounds in the background.
type Training struct {
	studio *Studio

	mu      sync.Mutex
	state   TrainingState
	work    *background
	control *train.Control
}

// State returns where training stands.
func (t *Training) State() TrainingState {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

// Busy reports whether a run is going on, paused ones included.
func (t *Training) Busy() bool {
	s := t.State().State
	return s == Running || s == Paused || s == Stopping
}

func (t *Training) change(f func(s *TrainingState)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.state)
	t.state.Version++
}

// clear forgets a project that was closed.
func (t *Training) clear() {
	t.change(func(s *TrainingState) { *s = TrainingState{Version: s.Version} })
}

// load shows what an opened project holds.
func (t *Training) load(p *project.Project) {
	rounds, err := p.Rounds()
	history, herr := p.History()
	var losses []Losses
	for _, e := range history {
		if v, ok := e.Values["loss"]; ok && e.Round != "" {
			losses = appendLoss(losses, e.Round, int(e.Step), v)
		}
	}
	previews, perr := train.LoadPreviews(p)
	t.change(func(s *TrainingState) {
		*s = TrainingState{Version: s.Version, Rounds: rounds, Plan: p.Settings().Plan(), Losses: losses, Previews: previews, Err: errors.Join(err, herr, perr)}
		if s.Err != nil {
			s.State = Failed
		} else if planned(rounds, s.Plan) {
			s.State = Finished
		}
	})
}

// planned reports whether every round of the plan is finished.
func planned(rounds []project.Round, plan []string) bool {
	return len(plan) > 0 && !slices.ContainsFunc(plan, func(name string) bool {
		return !slices.ContainsFunc(rounds, func(r project.Round) bool { return r.Name == name && r.Finished })
	})
}

// appendLoss adds a point without changing what was handed out before.
func appendLoss(losses []Losses, round string, step int, loss float64) []Losses {
	at := slices.IndexFunc(losses, func(l Losses) bool { return l.Round == round })
	if at < 0 {
		return append(slices.Clip(losses), Losses{round, []LossPoint{{step, loss}}})
	}
	losses = slices.Clone(losses)
	points := losses[at].Points
	for len(points) > 0 && points[len(points)-1].Step >= step { // a resumed round repeats its last steps
		points = slices.Clip(points[:len(points)-1])
	}
	losses[at].Points = append(points, LossPoint{step, loss})
	return losses
}

// Create makes a project in dir from settings whose Source and Target are filled in from the domains, and makes it
// the open one. A folder with a project that has begun is refused with project.ErrExists.
func (s *Studio) Create(dir string, settings project.Settings) error {
	if s.Training.Busy() || s.Exporter.Busy() {
		return ErrBusy
	}
	settings.Source, settings.Target = s.Domains[0].Path(), s.Domains[1].Path()
	if err := settings.Validate(); err != nil {
		return err
	}
	p, _, begun, err := project.Prepare(dir, settings)
	if err != nil {
		return err
	}
	if begun {
		_ = p.Close() // nothing was written
		return project.ErrExists
	}
	return s.adopt(p)
}

// Start begins or continues the open project's training.
func (t *Training) Start() error {
	p, _ := t.studio.Project()
	if p == nil {
		return errors.New("there is no project to train: choose two folders first")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.work != nil {
		return ErrBusy
	}
	t.state.State, t.state.Err, t.state.Plan = Running, nil, p.Settings().Plan()
	t.state.Event = train.Event{Kind: train.PhaseEvent, Phase: "starting"}
	t.state.Version++
	t.control = &train.Control{}
	control := t.control
	t.work = start(func(ctx context.Context) {
		err := t.run(ctx, p, control)
		rounds, rerr := p.Rounds()
		t.mu.Lock()
		defer t.mu.Unlock()
		t.work = nil
		t.studio.touch() // a round that was saved at the stop can be used
		t.state.Ended = time.Now()
		t.state.Version++
		if rerr == nil && !errors.Is(err, project.ErrGone) { // they are there again when the folder is
			t.state.Rounds = rounds
		}
		switch {
		case err == nil:
			t.state.State = Finished
		case errors.Is(err, train.ErrInterrupted):
			t.state.State = Idle
		default:
			t.state.State, t.state.Err = Failed, err
		}
	})
	return nil
}

func (t *Training) run(ctx context.Context, p *project.Project, control *train.Control) error {
	be, err := t.studio.Compute.Wait()
	if err != nil {
		return err
	}
	settings := p.Settings()
	autosave := time.Duration(t.studio.Preferences.Choices().Autosave) * time.Second
	_, err = train.Run(ctx, train.Options{
		Project: p, Backend: be, Autosave: autosave, Previews: previewEvery, Control: control,
		Watch: func(e train.Event) { t.watch(p, be.Label, settings, e) },
	})
	return err
}

// watch takes an event of the run into the state.
func (t *Training) watch(p *project.Project, label string, settings project.Settings, e train.Event) {
	switch e.Kind {
	case train.StepEvent, train.PhaseEvent:
		t.change(func(s *TrainingState) {
			s.Event = e
			if e.Kind == train.StepEvent && e.Phase == "training" && e.Step > 0 && e.Loss > 0 {
				if n := len(s.Losses); n == 0 || s.Losses[n-1].Round != e.Round || last(s.Losses[n-1].Points).Step != e.Step {
					s.Losses = appendLoss(s.Losses, e.Round, e.Step, e.Loss)
				}
			}
		})
	case train.RoundEvent:
		if _, kind, err := project.ParseRoundName(e.Round); err == nil && kind == project.KindFlow && e.Report.Seconds > 0 {
			t.studio.Preferences.noteSpeed(label, settings, float64(e.Report.Images)/e.Report.Seconds)
		}
		rounds, err := p.Rounds()
		t.change(func(s *TrainingState) {
			if err == nil {
				s.Rounds = rounds
			}
		})
		t.studio.Translator.Forget()
		t.studio.touch()
	case train.PreviewEvent:
		t.change(func(s *TrainingState) { s.Previews = append(slices.Clip(s.Previews), *e.Preview) })
	case train.NoteEvent:
		t.change(func(s *TrainingState) { s.Notes = append(slices.Clip(s.Notes), e.Message) })
	}
}

func last(p []LossPoint) LossPoint { return p[len(p)-1] }

// Pause waits after the current step; the model stays loaded, and translating goes on.
func (t *Training) Pause() {
	t.change(func(s *TrainingState) {
		if s.State == Running {
			s.State = Paused
			t.control.Pause()
		}
	})
}

// Continue ends a pause.
func (t *Training) Continue() {
	t.change(func(s *TrainingState) {
		if s.State == Paused {
			s.State = Running
			t.control.Continue()
		}
	})
}

// Stop saves and ends the run, in the background.
func (t *Training) Stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.work != nil {
		t.state.State = Stopping
		t.state.Version++
		t.control.Continue()
		t.work.stop()
	}
}

// Wait waits until no run goes on.
func (t *Training) Wait() {
	t.mu.Lock()
	work := t.work
	t.mu.Unlock()
	if work != nil {
		<-work.done
	}
}

// AddReflow lengthens the plan by a reflow round, after which the finish is made anew. Start trains it.
func (t *Training) AddReflow() error {
	return t.replan(func(s *project.Settings) { s.Rounds++ })
}

// Finish sets the finish of the plan. Start trains it.
func (t *Training) Finish(f project.Finish) error {
	return t.replan(func(s *project.Settings) {
		s.Finish = f
		*s, _ = Agreeing(*s) // distil's steps are of no use to refine
	})
}

// replan changes the settings that the plan follows from.
func (t *Training) replan(change func(s *project.Settings)) error {
	p, _ := t.studio.Project()
	if p == nil || t.Busy() {
		return ErrBusy
	}
	s := p.Settings()
	change(&s)
	if err := p.SaveSettings(s); err != nil {
		return err
	}
	t.load(p)
	return nil
}

// Restore makes a saved round the last one and sets later ones aside; it returns where they are kept.
func (t *Training) Restore(round string) (aside string, err error) {
	p, _ := t.studio.Project()
	if p == nil || t.Busy() || t.studio.Exporter.Busy() {
		return "", ErrBusy
	}
	t.studio.Diagnoser.forget()
	aside, err = p.Restore(round)
	t.load(p)
	t.studio.Translator.Forget()
	t.studio.touch()
	return aside, err
}

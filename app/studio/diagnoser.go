package studio

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// DiagnosisState says what is known of the guarantees of the open project's rounds. Its slice is shared and never
// changed.
type DiagnosisState struct {
	State       RunState // Idle, Running, Stopping, Finished or Failed
	Round       string   // that is looked at
	Done, Total int      // parts of that round
	Rounds      []*train.Diagnosis
	Err         error
	Version     int // changes with every other field
}

// Diagnoser looks into the finished rounds of the open project, in the background, as train.Diagnose does.
type Diagnoser struct {
	studio *Studio

	mu    sync.Mutex
	state DiagnosisState
	work  *background
}

// State returns what is known.
func (d *Diagnoser) State() DiagnosisState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

func (d *Diagnoser) change(f func(s *DiagnosisState)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.state)
	d.state.Version++
}

// Start looks into every finished round anew.
func (d *Diagnoser) Start() error {
	p, _ := d.studio.Project()
	if p == nil {
		return ErrNothingTrained
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.work != nil {
		return errors.New("the rounds are being measured: wait for it or stop it first")
	}
	d.state = DiagnosisState{State: Running, Version: d.state.Version + 1}
	d.work = start(func(ctx context.Context) {
		err := d.run(ctx, p)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.work = nil
		d.state.Version++
		switch {
		case err == nil:
			d.state.State = Finished
		case ctx.Err() != nil:
			d.state.State = Idle
		default:
			d.state.State, d.state.Err = Failed, err
		}
	})
	return nil
}

func (d *Diagnoser) run(ctx context.Context, p *project.Project) error {
	be, err := d.studio.Compute.Wait()
	if err != nil {
		return err
	}
	rounds, err := p.Rounds()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(rounds, func(r project.Round) bool { return r.Finished }) {
		return ErrNothingTrained
	}
	watch := func(e train.Event) {
		if e.Kind == train.PhaseEvent {
			d.change(func(s *DiagnosisState) { s.Round, s.Done, s.Total = train.Diagnosing(e.Phase), e.Done, e.Total })
		}
	}
	return train.Diagnose(ctx, train.Options{Project: p, Backend: be, Watch: watch}, "", func(g *train.Diagnosis) {
		d.change(func(s *DiagnosisState) { s.Rounds = append(s.Rounds, g) }) // readers hold shorter slices of it
	})
}

// Stop ends the work in the background; the rounds that are done stay.
func (d *Diagnoser) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.work != nil {
		d.state.State = Stopping
		d.state.Version++
		d.work.stop()
	}
}

// forget ends the work, waits for its end, and forgets what was found: another project is opened.
func (d *Diagnoser) forget() {
	d.mu.Lock()
	work := d.work
	d.mu.Unlock()
	work.end()
	d.change(func(s *DiagnosisState) { *s = DiagnosisState{Version: s.Version} })
}

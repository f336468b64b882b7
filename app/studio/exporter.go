package studio

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/translate"
)

// Job says what to export and how.
type Job struct {
	Inputs    []string // files and folders
	Out       string   // folder
	Round     string   // as in Request
	Steps     int
	Reverse   bool
	Solver    flow.Solver
	Recursive bool
	Overwrite bool
	Size      translate.SizeMode
	Format    translate.Format
	Quality   int // of JPEG
}

// ExportState says where the export stands. Rows are shared and never changed.
type ExportState struct {
	State       RunState
	Queued      bool // waiting for training to pause or end
	Job         Job
	Rows        []translate.Event // what became of each input, in the order in which they were finished
	Done, Total int
	Failed      int
	Elapsed     time.Duration // of work: pauses and waiting excluded
	ETA         time.Duration // 0 while unknown
	Err         error
	Version     int
}

// Rate is the files a second.
func (s ExportState) Rate() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Done) / s.Elapsed.Seconds()
}

// Exporter translates files and folders in the background. It works while training is paused or not going on, and
// waits for that otherwise.
type Exporter struct {
	studio *Studio

	mu     sync.Mutex
	state  ExportState
	work   *background
	resume chan struct{} // closed when a pause ends; nil while there is none
	since  time.Time     // when the present stretch of work began; zero while it waits
}

// State returns where the export stands.
func (x *Exporter) State() ExportState {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.state
	if !x.since.IsZero() {
		s.Elapsed += time.Since(x.since)
	}
	if s.Done > 0 && s.Total > s.Done && s.Elapsed > 0 {
		s.ETA = time.Duration(float64(s.Elapsed) / float64(s.Done) * float64(s.Total-s.Done))
	}
	return s
}

// Busy reports whether an export is under way, paused and queued ones included.
func (x *Exporter) Busy() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.work != nil
}

func (x *Exporter) change(f func(s *ExportState)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f(&x.state)
	x.state.Version++
}

// Start begins an export.
func (x *Exporter) Start(job Job) error {
	if p, _ := x.studio.Project(); p == nil {
		return ErrNothingTrained
	}
	if len(job.Inputs) == 0 {
		return errors.New("there is nothing to export: add files or folders first")
	}
	if job.Out == "" {
		return errors.New("no folder to write to is chosen: choose an output folder")
	}
	job.Inputs = slices.Clone(job.Inputs)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.work != nil {
		return errors.New("an export is under way: wait for it or stop it first")
	}
	x.state = ExportState{State: Running, Job: job, Version: x.state.Version + 1}
	x.since, x.resume = time.Time{}, nil
	x.work = start(func(ctx context.Context) {
		err := x.run(ctx, job)
		x.mu.Lock()
		defer x.mu.Unlock()
		x.rest()
		x.work, x.resume = nil, nil
		x.state.Queued = false
		x.state.Version++
		switch {
		case err == nil:
			x.state.State = Finished
		case ctx.Err() != nil:
			x.state.State = Idle
		default:
			x.state.State, x.state.Err = Failed, err
		}
	})
	return nil
}

func (x *Exporter) run(ctx context.Context, job Job) error {
	p, _ := x.studio.Project()
	if p == nil {
		return ErrNothingTrained
	}
	be, err := x.studio.Compute.Wait()
	if err != nil {
		return err
	}
	if err := x.wait(ctx); err != nil {
		return err
	}
	net, _, settings, err := model.OpenTranslator(p, be, model.Use{Round: job.Round, Steps: job.Steps, Reverse: job.Reverse, Solver: job.Solver})
	if err != nil {
		return err
	}
	defer net.Close()
	o, err := pictureOptions(p, job.Reverse)
	if err != nil {
		return err
	}
	o.Size, o.Format, o.Quality, o.Overwrite, o.Recursive, o.Settings = job.Size, job.Format, job.Quality, job.Overwrite, job.Recursive, settings
	o.Progress = func(e translate.Event) {
		x.change(func(s *ExportState) {
			s.Done, s.Total = e.Done, e.Total
			if e.Err != nil && !e.Skipped {
				s.Failed++
			}
			s.Rows = append(s.Rows, e) // readers hold shorter slices of it
		})
	}
	_, err = translate.Run(ctx, gate{net, x.wait}, job.Inputs, job.Out, o)
	return err
}

// gate is a network that waits before each batch.
type gate struct {
	model.Translator
	wait func(ctx context.Context) error
}

func (g gate) Run(ctx context.Context, x []float32, n int) ([]float32, error) {
	if err := g.wait(ctx); err != nil {
		return nil, err
	}
	return g.Translator.Run(ctx, x, n)
}

// rest ends a stretch of work; the caller holds the lock.
func (x *Exporter) rest() {
	if !x.since.IsZero() {
		x.state.Elapsed += time.Since(x.since)
		x.since = time.Time{}
	}
}

// wait returns when neither a pause nor training stands in the way.
func (x *Exporter) wait(ctx context.Context) error {
	for {
		x.mu.Lock()
		resume := x.resume
		s := x.studio.Training.State().State
		queued := s == Running || s == Stopping
		if x.state.Queued != queued {
			x.state.Queued = queued
			x.state.Version++
		}
		if resume == nil && !queued {
			if x.since.IsZero() {
				x.since = time.Now()
			}
			x.mu.Unlock()
			return ctx.Err()
		}
		x.rest()
		x.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-resume: // never where there is no pause
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Pause waits before the next batch.
func (x *Exporter) Pause() {
	x.change(func(s *ExportState) {
		if s.State == Running {
			s.State, x.resume = Paused, make(chan struct{})
		}
	})
}

// Continue ends a pause.
func (x *Exporter) Continue() {
	x.change(func(s *ExportState) {
		if s.State == Paused {
			s.State = Running
			close(x.resume)
			x.resume = nil
		}
	})
}

// Stop ends the export; what is written stays, and RetryFailed or Start with the same job goes on from there.
func (x *Exporter) Stop() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.work != nil {
		x.state.State = Stopping
		x.state.Version++
		x.work.stop()
	}
}

// RetryFailed runs the last job again: what is complete is skipped. A job that overwrites and leaves the folders inside
// its folders alone is run for its failed files only.
func (x *Exporter) RetryFailed() error {
	s := x.State()
	job := s.Job
	if !job.Overwrite || job.Recursive {
		job.Overwrite = false
		return x.Start(job)
	}
	job.Inputs = nil
	for _, e := range s.Rows {
		if e.Err != nil && !e.Skipped {
			job.Inputs = append(job.Inputs, e.Input)
		}
	}
	return x.Start(job)
}

// finish waits until no export is under way.
func (x *Exporter) finish() {
	x.mu.Lock()
	work := x.work
	x.mu.Unlock()
	if work != nil {
		<-work.done
	}
}

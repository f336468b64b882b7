package studio

import (
	"context"
	"sync"
	"time"

	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// Estimator says how long training would take on this machine. What it does not know it measures, one recipe at a
// time, in the background; training that was done here counts before a measurement.
type Estimator struct {
	studio *Studio

	mu   sync.Mutex
	work *background
	key  string
	err  error
}

// EstimateState is the answer to how long.
type EstimateState struct {
	Time      time.Duration
	Known     bool
	Measuring bool
	Err       error // why it could not be measured, for example memory that was not enough
}

// Ask returns what is known about the settings, and begins to measure where nothing is.
func (e *Estimator) Ask(s project.Settings) EstimateState {
	c := e.studio.Compute.State()
	if c.Backend == nil {
		return EstimateState{Measuring: c.Opening, Err: c.Err}
	}
	if perSecond, ok := e.studio.Preferences.speed(c.Backend.Label, s); ok {
		d, err := train.Estimate(s, perSecond)
		return EstimateState{Time: d, Known: err == nil, Err: err}
	}
	key := speedKey(c.Backend.Label, s)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.work != nil {
		return EstimateState{Measuring: true}
	}
	if e.key == key && e.err != nil {
		return EstimateState{Err: e.err}
	}
	if e.studio.Training.Busy() || e.studio.Exporter.Busy() {
		return EstimateState{}
	}
	e.key, e.err = key, nil
	e.work = start(func(ctx context.Context) {
		perSecond, _, err := train.MeasureSpeed(ctx, c.Backend, s)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.work = nil
		if err != nil {
			e.err = err
			return
		}
		e.studio.Preferences.noteSpeed(c.Backend.Label, s, perSecond)
	})
	return EstimateState{Measuring: true}
}

// Stop ends a measurement and waits for it.
func (e *Estimator) Stop() {
	e.mu.Lock()
	work := e.work
	e.mu.Unlock()
	work.end()
}

//go:build !headless

package desktop

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"fyne.io/fyne/v2"
)

// meterEvery is how often the meter knocks at the UI goroutine.
const meterEvery = 10 * time.Millisecond

// meter measures how long the UI goroutine keeps callers waiting: the time from handing it a function to its running.
// That is what a click or a frame has to wait, less the frame's own drawing.
type meter struct {
	mu    sync.Mutex
	waits []time.Duration
	quit  chan struct{}
	once  sync.Once
}

func newMeter() *meter {
	m := &meter{quit: make(chan struct{})}
	go func() {
		for {
			select {
			case <-m.quit:
				return
			case <-time.After(meterEvery):
			}
			asked := time.Now()
			answered := make(chan struct{})
			fyne.Do(func() { close(answered) })
			select {
			case <-answered:
			case <-m.quit:
				return
			}
			m.mu.Lock()
			m.waits = append(m.waits, time.Since(asked))
			m.mu.Unlock()
		}
	}()
	return m
}

func (m *meter) stop() { m.once.Do(func() { close(m.quit) }) }

// reset forgets what was measured, for example while the window was set up.
func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waits = nil
}

// String is the meter's verdict.
func (m *meter) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.waits) == 0 {
		return "ui-meter: nothing was measured"
	}
	w := slices.Clone(m.waits)
	slices.Sort(w)
	at := func(q float64) float64 { return w[min(len(w)-1, int(q*float64(len(w))))].Seconds() * 1000 }
	return fmt.Sprintf("ui-meter: longest frame gap %.1f ms, 99.9th percentile %.1f ms, median %.1f ms, of %d", at(1), at(.999), at(.5), len(w))
}

//go:build !headless

package desktop

import (
	"fmt"
	"image"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// meterEvery is how often the meter knocks at the UI goroutine.
const meterEvery = 10 * time.Millisecond

// meter measures two things about the UI goroutine, and keeps apart what happens while training runs.
//
// Gaps are the times between two rounds of the window's loop, in each of which it takes what keyboard and pointer sent
// and draws a frame where anything has changed. An undisturbed loop goes round 60 times a second, so that no gap is
// shorter than a sixtieth; a longer one is a stall that can be seen and felt.
//
// Waits are the times from handing the UI goroutine a function to its running. They count more than one frame where
// frames follow each other without a pause, since the loop then takes either at random.
type meter struct {
	training func() bool   // asked from any goroutine
	during   func() string // what the window was at since the last round, asked on the UI goroutine; nil: not told

	mu    sync.Mutex
	first time.Duration      // from the start of the process to the end of the first frame; 0 before
	gaps  [2][]time.Duration // idle and in training
	waits [2][]time.Duration
	long  []longGap // in training
	round time.Time // the last round of the loop
	beat  *fyne.Animation
	quit  chan struct{}
	once  sync.Once
}

// tooLong is how long a gap may be in training.
const tooLong = 50 * time.Millisecond

// longGap is a gap in training that was too long.
type longGap struct {
	took   time.Duration
	at     time.Duration // from the start of the process
	during string
}

func newMeter(training func() bool, during func() string) *meter {
	m := &meter{training: training, during: during, quit: make(chan struct{})}
	m.beat = &fyne.Animation{Duration: time.Hour, RepeatCount: fyne.AnimationRepeatForever, Curve: fyne.AnimationLinear, Tick: func(float32) { m.tick(time.Now()) }}
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
			m.add(&m.waits, time.Since(asked))
		}
	}()
	return m
}

// tick is called in every round of the window's loop, before it draws.
func (m *meter) tick(now time.Time) {
	during := ""
	if m.during != nil {
		during = m.during()
	}
	if !m.round.IsZero() {
		took := now.Sub(m.round)
		m.add(&m.gaps, took)
		if took > tooLong && m.training() {
			m.mu.Lock()
			m.long = append(m.long, longGap{took, sinceStart(), during})
			m.mu.Unlock()
		}
	}
	m.round = now
}

func (m *meter) add(to *[2][]time.Duration, took time.Duration) {
	at := 0
	if m.training() {
		at = 1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	to[at] = append(to[at], took)
}

func (m *meter) stop() { m.once.Do(func() { close(m.quit) }) }

// reset forgets what was measured until now, for example while the window was set up.
func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.long = nil
	m.gaps, m.waits = [2][]time.Duration{}, [2][]time.Duration{}
}

// witness is a point of the window that notes when it was drawn first: the function that it hands to the UI goroutine
// runs once the frame is on the screen.
func (m *meter) witness() fyne.CanvasObject {
	var once sync.Once
	return canvas.NewRaster(func(int, int) image.Image {
		once.Do(func() {
			fyne.Do(func() {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.first = sinceStart()
			})
		})
		return image.NewRGBA(image.Rect(0, 0, 1, 1))
	})
}

// String is the meter's verdict, a line for each thing that was measured.
func (m *meter) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lines []string
	if m.first > 0 {
		lines = append(lines, fmt.Sprintf("ui-meter: first frame %.0f ms after the start", m.first.Seconds()*1000))
	}
	for i, name := range []string{"idle", "training"} {
		for _, kind := range []struct {
			name  string
			times []time.Duration
		}{{"gap", m.gaps[i]}, {"wait", m.waits[i]}} {
			if len(kind.times) == 0 {
				continue
			}
			w := slices.Clone(kind.times)
			slices.Sort(w)
			at := func(q float64) float64 { return w[min(len(w)-1, int(q*float64(len(w))))].Seconds() * 1000 }
			lines = append(lines, fmt.Sprintf("ui-meter: %s: longest %s %.1f ms, 99.9th percentile %.1f ms, median %.1f ms, of %d", name, kind.name, at(1), at(.999), at(.5), len(w)))
		}
	}
	for _, g := range m.long {
		lines = append(lines, fmt.Sprintf("ui-meter: training: a gap of %.1f ms %.1f s after the start: %s", g.took.Seconds()*1000, g.at.Seconds(), g.during))
	}
	if lines == nil {
		return "ui-meter: nothing was measured"
	}
	return strings.Join(lines, "\n")
}

// loaded is when the program's own code began, some milliseconds after the process.
var loaded = time.Now()

// sinceStart is the age of the process: as Linux knows it, to a hundredth of a second, and from loaded elsewhere.
func sinceStart() time.Duration {
	stat, err := os.ReadFile("/proc/self/stat")
	up, uerr := os.ReadFile("/proc/uptime")
	if err != nil || uerr != nil {
		return time.Since(loaded)
	}
	_, after, _ := strings.Cut(string(stat), ") ") // past the name, which may hold spaces
	const startTime = 22 - 3                       // of proc_pid_stat(5), whose third field comes first here
	fields, times := strings.Fields(after), strings.Fields(string(up))
	if len(fields) <= startTime || len(times) == 0 {
		return time.Since(loaded)
	}
	began, err := strconv.ParseFloat(fields[startTime], 64)
	now, uerr := strconv.ParseFloat(times[0], 64)
	if err != nil || uerr != nil {
		return time.Since(loaded)
	}
	const hertz = 100 // of the clock of /proc on every Linux that Go runs on
	return time.Duration((now - began/hertz) * float64(time.Second))
}

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

// meter measures how long the UI goroutine keeps callers waiting: the time from handing it a function to its running.
// That is what a click or a frame has to wait, less the frame's own drawing. What is waited while training runs is kept
// apart.
type meter struct {
	training func() bool // asked from any goroutine

	mu    sync.Mutex
	first time.Duration      // from the start of the process to the end of the first frame; 0 before
	waits [2][]time.Duration // idle and in training
	quit  chan struct{}
	once  sync.Once
}

func newMeter(training func() bool) *meter {
	m := &meter{training: training, quit: make(chan struct{})}
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
			m.add(time.Since(asked))
		}
	}()
	return m
}

func (m *meter) add(wait time.Duration) {
	at := 0
	if m.training() {
		at = 1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waits[at] = append(m.waits[at], wait)
}

func (m *meter) stop() { m.once.Do(func() { close(m.quit) }) }

// reset forgets the waits until now, for example while the window was set up.
func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waits = [2][]time.Duration{}
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
		w := slices.Clone(m.waits[i])
		if len(w) == 0 {
			continue
		}
		slices.Sort(w)
		at := func(q float64) float64 { return w[min(len(w)-1, int(q*float64(len(w))))].Seconds() * 1000 }
		lines = append(lines, fmt.Sprintf("ui-meter: %s: longest gap %.1f ms, 99.9th percentile %.1f ms, median %.1f ms, of %d", name, at(1), at(.999), at(.5), len(w)))
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

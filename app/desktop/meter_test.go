//go:build !headless

package desktop

import (
	"strings"
	"testing"
	"time"
)

func TestTheMeterTellsTrainingApart(t *testing.T) {
	training := false
	m := &meter{training: func() bool { return training }, during: func() string { return "Train, refresh 2 ms" }}
	if got := m.String(); got != "ui-meter: nothing was measured" {
		t.Errorf("at first it says %q", got)
	}
	for _, wait := range []time.Duration{1, 2, 3} {
		m.add(&m.waits, wait*time.Millisecond)
	}
	training = true
	m.add(&m.waits, 40*time.Millisecond)
	begin := time.Now()
	m.tick(begin)
	m.tick(begin.Add(17 * time.Millisecond))
	m.tick(begin.Add(37 * time.Millisecond))
	m.tick(begin.Add(97 * time.Millisecond))
	m.long[0].at = 2 * time.Second
	m.first = 350 * time.Millisecond
	want := []string{
		"ui-meter: first frame 350 ms after the start",
		"ui-meter: idle: longest wait 3.0 ms, 99.9th percentile 3.0 ms, median 2.0 ms, of 3",
		"ui-meter: training: longest gap 60.0 ms, 99.9th percentile 60.0 ms, median 20.0 ms, of 3",
		"ui-meter: training: longest wait 40.0 ms, 99.9th percentile 40.0 ms, median 40.0 ms, of 1",
		"ui-meter: training: a gap of 60.0 ms 2.0 s after the start: Train, refresh 2 ms",
	}
	if got := m.String(); got != strings.Join(want, "\n") {
		t.Errorf("it says\n%s", got)
	}
	m.reset()
	if got := m.String(); got != want[0] {
		t.Errorf("after reset it says %q", got)
	}
	if age := sinceStart(); age <= 0 || age > 24*time.Hour {
		t.Errorf("this process is %v old", age)
	}
}

//go:build !headless

package desktop

import (
	"context"
	"time"

	"fyne.io/fyne/v2"
)

// latest runs work in the background, of which the newest takes the place of what is under way. It belongs to the UI
// goroutine.
type latest struct {
	start func(func())                // runs work on a goroutine of its own
	later func(time.Duration, func()) // calls on the UI goroutine after a while
	tell  func()                      // busy has changed
	busy  bool

	serial int
	cancel context.CancelFunc
}

func newLatest(tell func()) *latest {
	return &latest{
		start: func(work func()) { go work() }, tell: tell, cancel: func() {},
		later: func(d time.Duration, f func()) { time.AfterFunc(d, func() { fyne.Do(f) }) },
	}
}

// ask begins work after a while, in which another may take its place. What work returns is called on the UI goroutine,
// if nothing newer was asked for meanwhile.
func (l *latest) ask(after time.Duration, work func(ctx context.Context) (done func())) {
	l.stop()
	serial := l.serial
	run := func() {
		if serial != l.serial {
			return
		}
		ctx, cancel := context.WithCancel(context.Background())
		l.cancel = cancel
		l.setBusy(true)
		l.start(func() {
			done := work(ctx)
			fyne.Do(func() {
				cancel()
				if serial == l.serial {
					l.setBusy(false)
					done()
				}
			})
		})
	}
	if after <= 0 {
		run()
		return
	}
	l.later(after, run)
}

// stop breaks off what is under way.
func (l *latest) stop() {
	l.serial++
	l.cancel()
	l.setBusy(false)
}

func (l *latest) setBusy(on bool) {
	if l.busy != on {
		l.busy = on
		l.tell()
	}
}

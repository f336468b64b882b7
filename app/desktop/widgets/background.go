//go:build !headless

package widgets

import "fyne.io/fyne/v2"

// Inline makes every widget do its slow work at once on the calling goroutine, as a test wants that looks at what is drawn.
// It is set before there is a widget.
var Inline bool

// background does one widget's slow work away from the window's goroutine, one piece at a time. Requests made
// meanwhile are answered by one more run when the current one ends, so a burst of changes costs two runs, and the
// last state is always the one shown. The zero value is ready.
type background struct {
	// prepare is called on the window's goroutine and takes along what the work needs. The work it returns runs
	// elsewhere, and returns what is to be done with its result on the window's goroutine. Nil means nothing to do.
	prepare func() func() func()
	// inline does the work at once on the calling goroutine, for pictures that are not shown in a window.
	inline bool

	busy, again bool
}

// request asks for a run with the state as it is now.
func (b *background) request() {
	if b.busy {
		b.again = true
		return
	}
	work := b.prepare()
	if work == nil {
		return
	}
	if b.inline || Inline {
		work()()
		return
	}
	b.busy = true
	go func() {
		apply := work()
		fyne.Do(func() {
			b.busy = false
			apply()
			if b.again {
				b.again = false
				b.request()
			}
		})
	}()
}

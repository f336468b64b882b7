package datasets

import (
	"runtime"
	"sync"
)

// The limits that stand where a field of Limits is zero.
const (
	// DefaultMaxPixels is 64 Mi pixels, 8192×8192.
	DefaultMaxPixels = 64 << 20
	// DefaultMaxFileBytes is 512 MiB.
	DefaultMaxFileBytes = 512 << 20
	// DefaultMaxMemory is 640 MiB. It leaves room below 1 GiB for everything
	// else that a process does while its images are decoded.
	DefaultMaxMemory = 640 << 20
	// DefaultMinSide is the shortest side that Open takes, 8 pixels: the
	// smallest side of real pixel art, and an eighth of the usual 64.
	DefaultMinSide = 8
)

// Limits bounds what is decoded. All but MaxFileBytes, which is the file
// system's word, are judged by the file's header, before decoding.
type Limits struct {
	// MaxPixels is the largest width × height. Zero: DefaultMaxPixels.
	MaxPixels int
	// MaxFileBytes is the largest file. Zero: DefaultMaxFileBytes.
	MaxFileBytes int64
	// MaxMemory is the most bytes that decoding one file may need at its
	// peak, as estimated from its header. An ordinary photograph needs 5 or 6
	// bytes a pixel, a progressive one up to 19, 16-bit colour 12.
	// Zero: DefaultMaxMemory.
	MaxMemory int64
	// MinSide is the shortest side taken, in pixels. Zero: DefaultMinSide in
	// Open, since a smaller picture teaches nothing at training sizes, and 1
	// in DecodeFile and Decode, since a 1×1 picture can still be translated.
	MinSide int
}

func (l Limits) withDefaults(minSide int) Limits {
	if l.MaxPixels <= 0 {
		l.MaxPixels = DefaultMaxPixels
	}
	if l.MaxFileBytes <= 0 {
		l.MaxFileBytes = DefaultMaxFileBytes
	}
	if l.MaxMemory <= 0 {
		l.MaxMemory = DefaultMaxMemory
	}
	if l.MinSide <= 0 {
		l.MinSide = minSide
	}
	return l
}

// memory is the budget that all decoding in the process shares: as many files
// are decoded at once as fit in it together.
var memory = newBudget(DefaultMaxMemory)

// heavy is the estimate from which a decode is worth a garbage collection of
// its own, before and after: without them the heap may grow to twice the
// budget before the collector wakes.
const heavy = 128 << 20

// budget is a weighted semaphore that serves in the order of arrival.
type budget struct {
	turn  sync.Mutex // held by the one waiter that is next
	state sync.Mutex
	freed *sync.Cond
	total int64
	free  int64
}

func newBudget(total int64) *budget {
	b := &budget{total: total, free: total}
	b.freed = sync.NewCond(&b.state)
	return b
}

// acquire waits until n bytes are free and takes them. A request above the
// total takes all of it. The result gives them back; it must be called once.
func (b *budget) acquire(n int64) (release func()) {
	n = min(n, b.total)
	b.turn.Lock()
	b.state.Lock()
	for b.free < n {
		b.freed.Wait()
	}
	b.free -= n
	b.state.Unlock()
	b.turn.Unlock()
	if n >= heavy {
		runtime.GC()
	}
	return func() {
		if n >= heavy {
			runtime.GC()
		}
		b.state.Lock()
		b.free += n
		b.state.Unlock()
		b.freed.Signal()
	}
}

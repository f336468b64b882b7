package direct

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// crew is the number of goroutines that share the work of one operation. What each piece of work computes does not
// depend on it, so results are the same on any number of cores.
type crew int

func newCrew() crew { return crew(min(runtime.NumCPU(), runtime.GOMAXPROCS(0))) }

// each calls do for i = 0 … count−1, each once, and returns when all calls have.
func (c crew) each(count int, do func(i int)) {
	if c <= 1 || count <= 1 {
		for i := range count {
			do(i)
		}
		return
	}
	startHelpers()
	j := &job{count: int64(count), do: do, done: make(chan struct{})}
	j.left.Store(int64(count))
	for range min(int(c), count) - 1 {
		select {
		case jobs <- j:
		default: // the helpers have others to help
		}
	}
	j.run()
	<-j.done
}

// job is work that anyone may take pieces of until there are none left.
type job struct {
	count      int64
	next, left atomic.Int64
	do         func(i int)
	done       chan struct{}
}

func (j *job) run() {
	for i := j.next.Add(1) - 1; i < j.count; i = j.next.Add(1) - 1 {
		j.do(int(i))
		if j.left.Add(-1) == 0 {
			close(j.done)
		}
	}
}

var jobs = make(chan *job, 64)

// startHelpers starts the goroutines that help with every job of this process, one fewer than there are cores.
var startHelpers = sync.OnceFunc(func() {
	for range newCrew() - 1 {
		go func() {
			if Prepare != nil {
				Prepare()
			}
			for j := range jobs {
				j.run()
			}
		}()
	}
})

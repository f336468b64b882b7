package direct

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// crew is the number of goroutines that share the work of one operation. What each piece of work computes does not
// depend on it, so results are the same on any number of cores.
type crew int

func newCrew() crew { return crew(min(runtime.NumCPU(), runtime.GOMAXPROCS(0))) }

// underWay is the number of parts of batches that are evaluated side by side in this process. Where there are as many as
// cores they share no work: each has a core for itself, and nobody waits for anybody.
var underWay atomic.Int64

// each calls do for i = 0 … count−1, each once, and returns when all calls have.
func (c crew) each(count int, do func(i int)) {
	if c <= 1 || count <= 1 || underWay.Load() >= int64(c) {
		for i := range count {
			do(i)
		}
		return
	}
	startHelpers()
	j := newJob(int(c), count, do)
	for range min(int(c), count) - 1 {
		select {
		case jobs <- j:
		default: // the helpers have others to help
		}
	}
	j.run(0)
	j.wait()
}

// job is work that anyone may take pieces of until there are none left. Everyone begins with a stretch that is at the same
// place in every operation, so that what a core finds in its cache is what it wrote there. Training is a twentieth quicker
// by it where cores share their last level of cache, and a fifth where they do not. Who is done with its own helps others.
type job struct {
	stretches []stretch
	left      atomic.Int64
	do        func(i int)
	done      chan struct{}
}

// A stretch is a range of pieces, of which those from next on are to be done.
type stretch struct {
	next atomic.Int64
	end  int64
	_    [48]byte // stretches have cache lines of their own
}

func newJob(n, count int, do func(i int)) *job {
	j := &job{stretches: make([]stretch, n), do: do, done: make(chan struct{})}
	for k := range j.stretches {
		j.stretches[k].next.Store(int64(count * k / n))
		j.stretches[k].end = int64(count * (k + 1) / n)
	}
	j.left.Store(int64(count))
	return j
}

// run takes pieces, those of stretch k first.
func (j *job) run(k int) {
	did := int64(0)
	for n := range j.stretches {
		s := &j.stretches[(k+n)%len(j.stretches)]
		for i := s.next.Add(1) - 1; i < s.end; i = s.next.Add(1) - 1 {
			j.do(int(i))
			did++
		}
	}
	if did > 0 && j.left.Add(-did) == 0 {
		close(j.done)
	}
}

// wait returns when all pieces are done. Others are at the last of them: it looks out for a while before it sleeps.
func (j *job) wait() {
	for look := newLookout(); look.on(); {
		if j.left.Load() == 0 {
			return
		}
	}
	<-j.done
}

// patience is for how long someone with nothing to do looks out for work before it sleeps. One operation of a network
// follows the other within microseconds, and waking a thread takes tens of them.
const patience = 100 * time.Microsecond

type lookout struct {
	until time.Time
	n     int
}

func newLookout() lookout { return lookout{until: time.Now().Add(patience)} }

// on tells whether to look once more.
func (l *lookout) on() bool {
	l.n++
	return l.n%32 != 0 || time.Now().Before(l.until)
}

var jobs = make(chan *job, 64)

// next is a job that needs help.
func next() *job {
	for look := newLookout(); look.on(); {
		select {
		case j := <-jobs:
			return j
		default:
		}
	}
	return <-jobs
}

// startHelpers starts the goroutines that help with every job of this process, one fewer than there are cores.
var startHelpers = sync.OnceFunc(func() {
	for k := range int(newCrew()) - 1 {
		go func() {
			if Prepare != nil {
				Prepare()
			}
			for {
				next().run(k + 1)
			}
		}()
	}
})

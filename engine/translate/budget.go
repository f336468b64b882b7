package translate

import (
	"context"
	"sync"
)

// A budget hands out bytes in the order of asking. Somebody who asks for more
// than all of it waits until nothing is out and gets all.
type budget struct {
	mu    sync.Mutex
	total int64
	out   int64
	peak  int64
	queue []*request
	// starved is poked when somebody begins to wait, or waits on although
	// something was given back.
	starved chan struct{}
}

type request struct {
	n    int64
	got  chan struct{}
	gone bool
}

func newBudget(total int64) *budget {
	return &budget{total: total, starved: make(chan struct{}, 1)}
}

// acquire waits for n bytes and gives the number to release later.
func (b *budget) acquire(ctx context.Context, n int64) (int64, error) {
	n = min(n, b.total)
	b.mu.Lock()
	r := &request{n: n, got: make(chan struct{})}
	b.queue = append(b.queue, r)
	b.serve()
	b.mu.Unlock()
	select {
	case <-r.got:
		return n, nil
	case <-ctx.Done():
		b.mu.Lock()
		defer b.mu.Unlock()
		select {
		case <-r.got: // at the same moment
			b.out -= n
		default:
			r.gone = true
		}
		b.serve()
		return 0, ctx.Err()
	}
}

func (b *budget) release(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out -= n
	b.serve()
}

// serve grants what it can, first come first served, and pokes starved if that
// does not satisfy everybody. It is called with mu held.
func (b *budget) serve() {
	for len(b.queue) > 0 {
		r := b.queue[0]
		if !r.gone {
			if b.out+r.n > b.total {
				select {
				case b.starved <- struct{}{}:
				default:
				}
				return
			}
			b.out += r.n
			b.peak = max(b.peak, b.out)
			close(r.got)
		}
		b.queue = b.queue[1:]
	}
}

// stuck reports whether somebody is waiting and at least half of what is out is
// in the hands of those who have held.
func (b *budget) stuck(held int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue) > 0 && 2*held >= b.out
}

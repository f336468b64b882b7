package direct

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// TestEachDoesEveryPieceOnce, however many share them, and with others at work at the same time.
func TestEachDoesEveryPieceOnce(t *testing.T) {
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for _, team := range []crew{1, 2, 3, 8} {
				for _, count := range []int{0, 1, 2, 7, 1000} {
					times := make([]atomic.Int64, count)
					team.each(count, func(i int) { times[i].Add(1) })
					for i := range times {
						if n := times[i].Load(); n != 1 {
							t.Errorf("a team of %d did piece %d of %d %d times", team, i, count, n)
						}
					}
				}
			}
		})
	}
	callers.Wait()
}

// TestEveryoneBeginsInTheSamePlace: whoever works at a job of two begins with its own half, and alone does the other too.
func TestEveryoneBeginsInTheSamePlace(t *testing.T) {
	for k, want := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {3, 4, 5, 6, 0, 1, 2}} {
		var order []int
		j := newJob(2, 7, func(i int) { order = append(order, i) })
		j.run(k)
		if !slices.Equal(order, want) {
			t.Errorf("number %d did %v, want %v", k, order, want)
		}
		j.wait()
	}
}

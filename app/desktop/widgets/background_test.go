//go:build !headless

package widgets

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2/test"
)

func TestABurstOfChangesIsOneMoreRunWithTheLastState(t *testing.T) {
	test.NewTempApp(t)
	state, release, applied := 1, make(chan struct{}), make(chan int, 10)
	b := background{}
	b.prepare = func() func() func() {
		taken := state
		return func() func() {
			<-release
			return func() { applied <- taken }
		}
	}
	b.request()
	for state = 2; state < 5; state++ {
		b.request()
	}
	state = 5
	close(release)
	got := []int{<-applied, <-applied}
	if !slices.Equal(got, []int{1, 5}) || len(applied) > 0 {
		t.Errorf("the states %v were shown and %d more, want 1 and 5 only", got, len(applied))
	}
}

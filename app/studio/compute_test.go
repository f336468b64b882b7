package studio

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/straightway-app/straightway/engine/backend"
)

func TestTheBackendOpensInTheBackground(t *testing.T) {
	var c Compute
	if s := c.State(); s.Opening || s.Backend != nil {
		t.Errorf("before anything was asked for: %+v", s)
	}
	c.Open("go")
	be, err := c.Wait()
	check(t, err)
	defer c.close()
	if s := c.State(); s.Opening || s.Backend != be || be.Kind != backend.Go {
		t.Errorf("once it is open: %+v", s)
	}
}

func TestTheLastChoiceOfABackendCounts(t *testing.T) {
	first := make(chan struct{}) // a choice that takes its time
	c := Compute{ready: first}
	defer c.close()
	got := make(chan error)
	wait := func() {
		be, err := c.Wait()
		if (be == nil) == (err == nil) {
			err = fmt.Errorf("a backend %v and an error %w", be, err)
		}
		got <- err
	}
	go wait()
	time.Sleep(20 * time.Millisecond) // it waits for the first choice by now, in all likelihood
	c.Open("go")
	time.Sleep(20 * time.Millisecond)
	if s := c.State(); !s.Opening {
		t.Errorf("the second choice does not wait until the first is opened, to close it: %+v", s)
	}
	c.Open("no such backend")
	close(first)
	if err := <-got; err == nil || !strings.Contains(err.Error(), "no such backend") {
		t.Errorf("who waited for the first choice got %v", err)
	}
	if s := c.State(); s.Opening || s.Err == nil {
		t.Errorf("the state after a failure is %+v", s)
	}
	c.Open("go")
	go wait()
	check(t, <-got)
}

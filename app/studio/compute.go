package studio

import (
	"sync"

	"github.com/straightway-app/straightway/engine/backend"
)

// Compute is the backend, opened in the background once the first frame is on the screen.
type Compute struct {
	mu     sync.Mutex
	ready  chan struct{} // closed once opening has ended
	be     *backend.Backend
	passed []backend.Report
	err    error
}

// ComputeState says where opening the backend stands.
type ComputeState struct {
	Opening bool
	Backend *backend.Backend // nil while it opens and where it failed
	Passed  []backend.Report // backends that were passed over, and why
	Err     error
}

// Open starts to open a backend by choice, in place of the present one, which must not be in use.
func (c *Compute) Open(choice string) {
	c.mu.Lock()
	old, ready := c.be, make(chan struct{})
	c.ready, c.be, c.err = ready, nil, nil
	c.mu.Unlock()
	go func() {
		defer close(ready)
		old.Close()
		be, passed, err := backend.Open(choice)
		c.mu.Lock()
		c.be, c.passed, c.err = be, passed, err
		c.mu.Unlock()
	}()
}

// State returns where things stand.
func (c *Compute) State() ComputeState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ComputeState{c.ready != nil && c.be == nil && c.err == nil, c.be, c.passed, c.err}
}

// Wait waits until the backend is open. It opens the best one where nobody has asked for one yet.
func (c *Compute) Wait() (*backend.Backend, error) {
	c.mu.Lock()
	ready := c.ready
	c.mu.Unlock()
	if ready == nil {
		c.Open(backend.Auto)
		return c.Wait()
	}
	<-ready
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.be, c.err
}

func (c *Compute) close() {
	c.mu.Lock()
	ready := c.ready
	c.mu.Unlock()
	if ready == nil {
		return
	}
	<-ready
	c.be.Close()
}

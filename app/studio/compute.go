package studio

import (
	"sync"
	"time"

	"github.com/straightway-app/straightway/engine/backend"
)

// Compute is the backend, opened in the background once the first frame is on the screen.
type Compute struct {
	mu     sync.Mutex
	ready  chan struct{} // closed once opening has ended
	be     *backend.Backend
	passed []backend.Report
	err    error
	memory memory
	asking bool
}

// memory is what a backend said of its memory.
type memory struct {
	at          time.Time
	used, total int64
	ok          bool
}

// ComputeState says where opening the backend stands.
type ComputeState struct {
	Opening bool
	Backend *backend.Backend // nil while it opens and where it failed
	Passed  []backend.Report // backends that were passed over, and why
	Err     error
}

// Open starts to open a backend by choice, in place of the present one, which must not be in use. The last choice counts.
func (c *Compute) Open(choice string) {
	c.mu.Lock()
	old, before, ready := c.be, c.ready, make(chan struct{})
	c.ready, c.be, c.passed, c.err = ready, nil, nil, nil
	c.mu.Unlock()
	go func() {
		yieldToWindow()
		defer close(ready)
		if before != nil {
			<-before
		}
		old.Close()
		be, passed, err := backend.Open(choice)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.ready != ready { // another choice came meanwhile
			be.Close()
			return
		}
		c.be, c.passed, c.err = be, passed, err
	}()
}

// State returns where things stand.
func (c *Compute) State() ComputeState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ComputeState{c.ready != nil && c.be == nil && c.err == nil, c.be, c.passed, c.err}
}

// Memory returns the bytes in use and in total of the memory that is computed in, as they were up to a second ago:
// asking a GPU takes longer than a frame may. ok is false where the system does not say.
func (c *Compute) Memory() (used, total int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if be := c.be; be != nil && !c.asking && time.Since(c.memory.at) > time.Second {
		c.asking = true
		go func() {
			used, total, ok := be.Memory()
			c.mu.Lock()
			defer c.mu.Unlock()
			c.asking, c.memory = false, memory{time.Now(), used, total, ok}
		}()
	}
	return c.memory.used, c.memory.total, c.memory.ok
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
	be, err, last := c.be, c.err, c.ready == ready
	c.mu.Unlock()
	if !last { // another choice came meanwhile
		return c.Wait()
	}
	return be, err
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

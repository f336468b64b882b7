package train

import (
	"sync"
	"time"

	"github.com/straightway-app/straightway/engine/project"
)

// Event is what Run tells its watcher. It is a value that nobody changes afterwards. Kind says which fields hold.
type Event struct {
	Kind EventKind

	// Step, Phase, Preview and Round events.
	Round string // such as "1-flow"; empty before the first round

	// Step and Phase events.
	Step, Steps     int           // updates made in this round, and planned
	Loss            float64       // mean of the velocity loss (mean square, [-1,1] images) since the last step event
	ImagesPerSecond float64       // recent, pauses excluded
	ETA             time.Duration // of the steps of all rounds to come; 0 while the speed is not known yet
	Elapsed         time.Duration // of this run
	Phase           string        // what is being done now: "training", "compiling", "making pairs", ...
	Done, Total     int           // of a phase whose length is known; Total 0 otherwise
	Paused          bool

	Report  *project.RoundReport // Round events
	Preview *Preview             // Preview events
	Sheet   string               // Round events: path of the contact sheet
	Message string               // Note events: words for a person
}

// EventKind tells events apart.
type EventKind int

// The kinds of events.
const (
	StepEvent EventKind = iota
	PhaseEvent
	RoundEvent
	PreviewEvent
	NoteEvent
)

// Control lets another goroutine pause a run and let it go on. The zero value is ready. Stopping is done by the
// context: the run saves and returns.
type Control struct {
	mu     sync.Mutex
	paused chan struct{} // closed when the run may go on; nil while it runs
}

// Pause makes the run wait after the current step, or where no steps are made, after the images at hand; the model stays
// loaded.
func (c *Control) Pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused == nil {
		c.paused = make(chan struct{})
	}
}

// Continue ends a pause.
func (c *Control) Continue() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused != nil {
		close(c.paused)
		c.paused = nil
	}
}

// waiting returns a channel that closes when the pause ends, or nil when there is none.
func (c *Control) waiting() <-chan struct{} {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused
}

// publisher hands events to the watcher one at a time, and repeats where things stand at least once a second, also
// while a long compilation runs.
type publisher struct {
	mu    sync.Mutex
	watch func(Event)
	clock func() time.Time
	now   Event // the latest step or phase
	sent  time.Time
	began time.Time
	quit  chan struct{}
	idle  sync.WaitGroup
}

// What was last said is repeated once it is a heartbeat old, which is looked at every tick: together under a second.
const (
	heartbeat = 700 * time.Millisecond
	tick      = 100 * time.Millisecond
)

func newPublisher(watch func(Event)) *publisher {
	p := silentPublisher(watch, time.Now)
	p.idle.Add(1)
	go func() {
		defer p.idle.Done()
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for {
			select {
			case <-p.quit:
				return
			case <-ticker.C:
				p.beat()
			}
		}
	}()
	return p
}

// silentPublisher is a publisher that says nothing by itself.
func silentPublisher(watch func(Event), clock func() time.Time) *publisher {
	if watch == nil {
		watch = func(Event) {}
	}
	return &publisher{watch: watch, clock: clock, began: clock(), quit: make(chan struct{}), now: Event{Kind: PhaseEvent, Phase: "starting"}}
}

// beat repeats the present state where it was last told too long ago.
func (p *publisher) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clock().Sub(p.sent) >= heartbeat {
		p.send()
	}
}

func (p *publisher) close() {
	close(p.quit)
	p.idle.Wait()
}

// send repeats the present state; the caller holds the lock.
func (p *publisher) send() {
	e := p.now
	p.sent = p.clock()
	e.Elapsed = p.sent.Sub(p.began)
	p.watch(e)
}

// step publishes a new state of training. Before the first one of a round nothing of that round is said, so that a
// watcher never sees a resumed round at a step where it does not stand.
func (p *publisher) step(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Kind, e.Phase = StepEvent, "training"
	p.now = e
	p.send()
}

// phase says what is being done; step, loss and ETA stay as they were.
func (p *publisher) phase(name string, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	news := p.now.Phase != name || done == total
	p.now.Phase, p.now.Done, p.now.Total = name, done, total
	if p.now.Round == "" {
		p.now.Kind = PhaseEvent
	}
	if news || p.clock().Sub(p.sent) >= heartbeat {
		p.send()
	}
}

// rest says that the run is paused, or goes on.
func (p *publisher) rest(paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Paused = paused
	p.send()
}

func (p *publisher) tell(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Elapsed = p.clock().Sub(p.began)
	p.watch(e)
}

func (p *publisher) note(message string) { p.tell(Event{Kind: NoteEvent, Message: message}) }

package project

import (
	"errors"
	"fmt"
	"sync"
)

// Saver writes a round's checkpoints in the background, at most one at a time,
// so that training never waits for the disk.
type Saver struct {
	project *Project
	round   string

	mu     sync.Mutex
	busy   chan struct{} // closed when the save in flight ends; nil when there is none
	failed error         // of a finished save, not reported yet
	closed bool
}

// NewSaver returns a saver for a round. It must be closed before the project.
func (p *Project) NewSaver(round string) *Saver { return &Saver{project: p, round: round} }

// TrySave starts a save and returns at once. While another is still in flight
// it does nothing and returns false: the next autosave will do.
//
// snapshot runs before TrySave returns, on the caller's goroutine, where the
// training state may be read safely. Nobody may change the tensors it returns
// until the save has ended. The error is snapshot's, or that of the save
// before; each is reported once, and a save is started all the same if it can
// be.
func (s *Saver) TrySave(snapshot func() (Checkpoint, error)) (started bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err, s.failed = s.failed, nil
	if s.closed {
		return false, errors.Join(err, fmt.Errorf("saving round %s: the saver is closed", s.round))
	}
	if s.busy != nil {
		return false, err
	}
	checkpoint, snapshotErr := snapshot()
	if snapshotErr != nil {
		return false, errors.Join(err, fmt.Errorf("taking a snapshot of round %s: %w", s.round, snapshotErr))
	}
	busy := make(chan struct{})
	s.busy = busy
	go func() {
		saveErr := s.project.SaveCheckpoint(s.round, checkpoint)
		s.mu.Lock()
		s.failed = errors.Join(s.failed, saveErr)
		s.busy = nil
		s.mu.Unlock()
		close(busy)
	}()
	return true, err
}

// Save waits for a save in flight, then saves and waits until it is on disk.
// Use it where progress must not be lost: on stop, on Ctrl-C, at a round's end.
func (s *Saver) Save(snapshot func() (Checkpoint, error)) error {
	earlier := s.Flush()
	started, err := s.TrySave(snapshot)
	if !started && err == nil {
		err = fmt.Errorf("saving round %s: another goroutine is saving it", s.round)
	}
	if err := errors.Join(err, s.Flush()); err != nil {
		return errors.Join(earlier, err)
	}
	return nil // a whole newer checkpoint makes an earlier failure void
}

// Flush waits for a save in flight and returns any error not reported yet.
func (s *Saver) Flush() error {
	s.mu.Lock()
	busy := s.busy
	s.mu.Unlock()
	if busy != nil {
		<-busy
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.failed
	s.failed = nil
	return err
}

// Close flushes; later saves are refused. Closing twice is harmless.
func (s *Saver) Close() error {
	err := s.Flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return err
}

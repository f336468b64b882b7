package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked is wrapped by the error for a project that another process is
// training.
var ErrLocked = errors.New("the project is in use")

const (
	lockName = ".lock"
	// Windows forbids others to read the byte that is locked, which is the
	// first, so the holder's description begins at the second.
	lockOffset = 1
	lockLength = 512
)

// holder describes the process that holds a lock.
type holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"` // when the lock was taken
}

// takeLock takes dir/.lock or says who holds it.
func takeLock(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, lockName)
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o644))
	taken, err := lock.TryLock()
	if err != nil {
		return nil, explain("locking", path, err)
	}
	if !taken {
		who := "another process"
		if h, err := readHolder(path); err == nil {
			who = fmt.Sprintf("process %d on %s since %s", h.PID, h.Host, h.Started.Local().Format(time.DateTime))
		}
		return nil, fmt.Errorf("%w: %s is being written by %s: wait until it is done or stop it, then try again", ErrLocked, dir, who)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	if err := writeHolder(path, holder{PID: os.Getpid(), Host: host, Started: time.Now().UTC().Truncate(time.Second)}); err != nil {
		return nil, errors.Join(explain("locking", path, err), lock.Unlock())
	}
	return lock, nil
}

// writeHolder fills the file to a fixed length, so that a shorter description
// never leaves the end of a longer one behind.
func writeHolder(path string, h holder) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if len(data) > lockLength {
		return fmt.Errorf("the name of this machine, %q, is too long", h.Host)
	}
	data = append(data, bytes.Repeat([]byte{' '}, lockLength-len(data))...)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(data, lockOffset)
	return errors.Join(err, file.Close())
}

func readHolder(path string) (h holder, err error) {
	file, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer file.Close()
	data := make([]byte, lockLength)
	// Another process may have taken the lock this instant and not described
	// itself yet.
	for range 20 {
		if _, err = file.ReadAt(data, lockOffset); err == nil {
			if err = json.Unmarshal(data, &h); err == nil {
				return h, nil
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return h, err
}

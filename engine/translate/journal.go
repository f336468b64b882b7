package translate

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gofrs/flock"
)

// stateDir is the folder in the output folder that holds what the export needs
// for itself. None of its files has a dot in its name, so that nothing that
// looks for pictures takes one for a picture:
//
//	journal   one line of JSON for every output, written just before the
//	          output appears under its name
//	lock      held while an export runs
//	partial/  outputs that are being written; emptied when an export starts
const stateDir = ".straightway"

// An entry is one line of the journal. The last one for an output counts.
type entry struct {
	In       filename `json:"in"`       // absolute path of the input
	InSize   int64    `json:"in_size"`  // bytes
	InTime   int64    `json:"in_time"`  // modification, ns since 1970
	Settings string   `json:"settings"` // hash
	Out      filename `json:"out"`      // relative to the output folder, forward slashes
	Size     int64    `json:"size"`     // bytes
	Time     int64    `json:"time"`     // modification, ns since 1970
	SHA256   string   `json:"sha256"`   // of the output
}

// A filename survives JSON whatever its bytes are. A name that is not UTF-8, or
// that looks like what stands for one, is written in base64.
type filename string

const base64Mark = "base64:"

// MarshalText implements encoding.TextMarshaler.
func (f filename) MarshalText() ([]byte, error) {
	if !utf8.ValidString(string(f)) || strings.HasPrefix(string(f), base64Mark) {
		return []byte(base64Mark + base64.StdEncoding.EncodeToString([]byte(f))), nil
	}
	return []byte(f), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *filename) UnmarshalText(text []byte) error {
	if coded, ok := bytes.CutPrefix(text, []byte(base64Mark)); ok {
		raw, err := base64.StdEncoding.DecodeString(string(coded))
		*f = filename(raw)
		return err
	}
	*f = filename(text)
	return nil
}

// A journal is the open journal of an output folder, which it locks.
type journal struct {
	mu     sync.Mutex
	file   *os.File
	lock   *flock.Flock
	synced time.Time
	past   map[string]entry // by Out; not changed after opening
	order  []entry          // past, in the order of the file
}

// openJournal locks the output folder, reads its journal and clears away what
// an earlier run left unfinished. The folder must exist.
func openJournal(outDir string) (*journal, error) {
	dir := filepath.Join(outDir, stateDir)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("the output folder %s cannot be written to: choose another one, or change its permissions: %w", outDir, err)
	}
	j := &journal{lock: flock.New(filepath.Join(dir, "lock")), past: map[string]entry{}}
	got, err := j.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the output folder %s: %w", outDir, err)
	}
	if !got {
		return nil, fmt.Errorf("another export is writing to %s: wait until it is done, or choose another output folder", outDir)
	}
	if err := j.open(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open the journal of the output folder %s: %w", outDir, err), j.close())
	}
	return j, nil
}

func (j *journal) open(dir string) error {
	partial := filepath.Join(dir, "partial")
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	if err := os.Mkdir(partial, 0o777); err != nil {
		return err
	}
	name := filepath.Join(dir, "journal")
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for line := range bytes.Lines(data) {
		var e entry
		// A line that was cut off by a crash is no entry: its output had not
		// been given its name yet.
		if json.Unmarshal(line, &e) == nil && e.Out != "" {
			j.past[string(e.Out)] = e
			j.order = append(j.order, e)
		}
	}
	j.file, err = os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err == nil && len(data) > 0 && data[len(data)-1] != '\n' {
		_, err = io.WriteString(j.file, "\n")
	}
	return err
}

// record adds an entry. It reaches the system before record returns, so it
// outlives the process; it reaches the disk within about a second of work. If
// the power fails in that second, the outputs of that second look like files
// of somebody else: they are kept, and named.
func (j *journal) record(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	if time.Since(j.synced) > time.Second {
		err = j.file.Sync()
		j.synced = time.Now()
	}
	return err
}

// close gives the lock back.
func (j *journal) close() error {
	var err error
	if j.file != nil {
		err = errors.Join(j.file.Sync(), j.file.Close(), os.RemoveAll(filepath.Join(filepath.Dir(j.file.Name()), "partial")))
	}
	return errors.Join(err, j.lock.Unlock())
}

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
//	lock      held while an export runs; by the shares of a job together
//	partial/  outputs that are being written; emptied when an export starts
//	shards/   for each share of a job a folder such as 0-of-4, with a journal,
//	          a lock and a partial/ of its own: no two processes ever write
//	          to one file, which a network file system would not order
//
// Every export reads all journals.
const (
	stateDir  = ".straightway"
	shardsDir = "shards"
)

// An entry is one line of the journal. Of those for one output the one that
// describes the file there counts.
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

// A journal is the open journal of an output folder, or of one share of a job
// in it, which it locks.
type journal struct {
	dir    string // of this journal and what belongs to it
	file   *os.File
	locks  []*flock.Flock
	synced time.Time
	past   map[string][]entry // by Out; not changed after opening
	order  []entry            // past, in the order of the files
}

// openJournal locks the output folder, reads its journals and clears away what
// an earlier run of the same share left unfinished; the whole job clears away
// what any share left. The folder must exist.
func openJournal(outDir string, s Shard) (*journal, error) {
	root := filepath.Join(outDir, stateDir)
	j := &journal{dir: root, past: map[string][]entry{}}
	if s.split() {
		j.dir = filepath.Join(root, shardsDir, s.folder())
	}
	if err := os.MkdirAll(j.dir, 0o777); err != nil {
		return nil, fmt.Errorf("the output folder %s cannot be written to: choose another one, or change its permissions: %w", outDir, err)
	}
	if err := j.lock(outDir, root, s); err != nil {
		return nil, errors.Join(err, j.close())
	}
	if err := j.open(root); err != nil {
		return nil, errors.Join(fmt.Errorf("open the journal of the output folder %s: %w", outDir, err), j.close())
	}
	return j, nil
}

// lock keeps others out: the whole job everybody, a share whoever is not a
// share of a job that is split in the same way.
func (j *journal) lock(outDir, root string, s Shard) error {
	hold := func(dir string, try func(*flock.Flock) (bool, error), format string, a ...any) error {
		l := flock.New(filepath.Join(dir, "lock"))
		got, err := try(l)
		if err != nil {
			return fmt.Errorf("lock the output folder %s: %w", outDir, err)
		}
		if !got {
			return fmt.Errorf(format, a...)
		}
		j.locks = append(j.locks, l)
		return nil
	}
	const another = "another export is writing to %s: wait until it is done, or choose another output folder"
	if !s.split() {
		return hold(root, (*flock.Flock).TryLock, another, outDir)
	}
	if err := hold(root, (*flock.Flock).TryRLock, another, outDir); err != nil {
		return err
	}
	if err := hold(j.dir, (*flock.Flock).TryLock, "another process is at work on share %s in %s: give every process a number of its own, or wait until that one is done", s, outDir); err != nil {
		return err
	}
	// An input may be in a share of this job and in another one of a job that
	// is split otherwise. Each looks for the other after it has its own lock,
	// so of two that start together at least one gives way.
	others, err := shardDirs(root)
	if err != nil {
		return err
	}
	for _, dir := range others {
		if strings.HasSuffix(dir, s.siblings()) {
			continue
		}
		if err := hold(dir, (*flock.Flock).TryRLock, "share %s of another export is writing to %s, and this one is %s: split a job in one way, or wait until the other is done",
			strings.Replace(filepath.Base(dir), "-of-", "/", 1), outDir, s); err != nil {
			return err
		}
		last := len(j.locks) - 1
		if err := j.locks[last].Unlock(); err != nil {
			return err
		}
		j.locks = j.locks[:last]
	}
	return nil
}

// shardDirs lists the folders of all shares that ever ran.
func shardDirs(root string) ([]string, error) {
	list, err := os.ReadDir(filepath.Join(root, shardsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var dirs []string
	for _, e := range list {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(root, shardsDir, e.Name()))
		}
	}
	return dirs, nil
}

func (j *journal) open(root string) error {
	shards, err := shardDirs(root)
	if err != nil {
		return err
	}
	all := append([]string{root}, shards...)
	for _, dir := range all {
		if dir == j.dir || j.dir == root {
			if err := os.RemoveAll(filepath.Join(dir, "partial")); err != nil {
				return err
			}
		}
	}
	if err := os.Mkdir(filepath.Join(j.dir, "partial"), 0o777); err != nil {
		return err
	}
	torn := false
	for _, dir := range all {
		data, err := os.ReadFile(filepath.Join(dir, "journal"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for line := range bytes.Lines(data) {
			var e entry
			// A line that was cut off by a crash, or that another share is
			// writing, is no entry: its output has not been given its name yet.
			if json.Unmarshal(line, &e) == nil && e.Out != "" {
				j.past[string(e.Out)] = append(j.past[string(e.Out)], e)
				j.order = append(j.order, e)
			}
		}
		if dir == j.dir {
			torn = len(data) > 0 && data[len(data)-1] != '\n'
		}
	}
	j.file, err = os.OpenFile(filepath.Join(j.dir, "journal"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err == nil && torn {
		_, err = io.WriteString(j.file, "\n")
	}
	return err
}

// record adds entries. They reach the system before record returns, so they
// outlive the process; they reach the disk with a large group of outputs, and
// within about a second of work otherwise. If the power fails in that second, the
// outputs of that second look like files of somebody else: they are kept, and
// named.
func (j *journal) record(entries []entry) error {
	var lines []byte
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	if _, err := j.file.Write(lines); err != nil {
		return err
	}
	if time.Since(j.synced) < time.Second {
		return nil
	}
	j.synced = time.Now()
	return j.file.Sync()
}

// close gives the locks back.
func (j *journal) close() error {
	var err error
	if j.file != nil {
		err = errors.Join(j.file.Sync(), j.file.Close(), os.RemoveAll(filepath.Join(j.dir, "partial")))
	}
	for _, l := range j.locks {
		err = errors.Join(err, l.Unlock())
	}
	return err
}

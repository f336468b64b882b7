package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// ErrExists is wrapped by the error of Create for a folder that already holds
// a project.
var ErrExists = errors.New("the folder already holds a project")

// ErrGone is wrapped by the error for an open project whose folder is no longer there.
var ErrGone = errors.New("the project's folder is gone")

// errReadOnly answers a write to a project opened by OpenReadOnly.
var errReadOnly = errors.New("the project was opened for reading only")

const (
	roundsName = "rounds"
	cacheName  = "cache"
)

// Project is an open project folder. Its methods, Close apart, may be called
// from several goroutines.
type Project struct {
	dir      string
	readOnly bool
	lock     *flock.Flock // nil when opened for reading only

	// Three locks, so that neither a setting nor a line of history waits for
	// a checkpoint on its way to the disk.
	settingsMu sync.Mutex
	settings   Settings
	historyMu  sync.Mutex
	history    *os.File // nil when opened for reading only
	roundsMu   sync.Mutex
	whole      map[string]bool // rounds whose newest checkpoint this process wrote or has verified
}

// Create makes a project in dir, making the folder if need be, and takes its
// lock. Files that are there already are left alone; a folder that already
// holds a project is refused with ErrExists. Schema and CreatedAt are filled
// in.
func Create(dir string, s Settings) (*Project, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("making a project: %w", err)
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	if err := create(dir, s); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return openLocked(dir, lock)
}

// Prepare makes a project in dir, or opens the one that is there (found). One
// that has not begun a round (its folders of images were not the right ones,
// say) takes the settings given now; of one that has, begun is true and
// nothing is changed.
func Prepare(dir string, s Settings) (p *Project, found, begun bool, err error) {
	p, err = Create(dir, s)
	if !errors.Is(err, ErrExists) {
		return p, false, false, err
	}
	if p, err = Open(dir); err != nil {
		return nil, true, false, err
	}
	rounds, err := p.Rounds()
	if err == nil && len(rounds) == 0 {
		err = p.SaveSettings(s)
	}
	if err != nil {
		return nil, true, false, errors.Join(err, p.Close())
	}
	return p, true, len(rounds) > 0, nil
}

func create(dir string, s Settings) error {
	for _, name := range []string{settingsName, backupName, roundsName} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%w: %s contains %s: resume it, or choose another folder", ErrExists, dir, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return explain("looking into", dir, err)
		}
	}
	s.CreatedAt = time.Now().UTC().Truncate(time.Second)
	return writeSettings(dir, s)
}

// Open opens the project in dir for writing: it takes the lock, removes the
// temporary files of killed processes, and cuts off a torn last line of the
// history. Errors wrap ErrNotProject, ErrLocked or ErrNewer where they apply.
func Open(dir string) (*Project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening a project: %w", err)
	}
	// Looking before locking keeps .lock out of folders that are no projects.
	if _, err := readSettings(dir); err != nil {
		return nil, err
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	return openLocked(dir, lock)
}

func openLocked(dir string, lock *flock.Flock) (_ *Project, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Unlock())
		}
	}()
	settings, err := readSettings(dir)
	if err != nil {
		return nil, err
	}
	rounds, err := roundFolders(dir)
	if err != nil {
		return nil, err
	}
	folders := []string{dir, filepath.Join(dir, cacheName)}
	for _, r := range rounds {
		folders = append(folders, filepath.Join(dir, roundsName, r.Name))
	}
	for _, folder := range folders {
		if err := removeTemporary(folder); err != nil {
			return nil, err
		}
	}
	history, err := openHistory(dir)
	if err != nil {
		return nil, err
	}
	return &Project{dir: dir, lock: lock, settings: settings, history: history, whole: map[string]bool{}}, nil
}

// OpenReadOnly opens the project in dir without taking its lock, also while
// another process trains it. Every method that writes returns an error.
func OpenReadOnly(dir string) (*Project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening a project: %w", err)
	}
	settings, err := readSettings(dir)
	if err != nil {
		return nil, err
	}
	return &Project{dir: dir, readOnly: true, settings: settings}, nil
}

// Close releases the lock. The project must not be used afterwards.
func (p *Project) Close() error {
	if p.lock == nil {
		return nil
	}
	err := errors.Join(p.history.Close(), p.lock.Unlock())
	p.lock, p.history = nil, nil
	return explain("closing", p.dir, err)
}

// Dir returns the absolute path of the project's folder.
func (p *Project) Dir() string { return p.dir }

// Settings returns the project's settings.
func (p *Project) Settings() Settings {
	p.settingsMu.Lock()
	defer p.settingsMu.Unlock()
	return p.settings
}

// SaveSettings validates and writes changed settings; the ones before them
// stay as project.json.bak. CreatedAt does not change.
func (p *Project) SaveSettings(s Settings) error {
	if err := p.writable("saving the settings"); err != nil {
		return err
	}
	p.settingsMu.Lock()
	defer p.settingsMu.Unlock()
	if err := s.Validate(); err != nil {
		return err
	}
	s.Schema, s.CreatedAt = Schema, p.settings.CreatedAt
	if err := writeSettings(p.dir, s); err != nil {
		return err
	}
	p.settings = s
	return nil
}

// CacheDir returns the folder for data that can be made anew, making it if
// need be.
func (p *Project) CacheDir() (string, error) {
	dir := filepath.Join(p.dir, cacheName)
	return dir, p.makeDir(dir)
}

// makeDir makes a folder of the project if need be, but never the project's own again where that is gone: a checkpoint
// in it would look like a project that has lost its rounds.
func (p *Project) makeDir(dir string) error {
	if _, err := os.Stat(filepath.Join(p.dir, settingsName)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s was deleted or renamed, or its disk is not connected: bring it back under this name and continue", ErrGone, p.dir)
	}
	return makeDir(dir)
}

func (p *Project) writable(doing string) error {
	if p.readOnly {
		return fmt.Errorf("%s of %s: %w", doing, p.dir, errReadOnly)
	}
	return nil
}

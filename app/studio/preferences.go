package studio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/straightway-app/straightway/engine/project"
)

const recentMost = 12

// Choices are what the settings screen shows. The zero value of each field is its default.
type Choices struct {
	Language string   `json:"language"` // "en" or "zh-CN"; empty: the system's
	Theme    string   `json:"theme"`    // "light" or "dark"; empty: the system's
	Scale    float32  `json:"scale"`    // of text and controls; 0 is 1
	Backend  string   `json:"backend"`  // empty: the best that works
	Autosave int      `json:"autosave"` // seconds; 0: 30
	Recent   []string `json:"recent"`   // project folders, the latest first
	// Speeds are images a second in training, measured here: by backend, preset and size.
	Speeds map[string]float64 `json:"speeds"`
	// Precision of new projects.
	Precision project.Precision `json:"precision"`
}

// Preferences are choices kept in a file of the user's.
type Preferences struct {
	path   string
	saving sync.Mutex // held while the file is written
	mu     sync.Mutex
	c      Choices
}

func loadPreferences(dir string) (*Preferences, error) {
	p := &Preferences{path: filepath.Join(dir, "preferences.json")}
	data, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &p.c)
	}
	if err != nil {
		p.c = Choices{}
		return p, fmt.Errorf("the preferences in %s cannot be read and have their defaults now; they are written anew at the next change: %w", p.path, err)
	}
	return p, nil
}

// Choices returns the present choices.
func (p *Preferences) Choices() Choices {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.c
	c.Recent, c.Speeds = slices.Clone(c.Recent), maps.Clone(c.Speeds)
	return c
}

// Set changes the choices; Save keeps them.
func (p *Preferences) Set(f func(c *Choices)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.c)
}

// Change changes the choices and saves them.
func (p *Preferences) Change(f func(c *Choices)) error {
	p.Set(f)
	return p.Save()
}

// Save writes the choices.
func (p *Preferences) Save() error {
	p.saving.Lock() // the disk may be slow; who only asks does not wait for it
	defer p.saving.Unlock()
	if err := os.MkdirAll(filepath.Dir(p.path), 0o777); err != nil {
		return fmt.Errorf("saving the preferences: %w", err)
	}
	data, err := json.MarshalIndent(p.Choices(), "", "  ")
	if err != nil {
		return fmt.Errorf("saving the preferences: %w", err)
	}
	return project.WriteFile(p.path, func(w io.Writer) error { _, err := w.Write(append(data, '\n')); return err })
}

// remember puts a project first among the recent ones.
func (p *Preferences) remember(dir string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	recent := slices.DeleteFunc(p.c.Recent, func(d string) bool { return d == dir })
	p.c.Recent = append([]string{dir}, recent...)
	if len(p.c.Recent) > recentMost {
		p.c.Recent = p.c.Recent[:recentMost]
	}
}

// ForgetRecent takes a project off the list of recent ones; its folder stays.
func (p *Preferences) ForgetRecent(dir string) error {
	return p.Change(func(c *Choices) {
		c.Recent = slices.DeleteFunc(slices.Clone(c.Recent), func(d string) bool { return d == dir })
	})
}

// speedKey names what the speed of training depends on. A generator has no features in its loss.
func speedKey(backend string, s project.Settings) string {
	if s.FromNoise() {
		s.Loss = project.LossPixel
	}
	return fmt.Sprintf("%s %s %d px %s", backend, s.Preset, s.Size, s.Loss)
}

// noteSpeed keeps what training measured.
func (p *Preferences) noteSpeed(backend string, s project.Settings, perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c.Speeds == nil {
		p.c.Speeds = map[string]float64{}
	}
	p.c.Speeds[speedKey(backend, s)] = perSecond
}

func (p *Preferences) speed(backend string, s project.Settings) (float64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.c.Speeds[speedKey(backend, s)]
	return v, ok
}

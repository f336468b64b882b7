// Package studio is what the window works on: the preferences, the backend, the two domains, the project with its
// training, translations and exports, and the laboratory. It knows no widget; everything in it can be asked at any time
// from any goroutine and answers with values that nobody changes afterwards, which a screen draws ten times a second.
package studio

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"os"
	"path/filepath"
	"sync"

	"github.com/straightway-app/straightway/datasets/demo"
	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/project"
)

// Studio is the state of one window.
type Studio struct {
	Preferences *Preferences
	Compute     *Compute
	Domains     [2]*Domain // source and target
	Training    *Training
	Translator  *Translator
	Generator   *Generator
	Exporter    *Exporter
	Estimator   *Estimator
	Lab         *Lab
	Diagnoser   *Diagnoser

	dirs Dirs

	mu      sync.Mutex
	project *project.Project // opened for writing; nil before the first one
	changed int              // counts what is opened and closed, for watchers
}

// Dirs are the folders that belong to the user rather than to a project.
type Dirs struct {
	Config string // preferences and crash reports
	Cache  string // thumbnails; safe to delete
	Data   string // projects made without naming a folder
}

// DefaultDirs are the folders that the system has for these things.
func DefaultDirs() (Dirs, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return Dirs{}, fmt.Errorf("finding the folder for preferences: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return Dirs{}, fmt.Errorf("finding the folder for thumbnails: %w", err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return Dirs{}, fmt.Errorf("finding the home folder: %w", err)
	}
	return Dirs{filepath.Join(config, "straightway"), filepath.Join(cache, "straightway"), filepath.Join(home, "Straightway")}, nil
}

// New makes a studio. It opens nothing and does not wait; problem says what was wrong with the preferences, which
// then have their defaults.
func New(dirs Dirs) (s *Studio, problem error) {
	direct.Prepare = yieldToWindow
	s = &Studio{dirs: dirs}
	s.Preferences, problem = loadPreferences(dirs.Config)
	s.Compute = &Compute{}
	s.Domains = [2]*Domain{newDomain(dirs.Cache), newDomain(dirs.Cache)}
	s.Training = &Training{studio: s}
	s.Translator = &Translator{studio: s}
	s.Generator = &Generator{studio: s}
	s.Exporter = &Exporter{studio: s}
	s.Estimator = &Estimator{studio: s}
	s.Lab = newLab()
	s.Diagnoser = &Diagnoser{studio: s}
	return s, problem
}

// Dirs returns the folders that the studio was made with.
func (s *Studio) Dirs() Dirs { return s.dirs }

// Close stops what runs, saves it and gives the project free. It waits.
func (s *Studio) Close() error {
	s.Exporter.Stop()
	s.Lab.Stop()
	s.Diagnoser.Stop()
	s.Training.Stop()
	s.Training.Wait()
	s.Lab.Wait()
	s.Exporter.finish()
	s.Estimator.Stop()
	for _, d := range s.Domains {
		d.Clear()
	}
	s.Translator.Forget()
	err := errors.Join(s.closeProject(), s.Preferences.Save())
	s.Compute.close()
	return err
}

// Project is the open project, or nil; version changes whenever another one is opened or its rounds change.
func (s *Studio) Project() (p *project.Project, version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.project, s.changed
}

func (s *Studio) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed++
}

// ErrBusy is returned for what cannot be done while a training run or an export works on the project.
var ErrBusy = errors.New("the open project is at work: stop the training and the export first")

// OpenProject opens a project folder in place of the present one, and its two domains.
func (s *Studio) OpenProject(dir string) error {
	if s.Training.Busy() || s.Exporter.Busy() {
		return ErrBusy
	}
	if p, _ := s.Project(); p != nil && p.Dir() == filepath.Clean(dir) {
		return nil
	}
	p, err := project.Open(dir)
	if err != nil {
		return err
	}
	return s.adopt(p)
}

// adopt makes p the open project.
func (s *Studio) adopt(p *project.Project) error {
	err := s.closeProject()
	s.mu.Lock()
	s.project = p
	s.changed++
	s.mu.Unlock()
	s.Translator.Forget()
	s.Training.load(p)
	settings := p.Settings()
	for i, path := range []string{settings.Source, settings.Target} {
		s.Domains[i].Choose(path)
	}
	s.Preferences.remember(p.Dir())
	return errors.Join(err, s.Preferences.Save())
}

// CloseProject closes the open project and keeps the domains, for a new one.
func (s *Studio) CloseProject() error {
	if s.Training.Busy() || s.Exporter.Busy() {
		return ErrBusy
	}
	s.Translator.Forget()
	err := s.closeProject()
	s.Training.clear()
	return err
}

func (s *Studio) closeProject() error {
	s.Diagnoser.forget()
	s.mu.Lock()
	p := s.project
	s.project = nil
	s.changed++
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	return p.Close()
}

// Demo lays the built-in pictures into a folder of the user's and chooses them as domains.
func (s *Studio) Demo() error {
	source, target, _, _, err := demo.Extract(filepath.Join(s.dirs.Data, "Demo pictures"))
	if err != nil {
		return err
	}
	s.Domains[0].Choose(source)
	s.Domains[1].Choose(target)
	return nil
}

// Swap exchanges source and target of a project that is not made yet.
func (s *Studio) Swap() {
	a, b := s.Domains[0].Path(), s.Domains[1].Path()
	s.Domains[0].Choose(b)
	s.Domains[1].Choose(a)
}

// SuggestDir is a folder for a new project of the two domains that is not taken yet.
func (s *Studio) SuggestDir() string {
	name := fmt.Sprintf("%s to %s", filepath.Base(s.Domains[0].Path()), filepath.Base(s.Domains[1].Path()))
	for n := 1; ; n++ {
		dir := filepath.Join(s.dirs.Data, name)
		if n > 1 {
			dir = fmt.Sprintf("%s %d", dir, n)
		}
		if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) || n > 999 {
			return dir
		}
	}
}

// UseBackend opens another backend once what computes on the present one has ended. It waits for single pictures and
// measurements, and must not be called while training or an export goes on.
func (s *Studio) UseBackend(choice string) {
	s.Translator.mu.Lock()
	defer s.Translator.mu.Unlock()
	s.Translator.forget()
	s.Estimator.Stop()
	s.Diagnoser.forget()
	s.Compute.Open(choice)
}

// background is a goroutine's work that can be stopped and waited for.
type background struct {
	stop context.CancelFunc
	done chan struct{}
}

func start(work func(ctx context.Context)) *background {
	ctx, cancel := context.WithCancel(context.Background())
	b := &background{cancel, make(chan struct{})}
	go func() {
		yieldToWindow()
		defer close(b.done)
		defer cancel()
		work(ctx)
	}()
	return b
}

func (b *background) end() {
	if b != nil {
		b.stop()
		<-b.done
	}
}

// toNRGBA copies any image.
func toNRGBA(img image.Image) *image.NRGBA {
	if n, ok := img.(*image.NRGBA); ok {
		return n
	}
	out := image.NewNRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}

package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	asideName    = "set-aside" // the folder that rounds are moved into by Restore
	previewsName = "previews"
)

// PreviewsDir is the folder of the previews, which need not be there. The name of each begins with that of its round and
// an underscore.
func (p *Project) PreviewsDir() string { return filepath.Join(p.dir, previewsName) }

// Restore makes a finished round the last one: later rounds, finished or not, and their previews are moved to
// set-aside/TIME/ in the project, from where they can be moved back by hand while the program does not have the project
// open. In the history their entries are superseded. It returns that folder, or "" where there was no later round.
func (p *Project) Restore(name string) (aside string, err error) {
	if err := p.writable("restoring a round"); err != nil {
		return "", err
	}
	keep, err := p.Finished(name)
	if err != nil {
		return "", err
	}
	rounds, err := roundFolders(p.dir)
	if err != nil {
		return "", err
	}
	for _, r := range rounds {
		if r.Index < keep.Index || r.Name == keep.Name {
			continue
		}
		if aside == "" {
			aside = filepath.Join(p.dir, asideName, time.Now().UTC().Format("2006-01-02T15-04-05.000Z"))
			if err := makeDir(aside); err != nil {
				return "", err
			}
		}
		if err := p.setPreviewsAside(r.Name, filepath.Join(aside, previewsName)); err != nil {
			return aside, fmt.Errorf("setting round %s aside: %w", r.Name, err)
		}
		from := filepath.Join(p.dir, roundsName, r.Name)
		if err := os.Rename(from, filepath.Join(aside, r.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return aside, fmt.Errorf("setting round %s aside: %w", r.Name, explain("moving", from, err))
		}
		p.roundsMu.Lock()
		delete(p.whole, r.Name)
		p.roundsMu.Unlock()
	}
	if aside == "" {
		return "", nil
	}
	return aside, p.Resumed(keep.Name, keep.Report.Steps)
}

// setPreviewsAside moves a round's previews to another folder.
func (p *Project) setPreviewsAside(round, to string) error {
	entries, err := os.ReadDir(p.PreviewsDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain("reading the previews in", p.PreviewsDir(), err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), round+"_") {
			continue
		}
		if err := makeDir(to); err != nil {
			return err
		}
		from := filepath.Join(p.PreviewsDir(), e.Name())
		if err := os.Rename(from, filepath.Join(to, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain("moving", from, err)
		}
	}
	return nil
}

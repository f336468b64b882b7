package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// asideName is the folder that rounds are moved into by Restore.
const asideName = "set-aside"

// Restore makes a finished round the last one: later rounds, finished or not, are moved to set-aside/TIME/ in the
// project, from where they can be moved back by hand while the program does not have the project open. In the
// history their entries are superseded. It returns that folder, or "" where there was no later round.
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

package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	modelName  = "model.safetensors"
	reportName = "round.json"
)

// Round is one stage of training, on disk.
type Round struct {
	Name     string // such as "1-flow", see [RoundName]
	Index    int    // 1 for the first
	Kind     RoundKind
	Finished bool        // whether round.json exists
	Report   RoundReport // its content; zero for an unfinished round
	Saved    time.Time   // of an unfinished round: when its newest checkpoint was written; zero where there is none
}

// RoundReport is round.json: what a finished round cost and measured.
type RoundReport struct {
	Round      string    `json:"round"`
	Steps      int64     `json:"steps"`   // optimiser steps
	Images     int64     `json:"images"`  // images seen, repeats counted
	Seconds    float64   `json:"seconds"` // time spent training, pauses left out
	FinishedAt time.Time `json:"finished_at"`
	// Measurements on held-out images, such as "straightness", "cost",
	// "kid/1" and "swd/4".
	Measurements Measurements `json:"measurements"`
}

// RoundName returns the folder name of the k-th round, counted from 1.
func RoundName(k int, kind RoundKind) string { return strconv.Itoa(k) + "-" + kind.String() }

// ParseRoundName is the inverse of RoundName.
func ParseRoundName(name string) (k int, kind RoundKind, err error) {
	number, rest, _ := strings.Cut(name, "-")
	k, err = strconv.Atoi(number)
	if err == nil {
		kind, err = ParseRoundKind(rest)
	}
	if err != nil || k < 1 || name != RoundName(k, kind) {
		return 0, 0, fmt.Errorf("%q is not the name of a round: it is a number from 1, a dash, and one of %s, such as 1-flow", name, strings.Join(kindNames, ", "))
	}
	return k, kind, nil
}

// roundFolders lists the rounds of the project in dir by index, without
// reading their reports. Folders with other names are left out.
func roundFolders(dir string) ([]Round, error) {
	path := filepath.Join(dir, roundsName)
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, explain("listing the rounds in", path, err)
	}
	var rounds []Round
	for _, e := range entries {
		if k, kind, err := ParseRoundName(e.Name()); err == nil && e.IsDir() {
			rounds = append(rounds, Round{Name: e.Name(), Index: k, Kind: kind})
		}
	}
	slices.SortFunc(rounds, func(a, b Round) int {
		if a.Index != b.Index {
			return a.Index - b.Index
		}
		return int(a.Kind) - int(b.Kind)
	})
	return rounds, nil
}

// Rounds lists the rounds that were begun, in order.
func (p *Project) Rounds() ([]Round, error) {
	rounds, err := roundFolders(p.dir)
	if err != nil {
		return nil, err
	}
	for i := range rounds {
		r := &rounds[i]
		path := filepath.Join(p.dir, roundsName, r.Name, reportName)
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			for _, name := range []string{currentName, previousName} { // the second, while a save takes the first one's place
				if info, err := os.Stat(filepath.Join(filepath.Dir(path), name)); err == nil {
					r.Saved = info.ModTime()
					break
				}
			}
			continue
		}
		if err != nil {
			return nil, explain("reading the round's report", path, err)
		}
		if err := json.Unmarshal(data, &r.Report); err != nil {
			return nil, fmt.Errorf("reading the round's report %s: %w: delete this file, and the round is finished again from its last checkpoint", path, err)
		}
		r.Finished = true
	}
	return rounds, nil
}

// GreyStays tells whether a picture without colour is to stay without in a
// translation, with reverse from target to source: where the domain that it
// goes to has such pictures too, and at least half as often as the one that it
// comes from. Where it has none, colouring them is what was asked for. Rounds
// of versions that did not measure it say no.
func (p *Project) GreyStays(reverse bool) bool {
	rounds, err := p.Rounds()
	if err != nil {
		return false // whoever opens the round says what is wrong
	}
	from, to := "grey_source", "grey_target"
	if reverse {
		from, to = to, from
	}
	for _, r := range slices.Backward(rounds) {
		m := r.Report.Measurements
		if share, ok := m[to]; ok {
			return share > 0 && share >= m[from]/2
		}
	}
	return false
}

// Finished returns the finished round of a name; an empty name means the last
// one. The error says which rounds there are.
func (p *Project) Finished(name string) (Round, error) {
	rounds, err := p.Rounds()
	if err != nil {
		return Round{}, err
	}
	var finished []string
	for _, r := range slices.Backward(rounds) {
		if !r.Finished {
			continue
		}
		if name == "" || r.Name == name {
			return r, nil
		}
		finished = append(finished, r.Name)
	}
	switch {
	case finished == nil:
		return Round{}, fmt.Errorf("project %s has no finished round yet: train it until round 1 is done", p.dir)
	default:
		slices.Reverse(finished)
		return Round{}, fmt.Errorf("project %s has no finished round %q: choose one of %s", p.dir, name, strings.Join(finished, ", "))
	}
}

// RoundDir returns the folder of a round, for example for its contact sheet.
// A project opened for writing makes it if need be.
func (p *Project) RoundDir(name string) (string, error) {
	if _, _, err := ParseRoundName(name); err != nil {
		return "", err
	}
	dir := filepath.Join(p.dir, roundsName, name)
	if p.readOnly {
		return dir, nil
	}
	if err := p.makeDir(filepath.Dir(dir)); err != nil {
		return "", err
	}
	return dir, makeDir(dir)
}

// FinishRound writes a round's model and then its report, which makes it a
// finished round. Report.Round and, if zero, Report.FinishedAt are filled in.
// The round's checkpoints stay until [Project.RemoveCheckpoints].
func (p *Project) FinishRound(name string, model []Tensor, meta map[string]string, report RoundReport) error {
	dir, err := p.RoundDir(name)
	if err != nil {
		return err
	}
	if err := p.writable("finishing round " + name); err != nil {
		return err
	}
	p.roundsMu.Lock()
	defer p.roundsMu.Unlock()
	report.Round = name
	if report.FinishedAt.IsZero() {
		report.FinishedAt = time.Now()
	}
	report.FinishedAt = report.FinishedAt.UTC().Truncate(time.Second)
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("finishing round %s: %w", name, err)
	}
	if err := WriteSafetensors(filepath.Join(dir, modelName), model, meta); err != nil {
		return err
	}
	return WriteFile(filepath.Join(dir, reportName), func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
}

// LoadModel reads the model of a finished round; an empty name means the last
// finished one.
func (p *Project) LoadModel(name string) (Round, *File, error) {
	round, err := p.Finished(name)
	if err != nil {
		return Round{}, nil, err
	}
	path := filepath.Join(p.dir, roundsName, round.Name, modelName)
	f, err := ReadSafetensors(path)
	if errors.Is(err, ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
		return Round{}, nil, fmt.Errorf("the model of round %s cannot be used; choose another round, or delete %s and resume to finish the round again: %w", round.Name, filepath.Join(filepath.Dir(path), reportName), err)
	}
	return round, f, err
}

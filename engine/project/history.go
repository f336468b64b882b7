package project

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const historyName = "history.jsonl"

// KindResume marks the entry that [Project.Resumed] writes.
const KindResume = "resume"

// Entry is one line of history.jsonl.
//
// Lines are never changed. When training resumes from a checkpoint, what had
// been written past it will happen again, so an entry of kind "resume" is
// appended, and this rule applies: a resume entry at step s of a round
// supersedes the entries before it that lie past step s of that round or in a
// later round. [Project.History] leaves superseded entries out.
type Entry struct {
	Time   time.Time    `json:"time"`
	Kind   string       `json:"kind"` // what was measured: "step", "round", "preview", ...; [KindResume] is reserved
	Round  string       `json:"round"`
	Step   int64        `json:"step"` // optimiser steps done in the round
	Values Measurements `json:"values,omitempty"`
	Note   string       `json:"note,omitempty"` // words for a person, such as why a rate was lowered
}

// Measurements are named numbers. Names use "/" for a variant, such as
// "kid/4" for four steps. A number that is not finite is written as null and
// read back as NaN, so that a diverged loss can be recorded too.
type Measurements map[string]float64

// MarshalJSON implements json.Marshaler.
func (m Measurements) MarshalJSON() ([]byte, error) {
	finite := make(map[string]*float64, len(m))
	for name, v := range m {
		finite[name] = nil
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			finite[name] = &v
		}
	}
	return json.Marshal(finite)
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Measurements) UnmarshalJSON(data []byte) error {
	var finite map[string]*float64
	if err := json.Unmarshal(data, &finite); err != nil {
		return err
	}
	*m = make(Measurements, len(finite))
	for name, v := range finite {
		(*m)[name] = math.NaN()
		if v != nil {
			(*m)[name] = *v
		}
	}
	return nil
}

// openHistory opens the history for appending, after cutting off a last line
// that has no end: a kill tore it.
func openHistory(dir string) (*os.File, error) {
	path := filepath.Join(dir, historyName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, explain("opening the history", path, err)
	}
	end, err := endOfLastLine(file)
	if err == nil {
		err = file.Truncate(end)
	}
	if err == nil {
		_, err = file.Seek(end, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(explain("opening the history", path, err), file.Close())
	}
	return file, nil
}

// endOfLastLine returns the offset just past the last newline, 0 if there is
// none.
func endOfLastLine(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	block := make([]byte, 4096)
	for end := info.Size(); end > 0; {
		start := max(0, end-int64(len(block)))
		part := block[:end-start]
		if _, err := file.ReadAt(part, start); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

// Append adds an entry to the history, in one write followed by a sync. A zero
// Time becomes the present.
func (p *Project) Append(e Entry) error {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("adding to the history: %w", err)
	}
	line = append(line, '\n')
	if err := p.writable("adding to the history"); err != nil {
		return err
	}
	p.historyMu.Lock()
	defer p.historyMu.Unlock()
	path := filepath.Join(p.dir, historyName)
	end, err := p.history.Seek(0, io.SeekCurrent)
	if err != nil {
		return explain("adding to the history", path, err)
	}
	if _, err := p.history.Write(line); err != nil {
		// A full disk may have taken half a line.
		undo := p.history.Truncate(end)
		_, seek := p.history.Seek(end, io.SeekStart)
		return errors.Join(explain("adding to the history", path, err), undo, seek)
	}
	return explain("adding to the history", path, p.history.Sync())
}

// Resumed records that training goes on from the given step of a round, which
// supersedes what the history holds past it; see [Entry].
func (p *Project) Resumed(round string, step int64) error {
	if _, _, err := ParseRoundName(round); err != nil {
		return err
	}
	return p.Append(Entry{Kind: KindResume, Round: round, Step: step})
}

// History returns the entries that are not superseded, in the order in which
// they were written, without the resume entries. Lines that cannot be read are
// left out and named in the error; the entries are valid all the same.
func (p *Project) History() ([]Entry, error) {
	path := filepath.Join(p.dir, historyName)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, explain("reading the history", path, err)
	}
	defer file.Close()

	var entries []Entry
	var damaged []int
	reader := bufio.NewReader(file)
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // what follows the last newline is being written this instant, or torn
		}
		if err != nil {
			return nil, explain("reading the history", path, err)
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			damaged = append(damaged, number)
			continue
		}
		entries = append(entries, e)
	}
	if damaged != nil {
		err = fmt.Errorf("%s: line %s cannot be read and was left out: delete it to silence this message", path, joinInts(damaged))
	}
	return dropSuperseded(entries), err
}

// dropSuperseded applies the rule of [Entry], walking backwards so that every
// entry is compared with the earliest point to which a later resume went back.
func dropSuperseded(entries []Entry) []Entry {
	type position struct {
		round int
		step  int64
	}
	at := func(e Entry) position {
		k, _, err := ParseRoundName(e.Round)
		if err != nil {
			k = 0 // an entry about no round is never superseded
		}
		return position{k, e.Step}
	}
	before := func(a, b position) bool {
		return a.round < b.round || a.round == b.round && a.step < b.step
	}
	limit := position{math.MaxInt, math.MaxInt64}
	var kept []Entry
	for _, e := range slices.Backward(entries) {
		here := at(e)
		switch {
		case e.Kind == KindResume:
			if before(here, limit) {
				limit = here
			}
		case !before(limit, here):
			kept = append(kept, e)
		}
	}
	slices.Reverse(kept)
	return kept
}

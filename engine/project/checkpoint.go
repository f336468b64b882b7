package project

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
)

const (
	currentName  = "checkpoint.safetensors"
	previousName = "checkpoint.previous.safetensors"
	stepKey      = "step"
)

// ErrNoCheckpoint is wrapped by the error for a round that has no autosave.
var ErrNoCheckpoint = errors.New("there is no checkpoint")

// Checkpoint is everything needed to go on training exactly where it stood.
type Checkpoint struct {
	Step    int64             // optimiser steps done in the round
	Tensors []Tensor          // weights, EMA, optimiser, random state
	Meta    map[string]string // small values: schedule, position in the data. "step" is reserved
}

// SaveCheckpoint writes a round's newest checkpoint. The one before it is kept
// and stays in place until the new one is whole on disk. A newest checkpoint
// that turns out to be damaged is dropped instead of pushing out a good
// previous one.
func (p *Project) SaveCheckpoint(round string, c Checkpoint) error {
	dir, err := p.RoundDir(round)
	if err != nil {
		return err
	}
	meta := maps.Clone(c.Meta)
	if meta == nil {
		meta = map[string]string{}
	}
	if _, taken := meta[stepKey]; taken {
		return fmt.Errorf("saving a checkpoint of round %s: the metadata name %s is reserved", round, stepKey)
	}
	meta[stepKey] = strconv.FormatInt(c.Step, 10)
	encode, err := encoder(c.Tensors, meta)
	if err != nil {
		return fmt.Errorf("saving a checkpoint of round %s: %w", round, err)
	}

	if err := p.writable("saving a checkpoint of round " + round); err != nil {
		return err
	}
	p.roundsMu.Lock()
	defer p.roundsMu.Unlock()
	current, previous := filepath.Join(dir, currentName), filepath.Join(dir, previousName)
	if !p.whole[round] {
		_, err := readCheckpoint(current)
		p.whole[round] = err == nil
	}
	err = replace(current, encode, func(temporary string) error {
		if p.whole[round] {
			if err := os.Rename(current, previous); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			// If the second rename fails there is no newest checkpoint, and
			// the next save must not look for one.
			p.whole[round] = false
		}
		return os.Rename(temporary, current)
	})
	if err != nil {
		return explain("saving a checkpoint to", current, err)
	}
	p.whole[round] = true
	return nil
}

// LoadLatest reads a round's newest checkpoint, or the previous one if the
// newest is damaged or missing. In that case warning says so; training should
// show it and go on. Without any checkpoint the error wraps ErrNoCheckpoint.
func (p *Project) LoadLatest(round string) (c Checkpoint, warning string, err error) {
	if _, _, err := ParseRoundName(round); err != nil {
		return Checkpoint{}, "", err
	}
	dir := filepath.Join(p.dir, roundsName, round)
	p.roundsMu.Lock()
	defer p.roundsMu.Unlock()
	c, newest := readCheckpoint(filepath.Join(dir, currentName))
	if newest == nil {
		if !p.readOnly {
			p.whole[round] = true
		}
		return c, "", nil
	}
	c, older := readCheckpoint(filepath.Join(dir, previousName))
	switch {
	case older == nil:
		return c, fmt.Sprintf("the newest checkpoint of round %s cannot be used (%v); going on from the one before it, at step %d", round, newest, c.Step), nil
	case errors.Is(newest, fs.ErrNotExist) && errors.Is(older, fs.ErrNotExist):
		return Checkpoint{}, "", fmt.Errorf("round %s in %s: %w", round, dir, ErrNoCheckpoint)
	}
	return Checkpoint{}, "", fmt.Errorf("no checkpoint of round %s can be used: delete the folder %s to train this round again: %w", round, dir, errors.Join(newest, older))
}

func readCheckpoint(path string) (Checkpoint, error) {
	f, err := ReadSafetensors(path)
	if err != nil {
		return Checkpoint{}, err
	}
	step, err := strconv.ParseInt(f.Meta[stepKey], 10, 64)
	if err != nil || !f.Verified {
		return Checkpoint{}, fmt.Errorf("reading %s: %w (it is not a checkpoint: it lacks a step or a checksum)", path, ErrDamaged)
	}
	delete(f.Meta, stepKey)
	return Checkpoint{Step: step, Tensors: f.Tensors, Meta: f.Meta}, nil
}

// RemoveCheckpoints deletes a finished round's checkpoints, which hold several
// times the model's size. An unfinished round keeps them.
func (p *Project) RemoveCheckpoints(round string) error {
	if _, err := p.Finished(round); err != nil {
		return err
	}
	if err := p.writable("removing the checkpoints of round " + round); err != nil {
		return err
	}
	p.roundsMu.Lock()
	defer p.roundsMu.Unlock()
	delete(p.whole, round)
	// The previous one goes first, so that a kill never leaves it as the newest.
	for _, name := range []string{previousName, currentName} {
		path := filepath.Join(p.dir, roundsName, round, name)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain("removing", path, err)
		}
	}
	return nil
}

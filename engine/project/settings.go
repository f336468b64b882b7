package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schema is the version of project.json that this program writes, and the
// newest that it reads; it reads all older ones. Any change of a field raises
// it. 2 added DistilSteps and BothWays.
const Schema = 2

// NoiseSource as Settings.Source means that the source is N(0, I): the project
// is then a generator and has no source folder.
const NoiseSource = "noise"

// Sizes are the image sides, in pixels, that a network can be trained at.
var Sizes = []int{32, 64, 128, 256}

// ErrNewer is wrapped by the error for a project that a newer program wrote.
var ErrNewer = errors.New("the project was written by a newer version of Straightway")

// ErrNotProject is wrapped by the error for a folder without project.json.
var ErrNotProject = errors.New("not a Straightway project")

// DamagedError is the error for a project.json that cannot be understood.
type DamagedError struct {
	Dir    string // of the project
	Backup bool   // the previous version is there, for RestoreSettings
	Cause  error
}

// Error names the file, the cause and the cure.
func (e *DamagedError) Error() string {
	cure := "correct it by hand"
	if e.Backup {
		cure = fmt.Sprintf("correct it by hand, or restore the previous version by copying %s over it", backupName)
	}
	return fmt.Sprintf("the settings file %s cannot be used: %s: %s", filepath.Join(e.Dir, settingsName), e.Cause, cure)
}

// Unwrap gives the cause.
func (e *DamagedError) Unwrap() error { return e.Cause }

// Settings are the choices that make a project. [Default] gives a sound set;
// the zero value of every enumeration is documented where it is declared.
type Settings struct {
	// Schema and Program are written by this package and by the caller
	// respectively: the version of the file and of the program that wrote it.
	Schema  int    `json:"schema"`
	Program string `json:"program"`
	// CreatedAt is when the project was made, in UTC.
	CreatedAt time.Time `json:"created_at"`

	// Source and Target are absolute paths of image folders. Source may be
	// NoiseSource instead.
	Source string `json:"source"`
	Target string `json:"target"`

	Preset     Preset `json:"preset"`
	Size       int    `json:"size"` // image side in pixels, one of Sizes
	Fit        Fit    `json:"fit"`
	Background Colour `json:"background"` // under transparent pixels and around padded images

	Rounds int    `json:"rounds"` // flow and reflow rounds, at least 1
	Finish Finish `json:"finish"`
	// DistilSteps is the number of Euler steps that a distil finish learns to
	// translate in; 0 means 1.
	DistilSteps int `json:"distil_steps"`
	// BothWays lets the finish learn the step from target to source as well,
	// at t = 1.
	BothWays bool    `json:"both_ways"`
	Steps    int     `json:"steps"`   // optimiser steps of round 1; 0 means the preset's
	Minutes  float64 `json:"minutes"` // time for the whole training; 0 means no limit. Excludes Steps

	Coupling        Coupling `json:"coupling"`
	CouplingFeature Feature  `json:"coupling_feature"`
	Loss            Loss     `json:"loss"`
	BridgeNoise     float64  `json:"bridge_noise"` // σ of Xt += σ·2√(t(1−t))·ε on the [−1, 1] scale; 0 means none. From noise there is none
	Border          Border   `json:"border"`       // of the network; from noise there are zeros, by which it knows where things belong
	Flip            Flip     `json:"flip"`

	Seed      uint64    `json:"seed"`
	Batch     int       `json:"batch"` // images a step; 0 means the preset's
	Precision Precision `json:"precision"`
	Backend   string    `json:"backend"` // name of a backend; empty means the best that is found
}

// Default returns the settings that the experiments of docs/recipe.md favour: two rounds
// (flow, reflow), the refine finish, and bridge noise 0.1. Source and Target
// are empty and have to be filled in.
func Default() Settings {
	return Settings{
		Schema:      Schema,
		Preset:      PresetQuick,
		Size:        32,
		Background:  Colour{255, 255, 255},
		Rounds:      2,
		Finish:      FinishRefine,
		BridgeNoise: 0.1,
		Border:      BorderAuto,
		Seed:        1,
	}
}

// FromNoise reports whether the source is noise rather than a folder.
func (s Settings) FromNoise() bool { return s.Source == NoiseSource }

// KnowsTheWayBack reports whether a round of these settings learnt the velocity
// from target to source: at every t, or in the finish at t = 1.
func (s Settings) KnowsTheWayBack(k RoundKind) bool { return k.EveryTime() || s.BothWays }

// FinishSteps is the number of Euler steps that a round of a kind was trained
// for; 0 means any, the more the better.
func (s Settings) FinishSteps(k RoundKind) int {
	switch {
	case k.EveryTime():
		return 0
	case k == KindDistil:
		return max(1, s.DistilSteps)
	}
	return 1
}

// Validate reports every setting that cannot work, each with its cure, joined
// into one error. It does not look at the disk.
func (s Settings) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	folder := func(what, path, flag string) {
		switch {
		case path == "":
			bad("no %s is set: name a folder of images with %s", what, flag)
		case !filepath.IsAbs(path):
			bad("%s %q is a relative path: give the folder's full path, so that the project can be opened from anywhere", what, path)
		}
	}
	if !s.FromNoise() {
		folder("source", s.Source, "--source")
	}
	folder("target", s.Target, "--target")
	if s.Source != "" && filepath.Clean(s.Source) == filepath.Clean(s.Target) {
		bad("source and target are the same folder %q: choose two different folders, there is nothing to learn from one", s.Source)
	}
	if !slices.Contains(Sizes, s.Size) {
		bad("size %d is not available: choose one of %s", s.Size, joinInts(Sizes))
	}
	if s.Rounds < 1 || s.Rounds > 9 {
		bad("rounds is %d: choose 1 (flow only) to 9; 2 is usual, and errors add up beyond 3", s.Rounds)
	}
	if s.Steps < 0 {
		bad("steps is %d: give a positive number, or 0 for the preset's", s.Steps)
	}
	if s.Minutes < 0 || math.IsNaN(s.Minutes) || math.IsInf(s.Minutes, 0) {
		bad("minutes is %v: give a positive number, or 0 for no limit", s.Minutes)
	}
	if s.Steps > 0 && s.Minutes > 0 {
		bad("both steps (%d) and minutes (%v) are set: keep one of them", s.Steps, s.Minutes)
	}
	if s.DistilSteps < 0 || s.DistilSteps > 16 {
		bad("distil steps is %d: choose 1 (usual) to 16", s.DistilSteps)
	} else if s.DistilSteps > 1 && s.Finish != FinishDistil {
		bad("distil steps is %d, but the finish is %s: choose the finish distil, or 1 step", s.DistilSteps, s.Finish)
	}
	if s.BothWays && s.Finish == FinishNone {
		bad("both ways needs a finish, which learns them: choose distil or refine (flow and reflow rounds know both ways anyhow)")
	}
	if s.BothWays && s.FromNoise() {
		bad("both ways is for two folders of images: a generator goes back to noise by its flow and reflow rounds")
	}
	if !(s.BridgeNoise >= 0 && s.BridgeNoise <= 1) {
		bad("bridge noise is %v: choose 0 (none) to 1; 0.1 is usual", s.BridgeNoise)
	}
	if s.Batch < 0 || s.Batch > 4096 {
		bad("batch is %d: choose 1 to 4096, or 0 for the preset's", s.Batch)
	}
	if s.FromNoise() && s.Coupling == CouplingRegistered {
		bad("coupling registered needs source images, but the source is noise: choose auto, minibatch or independent")
	}
	return errors.Join(errs...)
}

// Plan returns the names of the rounds that these settings ask for, in order:
// "1-flow", then a reflow for each further round, then the finish.
func (s Settings) Plan() []string {
	var names []string
	for k := 1; k <= s.Rounds; k++ {
		kind := KindReflow
		if k == 1 {
			kind = KindFlow
		}
		names = append(names, RoundName(k, kind))
	}
	switch s.Finish {
	case FinishDistil:
		names = append(names, RoundName(s.Rounds+1, KindDistil))
	case FinishRefine:
		names = append(names, RoundName(s.Rounds+1, KindRefine))
	}
	return names
}

func joinInts(values []int) string {
	text := make([]string, len(values))
	for i, v := range values {
		text[i] = strconv.Itoa(v)
	}
	return strings.Join(text, ", ")
}

// Colour is an sRGB colour, written "#rrggbb" in files and on the command
// line. The zero value is black.
type Colour [3]uint8

// String returns the colour as "#rrggbb".
func (c Colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// NRGBA is the colour, opaque.
func (c Colour) NRGBA() color.NRGBA { return color.NRGBA{R: c[0], G: c[1], B: c[2], A: 255} }

// MarshalText implements encoding.TextMarshaler.
func (c Colour) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Colour) UnmarshalText(text []byte) error {
	v, err := ParseColour(string(text))
	if err == nil {
		*c = v
	}
	return err
}

// ParseColour reads "#rrggbb", "white", "grey" or "black".
func ParseColour(text string) (Colour, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	switch text {
	case "white":
		return Colour{255, 255, 255}, nil
	case "grey", "gray":
		return Colour{128, 128, 128}, nil
	case "black":
		return Colour{}, nil
	}
	if hex, ok := strings.CutPrefix(text, "#"); ok && len(hex) == 6 {
		if v, err := strconv.ParseUint(hex, 16, 32); err == nil {
			return Colour{uint8(v >> 16), uint8(v >> 8), uint8(v)}, nil
		}
	}
	return Colour{}, fmt.Errorf("background %q is not a colour: choose white, grey, black or #rrggbb", text)
}

const (
	settingsName = "project.json"
	backupName   = "project.json.bak"
)

// readSettings reads dir/project.json.
func readSettings(dir string) (Settings, error) {
	path := filepath.Join(dir, settingsName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		cure := "choose a folder made by Straightway, or train a new project from a source and a target folder"
		if _, err := os.Stat(filepath.Join(dir, backupName)); err == nil {
			cure = fmt.Sprintf("it was deleted; copy %s, its previous version, to %s", backupName, settingsName)
		}
		return Settings{}, fmt.Errorf("%w: the folder %s has no %s: %s", ErrNotProject, dir, settingsName, cure)
	}
	if err != nil {
		return Settings{}, explain("reading the settings", path, err)
	}
	out, err := decodeSettings(data, path)
	if err != nil && !errors.Is(err, ErrNewer) {
		previous, missing := os.ReadFile(filepath.Join(dir, backupName))
		_, bad := decodeSettings(previous, path)
		err = &DamagedError{Dir: dir, Backup: missing == nil && bad == nil, Cause: err}
	}
	return out, err
}

// decodeSettings reads what the settings file at path holds.
func decodeSettings(data []byte, path string) (Settings, error) {
	var head struct {
		Schema  int    `json:"schema"`
		Program string `json:"program"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Settings{}, err
	}
	if head.Schema > Schema {
		version := head.Program
		if version == "" {
			version = "newer than this one"
		}
		return Settings{}, fmt.Errorf("%w: %s has schema %d, this program reads up to %d: install Straightway version %s or later", ErrNewer, path, head.Schema, Schema, version)
	}
	if head.Schema < 1 {
		return Settings{}, errors.New("it has no schema number")
	}
	var s Settings
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&s)
	return s, err
}

// RestoreSettings makes the previous project.json of a project the present one. What stood there is kept beside it.
func RestoreSettings(dir string) error {
	lock, err := takeLock(dir)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	path, backup := filepath.Join(dir, settingsName), filepath.Join(dir, backupName)
	data, err := os.ReadFile(backup)
	if err != nil {
		return explain("reading the settings", backup, err)
	}
	if err := os.Rename(path, path+".damaged"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain("moving", path, err)
	}
	return WriteFile(path, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// writeSettings keeps the present project.json as project.json.bak and then
// replaces it. The first write fills both.
func writeSettings(dir string, s Settings) error {
	s.Schema = Schema
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the settings: %w", err)
	}
	data = append(data, '\n')
	path, backup := filepath.Join(dir, settingsName), filepath.Join(dir, backupName)
	write := func(to string, data []byte) error {
		return WriteFile(to, func(w io.Writer) error { _, err := w.Write(data); return err })
	}
	previous, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := write(path, data); err != nil {
			return err
		}
		return write(backup, data)
	}
	if err != nil {
		return explain("reading the settings", path, err)
	}
	if err := write(backup, previous); err != nil {
		return err
	}
	return write(path, data)
}

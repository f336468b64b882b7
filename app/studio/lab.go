package studio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/plane"
)

// MostLabRounds is the most rounds that the laboratory's screen offers: further ones show nothing new.
const MostLabRounds = 4

// LabPreset says how thorough a run of the laboratory is.
type LabPreset int

// The presets.
const (
	LabQuick LabPreset = iota // seconds a round
	LabFull                   // about a minute for three rounds
)

// LabSettings say how the laboratory runs. Its zero value is no setting: see DefaultLab.
type LabSettings struct {
	Preset LabPreset
	Rounds int                 // 1 to MostLabRounds
	Distil [MostLabRounds]bool // whether the pairs of round 1, 2, … are distilled as well
}

// DefaultLab is a quick look at one reflow, with round 1 distilled beside it.
func DefaultLab() LabSettings {
	return LabSettings{Rounds: 2, Distil: [MostLabRounds]bool{true}}
}

// Points and Updates are the particles that are measured, and the updates of the first round's network.
func (s LabSettings) Points() int { return map[LabPreset]int{LabQuick: 1024, LabFull: 4096}[s.Preset] }

// Updates are those of round 1; plane.Options say how many the others get.
func (s LabSettings) Updates() int { return map[LabPreset]int{LabQuick: 500, LabFull: 2000}[s.Preset] }

// LabSteps is the number N of Heun's steps of the paths.
const LabSteps = 32

func (s LabSettings) options() plane.Options {
	o := plane.Options{Rounds: s.Rounds, Solver: flow.ByHeun, Steps: LabSteps, Points: s.Points(), Updates: s.Updates(), Seed: 1}
	for i, on := range s.Distil[:s.Rounds] {
		if on {
			o.Distil = append(o.Distil, i+1)
		}
	}
	return o
}

// LabShape is a shape as a person chose it: one of these.
type LabShape struct {
	Name    string // one of plane.Names
	Picture string // the file of a picture whose dark pixels it is
	// Drawn are points set by hand, x, y, x, y, … in [−2, 2]; none where the drawing has not begun.
	Drawn []float32
}

func (s LabShape) parse(side plane.Side) (plane.Shape, error) {
	switch {
	case s.Name != "":
		return plane.Parse(s.Name, side)
	case s.Picture != "":
		return plane.FromPicture(s.Picture)
	case len(s.Drawn) == 0:
		return plane.Shape{}, nil
	}
	return plane.FromPoints("drawing", s.Drawn)
}

// LabSample is the number of points of LabEnd.Sample.
const LabSample = 1000

// LabEnd is the shape at one end of the flow.
type LabEnd struct {
	Shape   LabShape
	Sample  []float32 // LabSample points, x, y, x, y, …; nil where there is no shape yet
	Loading bool      // a picture is being read
	Err     error     // why the shape cannot be used
}

// LabState says where the laboratory stands. Its slices and rounds are shared and never changed.
type LabState struct {
	State    RunState // Idle, Running, Stopping, Finished or Failed
	Ends     [2]LabEnd
	Settings LabSettings // of the run that is shown
	// Pairs are the random pairs that stand for those of the run that is shown; nil before the first run.
	Pairs   [2][]float32
	Exact   map[plane.Reference][][]float32 // states of the flow in closed form at equal times, of the first of Pairs[0]; nil until computed
	Rounds  []*plane.Round
	Now     plane.Progress // the last update
	Stale   bool           // the shapes are no longer those of the run that is shown
	Err     error
	Version int // changes with every other field
}

// Ready says whether both shapes can be used.
func (s LabState) Ready() bool { return s.Ends[0].Sample != nil && s.Ends[1].Sample != nil }

// Lab is the two-dimensional laboratory: two shapes, and the rounds between them, which it trains in the background.
type Lab struct {
	mu     sync.Mutex
	state  LabState
	shapes [2]plane.Shape
	serial [2]int // counts choices of a shape, so that a picture read late does not take a newer one's place
	work   *background
}

func newLab() *Lab {
	l := &Lab{}
	for i := range l.state.Ends {
		l.SetShape(plane.Side(i), LabShape{Name: plane.Names()[0]})
	}
	return l
}

// State returns where the laboratory stands.
func (l *Lab) State() LabState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Busy reports whether a run is going on.
func (l *Lab) Busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.work != nil
}

func (l *Lab) change(f func(s *LabState)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.state)
	l.state.Version++
}

// SetShape puts a shape at one end. A picture is read in the background. The run that goes on or is shown keeps its own.
func (l *Lab) SetShape(side plane.Side, shape LabShape) {
	shape.Drawn = slices.Clone(shape.Drawn)
	serial := 0
	l.change(func(s *LabState) {
		l.serial[side]++
		serial = l.serial[side]
		s.Ends[side] = LabEnd{Shape: shape, Loading: true}
		s.Stale = s.Pairs[0] != nil
	})
	take := func() {
		parsed, err := shape.parse(side)
		end := LabEnd{Shape: shape, Err: err}
		if err == nil && parsed.Name != "" {
			end.Sample = parsed.Sample(LabSample, uint64(side))
		}
		l.change(func(s *LabState) {
			if serial == l.serial[side] {
				s.Ends[side], l.shapes[side] = end, parsed
			}
		})
	}
	if shape.Picture != "" {
		start(func(context.Context) { take() })
		return
	}
	take()
}

// Swap exchanges source and target.
func (l *Lab) Swap() {
	ends := l.State().Ends
	for i := range ends {
		l.SetShape(plane.Side(i), ends[1-i].Shape)
	}
}

// Start begins a run with the present shapes in place of the one that is shown.
func (l *Lab) Start(settings LabSettings) error {
	if settings.Rounds < 1 || settings.Rounds > MostLabRounds {
		return fmt.Errorf("the laboratory cannot make %d rounds: choose 1 to %d", settings.Rounds, MostLabRounds)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.work != nil:
		return errors.New("the laboratory is at work: wait for it or stop it first")
	case !l.state.Ready():
		return errors.New("there is no shape at both ends yet: choose or draw a source and a target")
	}
	o := settings.options()
	o.Source, o.Target = l.shapes[0], l.shapes[1]
	o.Progress = l.watch
	pairs := [2][]float32{l.state.Ends[0].Sample, l.state.Ends[1].Sample}
	l.state = LabState{State: Running, Ends: l.state.Ends, Settings: settings, Pairs: pairs, Version: l.state.Version + 1}
	l.work = start(func(ctx context.Context) {
		exact, err := closedForm(ctx, o.Source, o.Target, pairs[0])
		if err == nil {
			l.change(func(s *LabState) { s.Exact = exact })
			_, err = plane.Run(ctx, o)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.work = nil
		l.state.Version++
		switch {
		case err == nil:
			l.state.State = Finished
		case ctx.Err() != nil:
			l.state.State = Idle
		default:
			l.state.State, l.state.Err = Failed, err
		}
	})
	return nil
}

// watch takes the progress of a run into the state.
func (l *Lab) watch(p plane.Progress) {
	l.change(func(s *LabState) {
		s.Now = p
		if p.Finished != nil {
			s.Rounds = append(s.Rounds, p.Finished) // readers hold shorter slices of it
		}
	})
}

// References are the velocities in closed form that are shown.
var References = []plane.Reference{plane.Kernel, plane.Nearest}

// The flow in closed form is followed in so many steps, and by so many particles: more would take seconds.
const (
	exactSteps = 10
	exactMoved = 400
)

// closedForm follows the References with the first points of x0.
func closedForm(ctx context.Context, source, target plane.Shape, x0 []float32) (map[plane.Reference][][]float32, error) {
	out := map[plane.Reference][][]float32{}
	for _, r := range References {
		path, err := r.Follow(ctx, source, target, x0[:2*exactMoved], exactSteps)
		if err != nil {
			return nil, err
		}
		out[r] = path
	}
	return out, nil
}

// Stop ends the run, in the background; the rounds that are finished stay.
func (l *Lab) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.work != nil {
		l.state.State = Stopping
		l.state.Version++
		l.work.stop()
	}
}

// Wait waits until no run goes on.
func (l *Lab) Wait() {
	l.mu.Lock()
	work := l.work
	l.mu.Unlock()
	if work != nil {
		<-work.done
	}
}

// Export writes the rounds that are shown as figures, film and tables into a folder; project.ErrTaken says that files are
// in the way. It takes seconds.
func (l *Lab) Export(dir string, overwrite bool) error {
	return (&plane.Result{Rounds: l.State().Rounds}).Write(dir, overwrite)
}

package studio

import (
	"errors"
	"image/color"
	"os"
	"path/filepath"
	"testing"

	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/plane"
	"github.com/straightway-app/straightway/engine/project"
)

func TestLabShowsParticlesBeforeTheFirstRoundAndKeepsTheRounds(t *testing.T) {
	l := newStudio(t).Lab
	if s := l.State(); !s.Ready() || len(s.Ends[0].Sample) != 2*LabSample || s.Pairs[0] != nil {
		t.Fatal("the laboratory opens with two shapes and no run")
	}
	check(t, l.Start(LabSettings{Rounds: 2}))
	if err := l.Start(DefaultLab()); err == nil {
		t.Error("a second run began beside the first")
	}
	until(t, "the closed form", func() bool { return l.State().Exact != nil })
	s := l.State()
	exact := s.Exact[plane.Kernel]
	if len(s.Rounds) != 0 || len(exact) != exactSteps+1 || len(s.Exact[plane.Nearest]) != exactSteps+1 || s.Pairs[1] == nil {
		t.Fatalf("%d rounds, %d states of the closed form", len(s.Rounds), len(exact))
	}
	// Its particles go from the left to the right and, unlike straight lines, not across the middle.
	first, last := exact[0], exact[exactSteps]
	crossed := 0
	for i := 0; i < len(first); i += 2 {
		if last[i] < .3 {
			t.Fatalf("a particle ends at x = %g", last[i])
		}
		if first[i+1]*last[i+1] < -.25 {
			crossed++
		}
	}
	if crossed > len(first)/2/20 {
		t.Errorf("%d of %d particles changed sides", crossed, len(first)/2)
	}
	until(t, "an update of round 1", func() bool { return l.State().Now.Done > 1 })
	l.Stop()
	l.Wait()
	if s := l.State(); s.State != Idle || s.Err != nil {
		t.Errorf("a stopped run is %v, %v", s.State, s.Err)
	}
}

func TestLabWritesWhatItShows(t *testing.T) {
	l := newStudio(t).Lab
	dir := filepath.Join(t.TempDir(), "out")
	if err := l.Export(dir, false); err == nil {
		t.Error("nothing was exported without an error")
	}
	o := LabSettings{Rounds: 1, Distil: [MostLabRounds]bool{true}}.options()
	o.Source, o.Target, o.Points, o.Updates, o.Steps, o.Progress = l.shapes[0], l.shapes[1], 64, 6, 2, l.watch
	_, err := plane.Run(t.Context(), o)
	check(t, err)
	check(t, l.Export(dir, false))
	for _, name := range o.Files() {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := l.Export(dir, false); !errors.Is(err, project.ErrTaken) {
		t.Errorf("files in the way: %v", err)
	}
	check(t, l.Export(dir, true))
}

func TestLabTakesPicturesAndDrawings(t *testing.T) {
	l := newStudio(t).Lab
	picture := filepath.Join(pictures(t, t.TempDir(), 1, 40, 40, color.NRGBA{A: 255}), "000.png")
	l.SetShape(plane.Target, LabShape{Picture: picture})
	until(t, "the picture", func() bool { return !l.State().Ends[1].Loading })
	if s := l.State(); !s.Ready() || s.Ends[1].Shape.Picture != picture {
		t.Errorf("the picture gives %v", s.Ends[1].Err)
	}
	l.SetShape(plane.Source, LabShape{})
	if l.State().Ready() || l.Start(DefaultLab()) == nil {
		t.Error("an empty drawing is no shape")
	}
	l.SetShape(plane.Source, LabShape{Drawn: []float32{1, -1}})
	if s := l.State(); !s.Ready() || s.Ends[0].Sample[0] < .5 || s.Ends[0].Sample[1] > -.5 {
		t.Error("a drawn point is not where it was drawn")
	}
	l.Swap()
	until(t, "the picture at the other end", func() bool { return l.State().Ready() })
	if s := l.State(); s.Ends[0].Shape.Picture != picture || len(s.Ends[1].Shape.Drawn) != 2 {
		t.Error("the shapes have not changed places")
	}
	l.SetShape(plane.Target, LabShape{Picture: filepath.Join(t.TempDir(), "gone.png")})
	until(t, "the missing picture", func() bool { return !l.State().Ends[1].Loading })
	if s := l.State(); s.Ends[1].Err == nil || s.Ready() {
		t.Error("a missing picture is no shape")
	}
}

func TestLabAdvice(t *testing.T) {
	round := func(number int, kind plane.Kind, s, one, many float64) *plane.Round {
		distance := func(v float64) plane.Distance {
			return plane.DistanceOf(measure.Energy{Distance: v, Noise: .03, Squared: measure.Estimate{Mean: v*v - .03*.03, SE: .0001}})
		}
		r := &plane.Round{Number: number, Kind: kind}
		r.Straightness.Value = s
		r.Measurements.Fewer = map[int]plane.Distance{1: distance(one)}
		r.Marginal[4] = distance(many)
		return r
	}
	flow := round(1, plane.Flow, 1.4, .63, .035)
	copied := round(1, plane.Distil, 0, .13, .13)
	straight, further := round(2, plane.Reflow, .008, .036, .036), round(3, plane.Reflow, .002, .037, .038)
	for _, c := range []struct {
		name   string
		rounds []*plane.Round
		want   LabAdvice
	}{
		{"nothing yet", nil, LabAdvice{}},
		{"bent paths", []*plane.Round{flow}, LabAdvice{LabReflow, flow, flow, nil}},
		{"a copy of bent paths", []*plane.Round{flow, copied}, LabAdvice{LabReflow, copied, flow, nil}},
		{"straight paths", []*plane.Round{flow, copied, straight}, LabAdvice{LabStop, straight, straight, nil}},
		{"one round too many", []*plane.Round{flow, straight, further}, LabAdvice{LabStop, straight, straight, further}},
	} {
		if got := AdviseLab(c.rounds); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

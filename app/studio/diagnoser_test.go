package studio

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// That it measures and can be stopped is seen in TestFromTwoFoldersToATrainedProject.
func TestDiagnoserSaysWhyItCannotMeasureAndForgetsWithTheProject(t *testing.T) {
	s := newStudio(t)
	if err := s.Diagnoser.Start(); !errors.Is(err, ErrNothingTrained) {
		t.Errorf("without a project: %v", err)
	}
	check(t, s.OpenProject(trained(t, "1-flow")))
	check(t, s.Diagnoser.Start())
	until(t, "the end", func() bool { return s.Diagnoser.State().State != Running })
	if st := s.Diagnoser.State(); st.State != Failed || !strings.Contains(st.Err.Error(), "2 usable pictures") || st.Rounds != nil {
		t.Errorf("of two pictures: %v, %v", st.State, st.Err)
	}
	check(t, s.CloseProject())
	if st := s.Diagnoser.State(); st.State != Idle || st.Err != nil {
		t.Errorf("without the project: %v, %v", st.State, st.Err)
	}
}

func TestAdviceOnImagesTakesAFinishForThatOfTheLastFlow(t *testing.T) {
	round := func(name string, kind project.RoundKind, s, few, many float64) *train.Diagnosis {
		at := func(v float64) train.Distances {
			return train.Distances{Features: measure.Energy{Distance: v, Noise: .1, Squared: measure.Estimate{Mean: v*v - .01, SE: .001}}}
		}
		g := &train.Diagnosis{Round: name, Kind: kind, Few: at(few)}
		g.Identity.Straightness.Mean = s
		g.Identity.Gap.Mean = math.NaN()
		g.Marginal[4] = at(many)
		return g
	}
	flow := round("1-flow", project.KindFlow, 1, 1, .2)
	reflow := round("2-reflow", project.KindReflow, .1, .5, .2)
	refine := round("3-refine", project.KindRefine, 0, .2, .2)
	for _, c := range []struct {
		name   string
		rounds []*train.Diagnosis
		want   ImageAdvice
	}{
		{"nothing yet", nil, ImageAdvice{}},
		{"bent paths", []*train.Diagnosis{flow, reflow}, ImageAdvice{LabReflow, reflow, reflow, nil}},
		{"a finish", []*train.Diagnosis{flow, reflow, refine}, ImageAdvice{LabStop, refine, reflow, nil}},
	} {
		if got := AdviseImages(c.rounds); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

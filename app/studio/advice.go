package studio

import (
	"math"

	"github.com/straightway-app/straightway/engine/project"
)

// AdviceKind says what to do next.
type AdviceKind int

// The advice that the measurements of the rounds can give.
const (
	NoAdvice      AdviceKind = iota // nothing is measured yet
	AdviseReflow                    // one step is far from many: straighten once more
	AdviseFinish                    // the paths are straight: learn the one step
	AdviseStop                      // one step is as good as many: done
	AdviseRestore                   // the last round is farther from the target than the one before: take that
)

// Advice is what to do next, and the figures that say so.
type Advice struct {
	Kind         AdviceKind
	Round        string  // the round that the figures are of
	One, Many    float64 // KID to the target at one and at many steps
	Straightness float64 // S of this round
	Before       float64 // S, or for AdviseRestore one-step KID, of the round before; NaN where there is none
	Better       string  // the round to restore
}

// Advise judges by the last finished round. One step counts as as good as many within a quarter, or within 2 % of the
// source's own distance, about the spread between seeds on the project's line-art and people pictures; a reflow that
// does not take S to 80 % of what it was has nothing left to straighten, and further rounds only add their errors.
func Advise(rounds []project.Round) Advice {
	var done []project.Round
	for _, r := range rounds {
		if r.Finished {
			done = append(done, r)
		}
	}
	if len(done) == 0 {
		return Advice{}
	}
	last := done[len(done)-1]
	m := last.Report.Measurements
	a := Advice{Round: last.Name, One: m["kid/1"], Many: many(m), Straightness: m["straightness"], Before: math.NaN()}
	slack := .02 * m["kid_source"]
	good := a.One <= 1.25*a.Many || a.One <= a.Many+slack
	var before project.Measurements
	if len(done) > 1 {
		before = done[len(done)-2].Report.Measurements
		a.Before = before["straightness"]
		if a.One > 1.25*before["kid/1"] && a.One > before["kid/1"]+slack {
			a.Kind, a.Before, a.Better = AdviseRestore, before["kid/1"], done[len(done)-2].Name
			return a
		}
	}
	switch last.Kind {
	case project.KindFlow:
		a.Kind = AdviseReflow
		if good {
			a.Kind = AdviseFinish
		}
	case project.KindReflow:
		a.Kind = AdviseFinish
		if !good && a.Straightness < .8*a.Before {
			a.Kind = AdviseReflow
		}
	default:
		a.Kind = AdviseStop
	}
	return a
}

// many is the KID at the largest number of steps that was measured.
func many(m project.Measurements) float64 {
	for _, key := range []string{"kid/64", "kid/32", "kid/16", "kid/8", "kid/4"} {
		if v, ok := m[key]; ok {
			return v
		}
	}
	return math.NaN()
}

package studio

import (
	"math"

	"github.com/straightway-app/straightway/engine/plane"
)

// LabAdviceKind says what to do after the rounds of a run in the laboratory.
type LabAdviceKind int

// The advice that a run can give.
const (
	LabNoAdvice LabAdviceKind = iota // nothing is measured yet
	LabReflow                        // one step is still farther from the target than many: straighten once more
	LabStop                          // no later round is nearer in one step: stop at Round
)

// LabAdvice is what to do, and the rounds whose measurements say so.
type LabAdvice struct {
	Kind  LabAdviceKind
	Round *plane.Round // the one to stop at, perhaps a distillation; for LabReflow the nearest so far
	Flow  *plane.Round // the flow or reflow with its number: itself, or the one that it copies
	Next  *plane.Round // the reflow after it; nil where none was made
}

// AdviseLab looks for the earliest round whose single step is as near to the target as that of any.
func AdviseLab(rounds []*plane.Round) LabAdvice {
	one := func(r *plane.Round) plane.Distance { return r.Measurements.Fewer[1] }
	var best *plane.Round
	for _, r := range rounds {
		if best == nil || one(r).Squared.Value < one(best).Squared.Value {
			best = r
		}
	}
	if best == nil {
		return LabAdvice{}
	}
	a := LabAdvice{Kind: LabStop}
	for _, r := range rounds {
		if a.Round == nil && asNear(one(r), one(best)) {
			a.Round = r
		}
	}
	var before *plane.Round
	for _, r := range rounds {
		switch {
		case r.Kind == plane.Distil:
		case r.Number < a.Round.Number:
			before = r
		case r.Number == a.Round.Number:
			a.Flow = r
		case a.Next == nil:
			a.Next = r
		}
	}
	falling := before == nil || a.Flow.Straightness.Value < .8*before.Straightness.Value
	if a.Next == nil && falling && !asNear(one(a.Round), a.Flow.Marginal[len(a.Flow.Marginal)-1]) {
		a.Kind = LabReflow
	}
	return a
}

// asNear says whether a distance from the target cannot be told from a smaller one, or hardly: the squares differ by less
// than two standard errors and a quarter of what the samples' noise is.
func asNear(a, b plane.Distance) bool {
	return a.Squared.Value <= b.Squared.Value+2*math.Hypot(a.Squared.SE, b.Squared.SE)+a.Noise*a.Noise/4
}

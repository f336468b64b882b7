package studio

import (
	"slices"

	"github.com/straightway-app/straightway/engine/plane"
	"github.com/straightway-app/straightway/engine/train"
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
	var all []evidence
	for _, r := range rounds {
		all = append(all, evidence{r.Number, r.Kind == plane.Distil, r.Straightness.Value, r.Measurements.Fewer[1], r.Marginal[4]})
	}
	kind, at, flow, next := advise(all)
	pick := func(i int) *plane.Round {
		if i < 0 {
			return nil
		}
		return rounds[i]
	}
	return LabAdvice{kind, pick(at), pick(flow), pick(next)}
}

// ImageAdvice is LabAdvice for the rounds of a project, of which a finish is made from the last flow before it.
type ImageAdvice struct {
	Kind              LabAdviceKind
	Round, Flow, Next *train.Diagnosis
}

// AdviseImages does the same for rounds of images, by the distances of their features.
func AdviseImages(rounds []*train.Diagnosis) ImageAdvice {
	var all []evidence
	number := 0
	for _, g := range rounds {
		if g.Kind.EveryTime() {
			number++
		}
		all = append(all, evidence{number, !g.Kind.EveryTime(), g.Identity.Straightness.Mean, plane.DistanceOf(g.Few.Features), plane.DistanceOf(g.Marginal[4].Features)})
	}
	kind, at, flow, next := advise(all)
	pick := func(i int) *train.Diagnosis {
		if i < 0 {
			return nil
		}
		return rounds[i]
	}
	return ImageAdvice{kind, pick(at), pick(flow), pick(next)}
}

// evidence is what advice looks at in a round: its number, or that of the round that it copies; S; and the distances of
// one and of many steps from the target.
type evidence struct {
	number    int
	copies    bool
	s         float64
	one, many plane.Distance
}

// advise finds the round to stop at, the flow or reflow with its number, and the one after that, −1 where there is none.
func advise(rounds []evidence) (kind LabAdviceKind, at, flow, next int) {
	at, flow, next = -1, -1, -1
	best := -1
	for i, r := range rounds {
		if best < 0 || r.one.Squared.Value < rounds[best].one.Squared.Value {
			best = i
		}
	}
	if best < 0 {
		return LabNoAdvice, at, flow, next
	}
	at = slices.IndexFunc(rounds, func(r evidence) bool { return asNear(r.one, rounds[best].one) })
	before := -1
	for i, r := range rounds {
		switch {
		case r.copies:
		case r.number < rounds[at].number:
			before = i
		case r.number == rounds[at].number:
			flow = i
		case next < 0:
			next = i
		}
	}
	if flow < 0 { // a finish alone is measured
		return LabStop, at, at, next
	}
	falling := before < 0 || rounds[flow].s < .8*rounds[before].s
	if next < 0 && falling && !asNear(rounds[at].one, rounds[flow].many) {
		return LabReflow, at, flow, next
	}
	return LabStop, at, flow, next
}

// asNear says whether a distance from the target cannot be told from a smaller one, or hardly: the squares differ by less
// than two standard errors of their difference and a quarter of what the samples' noise is.
func asNear(a, b plane.Distance) bool {
	d := a.Farther(b)
	return d.Value <= 2*d.SE+a.Noise*a.Noise/4
}

package studio

import (
	"math"
	"slices"
	"strconv"
	"strings"

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
// does not take S to 80 % of what it was has nothing left to straighten, and further rounds only add their errors. Noise
// has no distance that is worth comparing with: the blur that the first round makes in one step stands in for it. Reports
// without the accuracy of their classifier have another's distances, from before it was measured.
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
	if _, measured := m["kid/1"]; !measured {
		return Advice{}
	}
	a := Advice{Round: last.Name, One: m["kid/1"], Many: many(m), Straightness: m["straightness"], Before: math.NaN()}
	far, fromFolder := m["kid_source"]
	if !fromFolder {
		far = done[0].Report.Measurements["kid/1"]
	}
	slack := .02 * far
	good := a.One <= 1.25*a.Many || a.One <= a.Many+slack
	var before project.Measurements
	if len(done) > 1 {
		before = done[len(done)-2].Report.Measurements
		a.Before = before["straightness"]
		_, now := m["balanced_accuracy"]
		_, then := before["balanced_accuracy"]
		if now == then && a.One > 1.25*before["kid/1"] && a.One > before["kid/1"]+slack {
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

// many is the KID at the largest number of steps that was measured; NaN where there is none beyond one.
func many(m project.Measurements) float64 {
	if n, v, ok := mostSteps(m, "kid"); ok && n > 1 {
		return v
	}
	return math.NaN()
}

// mostSteps is what was measured of a kind, such as kid of kid/16, at the most steps.
func mostSteps(m project.Measurements, kind string) (steps int, v float64, ok bool) {
	for _, n := range StepsOf(m, kind) {
		steps, v, ok = n, m[kind+"/"+strconv.Itoa(n)], true
	}
	return steps, v, ok
}

// StepsOf are the numbers of steps, in order, at which something of a kind was measured: 1, 4 and 16 for kid/1, kid/4
// and kid/16.
func StepsOf(m project.Measurements, kind string) []int {
	var out []int
	for key := range m {
		if text, ok := strings.CutPrefix(key, kind+"/"); ok {
			if n, err := strconv.Atoi(text); err == nil {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return out
}

// RoundTrip is how far an image comes back from itself when it goes there and back in some steps: 0–255, the mean of
// the differences. It is of the last finished round that was measured so, at the most steps.
func RoundTrip(rounds []project.Round) (round string, steps int, difference float64, ok bool) {
	for _, r := range rounds {
		if r.Finished {
			if n, v, measured := mostSteps(r.Report.Measurements, "round_trip"); measured {
				round, steps, difference, ok = r.Name, n, v, true
			}
		}
	}
	return round, steps, difference, ok
}

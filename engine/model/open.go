package model

import (
	"fmt"
	"math"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/project"
)

// Batch is the number of images of a side in pixels that flow together where nothing else decides it.
func Batch(size int) int { return max(1, min(32, 32*64*64/(size*size))) }

// Use says how a project's network is to be used.
type Use struct {
	Round   string // name; empty means the last finished round, or with Reverse the last that knows the way back
	Steps   int    // of the solver; Euler's are network evaluations. RK45 takes 1/Steps as its first try, 0 lets it choose
	Reverse bool   // from target to source
	Batch   int    // images computed together; 0 means Batch of the network's size

	Until float64 // share of the way to go, with as many of the steps as that takes; 0 means all of it

	Solver    flow.Solver
	Tolerance float64 // relative tolerance of RK45, which a tenth of is the absolute one; 0 means flow's defaults
}

// path is the way that u asks for.
func (u Use) path() flow.Path {
	until := u.Until
	if until == 0 {
		until = 1
	}
	p := flow.Path{From: 0, To: until, Steps: int(math.Ceil(float64(u.Steps) * until))}
	if u.Reverse {
		p.From, p.To = 1, 1-until
	}
	p.Relative, p.Absolute = u.Tolerance, u.Tolerance/10
	return p
}

// describe is all of u that decides the result, as an export's journal keeps it.
func (u Use) describe() string {
	text := fmt.Sprintf("steps=%d reverse=%t", u.Steps, u.Reverse)
	if u.Solver != flow.ByEuler {
		text += fmt.Sprintf(" solver=%s", u.Solver)
	}
	if u.Solver.Adaptive() {
		text += fmt.Sprintf(" tolerance=%g", u.Tolerance)
	}
	return text
}

// OpenTranslator loads a round on a backend; one that is not finished is loaded as it was saved last, if u names it.
// round is the one that was taken; settings names all that decides the result, for the export's journal. The translator
// is to be closed.
func OpenTranslator(p *project.Project, be *backend.Backend, u Use) (t Translator, round, settings string, err error) {
	fail := func(err error) (Translator, string, string, error) { return Translator{}, "", "", err }
	if u.Reverse && u.Round == "" {
		rounds, err := p.Rounds()
		if err != nil {
			return fail(err)
		}
		for _, r := range rounds {
			if r.Finished && p.Settings().KnowsTheWayBack(r.Kind) {
				u.Round = r.Name
			}
		}
	}
	r, net, flat, err := loadBegun(p, u.Round)
	if err != nil {
		return fail(err)
	}
	if u.Batch == 0 {
		u.Batch = Batch(net.Size)
	}
	sampler, err := NewSampler(be, net, Lowering(be, p.Settings().Precision), u.Batch)
	if err != nil {
		return fail(err)
	}
	state := r.Report.FinishedAt.Format("2006-01-02T15:04:05Z")
	if !r.Finished {
		state = fmt.Sprintf("step=%d", r.Report.Steps)
	}
	settings = fmt.Sprintf("%s %s %s %s", p.Dir(), r.Name, state, u.describe())
	return NewTranslator(sampler.With(NewWeights(flat)), u), r.Name, settings, nil
}

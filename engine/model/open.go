package model

import (
	"fmt"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/project"
)

// Batch is the number of images of a side in pixels that flow together where nothing else decides it.
func Batch(size int) int { return max(1, min(32, 32*64*64/(size*size))) }

// Use says how a project's network is to be used.
type Use struct {
	Round   string // name; empty means the last round, or with Reverse the last that knows the way back
	Steps   int    // network evaluations
	Reverse bool   // from target to source
	Batch   int    // images computed together; 0 means Batch of the network's size
}

// OpenTranslator loads a round on a backend. round is the one that was taken; settings names all that decides the
// result, for the export's journal. The translator is to be closed.
func OpenTranslator(p *project.Project, be *backend.Backend, u Use) (t Translator, round, settings string, err error) {
	fail := func(err error) (Translator, string, string, error) { return Translator{}, "", "", err }
	path := flow.Forward(u.Steps)
	if u.Reverse {
		path = flow.Backward(u.Steps)
		if u.Round == "" {
			rounds, err := p.Rounds()
			if err != nil {
				return fail(err)
			}
			for _, r := range rounds {
				if r.Finished && r.Kind.KnowsTheWayBack() {
					u.Round = r.Name
				}
			}
		}
	}
	r, net, flat, err := Load(p, u.Round)
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
	settings = fmt.Sprintf("%s %s %s steps=%d reverse=%t", p.Dir(), r.Name, r.Report.FinishedAt.Format("2006-01-02T15:04:05Z"), u.Steps, u.Reverse)
	return Translator{Model: sampler.With(NewWeights(flat)), Path: path}, r.Name, settings, nil
}

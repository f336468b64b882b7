//go:build !headless

package desktop

import (
	"strings"
	"testing"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// openGuarantees shows the guarantees of three rounds that nobody has measured: no test waits for that.
func openGuarantees(t *testing.T, a *App) {
	t.Helper()
	openMeasured(t, a)
	st := studio.DiagnosisState{State: studio.Finished, Version: 1000}
	a.train.promises.state = func() studio.DiagnosisState { return st }
	about := func(v float64) measure.Estimate { return measure.Estimate{Mean: v, SE: v / 20, N: 74} }
	for k, name := range []string{"1-flow", "2-reflow", "3-refine"} {
		far := []float64{1, .1, 0}[k]
		g := &train.Diagnosis{Round: name, Kind: []project.RoundKind{project.KindFlow, project.KindReflow, project.KindRefine}[k], Number: k + 1, Images: 74, PathSteps: 32, FewSteps: 1}
		g.Identity = measure.Identity{Straightness: about(.014 * far), Crossing: about(.25 * far), Drop: about(.3 * far), Gap: about(.01)}
		g.Bound = .6 / float64(k+1)
		g.Before, g.After = cost(about(.6)), cost(about(.3))
		at := func(v float64) train.Distances {
			e := measure.Energy{Distance: v, Noise: .2, Squared: measure.Estimate{Mean: v*v - .04, SE: .01}}
			return train.Distances{Pixels: e, Features: e}
		}
		for i := range g.Marginal {
			g.Marginal[i] = at(.22)
		}
		g.Own, g.Few = at(.21), at(.22+.9*far)
		st.Rounds = append(st.Rounds, g)
	}
	a.open(1)
	a.train.setPromised(true)
	a.refresh()
}

func cost(e measure.Estimate) measure.Cost {
	return measure.Cost{L1: e, L2: e, L2Squared: e, Huber: e}
}

func TestGuaranteesOfImagesAreShownWithTheirEvidence(t *testing.T) {
	a := shows[0].open(t)
	openGuarantees(t, a)
	g := a.train.promises
	for _, says := range []string{"stop here, after Refine", "0.220 from the target", "noise is 0.200"} {
		if !strings.Contains(g.advice.Text, says) {
			t.Errorf("the advice is %q, which does not say %q", g.advice.Text, says)
		}
	}
	if a.train.advice.Visible() {
		t.Error("the advice of the reports stands beside that of the guarantees")
	}
	for i, page := range g.book.pages {
		g.book.open(i)
		shown := g.book.plot.Visible() || g.book.bars.Visible()
		if !shown || len(page.groups)+len(page.series) == 0 || g.book.says.Text != page.says {
			t.Errorf("the page %s shows nothing", page.name)
		}
	}
	if marginals := g.book.pages[2].groups; len(marginals) != 3 || len(marginals[0].Values) != 5 || !(marginals[1].Values[4].Low < marginals[1].Values[4].Value) {
		t.Errorf("the marginals are %+v: want two flows and the noise at five times, with intervals", marginals)
	}
	if bound := g.book.pages[4].series; len(bound) != 3 || bound[0].Y[0] != .6 || len(bound[1].Y) != 2 {
		t.Errorf("the bound is %+v: want it from 0.6 on, beside two flows", bound)
	}
	a.train.setPromised(false)
	if !a.train.advice.Visible() || a.train.body.Objects[0] != a.train.split {
		t.Error("the progress does not come back")
	}
}

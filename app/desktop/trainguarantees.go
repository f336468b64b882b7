//go:build !headless

package desktop

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/plane"
	"github.com/straightway-app/straightway/engine/train"
)

// trainGuarantees is the page of the Train screen on what the theory promises of the rounds: it has them measured in
// the background and shows what was found.
type trainGuarantees struct {
	a       *App
	state   func() studio.DiagnosisState // of the studio, unless a test sets it
	book    chartBook
	run     *tip.Button
	status  *widget.Label
	bar     *widget.ProgressBar
	advice  *widget.Label
	root    fyne.CanvasObject
	version int
	failure error // that was told
}

func newTrainGuarantees(a *App) *trainGuarantees {
	return &trainGuarantees{a: a, state: a.studio.Diagnoser.State, version: -1}
}

func (g *trainGuarantees) build() fyne.CanvasObject {
	g.status = widget.NewLabel("")
	g.status.Truncation = fyne.TextTruncateEllipsis
	g.bar = widget.NewProgressBar()
	slim := g.a.slim(g.bar)
	g.run = button("", nil, tr("Measure what the theory promises, on held-out images: about a minute a round"), g.toggle)
	g.advice = wrapped("")
	head := container.NewBorder(nil, nil, heading(tr("Guarantees")), g.run, g.status)
	body := g.book.build(imagePages(nil, false))
	g.root = newPage(body, head, slim, body, g.advice)
	return g.root
}

// toggle starts or stops the measuring.
func (g *trainGuarantees) toggle() {
	d := g.a.studio.Diagnoser
	if s := d.State().State; s == studio.Running || s == studio.Stopping {
		d.Stop()
	} else {
		g.a.fail(tr("The rounds could not be measured"), d.Start())
	}
	g.refresh(true)
}

// refresh draws what is new; trained says whether there is a round to measure.
func (g *trainGuarantees) refresh(trained bool) {
	st := g.state()
	busy := st.State == studio.Running || st.State == studio.Stopping
	setEnabled(g.run, trained && st.State != studio.Stopping)
	if g.version == st.Version {
		return
	}
	g.version = st.Version
	label, symbol := tr("Measure"), theme.MediaPlayIcon()
	if busy {
		label, symbol = tr("Stop"), theme.MediaStopIcon()
	}
	if g.run.Text != label {
		g.run.SetText(label)
		g.run.SetIcon(symbol)
	}
	text, fraction := "", 0.
	switch {
	case st.State == studio.Stopping:
		text = tr("Stopping…")
	case busy && st.Round == "":
		text = tr("Getting ready…")
	case busy:
		text, fraction = tr("Measuring %s…", roundTitle(st.Round)), float64(st.Done)/float64(max(1, st.Total))
	case st.State == studio.Failed:
		text = upperFirst(st.Err.Error())
	case len(st.Rounds) > 0:
		text = tr("%d held-out images", st.Rounds[0].Images)
	}
	setText(g.status, text)
	if g.bar.Value != fraction {
		g.bar.SetValue(fraction)
	}
	setShown(g.bar, busy)
	g.book.show(imagePages(st.Rounds, g.a.fromNoise()))
	setText(g.advice, imageAdvice(studio.AdviseImages(st.Rounds)))
	if st.Err != nil && st.Err != g.failure {
		g.a.fail(tr("The rounds could not be measured"), st.Err)
	}
	g.failure = st.Err
	g.root.Refresh()
}

// imagePages are the guarantees of a project's rounds.
func imagePages(rounds []*train.Diagnosis, noise bool) []chartPage {
	same := func(e measure.Estimate) plane.Estimate { return plane.Estimate{Value: e.Mean, SE: e.SE} }
	costs := func(c measure.Cost) [4]plane.Estimate {
		return [4]plane.Estimate{same(c.L1), same(c.L2), same(c.L2Squared), same(c.Huber)}
	}
	var out []measuredRound
	for _, g := range rounds {
		m := measuredRound{
			title: roundTitle(g.Round), number: g.Number, copies: !g.Kind.EveryTime(),
			s: same(g.Identity.Straightness), v: same(g.Identity.Crossing), drop: same(g.Identity.Drop),
			before: costs(g.Before), after: costs(g.After), bound: g.Bound, own: plane.DistanceOf(g.Own.Features),
			steps: []stepDistance{{tr("few steps"), plane.DistanceOf(g.Few.Features)}},
		}
		for i, d := range g.Marginal {
			m.marginal[i] = plane.DistanceOf(d.Features)
		}
		if !m.copies {
			m.steps = append(m.steps, stepDistance{tr("many steps"), m.marginal[4]})
		}
		out = append(out, m)
	}
	target := tr("Held-out images of the target, by the features of the classifier that measures.")
	if noise {
		target = tr("Held-out images, by the features of a classifier of damaged copies.")
	}
	return guaranteePages(out, guaranteeTexts{
		empty:     tr("Press Measure: what was found stands here, round by round."),
		identity:  tr("For the exact velocity, S + V is exactly what the transport cost e² falls by, e the difference of pixel values. S: how far the paths are from straight. V: how much the lines that were learnt from cross. What is missing between S + V and the fall is the network's own error on unseen images. Thin lines: intervals of 95 %."),
		costs:     tr("What moving an image costs, before (pairs) and after each round, for four convex prices of the difference e of pixel values. No rectified flow raises any of them. Thin lines: intervals of 95 %."),
		marginals: tr("At every time, the images on their way should be like points on the straight lines between pairs. The distance is the root of the energy distance of features; what lies near the noise, which two samples of one kind have, cannot be told from none. Thin lines: intervals of 95 %."),
		steps:     tr("How far the outputs are from the target. Few steps: one, or those that a finish was made for. Many: the whole way. Where the paths are straight, they agree.") + " " + target,
		bound:     tr("Proven for the exact flow: some round up to the k-th has S + V of at most the first cost e² divided by k."),
		errors:    tr("Each round misses its own pairs a little, and the next one learns from what it made: the errors add up. Rounds beyond the straight one only add theirs. Noise: two samples of one spread."),
		prices:    [4]string{"|e|", tr("root of e²"), "e²", "Huber"},
	})
}

// imageAdvice says what to do after the rounds that were measured, and what says so.
func imageAdvice(a studio.ImageAdvice) string {
	if a.Kind == studio.LabNoAdvice {
		return tr("Once a round is measured, advice stands here: whether one more is worth it, and what says so.")
	}
	title, few := roundTitle(a.Round.Round), a.Round.Few.Features
	many := a.Flow.Marginal[4].Features.Distance
	i := a.Flow.Identity
	if a.Kind == studio.LabReflow {
		return tr("Advice: one more reflow. After %s few steps end %.3f from the target, %d steps %.3f (noise %.3f): S is %.4f, so the paths still bend.", title, few.Distance, a.Flow.PathSteps, many, few.Noise, i.Straightness.Mean)
	}
	text := tr("Advice: stop here, after %s, because its few steps end %.3f from the target, where %d steps of %s end %.3f and the noise is %.3f; S + V is down to %.4f.",
		title, few.Distance, a.Flow.PathSteps, roundTitle(a.Flow.Round), many, few.Noise, i.Straightness.Mean+i.Crossing.Mean)
	if n := a.Next; n != nil {
		text += tr(" %s ends at %.3f, which can hardly be told from that, and adds its own error: %.3f in %d steps.", roundTitle(n.Round), n.Few.Features.Distance, n.Marginal[4].Features.Distance, n.PathSteps)
	}
	return text
}

// chartIcon is three bars on a line.
var chartIcon = fyne.NewStaticResource("chart.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"><path fill="#000" d="M3 20h18v1.5H3zM5 11h3.5v8H5zM10.25 4h3.5v15h-3.5zM15.5 8H19v11h-3.5z"/></svg>`))

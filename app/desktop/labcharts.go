//go:build !headless

package desktop

import (
	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/plane"
)

// labPages are the measurements of the laboratory's rounds.
func labPages(rounds []*plane.Round) []chartPage {
	var out []measuredRound
	for _, r := range rounds {
		costs := func(c plane.Cost) [4]plane.Estimate { return [4]plane.Estimate{c.L1, c.L2, c.L2Squared, c.Huber} }
		m := measuredRound{
			title: labTitle(r.Number, r.Kind), number: r.Number, copies: r.Kind == plane.Distil,
			s: r.Straightness, v: r.Crossing, drop: r.CostDrop, before: costs(r.Before), after: costs(r.After),
			bound: rounds[0].Before.L2Squared.Value / float64(r.Number), marginal: r.Marginal, own: r.Own,
			steps: []stepDistance{{tr("1 step"), r.Measurements.Fewer[1]}},
		}
		if r.Kind != plane.Distil {
			m.steps = append(m.steps, stepDistance{tr("%d steps", 2), r.Measurements.Fewer[2]}, stepDistance{tr("%d steps", 4), r.Measurements.Fewer[4]},
				stepDistance{tr("%d steps", studio.LabSteps), r.Marginal[4]})
		}
		out = append(out, m)
	}
	return guaranteePages(out, guaranteeTexts{
		empty:     tr("After the first round its measurements stand here."),
		identity:  tr("For the exact velocity, S + V is exactly what the transport cost |d|² falls by. S: how far the paths are from straight. V: how much the lines that were learnt from cross. What is missing between S + V and the fall is the network's own error. Thin lines: intervals of 95 %."),
		costs:     tr("The mean cost of carrying the points, before (pairs) and after each round, for four convex prices of a way d. No rectified flow raises any of them. Thin lines: intervals of 95 %."),
		marginals: tr("At every time, the particles should be spread as points on the straight lines are. The distance is the root of the energy distance; what lies near the noise, which two samples of one spread have, cannot be told from none. Thin lines: intervals of 95 %."),
		steps:     tr("How far the ends are from the target, by the number of evaluations of the velocity. Where the paths are straight, one step is as good as many. Noise: two samples of the target itself."),
		bound:     tr("Proven for the exact flow: some round up to the k-th has S + V of at most the first cost |d|² divided by k. Measured, S and V fall far faster."),
		errors:    tr("Each round misses its own pairs a little, and the next one learns from what it made: the errors add up. Rounds beyond the straight one only add theirs. Noise: two samples of one spread."),
		prices:    [4]string{"|dx| + |dy|", "|d|", "|d|²", "Huber"},
	})
}

// labAdvice says what to do after a run, and what says so.
func labAdvice(a studio.LabAdvice) string {
	if a.Kind == studio.LabNoAdvice {
		return tr("After the first round, advice stands here: whether one more is worth it, and what says so.")
	}
	title := labTitle(a.Round.Number, a.Round.Kind)
	one, noise := a.Round.Measurements.Fewer[1].Value, a.Round.Measurements.Fewer[1].Noise
	many := a.Flow.Marginal[4].Value
	if a.Kind == studio.LabReflow {
		return tr("Advice: one more reflow. After %s one step ends %.3f from the target, %d steps %.3f (noise %.3f): S is %.4f, so the paths still bend.", title, one, studio.LabSteps, many, noise, a.Flow.Straightness.Value)
	}
	text := tr("Advice: stop here, after %s, because one step ends %.3f from the target, where %d steps end %.3f and the noise is %.3f; S + V is down to %.4f.",
		title, one, studio.LabSteps, many, noise, a.Flow.Straightness.Value+a.Flow.Crossing.Value)
	if a.Next != nil {
		text += tr(" %s ends at %.3f, which can hardly be told from that, and adds its own error: %.3f in %d steps.", labTitle(a.Next.Number, a.Next.Kind), a.Next.Measurements.Fewer[1].Value, a.Next.Marginal[4].Value, studio.LabSteps)
	}
	return text
}

package plane

import (
	"math"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/chart"
)

// chartsOf are the charts of made-up rounds with these values of S, V being twice as much.
func chartsOf(straightness ...float64) map[string]chart.Chart {
	r := &Result{}
	for i, s := range straightness {
		k := &Round{Number: i + 1, Kind: Reflow}
		if i == 0 {
			k.Kind = Flow
		}
		k.Straightness, k.Crossing = Estimate{s, s / 20}, Estimate{2 * s, s / 10}
		cost := func(v float64) Cost {
			return Cost{Estimate{v, v / 50}, Estimate{v, v / 50}, Estimate{v, v / 50}, Estimate{v, v / 50}}
		}
		k.Before, k.After = cost(8/float64(i+1)), cost(8/float64(i+2))
		for j := range k.Marginal {
			k.Marginal[j] = Distance{Value: .03 * float64(i+1), Noise: .025, Squared: Estimate{.001, .0002}}
		}
		distil := &Round{Number: i + 1, Kind: Distil}
		k.Measurements.Fewer = map[int]Distance{1: {Value: .5, Noise: .025, Squared: Estimate{.25, .001}}, 2: {}, 4: {}}
		distil.Measurements.Fewer = map[int]Distance{1: {Value: .1, Noise: .025, Squared: Estimate{.01, .001}}}
		k.Own = Distance{Value: .03, Noise: .025}
		r.Rounds = append(r.Rounds, k, distil)
	}
	out := map[string]chart.Chart{}
	for _, c := range r.Charts() {
		out[c.Name] = c
	}
	return out
}

func TestChartsHoldTheMeasurementsToTheirGuarantees(t *testing.T) {
	c := chartsOf(1, .04, .002)
	bound := c["bound"]
	if len(bound.Places) != 3 || bound.Lines[0].Y[1] != 4 || math.Abs(bound.Lines[1].Y[1]-.12) > 1e-9 {
		t.Errorf("the bound and S + V of round 2 are %v and %v over %v, want 8/2 and 0.12", bound.Lines[0].Y[1], bound.Lines[1].Y[1], bound.Places)
	}
	costs := c["costs"]
	if strings.Join(costs.Places, " ") != "independent 1 2 3" || len(costs.Lines) != 4 {
		t.Errorf("costs of %d functions at %v", len(costs.Lines), costs.Places)
	}
	if l := costs.Lines[3]; l.Y[0] != 1 || l.Y[3] != .25 || math.Abs(l.Error[3]-1.96*.005) > 1e-9 {
		t.Errorf("the costs are %v of the first, ± %v, want 1, ½, ⅓, ¼ with errors of a fiftieth", l.Y, l.Error)
	}
	marginals := c["marginals"]
	if len(marginals.Places) != 5 || len(marginals.Lines) != 4 || math.Abs(marginals.Lines[2].Error[4]-1.96*.0002/.12) > 1e-9 {
		t.Errorf("%d lines at %v, error %g", len(marginals.Lines), marginals.Places, marginals.Lines[2].Error[4])
	}
	steps := c["steps"]
	if strings.Join(steps.Places, " ") != "1 2 4 all" || len(steps.Lines) != 7 || steps.Lines[1].Y[0] != .5 || steps.Lines[2].Name != "1-distil" || steps.Lines[2].Y[0] != .1 {
		t.Errorf("%d lines at %v; the first are %v and %v, want the flow's and its distillation's", len(steps.Lines), steps.Places, steps.Lines[1], steps.Lines[2])
	}
	errors := c["errors"]
	if l := errors.Lines; len(l) != 3 || l[1].Y[2] != .03 || math.Abs(l[2].Y[2]-.09) > 1e-9 {
		t.Errorf("the errors are %v, want 0.03 of each round, and 0.09 of all three", l)
	}
}

package train

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/straightway-app/straightway/engine/chart"
)

// ChartsOf draws the diagnoses of a project's rounds: each round in a colour of its own.
func ChartsOf(rounds []*Diagnosis) chart.Sheet {
	return chart.Sheet{
		Columns: 4,
		Panels: []chart.Chart{
			lossChart(rounds), layerChart(rounds), boundChart(rounds), costChart(rounds),
			marginalChart(rounds), errorChart(rounds), nearestChart(rounds, "features", func(f Found) Match { return f.Features }),
			nearestChart(rounds, "pixels", func(f Found) Match { return f.Pixels }),
		},
		Caption: "Bars are 95 % intervals over images, for the given networks. Dashed: in the loss, training pairs; elsewhere what the others are held against.",
	}
}

func names(rounds []*Diagnosis) (out []string) {
	for _, g := range rounds {
		out = append(out, g.Round)
	}
	return out
}

func lossChart(rounds []*Diagnosis) chart.Chart {
	c := chart.Chart{Title: "loss by t", Axis: "t", Log: true}
	for k, g := range rounds {
		held := chart.Line{Name: g.Round, Colour: k % chart.Grey}
		training := chart.Line{Colour: k % chart.Grey, Dashed: true}
		for _, l := range g.Loss {
			t := (l.From + l.To) / 2
			held.X, held.Y, held.Error = append(held.X, t), append(held.Y, l.HeldOut.Mean), append(held.Error, chart.Interval(l.HeldOut.SE))
			training.X, training.Y = append(training.X, t), append(training.Y, l.Training.Mean)
		}
		c.Lines = append(c.Lines, held, training)
	}
	return c
}

func layerChart(rounds []*Diagnosis) chart.Chart {
	c := chart.Chart{Title: "gradient norm / weight norm of layers' weights", Axis: "layer, in the order of the tables", Log: true}
	for k, g := range rounds {
		line := chart.Line{Name: g.Round, Colour: k % chart.Grey}
		for i, l := range g.Layers {
			if strings.HasSuffix(l.Name, ".weight") && l.Weight > 0 {
				line.X, line.Y = append(line.X, float64(i+1)), append(line.Y, l.Gradient/l.Weight)
			}
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// boundChart holds S + V beside E‖X1 − X0‖²/k, of the rounds that the bound is about. The interval of the sum takes the
// errors of both as if they were always wrong together.
func boundChart(rounds []*Diagnosis) chart.Chart {
	c := chart.Chart{Title: "S + V, and the bound O(1/k)", Axis: "round k", Log: true}
	sum, straight, bound := chart.Line{Name: "S + V"}, chart.Line{Name: "S", Colour: 1}, chart.Line{Name: "bound, E|X1−X0|²/k", Colour: chart.Grey, Dashed: true}
	for _, g := range rounds {
		if !g.Kind.EveryTime() {
			continue
		}
		i := g.Identity
		x := float64(len(c.Places))
		c.Places = append(c.Places, strconv.Itoa(g.Number))
		sum.X, sum.Y, sum.Error = append(sum.X, x), append(sum.Y, i.Straightness.Mean+i.Crossing.Mean), append(sum.Error, chart.Interval(i.Straightness.SE+i.Crossing.SE))
		straight.X, straight.Y, straight.Error = append(straight.X, x), append(straight.Y, i.Straightness.Mean), append(straight.Error, chart.Interval(i.Straightness.SE))
		bound.X, bound.Y = append(bound.X, x), append(bound.Y, g.Bound)
	}
	c.Lines = []chart.Line{bound, sum, straight}
	return c
}

// costChart divides each cost by that of the pairs of the first round shown.
func costChart(rounds []*Diagnosis) chart.Chart {
	c := chart.Chart{Title: "transport cost, of the first pairs'", Axis: "pairs, and what each round makes of its own", Places: append([]string{"pairs"}, names(rounds)...)}
	for k, cost := range Costs {
		first := cost.Of(rounds[0].Before)
		line := chart.Line{Name: cost.Name, Colour: k % chart.Grey, X: []float64{0}, Y: []float64{1}, Error: []float64{chart.Interval(first.SE) / first.Mean}}
		for i, g := range rounds {
			e := cost.Of(g.After)
			line.X, line.Y, line.Error = append(line.X, float64(i+1)), append(line.Y, e.Mean/first.Mean), append(line.Error, chart.Interval(e.SE)/first.Mean)
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

func marginalChart(rounds []*Diagnosis) chart.Chart {
	c := chart.Chart{Title: "marginals: √ energy distance of features", Axis: "t"}
	for k, g := range rounds {
		line, noise := chart.Line{Name: g.Round, Colour: k % chart.Grey}, chart.Line{Colour: chart.Grey, Dashed: true}
		if k == len(rounds)-1 {
			noise.Name = "noise of such samples"
		}
		for i, t := range MarginalTimes {
			e := g.Marginal[i].Features
			line.X, line.Y = append(line.X, t), append(line.Y, e.Distance)
			noise.X, noise.Y = append(noise.X, t), append(noise.Y, e.Noise)
		}
		c.Lines = append(c.Lines, line, noise)
	}
	return c
}

func errorChart(rounds []*Diagnosis) chart.Chart {
	c := chart.Chart{Title: "error at the end: √ energy distance of features", Axis: "round", Places: names(rounds)}
	for k, of := range []struct {
		name string
		at   func(*Diagnosis) float64
	}{
		{"noise of such samples", func(g *Diagnosis) float64 { return g.Marginal[4].Features.Noise }},
		{"from the target: all rounds'", func(g *Diagnosis) float64 { return g.Marginal[4].Features.Distance }},
		{"from what it learnt: its own", func(g *Diagnosis) float64 { return g.Own.Features.Distance }},
		{"of few steps, from the target", func(g *Diagnosis) float64 { return g.Few.Features.Distance }},
	} {
		line := chart.Line{Name: of.name, Colour: k - 1}
		if k == 0 {
			line.Colour, line.Dashed = chart.Grey, true
		}
		for i, g := range rounds {
			line.X, line.Y = append(line.X, float64(i)), append(line.Y, of.at(g))
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// nearestChart is the share of images whose nearest training image is nearer than so much.
func nearestChart(rounds []*Diagnosis, by string, of func(Found) Match) chart.Chart {
	c := chart.Chart{Title: "share with a training image nearer than …, by " + by, Axis: fmt.Sprintf("distance of %s", by)}
	share := func(found []Found) (l chart.Line) {
		for _, f := range found {
			l.X = append(l.X, of(f).Distance)
		}
		slices.Sort(l.X)
		for i := range l.X {
			l.Y = append(l.Y, float64(i+1)/float64(len(l.X)))
		}
		return l
	}
	for k, g := range rounds {
		l := share(g.Nearest.Outputs)
		l.Name, l.Colour = g.Round, k%chart.Grey
		c.Lines = append(c.Lines, l)
	}
	l := share(rounds[0].Nearest.Real)
	l.Name, l.Colour, l.Dashed = "unseen real images", chart.Grey, true
	c.Lines = append(c.Lines, l)
	return c
}

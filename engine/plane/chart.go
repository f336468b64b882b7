package plane

import (
	"fmt"
	"math"

	"github.com/straightway-app/straightway/engine/chart"
)

// Charts are the diagrams of the three guarantees: the bound on S + V (theorem 3.7 of the paper), the transport costs
// (theorem 3.5) and the marginals (theorem 3.3), of the flow and the reflows; a distillation has none of them to keep. Two
// more hold what says where to stop: the distance from the target by the number of steps, of all, and the errors of each
// round and of all rounds so far.
func (r *Result) Charts() []chart.Chart {
	var rounds []*Round
	for _, k := range r.Rounds {
		if k.Kind != Distil {
			rounds = append(rounds, k)
		}
	}
	return []chart.Chart{r.boundChart(rounds), costChart(rounds), marginalChart(rounds), stepChart(r.Rounds), errorChart(rounds)}
}

// stepChart shows how far the ends of each round are from the target, by the number of steps that lead there; those of a
// distillation in one.
func stepChart(rounds []*Round) chart.Chart {
	c := chart.Chart{Name: "steps", Title: "Distance from the target by the number of steps", Axis: "steps", Log: true}
	noise := chart.Line{Name: "noise: two samples of the target", Colour: chart.Grey, Dashed: true}
	for _, n := range FewerSteps {
		c.Places = append(c.Places, fmt.Sprint(n))
	}
	c.Places = append(c.Places, "all")
	for range c.Places {
		noise.Y = append(noise.Y, rounds[0].Marginal[4].Noise)
	}
	c.Lines = []chart.Line{noise}
	for j, k := range rounds {
		line := chart.Line{Name: k.Name(), Colour: j % chart.Grey}
		for _, n := range FewerSteps {
			put(&line, k.Measurements.Fewer[n].Root()) // what was not measured is 0, which a logarithmic axis leaves out
		}
		if k.Kind != Distil {
			put(&line, k.Marginal[4].Root())
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// errorChart shows what each round gets wrong of the pairs that it learnt, and what all rounds so far get wrong of the
// target.
func errorChart(rounds []*Round) chart.Chart {
	c := chart.Chart{Name: "errors", Title: "Distance of the ends from what they ought to be", Axis: "round"}
	noise := chart.Line{Name: "noise: two samples of one distribution", Colour: chart.Grey, Dashed: true}
	own, all := chart.Line{Name: "from the pairs of this round"}, chart.Line{Name: "from the target: all rounds so far", Colour: 1}
	for _, k := range rounds {
		c.Places = append(c.Places, fmt.Sprint(k.Number))
		put(&own, k.Own.Root())
		put(&all, k.Marginal[4].Root())
		noise.Y = append(noise.Y, k.Own.Noise)
	}
	c.Lines = []chart.Line{noise, own, all}
	return c
}

// boundChart holds S + V of each round beside E‖X1 − X0‖²/k. The interval of the sum takes the errors of both as if
// they were always wrong together, which is the most that it can be.
func (r *Result) boundChart(rounds []*Round) chart.Chart {
	c := chart.Chart{Name: "bound", Title: "S + V and S of round k, and the bound on the least S + V so far", Axis: "round k", Log: true}
	sum, straight := chart.Line{Name: "S + V"}, chart.Line{Name: "S", Colour: 1}
	bound := chart.Line{Name: "bound: E|X1−X0|²/k", Colour: chart.Grey, Dashed: true}
	for _, k := range rounds {
		c.Places = append(c.Places, fmt.Sprint(k.Number))
		s, v := k.Straightness, k.Crossing
		put(&sum, Estimate{s.Value + v.Value, s.SE + v.SE})
		put(&straight, s)
		bound.Y = append(bound.Y, r.Independent()/float64(k.Number))
	}
	c.Lines = []chart.Line{bound, sum, straight}
	return c
}

// put adds a measurement to a line, with its 95 % interval.
func put(l *chart.Line, e Estimate) {
	l.Y, l.Error = append(l.Y, e.Value), append(l.Error, chart.Interval(e.SE))
}

// costChart divides the four costs of each round's coupling by those of the independent one.
func costChart(rounds []*Round) chart.Chart {
	c := chart.Chart{
		Name: "costs", Title: "Transport costs after each round, as shares of the independent coupling's", Axis: "round", Log: true,
		Places: []string{"independent"},
		Lines:  []chart.Line{{Name: "|dx| + |dy|"}, {Name: "|d|", Colour: 1}, {Name: "|d|²", Colour: 2}, {Name: "Huber", Colour: 3}},
	}
	first := rounds[0].Before.all()
	add := func(place string, costs [4]Estimate) {
		for i, e := range costs {
			put(&c.Lines[i], Estimate{e.Value / first[i].Value, e.SE / first[i].Value})
		}
		if place != "" {
			c.Places = append(c.Places, place)
		}
	}
	add("", first)
	for _, k := range rounds {
		add(fmt.Sprint(k.Number), k.After.all())
	}
	return c
}

func (c Cost) all() [4]Estimate { return [4]Estimate{c.L1, c.L2, c.L2Squared, c.Huber} }

// marginalChart shows how far Zt is from Xt in each round, beside the distance of two samples of one distribution.
func marginalChart(rounds []*Round) chart.Chart {
	c := chart.Chart{Name: "marginals", Title: "Distance of Zt from Xt, the root of the energy distance", Axis: "t"}
	noise := chart.Line{Name: "noise: two samples of one distribution", Colour: chart.Grey, Dashed: true}
	for i, t := range MarginalTimes {
		c.Places = append(c.Places, fmt.Sprintf("%.2f", t))
		noise.Y = append(noise.Y, rounds[0].Marginal[i].Noise)
	}
	c.Lines = []chart.Line{noise}
	for j, k := range rounds {
		line := chart.Line{Name: "round " + fmt.Sprint(k.Number), Colour: j % chart.Grey}
		for _, d := range k.Marginal {
			put(&line, d.Root())
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// Root is Value with its error, from that of the square by the derivative of the root, 1/(2√). That has no bound near 0,
// so that it is taken at the noise where the distance is less.
func (d Distance) Root() Estimate {
	if d.Value == 0 {
		return Estimate{}
	}
	return Estimate{d.Value, d.Squared.SE / (2 * math.Max(d.Value, d.Noise))}
}

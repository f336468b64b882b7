package plane

import (
	"fmt"
	"math"
)

// Chart is a diagram of what was measured over the rounds or the times of a run, with 95 % intervals, which can be drawn
// as pixels or as SVG.
type Chart struct {
	Name   string   // of its files, without their ending
	Title  string   // says what the vertical axis shows
	Axis   string   // says what the horizontal axis shows
	Places []string // on the horizontal axis, from left to right
	Log    bool     // whether the vertical axis is logarithmic; otherwise it begins at 0
	Lines  []ChartLine
}

// ChartLine is one line of a chart.
type ChartLine struct {
	Name   string
	Values []Estimate // one at each place; a bar is drawn where there is an error
	Dashed bool       // what others are held against: a bound, a noise
}

// Charts are the diagrams of the three guarantees: the bound on S + V (theorem 3.7 of the paper), the transport costs
// (theorem 3.5) and the marginals (theorem 3.3), of the flow and the reflows; a distillation has none of them to keep.
func (r *Result) Charts() []Chart {
	var rounds []*Round
	for _, k := range r.Rounds {
		if k.Kind != Distil {
			rounds = append(rounds, k)
		}
	}
	return []Chart{r.boundChart(rounds), costChart(rounds), marginalChart(rounds)}
}

// boundChart holds S + V of each round beside E‖X1 − X0‖²/k. The interval of the sum takes the errors of both as if
// they were always wrong together, which is the most that it can be.
func (r *Result) boundChart(rounds []*Round) Chart {
	c := Chart{Name: "bound", Title: "S + V and S of round k, and the bound on the least S + V so far", Axis: "round k", Log: true}
	sum, straight := ChartLine{Name: "S + V"}, ChartLine{Name: "S"}
	bound := ChartLine{Name: "bound: E|X1−X0|²/k", Dashed: true}
	for _, k := range rounds {
		c.Places = append(c.Places, fmt.Sprint(k.Number))
		s, v := k.Straightness, k.Crossing
		sum.Values = append(sum.Values, Estimate{s.Value + v.Value, s.SE + v.SE})
		straight.Values = append(straight.Values, s)
		bound.Values = append(bound.Values, Estimate{Value: r.Independent() / float64(k.Number)})
	}
	c.Lines = []ChartLine{bound, sum, straight}
	return c
}

// costChart divides the four costs of each round's coupling by those of the independent one.
func costChart(rounds []*Round) Chart {
	c := Chart{
		Name: "costs", Title: "Transport costs after each round, as shares of the independent coupling's", Axis: "round", Log: true,
		Places: []string{"independent"},
		Lines:  []ChartLine{{Name: "|dx| + |dy|"}, {Name: "|d|"}, {Name: "|d|²"}, {Name: "Huber"}},
	}
	first := rounds[0].Before.all()
	add := func(place string, costs [4]Estimate) {
		for i, e := range costs {
			c.Lines[i].Values = append(c.Lines[i].Values, Estimate{e.Value / first[i].Value, e.SE / first[i].Value})
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
func marginalChart(rounds []*Round) Chart {
	c := Chart{Name: "marginals", Title: "Distance of Zt from Xt, the root of the energy distance", Axis: "t"}
	noise := ChartLine{Name: "noise: two samples of one distribution", Dashed: true}
	for i, t := range MarginalTimes {
		c.Places = append(c.Places, fmt.Sprintf("%.2f", t))
		noise.Values = append(noise.Values, Estimate{Value: rounds[0].Marginal[i].Noise})
	}
	c.Lines = []ChartLine{noise}
	for _, k := range rounds {
		line := ChartLine{Name: "round " + fmt.Sprint(k.Number)}
		for _, d := range k.Marginal {
			line.Values = append(line.Values, d.Root())
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// Root is Value with its error, from that of the square by the derivative of the root, 1/(2√). That has no bound near 0,
// so that it is taken at the noise where the distance is less.
func (d Distance) Root() Estimate {
	return Estimate{d.Value, d.Squared.SE / (2 * math.Max(d.Value, d.Noise))}
}

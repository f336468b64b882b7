//go:build !headless

package desktop

import (
	"strconv"

	"fyne.io/fyne/v2/theme"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/engine/plane"
)

// measuredRound is what the pages on the guarantees show of a round, in the plane or of images.
type measuredRound struct {
	title         string
	number        int
	copies        bool // a finish, which knows no velocity on the way
	s, v, drop    plane.Estimate
	before, after [4]plane.Estimate
	bound         float64
	marginal      [5]plane.Distance
	steps         []stepDistance // of the ends, from the target
	own           plane.Distance // of this round alone
}

// stepDistance is the distance of the ends of some steps from the target.
type stepDistance struct {
	name string
	plane.Distance
}

// guaranteeTexts are the sentences of the pages, which the plane and images have their own of.
type guaranteeTexts struct {
	empty, identity, costs, marginals, steps, bound, errors string
	prices                                                  [4]string // names of the four costs
}

// guaranteePages are the pages on what the theory promises, a page for each promise.
func guaranteePages(rounds []measuredRound, t guaranteeTexts) []chartPage {
	pages := []chartPage{
		{name: tr("Identity"), explanation: tr("Straightness S and crossing V together are what the transport cost falls by"), says: t.identity, groups: identityBars(rounds)},
		{name: tr("Costs"), explanation: tr("How far the points are carried, for four ways to price a distance"), says: t.costs, groups: costBars(rounds, t.prices)},
		{name: tr("Marginals"), explanation: tr("Whether the particles on their way are spread as those of the straight lines"), says: t.marginals, groups: marginalBars(rounds)},
		{name: tr("Steps"), explanation: tr("How near the target 1, 2, 4 and many steps end"), says: t.steps, groups: stepBars(rounds)},
		{name: tr("Bound"), explanation: tr("What is proven of the k-th round, beside what is measured"), says: t.bound, series: boundLines(rounds), x: tr("round k"), log: true, whole: true},
		{name: tr("Errors"), explanation: tr("What each round gets wrong, and all rounds together"), says: t.errors, groups: errorBars(rounds)},
	}
	if len(rounds) == 0 {
		for i := range pages {
			pages[i].says = t.empty + " " + pages[i].says
		}
	}
	return pages
}

// flows are the rounds that are no finishes.
func flows(rounds []measuredRound) []measuredRound {
	var out []measuredRound
	for _, r := range rounds {
		if !r.copies {
			out = append(out, r)
		}
	}
	return out
}

// ranged is a measurement with its 95 % interval.
func ranged(name string, e plane.Estimate) widgets.BarValue {
	low, high := e.Interval()
	return widgets.BarValue{Name: name, Value: e.Value, Low: low, High: high}
}

// identityBars has a chart for each round: S, V, their sum and the fall of the cost. The sum's errors are taken as if
// those of both were always wrong together.
func identityBars(rounds []measuredRound) []widgets.BarGroup {
	groups := []widgets.BarGroup{{Label: "S"}, {Label: "V"}, {Label: "S + V"}, {Label: tr("fall")}}
	for _, r := range flows(rounds) {
		sum := plane.Estimate{Value: r.s.Value + r.v.Value, SE: r.s.SE + r.v.SE}
		for i, e := range []plane.Estimate{r.s, r.v, sum, r.drop} {
			groups[i].Values = append(groups[i].Values, ranged(r.title, e))
		}
	}
	return groups
}

// costBars has a chart for each price.
func costBars(rounds []measuredRound, prices [4]string) []widgets.BarGroup {
	group := func(label string, costs [4]plane.Estimate) widgets.BarGroup {
		g := widgets.BarGroup{Label: label}
		for i, e := range costs {
			g.Values = append(g.Values, ranged(prices[i], e))
		}
		return g
	}
	var groups []widgets.BarGroup
	for i, r := range flows(rounds) {
		if i == 0 {
			groups = append(groups, group(tr("pairs"), r.before))
		}
		groups = append(groups, group(r.title, r.after))
	}
	return groups
}

// marginalBars has a chart for each time.
func marginalBars(rounds []measuredRound) []widgets.BarGroup {
	var groups []widgets.BarGroup
	noise := widgets.BarGroup{Label: tr("noise")}
	for i, r := range flows(rounds) {
		g := widgets.BarGroup{Label: r.title}
		for k, d := range r.marginal {
			name := "t = " + strconv.FormatFloat(plane.MarginalTimes[k], 'g', 2, 64)
			g.Values = append(g.Values, ranged(name, d.Root()))
			if i == 0 {
				noise.Values = append(noise.Values, widgets.BarValue{Name: name, Value: d.Noise})
			}
		}
		groups = append(groups, g)
	}
	if groups == nil {
		return nil
	}
	return append(groups, noise)
}

// stepBars has a chart for each number of steps.
func stepBars(rounds []measuredRound) []widgets.BarGroup {
	var groups []widgets.BarGroup
	noise := widgets.BarGroup{Label: tr("noise")}
	for i, r := range rounds {
		g := widgets.BarGroup{Label: r.title}
		for _, d := range r.steps {
			g.Values = append(g.Values, ranged(d.name, d.Root()))
			if i == 0 {
				noise.Values = append(noise.Values, widgets.BarValue{Name: d.name, Value: d.Noise})
			}
		}
		groups = append(groups, g)
	}
	if groups == nil {
		return nil
	}
	return append(groups, noise)
}

// boundLines has S + V and S of the rounds beside what is proven.
func boundLines(rounds []measuredRound) []widgets.Series {
	bound := widgets.Series{Name: tr("proven: first cost / k"), Color: theme.ColorNamePlaceHolder}
	sum, straight := widgets.Series{Name: "S + V"}, widgets.Series{Name: "S"}
	last := 0
	for _, r := range flows(rounds) {
		k := float64(r.number)
		sum.X, sum.Y = append(sum.X, k), append(sum.Y, r.s.Value+r.v.Value)
		straight.X, straight.Y = append(straight.X, k), append(straight.Y, r.s.Value)
		last = r.number
	}
	if last > 0 {
		first := flows(rounds)[0]
		for i := 10; i <= 10*max(last, 4); i++ {
			k := float64(i) / 10
			bound.X, bound.Y = append(bound.X, k), append(bound.Y, first.bound*float64(first.number)/k)
		}
	}
	return []widgets.Series{bound, sum, straight}
}

// errorBars has what each round gets wrong beside what all of them do.
func errorBars(rounds []measuredRound) []widgets.BarGroup {
	own, all := tr("This round alone"), tr("All rounds so far")
	var groups []widgets.BarGroup
	var noise widgets.BarGroup
	for _, r := range rounds {
		groups = append(groups, widgets.BarGroup{Label: r.title, Values: []widgets.BarValue{ranged(own, r.own.Root()), ranged(all, r.marginal[4].Root())}})
		noise = widgets.BarGroup{Label: tr("noise"), Values: []widgets.BarValue{{Name: own, Value: r.own.Noise}, {Name: all, Value: r.marginal[4].Noise}}}
	}
	if groups == nil {
		return nil
	}
	return append(groups, noise)
}

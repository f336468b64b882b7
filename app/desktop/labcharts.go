//go:build !headless

package desktop

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/plane"
)

// The pages of labCharts.
const (
	identityPage = iota
	costPage
	marginalPage
	stepsPage
	boundPage
	errorPage
)

// labCharts are the measurements of the rounds, a page for each thing that the theory promises.
type labCharts struct {
	page   int
	rounds []*plane.Round

	buttons []*tip.Button
	bars    *widgets.Bars
	plot    *widgets.Plot
	says    *widget.Label
	root    *fyne.Container
}

func newLabCharts() *labCharts { return &labCharts{} }

func (c *labCharts) build() fyne.CanvasObject {
	c.bars, c.plot = widgets.NewBars(), widgets.NewPlot()
	c.says = quiet("")
	c.says.SizeName = theme.SizeNameCaptionText
	row := newRow()
	c.buttons = nil
	for i, page := range []struct{ name, explanation string }{
		{tr("Identity"), tr("Straightness S and crossing V together are what the transport cost falls by")},
		{tr("Costs"), tr("How far the points are carried, for four ways to price a distance")},
		{tr("Marginals"), tr("Whether the particles on their way are spread as those of the straight lines")},
		{tr("Steps"), tr("How near the target 1, 2, 4 and many steps end")},
		{tr("Bound"), tr("What is proven of the k-th round, beside what is measured")},
		{tr("Errors"), tr("What each round gets wrong, and all rounds together")},
	} {
		b := button(page.name, nil, page.explanation, func() { c.open(i) })
		c.buttons = append(c.buttons, b)
		row.Add(b)
	}
	stack := container.NewStack(c.bars, c.plot)
	c.root = newPage(stack, row, c.says, stack)
	c.open(c.page)
	return c.root
}

// open brings a page to the front.
func (c *labCharts) open(page int) {
	c.page = page
	for i, b := range c.buttons {
		light(&b.Button, i == page, widget.LowImportance)
	}
	c.draw()
	c.root.Refresh()
}

// show draws the measurements of these rounds.
func (c *labCharts) show(rounds []*plane.Round) {
	if len(rounds) != len(c.rounds) || len(rounds) > 0 && rounds[0] != c.rounds[0] {
		c.rounds = rounds
		c.draw()
	}
}

// draw fills the page that is in front.
func (c *labCharts) draw() {
	var groups []widgets.BarGroup
	var series []widgets.Series
	text := ""
	switch c.page {
	case identityPage:
		groups = c.identity()
		text = tr("For the exact velocity, S + V is exactly what the transport cost |d|² falls by. S: how far the paths are from straight. V: how much the lines that were learnt from cross. What is missing between S + V and the fall is the network's own error. Thin lines: intervals of 95 %.")
	case costPage:
		groups = c.costs()
		text = tr("The mean cost of carrying the points, before (pairs) and after each round, for four convex prices of a way d. No rectified flow raises any of them. Thin lines: intervals of 95 %.")
	case marginalPage:
		series = c.marginals()
		c.plot.SetAxisNames(tr("time t"), tr("distance"))
		c.plot.SetLogY(false)
		text = tr("At every time, the particles should be spread as points on the straight lines are. The distance is the root of the energy distance; what lies near the noise, which two samples of one spread have, cannot be told from none.")
	case stepsPage:
		groups = c.steps()
		text = tr("How far the ends are from the target, by the number of evaluations of the velocity. Where the paths are straight, one step is as good as many. Noise: two samples of the target itself.")
	case boundPage:
		series = c.bound()
		c.plot.SetAxisNames(tr("round k"), "")
		c.plot.SetLogY(true)
		text = tr("Proven for the exact flow: some round up to the k-th has S + V of at most the first cost |d|² divided by k. Measured, S and V fall far faster.")
	case errorPage:
		groups = c.errors()
		text = tr("Each round misses its own pairs a little, and the next one learns from what it made: the errors add up. Rounds beyond the straight one only add theirs. Noise: two samples of one spread.")
	}
	c.plot.SetWholeX(c.page == boundPage)
	c.plot.SetSeries(series)
	c.bars.SetGroups(groups)
	setShown(c.plot, series != nil)
	setShown(c.bars, series == nil)
	if len(c.rounds) == 0 {
		text = tr("After the first round its measurements stand here.") + " " + text
	}
	setText(c.says, text)
}

// flows are the rounds that are no distillations.
func (c *labCharts) flows() []*plane.Round {
	var out []*plane.Round
	for _, r := range c.rounds {
		if r.Kind != plane.Distil {
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

// identity has a chart for each round: S, V, their sum and the fall of the cost. The sum's errors are taken as if those of
// both were always wrong together.
func (c *labCharts) identity() []widgets.BarGroup {
	groups := []widgets.BarGroup{{Label: "S"}, {Label: "V"}, {Label: "S + V"}, {Label: tr("fall")}}
	for _, r := range c.flows() {
		name := labTitle(r.Number, r.Kind)
		sum := plane.Estimate{Value: r.Straightness.Value + r.Crossing.Value, SE: r.Straightness.SE + r.Crossing.SE}
		for i, e := range []plane.Estimate{r.Straightness, r.Crossing, sum, r.CostDrop} {
			groups[i].Values = append(groups[i].Values, ranged(name, e))
		}
	}
	return groups
}

// costs has a chart for each price.
func (c *labCharts) costs() []widgets.BarGroup {
	values := func(k plane.Cost) []widgets.BarValue {
		return []widgets.BarValue{ranged("|dx| + |dy|", k.L1), ranged("|d|", k.L2), ranged("|d|²", k.L2Squared), ranged("Huber", k.Huber)}
	}
	var groups []widgets.BarGroup
	for i, r := range c.flows() {
		if i == 0 {
			groups = append(groups, widgets.BarGroup{Label: tr("pairs"), Values: values(r.Before)})
		}
		groups = append(groups, widgets.BarGroup{Label: labTitle(r.Number, r.Kind), Values: values(r.After)})
	}
	return groups
}

// marginals has a line for each round, over t, and the noise.
func (c *labCharts) marginals() []widgets.Series {
	series := []widgets.Series{{Name: tr("noise"), Color: theme.ColorNamePlaceHolder}}
	for i, r := range c.flows() {
		line := widgets.Series{Name: labTitle(r.Number, r.Kind), X: plane.MarginalTimes[:]}
		for k, d := range r.Marginal {
			line.Y = append(line.Y, d.Value)
			if i == 0 {
				series[0].X, series[0].Y = plane.MarginalTimes[:], append(series[0].Y, r.Marginal[k].Noise)
			}
		}
		series = append(series, line)
	}
	return series
}

// steps has a chart for each number of steps.
func (c *labCharts) steps() []widgets.BarGroup {
	many := tr("%d steps", studio.LabSteps)
	var groups []widgets.BarGroup
	noise := widgets.BarGroup{Label: tr("noise")}
	for i, r := range c.rounds {
		g := widgets.BarGroup{Label: labTitle(r.Number, r.Kind)}
		add := func(name string, d plane.Distance) {
			g.Values = append(g.Values, widgets.BarValue{Name: name, Value: d.Value})
			if i == 0 {
				noise.Values = append(noise.Values, widgets.BarValue{Name: name, Value: d.Noise})
			}
		}
		add(tr("1 step"), r.Measurements.Fewer[1])
		if r.Kind != plane.Distil {
			add(tr("%d steps", 2), r.Measurements.Fewer[2])
			add(tr("%d steps", 4), r.Measurements.Fewer[4])
			add(many, r.Marginal[4])
		}
		groups = append(groups, g)
	}
	if groups == nil {
		return nil
	}
	return append(groups, noise)
}

// bound has S + V and S of the rounds beside what is proven.
func (c *labCharts) bound() []widgets.Series {
	bound := widgets.Series{Name: tr("proven: first cost / k"), Color: theme.ColorNamePlaceHolder}
	sum, straight := widgets.Series{Name: "S + V"}, widgets.Series{Name: "S"}
	flows := c.flows()
	for _, r := range flows {
		k, s := float64(r.Number), r.Straightness.Value
		sum.X, sum.Y = append(sum.X, k), append(sum.Y, s+r.Crossing.Value)
		straight.X, straight.Y = append(straight.X, k), append(straight.Y, s)
	}
	if len(flows) > 0 {
		for i := 10; i <= 10*studio.MostLabRounds; i++ {
			k := float64(i) / 10
			bound.X, bound.Y = append(bound.X, k), append(bound.Y, flows[0].Before.L2Squared.Value/k)
		}
	}
	return []widgets.Series{bound, sum, straight}
}

// errors has what each round gets wrong beside what all of them do.
func (c *labCharts) errors() []widgets.BarGroup {
	own, all := tr("This round alone"), tr("All rounds so far")
	var groups []widgets.BarGroup
	var noise widgets.BarGroup
	for _, r := range c.rounds {
		groups = append(groups, widgets.BarGroup{Label: labTitle(r.Number, r.Kind), Values: []widgets.BarValue{{Name: own, Value: r.Own.Value}, {Name: all, Value: r.Marginal[4].Value}}})
		noise = widgets.BarGroup{Label: tr("noise"), Values: []widgets.BarValue{{Name: own, Value: r.Own.Noise}, {Name: all, Value: r.Marginal[4].Noise}}}
	}
	if groups == nil {
		return nil
	}
	return append(groups, noise)
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

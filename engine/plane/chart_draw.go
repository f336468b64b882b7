package plane

import (
	"fmt"
	"image/color"
	"io"
	"math"
)

// The layout of a chart, in units of which it is 600 broad: the plot, and the list of its lines below, two a row.
const (
	layoutWidth             = 600
	plotLeft, plotRight     = 62, 585
	plotTop, plotBase       = 40, 300
	legendTop, legendHeight = 356, 18
	chartText, chartTitle   = 12, 14 // sizes of letters
	dodge                   = 5      // between the marks of two lines at one place, so that their bars can be told apart
)

// Colours of a chart: those of Okabe and Ito 2008, which can be told apart by nearly everyone; grey is for what others
// are held against.
var (
	chartInk  = color.NRGBA{60, 60, 66, 255}
	chartGrid = color.NRGBA{225, 225, 228, 255}
	chartHues = []color.NRGBA{
		{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255},
	}
)

// paper is what a chart is drawn on, in the units of its layout.
type paper interface {
	line(c color.NRGBA, width float64, dashed bool, ax, ay, bx, by float64)
	dot(c color.NRGBA, x, y, r float64)
	// text writes with the baseline at y; align says which part of the width lies left of x: 0, ½ or 1.
	text(s string, x, y, size, align float64)
}

// WriteSVG writes the chart as a document that is width units broad.
func (c Chart) WriteSVG(w io.Writer, width int) error {
	p := newSVGPaper(width, c.height())
	c.draw(p)
	return p.write(w)
}

// WritePNG writes the chart as a picture that is width pixels broad.
func (c Chart) WritePNG(w io.Writer, width int) error {
	p, err := newPixelPaper(width, c.height())
	if err != nil {
		return err
	}
	c.draw(p)
	return p.write(w)
}

func (c Chart) height() float64 { return legendTop + legendHeight*float64((len(c.Lines)+1)/2) }

func (c Chart) draw(p paper) {
	a := c.axis()
	p.text(c.Title, plotLeft, 24, chartTitle, 0)
	for _, tick := range a.ticks {
		y := a.at(tick)
		p.line(chartGrid, 1, false, plotLeft, y, plotRight, y)
		p.text(fmt.Sprintf("%.6g", tick), plotLeft-8, y+4, chartText, 1)
	}
	every := 1 + len(c.Places)/25 // of many places, so that their names do not run into each other
	for i := 0; i < len(c.Places); i += every {
		p.text(c.Places[i], c.place(i), plotBase+18, chartText, .5)
	}
	p.text(c.Axis, (plotLeft+plotRight)/2, plotBase+36, chartText, .5)
	hues := 0
	for j, l := range c.Lines {
		ink := chartInk
		if !l.Dashed {
			ink = chartHues[hues%len(chartHues)]
			hues++
		}
		c.drawLine(p, a, l, ink, dodge*(float64(j)-float64(len(c.Lines)-1)/2))
		x, y := plotLeft+float64(j%2)*(plotRight-plotLeft)/2, legendTop+legendHeight*float64(j/2)
		p.line(ink, 2, l.Dashed, x, y-4, x+24, y-4)
		if !l.Dashed {
			p.dot(ink, x+12, y-4, 3)
		}
		p.text(l.Name, x+32, y, chartText, 0)
	}
}

func (c Chart) drawLine(p paper, a axis, l ChartLine, ink color.NRGBA, shift float64) {
	if l.Dashed {
		shift = 0
	}
	x := func(i int) float64 { return c.place(i) + shift }
	for i, e := range l.Values {
		if !a.shows(e.Value) {
			continue
		}
		if i > 0 && a.shows(l.Values[i-1].Value) {
			p.line(ink, 1.6, l.Dashed, x(i-1), a.at(l.Values[i-1].Value), x(i), a.at(e.Value))
		}
		if low, high := e.Interval(); e.SE > 0 {
			p.line(ink, 1.2, false, x(i), a.at(low), x(i), a.at(high))
			for _, end := range []float64{low, high} {
				p.line(ink, 1.2, false, x(i)-3, a.at(end), x(i)+3, a.at(end))
			}
		}
		if !l.Dashed || len(l.Values) == 1 {
			p.dot(ink, x(i), a.at(e.Value), 3)
		}
	}
}

// place is the middle of a place on the horizontal axis.
func (c Chart) place(i int) float64 {
	return plotLeft + (float64(i)+.5)*(plotRight-plotLeft)/float64(len(c.Places))
}

// axis is a vertical axis.
type axis struct {
	log       bool
	low, high float64 // the ends, logarithms on a logarithmic axis
	ticks     []float64
}

// axis finds one that holds all values, and on a linear axis their intervals; on a logarithmic one these may end beyond.
func (c Chart) axis() axis {
	a := axis{log: c.Log}
	least, most := math.Inf(1), 0.
	for _, l := range c.Lines {
		for _, e := range l.Values {
			if a.shows(e.Value) {
				least, most = min(least, e.Value), max(most, e.Value)
				if _, high := e.Interval(); !a.log {
					most = max(most, high)
				}
			}
		}
	}
	if most == 0 { // nothing to show
		least, most = .1, 1
	}
	if !a.log {
		step := niceStep(most / 5)
		a.high = math.Ceil(most/step) * step
		for i := 0.; i*step <= a.high*(1+1e-9); i++ {
			a.ticks = append(a.ticks, i*step)
		}
		return a
	}
	digits := []float64{1, 2, 5}
	if most/least > 300 {
		digits = digits[:1] // decades alone
	}
	for exponent := math.Floor(math.Log10(least)); ; exponent++ {
		for _, d := range digits {
			tick := d * math.Pow(10, exponent)
			if tick <= least { // the first tick is the last one below all values
				a.ticks = a.ticks[:0]
			}
			a.ticks = append(a.ticks, tick)
			if tick >= most && len(a.ticks) > 1 {
				a.low, a.high = math.Log10(a.ticks[0]), math.Log10(tick)
				return a
			}
		}
	}
}

// niceStep is the least of …, 0.1, 0.2, 0.5, 1, 2, 5, … that is at least v.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, d := range []float64{1, 2, 5} {
		if d*power >= v {
			return d * power
		}
	}
	return 10 * power
}

// shows says whether a value has a place on the axis.
func (a axis) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (v > 0 || !a.log && v == 0)
}

// at is the height of a value, at the nearer end where it lies beyond the axis.
func (a axis) at(v float64) float64 {
	if a.log {
		v = math.Log10(max(v, 1e-300))
	}
	share := (v - a.low) / (a.high - a.low)
	return plotBase - min(max(share, 0), 1)*(plotBase-plotTop)
}

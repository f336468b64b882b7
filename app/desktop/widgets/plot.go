//go:build !headless

package widgets

import (
	"math"
	"sort"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Series is one line of a Plot.
type Series struct {
	Name string
	// X ascends; Y has as many values. Where a value of Y is not finite, or not positive on a logarithmic axis, the
	// line has a gap.
	X, Y []float64
	// Color is the line's colour; "" takes the palette's colour for the place in the list.
	Color fyne.ThemeColorName
}

// Marker is a vertical line with a label: the beginning of a round.
type Marker struct {
	X     float64
	Label string
}

// Plot is a line plot of series that grow while it is watched. The wheel zooms x about the pointer, dragging selects
// the range to zoom to, and a double tap shows everything again; y always spans what is seen. The pointer shows the
// values at the nearest x. By keyboard the left and right arrows move along x, + and − zoom, and 0 shows everything.
type Plot struct {
	widget.BaseWidget

	series       []Series
	markers      []Marker
	title        string
	xName, yName string
	hint         string
	logY         bool
	wholeX       bool

	low, high float64 // the range of x zoomed to, if zoomed
	zoomed    bool

	hovering  bool
	focused   bool
	pointer   fyne.Position
	selecting bool
	selection [2]float32 // the ends of the drag, in Fyne units of the widget

	work   background
	render *plotRenderer
}

var (
	_ fyne.Focusable      = (*Plot)(nil)
	_ fyne.Scrollable     = (*Plot)(nil)
	_ fyne.Draggable      = (*Plot)(nil)
	_ fyne.DoubleTappable = (*Plot)(nil)
	_ desktop.Hoverable   = (*Plot)(nil)
	_ desktop.Cursorable  = (*Plot)(nil)
)

// NewPlot returns a plot without series.
func NewPlot() *Plot {
	p := &Plot{}
	p.work.prepare = p.prepare
	p.ExtendBaseWidget(p)
	return p
}

// SetSeries changes the lines. What is zoomed to stays; otherwise the axis grows with the series. A hundred thousand
// points a series take milliseconds.
func (p *Plot) SetSeries(series []Series) {
	p.series = series
	p.place()
}

// SetMarkers changes the vertical lines.
func (p *Plot) SetMarkers(markers []Marker) {
	p.markers = markers
	p.place()
}

// SetLogY chooses a logarithmic y axis, on which values that are not positive are gaps.
func (p *Plot) SetLogY(logarithmic bool) {
	p.logY = logarithmic
	p.place()
}

// SetWholeX chooses whole numbers alone for the marks of the x axis, which counts something.
func (p *Plot) SetWholeX(whole bool) {
	p.wholeX = whole
	p.place()
}

// SetTitle sets the text above the plot.
func (p *Plot) SetTitle(title string) {
	p.title = title
	p.place()
}

// SetAxisNames names the axes.
func (p *Plot) SetAxisNames(x, y string) {
	p.xName, p.yName = x, y
	p.place()
}

// SetHint sets the text that stands where there is nothing to plot yet.
func (p *Plot) SetHint(hint string) {
	p.hint = hint
	p.place()
}

// empty says whether there is nothing to plot.
func (p *Plot) empty() bool {
	for _, s := range p.series {
		if min(len(s.X), len(s.Y)) > 0 {
			return false
		}
	}
	return true
}

// ZoomX shows the values of x from low to high only.
func (p *Plot) ZoomX(low, high float64) {
	if !(low < high) {
		return
	}
	p.low, p.high, p.zoomed = low, high, true
	p.place()
}

// ResetZoom shows everything, also what is still to come.
func (p *Plot) ResetZoom() {
	p.zoomed = false
	p.place()
}

// place brings the screen up to date.
func (p *Plot) place() {
	if p.render != nil {
		p.render.layout(p.Size())
	}
}

// rangeX returns the values of x that are shown.
func (p *Plot) rangeX() (low, high float64) {
	if p.zoomed {
		return p.low, p.high
	}
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range p.series {
		if n := min(len(s.X), len(s.Y)); n > 0 {
			low, high = min(low, s.X[0]), max(high, s.X[n-1])
		}
	}
	if low > high {
		return 0, 1
	}
	if low == high {
		return low - 0.5, high + 0.5
	}
	return low, high
}

// rangeY returns the values of y that the shown part of the series spans, with a margin.
func (p *Plot) rangeY(xLow, xHigh float64) (low, high float64) {
	allowed := axis{log: p.logY}
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range p.series {
		n := min(len(s.X), len(s.Y))
		for i := sort.SearchFloat64s(s.X[:n], xLow); i < n && s.X[i] <= xHigh; i++ {
			if y := s.Y[i]; allowed.shows(y) {
				low, high = min(low, y), max(high, y)
			}
		}
	}
	const margin = 0.05
	switch {
	case low > high && p.logY:
		return 0.1, 1
	case low > high:
		return 0, 1
	case p.logY:
		factor := math.Pow(high/low, margin)
		if factor < 1.02 {
			factor = 1.1
		}
		return low / factor, high * factor
	case low == high:
		pad := max(0.5*math.Abs(low), 1e-6)
		return low - pad, high + pad
	}
	pad := margin * (high - low)
	return low - pad, high + pad
}

// nearest returns the index of the finite value of a series nearest to x, or −1.
func nearest(s Series, x float64, allowed axis) int {
	n := min(len(s.X), len(s.Y))
	right := sort.SearchFloat64s(s.X[:n], x)
	left := right - 1
	for right < n && !allowed.shows(s.Y[right]) {
		right++
	}
	for left >= 0 && !allowed.shows(s.Y[left]) {
		left--
	}
	switch {
	case right >= n:
		return left
	case left < 0 || s.X[right]-x < x-s.X[left]:
		return right
	}
	return left
}

// reading is what the pointer shows of one series.
type reading struct {
	series int
	x, y   float64
}

// readings returns the x of any series nearest to the given one, and the value nearest to that of every series that is
// there: one that ends before it, or begins after it, has none.
func (p *Plot) readings(x float64) (at float64, found []reading) {
	allowed := axis{log: p.logY}
	best := math.Inf(1)
	for _, s := range p.series {
		if i := nearest(s, x, allowed); i >= 0 && math.Abs(s.X[i]-x) < best {
			best, at = math.Abs(s.X[i]-x), s.X[i]
		}
	}
	for k, s := range p.series {
		if n := min(len(s.X), len(s.Y)); n == 0 || at < s.X[0] || at > s.X[n-1] {
			continue
		}
		if i := nearest(s, at, allowed); i >= 0 {
			found = append(found, reading{k, s.X[i], s.Y[i]})
		}
	}
	return at, found
}

// MinSize returns a size at which the axes can still be read.
func (p *Plot) MinSize() fyne.Size {
	p.ExtendBaseWidget(p)
	text := theme.Size(theme.SizeNameCaptionText)
	return fyne.NewSize(text*18, text*11)
}

// CreateRenderer implements fyne.Widget.
func (p *Plot) CreateRenderer() fyne.WidgetRenderer {
	r := &plotRenderer{
		p: p, lines: &canvas.Image{ScaleMode: canvas.ImageScaleFastest, FillMode: canvas.ImageFillStretch},
		selected: canvas.NewRectangle(nil), hair: canvas.NewRectangle(nil), box: canvas.NewRectangle(nil), ring: newFocusRing(),
	}
	p.render = r
	return r
}

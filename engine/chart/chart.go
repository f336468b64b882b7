// Package chart draws line charts of measurements with their intervals, as pixels or as SVG.
package chart

import (
	"errors"
	"io"
)

// Chart is a diagram of what was measured over the rounds, the times or the parts of something.
type Chart struct {
	Name   string   // of its files, without their ending; may be empty
	Title  string   // says what the vertical axis shows
	Axis   string   // says what the horizontal axis shows
	Places []string // names of x = 0, 1, 2, …, from left to right; nil where x is a number
	Log    bool     // whether the vertical axis is logarithmic; otherwise it holds 0
	Lines  []Line
}

// Line is a line of a chart. Values that are not finite, or on a logarithmic axis not positive, are left out.
type Line struct {
	Name   string    // in the legend; empty for none
	X      []float64 // ascending; nil for 0, 1, 2, …
	Y      []float64
	Error  []float64 // half the length of the bar at each place; nil for none
	Colour int       // a number of a colour, any number ≥ 0, or Grey
	Dashed bool      // dashed and without marks: what others are held against, such as a bound or a noise
}

// at is the place of value i.
func (l Line) at(i int) float64 {
	if l.X == nil {
		return float64(i)
	}
	return l.X[i]
}

// Interval is half the normal 95 % confidence interval of a mean with this standard error.
func Interval(se float64) float64 { return 1.96 * se }

// standard is the breadth of a chart in the units of its layout.
const standard = 600

// WriteSVG writes the chart as a document that is width units broad.
func (c Chart) WriteSVG(w io.Writer, width int) error {
	p := newSVGPaper(width, standard, c.height())
	panel{Chart: c, paper: p, width: standard}.draw()
	return p.write(w)
}

// WritePNG writes the chart as a picture that is width pixels broad.
func (c Chart) WritePNG(w io.Writer, width int) error {
	p, err := newPixelPaper(float64(width)/standard, standard, c.height())
	if err != nil {
		return err
	}
	panel{Chart: c, paper: p, width: standard}.draw()
	return p.write(w)
}

// Sheet is charts side by side, in rows of so many columns.
type Sheet struct {
	Panels  []Chart
	Columns int    // 0 means 2
	Caption string // a line below; may be empty
}

const (
	panelWidth   = 480 // of a chart in a sheet
	captionRoom  = 30
	captionStart = 20
)

// WritePNG draws the sheet, 480 pixels a column, and encodes it.
func (s Sheet) WritePNG(w io.Writer) error {
	if len(s.Panels) == 0 {
		return errors.New("charts: there is nothing to draw")
	}
	columns := s.Columns
	if columns == 0 {
		columns = 2
	}
	columns = min(columns, len(s.Panels))
	rows := (len(s.Panels) + columns - 1) / columns
	height := 0.
	for _, c := range s.Panels {
		height = max(height, c.height())
	}
	width, below := float64(columns*panelWidth), 0.
	if s.Caption != "" {
		below = captionRoom
	}
	p, err := newPixelPaper(1, width, float64(rows)*height+below)
	if err != nil {
		return err
	}
	for i, c := range s.Panels {
		panel{Chart: c, paper: p, left: float64(i % columns * panelWidth), top: float64(i/columns) * height, width: panelWidth}.draw()
	}
	p.text(shorten(s.Caption, textSize, width-2*marginRight), marginRight, float64(rows)*height+captionStart, textSize, 0)
	return p.write(w)
}

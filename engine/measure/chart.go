package measure

import (
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strconv"

	"golang.org/x/image/font"
	"golang.org/x/image/vector"
)

// Charts are line charts side by side, in rows of so many columns.
type Charts struct {
	Panels  []Chart
	Columns int    // 0 means 2
	Caption string // a line below; may be empty
}

// Chart is one panel.
type Chart struct {
	Title, X string   // Title says what the y axis shows, X what the other one does
	Places   []string // names of x = 0, 1, 2, …; nil where x is a number
	Log      bool     // a logarithmic y axis; values that are not positive are left out
	Lines    []Line
}

// Line is a line of a chart. NaN values are left out.
type Line struct {
	Name   string    // in the legend; empty for none
	X, Y   []float64 // the places on the line
	Error  []float64 // half the length of the bar at each place; nil for none
	Colour int       // a number of a colour, any number ≥ 0
	Dashed bool      // dashed, and without marks
}

const (
	chartWidth, chartHeight = 440, 300 // of a panel without its legend
	chartLeft, chartRight   = 62, 14
	chartTop, chartBottom   = 34, 44
	chartInset              = 10 // of the outermost places from the frame
	chartMarks              = 30 // places up to which a line has a mark at each
	legendColumns           = 2
)

// The colours of Okabe and Ito 2008 ("Color Universal Design"), which people
// with a colour vision deficiency can tell apart, without the yellow.
var chartColours = []color.RGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {86, 180, 233, 255}, {230, 159, 0, 255}, {90, 90, 94, 255},
}

// WritePNG draws the charts and encodes them.
func (c Charts) WritePNG(w io.Writer) error {
	picture, err := c.Image()
	if err != nil {
		return err
	}
	return png.Encode(w, picture)
}

// Image draws the charts.
func (c Charts) Image() (*image.RGBA, error) {
	if len(c.Panels) == 0 {
		return nil, errors.New("charts: there is nothing to draw")
	}
	columns := c.Columns
	if columns == 0 {
		columns = 2
	}
	columns = min(columns, len(c.Panels))
	rows := (len(c.Panels) + columns - 1) / columns
	title, err := faceOf(&titleFont, 14)
	if err != nil {
		return nil, err
	}
	small, err := faceOf(&captionFont, 12)
	if err != nil {
		return nil, err
	}
	legend := 0
	for _, p := range c.Panels {
		legend = max(legend, (p.named()+legendColumns-1)/legendColumns)
	}
	width, height, below := columns*chartWidth, chartHeight+legend*lineHeight(small), 0
	caption := wrap(small, c.Caption, width-2*chartRight, 3)
	if len(caption) > 0 {
		below = len(caption)*lineHeight(small) + 12
	}
	picture := image.NewRGBA(image.Rect(0, 0, width, rows*height+below))
	fill(picture, picture.Bounds(), sheetPaper)
	for i, p := range c.Panels {
		at := image.Pt(i%columns*chartWidth, i/columns*height)
		panel{Chart: p, picture: picture, title: title, small: small, frame: image.Rect(chartLeft, chartTop, chartWidth-chartRight, chartHeight-chartBottom).Add(at)}.draw()
	}
	for i, line := range caption {
		write(picture, small, sheetCaption, line, chartRight, rows*height+4+i*lineHeight(small))
	}
	return picture, nil
}

// panel is a chart on its way into a picture.
type panel struct {
	Chart
	picture      *image.RGBA
	title, small font.Face
	frame        image.Rectangle
	x, y         axis
}

// axis maps values from low..high to pixels.
type axis struct {
	low, high float64
	log       bool
	from, to  float64 // pixels of low and high
}

func (a axis) at(v float64) float64 {
	if a.log {
		v = math.Log10(v)
	}
	return a.from + (a.to-a.from)*(v-a.low)/(a.high-a.low)
}

// holds tells whether a value can be shown at all.
func (a axis) holds(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.log || v > 0) }

// include widens the axis; low > high is an empty one.
func (a *axis) include(v float64) {
	if !a.holds(v) {
		return
	}
	if a.log {
		v = math.Log10(v)
	}
	a.low, a.high = min(a.low, v), max(a.high, v)
}

// settle gives an axis that is empty or has one value some breadth.
func (a *axis) settle() {
	if a.low > a.high {
		a.low, a.high = 0, 1
	}
	if a.high-a.low < 1e-12*max(1, math.Abs(a.high)) {
		a.low, a.high = a.low-.5, a.high+.5
	}
}

// ticks are round values on the axis: 1, 2 or 5 times a power of ten apart, or
// on a logarithmic one powers of ten, and between a few of them 2 and 5.
func (a axis) ticks() (values []float64) {
	if a.log {
		steps := []float64{1}
		if a.high-a.low < 2 {
			steps = []float64{1, 2, 5}
		}
		for decade := math.Floor(a.low); decade <= a.high; decade++ {
			for _, s := range steps {
				if e := decade + math.Log10(s); e >= a.low && e <= a.high {
					values = append(values, math.Pow(10, e))
				}
			}
		}
		return values
	}
	const about = 5
	step := math.Pow(10, math.Floor(math.Log10((a.high-a.low)/about)))
	for _, f := range []float64{2, 2.5, 2} { // 1 → 2 → 5 → 10
		if (a.high-a.low)/step > 1.5*about {
			step *= f
		}
	}
	for k := int(math.Ceil(a.low/step - 1e-9)); float64(k)*step <= a.high+1e-9*step; k++ {
		values = append(values, float64(k)*step)
	}
	return values
}

func (p panel) draw() {
	p.x = axis{low: math.Inf(1), high: math.Inf(-1), from: float64(p.frame.Min.X + chartInset), to: float64(p.frame.Max.X - chartInset)}
	p.y = axis{low: math.Inf(1), high: math.Inf(-1), log: p.Log, from: float64(p.frame.Max.Y - chartInset), to: float64(p.frame.Min.Y + chartInset)}
	if !p.Log {
		p.y.include(0)
	}
	for _, l := range p.Lines {
		for i, x := range l.X {
			p.x.include(x)
			p.y.include(l.Y[i])
			if l.Error != nil && !p.Log {
				p.y.include(l.Y[i] - l.Error[i])
				p.y.include(l.Y[i] + l.Error[i])
			}
		}
	}
	for i := range p.Places {
		p.x.include(float64(i))
	}
	p.x.settle()
	p.y.settle()
	fill(p.picture, p.frame.Inset(-1), sheetBorder)
	fill(p.picture, p.frame, color.RGBA{255, 255, 255, 255})
	write(p.picture, p.title, sheetTitle, p.Title, p.frame.Min.X-chartLeft+chartRight, p.frame.Min.Y-chartTop+10)
	p.axes()
	for _, l := range p.Lines {
		p.line(l)
	}
	p.legend()
}

func (p panel) axes() {
	height := lineHeight(p.small)
	for _, v := range p.y.ticks() {
		y := int(math.Round(p.y.at(v)))
		fill(p.picture, image.Rect(p.frame.Min.X, y, p.frame.Max.X, y+1), sheetMissing)
		text := strconv.FormatFloat(v, 'g', 3, 64)
		write(p.picture, p.small, sheetCaption, text, p.frame.Min.X-6-textWidth(p.small, text), y-height/2)
	}
	label := func(v float64, text string) {
		x := int(math.Round(p.x.at(v)))
		fill(p.picture, image.Rect(x, p.frame.Max.Y, x+1, p.frame.Max.Y+4), sheetFaint)
		width := textWidth(p.small, text)
		write(p.picture, p.small, sheetCaption, text, min(x-width/2, p.frame.Max.X+chartRight-2-width), p.frame.Max.Y+5)
	}
	for i, name := range p.Places {
		label(float64(i), name)
	}
	if p.Places == nil {
		for _, v := range p.x.ticks() {
			label(v, strconv.FormatFloat(v, 'g', 4, 64))
		}
	}
	write(p.picture, p.small, sheetCaption, p.X, p.frame.Max.X-textWidth(p.small, p.X), p.frame.Max.Y+5+height)
}

func (p panel) line(l Line) {
	ink := chartColours[l.Colour%len(chartColours)]
	last := [2]float64{math.NaN(), 0}
	for i, x := range l.X {
		if !p.x.holds(x) || !p.y.holds(l.Y[i]) {
			last[0] = math.NaN()
			continue
		}
		here := [2]float64{p.x.at(x), p.y.at(l.Y[i])}
		if l.Error != nil && p.y.holds(l.Error[i]) {
			p.bar(here[0], l.Y[i], l.Error[i], ink)
		}
		if !math.IsNaN(last[0]) {
			p.stroke(last, here, ink, l.Dashed)
		}
		if !l.Dashed && len(l.X) <= chartMarks {
			p.rectangle(here, [2]float64{1, 0}, 2.5, 2.5, ink)
		}
		last = here
	}
}

// bar draws an error bar; what a logarithmic axis cannot show of it ends at the frame.
func (p panel) bar(x, value, half float64, ink color.RGBA) {
	end := func(v float64) float64 {
		if !p.y.holds(v) {
			return float64(p.frame.Max.Y)
		}
		return min(max(p.y.at(v), float64(p.frame.Min.Y)), float64(p.frame.Max.Y))
	}
	low, high := end(value-half), end(value+half)
	p.rectangle([2]float64{x, (low + high) / 2}, [2]float64{0, 1}, (low-high)/2, .5, ink)
	for _, y := range []float64{low, high} {
		p.rectangle([2]float64{x, y}, [2]float64{1, 0}, 3, .5, ink)
	}
}

func (p panel) stroke(a, b [2]float64, ink color.RGBA, dashed bool) {
	dx, dy := b[0]-a[0], b[1]-a[1]
	length := math.Hypot(dx, dy)
	if length == 0 {
		return
	}
	along := [2]float64{dx / length, dy / length}
	piece, gap := length, 0.
	if dashed {
		piece, gap = 5, 4
	}
	for at := 0.; at < length; at += piece + gap {
		half := min(piece, length-at) / 2
		p.rectangle([2]float64{a[0] + along[0]*(at+half), a[1] + along[1]*(at+half)}, along, half, .8, ink)
	}
}

// rectangle fills a rectangle around a middle, with half its length along a unit vector and half its breadth across.
func (p panel) rectangle(middle, along [2]float64, length, breadth float64, ink color.RGBA) {
	r := vector.NewRasterizer(p.picture.Bounds().Dx(), p.picture.Bounds().Dy())
	corner := func(u, v float64) (x, y float32) {
		return float32(middle[0] + .5 + along[0]*u - along[1]*v), float32(middle[1] + .5 + along[1]*u + along[0]*v)
	}
	r.MoveTo(corner(-length, -breadth))
	r.LineTo(corner(length, -breadth))
	r.LineTo(corner(length, breadth))
	r.LineTo(corner(-length, breadth))
	r.ClosePath()
	r.Draw(p.picture, p.picture.Bounds(), image.NewUniform(ink), image.Point{})
}

// named is the number of lines with a name.
func (c Chart) named() (n int) {
	for _, l := range c.Lines {
		if l.Name != "" {
			n++
		}
	}
	return n
}

// legend names the lines below the chart.
func (p panel) legend() {
	const sample, gap = 18, 6
	height := lineHeight(p.small)
	breadth := p.frame.Dx() / legendColumns
	place := 0
	for _, l := range p.Lines {
		if l.Name == "" {
			continue
		}
		x := p.frame.Min.X + place%legendColumns*breadth
		y := p.frame.Max.Y + chartBottom - 2 + place/legendColumns*height
		middle := float64(y) + float64(height)/2
		p.stroke([2]float64{float64(x), middle}, [2]float64{float64(x) + sample, middle}, chartColours[l.Colour%len(chartColours)], l.Dashed)
		write(p.picture, p.small, sheetTitle, shorten(p.small, l.Name, breadth-sample-2*gap), x+sample+gap, y)
		place++
	}
}

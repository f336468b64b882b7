package chart

import (
	"image/color"
	"strconv"
)

// The layout of a chart in its units: the plot, and the list of its lines below.
const (
	marginLeft, marginRight = 62, 15
	plotTop, plotBase       = 40, 300
	inset                   = 10 // of the outermost values from the frame
	legendTop, legendHeight = 356, 18
	legendColumns           = 2
	legendSample            = 32 // a piece of the line, and a gap
	textSize, titleSize     = 12, 14
	dodge                   = 5  // between the marks of two lines at one place, so that their bars can be told apart
	mostMarks               = 30 // values up to which a line has a mark at each
	mostPlaces              = 25 // up to which each place is named
)

// Grey is the colour of what others are held against.
const Grey = 6

// The colours of Okabe and Ito 2008 ("Color Universal Design"), which nearly everyone can tell apart, without the yellow.
var (
	hues = [...]color.NRGBA{
		{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255}, Grey: {90, 90, 94, 255},
	}
	letters = color.NRGBA{60, 60, 66, 255}
	grid    = color.NRGBA{225, 225, 228, 255}
	ground  = color.NRGBA{255, 255, 255, 255}
)

// paper is what a chart is drawn on, in the units of its layout.
type paper interface {
	line(c color.NRGBA, width float64, dashed bool, ax, ay, bx, by float64)
	dot(c color.NRGBA, x, y, r float64)
	// text writes with the baseline at y; align says which part of the width lies left of x: 0, ½ or 1.
	text(s string, x, y, size, align float64)
}

// named is the number of lines in the legend.
func (c Chart) named() (n int) {
	for _, l := range c.Lines {
		if l.Name != "" {
			n++
		}
	}
	return n
}

func (c Chart) height() float64 {
	return float64(legendTop + legendHeight*((c.named()+legendColumns-1)/legendColumns))
}

// panel is a chart on its way onto a paper.
type panel struct {
	Chart
	paper
	left, top, width float64
	x, y             axis
}

func (p panel) draw() {
	p.settle()
	p.text(shorten(p.Title, titleSize, p.width-marginLeft), p.left+marginLeft, p.top+24, titleSize, 0)
	right := p.left + p.width - marginRight
	for _, v := range p.y.ticks() {
		y := p.y.at(v)
		p.paper.line(grid, 1, false, p.left+marginLeft, y, right, y)
		p.text(strconv.FormatFloat(v, 'g', 3, 64), p.left+marginLeft-8, y+4, textSize, 1)
	}
	every := 1 + len(p.Places)/mostPlaces // so that names do not run into each other
	for i := 0; i < len(p.Places); i += every {
		p.text(p.Places[i], p.x.at(float64(i)), p.top+plotBase+18, textSize, .5)
	}
	if p.Places == nil {
		for _, v := range p.x.ticks() {
			p.text(strconv.FormatFloat(v, 'g', 4, 64), p.x.at(v), p.top+plotBase+18, textSize, .5)
		}
	}
	p.text(p.Axis, (p.left+marginLeft+right)/2, p.top+plotBase+36, textSize, .5)
	for j := range p.Lines {
		p.drawLine(j)
	}
	p.legend()
}

// settle finds the axes that hold all values and, on a linear axis, their bars.
func (p *panel) settle() {
	p.x, p.y = empty(false), empty(p.Log)
	if !p.Log {
		p.y.include(0)
	}
	for _, l := range p.Lines {
		for i, v := range l.Y {
			p.x.include(l.at(i))
			p.y.include(v)
			if l.Error != nil && !p.Log {
				p.y.include(v - l.Error[i])
				p.y.include(v + l.Error[i])
			}
		}
	}
	p.x.settle()
	p.y.settle()
	side := float64(inset)
	if n := float64(len(p.Places)); n > 0 { // each place has its part of the breadth
		p.x.low, p.x.high, side = -.5, n-.5, 0
	}
	p.x.from, p.x.to = p.left+marginLeft+side, p.left+p.width-marginRight-side
	p.y.from, p.y.to = p.top+plotBase-inset, p.top+plotTop+inset
}

func hueOf(l Line) color.NRGBA { return hues[l.Colour%len(hues)] }

func (p panel) drawLine(j int) {
	l, shift := p.Lines[j], 0.
	if !l.Dashed && p.Places != nil {
		shift = dodge * (float64(j) - float64(len(p.Lines)-1)/2)
	}
	c := hueOf(l)
	before := false
	var lastX, lastY float64
	for i, v := range l.Y {
		if !p.y.holds(v) || !p.x.holds(l.at(i)) {
			before = false
			continue
		}
		x, y := p.x.at(l.at(i))+shift, p.y.at(v)
		if before {
			p.paper.line(c, 1.6, l.Dashed, lastX, lastY, x, y)
		}
		if l.Error != nil && l.Error[i] > 0 {
			low, high := p.y.at(v-l.Error[i]), p.y.at(v+l.Error[i])
			p.paper.line(c, 1.2, false, x, low, x, high)
			for _, end := range []float64{low, high} {
				p.paper.line(c, 1.2, false, x-3, end, x+3, end)
			}
		}
		if !l.Dashed && len(l.Y) <= mostMarks || len(l.Y) == 1 {
			p.dot(c, x, y, 3)
		}
		before, lastX, lastY = true, x, y
	}
}

// legend names the lines below the plot.
func (p panel) legend() {
	breadth := (p.width - marginLeft - marginRight) / legendColumns
	k := 0
	for _, l := range p.Lines {
		if l.Name == "" {
			continue
		}
		x, y := p.left+marginLeft+float64(k%legendColumns)*breadth, p.top+legendTop+float64(legendHeight*(k/legendColumns))
		p.paper.line(hueOf(l), 2, l.Dashed, x, y-4, x+24, y-4)
		if !l.Dashed {
			p.dot(hueOf(l), x+12, y-4, 3)
		}
		p.text(shorten(l.Name, textSize, breadth-legendSample), x+legendSample, y, textSize, 0)
		k++
	}
}

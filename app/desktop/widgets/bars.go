//go:build !headless

package widgets

import (
	"fmt"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// BarGroup is what was measured at one point: a round.
type BarGroup struct {
	Label  string
	Values []BarValue
}

// BarValue is one measurement. A whisker from Low to High is drawn where Low < High. Values that are not finite are
// left out.
type BarValue struct {
	Name             string
	Value, Low, High float64
}

// Bars shows measurements by group, with a small chart and a scale of its own for each name, because different names
// have different units. Every scale includes zero. The charts stand side by side as far as there is room.
type Bars struct {
	widget.BaseWidget

	groups  []BarGroup
	hovered fyne.Position
	inside  bool
	render  *barsRenderer
}

var _ desktop.Hoverable = (*Bars)(nil)

// NewBars returns bars without groups.
func NewBars() *Bars {
	b := &Bars{}
	b.ExtendBaseWidget(b)
	return b
}

// SetGroups changes the groups, in the order in which they are drawn.
func (b *Bars) SetGroups(groups []BarGroup) {
	b.groups = groups
	b.Refresh()
}

// MouseIn implements desktop.Hoverable.
func (b *Bars) MouseIn(e *desktop.MouseEvent) { b.MouseMoved(e) }

// MouseMoved shows the value under the pointer.
func (b *Bars) MouseMoved(e *desktop.MouseEvent) {
	b.inside, b.hovered = true, e.Position
	b.movePointer()
}

// MouseOut implements desktop.Hoverable.
func (b *Bars) MouseOut() {
	b.inside = false
	b.movePointer()
}

func (b *Bars) movePointer() {
	if b.render != nil {
		b.render.placePointer()
		canvas.Refresh(b)
	}
}

// barCharts returns the charts of the groups: one for each name, in the order in which the names first occur.
func barCharts(groups []BarGroup) []barChart {
	var charts []barChart
	index := map[string]int{}
	finite := axis{}
	for _, g := range groups {
		for _, v := range g.Values {
			if !finite.shows(v.Value) {
				continue
			}
			k, known := index[v.Name]
			if !known {
				k = len(charts)
				index[v.Name] = k
				charts = append(charts, barChart{name: v.Name})
			}
			c := &charts[k]
			c.labels, c.values = append(c.labels, g.Label), append(c.values, v)
			low, high := v.Value, v.Value
			if v.Low < v.High && finite.shows(v.Low) && finite.shows(v.High) {
				low, high = min(low, v.Low), max(high, v.High)
			}
			c.low, c.high = min(c.low, low), max(c.high, high)
		}
	}
	for k := range charts {
		if c := &charts[k]; c.low == c.high {
			c.high = 1
		}
	}
	return charts
}

// barChart is the small chart of one name; low ≤ 0 ≤ high is its scale.
type barChart struct {
	name      string
	labels    []string
	values    []BarValue
	low, high float64
}

// bar is where a value is shown, for the pointer.
type bar struct {
	pos   fyne.Position
	size  fyne.Size
	label string
	value BarValue
}

type barsRenderer struct {
	b       *Bars
	bars    []bar
	objects []fyne.CanvasObject
	pointer []fyne.CanvasObject
	laid    laid
}

// CreateRenderer implements fyne.Widget.
func (b *Bars) CreateRenderer() fyne.WidgetRenderer {
	b.render = &barsRenderer{b: b}
	return b.render
}

func (r *barsRenderer) Destroy() {}
func (r *barsRenderer) Refresh() {
	r.layout(r.b.Size())
	canvas.Refresh(r.b)
}

func (r *barsRenderer) Objects() []fyne.CanvasObject {
	return append(append([]fyne.CanvasObject{}, r.objects...), r.pointer...)
}

// chartSize returns the size below which a chart cannot be read.
func chartSize() fyne.Size {
	text := theme.Size(theme.SizeNameCaptionText)
	return fyne.NewSize(text*13, text*10)
}

func (r *barsRenderer) MinSize() fyne.Size { return chartSize() }

// Layout implements fyne.WidgetRenderer.
func (r *barsRenderer) Layout(size fyne.Size) {
	if r.laid.again(r.b, size) {
		r.layout(size)
	}
}

// layout divides the area among the charts.
func (r *barsRenderer) layout(size fyne.Size) {
	r.objects, r.bars = nil, nil
	charts := barCharts(r.b.groups)
	if len(charts) > 0 && size.Width > 0 {
		gap := theme.Size(theme.SizeNamePadding) * 3
		columns := max(1, min(len(charts), int((size.Width+gap)/(chartSize().Width+gap))))
		rows := (len(charts) + columns - 1) / columns
		columns = (len(charts) + rows - 1) / rows
		cell := fyne.NewSize((size.Width-gap*float32(columns-1))/float32(columns), (size.Height-gap*float32(rows-1))/float32(rows))
		for i, c := range charts {
			x, y := float32(i%columns)*(cell.Width+gap), float32(i/columns)*(cell.Height+gap)
			r.chart(c, fyne.NewPos(x, y), cell, paletteColor(i))
		}
	}
	r.placePointer()
}

// text adds a text of at most the given width, centred on x or, where it is left-aligned, beginning there.
func (r *barsRenderer) text(s string, name fyne.ThemeColorName, x, y, width float32, centred, bold bool) {
	style := fyne.TextStyle{Bold: bold}
	t := newText(shorten(s, width, theme.SizeNameCaptionText, style), name, theme.SizeNameCaptionText)
	t.TextStyle = style
	size := t.MinSize()
	if centred {
		x -= size.Width / 2
	}
	t.Move(fyne.NewPos(x, y))
	t.Resize(size)
	r.objects = append(r.objects, t)
}

// rect adds a rectangle between two corners.
func (r *barsRenderer) rect(x0, y0, x1, y1 float32, c color.Color, radius float32) {
	o := canvas.NewRectangle(c)
	o.CornerRadius = radius
	o.Move(fyne.NewPos(min(x0, x1), min(y0, y1)))
	o.Resize(fyne.NewSize(max(x0, x1)-min(x0, x1), max(y0, y1)-min(y0, y1)))
	r.objects = append(r.objects, o)
}

// chart draws the chart of one name: its name above, then the values over their bars, and the groups' labels below.
func (r *barsRenderer) chart(c barChart, pos fyne.Position, size fyne.Size, fill color.Color) {
	pad, line := theme.Size(theme.SizeNamePadding), textSize("0", theme.SizeNameCaptionText, fyne.TextStyle{}).Height
	r.text(c.name, theme.ColorNameForeground, pos.X, pos.Y, size.Width, false, true)

	top, bottom := pos.Y+2*line+pad, pos.Y+size.Height-line-pad/2
	if c.low < 0 {
		bottom -= line // for the values below negative bars
	}
	y := func(v float64) float32 {
		return bottom - float32((v-c.low)/(c.high-c.low))*max(1, bottom-top)
	}
	slot := size.Width / float32(len(c.values))
	width := min(slot*0.7, line*3)
	hair := max(1, theme.Size(theme.SizeNameSeparatorThickness))
	for i, v := range c.values {
		middle := pos.X + slot*(float32(i)+0.5)
		r.rect(middle-width/2, y(v.Value), middle+width/2, y(0), fade(fill, 0.85), min(pad/2, width/4))
		high, low := max(v.Value, 0), min(v.Value, 0)
		if v.Low < v.High {
			whisker := theme.Color(theme.ColorNameForeground)
			cap := min(width/4, 2*pad)
			r.rect(middle-hair/2, y(v.Low), middle+hair/2, y(v.High), whisker, 0)
			r.rect(middle-cap, y(v.Low)-hair/2, middle+cap, y(v.Low)+hair/2, whisker, 0)
			r.rect(middle-cap, y(v.High)-hair/2, middle+cap, y(v.High)+hair/2, whisker, 0)
			high, low = max(high, v.High), min(low, v.Low)
		}
		at := y(high) - line
		if v.Value < 0 {
			at = y(low)
		}
		if text := formatValue(v.Value); textSize(text, theme.SizeNameCaptionText, fyne.TextStyle{}).Width <= slot {
			r.text(text, theme.ColorNameForeground, middle, at, slot, true, false)
		}
		r.text(c.labels[i], theme.ColorNamePlaceHolder, middle, pos.Y+size.Height-line, slot-pad/2, true, false)
		r.bars = append(r.bars, bar{
			pos: fyne.NewPos(middle-slot/2, pos.Y), size: fyne.NewSize(slot, size.Height), label: c.labels[i], value: v,
		})
	}
	r.rect(pos.X, y(0), pos.X+size.Width, y(0)+hair, theme.Color(theme.ColorNamePlaceHolder), 0)
}

// placePointer shows the whole label, the value and its interval in a box by the pointer.
func (r *barsRenderer) placePointer() {
	r.pointer = nil
	if !r.b.inside {
		return
	}
	for _, b := range r.bars {
		p := r.b.hovered.Subtract(b.pos)
		if p.X < 0 || p.Y < 0 || p.X >= b.size.Width || p.Y >= b.size.Height {
			continue
		}
		pad := theme.Size(theme.SizeNamePadding)
		rows := []string{b.label, b.value.Name + "  " + formatValue(b.value.Value)}
		if b.value.Low < b.value.High {
			rows = append(rows, fmt.Sprintf("%s – %s", formatValue(b.value.Low), formatValue(b.value.High)))
		}
		var size fyne.Size
		for i, row := range rows {
			text := textSize(row, theme.SizeNameCaptionText, fyne.TextStyle{Bold: i == 0})
			size.Width, size.Height = max(size.Width, text.Width), size.Height+text.Height
		}
		size = size.AddWidthHeight(4*pad, 2*pad)
		pos := r.b.hovered.AddXY(3*pad, 3*pad)
		pos.X = max(0, min(pos.X, r.b.Size().Width-size.Width))
		pos.Y = max(0, min(pos.Y, r.b.Size().Height-size.Height))
		r.pointer = textBox(rows, pos, size)
		return
	}
}

// textBox returns a box with lines of text, the first one bold.
func textBox(rows []string, pos fyne.Position, size fyne.Size) []fyne.CanvasObject {
	pad := theme.Size(theme.SizeNamePadding)
	box := canvas.NewRectangle(fade(theme.Color(theme.ColorNameOverlayBackground), 0.95))
	box.StrokeColor, box.StrokeWidth = theme.Color(theme.ColorNameSeparator), 1
	box.CornerRadius = theme.Size(theme.SizeNameInputRadius)
	box.Move(pos)
	box.Resize(size)
	objects := []fyne.CanvasObject{box}
	at := pos.AddXY(2*pad, pad)
	for i, row := range rows {
		t := newText(row, theme.ColorNameForeground, theme.SizeNameCaptionText)
		t.TextStyle.Bold = i == 0
		t.Move(at)
		t.Resize(t.MinSize())
		at.Y += t.MinSize().Height
		objects = append(objects, t)
	}
	return objects
}

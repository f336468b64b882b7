//go:build !headless

package widgets

import (
	"image"
	"image/color"
	"math"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// plotRenderer lays out a Plot: a picture with grid, markers and lines, which is painted in the background, texts
// around it, and the pointer's readings on top.
type plotRenderer struct {
	p        *Plot
	lines    *canvas.Image
	pos      fyne.Position // of the area inside the axes
	area     fyne.Size
	x, y     axis // in device pixels of that area
	xTicks   []float64
	yTicks   []float64
	texts    []fyne.CanvasObject
	selected *canvas.Rectangle
	hair     *canvas.Rectangle
	box      *canvas.Rectangle
	ring     focusRing
	readings []fyne.CanvasObject
	laid     laid
}

func (r *plotRenderer) MinSize() fyne.Size { return r.p.MinSize() }
func (r *plotRenderer) Destroy()           {}

func (r *plotRenderer) Refresh() {
	r.layout(r.p.Size())
	canvas.Refresh(r.p)
}

func (r *plotRenderer) Objects() []fyne.CanvasObject {
	objects := append([]fyne.CanvasObject{r.lines}, r.texts...)
	objects = append(objects, r.selected, r.hair, r.box)
	return append(append(objects, r.readings...), r.ring.objects()...)
}

// Layout implements fyne.WidgetRenderer.
func (r *plotRenderer) Layout(size fyne.Size) {
	if r.laid.again(r.p, size) {
		r.layout(size)
	}
}

// layout measures the axes, places the texts, and asks for the picture.
func (r *plotRenderer) layout(size fyne.Size) {
	if size.Width <= 0 || size.Height <= 0 {
		return
	}
	pad, line := theme.Size(theme.SizeNamePadding), textSize("0", theme.SizeNameCaptionText, fyne.TextStyle{}).Height
	scale := pixelScale(r.p)
	xLow, xHigh := r.p.rangeX()
	yLow, yHigh := r.p.rangeY(xLow, xHigh)
	r.x, r.y = axis{low: xLow, high: xHigh}, axis{low: yLow, high: yHigh, log: r.p.logY}

	// A label of y needs three lines of room, one of x eight; the widest label of y decides on the left margin.
	r.texts = nil
	top := r.placeTitle(size, line)
	bottom := size.Height - line - pad
	r.yTicks = r.y.ticks(max(2, int((bottom-top)/(line*1.8))))
	// The least margin is such that zooming seldom shifts the plot.
	left := textSize("0.0005", theme.SizeNameCaptionText, fyne.TextStyle{}).Width
	for _, v := range r.yTicks {
		left = max(left, textSize(formatTick(v), theme.SizeNameCaptionText, fyne.TextStyle{}).Width)
	}
	left += 2 * pad
	r.pos = fyne.NewPos(left, top)
	r.area = fyne.NewSize(max(1, size.Width-left-2*pad), max(1, bottom-top))
	r.x.length, r.y.length = float64(r.area.Width*scale), float64(r.area.Height*scale)
	r.xTicks = r.x.ticks(max(2, int(r.area.Width/(line*5))))
	if r.p.wholeX {
		r.xTicks = slices.DeleteFunc(r.xTicks, func(v float64) bool { return math.Abs(v-math.Round(v)) > 1e-9 })
	}
	if r.p.empty() && r.p.hint != "" { // there are no values to name
		r.xTicks, r.yTicks = nil, nil
		hint := shorten(r.p.hint, r.area.Width, theme.SizeNameText, fyne.TextStyle{})
		t := newText(hint, theme.ColorNamePlaceHolder, theme.SizeNameText)
		t.Resize(t.MinSize())
		t.Move(r.pos.AddXY((r.area.Width-t.Size().Width)/2, (r.area.Height-t.Size().Height)/2))
		r.texts = append(r.texts, t)
	}
	r.placeLabels(size, line, scale)
	r.placeMarkers(line, scale)
	r.ring.place(fyne.Position{}, size)
	r.ring.paint(r.p.focused)

	r.lines.Move(r.pos)
	r.lines.Resize(r.area)
	r.p.work.request()
	r.placePointer()
}

// text adds a text at a place that is given for a corner or an edge of it: alignX 0 is left, 0.5 the middle, 1 right.
func (r *plotRenderer) text(s string, name fyne.ThemeColorName, at fyne.Position, alignX, alignY float32) *canvas.Text {
	t := newText(s, name, theme.SizeNameCaptionText)
	size := t.MinSize()
	t.Resize(size)
	t.Move(at.SubtractXY(size.Width*alignX, size.Height*alignY))
	r.texts = append(r.texts, t)
	return t
}

// placeTitle puts the title left and the legend right above the plot, and returns where the plot begins.
func (r *plotRenderer) placeTitle(size fyne.Size, line float32) float32 {
	pad := theme.Size(theme.SizeNamePadding)
	style := fyne.TextStyle{Bold: true}
	title := canvas.NewText(shorten(r.p.title, size.Width-2*pad, theme.SizeNameText, style), theme.Color(theme.ColorNameForeground))
	title.TextSize, title.TextStyle = theme.Size(theme.SizeNameText), style
	title.Move(fyne.NewPos(pad, 0))
	title.Resize(title.MinSize())
	var top, used float32
	if r.p.title != "" {
		r.texts = append(r.texts, title)
		top, used = title.MinSize().Height, title.MinSize().Width+4*pad
	}

	// The legend goes beside the title if it fits, and below it, in as many lines as it needs, otherwise.
	dash := line
	width := func(name string) float32 {
		return dash + pad + textSize(name, theme.SizeNameCaptionText, fyne.TextStyle{}).Width + 3*pad
	}
	var total float32
	for _, s := range r.p.series {
		total += width(s.Name)
	}
	x, y := size.Width-total, float32(0)
	if top > line {
		y = (top - line) / 2
	}
	if x < used {
		x, y = pad, top
	}
	begin, first := x, y
	for i, s := range r.p.series {
		if s.Name == "" {
			continue
		}
		if x+width(s.Name) > size.Width+2*pad && x > pad {
			x, y = pad, y+line
		}
		mark := canvas.NewRectangle(seriesColor(s, i))
		mark.CornerRadius = pad / 2
		mark.Resize(fyne.NewSize(dash, pad))
		mark.Move(fyne.NewPos(x, y+(line-pad)/2))
		r.texts = append(r.texts, mark)
		r.text(shorten(s.Name, size.Width-x-dash-pad, theme.SizeNameCaptionText, fyne.TextStyle{}),
			theme.ColorNameForeground, fyne.NewPos(x+dash+pad, y), 0, 0)
		x += width(s.Name)
		top = max(top, y+line)
	}
	if name := textSize(r.p.yName, theme.SizeNameCaptionText, fyne.TextStyle{}); r.p.yName != "" {
		at := first // beside the legend, where that leaves room
		if total == 0 || begin < name.Width+3*pad || used > 0 {
			at = top
			top += line
		}
		r.text(r.p.yName, theme.ColorNamePlaceHolder, fyne.NewPos(pad, at), 0, 0)
	}
	return top + pad + line/2
}

// placeLabels writes the ticks' values and the name of x.
func (r *plotRenderer) placeLabels(size fyne.Size, line, scale float32) {
	pad := theme.Size(theme.SizeNamePadding)
	bottom := r.pos.Y + r.area.Height
	for _, v := range r.yTicks {
		at := fyne.NewPos(r.pos.X-pad, bottom-float32(r.y.at(v))/scale)
		r.text(formatTick(v), theme.ColorNamePlaceHolder, at, 1, 0.5)
	}
	end := size.Width // of the room for the ticks, after which the name of x stands
	if r.p.xName != "" {
		at := fyne.NewPos(r.pos.X+r.area.Width, bottom+pad/2)
		end = r.text(r.p.xName, theme.ColorNamePlaceHolder, at, 1, 0).Position().X - pad
	}
	for _, v := range r.xTicks {
		half := textSize(formatTick(v), theme.SizeNameCaptionText, fyne.TextStyle{}).Width / 2
		if r.p.xName != "" && r.pos.X+float32(r.x.at(v))/scale+half > end {
			continue
		}
		at := fyne.NewPos(r.pos.X+float32(r.x.at(v))/scale, bottom+pad/2)
		t := r.text(formatTick(v), theme.ColorNamePlaceHolder, at, 0.5, 0)
		if over := t.Position().X + t.Size().Width - size.Width; over > 0 {
			t.Move(t.Position().SubtractXY(over, 0))
		}
	}
}

// placeMarkers writes the markers' labels at the top of their lines, as far as they do not run into the next marker.
func (r *plotRenderer) placeMarkers(line, scale float32) {
	pad := theme.Size(theme.SizeNamePadding)
	for i, m := range r.p.markers {
		if m.X < r.x.low || m.X > r.x.high {
			continue
		}
		x, end := float32(r.x.at(m.X))/scale, r.area.Width
		if i+1 < len(r.p.markers) && r.p.markers[i+1].X <= r.x.high {
			end = float32(r.x.at(r.p.markers[i+1].X)) / scale
		}
		label := shorten(m.Label, end-x-2*pad, theme.SizeNameCaptionText, fyne.TextStyle{})
		r.text(label, theme.ColorNamePlaceHolder, r.pos.AddXY(x+pad, -line/2), 0, 0)
	}
}

// seriesColor returns the colour of the i-th series.
func seriesColor(s Series, i int) color.Color {
	if s.Color != "" {
		return theme.Color(s.Color)
	}
	return paletteColor(i)
}

// prepare takes along what the picture shows; the picture is painted away from the window's goroutine.
func (p *Plot) prepare() func() func() {
	r := p.render
	if r == nil || r.x.length < 1 || r.y.length < 1 {
		return nil
	}
	x, y, series, markers := r.x, r.y, p.series, p.markers
	scale := float64(pixelScale(p))
	xTicks, yTicks := r.xTicks, r.yTicks
	grid, strong := fade(theme.Color(theme.ColorNamePlaceHolder), 0.25), theme.Color(theme.ColorNamePlaceHolder)
	colors := make([]color.Color, len(series))
	for i, s := range series {
		colors[i] = seriesColor(s, i)
	}
	const lineWidth = 1.6
	return func() func() {
		img := image.NewRGBA(image.Rect(0, 0, int(x.length+0.5), int(y.length+0.5)))
		hair := max(1, float64(int(scale+0.5)))
		for _, v := range yTicks {
			at := y.length - y.at(v)
			fill(img, 0, at-hair/2, x.length, at+hair/2, grid)
		}
		for _, v := range xTicks {
			fill(img, x.at(v)-hair/2, 0, x.at(v)+hair/2, y.length, grid)
		}
		fill(img, 0, y.length-hair, x.length, y.length, strong)
		fill(img, 0, 0, hair, y.length, strong)
		for _, m := range markers {
			if m.X < x.low || m.X > x.high {
				continue
			}
			dash := 4 * hair
			for at := 0.0; at < y.length; at += 2 * dash {
				fill(img, x.at(m.X)-hair/2, at, x.at(m.X)+hair/2, at+dash, strong)
			}
		}
		for i, s := range series {
			stroke(img, polylines(s.X, s.Y, x, y), lineWidth*scale, colors[i])
		}
		return func() {
			r.lines.Image = img
			canvas.Refresh(r.lines)
		}
	}
}

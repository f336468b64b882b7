//go:build !headless

package widgets

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/theme"
)

// valueAt returns the value of x under a place in the widget.
func (p *Plot) valueAt(x float32) float64 {
	r := p.render
	part := float64((x - r.pos.X) / max(1, r.area.Width))
	return r.x.value(max(0, min(1, part)) * r.x.length)
}

// Scrolled zooms x about the pointer, as far out as there is something to see.
func (p *Plot) Scrolled(e *fyne.ScrollEvent) {
	if p.render == nil {
		return
	}
	at := p.valueAt(e.Position.X)
	low, high := p.rangeX()
	notches := float64(max(-3, min(3, e.Scrolled.DY/wheelNotch)))
	factor := math.Pow(zoomStep, -notches)
	newLow, newHigh := at-(at-low)*factor, at+(high-at)*factor

	zoomed := p.zoomed
	p.zoomed = false
	fullLow, fullHigh := p.rangeX()
	p.zoomed = zoomed
	newLow, newHigh = max(newLow, fullLow), min(newHigh, fullHigh)
	if newLow <= fullLow && newHigh >= fullHigh {
		p.ResetZoom()
		return
	}
	const finest = 1e-6 // of everything: beyond it there is nothing but rounding
	if newHigh-newLow > finest*(fullHigh-fullLow) {
		p.ZoomX(newLow, newHigh)
	}
}

// Dragged selects a range of x.
func (p *Plot) Dragged(e *fyne.DragEvent) {
	if !p.selecting {
		p.selecting = true
		p.selection[0] = e.Position.X - e.Dragged.DX
	}
	p.selection[1] = e.Position.X
	p.pointer = e.Position
	p.movePointer()
}

// DragEnd zooms to the selected range, unless it is too narrow to have been meant.
func (p *Plot) DragEnd() {
	p.selecting = false
	from, to := min(p.selection[0], p.selection[1]), max(p.selection[0], p.selection[1])
	if p.render != nil && to-from > theme.Size(theme.SizeNamePadding) {
		p.ZoomX(p.valueAt(from), p.valueAt(to))
	}
	p.movePointer()
}

// DoubleTapped shows everything again.
func (p *Plot) DoubleTapped(*fyne.PointEvent) { p.ResetZoom() }

// Cursor implements desktop.Cursorable.
func (p *Plot) Cursor() desktop.Cursor { return desktop.CrosshairCursor }

// MouseIn implements desktop.Hoverable.
func (p *Plot) MouseIn(e *desktop.MouseEvent) { p.MouseMoved(e) }

// MouseMoved shows the values at the nearest x.
func (p *Plot) MouseMoved(e *desktop.MouseEvent) {
	p.hovering, p.pointer = true, e.Position
	p.movePointer()
}

// MouseOut implements desktop.Hoverable.
func (p *Plot) MouseOut() {
	p.hovering = false
	p.movePointer()
}

// FocusGained implements fyne.Focusable.
func (p *Plot) FocusGained() { p.setFocused(true) }

// FocusLost implements fyne.Focusable.
func (p *Plot) FocusLost() { p.setFocused(false) }

func (p *Plot) setFocused(focused bool) {
	p.focused = focused
	if p.render != nil {
		p.render.ring.paint(focused)
	}
	if !focused {
		p.MouseOut()
	}
}

// TypedRune zooms about the place that is read.
func (p *Plot) TypedRune(r rune) {
	notches := map[rune]float32{'+': wheelNotch, '=': wheelNotch, '-': -wheelNotch}
	switch {
	case r == '0':
		p.ResetZoom()
	case notches[r] != 0:
		p.Scrolled(&fyne.ScrollEvent{PointEvent: fyne.PointEvent{Position: p.pointer}, Scrolled: fyne.Delta{DY: notches[r]}})
	}
}

// TypedKey moves along x.
func (p *Plot) TypedKey(e *fyne.KeyEvent) {
	way := map[fyne.KeyName]float32{fyne.KeyLeft: -1, fyne.KeyRight: 1}[e.Name]
	if way == 0 || p.render == nil {
		return
	}
	const strides = 50 // from one end to the other
	left, right := p.render.pos.X, p.render.pos.X+p.render.area.Width
	at := p.pointer.X + way*p.render.area.Width/strides
	if !p.hovering { // it begins at the newest value
		at = right
	}
	p.hovering, p.pointer.X = true, max(left, min(right, at))
	p.movePointer()
}

// movePointer brings only what follows the pointer up to date.
func (p *Plot) movePointer() {
	if p.render != nil {
		p.render.placePointer()
		canvas.Refresh(p)
	}
}

// placePointer shows the selection, and otherwise the hairline, a dot on every series and the box with their values.
func (r *plotRenderer) placePointer() {
	p := r.p
	r.readings = nil
	r.selected.FillColor = theme.Color(theme.ColorNameSelection)
	show(p.selecting, r.selected)
	if p.selecting {
		right := r.pos.X + r.area.Width
		from := max(r.pos.X, min(right, min(p.selection[0], p.selection[1])))
		to := max(r.pos.X, min(right, max(p.selection[0], p.selection[1])))
		r.selected.Move(fyne.NewPos(from, r.pos.Y))
		r.selected.Resize(fyne.NewSize(to-from, r.area.Height))
	}
	inside := p.pointer.X >= r.pos.X && p.pointer.X <= r.pos.X+r.area.Width
	at, found := p.readings(p.valueAt(p.pointer.X))
	seen := p.hovering && !p.selecting && inside && len(found) > 0 && at >= r.x.low && at <= r.x.high
	show(seen, r.hair, r.box)
	if !seen {
		return
	}
	scale := pixelScale(p)
	x := r.pos.X + float32(r.x.at(at))/scale
	r.hair.FillColor = theme.Color(theme.ColorNameForeground)
	r.hair.Move(fyne.NewPos(x-0.5, r.pos.Y))
	r.hair.Resize(fyne.NewSize(1, r.area.Height))
	r.placeBox(x, at, found, scale)
}

// placeBox lists the readings beside the hairline, on the side with more room.
func (r *plotRenderer) placeBox(x float32, at float64, found []reading, scale float32) {
	pad := theme.Size(theme.SizeNamePadding)
	head := formatValue(at)
	if at == math.Trunc(at) && math.Abs(at) < 1e9 {
		head = fmt.Sprintf("%.0f", at)
	}
	if r.p.xName != "" {
		head = r.p.xName + " " + head
	}
	title := newText(head, theme.ColorNameForeground, theme.SizeNameCaptionText)
	title.TextStyle.Bold = true
	size := title.MinSize()
	line, dot := size.Height, 2*pad
	rows := []*canvas.Text{title}
	for _, f := range found {
		s := r.p.series[f.series]
		t := newText(s.Name+"  "+formatValue(f.y), theme.ColorNameForeground, theme.SizeNameCaptionText)
		rows = append(rows, t)
		size.Width = max(size.Width, t.MinSize().Width+dot+pad)

		mark := canvas.NewCircle(seriesColor(s, f.series))
		mark.StrokeColor, mark.StrokeWidth = theme.Color(theme.ColorNameBackground), 1
		mark.Resize(fyne.NewSquareSize(dot))
		y := r.pos.Y + r.area.Height - float32(r.y.at(f.y))/scale
		mark.Move(fyne.NewPos(r.pos.X+float32(r.x.at(f.x))/scale-dot/2, y-dot/2))
		if f.x >= r.x.low && f.x <= r.x.high && y >= r.pos.Y && y <= r.pos.Y+r.area.Height {
			r.readings = append(r.readings, mark)
		}
	}
	box := fyne.NewSize(size.Width+4*pad, line*float32(len(rows))+2*pad)
	pos := fyne.NewPos(x+2*pad, r.pos.Y+pad)
	if x > r.pos.X+r.area.Width/2 {
		pos.X = max(0, x-2*pad-box.Width)
	}
	r.box.FillColor = fade(theme.Color(theme.ColorNameOverlayBackground), 0.95)
	r.box.StrokeColor, r.box.StrokeWidth = theme.Color(theme.ColorNameSeparator), 1
	r.box.CornerRadius = theme.Size(theme.SizeNameInputRadius)
	r.box.Move(pos)
	r.box.Resize(box)
	marks := r.readings
	r.readings = append([]fyne.CanvasObject{}, marks...)
	for i, t := range rows {
		at := pos.AddXY(2*pad, pad+float32(i)*line)
		if i > 0 {
			f := found[i-1]
			mark := canvas.NewCircle(seriesColor(r.p.series[f.series], f.series))
			mark.Resize(fyne.NewSquareSize(dot))
			mark.Move(at.AddXY(0, (line-dot)/2))
			r.readings = append(r.readings, mark)
			at.X += dot + pad
		}
		t.Move(at)
		t.Resize(t.MinSize())
		r.readings = append(r.readings, t)
	}
}

// WritePNG writes the plot as it is now zoomed, without the pointer, in the colours of the current theme, as a PNG of
// the given size in pixels.
func (p *Plot) WritePNG(w io.Writer, width, height int) error {
	page := NewPlot()
	page.work.inline = true
	page.series, page.markers, page.title = p.series, p.markers, p.title
	page.xName, page.yName, page.logY = p.xName, p.yName, p.logY
	page.low, page.high, page.zoomed = p.low, p.high, p.zoomed
	size := fyne.NewSize(float32(width), float32(height))
	if least := page.MinSize(); size.Width < least.Width || size.Height < least.Height {
		return fmt.Errorf("write the plot: %d×%d pixels leave no room for the axes; choose at least %.0f×%.0f",
			width, height, least.Width, least.Height)
	}
	c := software.NewCanvas()
	c.SetPadded(false)
	c.SetContent(page)
	c.Resize(size)
	var img image.Image = c.Capture()
	if err := png.Encode(w, img); err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	return nil
}

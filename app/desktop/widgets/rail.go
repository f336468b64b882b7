//go:build !headless

package widgets

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// StageState says how far a stage is.
type StageState int

// The states of a stage.
const (
	StagePending StageState = iota
	StageCurrent
	StageDone
	StageFailed
)

// Stage is one stop of a Rail.
type Stage struct {
	Name   string
	Detail string // a second, quieter line; may be empty
	State  StageState
	// Progress of a current stage, from 0 to 1.
	Progress float64
}

// Rail shows stages in their order, joined by a line, the current one lit and with its progress. Where the window is
// too narrow for all of them, they continue on the next line. With the keyboard, the left and right arrows choose a
// stage, and Return or the space bar taps it.
type Rail struct {
	widget.BaseWidget

	// OnTapped, if set, is told which stage was tapped.
	OnTapped func(i int)

	stages  []Stage
	chosen  int
	focused bool
	width   float32 // for which the height was last computed
	render  *railRenderer
}

var (
	_ fyne.Tappable   = (*Rail)(nil)
	_ fyne.Focusable  = (*Rail)(nil)
	_ fyne.Accessible = (*Rail)(nil)
)

// NewRail returns a rail without stages.
func NewRail() *Rail {
	r := &Rail{}
	r.ExtendBaseWidget(r)
	return r
}

// SetStages changes the stages.
func (r *Rail) SetStages(stages []Stage) {
	r.stages = stages
	r.chosen = max(0, min(r.chosen, len(stages)-1))
	r.Refresh()
}

// AccessibilityLabel names the current stage, or else the last finished one.
func (r *Rail) AccessibilityLabel() string {
	label := ""
	for _, s := range r.stages {
		switch s.State {
		case StageCurrent, StageFailed:
			return s.Name + " " + s.Detail
		case StageDone:
			label = s.Name
		}
	}
	return label
}

// AccessibilityRole implements fyne.Accessible.
func (r *Rail) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleContainer }

// Tapped takes the keyboard and reports the stage.
func (r *Rail) Tapped(e *fyne.PointEvent) {
	focus(r)
	columns, cell := r.grid(r.Size().Width)
	column, row := int(e.Position.X/cell.Width), int(e.Position.Y/cell.Height)
	if i := row*columns + column; column < columns && i < len(r.stages) {
		r.tap(i)
	}
}

func (r *Rail) tap(i int) {
	r.chosen = i
	r.Refresh()
	if r.OnTapped != nil {
		r.OnTapped(i)
	}
}

// FocusGained implements fyne.Focusable.
func (r *Rail) FocusGained() { r.focused = true; r.Refresh() }

// FocusLost implements fyne.Focusable.
func (r *Rail) FocusLost() { r.focused = false; r.Refresh() }

// TypedRune implements fyne.Focusable.
func (r *Rail) TypedRune(rune) {}

// TypedKey chooses a stage or taps it.
func (r *Rail) TypedKey(e *fyne.KeyEvent) {
	if len(r.stages) == 0 {
		return
	}
	switch e.Name {
	case fyne.KeyLeft:
		r.chosen = max(0, r.chosen-1)
	case fyne.KeyRight:
		r.chosen = min(len(r.stages)-1, r.chosen+1)
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		r.tap(r.chosen)
	}
	r.Refresh()
}

// grid returns how many stages stand in a line of the given width, and the size of one.
func (r *Rail) grid(width float32) (columns int, cell fyne.Size) {
	text := theme.Size(theme.SizeNameText)
	pad := theme.Size(theme.SizeNamePadding)
	cell.Height = railDisc() + 3*pad + textSize("0", theme.SizeNameText, fyne.TextStyle{Bold: true}).Height +
		textSize("0", theme.SizeNameCaptionText, fyne.TextStyle{}).Height + pad
	n := max(1, len(r.stages))
	columns = max(1, min(n, int(width/(text*7))))
	rows := (n + columns - 1) / columns
	columns = (n + rows - 1) / rows // lines of about the same length
	cell.Width = width / float32(columns)
	return columns, cell
}

// railDisc returns the diameter of a stop.
func railDisc() float32 { return theme.Size(theme.SizeNameInlineIcon) * 1.1 }

// Resize makes room for further lines where the new width needs them.
func (r *Rail) Resize(size fyne.Size) {
	changed := size.Width != r.width
	r.width = size.Width
	r.BaseWidget.Resize(size)
	if changed {
		r.Refresh()
	}
}

// MinSize returns the height for the present width.
func (r *Rail) MinSize() fyne.Size {
	r.ExtendBaseWidget(r)
	least := theme.Size(theme.SizeNameText) * 7
	columns, cell := r.grid(max(least, r.width))
	if r.width == 0 {
		return fyne.NewSize(least, cell.Height)
	}
	rows := (max(1, len(r.stages)) + columns - 1) / columns
	return fyne.NewSize(least, cell.Height*float32(rows))
}

type railRenderer struct {
	r       *Rail
	objects []fyne.CanvasObject
	before  []fyne.CanvasObject // the objects of the last layout: the driver draws once more for every new one
	laid    laid
}

// CreateRenderer implements fyne.Widget.
func (r *Rail) CreateRenderer() fyne.WidgetRenderer {
	r.render = &railRenderer{r: r}
	return r.render
}

func (n *railRenderer) Destroy()                     {}
func (n *railRenderer) MinSize() fyne.Size           { return n.r.MinSize() }
func (n *railRenderer) Objects() []fyne.CanvasObject { return n.objects }
func (n *railRenderer) Refresh() {
	n.layout(n.r.Size())
	canvas.Refresh(n.r)
}

// Layout implements fyne.WidgetRenderer.
func (n *railRenderer) Layout(size fyne.Size) {
	if n.laid.again(n.r, size) {
		n.layout(size)
	}
}

// layout draws the stages anew.
func (n *railRenderer) layout(size fyne.Size) {
	n.objects, n.before = nil, n.objects
	if size.Width <= 0 || len(n.r.stages) == 0 {
		return
	}
	columns, cell := n.r.grid(size.Width)
	for i, s := range n.r.stages {
		pos := fyne.NewPos(float32(i%columns)*cell.Width, float32(i/columns)*cell.Height)
		n.stage(i, s, pos, cell, i%columns < columns-1 && i+1 < len(n.r.stages))
	}
}

// again returns the object that was at the next place before, or a new one where that was none of its kind.
func again[T fyne.CanvasObject](n *railRenderer, make func() T) T {
	if at := len(n.objects); at < len(n.before) {
		if o, ok := n.before[at].(T); ok {
			return o
		}
	}
	return make()
}

// rect adds a rectangle.
func (n *railRenderer) rect(x, y, width, height, radius float32, c color.Color) *canvas.Rectangle {
	o := again(n, func() *canvas.Rectangle { return canvas.NewRectangle(nil) })
	o.FillColor, o.StrokeColor, o.StrokeWidth, o.CornerRadius = c, nil, 0, radius
	o.Move(fyne.NewPos(x, y))
	o.Resize(fyne.NewSize(width, height))
	n.objects = append(n.objects, o)
	return o
}

// stage draws one stop in its cell, and the line to the next one in the same row.
func (n *railRenderer) stage(i int, s Stage, pos fyne.Position, cell fyne.Size, joined bool) {
	pad, disc := theme.Size(theme.SizeNamePadding), railDisc()
	middle, y := pos.X+cell.Width/2, pos.Y+pad+disc/2
	if n.r.focused && i == n.r.chosen {
		ring := n.rect(pos.X+1, pos.Y, cell.Width-2, cell.Height, theme.Size(theme.SizeNameInputRadius), color.Transparent)
		ring.StrokeColor, ring.StrokeWidth = theme.Color(theme.ColorNamePrimary), theme.Size(theme.SizeNameInputBorder)*2
	}
	if joined {
		c := color.Color(fade(theme.Color(theme.ColorNamePlaceHolder), 0.5))
		if s.State == StageDone {
			c = theme.Color(theme.ColorNameSuccess)
		}
		thickness := pad / 2
		n.rect(middle+disc/2+pad, y-thickness/2, cell.Width-disc-2*pad, thickness, thickness/2, c)
	}

	name, ink := theme.ColorNameForeground, theme.ColorNamePlaceHolder
	fillName, icon := theme.ColorNamePlaceHolder, fyne.Resource(nil)
	var iconInk fyne.ThemeColorName
	switch s.State {
	case StagePending:
		name = theme.ColorNamePlaceHolder
	case StageCurrent:
		fillName, ink = theme.ColorNamePrimary, theme.ColorNameForeground
	case StageDone:
		fillName, icon, iconInk = theme.ColorNameSuccess, theme.ConfirmIcon(), theme.ColorNameForegroundOnSuccess
	case StageFailed:
		fillName, icon, iconInk = theme.ColorNameError, theme.CancelIcon(), theme.ColorNameForegroundOnError
		ink = theme.ColorNameError
	}
	stop := n.rect(middle-disc/2, y-disc/2, disc, disc, disc/2, theme.Color(fillName))
	switch s.State {
	case StagePending:
		stop.FillColor = color.Transparent
		stop.StrokeColor, stop.StrokeWidth = theme.Color(theme.ColorNamePlaceHolder), theme.Size(theme.SizeNameInputBorder)
	case StageCurrent:
		core := disc / 2.6
		n.rect(middle-core/2, y-core/2, core, core, core/2, theme.Color(theme.ColorNameForegroundOnPrimary))
		n.progress(s.Progress, middle, y+disc/2+pad, cell.Width)
	case StageDone, StageFailed:
		symbol := theme.NewColoredResource(icon, iconInk)
		o := again(n, func() *canvas.Image { return canvas.NewImageFromResource(symbol) })
		if o.Resource.Name() != symbol.Name() {
			o.Resource = symbol
			o.Refresh()
		}
		side := disc * 0.75
		o.Move(fyne.NewPos(middle-side/2, y-side/2))
		o.Resize(fyne.NewSquareSize(side))
		n.objects = append(n.objects, o)
	}

	top := y + disc/2 + 2*pad
	top += n.text(s.Name, name, theme.SizeNameText, s.State == StageCurrent, middle, top, cell.Width-2*pad)
	n.text(s.Detail, ink, theme.SizeNameCaptionText, false, middle, top, cell.Width-2*pad)
}

// progress draws a bar below the stop.
func (n *railRenderer) progress(part float64, middle, y, room float32) {
	width, height := min(room*0.7, theme.Size(theme.SizeNameText)*8), theme.Size(theme.SizeNamePadding)
	n.rect(middle-width/2, y, width, height, height/2, fade(theme.Color(theme.ColorNamePrimary), 0.25))
	if done := width * float32(max(0, min(1, part))); done > 0 {
		n.rect(middle-width/2, y, max(height, done), height, height/2, theme.Color(theme.ColorNamePrimary))
	}
}

// text adds a centred line, and returns its height.
func (n *railRenderer) text(s string, c fyne.ThemeColorName, size fyne.ThemeSizeName, bold bool, middle, y, width float32) float32 {
	style := fyne.TextStyle{Bold: bold}
	t := again(n, func() *canvas.Text { return canvas.NewText("", nil) })
	t.Text, t.TextStyle = shorten(s, width, size, style), style
	restyle(t, c, size)
	extent := t.MinSize()
	t.Move(fyne.NewPos(middle-extent.Width/2, y))
	t.Resize(extent)
	n.objects = append(n.objects, t)
	return extent.Height
}

//go:build !headless

package widgets

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
)

const (
	zoomStep    = 1.25 // for a key, and for a notch of the wheel
	wheelNotch  = 25   // what Fyne reports for a notch on Linux and Windows
	panStep     = 0.1  // of the frame, for a key
	dividerStep = 0.02 // of the width, for a key
)

// dividerX returns where the divider is, in Fyne units.
func (c *Compare) dividerX() float32 { return c.Size().Width * c.divider }

// moveDivider puts the divider at a place in [0, 1] of the width.
func (c *Compare) moveDivider(to float32) {
	c.divider = max(0, min(1, to))
	c.place()
}

// nearDivider says whether a press at p takes hold of the divider.
func (c *Compare) nearDivider(p fyne.Position) bool {
	if c.mode != CompareSlider || len(c.before.levels) == 0 || len(c.after.levels) == 0 {
		return false
	}
	return math.Abs(float64(p.X-c.dividerX())) <= float64(theme.Size(theme.SizeNameInlineIcon))
}

// Scrolled zooms about the pointer.
func (c *Compare) Scrolled(e *fyne.ScrollEvent) {
	notches := max(-3, min(3, e.Scrolled.DY/wheelNotch))
	c.zoomAbout(c.inFrame(e.Position), c.view.zoom*float32(math.Pow(zoomStep, float64(notches))))
}

// Dragged moves the divider if the drag began near it, and the picture otherwise.
func (c *Compare) Dragged(e *fyne.DragEvent) {
	if !c.dragging {
		c.dragging = true
		c.draggingDivider = c.nearDivider(e.Position.SubtractXY(e.Dragged.DX, e.Dragged.DY))
	}
	if c.draggingDivider {
		c.moveDivider(e.Position.X / max(1, c.Size().Width))
		return
	}
	c.view.pan(e.Dragged.DX, e.Dragged.DY)
	c.place()
}

// DragEnd implements fyne.Draggable.
func (c *Compare) DragEnd() { c.dragging, c.draggingDivider = false, false }

// DoubleTapped switches between the whole picture and 100 % about the pointer.
func (c *Compare) DoubleTapped(e *fyne.PointEvent) {
	if !c.view.fitted {
		c.Fit()
		return
	}
	c.zoomAbout(c.inFrame(e.Position), 1)
}

// MouseDown takes the keyboard.
func (c *Compare) MouseDown(*desktop.MouseEvent) { focus(c) }

// MouseUp implements desktop.Mouseable.
func (c *Compare) MouseUp(*desktop.MouseEvent) {}

// MouseIn implements desktop.Hoverable.
func (c *Compare) MouseIn(e *desktop.MouseEvent) { c.hover = e.Position }

// MouseMoved implements desktop.Hoverable.
func (c *Compare) MouseMoved(e *desktop.MouseEvent) { c.hover = e.Position }

// MouseOut implements desktop.Hoverable.
func (c *Compare) MouseOut() { c.hover = fyne.NewPos(-1e6, 0) }

// Cursor shows where the divider can be taken hold of.
func (c *Compare) Cursor() desktop.Cursor {
	if c.draggingDivider || c.nearDivider(c.hover) {
		return desktop.HResizeCursor
	}
	return desktop.DefaultCursor
}

// FocusGained implements fyne.Focusable.
func (c *Compare) FocusGained() { c.setFocused(true) }

// FocusLost implements fyne.Focusable.
func (c *Compare) FocusLost() { c.setFocused(false) }

func (c *Compare) setFocused(focused bool) {
	c.focused = focused
	if c.render != nil {
		c.render.ring.paint(focused)
	}
}

// TypedRune zooms, or moves the divider.
func (c *Compare) TypedRune(r rune) {
	switch r {
	case '+', '=':
		c.SetZoom(c.view.zoom * zoomStep)
	case '-', '_':
		c.SetZoom(c.view.zoom / zoomStep)
	case '0':
		c.Fit()
	case '1':
		c.SetZoom(1)
	case '[':
		c.moveDivider(c.divider - dividerStep)
	case ']':
		c.moveDivider(c.divider + dividerStep)
	}
}

// TypedKey moves the picture if part of it is outside, and otherwise the divider.
func (c *Compare) TypedKey(e *fyne.KeyEvent) {
	var dx, dy float32
	switch e.Name {
	case fyne.KeyLeft:
		dx = -1
	case fyne.KeyRight:
		dx = 1
	case fyne.KeyUp:
		dy = -1
	case fyne.KeyDown:
		dy = 1
	default:
		return
	}
	if c.view.larger() {
		frame := c.view.frame
		c.view.pan(-dx*frame.Width*panStep, -dy*frame.Height*panStep)
		c.place()
	} else if c.mode == CompareSlider {
		c.moveDivider(c.divider + dx*dividerStep)
	}
}

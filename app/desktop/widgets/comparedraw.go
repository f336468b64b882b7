//go:build !headless

package widgets

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// compareRenderer draws a Compare: a clip for each side of the divider or of the window, and what lies on top.
type compareRenderer struct {
	c             *Compare
	back          *canvas.Rectangle
	left, right   *container.Clip
	divider, knob *canvas.Rectangle
	plates        [2]*canvas.Rectangle
	labels        [2]*canvas.Text
	hint          *widget.Label
	ring          focusRing
	objects       []fyne.CanvasObject
}

func (r *compareRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *compareRenderer) MinSize() fyne.Size           { return r.c.MinSize() }
func (r *compareRenderer) Destroy()                     {}

func (r *compareRenderer) Refresh() {
	r.restyle()
	r.Layout(r.c.Size())
}

// restyle takes the colours and sizes of the current theme.
func (r *compareRenderer) restyle() {
	r.back.FillColor = theme.Color(theme.ColorNameInputBackground)
	r.divider.FillColor = theme.Color(theme.ColorNamePrimary)
	r.knob.FillColor, r.knob.StrokeColor = theme.Color(theme.ColorNameBackground), theme.Color(theme.ColorNamePrimary)
	r.knob.StrokeWidth, r.knob.CornerRadius = theme.Size(theme.SizeNameInputBorder)*2, canvas.RadiusMaximum
	for i := range r.labels {
		r.plates[i].FillColor = fade(theme.Color(theme.ColorNameBackground), 0.85)
		r.plates[i].CornerRadius = theme.Size(theme.SizeNameInputRadius)
		r.plates[i].Refresh()
		restyle(r.labels[i], theme.ColorNameForeground, theme.SizeNameCaptionText)
	}
	r.ring.paint(r.c.focused)
	r.back.Refresh()
	r.divider.Refresh()
	r.knob.Refresh()
}

func (r *compareRenderer) Layout(size fyne.Size) {
	c := r.c
	r.back.Resize(size)
	r.ring.place(fyne.Position{}, size)
	left, right, frame := c.frames()
	c.view.resize(frame, pixelScale(c))

	pos, extent := c.view.rect()
	slider := c.mode == CompareSlider && len(c.before.levels) > 0 && len(c.after.levels) > 0
	switch {
	case c.mode == CompareDifference:
		r.clip(r.right, right, frame)
		hide(r.left, c.after.object)
		c.diff.place(pos, extent, c.view.zoom, c.view.scale)
	case slider:
		at := c.dividerX()
		r.clip(r.left, left, fyne.NewSize(at, frame.Height))
		r.clip(r.right, right.AddXY(at, 0), fyne.NewSize(frame.Width-at, frame.Height))
		c.before.place(pos, extent, c.view.zoom, c.view.scale)
		c.after.place(pos.SubtractXY(at, 0), extent, c.view.zoom, c.view.scale)
		c.diff.object.Hide()
		thickness, knob := theme.Size(theme.SizeNameInputBorder)*2, theme.Size(theme.SizeNameInlineIcon)
		r.divider.Move(fyne.NewPos(at-thickness/2, 0))
		r.divider.Resize(fyne.NewSize(thickness, frame.Height))
		r.knob.Move(fyne.NewPos(at-knob/2, (frame.Height-knob)/2))
		r.knob.Resize(fyne.NewSquareSize(knob))
	default: // side by side, or a single picture
		r.clip(r.left, left, frame)
		r.clip(r.right, right, frame)
		c.before.place(pos, extent, c.view.zoom, c.view.scale)
		c.after.place(pos, extent, c.view.zoom, c.view.scale)
		c.diff.object.Hide()
	}
	show(slider, r.divider, r.knob)
	r.placeLabels(left, right, frame)
	r.placeHint(left, right, frame)
	c.tellZoom()
}

// clip shows a part of the widget's area.
func (r *compareRenderer) clip(clip *container.Clip, pos fyne.Position, size fyne.Size) {
	clip.Move(pos)
	clip.Resize(size)
	clip.Show()
}

// placeLabels puts the names into the upper corners; the difference has none.
func (r *compareRenderer) placeLabels(left, right fyne.Position, frame fyne.Size) {
	pad := theme.Size(theme.SizeNamePadding)
	pictures := [2]*picture{r.c.before, r.c.after}
	for i, text := range r.labels {
		room := frame.Width/2 - 4*pad
		text.Text = shorten(r.c.labels[i], room, theme.SizeNameCaptionText, fyne.TextStyle{})
		seen := text.Text != "" && len(pictures[i].levels) > 0 && r.c.mode != CompareDifference
		show(seen, text, r.plates[i])
		if !seen {
			continue
		}
		size := text.MinSize()
		pos := left.AddXY(2*pad, 2*pad)
		if i == 1 {
			pos = fyne.NewPos(right.X+frame.Width-size.Width-2*pad, right.Y+2*pad)
		}
		text.Move(pos)
		text.Resize(size)
		text.Refresh()
		r.plates[i].Move(pos.SubtractXY(pad, pad/2))
		r.plates[i].Resize(size.AddWidthHeight(2*pad, pad))
	}
}

// placeHint shows the hint in the frame that lacks its picture, or in the only one.
func (r *compareRenderer) placeHint(left, right fyne.Position, frame fyne.Size) {
	c := r.c
	noBefore, noAfter := len(c.before.levels) == 0, len(c.after.levels) == 0
	missing := noBefore && noAfter
	if c.mode == CompareDifference {
		missing = noBefore || noAfter
	} else if c.mode == CompareSideBySide && noBefore != noAfter {
		missing = true
		if noAfter {
			left = right
		}
	} else if missing {
		left, frame = fyne.Position{}, c.Size()
	}
	show(missing && c.hint != "", r.hint)
	if !missing {
		return
	}
	if r.hint.Text != c.hint {
		r.hint.SetText(c.hint)
	}
	r.hint.Resize(fyne.NewSize(frame.Width, 0)) // the width decides on the lines, these on the height
	height := r.hint.MinSize().Height
	r.hint.Resize(fyne.NewSize(frame.Width, height))
	r.hint.Move(left.AddXY(0, max(0, (frame.Height-height)/2)))
}

// show shows or hides objects.
func show(seen bool, objects ...fyne.CanvasObject) {
	for _, o := range objects {
		if seen {
			o.Show()
		} else {
			o.Hide()
		}
	}
}

// hide hides objects.
func hide(objects ...fyne.CanvasObject) { show(false, objects...) }

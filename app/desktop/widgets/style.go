//go:build !headless

// Package widgets holds the parts of the window that show things and decide nothing: a before/after viewer, a live
// plot, bars, the rail of stages, picture grids and the frame that folders are dropped on.
//
// Colours and sizes come from the current theme. Every function and method is to be called on the window's goroutine
// (in an event, or through fyne.Do) unless its comment says otherwise; slow work is done on goroutines of the
// package's own, and its result comes back through fyne.Do. Slices and pictures that are handed over must not be
// changed afterwards.
package widgets

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// paletteSize is the number of colours of the palette before it repeats.
const paletteSize = 6

// paletteColor returns the i-th of the colours that tell series apart: accents of the theme and mixtures of them, in
// an order in which neighbours differ most.
func paletteColor(i int) color.Color {
	primary, success := theme.Color(theme.ColorNamePrimary), theme.Color(theme.ColorNameSuccess)
	warning, failure := theme.Color(theme.ColorNameWarning), theme.Color(theme.ColorNameError)
	return [paletteSize]color.Color{
		primary, warning, success, mix(primary, failure), mix(primary, success), failure,
	}[i%paletteSize]
}

// mix returns the colour halfway between two.
func mix(a, b color.Color) color.NRGBA {
	x, y := color.NRGBAModel.Convert(a).(color.NRGBA), color.NRGBAModel.Convert(b).(color.NRGBA)
	half := func(p, q uint8) uint8 { return uint8((int(p) + int(q)) / 2) }
	return color.NRGBA{R: half(x.R, y.R), G: half(x.G, y.G), B: half(x.B, y.B), A: half(x.A, y.A)}
}

// fade returns the colour with its opacity multiplied by alpha in [0, 1].
func fade(c color.Color, alpha float64) color.NRGBA {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	n.A = uint8(float64(n.A)*alpha + 0.5)
	return n
}

// newText returns a text in a colour and a size of the theme.
func newText(text string, name fyne.ThemeColorName, size fyne.ThemeSizeName) *canvas.Text {
	t := canvas.NewText(text, theme.Color(name))
	t.TextSize = theme.Size(size)
	return t
}

// restyle gives an existing text the current theme's colour and size.
func restyle(t *canvas.Text, name fyne.ThemeColorName, size fyne.ThemeSizeName) {
	t.Color, t.TextSize = theme.Color(name), theme.Size(size)
	t.Refresh()
}

// textSize measures a text of the theme's size.
func textSize(text string, size fyne.ThemeSizeName, style fyne.TextStyle) fyne.Size {
	return fyne.MeasureText(text, theme.Size(size), style)
}

// shorten cuts a text with an ellipsis so that it is at most width wide; it returns "" where not even one letter fits. A
// number at the end, which is what tells one name from the next, stays: of "Reflow 1" comes "Re…1".
func shorten(text string, width float32, size fyne.ThemeSizeName, style fyne.TextStyle) string {
	if textSize(text, size, style).Width <= width {
		return text
	}
	name := strings.TrimRight(text, "0123456789")
	if start := cut(strings.TrimSpace(name), "…"+text[len(name):], width, size, style); start != "" {
		return start
	}
	return cut(text, "…", width, size, style)
}

// cut is the longest beginning of a text that fits with an end, together with it, or "" where not even one letter does.
func cut(text, end string, width float32, size fyne.ThemeSizeName, style fyne.TextStyle) string {
	runes := []rune(text)
	low, high := 0, len(runes)-1
	for low < high {
		middle := (low + high + 1) / 2
		if textSize(string(runes[:middle])+end, size, style).Width <= width {
			low = middle
		} else {
			high = middle - 1
		}
	}
	if low <= 0 {
		return ""
	}
	return string(runes[:low]) + end
}

// pixelScale returns the device pixels per Fyne unit where the object is shown, and 1 where it is not shown.
func pixelScale(o fyne.CanvasObject) float32 {
	if c := fyne.CurrentApp().Driver().CanvasForObject(o); c != nil {
		return c.Scale()
	}
	return 1
}

// laid is what a renderer was last laid out for. The driver lays a widget out again whenever it finds an object in it that
// it has not seen; a renderer that makes new texts each time would be asked in every frame, for ever.
type laid struct {
	size  fyne.Size
	scale float32
}

// again says whether a size or the screen's scale is another than last time.
func (l *laid) again(o fyne.CanvasObject, size fyne.Size) bool {
	now := laid{size, pixelScale(o)}
	changed := now != *l
	*l = now
	return changed
}

// focus gives the keyboard to a widget that was clicked.
func focus(w interface {
	fyne.CanvasObject
	fyne.Focusable
},
) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(w); c != nil {
		c.Focus(w)
	}
}

// focusRing is the frame around the widget with the keyboard: four bars, because a software display computes every pixel
// inside a rectangle that has an outline only.
type focusRing [4]*canvas.Rectangle

func newFocusRing() focusRing {
	var r focusRing
	for i := range r {
		r[i] = canvas.NewRectangle(nil)
		r[i].Hide()
	}
	return r
}

// objects returns the bars, to be drawn over everything else.
func (r focusRing) objects() []fyne.CanvasObject { return []fyne.CanvasObject{r[0], r[1], r[2], r[3]} }

// place lays the ring around an area.
func (r focusRing) place(pos fyne.Position, size fyne.Size) {
	thick := theme.Size(theme.SizeNameInputBorder) * 2
	for i, bar := range r {
		at, extent := pos, fyne.NewSize(size.Width, thick)
		if i >= 2 {
			extent = fyne.NewSize(thick, size.Height)
		}
		switch i {
		case 1:
			at.Y += size.Height - thick
		case 3:
			at.X += size.Width - thick
		}
		bar.Move(at)
		bar.Resize(extent)
	}
}

// paint shows the ring or hides it.
func (r focusRing) paint(focused bool) {
	for _, bar := range r {
		bar.FillColor, bar.Hidden = theme.Color(theme.ColorNamePrimary), !focused
		bar.Refresh()
	}
}

//go:build !headless

package desktop

import (
	"image"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// pictureCell is a picture, or some below one another, in a frame that can be chosen by the pointer and the keyboard. It
// may have a caption.
type pictureCell struct {
	widget.BaseWidget
	tapped   func()
	name     string // for those who hear the screen
	least    float32
	pictures []*canvas.Image
	backs    []*canvas.Rectangle
	caption  *canvas.Text
	broken   *widget.Icon
	frame    *canvas.Rectangle
	failed   bool
	chosen   bool
	focused  bool
	hovered  bool
}

var (
	_ fyne.Tappable      = (*pictureCell)(nil)
	_ fyne.Focusable     = (*pictureCell)(nil)
	_ fyne.Accessible    = (*pictureCell)(nil)
	_ desktop.Hoverable  = (*pictureCell)(nil)
	_ desktop.Cursorable = (*pictureCell)(nil)
)

// newPictureCell makes a cell of count pictures, each at least so many text sizes wide and high.
func newPictureCell(name, caption string, count int, least float32, tapped func()) *pictureCell {
	c := &pictureCell{tapped: tapped, name: name, least: least, frame: canvas.NewRectangle(nil), caption: canvas.NewText(caption, nil)}
	c.broken = widget.NewIcon(theme.NewErrorThemedResource(theme.BrokenImageIcon()))
	c.broken.Hide()
	c.caption.Alignment = fyne.TextAlignCenter
	for range count {
		c.pictures = append(c.pictures, &canvas.Image{FillMode: canvas.ImageFillContain, ScaleMode: canvas.ImageScaleFastest})
		c.backs = append(c.backs, canvas.NewRectangle(nil))
	}
	c.ExtendBaseWidget(c)
	return c
}

// set shows the pictures that are there; what was shown in the place of others stays. Those that are enlarged have
// square pixels.
func (c *pictureCell) set(failed bool, pictures ...image.Image) {
	c.failed = failed
	setShown(c.broken, failed)
	for i, img := range pictures {
		if img == (*image.NRGBA)(nil) {
			img = nil
		}
		if to := c.pictures[i]; img != nil && to.Image != img {
			to.Image, to.ScaleMode = img, canvas.ImageScaleFastest
			if float32(img.Bounds().Dx()) < c.least*theme.TextSize() {
				to.ScaleMode = canvas.ImageScalePixels
			}
			to.Refresh()
		}
	}
}

// clear shows no picture.
func (c *pictureCell) clear() {
	for _, p := range c.pictures {
		if p.Image != nil {
			p.Image = nil
			p.Refresh()
		}
	}
}

// shown are the pictures.
func (c *pictureCell) shown() []image.Image {
	var out []image.Image
	for _, p := range c.pictures {
		out = append(out, p.Image)
	}
	return out
}

// rename gives the cell another name and caption.
func (c *pictureCell) rename(name, caption string) {
	c.name = name
	if c.caption.Text != caption {
		c.caption.Text = caption
		c.caption.Refresh()
	}
}

func (c *pictureCell) choose(on bool) {
	if c.chosen != on {
		c.chosen = on
		c.Refresh()
	}
}

// Tapped opens the picture.
func (c *pictureCell) Tapped(*fyne.PointEvent) { c.tapped() }

// AccessibilityLabel is the picture's name.
func (c *pictureCell) AccessibilityLabel() string { return c.name }

// AccessibilityRole implements fyne.Accessible.
func (c *pictureCell) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// FocusGained implements fyne.Focusable.
func (c *pictureCell) FocusGained() { c.focused = true; c.Refresh() }

// FocusLost implements fyne.Focusable.
func (c *pictureCell) FocusLost() { c.focused = false; c.Refresh() }

// TypedRune implements fyne.Focusable.
func (c *pictureCell) TypedRune(rune) {}

// TypedKey opens the picture.
func (c *pictureCell) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		c.tapped()
	}
}

// MouseIn implements desktop.Hoverable.
func (c *pictureCell) MouseIn(*desktop.MouseEvent) { c.hovered = true; c.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (c *pictureCell) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (c *pictureCell) MouseOut() { c.hovered = false; c.Refresh() }

// Cursor shows that the cell can be tapped.
func (c *pictureCell) Cursor() desktop.Cursor { return desktop.PointerCursor }

// CreateRenderer implements fyne.Widget.
func (c *pictureCell) CreateRenderer() fyne.WidgetRenderer {
	r := &cellRenderer{c}
	r.restyle()
	return r
}

type cellRenderer struct{ c *pictureCell }

func (r *cellRenderer) Destroy() {}

func (r *cellRenderer) Objects() []fyne.CanvasObject {
	objects := []fyne.CanvasObject{r.c.frame}
	for i, p := range r.c.pictures {
		objects = append(objects, r.c.backs[i], p)
	}
	return append(objects, r.c.caption, r.c.broken)
}

// gap is the distance of a picture from the frame.
func (r *cellRenderer) gap() float32 { return theme.Padding() }

// foot is the height of the caption.
func (r *cellRenderer) foot() float32 {
	if r.c.caption.Text == "" {
		return 0
	}
	return fyne.MeasureText(r.c.caption.Text, theme.CaptionTextSize(), fyne.TextStyle{}).Height
}

func (r *cellRenderer) MinSize() fyne.Size {
	side, n := theme.TextSize()*r.c.least, float32(len(r.c.pictures))
	return fyne.NewSize(side+2*r.gap(), n*(side+r.gap())+r.gap()+r.foot())
}

func (r *cellRenderer) Layout(size fyne.Size) {
	c, gap, n := r.c, r.gap(), float32(len(r.c.pictures))
	side := max(0, min(size.Width-2*gap, (size.Height-r.foot()-gap)/n-gap))
	c.frame.Resize(size)
	for i, img := range c.pictures {
		at := fyne.NewPos((size.Width-side)/2, gap+float32(i)*(side+gap))
		for _, o := range []fyne.CanvasObject{img, c.backs[i]} {
			o.Move(at)
			o.Resize(fyne.NewSquareSize(side))
		}
	}
	c.caption.Move(fyne.NewPos(0, gap+n*(side+gap)-gap/2))
	c.caption.Resize(fyne.NewSize(size.Width, r.foot()))
	c.broken.Move(fyne.NewPos(size.Width/2-side/4, gap+side/4))
	c.broken.Resize(fyne.NewSquareSize(side / 2))
}

func (r *cellRenderer) restyle() {
	c := r.c
	for _, b := range c.backs {
		b.FillColor, b.CornerRadius = theme.Color(theme.ColorNameInputBackground), theme.Size(theme.SizeNameSelectionRadius)
	}
	c.caption.TextSize, c.caption.Color = theme.CaptionTextSize(), theme.Color(theme.ColorNameForeground)
	c.frame.CornerRadius = theme.Size(theme.SizeNameInputRadius)
	switch {
	case c.focused:
		c.frame.FillColor = theme.Color(theme.ColorNameFocus)
	case c.chosen:
		c.frame.FillColor = theme.Color(theme.ColorNamePrimary)
		c.caption.Color = theme.Color(theme.ColorNameForegroundOnPrimary)
	case c.hovered:
		c.frame.FillColor = theme.Color(theme.ColorNameHover)
	default:
		c.frame.FillColor = color.Transparent
	}
}

func (r *cellRenderer) Refresh() {
	r.restyle()
	r.c.frame.Refresh()
	r.c.caption.Refresh()
	for _, b := range r.c.backs {
		b.Refresh()
	}
}

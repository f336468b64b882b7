//go:build !headless

package desktop

import (
	"context"
	"image"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/datasets"
)

// stripSide is the longer side in pixels of what the strip translates: it is only looked at small.
const stripSide = 160

// strip is a row of pictures, each with its translation below. There is none for a single picture.
type strip struct {
	s      *translateScreen
	files  []string
	small  map[string]*image.NRGBA // sources, as far as they are read
	cells  []*stripCell
	row    *fyne.Container
	scroll *container.Scroll
	root   *fyne.Container
	cancel context.CancelFunc
}

func newStrip(s *translateScreen) *strip {
	t := &strip{s: s, cancel: func() {}, row: container.NewHBox()}
	t.scroll = container.NewHScroll(t.row)
	t.root = container.NewStack(t.scroll)
	t.root.Hide()
	return t
}

// adopt shows what the strip of another language or look showed.
func (t *strip) adopt(old *strip) {
	old.cancel()
	t.set(old.files)
	t.small = old.small
	for i, c := range old.cells {
		t.cells[i].set(c.before.Image, c.after.Image, c.failed)
		t.cells[i].choose(c.chosen)
	}
}

// set shows other files; fewer than two have no strip.
func (t *strip) set(files []string) {
	t.stop()
	t.files, t.small, t.cells = files, map[string]*image.NRGBA{}, nil
	t.row.Objects = nil
	if len(files) > 1 {
		for _, path := range files {
			c := newStripCell(baseName(path), func() { t.s.load(path) })
			t.cells = append(t.cells, c)
			t.row.Objects = append(t.row.Objects, c)
		}
	}
	t.row.Refresh()
	t.scroll.ScrollToOffset(fyne.Position{})
	setShown(t.root, len(t.cells) > 0)
	t.s.page.Refresh()
}

// mark shows which file is open.
func (t *strip) mark(path string) {
	for i, c := range t.cells {
		c.choose(t.files[i] == path)
	}
}

// stop breaks off the work on the strip.
func (t *strip) stop() { t.cancel() }

// run translates the whole strip, one picture after another, in the background.
func (t *strip) run(r studio.Request) {
	t.stop()
	if len(t.cells) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.cancel = cancel
	cells, files, known := t.cells, t.files, make([]*image.NRGBA, len(t.files))
	for i, path := range files {
		known[i] = t.small[path]
	}
	t.s.start(func() {
		defer cancel()
		for i, path := range files {
			src := known[i]
			if src == nil {
				d, err := datasets.DecodeFile(path, datasets.Limits{})
				if err == nil {
					src = reduced(d.Image, stripSide)
				}
				fyne.Do(func() {
					if err != nil {
						cells[i].set(nil, nil, true)
					} else {
						t.small[path] = src
						cells[i].set(src, nil, false)
					}
				})
				if err != nil {
					continue // opening it says why
				}
			}
			result, err := t.s.image(ctx, src, r)
			if ctx.Err() != nil {
				return
			}
			fyne.Do(func() {
				if ctx.Err() == nil && err == nil {
					cells[i].set(src, result.Image, false)
				}
			})
		}
	})
}

// stripCell is one picture of the strip over its translation.
type stripCell struct {
	widget.BaseWidget
	tapped        func()
	name          string
	before, after *canvas.Image
	backs         [2]*canvas.Rectangle
	broken        *widget.Icon
	frame         *canvas.Rectangle
	failed        bool
	chosen        bool
	focused       bool
	hovered       bool
}

var (
	_ fyne.Tappable      = (*stripCell)(nil)
	_ fyne.Focusable     = (*stripCell)(nil)
	_ fyne.Accessible    = (*stripCell)(nil)
	_ desktop.Hoverable  = (*stripCell)(nil)
	_ desktop.Cursorable = (*stripCell)(nil)
)

func newStripCell(name string, tapped func()) *stripCell {
	c := &stripCell{tapped: tapped, name: name, before: &canvas.Image{}, after: &canvas.Image{}, frame: canvas.NewRectangle(nil)}
	c.broken = widget.NewIcon(theme.NewErrorThemedResource(theme.BrokenImageIcon()))
	c.broken.Hide()
	for i, img := range []*canvas.Image{c.before, c.after} {
		img.FillMode, img.ScaleMode = canvas.ImageFillContain, canvas.ImageScaleFastest
		c.backs[i] = canvas.NewRectangle(nil)
	}
	c.ExtendBaseWidget(c)
	return c
}

// set shows the pictures that are there.
func (c *stripCell) set(before, after image.Image, failed bool) {
	c.failed = failed
	setShown(c.broken, failed)
	for _, p := range []struct {
		to  *canvas.Image
		img image.Image
	}{{c.before, before}, {c.after, after}} {
		if p.img == (*image.NRGBA)(nil) {
			p.img = nil
		}
		if p.img != nil && p.to.Image != p.img { // the old translation stays until the new one is there
			p.to.Image = p.img
			p.to.Refresh()
		}
	}
}

func (c *stripCell) choose(on bool) {
	if c.chosen != on {
		c.chosen = on
		c.Refresh()
	}
}

// Tapped opens the picture.
func (c *stripCell) Tapped(*fyne.PointEvent) { c.tapped() }

// AccessibilityLabel is the file's name.
func (c *stripCell) AccessibilityLabel() string { return c.name }

// AccessibilityRole implements fyne.Accessible.
func (c *stripCell) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// FocusGained implements fyne.Focusable.
func (c *stripCell) FocusGained() { c.focused = true; c.Refresh() }

// FocusLost implements fyne.Focusable.
func (c *stripCell) FocusLost() { c.focused = false; c.Refresh() }

// TypedRune implements fyne.Focusable.
func (c *stripCell) TypedRune(rune) {}

// TypedKey opens the picture.
func (c *stripCell) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		c.tapped()
	}
}

// MouseIn implements desktop.Hoverable.
func (c *stripCell) MouseIn(*desktop.MouseEvent) { c.hovered = true; c.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (c *stripCell) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (c *stripCell) MouseOut() { c.hovered = false; c.Refresh() }

// Cursor shows that the cell can be tapped.
func (c *stripCell) Cursor() desktop.Cursor { return desktop.PointerCursor }

// CreateRenderer implements fyne.Widget.
func (c *stripCell) CreateRenderer() fyne.WidgetRenderer {
	r := &stripRenderer{c}
	r.restyle()
	return r
}

type stripRenderer struct{ c *stripCell }

func (r *stripRenderer) Destroy() {}

func (r *stripRenderer) Objects() []fyne.CanvasObject {
	c := r.c
	return []fyne.CanvasObject{c.frame, c.backs[0], c.backs[1], c.before, c.after, c.broken}
}

// side is that of one picture, and gap its distance from the frame.
func (r *stripRenderer) side() float32 { return theme.TextSize() * 4 }
func (r *stripRenderer) gap() float32  { return theme.Padding() }

func (r *stripRenderer) MinSize() fyne.Size {
	return fyne.NewSize(r.side()+2*r.gap(), 2*r.side()+3*r.gap())
}

func (r *stripRenderer) Layout(size fyne.Size) {
	c, side, gap := r.c, r.side(), r.gap()
	c.frame.Resize(size)
	for i, img := range []*canvas.Image{c.before, c.after} {
		at := fyne.NewPos(gap, gap+float32(i)*(side+gap))
		for _, o := range []fyne.CanvasObject{img, c.backs[i]} {
			o.Move(at)
			o.Resize(fyne.NewSquareSize(side))
		}
	}
	c.broken.Move(fyne.NewPos(gap+side/4, gap+side/4))
	c.broken.Resize(fyne.NewSquareSize(side / 2))
}

func (r *stripRenderer) restyle() {
	c := r.c
	for _, b := range c.backs {
		b.FillColor, b.CornerRadius = theme.Color(theme.ColorNameInputBackground), theme.Size(theme.SizeNameSelectionRadius)
	}
	c.frame.CornerRadius = theme.Size(theme.SizeNameInputRadius)
	switch {
	case c.focused:
		c.frame.FillColor = theme.Color(theme.ColorNameFocus)
	case c.chosen:
		c.frame.FillColor = theme.Color(theme.ColorNamePrimary)
	case c.hovered:
		c.frame.FillColor = theme.Color(theme.ColorNameHover)
	default:
		c.frame.FillColor = color.Transparent
	}
}

func (r *stripRenderer) Refresh() {
	r.restyle()
	r.c.frame.Refresh()
	for _, b := range r.c.backs {
		b.Refresh()
	}
}

//go:build !headless

package widgets

import (
	"image"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

const (
	thumbLoaders = 2   // goroutines that load at a time
	thumbKept    = 500 // pictures kept in memory
)

// Thumbs is a scrolling grid of small pictures with captions, of any number: only what is visible is loaded, in the
// background, what came into sight last first, and the last 500 pictures are kept.
type Thumbs struct {
	widget.BaseWidget

	// OnTapped, if set, is told which picture was tapped, or chosen with the keyboard.
	OnTapped func(i int)

	// Start runs the loading of a picture: on a goroutine of its own, unless a test sets it.
	Start func(work func())

	load    func(i int) (image.Image, error)
	caption func(i int) string
	size    float32 // the least side of a thumbnail in Fyne units
	cell    float32 // the side with which the columns fill the width
	count   int

	grid    *thumbGrid
	ring    focusRing
	shown   map[*thumb]int // what each cell of the grid shows
	queue   []int          // waiting to be loaded, the newest last
	loading map[int]bool
	kept    *Recent[int, loaded]
	list    int // counts the lists shown, so that a picture of an earlier one is not taken for the present one's
}

// loaded is a picture, or why there is none.
type loaded struct {
	img *image.RGBA
	err error
}

// NewThumbs returns an empty grid of squares with at least the given side in Fyne units, as many in a row as there is room
// for, and as large as fills it. Load reads the i-th picture; it is
// called on other goroutines, two at a time.
func NewThumbs(load func(i int) (image.Image, error), size float32) *Thumbs {
	t := &Thumbs{load: load, size: size, cell: size, Start: func(work func()) { go work() }}
	t.forget()
	t.ring = newFocusRing()
	t.grid = &thumbGrid{focus: t.ring.paint}
	t.grid.Length = func() int { return t.count }
	t.grid.CreateItem = func() fyne.CanvasObject { return newThumb(t.cell) }
	t.grid.UpdateItem = func(i widget.GridWrapItemID, o fyne.CanvasObject) { t.update(i, o.(*thumb)) }
	t.grid.ExtendBaseWidget(t.grid)
	t.grid.OnSelected = func(i widget.GridWrapItemID) {
		t.grid.UnselectAll() // so that it can be tapped again
		if t.OnTapped != nil {
			t.OnTapped(i)
		}
	}
	t.ExtendBaseWidget(t)
	return t
}

// SetCount says that there is another list of pictures, and how many; everything is loaded anew.
func (t *Thumbs) SetCount(n int) {
	t.count = n
	t.list++
	t.forget()
	t.grid.ScrollToOffset(0)
	t.grid.Refresh()
}

// SetCaption sets what stands below a picture.
func (t *Thumbs) SetCaption(caption func(i int) string) {
	t.caption = caption
	t.grid.Refresh()
}

// forget drops everything that was loaded.
func (t *Thumbs) forget() {
	t.shown, t.queue, t.loading = map[*thumb]int{}, nil, map[int]bool{}
	t.kept = NewRecent[int, loaded](thumbKept)
}

// CreateRenderer implements fyne.Widget.
func (t *Thumbs) CreateRenderer() fyne.WidgetRenderer {
	ring := container.NewWithoutLayout(t.ring.objects()...)
	return widget.NewSimpleRenderer(container.NewStack(t.grid, ring))
}

// thumbGrid says when it has the keyboard: pictures cover what Fyne's grid shows of it.
type thumbGrid struct {
	widget.GridWrap
	focus func(bool)
}

// FocusGained implements fyne.Focusable.
func (g *thumbGrid) FocusGained() { g.GridWrap.FocusGained(); g.focus(true) }

// FocusLost implements fyne.Focusable.
func (g *thumbGrid) FocusLost() { g.GridWrap.FocusLost(); g.focus(false) }

// Resize implements fyne.CanvasObject.
func (t *Thumbs) Resize(size fyne.Size) {
	t.BaseWidget.Resize(size)
	t.ring.place(fyne.Position{}, size)
	pad := theme.Padding()
	room := size.Width - theme.ScrollBarSmallSize() + pad
	columns := max(1, math.Floor(float64(room/(t.size+pad))))
	cell := max(t.size, float32(math.Floor(float64(room)/columns))-pad)
	if cell != t.cell {
		t.cell = cell
		t.grid.Refresh()
	}
}

// update gives a cell of the grid its picture if that is there, and orders it otherwise.
func (t *Thumbs) update(i int, cell *thumb) {
	t.shown[cell] = i
	cell.back.SetMinSize(fyne.NewSquareSize(t.cell))
	caption := ""
	if t.caption != nil {
		caption = t.caption(i)
	}
	if l, ok := t.kept.Get(i); ok {
		cell.set(caption, l)
		return
	}
	cell.set(caption, loaded{})
	if !t.loading[i] {
		t.queue = append(t.queue, i)
		t.pump()
	}
}

// visible says whether a cell still shows the i-th picture.
func (t *Thumbs) visible(i int) bool {
	for cell, shown := range t.shown {
		if shown == i && cell.Visible() {
			return true
		}
	}
	return false
}

// pump starts loading while there is something to load and a loader free. What has been scrolled away is dropped.
func (t *Thumbs) pump() {
	for len(t.loading) < thumbLoaders && len(t.queue) > 0 {
		i := t.queue[len(t.queue)-1]
		t.queue = t.queue[:len(t.queue)-1]
		if _, known := t.kept.Get(i); known || t.loading[i] || !t.visible(i) {
			continue
		}
		t.loading[i] = true
		list, side := t.list, int(t.cell*max(1, pixelScale(t))+0.5)
		t.Start(func() {
			l := t.read(i, side)
			fyne.Do(func() {
				if list == t.list {
					t.arrived(i, l)
				}
			})
		})
	}
}

// read loads a picture and reduces it to fit a square of the given side in pixels; on a loader's goroutine.
func (t *Thumbs) read(i, side int) loaded {
	img, err := t.load(i)
	if err != nil || img == nil || img.Bounds().Empty() {
		return loaded{err: err}
	}
	size := img.Bounds().Size()
	k := min(1, float64(side)/float64(max(size.X, size.Y)))
	return loaded{img: resample(img, max(1, int(float64(size.X)*k+0.5)), max(1, int(float64(size.Y)*k+0.5)))}
}

// arrived keeps what was loaded, and shows it where it is still wanted.
func (t *Thumbs) arrived(i int, l loaded) {
	delete(t.loading, i)
	t.kept.Put(i, l)
	for cell, shown := range t.shown {
		if shown == i {
			t.update(i, cell)
		}
	}
	t.pump()
}

// thumb is a cell of the grid: a picture, or a placeholder, over a caption.
type thumb struct {
	widget.BaseWidget
	back    *canvas.Rectangle
	picture *canvas.Image
	failed  *widget.Icon
	caption *widget.Label
	content *fyne.Container
}

func newThumb(size float32) *thumb {
	c := &thumb{
		back: canvas.NewRectangle(nil), picture: &canvas.Image{FillMode: canvas.ImageFillContain},
		failed: widget.NewIcon(theme.NewErrorThemedResource(theme.BrokenImageIcon())), caption: widget.NewLabel(""),
	}
	c.picture.ScaleMode = canvas.ImageScaleFastest
	c.back.SetMinSize(fyne.NewSquareSize(size))
	c.caption.Alignment, c.caption.Truncation = fyne.TextAlignCenter, fyne.TextTruncateEllipsis
	c.caption.SizeName = theme.SizeNameCaptionText
	c.content = container.New(layout.NewCustomPaddedVBoxLayout(0),
		container.NewStack(c.back, c.picture, container.NewCenter(c.failed)), c.caption)
	c.ExtendBaseWidget(c)
	c.set("", loaded{})
	return c
}

// CreateRenderer implements fyne.Widget.
func (c *thumb) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(c.content) }

// set shows a picture, the error instead of one, or, if there is neither, a placeholder.
func (c *thumb) set(caption string, l loaded) {
	c.back.FillColor = theme.Color(theme.ColorNameInputBackground)
	c.back.CornerRadius = theme.Size(theme.SizeNameSelectionRadius)
	importance := widget.MediumImportance
	if l.err != nil {
		caption, importance = l.err.Error(), widget.DangerImportance
	}
	show(l.err != nil, c.failed)
	show(l.img != nil, c.picture)
	if l.img != nil { // it keeps its place: the cell's size is that of the placeholder
		c.back.FillColor = color.Transparent
	}
	if l.img != nil && c.picture.Image != l.img {
		c.picture.Image = l.img
		c.picture.Refresh()
	}
	show(caption != "", c.caption)
	if c.caption.Text != caption || c.caption.Importance != importance {
		c.caption.Importance = importance
		c.caption.SetText(caption)
	}
	c.back.Refresh()
}

// Refresh takes the colours of the current theme.
func (c *thumb) Refresh() {
	if c.picture.Hidden {
		c.back.FillColor = theme.Color(theme.ColorNameInputBackground)
	}
	c.BaseWidget.Refresh()
}

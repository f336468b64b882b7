//go:build !headless

package widgets

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	tip "github.com/dweymouth/fyne-tooltip/widget"
)

// Cloud is one panel of Clouds: particles on their way through the plane. Points are coordinates laid one after another,
// x before y, in the square [−2.4, 2.4]².
type Cloud struct {
	Title       string
	Note        string // a line below the title; left out where it does not fit
	Explanation string // shown where the pointer rests
	// Path is where the particles are at equal times from 0 to 1; fewer than two states are nothing to show yet.
	Path [][]float32
	// Tracks, if any, are states like those of Path, through which the ways of the first particles are drawn faintly.
	Tracks [][]float32
	// Ghost are points drawn faintly below: where the particles ought to arrive.
	Ghost []float32
}

// Most of what is drawn in a panel: more would be a carpet.
const (
	cloudDots   = 1000
	cloudTracks = 160
)

// Clouds shows particles flowing in several panels at once, coloured by where they start. All panels are painted into one
// picture in the background, so that a frame costs the window's goroutine one small texture. A tap shows a panel alone,
// and another one all of them; the arrow keys and Enter do the same.
type Clouds struct {
	tip.ToolTipWidget

	// OnAlone, if set, is told when a panel is shown alone, and when all of them are again.
	OnAlone func(alone bool)
	// OnTypedKey, if set, is given the keys that mean nothing here.
	OnTypedKey func(*fyne.KeyEvent)

	clouds  []Cloud
	time    float64
	alone   bool // only the chosen one is shown
	chosen  int
	focused bool
	under   int // the panel under the pointer; −1 for none

	changes int // counts what makes the ground another
	work    background
	render  *cloudsRenderer
}

var (
	_ fyne.Tappable      = (*Clouds)(nil)
	_ fyne.Focusable     = (*Clouds)(nil)
	_ desktop.Hoverable  = (*Clouds)(nil)
	_ desktop.Cursorable = (*Clouds)(nil)
)

// NewClouds returns panels without clouds.
func NewClouds() *Clouds {
	c := &Clouds{under: -1}
	c.work.prepare = c.prepare
	c.ExtendBaseWidget(c)
	return c
}

// SetClouds changes the panels.
func (c *Clouds) SetClouds(clouds []Cloud) {
	c.clouds = clouds
	c.chosen = max(0, min(c.chosen, len(clouds)-1))
	c.Refresh()
}

// SetTime moves the particles to a time in [0, 1].
func (c *Clouds) SetTime(t float64) {
	if c.time != t {
		c.time = t
		c.work.request()
	}
}

// SetInline paints at once on the calling goroutine, for pictures that are not shown in a window.
func (c *Clouds) SetInline() { c.work.inline = true }

// shown are the indices of the panels that are on the screen.
func (c *Clouds) shown() []int {
	if c.alone && c.chosen < len(c.clouds) {
		return []int{c.chosen}
	}
	all := make([]int, len(c.clouds))
	for i := range all {
		all[i] = i
	}
	return all
}

// at returns the panel at a position, or −1.
func (c *Clouds) at(p fyne.Position) int {
	if c.render != nil {
		for k, b := range c.render.boxes {
			if p.X >= b.pos.X && p.X < b.pos.X+b.size.Width && p.Y >= b.pos.Y && p.Y < b.pos.Y+b.size.Height {
				return c.shown()[k]
			}
		}
	}
	return -1
}

// choose moves the choice, and shows that panel alone or all.
func (c *Clouds) choose(i int, alone bool) {
	turned := c.alone != alone
	c.chosen, c.alone = i, alone
	c.Refresh()
	if turned && c.OnAlone != nil {
		c.OnAlone(alone)
	}
}

// Tapped implements fyne.Tappable.
func (c *Clouds) Tapped(e *fyne.PointEvent) {
	c.MouseOut() // the explanation would cover what is shown
	focus(c)
	if i := c.at(e.Position); i >= 0 {
		c.choose(i, !c.alone && len(c.clouds) > 1)
	}
}

// TypedKey implements fyne.Focusable.
func (c *Clouds) TypedKey(k *fyne.KeyEvent) {
	n := len(c.clouds)
	switch {
	case n > 0 && k.Name == fyne.KeyLeft:
		c.choose((c.chosen+n-1)%n, c.alone)
	case n > 0 && k.Name == fyne.KeyRight:
		c.choose((c.chosen+1)%n, c.alone)
	case n > 1 && (k.Name == fyne.KeyReturn || k.Name == fyne.KeyEnter):
		c.choose(c.chosen, !c.alone)
	case c.alone && k.Name == fyne.KeyEscape:
		c.choose(c.chosen, false)
	case c.OnTypedKey != nil:
		c.OnTypedKey(k)
	}
}

// TypedRune implements fyne.Focusable.
func (c *Clouds) TypedRune(rune) {}

// FocusGained implements fyne.Focusable.
func (c *Clouds) FocusGained() { c.setFocused(true) }

// FocusLost implements fyne.Focusable.
func (c *Clouds) FocusLost() { c.setFocused(false) }

func (c *Clouds) setFocused(on bool) {
	c.focused = on
	if c.render != nil {
		c.render.placeRing()
	}
}

// Cursor shows that a panel can be tapped.
func (c *Clouds) Cursor() desktop.Cursor {
	if c.under >= 0 && len(c.clouds) > 1 {
		return desktop.PointerCursor
	}
	return desktop.DefaultCursor
}

// MouseIn implements desktop.Hoverable.
func (c *Clouds) MouseIn(e *desktop.MouseEvent) { c.MouseMoved(e) }

// MouseMoved explains the panel under the pointer.
func (c *Clouds) MouseMoved(e *desktop.MouseEvent) {
	i := c.at(e.Position)
	if i == c.under {
		c.ToolTipWidget.MouseMoved(e)
		return
	}
	c.ToolTipWidget.MouseOut()
	c.under = i
	if i >= 0 {
		c.SetToolTip(c.clouds[i].Explanation)
		c.ToolTipWidget.MouseIn(e)
	}
}

// MouseOut implements desktop.Hoverable.
func (c *Clouds) MouseOut() {
	c.under = -1
	c.ToolTipWidget.MouseOut()
}

// MinSize returns a size at which two rows of panels can still be told apart.
func (c *Clouds) MinSize() fyne.Size {
	c.ExtendBaseWidget(c)
	text := theme.Size(theme.SizeNameCaptionText)
	return fyne.NewSize(text*20, text*13)
}

// CreateRenderer implements fyne.Widget.
func (c *Clouds) CreateRenderer() fyne.WidgetRenderer {
	r := &cloudsRenderer{c: c, picture: &canvas.Image{ScaleMode: canvas.ImageScaleFastest, FillMode: canvas.ImageFillStretch}, ring: newFocusRing()}
	c.render = r
	return r
}

// cloudBox is where a panel lies: its texts above a square.
type cloudBox struct {
	pos  fyne.Position // of the cell
	size fyne.Size
	plot fyne.Position // of the square
	side float32
}

// cloudsRenderer lays out Clouds: one picture with all squares, and the texts above them.
type cloudsRenderer struct {
	c       *Clouds
	picture *canvas.Image
	ring    focusRing
	texts   []fyne.CanvasObject
	boxes   []cloudBox
	scene   *cloudScene // as last painted
	laid    laid
}

func (r *cloudsRenderer) MinSize() fyne.Size { return r.c.MinSize() }
func (r *cloudsRenderer) Destroy()           {}

func (r *cloudsRenderer) Objects() []fyne.CanvasObject {
	return append(append([]fyne.CanvasObject{r.picture}, r.texts...), r.ring.objects()...)
}

func (r *cloudsRenderer) Refresh() {
	r.c.changes++ // the colours may be others
	r.layout(r.c.Size())
	canvas.Refresh(r.c)
}

// arrange divides an area among n panels so that their squares are as large as possible.
func arrange(n int, size fyne.Size, head, gap float32) []cloudBox {
	columns, side := 1, float32(0)
	for k := 1; k <= n; k++ {
		rows := (n + k - 1) / k
		s := min((size.Width-gap*float32(k-1))/float32(k), (size.Height-gap*float32(rows-1))/float32(rows)-head)
		if s > side {
			columns, side = k, s
		}
	}
	rows := (n + columns - 1) / columns
	// What is left of the width is shared, so that the texts have room, but the panels of one row stay together.
	cell := min((size.Width-gap*float32(columns-1))/float32(columns), side*1.6)
	left := (size.Width - cell*float32(columns) - gap*float32(columns-1)) / 2
	top := max(0, size.Height-(side+head)*float32(rows)-gap*float32(rows-1)) / 2
	boxes := make([]cloudBox, n)
	for i := range boxes {
		pos := fyne.NewPos(left+float32(i%columns)*(cell+gap), top+float32(i/columns)*(side+head+gap))
		boxes[i] = cloudBox{pos, fyne.NewSize(cell, side+head), pos.AddXY((cell-side)/2, head), side}
	}
	return boxes
}

// Layout implements fyne.WidgetRenderer.
func (r *cloudsRenderer) Layout(size fyne.Size) {
	if r.laid.again(r.c, size) {
		r.layout(size)
	}
}

// layout places texts and squares and asks for the picture.
func (r *cloudsRenderer) layout(size fyne.Size) {
	r.texts = nil
	shown := r.c.shown()
	pad, line := theme.Size(theme.SizeNamePadding), textSize("0", theme.SizeNameCaptionText, fyne.TextStyle{}).Height
	r.boxes = arrange(len(shown), size, 2*line+pad/2, 2*pad)
	for k, i := range shown {
		c, b := r.c.clouds[i], r.boxes[k]
		r.text(shorten(c.Title, b.size.Width+1.5*pad, theme.SizeNameCaptionText, fyne.TextStyle{Bold: true}), b, 0, true)
		if note := textSize(c.Note, theme.SizeNameCaptionText, fyne.TextStyle{}); note.Width <= b.size.Width+2*pad {
			r.text(c.Note, b, line, false)
		}
	}
	r.placeRing()
	r.picture.Resize(size)
	r.c.work.request()
}

// text adds a line centred in the width of a panel.
func (r *cloudsRenderer) text(s string, b cloudBox, y float32, title bool) {
	name := theme.ColorNamePlaceHolder
	if title {
		name = theme.ColorNameForeground
	}
	t := newText(s, name, theme.SizeNameCaptionText)
	t.TextStyle.Bold = title
	size := t.MinSize()
	t.Resize(size)
	t.Move(b.pos.AddXY((b.size.Width-size.Width)/2, y))
	r.texts = append(r.texts, t)
}

// placeRing shows which panel the keys mean.
func (r *cloudsRenderer) placeRing() {
	on := false
	for k, i := range r.c.shown() {
		if i == r.c.chosen && k < len(r.boxes) {
			on = r.c.focused
			r.ring.place(r.boxes[k].plot, fyne.NewSquareSize(r.boxes[k].side))
		}
	}
	r.ring.paint(on)
}

// prepare takes along what the picture shows; it is painted away from the window's goroutine.
func (c *Clouds) prepare() func() func() {
	r := c.render
	if r == nil {
		return nil
	}
	scale := float64(pixelScale(c))
	size := c.Size()
	width, height := int(math.Round(float64(size.Width)*scale)), int(math.Round(float64(size.Height)*scale))
	if width < 1 || height < 1 {
		return nil
	}
	scene := r.scene
	if scene == nil || scene.changes != c.changes || scene.scale != scale || scene.ground.Rect.Dx() != width || scene.ground.Rect.Dy() != height {
		scene = newCloudScene(c, width, height, scale)
	}
	time := c.time
	return func() func() {
		scene.paintGround()
		frame := scene.frame(time)
		return func() {
			r.scene = scene
			r.picture.Image = frame
			canvas.Refresh(r.picture)
		}
	}
}

//go:build !headless

package desktop

import (
	"math"
	"path/filepath"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// rowFlow lays controls side by side and goes on below where the width ends, all of a line as high as its highest.
// Its height follows from the width, so that it needs to know that: tallPage gives it.
type rowFlow struct{ width float32 }

// newRow puts controls into a row that wraps.
func newRow(objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&rowFlow{}, objects...)
}

// MinSize is the widest control by the height for the last width, of one line before there was a width.
func (l *rowFlow) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var widest float32
	for _, o := range objects {
		if o.Visible() {
			widest = max(widest, o.MinSize().Width)
		}
	}
	width := l.width
	if width == 0 {
		width = math.MaxFloat32
	}
	return fyne.NewSize(widest, l.arrange(objects, width, false))
}

// Layout implements fyne.Layout.
func (l *rowFlow) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	l.arrange(objects, size.Width, true)
}

// arrange returns the height for a width and, where place is set, moves the controls to their places.
func (l *rowFlow) arrange(objects []fyne.CanvasObject, width float32, place bool) float32 {
	gap := theme.Padding()
	var x, y, height float32
	var line []fyne.CanvasObject
	end := func() {
		if place {
			var at float32
			for _, o := range line {
				least := o.MinSize()
				o.Resize(fyne.NewSize(least.Width, height))
				o.Move(fyne.NewPos(at, y))
				at += least.Width + 2*gap
			}
		}
		y += height + gap
		x, height, line = 0, 0, nil
	}
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		least := o.MinSize()
		if len(line) > 0 && x+least.Width > width {
			end()
		}
		x, height, line = x+least.Width+2*gap, max(height, least.Height), append(line, o)
	}
	if len(line) > 0 {
		end()
	}
	return max(0, y-gap)
}

// besideOrBelow puts a row of controls right of another object, which takes the rest of the width, or below it where
// that would leave the object less than it needs.
type besideOrBelow struct{ width float32 }

// inLine is the width of a row in one line.
func inLine(row fyne.CanvasObject) float32 {
	var width float32
	for _, o := range row.(*fyne.Container).Objects {
		width += o.MinSize().Width + 2*theme.Padding()
	}
	return width
}

// MinSize is of the narrowest way, at the height for the last width.
func (l *besideOrBelow) MinSize(objects []fyne.CanvasObject) fyne.Size {
	first, row := objects[0].MinSize(), objects[1].MinSize()
	size := fyne.NewSize(max(first.Width, row.Width), max(first.Height, row.Height))
	if l.width > 0 && first.Width+inLine(objects[1]) > l.width {
		size.Height = first.Height + theme.Padding() + heightAt(objects[1], l.width)
	}
	return size
}

// Layout implements fyne.Layout.
func (l *besideOrBelow) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	first, row := objects[0], objects[1]
	height, beside := first.MinSize().Height, inLine(row)
	first.Move(fyne.Position{})
	if first.MinSize().Width+beside > size.Width {
		first.Resize(fyne.NewSize(size.Width, height))
		row.Move(fyne.NewPos(0, height+theme.Padding()))
		row.Resize(fyne.NewSize(size.Width, heightAt(row, size.Width)))
		return
	}
	first.Resize(fyne.NewSize(size.Width-beside, height))
	row.Resize(fyne.NewSize(beside-2*theme.Padding(), 0)) // its height follows from its width
	row.Move(fyne.NewPos(size.Width-beside+2*theme.Padding(), max(0, (height-row.MinSize().Height)/2)))
	row.Resize(fyne.NewSize(beside-2*theme.Padding(), row.MinSize().Height))
}

// lineBeside puts a line of text beside a row of controls, at their left or after them, or below where not all of the text
// can be read there, or where that is so of one of its like.
type lineBeside struct {
	after bool
	like  []*fyne.Container // of the same width, with a lineBeside each
	path  string            // the line is this, and loses its first folders where it has no room even below
	width float32
}

// text is the whole line.
func (l *lineBeside) text(objects []fyne.CanvasObject) string {
	if l.path != "" {
		return l.path
	}
	return objects[0].(*widget.Label).Text
}

// show puts as much of a path into the label as has room.
func (l *lineBeside) show(label *widget.Label, width float32) {
	if l.path == "" {
		return
	}
	text := l.path
	for rest := l.path; fyne.MeasureText(text, theme.TextSize(), label.TextStyle).Width+2*theme.InnerPadding() > width; {
		at := strings.IndexRune(rest[1:], filepath.Separator)
		if at < 0 {
			break
		}
		rest = rest[1+at:]
		text = "…" + rest
	}
	setText(label, text)
}

// fits is whether the whole text has room beside the controls.
func (l *lineBeside) fits(objects []fyne.CanvasObject, width float32) bool {
	room := func(l *lineBeside, objects []fyne.CanvasObject) bool {
		label := objects[0].(*widget.Label)
		return fyne.MeasureText(l.text(objects), theme.TextSize(), label.TextStyle).Width+2*theme.InnerPadding()+inLine(objects[1]) <= width
	}
	return room(l, objects) && !slices.ContainsFunc(l.like, func(c *fyne.Container) bool { return !room(c.Layout.(*lineBeside), c.Objects) })
}

// MinSize implements fyne.Layout.
func (l *lineBeside) MinSize(objects []fyne.CanvasObject) fyne.Size {
	line, row := objects[0].MinSize(), objects[1].MinSize()
	size := fyne.NewSize(max(line.Width, row.Width), max(line.Height, row.Height))
	if l.width > 0 && !l.fits(objects, l.width) {
		size.Height = line.Height + heightAt(objects[1], l.width)
	}
	return size
}

// Layout implements fyne.Layout.
func (l *lineBeside) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	label, row := objects[0].(*widget.Label), objects[1]
	wide, tall := inLine(row)-2*theme.Padding(), label.MinSize().Height
	if !l.fits(objects, size.Width) {
		below := heightAt(row, size.Width)
		l.show(label, size.Width)
		label.Move(fyne.NewPos(0, below))
		label.Resize(fyne.NewSize(size.Width, tall))
		row.Resize(fyne.NewSize(size.Width, below))
		row.Move(fyne.NewPos(l.start(size.Width, wide), 0))
		return
	}
	l.show(label, size.Width-wide-2*theme.Padding())
	height := max(tall, heightAt(row, wide))
	row.Resize(fyne.NewSize(wide, height))
	row.Move(fyne.NewPos(l.start(size.Width, wide), (height-row.MinSize().Height)/2))
	label.Resize(fyne.NewSize(size.Width-wide-2*theme.Padding(), tall))
	at := fyne.NewPos(0, (height-tall)/2)
	if l.after {
		at.X = wide + 2*theme.Padding()
	}
	label.Move(at)
}

// start is where the controls begin.
func (l *lineBeside) start(width, wide float32) float32 {
	if l.after {
		return 0
	}
	return max(0, width-wide)
}

// tallPage stacks objects over the whole width; the one given has the height that the others leave. Rows that wrap and
// labels that do get the height that they need at the width.
type tallPage struct {
	fill fyne.CanvasObject
}

// newPage stacks objects; fill is one of them, or nil.
func newPage(fill fyne.CanvasObject, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&tallPage{fill: fill}, objects...)
}

// scrolled lets a page scroll where it is higher than its room, and keeps it clear of the scroll bar then.
func scrolled(page fyne.CanvasObject) *container.Scroll {
	beside := &besideBar{}
	beside.scroll = container.NewVScroll(container.New(beside, page))
	return beside.scroll
}

// besideBar leaves room for the scroll bar at the right of a page, while there is one.
type besideBar struct{ scroll *container.Scroll }

// MinSize implements fyne.Layout.
func (l *besideBar) MinSize(objects []fyne.CanvasObject) fyne.Size { return objects[0].MinSize() }

// Layout implements fyne.Layout.
func (l *besideBar) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	if room := l.scroll.Size().Height; room > 0 && size.Height > room+.5 {
		size.Width -= theme.Size(theme.SizeNameScrollBarSmall) + theme.Padding()
	}
	objects[0].Resize(size)
}

// heightAt is the height that an object needs at a width.
func heightAt(o fyne.CanvasObject, width float32) float32 {
	least := o.MinSize()
	o.Resize(fyne.NewSize(max(width, least.Width), least.Height))
	return o.MinSize().Height
}

// MinSize is the widest object by the heights for the last width.
func (l *tallPage) MinSize(objects []fyne.CanvasObject) fyne.Size {
	size := fyne.NewSize(0, -theme.Padding())
	for _, o := range objects {
		if o.Visible() {
			least := o.MinSize()
			size = fyne.NewSize(max(size.Width, least.Width), size.Height+theme.Padding()+least.Height)
		}
	}
	return size
}

// Layout implements fyne.Layout.
func (l *tallPage) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	rest := size.Height + theme.Padding()
	heights := make([]float32, len(objects))
	for i, o := range objects {
		if !o.Visible() {
			continue
		}
		if o != l.fill {
			heights[i] = heightAt(o, size.Width)
			rest -= heights[i]
		}
		rest -= theme.Padding()
	}
	var y float32
	for i, o := range objects {
		if !o.Visible() {
			continue
		}
		if o == l.fill {
			heights[i] = max(rest, o.MinSize().Height)
		}
		o.Move(fyne.NewPos(0, y))
		o.Resize(fyne.NewSize(size.Width, heights[i]))
		y += heights[i] + theme.Padding()
	}
}

// atLeast makes its object at least so many letters wide, whatever the theme's scale.
type atLeast float32

func sized(letters float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(atLeast(letters), o)
}

// MinSize implements fyne.Layout.
func (l atLeast) MinSize(objects []fyne.CanvasObject) fyne.Size {
	least := objects[0].MinSize()
	return fyne.NewSize(max(least.Width, float32(l)*theme.TextSize()*.6), least.Height)
}

// allOptions makes a selection as wide as its longest option, of which it would cut off the end.
type allOptions struct{ of *explainedSelect }

func whole(s *explainedSelect) *fyne.Container { return container.New(allOptions{s}, s) }

// MinSize implements fyne.Layout.
func (l allOptions) MinSize([]fyne.CanvasObject) fyne.Size {
	var widest float32
	for _, option := range l.of.Options {
		widest = max(widest, fyne.MeasureText(option, theme.TextSize(), fyne.TextStyle{}).Width)
	}
	return fyne.NewSize(widest+theme.IconInlineSize()+4*theme.InnerPadding(), l.of.MinSize().Height)
}

// Layout implements fyne.Layout.
func (l allOptions) Layout(_ []fyne.CanvasObject, size fyne.Size) { l.of.Resize(size) }

// Layout implements fyne.Layout.
func (atLeast) Layout(objects []fyne.CanvasObject, size fyne.Size) { objects[0].Resize(size) }

// mosaic lays cells out as large as lets all of them be seen, but never smaller than they want to be.
type mosaic struct{ width float32 }

// columns is the number of cells side by side, and their size.
func (l *mosaic) columns(objects []fyne.CanvasObject, size fyne.Size) (n int, cell fyne.Size) {
	least := objects[0].MinSize()
	extra := least.Height - least.Width // of a caption
	n = max(1, int(size.Width/least.Width))
	side := least.Width
	for k := range n {
		rows := (len(objects) + k) / (k + 1)
		if s := min(size.Width/float32(k+1), size.Height/float32(rows)-extra); s > side {
			n, side = k+1, s
		}
	}
	return n, fyne.NewSize(side, side+extra)
}

// MinSize is the height of the least cells at the last width.
func (l *mosaic) MinSize(objects []fyne.CanvasObject) fyne.Size {
	if len(objects) == 0 {
		return fyne.Size{}
	}
	least := objects[0].MinSize()
	n := max(1, int(l.width/least.Width))
	return fyne.NewSize(least.Width, least.Height*float32((len(objects)+n-1)/n))
}

// Layout implements fyne.Layout.
func (l *mosaic) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	if len(objects) == 0 {
		return
	}
	n, cell := l.columns(objects, size)
	for i, o := range objects {
		o.Resize(cell)
		o.Move(fyne.NewPos(float32(i%n)*cell.Width, float32(i/n)*cell.Height))
	}
}

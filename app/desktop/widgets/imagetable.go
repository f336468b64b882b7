//go:build !headless

package widgets

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	"golang.org/x/image/draw"
)

// ImageTable shows pictures in rows and columns with headings: the held-out preview. All cells have the size, in
// picture pixels, of the largest picture; the table is as large as the widget allows, and enlarged pixels are squares.
// A column is one texture, composed in the background, so that new pictures twice a second do not disturb the window.
type ImageTable struct {
	widget.BaseWidget

	// OnTapped, if set, is told which cell was tapped.
	OnTapped func(row, col int)

	columns []string
	rows    [][]image.Image
	cell    image.Point // the cell's size in picture pixels
	work    background
	render  *tableRenderer
}

var _ fyne.Tappable = (*ImageTable)(nil)

// NewImageTable returns a table without pictures.
func NewImageTable() *ImageTable {
	t := &ImageTable{}
	t.work.prepare = t.prepare
	t.ExtendBaseWidget(t)
	return t
}

// SetTable changes the headings and the pictures. A row may be shorter than the headings, and a nil leaves its cell
// empty.
func (t *ImageTable) SetTable(columns []string, rows [][]image.Image) {
	t.columns, t.rows, t.cell = columns, rows, image.Point{}
	for _, row := range rows {
		for _, img := range row {
			if img != nil {
				t.cell.X, t.cell.Y = max(t.cell.X, img.Bounds().Dx()), max(t.cell.Y, img.Bounds().Dy())
			}
		}
	}
	if t.render != nil {
		t.render.layout(t.Size())
		canvas.Refresh(t)
	}
}

// tableGeometry is where the cells are, in Fyne units.
type tableGeometry struct {
	origin         fyne.Position // of the first cell
	cell           fyne.Size
	colGap, rowGap float32
	gapPixels      int // rowGap in picture pixels
	rows, cols     int
}

// geometry returns the largest cells that the widget has room for. The gap between rows is a whole number of picture
// pixels, so that a column can be composed at the pictures' own size.
func (t *ImageTable) geometry(size fyne.Size) tableGeometry {
	g := tableGeometry{rows: len(t.rows), cols: len(t.columns), colGap: theme.Size(theme.SizeNamePadding)}
	if g.rows == 0 || g.cols == 0 || t.cell.X == 0 || t.cell.Y == 0 {
		return tableGeometry{}
	}
	const gapsPerCell = 32
	g.gapPixels = max(1, t.cell.Y/gapsPerCell)
	head := textSize("0", theme.SizeNameCaptionText, fyne.TextStyle{Bold: true}).Height + g.colGap
	width := (size.Width - g.colGap*float32(g.cols-1)) / float32(g.cols)
	pixels := g.rows*(t.cell.Y+g.gapPixels) - g.gapPixels
	k := max(0, min(width/float32(t.cell.X), (size.Height-head)/float32(pixels)))
	g.cell = fyne.NewSize(k*float32(t.cell.X), k*float32(t.cell.Y))
	g.rowGap = k * float32(g.gapPixels)
	var widest float32 // of the headings, which stand apart where there is room for that
	for _, heading := range t.columns {
		widest = max(widest, textSize(heading, theme.SizeNameCaptionText, fyne.TextStyle{Bold: true}).Width)
	}
	room := (size.Width - g.cell.Width*float32(g.cols)) / float32(max(1, g.cols-1))
	g.colGap = max(g.colGap, min(widest+g.colGap-g.cell.Width, room))
	used := (g.cell.Width+g.colGap)*float32(g.cols) - g.colGap
	g.origin = fyne.NewPos(max(0, (size.Width-used)/2), head)
	return g
}

// Tapped finds the cell.
func (t *ImageTable) Tapped(e *fyne.PointEvent) {
	g := t.geometry(t.Size())
	p := e.Position.Subtract(g.origin)
	if t.OnTapped == nil || p.X < 0 || p.Y < 0 || g.cell.Width <= 0 {
		return
	}
	col, row := int(p.X/(g.cell.Width+g.colGap)), int(p.Y/(g.cell.Height+g.rowGap))
	if row < g.rows && col < len(t.rows[row]) && col < g.cols && t.rows[row][col] != nil {
		t.OnTapped(row, col)
	}
}

// MinSize returns a size at which cells can still be told apart.
func (t *ImageTable) MinSize() fyne.Size {
	t.ExtendBaseWidget(t)
	side := theme.Size(theme.SizeNameInlineIcon)
	return fyne.NewSize(side*2*float32(max(1, len(t.columns))), side*(1+float32(max(1, len(t.rows)))))
}

// composed is a column's picture and how it is to be enlarged.
type composed struct {
	img  *image.RGBA
	mode canvas.ImageScale
}

// prepare composes the columns, away from the window's goroutine: at the pictures' own size where they are enlarged,
// which the graphics card does, and at the screen's where they are reduced.
func (t *ImageTable) prepare() func() func() {
	r := t.render
	if r == nil {
		return nil
	}
	g, rows, cell, scale := r.g, t.rows, t.cell, pixelScale(t)
	return func() func() {
		columns := make([]composed, g.cols)
		for col := range columns {
			columns[col] = composeColumn(rows, col, cell, g, scale)
		}
		return func() { r.apply(columns) }
	}
}

// composeColumn stacks the pictures of a column, each as large as its cell allows, with the gaps between them.
func composeColumn(rows [][]image.Image, col int, cell image.Point, g tableGeometry, scale float32) composed {
	zoom := float64(scale * g.cell.Width / float32(cell.X)) // device pixels per picture pixel
	if zoom <= 0 {
		return composed{}
	}
	out, k := composed{mode: canvas.ImageScalePixels}, 1.0
	if zoom < 1 {
		out.mode, k = canvas.ImageScaleFastest, zoom
	}
	at := func(pixels int) int { return int(float64(pixels)*k + 0.5) }
	out.img = image.NewRGBA(image.Rect(0, 0, max(1, at(cell.X)), max(1, at(g.rows*(cell.Y+g.gapPixels)-g.gapPixels))))
	for i, row := range rows {
		if col >= len(row) || row[col] == nil || row[col].Bounds().Empty() {
			continue
		}
		size := row[col].Bounds().Size()
		fit := min(float64(cell.X)/float64(size.X), float64(cell.Y)/float64(size.Y))
		width, height := int(float64(size.X)*fit+0.5), int(float64(size.Y)*fit+0.5)
		x, y := (cell.X-width)/2, i*(cell.Y+g.gapPixels)+(cell.Y-height)/2
		scaler := draw.Interpolator(draw.NearestNeighbor)
		if fit*k < 1 {
			scaler = draw.ApproxBiLinear
		}
		scaler.Scale(out.img, image.Rect(at(x), at(y), at(x+width), at(y+height)), row[col], row[col].Bounds(), draw.Over, nil)
	}
	return out
}

// tableRenderer draws an ImageTable: a text and a picture for each column.
type tableRenderer struct {
	t        *ImageTable
	g        tableGeometry
	headings []fyne.CanvasObject
	pictures []*canvas.Image
	laid     laid
}

// CreateRenderer implements fyne.Widget.
func (t *ImageTable) CreateRenderer() fyne.WidgetRenderer {
	t.render = &tableRenderer{t: t}
	return t.render
}

func (r *tableRenderer) Destroy()           {}
func (r *tableRenderer) MinSize() fyne.Size { return r.t.MinSize() }
func (r *tableRenderer) Refresh() {
	r.layout(r.t.Size())
	canvas.Refresh(r.t)
}

func (r *tableRenderer) Objects() []fyne.CanvasObject {
	objects := append([]fyne.CanvasObject{}, r.headings...)
	for _, p := range r.pictures {
		objects = append(objects, p)
	}
	return objects
}

// Layout implements fyne.WidgetRenderer.
func (r *tableRenderer) Layout(size fyne.Size) {
	if r.laid.again(r.t, size) {
		r.layout(size)
	}
}

// layout places headings and columns, and asks for the columns' pictures.
func (r *tableRenderer) layout(size fyne.Size) {
	r.g = r.t.geometry(size)
	r.headings = nil
	for len(r.pictures) < r.g.cols {
		r.pictures = append(r.pictures, &canvas.Image{ScaleMode: canvas.ImageScaleFastest})
	}
	r.pictures = r.pictures[:r.g.cols]
	for col, p := range r.pictures {
		x := r.g.origin.X + float32(col)*(r.g.cell.Width+r.g.colGap)
		style := fyne.TextStyle{Bold: true}
		text := shorten(r.t.columns[col], r.g.cell.Width+r.g.colGap, theme.SizeNameCaptionText, style)
		heading := newText(text, theme.ColorNameForeground, theme.SizeNameCaptionText)
		heading.TextStyle = style
		extent := heading.MinSize()
		heading.Resize(extent)
		heading.Move(fyne.NewPos(x+(r.g.cell.Width-extent.Width)/2, 0))
		r.headings = append(r.headings, heading)
		p.Move(fyne.NewPos(x, r.g.origin.Y))
		p.Resize(fyne.NewSize(r.g.cell.Width, (r.g.cell.Height+r.g.rowGap)*float32(r.g.rows)-r.g.rowGap))
	}
	r.t.work.request()
}

// apply shows the composed columns. Those that were composed for another number of columns are about to be replaced.
func (r *tableRenderer) apply(columns []composed) {
	if len(columns) != len(r.pictures) {
		return
	}
	for col, c := range columns {
		p := r.pictures[col]
		p.Image, p.ScaleMode = nil, c.mode
		if c.img != nil {
			p.Image = c.img
		}
		canvas.Refresh(p)
	}
}

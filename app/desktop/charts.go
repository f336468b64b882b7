//go:build !headless

package desktop

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
)

// chartPage is a page of a chartBook: bars, or lines where there are series.
type chartPage struct {
	name, explanation string // of its button
	says              string // what the page means
	groups            []widgets.BarGroup
	series            []widgets.Series
	x, y              string // names of the axes of lines
	log, whole        bool   // whether the lines' y axis is logarithmic, and x has whole numbers
}

// chartBook shows pages of charts, one at a time.
type chartBook struct {
	page    int
	pages   []chartPage
	buttons []*tip.Button
	bars    *widgets.Bars
	plot    *widgets.Plot
	says    *widget.Label
	root    *fyne.Container
}

func (b *chartBook) build(pages []chartPage) fyne.CanvasObject {
	b.bars, b.plot = widgets.NewBars(), widgets.NewPlot()
	b.says = quiet("")
	b.says.SizeName = theme.SizeNameCaptionText
	row := newRow()
	b.buttons = nil
	for i, page := range pages {
		button := button(page.name, nil, page.explanation, func() { b.open(i) })
		b.buttons = append(b.buttons, button)
		row.Add(button)
	}
	stack := container.NewStack(b.bars, b.plot)
	b.root = newPage(stack, row, b.says, stack)
	b.pages = pages
	b.open(b.page)
	return b.root
}

// open brings a page to the front.
func (b *chartBook) open(page int) {
	b.page = page
	for i, button := range b.buttons {
		light(&button.Button, i == page, widget.LowImportance)
	}
	b.draw()
	b.root.Refresh()
}

// show takes other measurements.
func (b *chartBook) show(pages []chartPage) {
	b.pages = pages
	b.draw()
}

// draw fills the page that is in front.
func (b *chartBook) draw() {
	page := b.pages[b.page]
	b.plot.SetAxisNames(page.x, page.y)
	b.plot.SetLogY(page.log)
	b.plot.SetWholeX(page.whole)
	b.plot.SetSeries(page.series)
	b.bars.SetGroups(page.groups)
	setShown(b.plot, page.series != nil)
	setShown(b.bars, page.series == nil)
	setText(b.says, page.says)
}

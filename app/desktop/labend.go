//go:build !headless

package desktop

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/plane"
)

// labEnd is the panel of the source or the target: a choice of shapes above a square in which one can draw.
type labEnd struct {
	s      *labScreen
	side   plane.Side
	pick   *explainedSelect
	erase  *tip.Button
	sketch *widgets.Sketch
	root   *fyne.Container

	erasing bool
	shown   studio.LabEnd
	told    error // that was shown
}

func newLabEnd(s *labScreen, side plane.Side, title, explanation string) *labEnd {
	e := &labEnd{s: s, side: side}
	var names []string
	for _, name := range plane.Names() {
		names = append(names, shapeTitle(name))
	}
	e.pick = choice(append(names, tr("Drawn by hand"), tr("A picture…")), 0, tr("A shape of points, a drawing of your own, or the dark pixels of a picture"), e.chosen)
	e.erase = button("", theme.NewThemedResource(eraserIcon), tr("Erase instead of drawing"), func() { e.setErasing(!e.erasing) })
	clean := button("", theme.DeleteIcon(), tr("Clear the square and draw a shape of your own"), func() { e.take(studio.LabShape{}) })
	e.sketch = widgets.NewSketch(side == plane.Source)
	e.sketch.SetHint(tr("Drag to draw"))
	e.sketch.SetToolTip(explanation)
	e.sketch.OnTypedKey = s.typed
	e.sketch.OnDrawn = func(points []float32) { e.take(studio.LabShape{Drawn: points}) }
	head := container.NewBorder(nil, nil, heading(title), container.NewHBox(e.erase, clean))
	e.root = sized(21, container.NewBorder(container.NewVBox(head, whole(e.pick)), nil, nil, nil, e.sketch))
	return e
}

// chosen takes a line of the selection.
func (e *labEnd) chosen(i int) {
	names := plane.Names()
	switch {
	case i < len(names):
		e.take(studio.LabShape{Name: names[i]})
	case i == len(names):
		e.take(studio.LabShape{})
	default:
		e.s.a.chooseImage(func(path string) { e.take(studio.LabShape{Picture: path}) })
		e.mark() // until one is chosen
	}
}

// take makes a shape this end's.
func (e *labEnd) take(shape studio.LabShape) {
	if shape.Drawn == nil {
		e.setErasing(false) // there is nothing of one's own to erase
	}
	e.s.a.studio.Lab.SetShape(e.side, shape)
	e.s.refresh()
}

func (e *labEnd) setErasing(on bool) {
	e.erasing = on
	e.sketch.SetErasing(on)
	e.erase.Importance = widget.MediumImportance
	if on {
		e.erase.Importance = widget.HighImportance
	}
	e.erase.Refresh()
}

// show brings the panel up to date.
func (e *labEnd) show(end studio.LabEnd) {
	e.shown = end
	drawn := end.Shape.Name == "" && end.Shape.Picture == ""
	if drawn {
		e.sketch.SetPoints(end.Shape.Drawn, true)
	} else {
		e.sketch.SetPoints(end.Sample, false)
	}
	e.mark()
	if end.Err != nil && end.Err != e.told {
		e.s.a.fail(tr("The picture cannot be taken as a shape"), end.Err)
	}
	e.told = end.Err
}

// mark shows what is chosen, without choosing it again.
func (e *labEnd) mark() {
	names := plane.Names()
	at := slices.Index(names, e.shown.Shape.Name)
	switch {
	case e.shown.Shape.Picture != "":
		at = len(names) + 1
	case at < 0:
		at = len(names)
	}
	if e.pick.Selected != e.pick.Options[at] {
		e.pick.Selected = e.pick.Options[at]
		e.pick.Refresh()
	}
}

// contains says whether a position of the window lies in the panel.
func (e *labEnd) contains(at fyne.Position) bool {
	p, size := at.Subtract(e.s.a.fyne.Driver().AbsolutePositionForObject(e.root)), e.root.Size()
	return p.X >= 0 && p.Y >= 0 && p.X < size.Width && p.Y < size.Height
}

// shapeTitle is the name of a shape as a person reads it.
func shapeTitle(name string) string {
	switch name {
	case "crossing":
		return tr("Crossing points")
	case "gaussian":
		return tr("Gaussian noise")
	case "8-gaussians":
		return tr("8 Gaussians")
	case "two-moons":
		return tr("Two moons")
	case "spirals":
		return tr("Spirals")
	case "checkerboard":
		return tr("Checkerboard")
	case "rings":
		return tr("Rings")
	case "square":
		return tr("Square")
	}
	return name
}

// eraserIcon is a slanted rubber over a line.
var eraserIcon = fyne.NewStaticResource("eraser.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"><path fill="#000" d="M15.5 3.5 21.5 9.5 12.5 18.5 9 18.5 4 13.5 4 13 13.5 3.5zM6.8 13.2 10 16.5 11.7 16.5 13.6 14.6 9.2 10.4zM4 20H21V22H4z"/></svg>`))

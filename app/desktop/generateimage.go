//go:build !headless

package desktop

import (
	"context"
	"image"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/datasets"
)

// mostBeside is the longer side, in pixels, at which an image is shown beside its noise until that is found.
const mostBeside = 512

// generateImage takes a real image back to its noise and forward again.
type generateImage struct {
	s     *generateScreen
	way   *way
	stale bool

	source *image.NRGBA // whole; nil before the first
	small  *image.NRGBA // source, reduced for the screen
	title  string
	result studio.Inversion
	work   *latest
	opened int // counts openings, so that an old one is not taken for a new one

	view       *widgets.ImageTable
	hint       *fyne.Container
	words      *widget.Label
	note       *widget.Label
	save, copy *tip.Button
	root       *fyne.Container
}

func newGenerateImage(s *generateScreen) *generateImage {
	v := &generateImage{s: s, work: newLatest(s.showBusy)}
	at := chosenWay{Steps: 16, Reverse: true}
	if old := s.a.gen; old != nil {
		v.source, v.small, v.title, at = old.image.source, old.image.small, old.image.title, old.image.way.at
	}
	v.way = newWay(s.a, at, func() { v.changed() })
	v.make()
	return v
}

func (v *generateImage) make() {
	s := v.s
	open := button(tr("Open…"), theme.FolderOpenIcon(), tr("Open an image like those that the project was trained on"), func() { s.a.chooseImage(v.load) })
	v.save = button(tr("Save as…"), theme.DocumentSaveIcon(), tr("Save what the noise gives, as PNG or JPEG"), func() { s.desk().save(v.result.Again, stem(v.title)+"-again.png") })
	v.copy = button(tr("Copy"), theme.ContentCopyIcon(), tr("Copy what the noise gives to the clipboard"), func() { s.desk().copy(v.result.Again) })
	row := append([]fyne.CanvasObject{s.viewButtons(), open}, v.way.common...)
	v.note = quiet("")
	v.note.Importance = widget.HighImportance
	v.note.Hide()
	v.view = widgets.NewImageTable()
	hint := quiet(tr("Drop an image here, paste one with Ctrl+V, or press Open…\nThe flow run backwards finds the noise that it comes from; run forwards again, it shows what of the image this noise holds."))
	hint.Alignment = fyne.TextAlignCenter
	v.hint = container.New(layout.NewCustomPaddedVBoxLayout(0), layout.NewSpacer(), hint, layout.NewSpacer())
	middle := container.NewStack(v.hint, v.view)
	v.words = wrapped("")
	v.words.Hide()
	v.root = newPage(middle, newRow(append(row, v.save, v.copy)...), v.note, middle, v.words)
	v.show(studio.Inversion{})
}

// load reads an image file and finds its noise.
func (v *generateImage) load(path string) {
	v.opened++
	opened := v.opened
	v.s.setView(true)
	v.s.say(tr("Opening %s…", baseName(path)))
	v.s.start(func() {
		var small *image.NRGBA
		d, err := datasets.DecodeFile(path, datasets.Limits{})
		if err == nil {
			small = reduced(d.Image, mostBeside)
		}
		fyne.Do(func() {
			if opened != v.opened {
				return
			}
			v.s.say("")
			if err != nil {
				v.s.a.fail(tr("%s could not be opened", baseName(path)), err)
				return
			}
			v.take(baseName(path), d.Image, small)
		})
	})
}

// paste opens what is on the clipboard.
func (v *generateImage) paste() {
	if files := pastedFiles(v.s.a.fyne.Clipboard().Content()); len(files) > 0 {
		v.load(files[0])
		return
	}
	v.opened++
	opened := v.opened
	v.s.setView(true)
	v.s.start(func() {
		var small *image.NRGBA
		img, err := clipboardImage()
		if err == nil {
			small = reduced(img, mostBeside)
		}
		fyne.Do(func() {
			switch {
			case opened != v.opened:
			case err != nil:
				v.s.a.clipboardProblem(tr("Nothing could be pasted"), err)
			default:
				v.take(tr("clipboard"), img, small)
			}
		})
	})
}

// take shows another image, reduced to small, and finds its noise.
func (v *generateImage) take(title string, img, small *image.NRGBA) {
	v.title, v.source, v.small = title, img, small
	v.show(studio.Inversion{})
	v.invert(0)
}

// forget drops what another project found; the image stays.
func (v *generateImage) forget() {
	v.work.stop()
	v.show(studio.Inversion{})
}

func (v *generateImage) changed() {
	if v.root == nil {
		return
	}
	v.way.setEnabled(v.way.trained())
	note := v.way.note()
	setText(v.note, note)
	setShown(v.note, note != "")
	v.root.Refresh()
	v.s.showTrained(v.way.trained())
	v.stale = true
	if v.s.fromImage {
		v.catchUp()
	}
}

// catchUp makes what the choice asks for and is not there.
func (v *generateImage) catchUp() {
	if v.stale {
		v.stale = false
		v.invert(settleTime)
	}
}

// invert finds the noise of the image after a while.
func (v *generateImage) invert(after time.Duration) {
	if v.source == nil || !v.way.trained() {
		v.work.stop()
		return
	}
	source, title, r := v.source, v.title, v.way.request()
	v.work.ask(after, func(ctx context.Context) func() {
		fyne.Do(func() { v.s.say(tr("Finding the noise of %s…", title)) })
		result, err := v.s.generator.Invert(ctx, source, r)
		return func() {
			if err != nil {
				v.show(studio.Inversion{})
				v.s.failed(tr("The noise of %s could not be found", title), err)
				return
			}
			v.show(result)
			v.s.say(title + " · " + roundTitle(result.Round) + " · " + tr("%d network evaluations", int(result.Evaluations)) + " · " + moment(result.Elapsed))
		}
	})
}

// show shows an inversion, or that there is none.
func (v *generateImage) show(r studio.Inversion) {
	v.result = r
	there := r.Again != nil
	setEnabled(v.save, there)
	setEnabled(v.copy, there)
	setShown(v.hint, v.source == nil)
	setShown(v.words, there)
	columns := []string{tr("The image"), tr("Its noise"), tr("What the noise gives")}
	switch {
	case v.source == nil:
		v.view.SetTable(nil, nil)
	case !there:
		v.view.SetTable(columns, [][]image.Image{{v.small}})
	default:
		v.view.SetTable(columns, [][]image.Image{{r.Image, r.Noise, r.Again}})
		setText(v.words, tr("There and back within %.1f of 255. Its noise has mean %.2f and deviation %.2f; pictures are generated from mean 0 and deviation 1, so the nearer to these, the likelier the image.", r.Difference, r.Mean, r.Deviation))
	}
	if v.root != nil {
		v.root.Refresh()
	}
}

//go:build !headless

package desktop

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/app/studio"
)

// exportScreen translates files and folders into a folder.
type exportScreen struct {
	a    *App
	root fyne.CanvasObject

	state  func() studio.ExportState // tests put their own in
	start  func(func())              // runs work on a goroutine of its own
	drawn  int                       // Version of the state that is on the screen
	second int64                     // of work that is on the screen
	failed bool                      // the failure of the present export was told

	inputs  *exportInputs
	out     string
	options *exportOptions

	outFrame  *widgets.DropFrame
	outLabel  *widget.Label
	begin     *tip.Button
	pause     *tip.Button
	stop      *tip.Button
	retry     *tip.Button
	folder    *tip.Button
	untaught  *nothingTrained
	split     fyne.CanvasObject // everything
	generates fyne.CanvasObject // instead, where there is nothing to translate
	queued    *fyne.Container
	bar       *widget.ProgressBar
	barRow    fyne.CanvasObject // it with its look
	status    *widget.Label
	table     *exportTable
	left      *fyne.Container
	right     *fyne.Container
	openURL   func(*url.URL) error
	unchanged bool // the buttons are as the state and the choices say
}

func newExportScreen(a *App) *exportScreen {
	s := &exportScreen{a: a, drawn: -1, state: a.studio.Exporter.State, start: func(work func()) { go work() }, openURL: a.fyne.OpenURL}
	s.inputs = newExportInputs(s)
	s.options = newExportOptions(s)
	if old := a.export; old != nil { // of another language or look: what was chosen stays
		s.out, s.failed = old.out, old.failed
		s.options.adopt(old.options)
	}
	s.table = newExportTable(s)
	s.make()
	if old := a.export; old != nil {
		s.inputs.adopt(old.inputs)
	}
	s.showOut()
	return s
}

func (s *exportScreen) name() (string, fyne.KeyName) { return tr("Export"), fyne.KeyE }

func (s *exportScreen) build() fyne.CanvasObject { return s.root }

func (s *exportScreen) shown() { s.refresh() }

// dropped takes files and folders as inputs, but a folder on the output's frame as the output folder.
func (s *exportScreen) dropped(at fyne.Position, paths []string) {
	if len(paths) == 1 && s.outFrame.Contains(at) {
		if info, err := os.Stat(paths[0]); err == nil && info.IsDir() {
			s.setOut(paths[0])
			return
		}
	}
	s.inputs.add(paths...)
}

// make builds the content: what to export at the left, how it goes at the right.
func (s *exportScreen) make() {
	s.outLabel = widget.NewLabel("")
	s.outLabel.Wrapping = fyne.TextWrapBreak
	choose := button(tr("Choose…"), theme.FolderOpenIcon(), tr("Choose the folder that the translations are written to"), func() {
		s.a.chooseFolder(tr("Write the translations to"), s.setOut)
	})
	s.outFrame = widgets.NewDropFrame(tr("Output folder"), container.NewBorder(nil, nil, nil, container.NewCenter(choose), s.outLabel))
	s.untaught = newNothingTrained(s.a)
	s.left = newPage(s.inputs.frame, s.untaught.root, s.inputs.frame, s.outFrame, s.options.root)

	s.begin = button(tr("Export"), theme.MediaPlayIcon(), tr("Translate all inputs into the output folder. What is there and complete is skipped."), s.ask)
	s.begin.Importance = widget.HighImportance
	s.pause = button(tr("Pause"), theme.MediaPauseIcon(), tr("Wait before the next images, or go on"), s.togglePause)
	s.stop = button(tr("Stop"), theme.MediaStopIcon(), tr("End the export. What is written stays, and the same export goes on from there."), func() { s.a.studio.Exporter.Stop() })
	s.retry = button(tr("Retry failed"), theme.ViewRefreshIcon(), tr("Try again what failed; what is complete is skipped"), func() {
		s.begun(s.a.studio.Exporter.RetryFailed())
	})
	s.folder = button(tr("Open folder"), theme.FolderIcon(), tr("Show the output folder in the file manager"), s.openFolder)
	waits := widget.NewLabel(tr("Queued behind training: pause it to export now."))
	waits.Wrapping, waits.Importance = fyne.TextWrapWord, widget.HighImportance
	s.queued = container.NewBorder(nil, nil, nil, container.NewCenter(
		button(tr("Pause training"), theme.MediaPauseIcon(), tr("Training waits after the present step, with the model loaded"), func() { s.a.studio.Training.Pause() })), waits)
	s.bar = widget.NewProgressBar()
	s.barRow = s.a.slim(s.bar)
	s.barRow.Hide()
	s.status = wrapped("")
	progress := container.NewBorder(nil, nil, nil, s.table.filter, s.status)
	s.right = newPage(s.table.root, newRow(s.begin, s.pause, s.stop, s.retry, s.folder), s.queued, s.barRow, progress, s.table.root)

	split := container.NewHSplit(scrolled(s.left), scrolled(s.right))
	split.SetOffset(.4)
	s.split, s.generates = split, s.nothingToTranslate()
	s.root = container.NewStack(s.split, s.generates)
}

// nothingToTranslate stands in for everything where the project generates, and leads to where it does.
func (s *exportScreen) nothingToTranslate() fyne.CanvasObject {
	words := wrapped(tr("The source of this project is noise, so there are no images to translate: Generate makes pictures and saves them."))
	words.Alignment = fyne.TextAlignCenter
	there := button(tr("Generate"), theme.NavigateBackIcon(), tr("Make pictures from noise"), func() { s.a.open(2) })
	there.Importance = widget.HighImportance
	return container.NewVBox(layout.NewSpacer(), words, container.NewCenter(there), layout.NewSpacer())
}

func (s *exportScreen) setOut(dir string) {
	s.out = dir
	s.showOut()
}

// showOut shows the output folder.
func (s *exportScreen) showOut() {
	text := shortPath(s.out)
	if s.out == "" {
		text = tr("None yet: drop a folder here or choose one.")
	}
	setText(s.outLabel, text)
	s.changed()
}

// changed brings buttons and heights to the present choices.
func (s *exportScreen) changed() {
	s.unchanged = false
	if s.left == nil {
		return
	}
	noise := s.options.way.project.FromNoise()
	setShown(s.generates, noise)
	setShown(s.split, !noise)
	setShown(s.untaught.root, !s.options.way.trained())
	s.left.Refresh()
}

// job is what the controls ask for.
func (s *exportScreen) job() studio.Job {
	o := s.options
	at := o.way.at
	return studio.Job{
		Inputs: s.inputs.paths(), Out: s.out, Round: o.way.name(), Steps: at.steps(), Reverse: at.Reverse, Size: at.Size, Solver: at.Solver,
		Recursive: o.recursive, Overwrite: o.overwrite, Format: o.format, Quality: o.quality,
	}
}

// ask begins the export, after a question where files may be replaced.
func (s *exportScreen) ask() {
	job := s.job()
	if !job.Overwrite {
		s.begun(s.a.studio.Exporter.Start(job))
		return
	}
	s.a.confirm(tr("Replace existing files?"), tr("Files in %s that have the names of translations are replaced. The inputs themselves never are.", job.Out),
		tr("Replace"), tr("Cancel"), func() { s.begun(s.a.studio.Exporter.Start(job)) })
}

// begun takes the answer to a start.
func (s *exportScreen) begun(err error) {
	s.failed = false
	if err != nil {
		s.a.fail(tr("The export could not start"), err)
		return
	}
	s.table.clear()
	s.refresh()
}

func (s *exportScreen) togglePause() {
	if s.state().State == studio.Paused {
		s.a.studio.Exporter.Continue()
	} else {
		s.a.studio.Exporter.Pause()
	}
	s.refresh()
}

// openFolder shows the folder of the last export, or else the chosen one, in the system's file manager.
func (s *exportScreen) openFolder() {
	dir := s.state().Job.Out
	if dir == "" {
		dir = s.out
	}
	s.show(dir)
}

// show opens a file or folder by the system's program for it.
func (s *exportScreen) show(path string) {
	what := tr("%s could not be opened", baseName(path))
	if _, err := os.Stat(path); err != nil {
		s.a.fail(what, err)
		return
	}
	if err := s.openURL(&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}); err != nil {
		s.a.fail(what, fmt.Errorf("%s: %w", path, err))
	}
}

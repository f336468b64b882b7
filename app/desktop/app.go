//go:build !headless

// Package desktop is the window: one file a screen. Screens ask the studio where things stand ten times a second and
// draw that; they hold no training logic.
package desktop

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tooltip "github.com/dweymouth/fyne-tooltip"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/project"
)

// screen is one of the window's pages.
type screen interface {
	build() fyne.CanvasObject
	refresh()                                 // ten times a second while it is shown
	dropped(at fyne.Position, paths []string) // files or folders, at a position of the window
	shown()                                   // it came to the front
	name() (title string, key fyne.KeyName)   // of its tab; the key is pressed with Ctrl
}

// App is the window and what it shows.
type App struct {
	fyne   fyne.App
	window fyne.Window
	studio *studio.Studio

	screens []screen
	current int
	body    *fyne.Container
	layers  *fyne.Container // the content, and what lies over it
	tips    *fyne.Container // the explanation under the pointer, if one is shown
	tip     fyne.CanvasObject
	tipped  time.Time // since when it is shown
	tabs    []*widget.Button
	status  *widget.Button
	title   string
	started atomic.Bool // the display could be opened
	stopped chan struct{}
	closing bool
	done    []string // since the meter asked last, with the time that it took
	meter   bool     // there is one

	domains *domainsScreen
	train   *trainScreen
	trans   *translateScreen
	gen     *generateScreen
	results *resultsScreen // one of the two
	export  *exportScreen
	lab     *labScreen
}

// newApp makes the window without showing it.
func newApp(f fyne.App, s *studio.Studio) *App {
	a := &App{fyne: f, studio: s, window: f.NewWindow("Straightway"), stopped: make(chan struct{})}
	a.window.SetIcon(icon)
	a.applyLook()
	a.build()
	a.window.Resize(fyne.NewSize(1120, 720))
	a.window.CenterOnScreen()
	a.window.SetOnDropped(func(at fyne.Position, uris []fyne.URI) { a.dropped(at, uris) })
	return a
}

// applyLook takes language, theme and scale from the preferences.
func (a *App) applyLook() {
	c := a.studio.Preferences.Choices()
	speak(c.Language)
	a.fyne.Settings().SetTheme(newLook(c.Theme, c.Scale))
}

// build makes the whole content, in the present language.
func (a *App) build() {
	a.domains, a.train, a.trans, a.export, a.lab = newDomainsScreen(a), newTrainScreen(a), newTranslateScreen(a), newExportScreen(a), newLabScreen(a)
	a.gen = newGenerateScreen(a)
	a.results = newResultsScreen(a)
	a.screens = []screen{a.domains, a.train, a.results, a.export, a.lab}
	a.tabs = nil
	tabs := container.NewHBox()
	for i, s := range a.screens {
		title, _ := s.name()
		b := widget.NewButton(title, func() { a.open(i) })
		b.Importance = widget.LowImportance
		a.tabs = append(a.tabs, b)
		tabs.Add(b)
	}
	a.status = widget.NewButton("", a.showBackend)
	a.status.Importance = widget.LowImportance
	settings := button("", theme.SettingsIcon(), tr("Settings (Ctrl+,)"), a.showSettings)
	help := button("", theme.HelpIcon(), tr("Help and about (F1)"), a.showHelp)
	header := container.NewBorder(nil, nil, tabs, container.NewHBox(a.status, settings, help))
	a.body = container.NewStack()
	content := container.NewBorder(container.NewVBox(container.NewPadded(header), widget.NewSeparator()), nil, nil, nil, container.NewPadded(a.body))
	a.layers = tooltip.AddWindowToolTipLayer(content, a.window.Canvas()).(*fyne.Container)
	a.tips = a.layers.Objects[1].(*fyne.Container)
	a.window.SetContent(a.layers)
	a.shortcuts()
	a.open(a.current)
}

// rebuild shows everything anew after the language, theme or scale has changed.
func (a *App) rebuild() {
	tooltip.DestroyWindowToolTipLayer(a.window.Canvas())
	a.applyLook()
	a.build()
	a.prepare()
}

// open brings a screen to the front.
func (a *App) open(i int) { a.timed("open", func() { a.bring(i) }) }

func (a *App) bring(i int) {
	a.current = i
	for k, b := range a.tabs {
		light(b, k == i, widget.LowImportance)
	}
	a.body.Objects = []fyne.CanvasObject{a.screens[i].build()}
	a.body.Refresh()
	a.hideTip() // what it explained is gone, though the pointer has not moved
	a.screens[i].shown()
	a.refresh()
}

// poll draws what has changed ten times a second.
func (a *App) poll() {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-a.stopped:
			return
		case <-ticker.C:
			fyne.DoAndWait(a.refresh)
		}
	}
}

// timed does something that may hold a frame up, and notes it for the meter.
func (a *App) timed(what string, do func()) {
	if !a.meter {
		do()
		return
	}
	began := time.Now()
	do()
	if took := time.Since(began); took > time.Millisecond {
		a.done = append(a.done, fmt.Sprintf("%s %.0f ms", what, took.Seconds()*1000))
	}
}

// during is the screen in front and what was done since it was asked last; the rest of the time goes to drawing.
func (a *App) during() string {
	title, _ := a.screens[a.current].name()
	text := strings.Join(append([]string{title}, a.done...), ", ")
	a.done = a.done[:0]
	return text
}

func (a *App) refresh() {
	if a.closing {
		return
	}
	a.timed("refresh", a.refreshAll)
}

func (a *App) refreshAll() {
	a.refreshHeader()
	a.endTip()
	a.screens[a.current].refresh()
	a.train.watchEnd()
}

// tipFor is for how long an explanation stays. Nothing tells the window that the pointer has left it.
const tipFor = 8 * time.Second

// endTip takes away an explanation that was shown for long enough.
func (a *App) endTip() {
	var shown fyne.CanvasObject
	if len(a.tips.Objects) > 0 {
		shown = a.tips.Objects[0]
	}
	if shown != a.tip {
		a.tip, a.tipped = shown, time.Now()
	} else if shown != nil && time.Since(a.tipped) > tipFor {
		a.hideTip()
	}
}

func (a *App) hideTip() {
	a.tips.Objects = nil
	a.tips.Refresh()
}

func (a *App) refreshHeader() {
	title := "Straightway"
	if p, _ := a.studio.Project(); p != nil {
		title = "Straightway · " + baseName(p.Dir())
	}
	if title != a.title {
		a.title = title
		a.window.SetTitle(title)
	}
	for i, s := range a.screens { // Translate is called Generate where the source is noise
		if name, _ := s.name(); a.tabs[i].Text != name {
			a.tabs[i].SetText(name)
		}
	}
	c := a.studio.Compute.State()
	text, importance := tr("Opening the backend…"), widget.LowImportance
	switch {
	case c.Err != nil:
		text, importance = tr("No backend"), widget.DangerImportance
	case c.Backend != nil:
		text = "● " + backendName(c.Backend.Label)
	}
	if a.status.Text != text || a.status.Importance != importance {
		a.status.Text, a.status.Importance = text, importance
		a.status.Refresh()
	}
}

// backendName is a backend's name as a person reads it, from its label or its kind.
func backendName(label string) string {
	switch label {
	case "xla:cuda", "cuda":
		return "CUDA"
	case "xla:cpu", "cpu":
		return "XLA CPU"
	}
	return tr("Pure Go")
}

// reopen opens a project at the start: the one that was asked for, or the last one if it is still there.
func (a *App) reopen(dir string) {
	asked := dir != ""
	if recent := a.studio.Preferences.Choices().Recent; !asked && len(recent) > 0 {
		dir = recent[0]
	}
	if dir == "" {
		return
	}
	a.openProject(dir)
}

// openProject opens a project in the background.
func (a *App) openProject(dir string) {
	go func() {
		err := a.studio.OpenProject(dir)
		if errors.Is(err, project.ErrNotProject) {
			_ = a.studio.Preferences.ForgetRecent(dir) // the list is a convenience
		}
		a.fail(tr("The project could not be opened"), err)
		fyne.Do(a.refresh)
	}()
}

// restoreSettings brings back a project's settings from before their last change, and opens it.
func (a *App) restoreSettings(dir string) {
	go func() {
		if err := project.RestoreSettings(dir); err != nil {
			a.fail(tr("The settings could not be restored"), err)
			return
		}
		fyne.Do(func() { a.openProject(dir) })
	}()
}

// dropped hands dropped files to the screen in front.
func (a *App) dropped(at fyne.Position, uris []fyne.URI) {
	var paths []string
	for _, u := range uris {
		paths = append(paths, u.Path())
	}
	a.screens[a.current].dropped(at, paths)
}

// shortcuts reach everything by keyboard.
func (a *App) shortcuts() {
	c := a.window.Canvas()
	ctrl := func(key fyne.KeyName, f func()) {
		c.AddShortcut(&desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierShortcutDefault}, func(fyne.Shortcut) { f() })
	}
	for i, s := range a.screens {
		_, key := s.name()
		ctrl(key, func() { a.open(i) })
	}
	ctrl(fyne.KeyO, a.chooseProject)
	ctrl(fyne.KeyN, a.newProject)
	c.AddShortcut(&fyne.ShortcutPaste{}, func(fyne.Shortcut) { a.open(2); a.results.paste() }) // Ctrl+V, but not while text is typed
	ctrl(fyne.KeyComma, a.showSettings)
	ctrl(fyne.KeyQ, a.close)
	c.SetOnTypedKey(func(k *fyne.KeyEvent) {
		if front := c.Overlays().Top(); front != nil { // a dialog is open
			if k.Name == fyne.KeyEscape && !a.closing {
				c.Overlays().Remove(front)
			}
			return
		}
		switch k.Name {
		case fyne.KeyF1:
			a.showHelp()
		case fyne.KeySpace:
			if a.screens[a.current] == screen(a.lab) {
				a.lab.typed(k)
				return
			}
			a.train.togglePause()
		}
	})
}

// chooseProject asks for a project folder.
func (a *App) chooseProject() { a.chooseFolder(tr("Open a project"), a.openProject) }

// newProject closes the project and shows the domains.
func (a *App) newProject() {
	a.closeProject(func() { a.open(0) })
}

// closeProject closes the project in the background and then does something on the UI goroutine.
func (a *App) closeProject(then func()) {
	go func() {
		if err := a.studio.CloseProject(); err != nil {
			a.fail(tr("A new project cannot be started now"), err)
			return
		}
		fyne.Do(then)
	}()
}

// close asks where work is going on, saves it and ends the program.
func (a *App) close() {
	if a.closing {
		return
	}
	if !a.studio.Training.Busy() && !a.studio.Exporter.Busy() {
		a.quit()
		return
	}
	what := tr("Training is going on. It is saved first, and goes on from the same step when you continue it.")
	if !a.studio.Training.Busy() {
		what = tr("An export is going on. What is written stays, and the rest can be exported later.")
	}
	a.confirm(tr("Close Straightway?"), what, tr("Save and close"), tr("Go on working"), a.quit)
}

func (a *App) quit() {
	a.closing = true
	a.studio.Exporter.Stop()
	a.studio.Training.Stop()
	saving := dialog.NewCustomWithoutButtons(tr("Saving…"), wrapped(tr("The window closes when everything is on the disk.")), a.window)
	if a.studio.Training.Busy() || a.studio.Exporter.Busy() {
		saving.Show()
	}
	go func() {
		a.studio.Training.Wait()
		fyne.Do(a.fyne.Quit)
	}()
}

func wrapped(text string) *widget.Label {
	l := widget.NewLabel(text)
	l.Wrapping = fyne.TextWrapWord
	return l
}

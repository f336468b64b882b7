//go:build !headless

package desktop

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/project"
)

// problem is an error as a person is told it.
type problem struct {
	What   string // failed, as a title
	Cause  string // in the words of the part that failed, which name the file or setting
	Advice string // what to do; may be empty where the cause says it
	Cure   string // of a button that does it; empty where there is none
	Do     func(a *App)
}

// explain finds the advice for an error.
func explain(what string, err error) problem {
	p := problem{What: what, Cause: told(err.Error())}
	var damaged *project.DamagedError
	switch {
	case errors.As(err, &damaged) && damaged.Backup:
		p.Advice = tr("Bring back the settings as they were before the last change. The damaged file is kept beside them, and the rounds stay as they are.")
		p.Cure, p.Do = tr("Restore the settings"), func(a *App) { a.restoreSettings(damaged.Dir) }
	case errors.As(err, &damaged):
		p.Advice = tr("Correct the file in a text editor, or open another project.")
	case errors.Is(err, project.ErrLocked):
		p.Advice = tr("Another window or command has this project open. Close it there, or open another project here.")
	case errors.Is(err, project.ErrNewer):
		p.Advice = tr("Install the version of Straightway that wrote the project, or a later one. Nothing was changed.")
	case errors.Is(err, project.ErrGone):
		p.Advice = tr("Bring the folder back under its name and press Continue: training goes on from what was saved in it. Or open another project.")
	case errors.Is(err, project.ErrNotProject):
		p.Advice = tr("Choose a folder that Straightway made, or start a new project from two folders of images.")
	case errors.Is(err, project.ErrExists):
		p.Advice = tr("Choose another folder for the new project, or open the project that is there.")
	case errors.Is(err, studio.ErrBusy):
		p.Advice = tr("Press Stop and save on the Train screen, or wait until the export is done.")
	case errors.Is(err, studio.ErrNothingTrained):
		p.Advice = tr("Open a project that has a finished round, or train one: choose two folders and press Train.")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		p.Advice = tr("The disk is full. Free some space and continue: everything up to the last save is kept.")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		p.Advice = tr("The folder cannot be written to or read. Change its permissions, or choose another folder.")
	case errors.Is(err, fs.ErrNotExist):
		p.Advice = tr("A file or folder is gone: it was deleted, renamed or is on a disk that is not connected. Bring it back or choose it again.")
	case errors.Is(err, exec.ErrNotFound):
		p.Advice = tr("The system's program that opens files and folders is not installed: on Linux it comes with the package xdg-utils. What was written is complete; open it by hand.")
	case backend.IsOutOfMemory(err):
		p.Advice = tr("The memory was not enough. Choose a smaller size or preset, or close other programs that use the device.")
	}
	return p
}

// report is the text that Copy puts on the clipboard.
func (p problem) report() string {
	return fmt.Sprintf("Straightway %s on %s/%s\n%s\n%s\n%s\n", version, runtime.GOOS, runtime.GOARCH, p.What, p.Cause, p.Advice)
}

// fail shows an error; nil is none. It may be called from any goroutine.
func (a *App) fail(what string, err error) {
	if err == nil {
		return
	}
	fyne.Do(func() { a.show(explain(what, err)) })
}

func (a *App) show(p problem) {
	cause := widget.NewLabel(upperFirst(p.Cause))
	cause.Wrapping = fyne.TextWrapWord
	cause.Selectable = true
	body := container.NewVBox(cause)
	if p.Advice != "" {
		advice := widget.NewLabel(p.Advice)
		advice.Wrapping = fyne.TextWrapWord
		advice.Importance = widget.HighImportance
		body.Add(widget.NewLabelWithStyle(tr("What to do"), fyne.TextAlignLeading, fyne.TextStyle{Bold: true}))
		body.Add(advice)
	}
	inside := container.NewVScroll(body)
	d := dialog.NewCustomWithoutButtons(p.What, inside, a.window)
	buttons := []fyne.CanvasObject{a.copyButton(p.report())}
	if p.Cure != "" {
		buttons = append(buttons, primary(p.Cure, func() { d.Hide(); p.Do(a) }), widget.NewButton(tr("Close"), d.Hide))
	} else {
		buttons = append(buttons, primary(tr("Close"), d.Hide))
	}
	d.SetButtons(buttons)
	a.showWhole(d, inside, 560)
}

// confirm asks before something is done that one may not want.
func (a *App) confirm(title, text, yes, no string, do func()) {
	d := dialog.NewCustomConfirm(title, yes, no, wrapped(text), func(agreed bool) {
		if agreed {
			do()
		}
	}, a.window)
	d.Show()
	width := min(440*max(1, a.studio.Preferences.Choices().Scale), a.window.Canvas().Size().Width-40) // of its own it is as narrow as its buttons
	d.Resize(fyne.NewSize(width, d.MinSize().Height))
	d.Resize(fyne.NewSize(width, d.MinSize().Height))
}

func upperFirst(s string) string {
	if s == "" || s[0] >= 0x80 {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// primary is the button that Enter should press.
func primary(text string, tapped func()) *widget.Button {
	b := widget.NewButton(text, tapped)
	b.Importance = widget.HighImportance
	return b
}

// showWhole shows a dialog around a part that scrolls, so large that all of it is seen if the window has the room. The
// width is that at a scale of 1.
func (a *App) showWhole(d *dialog.CustomDialog, inside *container.Scroll, width float32) {
	d.Show()
	room := a.window.Canvas().Size().SubtractWidthHeight(40, 40)
	width = min(width*max(1, a.studio.Preferences.Choices().Scale), room.Width)
	height := func() float32 { return d.MinSize().Height - inside.MinSize().Height + inside.Content.MinSize().Height }
	d.Resize(fyne.NewSize(width, min(height(), room.Height))) // what wraps knows its height now
	d.Resize(fyne.NewSize(width, min(height(), room.Height)))
}

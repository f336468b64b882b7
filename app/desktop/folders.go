//go:build !headless

package desktop

import (
	"errors"
	"fmt"
	"sync"

	"fyne.io/fyne/v2"
	fynedialog "fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"
	"github.com/sqweek/dialog"
)

// native serialises the system's dialogs: two at a time crash GTK.
var native sync.Mutex

// pick runs one of the system's dialogs in a goroutine of its own (on the UI's it would freeze the window) and hands
// the path to chosen on the UI goroutine. Where the dialog cannot be opened at all, instead is called there.
func pick(ask func() (string, error), chosen func(string), instead func()) {
	go func() {
		path, err := safely(ask)
		fyne.Do(func() {
			switch {
			case err == nil:
				chosen(path)
			case errors.Is(err, dialog.ErrCancelled):
			default:
				instead()
			}
		})
	}()
}

func safely(ask func() (string, error)) (path string, err error) {
	native.Lock()
	defer native.Unlock()
	defer func() {
		if r := recover(); r != nil { // the library panics where GTK finds no display
			err = fmt.Errorf("the system's dialog: %v", r)
		}
	}()
	return ask()
}

// chooseFolder asks for a folder.
func (a *App) chooseFolder(title string, chosen func(string)) {
	pick(func() (string, error) { return dialog.Directory().Title(title).Browse() }, chosen, func() {
		fynedialog.ShowFolderOpen(func(dir fyne.ListableURI, err error) {
			if err != nil {
				a.fail(tr("The folder could not be opened"), err)
			} else if dir != nil {
				chosen(dir.Path())
			}
		}, a.window)
	})
}

var imageEndings = []string{"png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp"}

// chooseImage asks for an image file.
func (a *App) chooseImage(chosen func(string)) {
	pick(func() (string, error) {
		return dialog.File().Title(tr("Open an image")).Filter(tr("Images"), imageEndings...).Load()
	}, chosen, func() {
		d := fynedialog.NewFileOpen(func(f fyne.URIReadCloser, err error) {
			if err != nil {
				a.fail(tr("The file could not be opened"), err)
			} else if f != nil {
				path := f.URI().Path()
				_ = f.Close() // it is read by the decoder of its own
				chosen(path)
			}
		}, a.window)
		var dotted []string
		for _, e := range imageEndings {
			dotted = append(dotted, "."+e)
		}
		d.SetFilter(storage.NewExtensionFileFilter(dotted))
		d.Show()
	})
}

// chooseSave asks where to save; the system's dialog asks before a file is replaced.
func (a *App) chooseSave(name string, chosen func(string)) {
	pick(func() (string, error) {
		return dialog.File().Title(tr("Save the image")).SetStartFile(name).Filter("PNG", "png").Filter("JPEG", "jpg", "jpeg").Save()
	}, chosen, func() {
		d := fynedialog.NewFileSave(func(f fyne.URIWriteCloser, err error) {
			if err != nil {
				a.fail(tr("The image could not be saved"), err)
			} else if f != nil {
				path := f.URI().Path()
				_ = f.Close() // it is written under its own name below
				chosen(path)
			}
		}, a.window)
		d.SetFileName(name)
		d.Show()
	})
}

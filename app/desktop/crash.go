//go:build !headless

package desktop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"
)

const crashName = "crash.txt"

// catchCrashes makes the runtime write what ends the program, in whatever goroutine, to a file. It returns the report
// of the last crash, which the file then no longer holds: it is kept under a name with its time, kept.
func catchCrashes(dir string) (report, kept string, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", "", fmt.Errorf("making the folder for crash reports: %w", err)
	}
	path := filepath.Join(dir, crashName)
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("reading the last crash report: %w", err)
	}
	if len(data) > 0 {
		info, err := os.Stat(path)
		at := time.Now()
		if err == nil {
			at = info.ModTime()
		}
		kept = filepath.Join(dir, "crash-"+at.Format("2006-01-02-150405")+".txt")
		head := fmt.Sprintf("Straightway %s, %s, %s/%s, %s\n\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, at.Format(time.RFC3339))
		report = head + string(data)
		if err := os.WriteFile(kept, []byte(report), 0o644); err != nil {
			return report, "", fmt.Errorf("keeping the crash report: %w", err)
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return report, kept, fmt.Errorf("opening the crash report: %w", err)
	}
	defer f.Close() // the runtime holds a duplicate
	return report, kept, debug.SetCrashOutput(f, debug.CrashOptions{})
}

// offerCrash shows the report of the last crash.
func (a *App) offerCrash(report, kept string) {
	text := widget.NewLabel(report)
	text.TextStyle.Monospace = true
	text.Selectable = true
	head := widget.NewLabel(tr("Straightway ended unexpectedly last time. Your project is intact up to its last save, and training goes on from there. The report below is kept in %s: it helps whoever looks for the cause.", kept))
	head.Wrapping = fyne.TextWrapWord
	d := dialog.NewCustomWithoutButtons(tr("A crash report"), container.NewBorder(head, nil, nil, nil, container.NewScroll(text)), a.window)
	d.SetButtons([]fyne.CanvasObject{
		a.copyButton(report),
		primary(tr("Close"), d.Hide),
	})
	d.Show()
	size := a.window.Canvas().Size()
	d.Resize(fyne.NewSize(size.Width*.8, size.Height*.7))
}

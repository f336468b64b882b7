//go:build !headless

package desktop

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/container"

	"github.com/straightway-app/straightway/app/studio"
)

// version is the program's, for reports and About.
var version = "0.1.0"

const appID = "app.straightway.Straightway"

// Options of Run.
type Options struct {
	Version string
	Project string    // folder to open; empty: the last one
	Meter   bool      // print the time to the first frame and the longest gaps at the end
	Out     io.Writer // where the meter prints
}

// ErrNoDisplay is returned where there is no screen to show a window on.
var ErrNoDisplay = errors.New("there is no display to open a window on: start it on a desktop, or set DISPLAY; the command line needs none: see straightway --help")

// Run shows the window until it is closed.
func Run(o Options) error {
	if runtime.GOOS == "linux" {
		if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return ErrNoDisplay
		}
		// On native Wayland a drop comes with a stale position; through X it is right.
		if os.Getenv("DISPLAY") != "" && os.Getenv("FYNE_PLATFORM") == "" {
			_ = os.Setenv("FYNE_PLATFORM", "x11")
		}
	}
	if o.Version != "" {
		version = o.Version
	}
	dirs, err := studio.DefaultDirs()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dirs.Cache, 0o777); err != nil { // Fyne keeps a cache beside it, and makes one folder only
		return fmt.Errorf("making the folder for thumbnails: %w", err)
	}
	// The window always finds a scheduler's slot free, whatever computes. With two more its longest gap while training was
	// 97 ms, with eight more 67 ms (bench/window).
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 8)
	app.SetMetadata(fyne.AppMetadata{ID: appID, Name: "Straightway", Version: version, Build: 1, Icon: icon, Migrations: map[string]bool{"fyneDo": true}})
	report, kept, crashErr := catchCrashes(dirs.Config)
	s, problem := studio.New(dirs)
	a := newApp(app.NewWithID(appID), s)
	a.window.SetCloseIntercept(a.close)
	a.fyne.Lifecycle().SetOnStarted(func() {
		a.started.Store(true)
		a.prepare()
		s.Compute.Open(s.Preferences.Choices().Backend)
		a.reopen(o.Project)
		a.fail(tr("The preferences could not be read"), problem)
		a.fail(tr("Crash reports cannot be kept"), crashErr)
		if report != "" {
			a.offerCrash(report, kept)
		}
	})
	a.fyne.Lifecycle().SetOnExitedForeground(a.hideTip)
	go a.poll()
	var m *meter
	if o.Meter {
		a.meter = true
		m = newMeter(func() bool { return s.Training.State().State == studio.Running }, a.during)
		m.beat.Start()
		time.AfterFunc(3*time.Second, m.reset) // setting up is not a stall
		witness := m.witness()
		witness.Resize(fyne.NewSize(1, 1))
		a.window.SetContent(container.NewStack(a.window.Content(), container.NewWithoutLayout(witness)))
	}
	if err := opening(a.window.ShowAndRun, a.started.Load); err != nil {
		return err
	}
	close(a.stopped)
	if m != nil {
		m.stop()
		fmt.Fprintln(o.Out, m)
	}
	return s.Close()
}

// opening runs a window until it is closed. Where the system cannot open one – its display is gone, or is another
// user's – the libraries panic before it has started, which is an error here; a later panic stays one.
func opening(run func(), started func() bool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if started() {
				panic(r)
			}
			err = fmt.Errorf("%w (%v)", ErrNoDisplay, r)
		}
	}()
	run()
	return nil
}

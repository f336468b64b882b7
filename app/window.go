//go:build !headless

// Package app joins the window to the command line. With the build tag headless there is no window.
package app

import (
	"io"

	"github.com/straightway-app/straightway/app/command"
	"github.com/straightway-app/straightway/app/desktop"
)

// Window shows the window until it is closed.
var Window command.Window = func(project string, meter bool, stdout io.Writer) error {
	return desktop.Run(desktop.Options{Version: command.Version, Project: project, Meter: meter, Out: stdout})
}

//go:build headless

// Package app joins the window to the command line. With the build tag headless there is no window.
package app

import "github.com/straightway-app/straightway/app/command"

// Window is nil: this program has none.
var Window command.Window

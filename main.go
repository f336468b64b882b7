// Straightway learns to turn the images of one folder into images of another, in one network evaluation each.
package main

import (
	"os"

	"github.com/straightway-app/straightway/app"
	"github.com/straightway-app/straightway/app/command"
)

func main() {
	os.Exit(command.Main(os.Args[1:], os.Stdout, os.Stderr, app.Window))
}

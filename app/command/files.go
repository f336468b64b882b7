package command

import (
	"errors"
	"fmt"
	"io"

	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/project"
)

func writeSheet(path string, s *measure.Sheet) error {
	return project.WriteFile(path, func(w io.Writer) error { return s.WritePNG(w) })
}

// inTheWay says what to do about a file that is already there.
func inTheWay(err error, cure string) error {
	if errors.Is(err, project.ErrTaken) {
		return fmt.Errorf("%w: %s", err, cure)
	}
	return err
}

package command

import (
	"io"

	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/project"
)

func writeSheet(path string, s *measure.Sheet) error {
	return project.WriteFile(path, func(w io.Writer) error { return s.WritePNG(w) })
}

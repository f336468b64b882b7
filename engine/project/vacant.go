package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrTaken is returned, wrapped with the path, where a file stands in the way of one to be written.
var ErrTaken = errors.New("is already there")

// Vacant makes the folder dir where there is none, and returns ErrTaken where a file of these names is in it.
func Vacant(dir string, names []string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("making the output folder: %w", err)
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		switch _, err := os.Lstat(path); {
		case err == nil:
			return fmt.Errorf("%s %w", path, ErrTaken)
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("looking for %s: %w", path, err)
		}
	}
	return nil
}

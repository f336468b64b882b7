// Package demo holds two small domains of pictures inside the program, so that
// there is something to train on at once: colour drawings (the source) and black
// line drawings of other subjects (the target), 300 of each at 64×64 pixels, and
// 24 registered pairs to measure by. They are OpenMoji's, under CC BY-SA 4.0;
// pictures/ATTRIBUTION.md says more, and generate.go how they were made.
package demo

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed pictures
var embedded embed.FS

// Pictures is the demo as files: the folders source, target, test_source and
// test_target, of which the last two hold the same names, and the licence.
func Pictures() fs.FS {
	pictures, err := fs.Sub(embedded, "pictures")
	if err != nil {
		panic(err) // the path is valid, whatever was embedded
	}
	return pictures
}

// Extract writes the demo into the folder dir, which is created if need be, and
// returns the four folders inside it. A file appears only when it is whole, so
// Extract may be stopped at any moment and called again; what is there already
// is left as it is, and one that was cut short is completed. A file of the same
// name with other content is somebody's own: it is an error that names it, and
// nothing is written over it.
func Extract(dir string) (source, target, testSource, testReference string, err error) {
	pictures := Pictures()
	err = fs.WalkDir(pictures, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(path, 0o777)
		}
		data, err := fs.ReadFile(pictures, name)
		if err != nil {
			return err
		}
		return place(path, data)
	})
	if err != nil {
		return "", "", "", "", fmt.Errorf("write the demo pictures to %s: %w", dir, err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	return in("source"), in("target"), in("test_source"), in("test_target"), nil
}

// place puts a file with that content at path unless it is there.
func place(path string, data []byte) error {
	there, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(there, data):
		return nil
	case err == nil && !bytes.HasPrefix(data, there):
		return fmt.Errorf("%s is there already and is another file: choose an empty folder, or move that file away", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("check the folder's permissions: %w", err)
	}
	// The name starts with a dot, so that a leftover is not taken for a picture.
	temp, err := os.CreateTemp(filepath.Dir(path), ".demo-*")
	if err != nil {
		return fmt.Errorf("check the folder's permissions: %w", err)
	}
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Chmod(0o644)
	}
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("free some disk space: %w", err), os.Remove(temp.Name()))
	}
	return nil
}

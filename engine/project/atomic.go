package project

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Temporary files begin and end like this, so that cleaning never takes a file
// that somebody else made.
const (
	temporaryPrefix = ".straightway-"
	temporarySuffix = ".tmp"
)

// WriteFile writes a file so that path names either what was there before or
// the whole new content, whatever happens in between: write fills a temporary
// file in the same folder, which is synced and renamed to path, and then the
// folder is synced. On an error the temporary file is removed and path is
// untouched.
func WriteFile(path string, write func(io.Writer) error) error {
	return explain("writing", path, replace(path, write, func(temporary string) error {
		return os.Rename(temporary, path)
	}))
}

// replace writes a temporary file beside path, syncs it, calls install to move
// it to its final name, and syncs the folder.
func replace(path string, write func(io.Writer) error, install func(temporary string) error) (err error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	temporary := filepath.Join(dir, fmt.Sprintf("%s%s.%016x%s", temporaryPrefix, base, rand.Uint64(), temporarySuffix))
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close() // a second close is harmless
			os.Remove(temporary)
		}
	}()
	buffered := bufio.NewWriterSize(file, 1<<20)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := install(temporary); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the renames in a folder durable. Windows cannot sync a folder
// and some file systems refuse to; both are left as they are.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// makeDir makes dir and its parents, and makes the new entries durable.
func makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return explain("making the folder", dir, err)
	}
	return explain("making the folder", dir, syncDir(filepath.Dir(dir)))
}

// removeTemporary removes what killed processes left in dir. Only the holder
// of the lock may call it.
func removeTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain("cleaning the folder", dir, err)
	}
	for _, e := range entries {
		name := e.Name()
		if e.Type().IsRegular() && strings.HasPrefix(name, temporaryPrefix) && strings.HasSuffix(name, temporarySuffix) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return explain("cleaning the folder", dir, err)
			}
		}
	}
	return nil
}

// explain says what was being done to which path, and adds the cure where the
// cause is a common one. It passes nil through.
func explain(doing, path string, err error) error {
	what := doing + " " + path
	switch {
	case err == nil:
		return nil
	case isDiskFull(err):
		if inside := (*fs.PathError)(nil); errors.As(err, &inside) {
			err = inside.Err // its path is a temporary one, which says nothing more
		}
		return fmt.Errorf("%s: the disk is full, what was there before is untouched: free some space (the cache folder of a project may be deleted) and try again: %w", what, err)
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s: this is not allowed: change the permissions of the folder %s, or choose another folder: %w", what, filepath.Dir(path), err)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s: a part of this path is a file, not a folder: choose another folder: %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

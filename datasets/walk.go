package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Walk calls found with the path of every candidate file below root, which is
// every ordinary file that is not hidden; what is in it is not looked at. Files
// of a folder come in the order of their names, so that two walks agree. Links
// to files are followed, links to folders are not, since they may form a ring.
// What is passed over goes to skipped, which may be nil, and does not stop the
// walk; an error of found, or of ctx, does. Unless recursive is set, folders in
// root are left alone. The memory needed does not grow with the number of files
// but for the names of one folder at a time.
func Walk(ctx context.Context, root string, recursive bool, found func(path string) error, skipped func(Skipped)) error {
	if skipped == nil {
		skipped = func(Skipped) {}
	}
	return walk(ctx, root, recursive, "", func(path string, _ fs.FileInfo) error { return found(path) }, skipped)
}

// walk does the work of Walk. The folder without, if any, is left out unsaid:
// it is where Open keeps its own files.
func walk(ctx context.Context, root string, recursive bool, without string, found func(string, fs.FileInfo) error, skipped func(Skipped)) error {
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the folder %s does not exist: check the path, or choose another folder: %w", root, err)
	case err != nil:
		return fmt.Errorf("the folder %s cannot be opened: check its permissions, or choose another folder: %w", root, err)
	case !info.IsDir():
		return fmt.Errorf("%s is a file where a folder of images is wanted: choose the folder that holds it", root)
	}
	avoid, _ := os.Stat(without)
	// WalkDir does not follow a link, not even at the top; with "." it does.
	top := filepath.Clean(root) + string(filepath.Separator) + "."
	return filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if cause := ctx.Err(); cause != nil {
			return cause
		}
		if path == top {
			if err != nil {
				return fmt.Errorf("the folder %s cannot be listed: check its permissions, or choose another folder: %w", root, err)
			}
			return nil
		}
		rel, relErr := filepath.Rel(top, path)
		if relErr != nil {
			return fmt.Errorf("list the folder %s: %w", root, relErr)
		}
		path = filepath.Join(root, rel)
		skip := func(kind Kind, reason string) {
			skipped(Skipped{Path: filepath.ToSlash(rel), Kind: kind, Reason: reason})
		}
		if err != nil { // a folder that cannot be listed
			skip(Unreadable, unreadable(path, err).Reason)
			return fs.SkipDir
		}
		name := entry.Name()
		if reason := hidden(name); reason != "" {
			skip(Hidden, reason)
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			if !recursive {
				return fs.SkipDir
			}
			if info, err := entry.Info(); err == nil && avoid != nil && os.SameFile(info, avoid) {
				return fs.SkipDir
			}
			return nil
		}
		info, err := os.Stat(path) // follows a link
		switch {
		case err != nil && entry.Type()&fs.ModeSymlink != 0:
			skip(Special, "is a link to a file that is not there")
		case err != nil:
			skip(Unreadable, unreadable(path, err).Reason)
		case info.IsDir():
			skip(Special, "is a link to a folder, which is not followed: choose that folder itself")
		case !info.Mode().IsRegular():
			skip(Special, "is not an ordinary file")
		default:
			return found(path, info)
		}
		return nil
	})
}

// hidden says why a file or folder of that name is passed over, or "".
func hidden(name string) string {
	switch lower := strings.ToLower(name); {
	case strings.HasPrefix(name, "._"):
		return "is a macOS companion file, not a picture"
	case lower == ".ds_store", lower == "thumbs.db", lower == "ehthumbs.db", lower == "desktop.ini",
		lower == "__macosx", lower == "$recycle.bin", lower == "system volume information", lower == "@eadir":
		return "is kept by the system, not a picture"
	case strings.HasPrefix(name, "."):
		return "is hidden (its name starts with a dot)"
	}
	return ""
}

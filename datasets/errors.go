package datasets

import (
	"errors"
	"fmt"
)

// Kind says why a file was passed over.
type Kind uint8

const (
	// Unreadable: the file could not be opened or read.
	Unreadable Kind = iota + 1
	// Hidden: a name that starts with a dot (macOS "._" files and .DS_Store
	// included), or a file or folder that a system keeps for itself.
	Hidden
	// Special: a link to a folder or to nothing, a pipe, a socket, a device.
	Special
	// NotImage: the first bytes are of none of the six formats.
	NotImage
	// Broken: one of the six formats, but damaged or cut short.
	Broken
	// Unsupported: one of the six formats, in a variant that the decoder does
	// not know, such as a TIFF of CMYK colours.
	Unsupported
	// TooBig: over Limits.MaxPixels, MaxFileBytes or MaxMemory.
	TooBig
	// Tiny: the shorter side is under Limits.MinSide.
	Tiny
	// Duplicate: the same picture as a file earlier in the list.
	Duplicate
)

// String names the kind in a word or two, as it is shown in a list.
func (k Kind) String() string {
	switch k {
	case Unreadable:
		return "unreadable"
	case Hidden:
		return "hidden"
	case Special:
		return "not a file"
	case NotImage:
		return "not an image"
	case Broken:
		return "damaged"
	case Unsupported:
		return "unsupported"
	case TooBig:
		return "too big"
	case Tiny:
		return "tiny"
	case Duplicate:
		return "duplicate"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// FileError is the error of every function here that fails because of one
// image file. Its message names the file, the cause and, where there is one,
// the cure.
type FileError struct {
	Path   string // as it was given
	Kind   Kind
	Reason string // one sentence without the path: the cause, then the cure
	Cause  error  // what the system or the decoder said; nil where there is no more to say
}

// Error implements error.
func (e *FileError) Error() string { return e.Path + ": " + e.Reason }

// Unwrap gives the cause.
func (e *FileError) Unwrap() error { return e.Cause }

// Skipped is a file, or a hidden folder, that was passed over.
type Skipped struct {
	Path   string // relative to the root, with forward slashes
	Kind   Kind
	Reason string // one sentence: the cause, then the cure
}

func fileError(path string, kind Kind, cause error, format string, args ...any) *FileError {
	return &FileError{Path: path, Kind: kind, Cause: cause, Reason: fmt.Sprintf(format, args...)}
}

// asFileError finds the FileError in err; any other error becomes an
// Unreadable one.
func asFileError(path string, err error) *FileError {
	var fe *FileError
	if errors.As(err, &fe) {
		return fe
	}
	return fileError(path, Unreadable, err, "cannot be read (%v)", err)
}

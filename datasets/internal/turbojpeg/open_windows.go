package turbojpeg

// open finds nothing: Windows has no place of its own for this library.
func open() (handle uintptr, err error) { return 0, ErrMissing }

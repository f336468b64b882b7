//go:build !windows

package turbojpeg

import (
	"runtime"

	"github.com/ebitengine/purego"
)

// names are where the dynamic linker may find the library.
var names = map[string][]string{
	"linux":  {"libturbojpeg.so.0"},
	"darwin": {"libturbojpeg.0.dylib", "/opt/homebrew/lib/libturbojpeg.0.dylib", "/usr/local/lib/libturbojpeg.0.dylib"},
}

// open opens the system's library.
func open() (handle uintptr, err error) {
	for _, name := range names[runtime.GOOS] {
		if handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL); err == nil {
			return handle, nil
		}
	}
	return 0, ErrMissing
}

// Package turbojpeg decodes JPEG files at a half, a quarter or an eighth of their size by the system's libjpeg-turbo,
// where there is one: the inverse transform then makes only the pixels that are wanted.
//
// The library is opened at run time through its TurboJPEG interface, whose binary form has not changed since version
// 1.4: building the program needs nothing of it, and a machine without it decodes by other means.
package turbojpeg

import (
	"errors"
	"fmt"
	"image"
	"sync"

	"github.com/ebitengine/purego"
)

// ErrMissing says that this machine has no libjpeg-turbo.
var ErrMissing = errors.New("libturbojpeg is not installed")

// Constants of turbojpeg.h.
const (
	formatRGBA    = 7       // TJPF_RGBA
	stopOnWarning = 1 << 13 // TJFLAG_STOPONWARNING
	limitScans    = 1 << 15 // TJFLAG_LIMITSCANS, from 2.1 on; before, an unused bit
)

// library holds the functions of turbojpeg.h. A handle is not to be used by two threads at once.
type library struct {
	open       func() uintptr                                                                                          // tjInitDecompress
	close      func(handle uintptr) int32                                                                              // tjDestroy
	header     func(handle uintptr, data *byte, n uintptr, w, h, sub, space *int32) int32                              // tjDecompressHeader3; an unsigned long has the size of a pointer here
	decompress func(handle uintptr, data *byte, n uintptr, dst *byte, width, pitch, height, format, flags int32) int32 // tjDecompress2
	message    func(handle uintptr) string                                                                             // tjGetErrorStr2
}

var load = sync.OnceValues(func() (lib *library, err error) {
	defer func() {
		if r := recover(); r != nil { // purego's way to say that a function is not there
			lib, err = nil, fmt.Errorf("open libturbojpeg: %v", r)
		}
	}()
	handle, err := open()
	if err != nil {
		return nil, err
	}
	lib = &library{}
	purego.RegisterLibFunc(&lib.open, handle, "tjInitDecompress")
	purego.RegisterLibFunc(&lib.close, handle, "tjDestroy")
	purego.RegisterLibFunc(&lib.header, handle, "tjDecompressHeader3")
	purego.RegisterLibFunc(&lib.decompress, handle, "tjDecompress2")
	purego.RegisterLibFunc(&lib.message, handle, "tjGetErrorStr2")
	return lib, nil
})

// Available says whether this machine has the library.
func Available() bool {
	_, err := load()
	return err == nil
}

// Decode decodes a JPEG file of w×h pixels at one in denominator (1, 2, 4 or 8) of its size, rounded up, as the file
// stores it: no EXIF orientation is applied. It refuses a file in which the library finds anything to remark, such as
// data that are cut short, and one whose header says another size. The pixels are in memory, which must have
// room for four bytes of each.
func Decode(data []byte, w, h, denominator int, memory []byte) (*image.NRGBA, error) {
	lib, err := load()
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, errors.New("an empty file")
	}
	handle := lib.open()
	if handle == 0 {
		return nil, errors.New("libturbojpeg gave no decoder")
	}
	defer lib.close(handle)
	var gotW, gotH, sub, space int32
	if lib.header(handle, &data[0], uintptr(len(data)), &gotW, &gotH, &sub, &space) != 0 {
		return nil, errors.New(lib.message(handle))
	}
	if int(gotW) != w || int(gotH) != h {
		return nil, fmt.Errorf("libturbojpeg reads %d×%d pixels in a header of %d×%d", gotW, gotH, w, h)
	}
	up := func(n int) int { return (n + denominator - 1) / denominator }
	img := &image.NRGBA{Pix: memory[:4*up(w)*up(h)], Stride: 4 * up(w), Rect: image.Rect(0, 0, up(w), up(h))}
	if lib.decompress(handle, &data[0], uintptr(len(data)), &img.Pix[0], int32(up(w)), int32(img.Stride), int32(up(h)), formatRGBA, stopOnWarning|limitScans) != 0 {
		return nil, errors.New(lib.message(handle))
	}
	return img, nil
}

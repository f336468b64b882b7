package datasets

import (
	"bytes"
	"errors"
	"image"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Decoded is one image file as pixels.
type Decoded struct {
	// Image holds the pixels, upright (the EXIF orientation is applied), with
	// straight alpha, 8 bits a channel; its bounds start at (0, 0).
	Image *image.NRGBA
	// Format is the format found in the content: "png", "jpeg", "gif", "bmp",
	// "tiff" or "webp".
	Format string
	// SixteenBit says that the file held 16 bits a channel, of which the upper
	// 8 are kept.
	SixteenBit bool
	// HasAlpha says that at least one pixel is not opaque.
	HasAlpha bool
	// Orientation is the EXIF orientation that the file asked for and that has
	// been applied, 1 (upright) to 8; a missing or invalid one counts as 1.
	Orientation int
}

// wholeFile is the size up to which a file is read into memory in one go.
const wholeFile = 4 << 20

// DecodeFile decodes the image file at path: PNG, JPEG, GIF (its first frame),
// BMP, TIFF (its first page) or WebP, whatever its name says. Its error is a
// *FileError. It may be called from many goroutines: together they keep to one
// budget of DefaultMaxMemory for what decoding needs on the way, and wait for
// each other where that is not enough.
func DecodeFile(path string, lim Limits) (*Decoded, error) {
	var d *Decoded
	err := decodeFile(path, lim.withDefaults(1), nil, func(got *Decoded, _ *io.SectionReader) error {
		d = got
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Decode does what DecodeFile does for a file that is already in memory, for
// example one that was pasted. The name is used in errors only.
func Decode(name string, data []byte, lim Limits) (*Decoded, error) {
	var d *Decoded
	err := decode(name, inMemory(data), lim.withDefaults(1), nil, func(got *Decoded, _ *io.SectionReader) error {
		d = got
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// decodeFile opens and decodes the file at path and passes the result and the
// file to use, while the memory is still accounted for. The limits must be
// complete; for whom see decode.
func decodeFile(path string, lim Limits, whom *target, use func(*Decoded, *io.SectionReader) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return unreadable(path, err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its other end
		if info.IsDir() {
			return fileError(path, Special, nil, "is a folder, not an image file")
		}
		return fileError(path, Special, nil, "is not an ordinary file")
	}
	if info.Size() <= wholeFile {
		data, err := os.ReadFile(path)
		if err != nil {
			return unreadable(path, err)
		}
		return decode(path, inMemory(data), lim, whom, use)
	}
	f, err := os.Open(path)
	if err != nil {
		return unreadable(path, err)
	}
	defer f.Close()
	return decode(path, io.NewSectionReader(f, 0, info.Size()), lim, whom, use)
}

// fileBytes are the bytes of a file.
type fileBytes []byte

// ReadAt is that of io.ReaderAt.
func (b fileBytes) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(b).ReadAt(p, off) }

// inMemory reads from the bytes of a file, which held gives back.
func inMemory(data []byte) *io.SectionReader {
	return io.NewSectionReader(fileBytes(data), 0, int64(len(data)))
}

// held are all bytes of src where they are in memory, else nil.
func held(src *io.SectionReader) []byte {
	r, off, n := src.Outer()
	if b, ok := r.(fileBytes); ok && off == 0 && n == int64(len(b)) {
		return b
	}
	return nil
}

func unreadable(path string, err error) *FileError {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fileError(path, Unreadable, err, "does not exist: check the path")
	case errors.Is(err, fs.ErrPermission):
		return fileError(path, Unreadable, err, "may not be read: change its permissions, or copy it elsewhere")
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err // the path is named already
	}
	return fileError(path, Unreadable, err, "cannot be read (%v): check the disk or the network share", err)
}

// decode checks src against the limits, decodes it and passes the result and
// the file, which may be in memory by then, to use, holding its share of the
// memory budget until use returns. Where whom is a square that needs few of the
// pixels of a JPEG file, the result is the part that the square shows, at the
// size that it has there: FitSquare has only to put it in its place. Nil is for
// whoever wants the whole picture.
func decode(path string, src *io.SectionReader, lim Limits, whom *target, use func(*Decoded, *io.SectionReader) error) (err error) {
	head := make([]byte, sniffLen)
	n, err := src.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return unreadable(path, err)
	}
	c, what := sniff(head[:n])
	if c == nil {
		if what == "" {
			what = "no image format that is known here"
		}
		return fileError(path, NotImage, nil, "%s: only PNG, JPEG, GIF, BMP, TIFF and WebP can be read", what)
	}
	if src.Size() > lim.MaxFileBytes {
		return fileError(path, TooBig, nil, "the file has %s, more than the limit of %s: make it smaller", byteCount(src.Size()), byteCount(lim.MaxFileBytes))
	}

	config, err := guardConfig(c, src)
	if err != nil {
		return broken(path, c, err)
	}
	w, h := int64(config.Width), int64(config.Height)
	if w <= 0 || h <= 0 {
		return fileError(path, Broken, nil, "the header says %d×%d pixels: the file is damaged", w, h)
	}
	if w > int64(lim.MaxPixels)/h {
		return fileError(path, TooBig, nil, "%d×%d pixels are more than the limit of %.3g million: make it smaller", w, h, float64(lim.MaxPixels)/1e6)
	}
	if min(w, h) < int64(lim.MinSide) {
		return fileError(path, Tiny, nil, "%d×%d pixels: the shorter side is under %d", w, h, lim.MinSide)
	}
	f := c.facts(src, config)
	if f.orientation < 1 || f.orientation > 8 {
		f.orientation = 1
	}
	if f.orientation > 1 {
		f.perPixel += 4
	}
	need := f.perPixel*w*h + f.extra
	if need > lim.MaxMemory {
		return fileError(path, TooBig, nil, "decoding %d×%d pixels of this kind needs about %s, more than the limit of %s: make it smaller", w, h, byteCount(need), byteCount(lim.MaxMemory))
	}

	if d, read, release := tryReduced(src, f, config, lim, whom); d != nil {
		defer release()
		return use(d, read)
	}
	release := memory.acquire(need)
	defer release()
	d, err := guardDecode(c, src, f.orientation)
	if err != nil {
		return broken(path, c, err)
	}
	// The frame of a GIF may be smaller than its canvas.
	if b := d.Image.Rect; min(b.Dx(), b.Dy()) < lim.MinSide {
		return fileError(path, Tiny, nil, "%d×%d pixels: the shorter side is under %d", b.Dx(), b.Dy(), lim.MinSide)
	}
	return use(d, src)
}

// guardConfig reads the header; a panic in the decoder is its error.
func guardConfig(c *codec, src *io.SectionReader) (config image.Config, err error) {
	defer recoverTo(&err)
	return c.config(c.stream(src))
}

// guardDecode decodes, converts and turns upright; a panic on the way is its
// error.
func guardDecode(c *codec, src *io.SectionReader, orientation int) (d *Decoded, err error) {
	defer recoverTo(&err)
	img, err := c.decode(c.stream(src))
	if err != nil {
		return nil, err
	}
	pixels, err := ToNRGBA(img)
	if err != nil {
		return nil, err
	}
	d = &Decoded{Format: c.name, SixteenBit: sixteenBit(img), HasAlpha: !pixels.Opaque(), Orientation: orientation}
	d.Image = turnUpright(pixels, orientation)
	return d, nil
}

func recoverTo(err *error) {
	if r := recover(); r != nil {
		*err = errors.New("the decoder gave up on its structure")
		if e, ok := r.(error); ok {
			*err = errors.Join(*err, e)
		}
	}
}

// broken words a decoder's error for the owner of the file.
func broken(path string, c *codec, cause error) *FileError {
	name := strings.ToUpper(c.name)
	if c == &codecs.webp {
		name = "WebP"
	}
	first, _, _ := strings.Cut(cause.Error(), "\n")
	switch {
	case errors.Is(cause, io.ErrUnexpectedEOF), errors.Is(cause, io.EOF):
		return fileError(path, Broken, cause, "the %s file is cut short: copy or download it again", name)
	case strings.Contains(first, "unsupported"):
		return fileError(path, Unsupported, cause, "this variant of %s is not supported (%s): save it as an ordinary PNG or JPEG", name, first)
	}
	return fileError(path, Broken, cause, "the %s file is damaged (%s): copy or download it again, or save it anew", name, first)
}

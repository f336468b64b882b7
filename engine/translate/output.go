package translate

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Format is the format of the files that Run writes.
type Format uint8

const (
	// PNG keeps every pixel and the alpha. It is the zero value.
	PNG Format = iota
	// JPEG is smaller and has no alpha: the background shows.
	JPEG
)

// String gives the name that ParseFormat takes.
func (f Format) String() string {
	if f == JPEG {
		return "jpeg"
	}
	return "png"
}

// ext is the ending of file names, with the dot.
func (f Format) ext() string {
	if f == JPEG {
		return ".jpg"
	}
	return ".png"
}

// ParseFormat finds the format of that name: png, jpeg or jpg, in any case.
func ParseFormat(name string) (Format, error) {
	switch strings.ToLower(name) {
	case "png":
		return PNG, nil
	case "jpeg", "jpg":
		return JPEG, nil
	}
	return 0, fmt.Errorf("%q is not a format to write: choose png or jpeg", name)
}

// An ExistsError refuses an output because there is a file of that name that
// must not be replaced.
type ExistsError struct {
	Path   string
	Reason string // the cause, then the cure
}

// Error implements error.
func (e *ExistsError) Error() string { return e.Path + ": " + e.Reason }

// ErrFolderGone is wrapped by the errors of images whose output folder was deleted meanwhile.
var ErrFolderGone = errors.New("the output folder is gone: bring it back, or choose another one")

// An outputs is an output folder that is being filled.
type outputs struct {
	dir     string // absolute
	journal *journal
	options Options
	hash    string          // of everything that decides what an output looks like
	inputs  map[string]bool // absolute paths of what must never be replaced
	serial  atomic.Int64
	// flush brings all that was written to the output folder's file system to the
	// disk. It is nil where the system has no such call that can be relied on; then
	// writers bring every file there by itself.
	flush func() error
}

// settingsHash covers the network's settings and the options that change the
// pixels or the file.
func settingsHash(o Options) string {
	quality := 0
	if o.Format == JPEG {
		quality = o.Quality
	}
	text := fmt.Appendf(nil, "%q %v %v %v %v %d", o.Settings, o.Size, o.Fit, o.Background, o.Format, quality)
	if o.GreyStays { // without it, exports of earlier versions count
		text = append(text, " grey"...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

func (w *outputs) path(j *job) string { return filepath.Join(w.dir, filepath.FromSlash(j.out)) }

// check decides, before any work, about a job whose input is in the given
// state: it is done, it may be done (with no error), or it must not be.
func (w *outputs) check(j *job, in fs.FileInfo) (done bool, err error) {
	name := w.path(j)
	if w.inputs[name] {
		return false, &ExistsError{name, "is itself one of the inputs: choose another output folder"}
	}
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", name, err)
	}
	if info.IsDir() {
		return false, &ExistsError{name, "there is a folder of this name: choose another output folder"}
	}
	if w.options.Overwrite {
		return false, nil
	}
	e, ours, err := describing(name, info, w.journal.past[j.out])
	if err != nil {
		return false, err
	}
	switch {
	case !ours:
		return false, &ExistsError{name, "exists and was not written by this export, or was changed since: choose another output folder, or allow overwriting (--overwrite)"}
	case string(e.In) != j.abs:
		return false, &ExistsError{name, "is the translation of another file, " + string(e.In) + ": choose another output folder, or allow overwriting (--overwrite)"}
	case e.Settings != w.hash:
		return false, &ExistsError{name, "was written with other settings: choose another output folder, or allow overwriting (--overwrite)"}
	case e.InSize != in.Size() || e.InTime != in.ModTime().UnixNano():
		return false, &ExistsError{name, "was made before the input changed: allow overwriting (--overwrite), or choose another output folder"}
	}
	return true, nil
}

// describing returns the entry, out of those for one output, that the file is
// as described in: the latest of its size and time or, where the times differ,
// for example after copying the folder, of its content.
func describing(name string, info fs.FileInfo, past []entry) (_ entry, found bool, err error) {
	if !info.Mode().IsRegular() {
		return entry{}, false, nil
	}
	for _, e := range slices.Backward(past) {
		if e.Size == info.Size() && e.Time == info.ModTime().UnixNano() {
			return e, true, nil
		}
	}
	content := ""
	for _, e := range slices.Backward(past) {
		if e.Size != info.Size() {
			continue
		}
		if content == "" {
			if content, err = contentOf(name); err != nil {
				return entry{}, false, fmt.Errorf("check the existing %s: %w", name, err)
			}
		}
		if content == e.SHA256 {
			return e, true, nil
		}
	}
	return entry{}, false, nil
}

// contentOf is the SHA-256 of a file, as the journal has it.
func contentOf(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// An output is a translation in a file that is whole but has not got its name yet.
type output struct {
	job   *job
	temp  string
	entry entry
	spent time.Duration
}

// write stores img in a file of its own.
func (w *outputs) write(j *job, in fs.FileInfo, img *image.NRGBA, memory *writing) (*output, error) {
	out := &output{job: j, temp: filepath.Join(w.journal.dir, "partial", fmt.Sprint(w.serial.Add(1)))}
	size, modified, sum, err := w.encodeTo(out.temp, img, memory)
	if err != nil {
		return nil, w.failed(out, err)
	}
	out.entry = entry{
		In: filename(j.abs), InSize: in.Size(), InTime: in.ModTime().UnixNano(), Settings: w.hash,
		Out: filename(j.out), Size: size, Time: modified, SHA256: sum,
	}
	return out, nil
}

// keep gives outputs their names, once they are in the journal and on the disk. A
// crash before that moment leaves nothing under the name; after it, the whole file
// and its line. The errors are in the order of the outputs.
func (w *outputs) keep(group []*output) []error {
	errs := make([]error, len(group))
	entries := make([]entry, len(group))
	for i, out := range group {
		entries[i] = out.entry
	}
	err := w.journal.record(entries)
	if err != nil {
		err = fmt.Errorf("journal: %w", err)
	}
	singly := err == nil && w.flush != nil && (len(group) < many || w.flush() != nil)
	for i, out := range group {
		err := err
		if err == nil && singly {
			err = syncFile(out.temp)
		}
		if err == nil {
			err = w.name(out)
		}
		if err != nil {
			errs[i] = w.failed(out, err)
		}
	}
	return errs
}

// many is the number of outputs from which on one call brings them to the disk.
// It waits for what other programs have written too; a call for every output does
// not, but writes the file system's own tables each time: with it, an export of
// small pictures took a twelfth longer.
const many = 8

func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (w *outputs) name(out *output) error {
	name := w.path(out.job)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	if w.options.Overwrite {
		return os.Rename(out.temp, name)
	}
	return moveNew(out.temp, name)
}

// failed clears away what is there of an output, and says for which this was.
func (w *outputs) failed(out *output, err error) error {
	if rm := os.Remove(out.temp); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	var exists *ExistsError
	if errors.As(err, &exists) {
		return err
	}
	if _, gone := os.Stat(w.dir); errors.Is(gone, fs.ErrNotExist) {
		err = fmt.Errorf("%w (%w)", ErrFolderGone, err)
	}
	return fmt.Errorf("write %s: %w", w.path(out.job), err)
}

// moveNew gives temp its name unless there is a file of that name. A hard link
// decides that in one step; where a file system has none, a look goes first.
func moveNew(temp, name string) error {
	taken := &ExistsError{name, "appeared while its translation was made: choose another output folder, or allow overwriting (--overwrite)"}
	err := os.Link(temp, name)
	if err == nil {
		return os.Remove(temp)
	}
	if errors.Is(err, fs.ErrExist) {
		// A file server whose answer was lost is asked again, and finds the
		// link that it has made.
		if sameFile(temp, name) {
			return os.Remove(temp)
		}
		return taken
	}
	if _, err := os.Lstat(name); err == nil {
		return taken
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(temp, name)
}

// sameFile reports whether two names are links to one file.
func sameFile(a, b string) bool {
	x, err := os.Lstat(a)
	if err != nil {
		return false
	}
	y, err := os.Lstat(b)
	return err == nil && os.SameFile(x, y)
}

// encodeTo writes img to a new file, which is on the disk when it returns unless
// keep brings it there.
func (w *outputs) encodeTo(name string, img *image.NRGBA, memory *writing) (size, modified int64, sum string, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return 0, 0, "", err
	}
	hash := sha256.New()
	to := io.MultiWriter(f, hash)
	if memory.buffer == nil {
		memory.buffer = bufio.NewWriterSize(to, 64<<10)
	}
	memory.buffer.Reset(to)
	err = w.encode(memory.buffer, img, &memory.png)
	if err == nil {
		err = memory.buffer.Flush()
	}
	if err == nil && w.flush == nil {
		err = f.Sync()
	}
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return 0, 0, "", err
	}
	return info.Size(), info.ModTime().UnixNano(), hex.EncodeToString(hash.Sum(nil)), nil
}

func (w *outputs) encode(to io.Writer, img *image.NRGBA, png *pngEncoder) error {
	if w.options.Format == JPEG {
		flatten(img, w.options.Background)
		return jpeg.Encode(to, img, &jpeg.Options{Quality: w.options.Quality})
	}
	return png.encode(to, img)
}

// flatten puts img on an opaque background.
func flatten(img *image.NRGBA, background color.NRGBA) {
	bg := [3]float32{float32(background.R), float32(background.G), float32(background.B)}
	for i := 0; i < len(img.Pix); i += 4 {
		p := img.Pix[i : i+4]
		if p[3] == 255 {
			continue
		}
		a := float32(p[3]) / 255
		for v := range 3 {
			p[v] = toByte(a*float32(p[v]) + (1-a)*bg[v])
		}
		p[3] = 255
	}
}

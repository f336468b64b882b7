package datasets

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/zeebo/xxh3"
)

// Open makes a set of the images in the folder root. Decoding runs on all
// cores; the result is kept in a file in cacheDir, which is created if need be
// and may be deleted at any time, and is mapped into memory from there. So a
// set takes no more memory than its bytes, N·S·S·3, and those can be given back
// to the system under pressure. With an empty cacheDir the file is a temporary
// one that Close removes.
//
// Opening the folder again decodes only what has changed since, going by size
// and time of change, and by content for files that were changed in the two
// seconds before they were cached, which a clock may be too coarse to tell.
//
// A file that cannot be used is listed in Skipped. A folder without a single
// usable picture is no error here; Check is for that. The errors are a folder
// or a cache that cannot be used at all, impossible options, and ctx's.
func Open(ctx context.Context, root, cacheDir string, o Options) (*Set, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	built := time.Now()
	temporary := cacheDir == ""
	if temporary {
		if cacheDir, err = os.MkdirTemp("", "straightway-images-"); err != nil {
			return nil, fmt.Errorf("make a temporary folder for the images of %s: %w", root, err)
		}
	}
	s, err := open(ctx, root, cacheDir, o, built)
	if temporary {
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(cacheDir))
		}
		unmap := s.close
		s.close = func() error { return errors.Join(unmap(), os.RemoveAll(cacheDir)) }
	}
	return s, err
}

func open(ctx context.Context, root, cacheDir string, o Options, built time.Time) (*Set, error) {
	var entries []entry
	var passed []Skipped
	ours := filepath.Clean(cacheDir)
	err := walk(ctx, root, !o.Flat, cacheDir, func(path string, info fs.FileInfo) error {
		if filepath.Dir(path) == ours && strings.Contains(info.Name(), cacheSuffix) {
			return nil // the cache is kept among the pictures
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return fmt.Errorf("list the folder %s: %w", root, err)
		}
		entries = append(entries, entry{filepath.ToSlash(rel), info.Size(), info.ModTime().UnixNano()})
		return nil
	}, func(s Skipped) { passed = append(passed, s) })
	if err != nil {
		return nil, err
	}
	name, err := cacheName(root, o)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(cacheDir, name)

	// A cache that is missing or damaged is nothing to report: it is made anew.
	old, _ := openCache(path)
	past := history{root: root, built: built.UnixNano(), cache: old, slot: map[string]slot{}}
	if old != nil {
		past.remember()
		fresh, err := past.covers(ctx, entries)
		if err != nil {
			return nil, errors.Join(err, old.close())
		}
		if fresh {
			return newSet(root, old, passed, 0), nil
		}
	}
	decoded, err := build(ctx, root, path, o, entries, past, built)
	err = errors.Join(err, old.close())
	if err != nil {
		return nil, err
	}
	now, err := openCache(path)
	if err != nil {
		return nil, fmt.Errorf("read back the image cache %s: %w", path, err)
	}
	return newSet(root, now, passed, decoded), nil
}

// cacheName depends on all that decides about the pixels but the files.
func cacheName(root string, o Options) (string, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("find the folder %s: %w", root, err)
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%q %d %v %v %v %v %+v", abs, o.Size, o.Fit, o.Background, o.Flat, o.KeepDuplicates, o.Limits))
	return fmt.Sprintf("%dpx-%v-%s%s", o.Size, o.Fit, hex.EncodeToString(key[:8]), cacheSuffix), nil
}

func newSet(root string, c *cacheFile, passed []Skipped, decoded int) *Set {
	s := &Set{root: root, size: int(c.Size), pixels: c.pixels(), skipped: passed, decoded: decoded, total: len(c.records), close: c.close}
	for _, r := range c.records {
		if r.kind == 0 {
			s.names = append(s.names, r.rel)
			s.content = append(s.content, r.pixels)
			s.squares = append(s.squares, r.fitted)
		} else {
			s.skipped = append(s.skipped, Skipped{Path: r.rel, Kind: r.kind, Reason: r.reason})
		}
	}
	return s
}

// history answers for files that have not changed since the last cache.
type history struct {
	root  string
	built int64      // when the folder was listed this time, Unix nanoseconds
	cache *cacheFile // nil: there is none
	slot  map[string]slot
}

// slot is a record of the last cache and its square.
type slot struct {
	record *record
	square []byte // nil where the file was passed over
}

func (h *history) remember() {
	pixels, one := h.cache.pixels(), h.cache.one()
	for i := range h.cache.records {
		s := slot{record: &h.cache.records[i]}
		if s.record.kind == 0 {
			s.square, pixels = pixels[:one:one], pixels[one:]
		}
		h.slot[s.record.rel] = s
	}
}

// coarse is how far apart two changes of a file must be for its time to tell
// them apart on every file system; FAT counts in two seconds.
const coarse = 2 * time.Second

// tooFresh says that a file of a folder listed at the time built may have been
// changed since without its time telling: then its content must.
func tooFresh(e entry, built int64) bool { return e.mtime >= built-int64(coarse) }

// recall finds what became of a file that has not changed.
func (h *history) recall(e entry) (slot, bool) {
	s, ok := h.slot[e.rel]
	if !ok || s.record.entry != e || s.record.kind == Unreadable { // permissions change without the time
		return slot{}, false
	}
	if tooFresh(e, h.cache.Built) {
		id, err := identifyFile(filepath.Join(h.root, filepath.FromSlash(e.rel)))
		if err != nil || id != s.record.file {
			return slot{}, false
		}
	}
	return s, true
}

// covers says whether the cache is of exactly these files as they are.
func (h *history) covers(ctx context.Context, entries []entry) (bool, error) {
	if len(entries) != len(h.cache.records) {
		return false, nil
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if _, ok := h.recall(e); !ok {
			return false, nil
		}
	}
	return true, nil
}

// outcome is a record on its way into the cache.
type outcome struct {
	record  record
	square  []byte
	decoded bool
}

// build writes the cache file for the entries and says how many it decoded.
func build(ctx context.Context, root, path string, o Options, entries []entry, past history, built time.Time) (decoded int, err error) {
	failed := func(err error) error {
		return fmt.Errorf("write the image cache %s: free some disk space or check the folder's permissions: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return 0, failed(err)
	}
	removeLeftovers(filepath.Dir(path))
	w, err := createCache(path, o.Size, built.UnixNano())
	if err != nil {
		return 0, failed(err)
	}
	defer func() {
		if err != nil {
			w.abort()
		}
	}()

	records := make([]record, 0, len(entries))
	first := map[identity]string{} // the name of the first file with each square
	for got := range outcomes(ctx, root, o, entries, past) {
		if r := &got.record; r.kind == Duplicate {
			// Recalled as one; but is the picture that it equals still there?
			if same, seen := first[r.fitted]; seen {
				r.reason = duplicateOf(same, o.Size)
			} else {
				got = process(root, o, r.entry, history{built: past.built})
			}
		}
		r := got.record
		if got.decoded {
			decoded++
		}
		if r.kind == 0 && !o.KeepDuplicates {
			if same, seen := first[r.fitted]; seen {
				r.kind, r.reason = Duplicate, duplicateOf(same, o.Size)
			} else {
				first[r.fitted] = r.rel
			}
		}
		if r.kind == 0 {
			if err := w.add(got.square); err != nil {
				return decoded, failed(err)
			}
		}
		records = append(records, r)
		o.Progress(len(records), len(entries), r.rel)
	}
	if err := ctx.Err(); err != nil {
		return decoded, err
	}
	if err := w.finish(records); err != nil {
		return decoded, failed(err)
	}
	return decoded, nil
}

func duplicateOf(name string, size int) string {
	return fmt.Sprintf("shows the same as %s at %d px, which is kept", name, size)
}

// outcomes works on the entries with o.Workers goroutines and yields what
// became of each, in order. A few times as many as there are workers may be
// done and waiting for a slow one before them. It stops early when the loop
// breaks or ctx ends.
func outcomes(ctx context.Context, root string, o Options, entries []entry, past history) func(yield func(outcome) bool) {
	return func(yield func(outcome) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var working sync.WaitGroup
		defer working.Wait()
		defer cancel()

		type job struct {
			entry entry
			done  chan outcome
		}
		jobs := make(chan job)
		queue := make(chan chan outcome, 8*o.Workers)
		working.Go(func() {
			defer close(queue)
			defer close(jobs)
			for _, e := range entries {
				done := make(chan outcome, 1)
				select {
				case queue <- done:
				case <-ctx.Done():
					return
				}
				select {
				case jobs <- job{e, done}:
				case <-ctx.Done():
					return
				}
			}
		})
		for range o.Workers {
			working.Go(func() {
				for j := range jobs {
					j.done <- process(root, o, j.entry, past)
				}
			})
		}
		for done := range queue {
			select {
			case got := <-done:
				if !yield(got) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// process decodes and fits one file, or recalls what became of it.
func process(root string, o Options, e entry, past history) outcome {
	if old, ok := past.recall(e); ok {
		return outcome{record: *old.record, square: old.square}
	}
	path := filepath.Join(root, filepath.FromSlash(e.rel))
	got := outcome{record: record{entry: e}, decoded: true}
	err := decodeFile(path, o.Limits, &target{o.Size, o.Fit}, func(d *Decoded, src *io.SectionReader) error {
		var err error
		if tooFresh(e, past.built) {
			if got.record.file, err = identifyReader(io.NewSectionReader(src, 0, src.Size())); err != nil {
				return unreadable(path, err)
			}
		}
		if got.record.pixels, err = identifyContent(d, src); err != nil {
			return unreadable(path, err)
		}
		got.square = FitSquare(d.Image, o.Size, o.Fit, o.Background)
		got.record.fitted = identify(got.square)
		return nil
	})
	if err != nil {
		fe := asFileError(path, err)
		got.record.kind, got.record.reason, got.square = fe.Kind, fe.Reason, nil
		if e.size <= wholeFile && tooFresh(e, past.built) {
			got.record.file, _ = identifyFile(path) // zero if it cannot be read, which matches nothing
		}
	}
	return got
}

// identifyContent tells pictures apart by their upright pixels and shape or,
// where these would depend on the size that is decoded, by the code of them.
func identifyContent(d *Decoded, src *io.SectionReader) (identity, error) {
	if d.Format == codecs.jpeg.name {
		return identifyJPEG(src, d.Orientation)
	}
	h := sha256.New()
	shape := binary.LittleEndian.AppendUint32(nil, uint32(d.Image.Rect.Dx()))
	h.Write(binary.LittleEndian.AppendUint32(shape, uint32(d.Image.Rect.Dy())))
	h.Write(d.Image.Pix)
	return identity(h.Sum(nil)[:16]), nil
}

func identifyFile(path string) (identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return identity{}, err
	}
	defer f.Close()
	return identifyReader(f)
}

func identifyReader(r io.Reader) (identity, error) {
	h := xxh3.New()
	if _, err := io.Copy(h, r); err != nil {
		return identity{}, err
	}
	return h.Sum128().Bytes(), nil
}

// removeLeftovers deletes what an interrupted build left a day ago or earlier;
// a younger one may belong to another program that is still at it.
func removeLeftovers(dir string) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, f := range files {
		info, err := f.Info()
		if err == nil && strings.Contains(f.Name(), cacheTemp) && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(filepath.Join(dir, f.Name()))
		}
	}
}

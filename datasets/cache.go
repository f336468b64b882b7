package datasets

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/edsrzf/mmap-go"
)

// A cache file holds the squares of one folder under one set of options:
//
//	0            header, little-endian, the rest of the first 4096 bytes zero
//	4096         count × size × size × 3 bytes of pixels
//	then         the index: one entry for each file that was looked at
//
// All three carry a CRC-32C, and the lengths must add up to that of the file,
// so that a file cut short or changed is noticed and made anew. It is written
// under a temporary name, synced and renamed: a file of the right name is whole.

const (
	cacheMagic   = "SWsquare"
	cacheVersion = 3 // raise it also when decoding or fitting gives other pixels
	cacheSuffix  = ".images"
	cacheTemp    = ".images-tmp-"
	pixelsStart  = 4096
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type cacheHeader struct {
	Magic      [8]byte
	Version    uint32
	Size       uint32
	Count      uint64 // pictures
	Entries    uint64 // of the index
	IndexBytes uint64
	Built      int64 // when the folder was listed, Unix nanoseconds
	PixelsCRC  uint32
	IndexCRC   uint32
	HeaderCRC  uint32 // of everything above
}

// entry is a candidate file as it was listed.
type entry struct {
	rel   string // relative to the root, with forward slashes
	size  int64
	mtime int64 // Unix nanoseconds
}

// record is what became of a candidate.
type record struct {
	entry
	kind   Kind     // why it was passed over; 0: it is a picture
	reason string   // likewise; "" for a picture
	file   identity // of the file's bytes, where it is tooFresh and that was affordable
	pixels identity // of the content, see identifyContent
	fitted identity // of the square
}

// encodeIndex and decodeIndex are each other's inverse.
func encodeIndex(records []record) []byte {
	var b []byte
	for _, r := range records {
		b = append(b, byte(r.kind))
		b = binary.LittleEndian.AppendUint64(b, uint64(r.size))
		b = binary.LittleEndian.AppendUint64(b, uint64(r.mtime))
		b = append(b, r.file[:]...)
		b = append(b, r.pixels[:]...)
		b = append(b, r.fitted[:]...)
		for _, s := range []string{r.rel, r.reason} {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
			b = append(b, s...)
		}
	}
	return b
}

func decodeIndex(b []byte, n uint64) (records []record, err error) {
	const fixed = 1 + 8 + 8 + 3*16
	if n > uint64(len(b)/fixed) {
		return nil, errors.New("the index is too short")
	}
	records = make([]record, n)
	for i := range records {
		r := &records[i]
		if len(b) < fixed {
			return nil, errors.New("the index is too short")
		}
		r.kind = Kind(b[0])
		if r.kind > Duplicate {
			return nil, errors.New("the index has an unknown kind")
		}
		r.size = int64(binary.LittleEndian.Uint64(b[1:]))
		r.mtime = int64(binary.LittleEndian.Uint64(b[9:]))
		copy(r.file[:], b[17:])
		copy(r.pixels[:], b[33:])
		copy(r.fitted[:], b[49:])
		b = b[fixed:]
		for _, s := range []*string{&r.rel, &r.reason} {
			if len(b) < 4 || uint64(len(b)-4) < uint64(binary.LittleEndian.Uint32(b)) {
				return nil, errors.New("the index is too short")
			}
			end := 4 + int(binary.LittleEndian.Uint32(b))
			*s, b = string(b[4:end]), b[end:]
		}
	}
	return records, nil
}

// cacheFile is a cache file that was found whole, mapped into memory.
type cacheFile struct {
	cacheHeader
	records []record
	mapping mmap.MMap
}

func (c *cacheFile) one() int { return int(c.Size) * int(c.Size) * 3 }

// pixels is all squares; it must not be written to.
func (c *cacheFile) pixels() []byte {
	return c.mapping[pixelsStart : pixelsStart+int(c.Count)*c.one()]
}

func (c *cacheFile) close() error {
	if c == nil || c.mapping == nil {
		return nil
	}
	return c.mapping.Unmap()
}

// openCache maps the cache file at path, or says what is wrong with it.
func openCache(path string) (*cacheFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	head := make([]byte, pixelsStart)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	c := &cacheFile{}
	if _, err := binary.Decode(head, binary.LittleEndian, &c.cacheHeader); err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	if string(c.Magic[:]) != cacheMagic || c.Version != cacheVersion || c.HeaderCRC != c.checksum() {
		return nil, errors.New("the header is of another version, or damaged")
	}
	// The header is as it was written, so these numbers are sane.
	pixelBytes := int64(c.Count) * int64(c.one())
	if info.Size() != pixelsStart+pixelBytes+int64(c.IndexBytes) {
		return nil, errors.New("the file is cut short")
	}
	// Reading instead of touching the mapping keeps the process small.
	sum := crc32.New(castagnoli)
	if _, err := io.CopyBuffer(onlyWriter{sum}, io.LimitReader(f, pixelBytes), make([]byte, 1<<20)); err != nil {
		return nil, fmt.Errorf("read the pixels: %w", err)
	}
	if sum.Sum32() != c.PixelsCRC {
		return nil, errors.New("the pixels are damaged")
	}
	index := make([]byte, c.IndexBytes)
	if _, err := io.ReadFull(f, index); err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	if crc32.Checksum(index, castagnoli) != c.IndexCRC {
		return nil, errors.New("the index is damaged")
	}
	if c.records, err = decodeIndex(index, c.Entries); err != nil {
		return nil, err
	}
	if c.mapping, err = mmap.Map(f, mmap.RDONLY, 0); err != nil {
		return nil, fmt.Errorf("map the file into memory: %w", err)
	}
	return c, nil
}

// onlyWriter hides a ReadFrom, so that CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

// checksum is the CRC of the header up to the CRC itself.
func (h cacheHeader) checksum() uint32 {
	b := h.encode()
	return crc32.Checksum(b[:len(b)-4], castagnoli)
}

func (h cacheHeader) encode() []byte {
	var b bytes.Buffer
	// A struct of fixed-size fields into a buffer cannot fail.
	_ = binary.Write(&b, binary.LittleEndian, h)
	return b.Bytes()
}

// cacheWriter writes a cache file square by square.
type cacheWriter struct {
	path string
	f    *os.File
	buf  *bufio.Writer
	head cacheHeader
}

func createCache(path string, size int, built int64) (*cacheWriter, error) {
	dir, name := filepath.Split(path)
	f, err := os.CreateTemp(dir, name+cacheTemp+"*")
	if err != nil {
		return nil, err
	}
	w := &cacheWriter{path: path, f: f, buf: bufio.NewWriterSize(f, 1<<20)}
	w.head = cacheHeader{Version: cacheVersion, Size: uint32(size), Built: built}
	copy(w.head.Magic[:], cacheMagic)
	if _, err := w.buf.Write(make([]byte, pixelsStart)); err != nil {
		w.abort()
		return nil, err
	}
	return w, nil
}

// add appends a square.
func (w *cacheWriter) add(square []byte) error {
	w.head.Count++
	w.head.PixelsCRC = crc32.Update(w.head.PixelsCRC, castagnoli, square)
	_, err := w.buf.Write(square)
	return err
}

// finish writes the index and the header and puts the file in its place.
func (w *cacheWriter) finish(records []record) error {
	index := encodeIndex(records)
	w.head.Entries, w.head.IndexBytes = uint64(len(records)), uint64(len(index))
	w.head.IndexCRC = crc32.Checksum(index, castagnoli)
	w.head.HeaderCRC = w.head.checksum()
	if _, err := w.buf.Write(index); err != nil {
		return err
	}
	if err := w.buf.Flush(); err != nil {
		return err
	}
	if _, err := w.f.WriteAt(w.head.encode(), 0); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return err
	}
	if err := w.f.Close(); err != nil {
		return err
	}
	if err := os.Rename(w.f.Name(), w.path); err != nil {
		return err
	}
	if dir, err := os.Open(filepath.Dir(w.path)); err == nil {
		_ = dir.Sync() // not every system can; the rename is atomic all the same
		_ = dir.Close()
	}
	return nil
}

// abort removes what finish has not put in its place.
func (w *cacheWriter) abort() {
	_ = w.f.Close()
	_ = os.Remove(w.f.Name())
}

package project

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unsafe"
)

// The safetensors format (huggingface.co/docs/safetensors): the length of the
// header as a little-endian uint64; the header, a JSON object from a tensor's
// name to its type, shape and place in the data, with "__metadata__" for
// strings; and the data, without holes.
//
// The checksum is the CRC-32C of the header, with the eight digits of the
// checksum itself taken as zeros, followed by the data. So a change of a
// single byte anywhere is noticed: in the header's length because the parts
// then no longer fill the file.
const (
	metadataKey  = "__metadata__"
	checksumKey  = "straightway_crc32c"
	checksumZero = "00000000"
	maxHeader    = 100 << 20 // the limit of the reference implementation
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged is wrapped by the error for a safetensors file whose content is
// not what was written.
var ErrDamaged = errors.New("the file is damaged")

// place is a tensor's entry in the header.
type place struct {
	DType   DType  `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// WriteSafetensors writes tensors and metadata to path, atomically as
// [WriteFile] does, with a checksum. Any safetensors library reads the file.
func WriteSafetensors(path string, tensors []Tensor, meta map[string]string) error {
	encode, err := encoder(tensors, meta)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return WriteFile(path, encode)
}

// encoder checks the tensors and returns the function that writes them.
func encoder(tensors []Tensor, meta map[string]string) (func(io.Writer) error, error) {
	header := map[string]any{}
	strings := maps.Clone(meta)
	if strings == nil {
		strings = map[string]string{}
	}
	if _, taken := strings[checksumKey]; taken {
		return nil, fmt.Errorf("the metadata name %s is reserved", checksumKey)
	}
	strings[checksumKey] = checksumZero
	header[metadataKey] = strings

	// The widest elements first, so that every tensor is aligned.
	ordered := slices.Clone(tensors)
	slices.SortStableFunc(ordered, func(a, b Tensor) int { return b.DType.Size() - a.DType.Size() })
	end := 0
	for _, t := range ordered {
		if err := t.check(); err != nil {
			return nil, err
		}
		if _, taken := header[t.Name]; taken || t.Name == "" {
			return nil, fmt.Errorf("the tensor name %q is empty, reserved or used twice", t.Name)
		}
		header[t.Name] = place{t.DType, append([]int{}, t.Shape...), [2]int{end, end + len(t.Data)}}
		end += len(t.Data)
	}
	text, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	if pad := len(text) % 8; pad != 0 {
		text = append(text, bytes.Repeat([]byte{' '}, 8-pad)...)
	}
	if len(text) > maxHeader {
		return nil, fmt.Errorf("the names of %d tensors take %d bytes, more than the format's limit of %d", len(tensors), len(text), maxHeader)
	}
	at, ok := checksumPlace(text, checksumZero)
	if !ok {
		return nil, fmt.Errorf("a tensor or metadata entry imitates the checksum %s: rename it", checksumKey)
	}
	sum := crc32.Update(0, castagnoli, text)
	for _, t := range ordered {
		sum = crc32.Update(sum, castagnoli, t.Data)
	}
	copy(text[at:], fmt.Sprintf("%08x", sum))
	return func(w io.Writer) error {
		if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		for _, t := range ordered {
			if _, err := w.Write(t.Data); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// checksumPlace finds where the digits of the checksum begin in the header. It
// must be there exactly once.
func checksumPlace(header []byte, digits string) (int, bool) {
	key := []byte(`"` + checksumKey + `":"` + digits)
	if bytes.Count(header, key) != 1 {
		return 0, false
	}
	return bytes.Index(header, key) + len(key) - len(digits), true
}

// File is the content of a safetensors file.
type File struct {
	Tensors []Tensor          // in the order of their data; they share one block of memory
	Meta    map[string]string // without the checksum
	// Verified tells that the file had a checksum and that it was right. Files
	// that other programs wrote have none.
	Verified bool
}

// Tensor returns the tensor of a name, or an error that lists what there is.
func (f *File) Tensor(name string) (Tensor, error) {
	for _, t := range f.Tensors {
		if t.Name == name {
			return t, nil
		}
	}
	names := make([]string, 0, len(f.Tensors))
	for _, t := range f.Tensors[:min(len(f.Tensors), 8)] {
		names = append(names, t.Name)
	}
	return Tensor{}, fmt.Errorf("there is no tensor %q among the %d of this file (%s, ...)", name, len(f.Tensors), strings.Join(names, ", "))
}

// ReadSafetensors reads a safetensors file and verifies its structure and,
// where there is one, its checksum. The data are read once, into one block. A
// damaged file gives an error that wraps ErrDamaged.
func ReadSafetensors(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, explain("reading", path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, explain("reading", path, err)
	}
	f, err := decode(file, info.Size())
	if errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("reading %s: %w: restore it from a copy, or delete it and have it made again", path, err)
	}
	return f, explain("reading", path, err)
}

func decode(r io.Reader, size int64) (*File, error) {
	damaged := func(format string, args ...any) error {
		return fmt.Errorf("%w (%s)", ErrDamaged, fmt.Sprintf(format, args...))
	}
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, damaged("it has only %d bytes", size)
	}
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxHeader || int64(length) > size-int64(len(prefix)) {
		return nil, damaged("a header of %d bytes does not fit into a file of %d", length, size)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, damaged("its header is not JSON: %v", err)
	}
	f := &File{Meta: map[string]string{}}
	places := make([]place, 0, len(header))
	for name, raw := range header {
		if name == metadataKey {
			if err := json.Unmarshal(raw, &f.Meta); err != nil {
				return nil, damaged("its metadata are not strings: %v", err)
			}
			continue
		}
		var p place
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, damaged("tensor %s: %v", name, err)
		}
		want, err := bytesOf(p.DType, p.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		if p.Offsets[0] < 0 || p.Offsets[1] < p.Offsets[0] || p.Offsets[1]-p.Offsets[0] != want {
			return nil, damaged("tensor %s of shape %v has data from %d to %d", name, p.Shape, p.Offsets[0], p.Offsets[1])
		}
		places = append(places, p)
		f.Tensors = append(f.Tensors, Tensor{Name: name, DType: p.DType, Shape: p.Shape})
	}

	// Order tensors by their data, and see that the data fill the file.
	order := make([]int, len(places))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := places[i].Offsets, places[j].Offsets
		if c := a[0] - b[0]; c != 0 {
			return c
		}
		if c := a[1] - b[1]; c != 0 {
			return c
		}
		return strings.Compare(f.Tensors[i].Name, f.Tensors[j].Name)
	})
	total := size - int64(len(prefix)) - int64(length)
	end := 0
	for _, i := range order {
		if places[i].Offsets[0] != end {
			return nil, damaged("tensor %s begins at %d instead of %d", f.Tensors[i].Name, places[i].Offsets[0], end)
		}
		end = places[i].Offsets[1]
	}
	if int64(end) != total {
		return nil, damaged("there are %d bytes of data instead of %d", total, end)
	}

	data := alignedBytes(end)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, err
	}
	if digits, ok := f.Meta[checksumKey]; ok {
		at, found := checksumPlace(text, digits)
		if !found || len(digits) != len(checksumZero) {
			return nil, damaged("its checksum is malformed")
		}
		copy(text[at:], checksumZero)
		sum := fmt.Sprintf("%08x", crc32.Update(crc32.Update(0, castagnoli, text), castagnoli, data))
		if sum != digits {
			return nil, damaged("its checksum is %s instead of %s", sum, digits)
		}
		delete(f.Meta, checksumKey)
		f.Verified = true
	}
	tensors := make([]Tensor, len(order))
	for k, i := range order {
		tensors[k] = f.Tensors[i]
		tensors[k].Data = data[places[i].Offsets[0]:places[i].Offsets[1]:places[i].Offsets[1]]
	}
	f.Tensors = tensors
	return f, nil
}

// alignedBytes returns n bytes whose first is aligned for every DType.
func alignedBytes(n int) []byte {
	if n == 0 {
		return nil
	}
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n)
}

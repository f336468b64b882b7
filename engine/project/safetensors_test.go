package project

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unsafe"
)

// randomTensors makes up to eight tensors of any type and shape, empty and
// scalar ones included.
func randomTensors(rng *rand.Rand) []Tensor {
	types := []DType{U8, BF16, F32, I64, U64}
	var tensors []Tensor
	for i := range rng.IntN(9) {
		t := Tensor{Name: fmt.Sprintf("layer %d/\"wéight\"\n", i), DType: types[rng.IntN(len(types))]}
		n := t.DType.Size()
		for range rng.IntN(4) {
			side := rng.IntN(6)
			t.Shape = append(t.Shape, side)
			n *= side
		}
		t.Data = make([]byte, n)
		for j := range t.Data {
			t.Data[j] = byte(rng.Uint32())
		}
		tensors = append(tensors, t)
	}
	return tensors
}

func TestSafetensorsRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		want := randomTensors(rng)
		meta := map[string]string{"step": fmt.Sprint(rng.Uint64()), "note": "\"é\u2028<>&"}
		if err := WriteSafetensors(path, want, meta); err != nil {
			t.Fatal(err)
		}
		f, err := ReadSafetensors(path)
		if err != nil {
			t.Fatal(err)
		}
		checkTensors(t, f.Tensors, want)
		if !f.Verified || !maps.Equal(f.Meta, meta) {
			t.Fatalf("verified %v, metadata %q", f.Verified, f.Meta)
		}
		for _, tensor := range f.Tensors {
			if len(tensor.Data) > 0 && uintptr(unsafe.Pointer(&tensor.Data[0]))%uintptr(tensor.DType.Size()) != 0 {
				t.Fatalf("tensor of %s is not aligned", tensor.DType)
			}
		}
	}
}

func TestEveryFlippedBitAndTruncationIsNoticed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.safetensors")
	tensors := []Tensor{NewTensor("w", []int{3}, []float32{1, 2, 3}), NewTensor("b", nil, []uint8{9})}
	if err := WriteSafetensors(path, tensors, map[string]string{"step": "120", "rate": "0.002"}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			f, err := decode(bytes.NewReader(b), int64(len(b)))
			// A flip in the checksum's own name leaves a file without a
			// checksum, which is not verified and so no checkpoint.
			if err == nil && f.Verified {
				t.Errorf("bit %d of byte %d (%q) flipped unnoticed", bit, i, whole[i])
			}
		}
		if _, err := decode(bytes.NewReader(whole[:i]), int64(i)); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	if err := os.WriteFile(path, whole[:len(whole)-3], 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = ReadSafetensors(path)
	mention(t, err, path, "damaged", "restore it from a copy")
}

func TestForeignAndHostileHeaders(t *testing.T) {
	file := func(header string, data int) []byte {
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		return append(append(b, header...), make([]byte, data)...)
	}
	for _, c := range []struct {
		name string
		file []byte
		ok   bool
	}{
		{"without metadata", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), true},
		{"no tensors", file(`{}`, 0), true},
		{"null metadata", file(`{"__metadata__":null}`, 0), true},
		{"empty between", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"I64","shape":[0,7],"data_offsets":[2,2]},"c":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3), true},
		{"empty file", nil, false},
		{"huge header", append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "{}"...), false},
		{"header beyond the limit", append(binary.LittleEndian.AppendUint64(nil, maxHeader+1), "{}"...), false},
		{"not JSON", file(`hello`, 0), false},
		{"a list", file(`[1]`, 0), false},
		{"hole", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), false},
		{"overlap", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), false},
		{"data beyond the end", file(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, 2), false},
		{"data left over", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 2), false},
		{"negative offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, 0), false},
		{"negative shape", file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}`, 0), false},
		{"negative beside zero", file(`{"a":{"dtype":"U8","shape":[0,-1],"data_offsets":[0,0]}}`, 0), false},
		{"overflowing shape", file(`{"a":{"dtype":"U64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), false},
		{"shape too small", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, 8), false},
		{"unknown type", file(`{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`, 1), false},
		{"metadata not strings", file(`{"__metadata__":{"a":1}}`, 0), false},
		{"malformed checksum", file(`{"__metadata__":{"straightway_crc32c":"xyz"}}`, 0), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := decode(bytes.NewReader(c.file), int64(len(c.file)))
			if (err == nil) != c.ok {
				t.Fatalf("%v", err)
			}
			if c.ok && f.Verified {
				t.Error("verified without a checksum")
			}
		})
	}
}

func TestWriteSafetensorsRefusesBadInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	w := NewTensor("w", []int{2}, []float32{1, 2})
	for _, c := range []struct {
		name    string
		tensors []Tensor
		meta    map[string]string
		part    string
	}{
		{"twice the same name", []Tensor{w, w}, nil, `"w"`},
		{"reserved name", []Tensor{NewTensor("__metadata__", nil, []uint8{1})}, nil, "reserved"},
		{"no name", []Tensor{NewTensor("", nil, []uint8{1})}, nil, "empty"},
		{"shape", []Tensor{NewTensor("w", []int{3}, []float32{1, 2})}, nil, "needs 12 bytes"},
		{"type", []Tensor{{Name: "w", DType: "F16"}}, nil, "F16"},
		{"reserved metadata", nil, map[string]string{checksumKey: "1"}, checksumKey},
	} {
		mention(t, WriteSafetensors(path, c.tensors, c.meta), c.part, path)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
}

func TestValues(t *testing.T) {
	in := []int64{math.MinInt64, -1, math.MaxInt64}
	tensor := NewTensor("x", []int{3}, in)
	out, err := Values[int64](tensor)
	if err != nil || &out[0] != &in[0] {
		t.Fatalf("%v, %v: copied", out, err)
	}
	_, err = Values[uint64](tensor)
	mention(t, err, "tensor x", "I64, not U64")
	_, err = Values[float32](Tensor{Name: "x", DType: F32, Shape: []int{2}, Data: make([]byte, 4)})
	mention(t, err, "needs 8 bytes")

	// Data at an odd address are copied, with the right values.
	aligned := NewTensor("f", []int{2}, []float32{1.5, -2})
	shifted := make([]byte, 16)
	offset := 1 + int(-uintptr(unsafe.Pointer(&shifted[0]))%4)
	data := shifted[offset : offset+8]
	copy(data, aligned.Data)
	floats, err := Values[float32](Tensor{Name: "f", DType: F32, Shape: []int{2}, Data: data})
	if err != nil || floats[0] != 1.5 || floats[1] != -2 {
		t.Errorf("%v, %v", floats, err)
	}
	if empty, err := Values[float32](NewTensor("e", []int{0, 3}, []float32(nil))); err != nil || len(empty) != 0 {
		t.Errorf("%v, %v", empty, err)
	}
}

func BenchmarkSafetensors(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x.safetensors")
	tensors := []Tensor{NewTensor("w", []int{8 << 20}, make([]float32, 8<<20))}
	b.Run("write", func(b *testing.B) {
		b.SetBytes(32 << 20)
		for b.Loop() {
			if err := WriteSafetensors(path, tensors, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(32 << 20)
		for b.Loop() {
			if _, err := ReadSafetensors(path); err != nil {
				b.Fatal(err)
			}
		}
	})
}

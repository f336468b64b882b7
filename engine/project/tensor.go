package project

import (
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// DType is the type of a tensor's elements, by its safetensors name.
type DType string

// The element types that are read and written. Data are little-endian, and so
// must the machine be.
const (
	U8   DType = "U8"
	BF16 DType = "BF16"
	F32  DType = "F32"
	I64  DType = "I64"
	U64  DType = "U64"
)

// Size returns the bytes an element takes, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case U8:
		return 1
	case BF16:
		return 2
	case F32:
		return 4
	case I64, U64:
		return 8
	}
	return 0
}

// Tensor is a named array. Data holds the elements in row-major order; a nil
// or empty Shape is a scalar.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte
}

// Element is a Go type that a tensor can be made of or read as. BF16 has no Go
// type and is handled as raw bytes.
type Element interface {
	uint8 | float32 | int64 | uint64
}

func dtypeOf[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case uint8:
		return U8
	case float32:
		return F32
	case int64:
		return I64
	default:
		return U64
	}
}

// NewTensor makes a tensor that shares values' memory; it is not copied.
func NewTensor[T Element](name string, shape []int, values []T) Tensor {
	t := Tensor{Name: name, DType: dtypeOf[T](), Shape: slices.Clone(shape)}
	if len(values) > 0 {
		size := int(unsafe.Sizeof(values[0]))
		t.Data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*size)
	}
	return t
}

// Values returns a tensor's elements. They share the tensor's memory where it
// is aligned, which it is in every tensor that this package made or read;
// otherwise they are a copy.
func Values[T Element](t Tensor) ([]T, error) {
	if want := dtypeOf[T](); t.DType != want {
		return nil, fmt.Errorf("tensor %s is of type %s, not %s", t.Name, t.DType, want)
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	n := len(t.Data) / t.DType.Size()
	if n == 0 {
		return nil, nil
	}
	data := unsafe.Pointer(unsafe.SliceData(t.Data))
	if uintptr(data)%uintptr(t.DType.Size()) != 0 {
		values := make([]T, n)
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(t.Data)), t.Data)
		return values, nil
	}
	return unsafe.Slice((*T)(data), n), nil
}

// bytesOf returns the size in bytes of an array, or an error if it has a
// negative side or does not fit into an int.
func bytesOf(d DType, shape []int) (int, error) {
	if d.Size() == 0 {
		return 0, fmt.Errorf("type %q is not one of U8, BF16, F32, I64, U64", d)
	}
	if len(shape) > 0 && slices.Min(shape) < 0 {
		return 0, fmt.Errorf("shape %v is impossible", shape)
	}
	if slices.Contains(shape, 0) {
		return 0, nil
	}
	n := d.Size()
	for _, side := range shape {
		if n > math.MaxInt/side {
			return 0, fmt.Errorf("shape %v is impossible", shape)
		}
		n *= side
	}
	return n, nil
}

func (t Tensor) check() error {
	n, err := bytesOf(t.DType, t.Shape)
	if err != nil {
		return fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	if n != len(t.Data) {
		return fmt.Errorf("tensor %s: shape %v of %s needs %d bytes, there are %d", t.Name, t.Shape, t.DType, n, len(t.Data))
	}
	return nil
}

package onnx

import (
	"encoding/binary"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protocol-buffer message under construction, as the pieces that it will be written in. A nested message
// and the weights are kept by reference: the length that must stand before them is known without copying them.
type message struct {
	pieces [][]byte
	size   int
}

func (m *message) raw(b []byte) {
	m.pieces = append(m.pieces, b)
	m.size += len(b)
}

func (m *message) integer(field protowire.Number, v int64) {
	m.raw(protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), uint64(v)))
}

func (m *message) float(field protowire.Number, v float32) {
	m.raw(protowire.AppendFixed32(protowire.AppendTag(nil, field, protowire.Fixed32Type), math.Float32bits(v)))
}

// length begins a field of n bytes.
func (m *message) length(field protowire.Number, n int) {
	m.raw(protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType), uint64(n)))
}

func (m *message) text(field protowire.Number, s string) {
	m.length(field, len(s))
	m.raw([]byte(s))
}

func (m *message) message(field protowire.Number, sub message) {
	m.length(field, sub.size)
	m.pieces = append(m.pieces, sub.pieces...)
	m.size += sub.size
}

// WriteTo writes the message.
func (m *message) WriteTo(w io.Writer) (int64, error) {
	written := int64(0)
	for _, p := range m.pieces {
		n, err := w.Write(p)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// The messages and fields of onnx.proto (github.com/onnx/onnx, onnx/onnx.proto3) that a network needs.

// tensor is a TensorProto.
func tensor[T float32 | int64](name string, shape []int, values []T) message {
	const floatType, int64Type = 1, 7
	var m message
	for _, d := range shape {
		m.integer(1, int64(d)) // dims
	}
	kind := int64(floatType)
	if _, ok := any(values).([]int64); ok {
		kind = int64Type
	}
	m.integer(2, kind)                                         // data_type
	m.text(8, name)                                            // name
	data, _ := binary.Append(nil, binary.LittleEndian, values) // fails for types without a fixed size only
	m.length(9, len(data))                                     // raw_data
	m.raw(data)
	return m
}

// valueInfo is the ValueInfoProto of a float32 value; a side is an int, or the name of one that is free.
func valueInfo(name, doc string, sides ...any) message {
	var shape, kind, value message
	for _, s := range sides {
		var side message
		switch s := s.(type) {
		case int:
			side.integer(1, int64(s)) // dim_value
		case string:
			side.text(2, s) // dim_param
		}
		shape.message(1, side)
	}
	kind.integer(1, 1) // elem_type: float
	kind.message(2, shape)
	var tensorType message
	tensorType.message(1, kind)
	value.text(1, name)
	value.message(2, tensorType)
	value.text(3, doc)
	return value
}

// attribute is a named setting of a node: an int, a float32, a string or a list of ints.
type attribute struct {
	name  string
	value any
}

func (a attribute) message() message {
	const floatType, intType, stringType, intsType = 1, 2, 3, 7
	var m message
	m.text(1, a.name)
	kind := int64(0)
	switch v := a.value.(type) {
	case float32:
		m.float(2, v)
		kind = floatType
	case int:
		m.integer(3, int64(v))
		kind = intType
	case string:
		m.text(4, v)
		kind = stringType
	case []int:
		for _, i := range v {
			m.integer(8, int64(i))
		}
		kind = intsType
	}
	m.integer(20, kind)
	return m
}

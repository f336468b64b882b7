package onnx

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a message as it is on the wire.
type field struct {
	number protowire.Number
	bits   uint64 // of a varint or a fixed32
	data   []byte // of anything with a length
}

func fields(t *testing.T, b []byte) []field {
	t.Helper()
	var out []field
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			f.bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			f.bits = uint64(v)
		case protowire.BytesType:
			f.data, n = protowire.ConsumeBytes(b)
		default:
			t.Fatalf("field %d has wire type %d, which onnx.proto does not use there", number, kind)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		out = append(out, f)
	}
	return out
}

// file is an ONNX file as a reader sees it.
type file struct {
	ir, opset        int
	nodes            []node
	tensors          map[string]constantTensor
	inputs, outputs  map[string][]any // sides: int, or the name of a free one
	metadata         map[string]string
	producer, detail string
}

type node struct {
	op      string
	in, out []string
	ints    map[string][]int
	floats  map[string]float32
	strings map[string]string
}

type constantTensor struct {
	shape    []int
	floats   []float32
	integers []int
}

// decode reads a file and checks what every reader relies on: values are made once and before they are used, all are
// used, and tensors hold as many values as their shape says.
func decode(t *testing.T, m *Model) file {
	t.Helper()
	var written bytes.Buffer
	if n, err := m.WriteTo(&written); err != nil || int(n) != written.Len() || m.Size() != written.Len() {
		t.Fatalf("%d bytes were written, %d are told and %d were announced (%v)", written.Len(), n, m.Size(), err)
	}
	f := file{tensors: map[string]constantTensor{}, inputs: map[string][]any{}, outputs: map[string][]any{}, metadata: map[string]string{}}
	made, used := map[string]bool{}, map[string]bool{"": true}
	make := func(name string) {
		if made[name] || name == "" {
			t.Errorf("the value %q is made twice or has no name", name)
		}
		made[name] = true
	}
	var graph []byte
	for _, p := range fields(t, written.Bytes()) {
		switch p.number {
		case 1:
			f.ir = int(p.bits)
		case 2:
			f.producer = string(p.data)
		case 6:
			f.detail = string(p.data)
		case 7:
			graph = p.data
		case 8:
			for _, q := range fields(t, p.data) {
				if q.number == 2 {
					f.opset = int(q.bits)
				}
			}
		case 14:
			entry := fields(t, p.data)
			f.metadata[string(entry[0].data)] = string(entry[1].data)
		}
	}
	parts := fields(t, graph)
	for _, p := range parts {
		switch p.number {
		case 5:
			name, tensor := decodeTensor(t, p.data)
			f.tensors[name] = tensor
			make(name)
		case 11:
			name, sides := decodeValueInfo(t, p.data)
			f.inputs[name] = sides
			make(name)
		case 12:
			name, sides := decodeValueInfo(t, p.data)
			f.outputs[name] = sides
			used[name] = true
		}
	}
	for _, p := range parts {
		if p.number != 1 {
			continue
		}
		n := decodeNode(t, p.data)
		f.nodes = append(f.nodes, n)
		for _, v := range n.in {
			used[v] = true
			if v != "" && !made[v] {
				t.Errorf("%s takes %q, which nothing before it makes", n.op, v)
			}
		}
		for _, v := range n.out {
			make(v)
		}
	}
	for v := range made {
		if !used[v] {
			t.Errorf("nothing takes %q", v)
		}
	}
	for v := range f.outputs {
		if !made[v] {
			t.Errorf("nothing makes the output %q", v)
		}
	}
	return f
}

func decodeTensor(t *testing.T, b []byte) (name string, out constantTensor) {
	kind, size := uint64(0), 1
	var data []byte
	for _, p := range fields(t, b) {
		switch p.number {
		case 1:
			out.shape = append(out.shape, int(p.bits))
			size *= int(p.bits)
		case 2:
			kind = p.bits
		case 8:
			name = string(p.data)
		case 9:
			data = p.data
		}
	}
	width := map[uint64]int{1: 4, 7: 8}[kind]
	if len(data) != size*width || width == 0 {
		t.Fatalf("%s of shape %v and type %d has %d bytes", name, out.shape, kind, len(data))
	}
	for at := 0; at < len(data); at += width {
		if kind == 1 {
			out.floats = append(out.floats, math.Float32frombits(binary.LittleEndian.Uint32(data[at:])))
		} else {
			out.integers = append(out.integers, int(binary.LittleEndian.Uint64(data[at:])))
		}
	}
	return name, out
}

func decodeNode(t *testing.T, b []byte) node {
	n := node{ints: map[string][]int{}, floats: map[string]float32{}, strings: map[string]string{}}
	for _, p := range fields(t, b) {
		switch p.number {
		case 1:
			n.in = append(n.in, string(p.data))
		case 2:
			n.out = append(n.out, string(p.data))
		case 4:
			n.op = string(p.data)
		case 5:
			name, kind := "", uint64(0)
			for _, q := range fields(t, p.data) {
				switch q.number {
				case 1:
					name = string(q.data)
				case 2:
					n.floats[name] = math.Float32frombits(uint32(q.bits))
				case 3, 8:
					n.ints[name] = append(n.ints[name], int(q.bits))
				case 4:
					n.strings[name] = string(q.data)
				case 20:
					kind = q.bits
				}
			}
			if !slices.Contains([]uint64{1, 2, 3, 7}, kind) {
				t.Errorf("%s of %s has type %d", name, n.op, kind)
			}
		}
	}
	return n
}

func decodeValueInfo(t *testing.T, b []byte) (name string, sides []any) {
	var kind []byte
	for _, p := range fields(t, b) {
		switch p.number {
		case 1:
			name = string(p.data)
		case 2:
			kind = fields(t, p.data)[0].data
		}
	}
	for _, p := range fields(t, kind) {
		if p.number != 2 {
			if p.bits != 1 {
				t.Errorf("%s is of type %d, not float", name, p.bits)
			}
			continue
		}
		for _, side := range fields(t, p.data) {
			for _, q := range fields(t, side.data) {
				if q.number == 1 {
					sides = append(sides, int(q.bits))
				} else {
					sides = append(sides, string(q.data))
				}
			}
		}
	}
	return name, sides
}

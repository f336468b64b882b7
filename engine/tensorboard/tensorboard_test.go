package tensorboard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The test reads files as TensorBoard does: record by record, each checksum compared, each message field by field.
func TestEventsCanBeReadBack(t *testing.T) {
	begun := time.Date(2026, 3, 1, 12, 0, 0, 500e6, time.UTC)
	var file, picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 5, 3))); err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(&file, begun)
	for _, err := range []error{
		err,
		w.Scalar("train/loss", 7, begun.Add(time.Second), .25),
		w.Scalar("train/loss", 1<<40, begun, math.NaN()),
		w.Image("sheet", 9, begun, picture.Bytes()),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	events := read(t, file.Bytes())
	if len(events) != 4 {
		t.Fatalf("%d events were written, want 4", len(events))
	}
	if got := string(events[0][eventVersion].bytes); got != "brain.Event:2" {
		t.Errorf("the first event names version %q", got)
	}
	value := func(e message) message {
		return parse(t, parse(t, e[eventSummary].bytes)[summaryValue].bytes)
	}
	loss := value(events[1])
	if events[1][eventStep].number != 7 || math.Float64frombits(events[1][eventTime].number) != float64(begun.Unix())+1.5 {
		t.Errorf("the step or time is lost: %+v", events[1])
	}
	if string(loss[valueTag].bytes) != "train/loss" || math.Float32frombits(uint32(loss[valueNumber].number)) != .25 {
		t.Errorf("the loss became %+v", loss)
	}
	if events[2][eventStep].number != 1<<40 || !math.IsNaN(float64(math.Float32frombits(uint32(value(events[2])[valueNumber].number)))) {
		t.Errorf("a number that is not finite became %+v", events[2])
	}
	sheet := parse(t, value(events[3])[valueImage].bytes)
	if sheet[imageWidth].number != 5 || sheet[imageHeight].number != 3 || !bytes.Equal(sheet[imageData].bytes, picture.Bytes()) {
		t.Errorf("the picture became %d×%d, %d bytes", sheet[imageWidth].number, sheet[imageHeight].number, len(sheet[imageData].bytes))
	}
}

// The checksum of "123456789" is a known one: CRC-32C 0xe3069283, masked.
func TestChecksumIsMasked(t *testing.T) {
	c := uint32(0xe3069283)
	if got, want := checksum([]byte("123456789")), (c>>15|c<<17)+0xa282ead8; got != want {
		t.Errorf("%08x, want %08x", got, want)
	}
}

func TestWhatCannotBeWrittenIsSaid(t *testing.T) {
	w, err := NewWriter(io.Discard, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Image("sheet", 0, time.Now(), []byte("no picture")); err == nil || !strings.Contains(err.Error(), `"sheet"`) {
		t.Errorf("bytes that are no picture were written: %v", err)
	}
	if _, err := NewWriter(full{}, time.Now()); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full disk is %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// message is a protocol buffer message by field numbers.
type message map[protowire.Number]field

type field struct {
	number uint64
	bytes  []byte
}

// read takes the records of a file apart.
func read(t *testing.T, file []byte) (events []message) {
	t.Helper()
	for len(file) > 0 {
		n := binary.LittleEndian.Uint64(file)
		if got := binary.LittleEndian.Uint32(file[8:]); got != checksum(file[:8]) {
			t.Fatalf("record %d: wrong checksum of the length", len(events))
		}
		data := file[12 : 12+n]
		if got := binary.LittleEndian.Uint32(file[12+n:]); got != checksum(data) {
			t.Fatalf("record %d: wrong checksum of the data", len(events))
		}
		events = append(events, parse(t, data))
		file = file[16+n:]
	}
	return events
}

func parse(t *testing.T, data []byte) message {
	t.Helper()
	m := message{}
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		data = data[n:]
		var f field
		switch kind {
		case protowire.VarintType:
			f.number, n = protowire.ConsumeVarint(data)
		case protowire.Fixed64Type:
			f.number, n = protowire.ConsumeFixed64(data)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(data)
			f.number = uint64(v)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(data)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		m[number], data = f, data[n:]
	}
	return m
}

// Package tensorboard writes event files that TensorBoard and the tools that understand its format can plot: scalars
// and pictures by tag, step and time.
//
// An event file is a sequence of TFRecords, each a length, the data and a checksum of either, and each holding one
// message Event of tensorflow/core/util/event.proto. Only the fields that a scalar and a picture need are written.
package tensorboard

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	_ "image/png" // pictures are PNG
	"io"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// version is the first record of every event file.
const version = "brain.Event:2"

// Fields of the messages, by their numbers in event.proto and summary.proto.
const (
	eventTime, eventStep, eventVersion, eventSummary             = 1, 2, 3, 5
	summaryValue                                                 = 1
	valueTag, valueNumber, valueImage                            = 1, 2, 4
	imageHeight, imageWidth, imageColours, imageData, imageIsRGB = 1, 2, 3, 4, 3
)

// FileName is a name that TensorBoard takes for an event file: whoever writes the same run again, begun at the same
// time, writes the same file.
func FileName(begun time.Time) string {
	return fmt.Sprintf("events.out.tfevents.%010d.straightway", begun.Unix())
}

// Writer writes the events of one run.
type Writer struct{ w io.Writer }

// NewWriter begins an event file.
func NewWriter(w io.Writer, begun time.Time) (*Writer, error) {
	e := protowire.AppendTag(event(begun, 0), eventVersion, protowire.BytesType)
	return &Writer{w}, writeRecord(w, protowire.AppendString(e, version))
}

// Scalar writes one number of a tag, such as "train/loss", at a step. TensorBoard keeps it as a float32; it shows
// numbers that are not finite as such.
func (w *Writer) Scalar(tag string, step int64, at time.Time, v float64) error {
	value := protowire.AppendTag(nil, valueTag, protowire.BytesType)
	value = protowire.AppendString(value, tag)
	value = protowire.AppendTag(value, valueNumber, protowire.Fixed32Type)
	value = protowire.AppendFixed32(value, math.Float32bits(float32(v)))
	return w.summary(step, at, value)
}

// Image writes one picture of a tag at a step: the bytes of a PNG file.
func (w *Writer) Image(tag string, step int64, at time.Time, png []byte) error {
	size, _, err := image.DecodeConfig(bytes.NewReader(png))
	if err != nil {
		return fmt.Errorf("the picture of %q for TensorBoard: %w", tag, err)
	}
	var picture []byte
	for _, field := range []struct {
		number protowire.Number
		value  int
	}{{imageHeight, size.Height}, {imageWidth, size.Width}, {imageColours, imageIsRGB}} {
		picture = protowire.AppendTag(picture, field.number, protowire.VarintType)
		picture = protowire.AppendVarint(picture, uint64(field.value))
	}
	picture = protowire.AppendTag(picture, imageData, protowire.BytesType)
	picture = protowire.AppendBytes(picture, png)
	value := protowire.AppendTag(nil, valueTag, protowire.BytesType)
	value = protowire.AppendString(value, tag)
	value = protowire.AppendTag(value, valueImage, protowire.BytesType)
	value = protowire.AppendBytes(value, picture)
	return w.summary(step, at, value)
}

func (w *Writer) summary(step int64, at time.Time, value []byte) error {
	summary := protowire.AppendTag(nil, summaryValue, protowire.BytesType)
	summary = protowire.AppendBytes(summary, value)
	e := protowire.AppendTag(event(at, step), eventSummary, protowire.BytesType)
	return writeRecord(w.w, protowire.AppendBytes(e, summary))
}

// event begins an event.
func event(at time.Time, step int64) []byte {
	e := protowire.AppendTag(nil, eventTime, protowire.Fixed64Type)
	e = protowire.AppendFixed64(e, math.Float64bits(float64(at.UnixMicro())/1e6))
	e = protowire.AppendTag(e, eventStep, protowire.VarintType)
	return protowire.AppendVarint(e, uint64(step))
}

// writeRecord frames data as a TFRecord.
func writeRecord(w io.Writer, data []byte) error {
	head := binary.LittleEndian.AppendUint64(make([]byte, 0, 16+len(data)), uint64(len(data)))
	record := binary.LittleEndian.AppendUint32(head, checksum(head))
	record = append(record, data...)
	record = binary.LittleEndian.AppendUint32(record, checksum(data))
	if _, err := w.Write(record); err != nil {
		return fmt.Errorf("writing an event for TensorBoard: %w", err)
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the masked CRC-32C of the TFRecord format, which rotates it and adds a constant, because a checksum of
// data that holds checksums is a weak one.
func checksum(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

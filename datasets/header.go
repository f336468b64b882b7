package datasets

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"iter"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// codec is one of the six formats.
type codec struct {
	name   string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	// facts reads what the decoder does not tell.
	facts func(src *io.SectionReader, c image.Config) facts
}

// facts are what matters about a file beside its width and height.
type facts struct {
	orientation int   // EXIF orientation 1…8; anything else means upright
	perPixel    int64 // bytes a pixel at the peak of decoding and conversion to NRGBA
	extra       int64 // bytes at that peak that do not grow with the whole picture
	progressive bool  // a JPEG file of which all coefficients are kept until the end
	reducible   bool  // a JPEG file that may be decoded at a part of its size
}

var codecs = struct{ png, jpeg, gif, bmp, tiff, webp codec }{
	png:  codec{"png", png.DecodeConfig, png.Decode, pngFacts},
	jpeg: codec{"jpeg", jpeg.DecodeConfig, jpeg.Decode, jpegFacts},
	gif:  codec{"gif", gif.DecodeConfig, gif.Decode, gifFacts}, // Decode stops after the first frame
	bmp:  codec{"bmp", bmp.DecodeConfig, bmp.Decode, bmpFacts},
	tiff: codec{"tiff", tiff.DecodeConfig, tiff.Decode, tiffFacts},
	webp: codec{"webp", webp.DecodeConfig, decodeWebP, webpFacts},
}

// sniffLen is how many bytes sniff wants to see.
const sniffLen = 512

// sniff chooses the codec by the first bytes of a file. Where there is none,
// what says what the file seems to be, or is empty.
func sniff(b []byte) (c *codec, what string) {
	at := func(i int, s string) bool { return len(b) >= i+len(s) && string(b[i:i+len(s)]) == s }
	switch {
	case at(0, "\x89PNG\r\n\x1a\n"):
		return &codecs.png, ""
	case at(0, "\xff\xd8"):
		return &codecs.jpeg, ""
	case at(0, "GIF8"):
		return &codecs.gif, ""
	case at(0, "BM") && len(b) >= 14 && at(6, "\x00\x00\x00\x00"):
		return &codecs.bmp, ""
	case at(0, "II*\x00"), at(0, "MM\x00*"):
		return &codecs.tiff, ""
	case at(0, "RIFF") && at(8, "WEBP"):
		return &codecs.webp, ""
	case len(b) == 0:
		return nil, "an empty file"
	case at(4, "ftypavif"), at(4, "ftypavis"):
		return nil, "an AVIF image, which is not supported"
	case at(4, "ftyphei"), at(4, "ftyphev"), at(4, "ftypmif1"), at(4, "ftypmsf1"):
		return nil, "a HEIC image, which is not supported"
	case at(0, "\xff\x0a"), at(4, "JXL "):
		return nil, "a JPEG XL image, which is not supported"
	case at(4, "jP  \r\n"):
		return nil, "a JPEG 2000 image, which is not supported"
	case at(0, "8BPS"):
		return nil, "a Photoshop document, which is not supported"
	case at(0, "%PDF"):
		return nil, "a PDF document"
	case at(0, "II+\x00"), at(0, "MM\x00+"):
		return nil, "a BigTIFF image, which is not supported"
	}
	head := strings.ToLower(string(b))
	switch {
	case strings.Contains(head, "<svg"):
		return nil, "an SVG drawing, which is not supported"
	case strings.Contains(head, "<html"):
		return nil, "a web page, perhaps a download that failed"
	}
	return nil, ""
}

// stream is src from its start, buffered for the decoders that read in small
// pieces. The TIFF decoder seeks by itself, and would copy the whole file into
// memory were it given a stream.
func (c *codec) stream(src *io.SectionReader) io.Reader {
	if c == &codecs.tiff {
		return src
	}
	return bufio.NewReaderSize(io.NewSectionReader(src, 0, src.Size()), int(min(64<<10, src.Size())))
}

// converted is the bytes a pixel of an image in memory with the given colour
// model, together with its NRGBA copy.
func converted(m color.Model) int64 {
	switch m {
	case color.NRGBAModel:
		return 4
	case color.RGBAModel, color.GrayModel:
		return 8 // an opaque RGBA image needs no copy, but one with alpha does
	case color.NRGBA64Model, color.RGBA64Model, color.Gray16Model:
		return 12
	case color.CMYKModel:
		return 8
	}
	return 5 // a palette
}

func gifFacts(*io.SectionReader, image.Config) facts {
	return facts{perPixel: 6} // indices, indices once more when interlaced, NRGBA
}

func bmpFacts(_ *io.SectionReader, c image.Config) facts {
	if c.ColorModel == color.RGBAModel {
		return facts{perPixel: 4} // always opaque
	}
	return facts{perPixel: converted(c.ColorModel)}
}

// pngFacts follows the PNG specification, third edition: IHDR's interlace byte
// (11.2.1) and the eXIf chunk (11.3.4.5), which may stand before or after the
// pixels.
func pngFacts(src *io.SectionReader, c image.Config) facts {
	f := facts{perPixel: converted(c.ColorModel)}
	var b [13]byte
	if _, err := src.ReadAt(b[:1], 28); err == nil && b[0] != 0 {
		f.perPixel += f.perPixel / 2 // the last pass of Adam7 is half of the picture
	}
	off := int64(8)
	for range maxChunks {
		if _, err := src.ReadAt(b[:8], off); err != nil {
			break
		}
		n := int64(binary.BigEndian.Uint32(b[:4]))
		switch string(b[4:8]) {
		case "eXIf":
			f.orientation = exifOrientation(io.NewSectionReader(src, off+8, n))
			return f
		case "IEND":
			return f
		}
		off += 12 + n
	}
	return f
}

// maxChunks bounds how many chunks, segments or entries of a file are looked
// at, so that a file of nothing but empty ones costs little.
const maxChunks = 4096

// webpFacts follows the WebP container specification: a RIFF file whose EXIF
// chunk comes after the pixels.
func webpFacts(src *io.SectionReader, _ image.Config) facts {
	// Lossless: NRGBA and its transforms. Lossy: planes, NRGBA, and an alpha
	// plane that is decoded as NRGBA first.
	f := facts{perPixel: 12}
	var b [8]byte
	off := int64(12)
	for range maxChunks {
		if _, err := src.ReadAt(b[:], off); err != nil {
			break
		}
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		if string(b[:4]) == "EXIF" {
			f.orientation = exifOrientation(io.NewSectionReader(src, off+8, n))
			break
		}
		off += 8 + n + n&1
	}
	return f
}

// segment is a piece of a JPEG file: two bytes of marker, then length bytes that begin with this length.
type segment struct {
	kind   byte
	length int64
}

// jpegSegments yields the segments that have a length and where they stand (ITU-T T.81, annex B), up to the first scan
// or the end of the image, which is the last one.
func jpegSegments(src *io.SectionReader) iter.Seq2[int64, segment] {
	return func(yield func(int64, segment) bool) {
		var b [4]byte
		off := int64(2)
		for range maxChunks {
			if _, err := src.ReadAt(b[:], off); err != nil {
				return
			}
			marker, n := b[1], int64(binary.BigEndian.Uint16(b[2:4]))
			switch {
			case b[0] != 0xff || marker == 0xff: // fill bytes, or junk that the decoder passes over as well
				off++
				continue
			case marker == 0x00 || marker == 0x01 || 0xd0 <= marker && marker <= 0xd7:
				off += 2 // markers without a length
				continue
			}
			if !yield(off, segment{marker, n}) || marker == 0xda || marker == 0xd9 {
				return
			}
			off += 2 + n
		}
	}
}

// jpegFacts reads the segments up to the first scan.
func jpegFacts(src *io.SectionReader, _ image.Config) facts {
	f := facts{perPixel: 8}
	restarts := false
	var b [6 + 3*4]byte
	for off, s := range jpegSegments(src) {
		switch {
		case 0xc0 <= s.kind && s.kind <= 0xc2:
			m, _ := src.ReadAt(b[:], off+4)
			f.progressive = s.kind == 0xc2
			f.perPixel = jpegBytesPerPixel(b[:m], f.progressive)
			f.reducible = reducible(b[:m])
		case s.kind == 0xdd:
			restarts = true
		case s.kind == 0xe1 && f.orientation == 0:
			var id [6]byte
			if _, err := src.ReadAt(id[:], off+4); err == nil && string(id[:]) == "Exif\x00\x00" {
				f.orientation = exifOrientation(io.NewSectionReader(src, off+4, s.length-2))
			}
		}
	}
	if f.progressive && restarts {
		f.reducible = false // image/jpeg takes no such file, and both decoders are to take the same
	}
	return f
}

// reducible says whether a frame header (T.81, B.2.2) is of the ordinary kind that every decoder understands in the same
// way: 8 bits, and grey or three components of which the first has the most samples and the others one a block.
func reducible(sof []byte) bool {
	if len(sof) < 9 || sof[0] != 8 {
		return false
	}
	switch sof[5] {
	case 1:
		return true
	case 3:
		return len(sof) >= 15 && slices.Contains([]byte{0x11, 0x12, 0x21, 0x22}, sof[7]) && sof[10] == 0x11 && sof[13] == 0x11
	}
	return false
}

// jpegBytesPerPixel estimates from a frame header (T.81, B.2.2) the planes,
// the coefficients that a progressive file keeps (4 bytes a sample), a copy
// that CMYK and RGB need, and the NRGBA copy.
func jpegBytesPerPixel(sof []byte, progressive bool) int64 {
	const worst = 4 + 16 + 4 + 4
	if len(sof) < 6 {
		return worst
	}
	comps := int(sof[5])
	if comps == 0 || len(sof) < 6+3*comps {
		return worst
	}
	var samples, biggest float64
	for i := range comps {
		hv := sof[6+3*i+1]
		s := float64(hv>>4) * float64(hv&15)
		samples += s
		biggest = max(biggest, s)
	}
	if biggest == 0 {
		return worst
	}
	planes := samples / biggest
	bytes := planes + 4
	if progressive {
		bytes += 4 * planes
	}
	if planes >= 3 {
		bytes += 4
	}
	return int64(bytes + 0.999)
}

// tiffFacts reads the first directory (TIFF 6.0, section 2).
func tiffFacts(src *io.SectionReader, c image.Config) facts {
	f := facts{perPixel: converted(c.ColorModel)}
	tags, err := readIFD(src)
	if err != nil {
		return f
	}
	f.orientation = int(tags[tagOrientation])
	// One strip or tile is unpacked at a time, into a buffer that may hold 8
	// bytes a pixel and grows by doubling when it is compressed.
	w, h := int64(c.Width), int64(c.Height)
	if rows := int64(tags[tagRowsPerStrip]); rows > 0 {
		h = min(h, rows)
	}
	if tw, th := int64(tags[tagTileWidth]), int64(tags[tagTileLength]); tw > 0 && th > 0 {
		w, h = min(tw, w+1024), min(th, h+1024) // the decoder refuses larger ones
	}
	f.extra = 8 * w * h
	if tags[tagCompression] > 1 {
		f.extra *= 3
	}
	return f
}

// Tags of TIFF 6.0; Orientation is also EXIF's (CIPA DC-008, 4.6.4.A).
const (
	tagCompression  = 259
	tagOrientation  = 274
	tagRowsPerStrip = 278
	tagTileWidth    = 322
	tagTileLength   = 323
)

// exifOrientation reads the orientation from an EXIF block, which is a small
// TIFF file, with or without JPEG's "Exif\0\0" in front. Zero: none found.
func exifOrientation(src *io.SectionReader) int {
	var id [6]byte
	if _, err := src.ReadAt(id[:], 0); err == nil && bytes.Equal(id[:], []byte("Exif\x00\x00")) {
		src = io.NewSectionReader(src, 6, src.Size()-6)
	}
	tags, err := readIFD(src)
	if err != nil {
		return 0
	}
	return int(tags[tagOrientation])
}

// readIFD reads from the first directory of a TIFF structure the tags that
// hold a single number.
func readIFD(src *io.SectionReader) (map[uint16]uint32, error) {
	var b [12]byte
	if _, err := src.ReadAt(b[:8], 0); err != nil {
		return nil, fmt.Errorf("read the TIFF header: %w", err)
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return nil, errors.New("not a TIFF header")
	}
	off := int64(order.Uint32(b[4:8]))
	if _, err := src.ReadAt(b[:2], off); err != nil {
		return nil, fmt.Errorf("read the TIFF directory: %w", err)
	}
	tags := map[uint16]uint32{}
	for i := range min(int64(order.Uint16(b[:2])), maxChunks) {
		if _, err := src.ReadAt(b[:], off+2+12*i); err != nil {
			return tags, nil // a directory that was cut short: keep what is there
		}
		tag, kind, count := order.Uint16(b[:2]), order.Uint16(b[2:4]), order.Uint32(b[4:8])
		if _, seen := tags[tag]; seen || count != 1 {
			continue
		}
		switch kind {
		case 3: // SHORT
			tags[tag] = uint32(order.Uint16(b[8:10]))
		case 4: // LONG
			tags[tag] = order.Uint32(b[8:12])
		}
	}
	return tags, nil
}

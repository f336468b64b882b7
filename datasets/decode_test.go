package datasets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// encoded gives the bytes that encode writes.
func encoded(t testing.TB, encode func(w io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, img image.Image) []byte {
	return encoded(t, func(w io.Writer) error { return png.Encode(w, img) })
}

// withOrientation puts the eXIf chunk of an orientation behind a PNG's header.
func withOrientation(data []byte, orientation uint16, order binary.AppendByteOrder) []byte {
	mark := "II*\x00"
	if order.String() == binary.BigEndian.String() {
		mark = "MM\x00*"
	}
	chunk := append([]byte("eXIf"), mark...)
	chunk = order.AppendUint32(chunk, 8)
	chunk = order.AppendUint16(chunk, 1)
	chunk = order.AppendUint16(chunk, 274)
	chunk = order.AppendUint16(chunk, 3)
	chunk = order.AppendUint32(chunk, 1)
	chunk = order.AppendUint16(chunk, orientation)
	chunk = order.AppendUint16(chunk, 0)
	chunk = order.AppendUint32(chunk, 0)
	const ihdrEnd = 33
	out := append([]byte(nil), data[:ihdrEnd]...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(chunk)-4))
	out = append(out, chunk...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
	return append(out, data[ihdrEnd:]...)
}

func kindOf(err error) Kind {
	var fe *FileError
	if errors.As(err, &fe) {
		return fe.Kind
	}
	return 0
}

func TestEveryFormatAndPixelKindDecodes(t *testing.T) {
	opaque := noise(40, 30, 7)
	rgba := image.NewRGBA(opaque.Rect)
	draw.Draw(rgba, rgba.Rect, opaque, image.Point{}, draw.Src)
	indexed := image.NewPaletted(opaque.Rect, palette.WebSafe)
	draw.Draw(indexed, indexed.Rect, opaque, image.Point{}, draw.Src)
	grey := image.NewGray(opaque.Rect)
	draw.Draw(grey, grey.Rect, opaque, image.Point{}, draw.Src)
	grey16 := image.NewGray16(opaque.Rect)
	draw.Draw(grey16, grey16.Rect, opaque, image.Point{}, draw.Src)
	deep := image.NewNRGBA64(opaque.Rect)
	draw.Draw(deep, deep.Rect, opaque, image.Point{}, draw.Src)
	half := noise(40, 30, 8)
	for i := 3; i < len(half.Pix); i += 4 {
		half.Pix[i] = 128
	}

	for _, c := range []struct {
		name       string
		want       *image.NRGBA // nil: lossy, only the shape is compared
		format     string
		sixteen    bool
		hasAlpha   bool
		encodeInto func(w io.Writer) error
	}{
		{"png colour", opaque, "png", false, false, func(w io.Writer) error { return png.Encode(w, rgba) }},
		{"png alpha", half, "png", false, true, func(w io.Writer) error { return png.Encode(w, half) }},
		{"png 16 bits", opaque, "png", true, false, func(w io.Writer) error { return png.Encode(w, deep) }},
		{"png palette", straight(t, indexed), "png", false, false, func(w io.Writer) error { return png.Encode(w, indexed) }},
		{"png grey", straight(t, grey), "png", false, false, func(w io.Writer) error { return png.Encode(w, grey) }},
		{"png grey 16 bits", straight(t, grey), "png", true, false, func(w io.Writer) error { return png.Encode(w, grey16) }},
		{"bmp", opaque, "bmp", false, false, func(w io.Writer) error { return bmp.Encode(w, rgba) }},
		{"tiff", opaque, "tiff", false, false, func(w io.Writer) error { return tiff.Encode(w, rgba, nil) }},
		{"tiff 16 bits deflate", opaque, "tiff", true, false, func(w io.Writer) error {
			return tiff.Encode(w, deep, &tiff.Options{Compression: tiff.Deflate, Predictor: true})
		}},
		{"gif", straight(t, indexed), "gif", false, false, func(w io.Writer) error { return gif.Encode(w, indexed, nil) }},
		{"jpeg", nil, "jpeg", false, false, func(w io.Writer) error { return jpeg.Encode(w, rgba, nil) }},
		{"jpeg grey", nil, "jpeg", false, false, func(w io.Writer) error { return jpeg.Encode(w, grey, nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := Decode(c.name, encoded(t, c.encodeInto), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if d.Format != c.format || d.SixteenBit != c.sixteen || d.HasAlpha != c.hasAlpha || d.Image.Rect != opaque.Rect {
				t.Errorf("got %s, 16 bits %v, alpha %v, %v", d.Format, d.SixteenBit, d.HasAlpha, d.Image.Rect)
			}
			if c.want != nil && !bytes.Equal(d.Image.Pix, c.want.Pix) {
				t.Error("the pixels are not those that were written")
			}
		})
	}
}

func straight(t testing.TB, img image.Image) *image.NRGBA {
	t.Helper()
	got, err := ToNRGBA(img)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestOfAnAnimationOnlyTheFirstFrameIsRead(t *testing.T) {
	frame := image.NewPaletted(image.Rect(0, 0, 20, 10), color.Palette{color.Black, color.White})
	data := encoded(t, func(w io.Writer) error {
		return gif.EncodeAll(w, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{1, 1}})
	})
	for i := len(data) - 12; i < len(data); i++ {
		data[i] = 0xff // ruin the second frame
	}
	d, err := Decode("two.gif", data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Image.Rect != image.Rect(0, 0, 20, 10) {
		t.Errorf("%v", d.Image.Rect)
	}
}

func TestOrientationIsAppliedWhateverTheByteOrder(t *testing.T) {
	// The upright picture: its pixels count from 1, row by row.
	up := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for i := range 6 {
		copy(up.Pix[4*i:], []uint8{uint8(i + 1), 0, 0, 255})
	}
	// How a camera stores that picture under each orientation (EXIF 2.32,
	// section 4.6.4.A), drawn by hand.
	stored := map[uint16][][]uint8{
		1: {{1, 2, 3}, {4, 5, 6}},
		2: {{3, 2, 1}, {6, 5, 4}},
		3: {{6, 5, 4}, {3, 2, 1}},
		4: {{4, 5, 6}, {1, 2, 3}},
		5: {{1, 4}, {2, 5}, {3, 6}},
		6: {{3, 6}, {2, 5}, {1, 4}},
		7: {{6, 3}, {5, 2}, {4, 1}},
		8: {{4, 1}, {5, 2}, {6, 3}},
	}
	for o, rows := range stored {
		img := image.NewNRGBA(image.Rect(0, 0, len(rows[0]), len(rows)))
		for y, row := range rows {
			for x, v := range row {
				img.SetNRGBA(x, y, color.NRGBA{R: v, A: 255})
			}
		}
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			d, err := Decode("o.png", withOrientation(pngOf(t, img), o, order), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if d.Orientation != int(o) || d.Image.Rect != up.Rect || !bytes.Equal(d.Image.Pix, up.Pix) {
				t.Errorf("orientation %d, %v: got %d, %v, %v", o, order, d.Orientation, d.Image.Rect, d.Image.Pix)
			}
		}
	}
}

func TestATIFFTurnsByItsOwnTag(t *testing.T) {
	data := encoded(t, func(w io.Writer) error { return tiff.Encode(w, noise(9, 4, 9), nil) })
	// The encoder writes no orientation (274). SamplesPerPixel (277), which the
	// decoder does not read, becomes one without unsorting the tags.
	at := bytes.Index(data, []byte{0x15, 0x01, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00})
	if at < 0 {
		t.Fatal("the encoder writes no SamplesPerPixel any more")
	}
	binary.LittleEndian.PutUint16(data[at:], tagOrientation)
	binary.LittleEndian.PutUint16(data[at+8:], 6)
	d, err := Decode("o.tiff", data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Orientation != 6 || d.Image.Rect != image.Rect(0, 0, 4, 9) {
		t.Errorf("orientation %d, %v", d.Orientation, d.Image.Rect)
	}
}

func TestLimitsAreCheckedByTheHeader(t *testing.T) {
	// The pixels of these are missing, so that decoding would fail as Broken.
	head := func(w, h int) []byte { return pngOf(t, image.NewNRGBA64(image.Rect(0, 0, w, h)))[:60] }
	for _, c := range []struct {
		name string
		data []byte
		lim  Limits
		want Kind
		says string
	}{
		{"within", head(100, 50), Limits{MaxPixels: 5000}, Broken, "not enough pixel data"},
		{"one pixel row over", head(100, 50), Limits{MaxPixels: 4999}, TooBig, "100×50"},
		{"memory", head(100, 50), Limits{MaxMemory: 12*5000 - 1}, TooBig, "needs about"},
		{"file", head(100, 50), Limits{MaxFileBytes: 59}, TooBig, "59 bytes"},
		{"side", head(100, 50), Limits{MinSide: 51}, Tiny, "under 51"},
		{"another format", []byte("hello"), Limits{}, NotImage, "only PNG"},
		{"AVIF", []byte("\x00\x00\x00\x1cftypavif\x00\x00"), Limits{}, NotImage, "AVIF"},
		{"nothing", nil, Limits{}, NotImage, "empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode("x.png", c.data, c.lim)
			if kindOf(err) != c.want || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "x.png: ") {
				t.Errorf("got %v (%v), want %v and %q", err, kindOf(err), c.want, c.says)
			}
		})
	}
}

func TestFilesThatAreNoneAreErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := DecodeFile(filepath.Join(dir, "none.png"), Limits{}); kindOf(err) != Unreadable || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := DecodeFile(dir, Limits{}); kindOf(err) != Special {
		t.Errorf("a folder: %v", err)
	}
}

func TestLargeFilesAreReadFromDisk(t *testing.T) {
	img := noise(1100, 1000, 10)
	path := filepath.Join(t.TempDir(), "large.bmp")
	data := encoded(t, func(w io.Writer) error { return bmp.Encode(w, img) })
	if len(data) <= wholeFile/2 {
		t.Fatalf("only %d bytes", len(data))
	}
	data = append(data, make([]byte, wholeFile)...)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := DecodeFile(path, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(d.Image.Pix, img.Pix) {
		t.Error("the pixels changed")
	}
}

func TestAPanicInADecoderIsAnErrorOfTheFile(t *testing.T) {
	c := &codec{name: "test", decode: func(io.Reader) (image.Image, error) { panic("deep inside") }}
	src := io.NewSectionReader(bytes.NewReader(nil), 0, 0)
	_, err := guardDecode(c, src, 1)
	if err == nil {
		t.Fatal("no error")
	}
	if got := broken("x.png", c, err); kindOf(got) != Broken || strings.Contains(got.Error(), "deep inside") {
		t.Errorf("%v", got)
	}
}

func TestImagesThatContradictThemselvesAreErrors(t *testing.T) {
	r := image.Rect(0, 0, 2, 2)
	for name, img := range map[string]image.Image{
		"index outside the palette": &image.Paletted{Pix: []uint8{0, 1, 2, 9}, Stride: 2, Rect: r, Palette: color.Palette{color.Black, color.White, color.White}},
		"no palette":                &image.Paletted{Pix: make([]uint8, 4), Stride: 2, Rect: r},
		"too few pixels":            &image.NRGBA{Pix: make([]uint8, 4), Stride: 8, Rect: r},
		"too few samples":           &image.YCbCr{Y: make([]uint8, 1), Cb: make([]uint8, 1), Cr: make([]uint8, 1), YStride: 2, CStride: 2, Rect: r},
		"no pixels":                 image.NewGray(image.Rect(0, 0, 0, 5)),
	} {
		if got, err := ToNRGBA(img); err == nil {
			t.Errorf("%s: got %v", name, got.Rect)
		}
	}
}

func TestPremultipliedColourBecomesStraight(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 3, 1))
	copy(img.Pix, []uint8{
		100, 50, 0, 200, // 100/200 of full red
		90, 0, 0, 0, // nothing
		250, 10, 0, 100, // more colour than the alpha allows
	})
	want := []uint8{127, 63, 0, 200, 0, 0, 0, 0, 255, 25, 0, 100}
	if got := straight(t, img).Pix; !bytes.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSubImagesKeepTheirPixels(t *testing.T) {
	img := noise(20, 20, 11)
	part := image.Rect(3, 5, 11, 18)
	want := straight(t, img.SubImage(part))
	grey := image.NewGray16(img.Rect)
	draw.Draw(grey, grey.Rect, img, image.Point{}, draw.Src)
	cut := straight(t, grey.SubImage(part))
	for y := range part.Dy() {
		for x := range part.Dx() {
			if want.NRGBAAt(x, y) != img.NRGBAAt(x+3, y+5) {
				t.Fatalf("colour (%d, %d)", x, y)
			}
			if cut.NRGBAAt(x, y).R != uint8(grey.Gray16At(x+3, y+5).Y>>8) {
				t.Fatalf("grey (%d, %d)", x, y)
			}
		}
	}
}

func TestTheMemoryBudgetIsNeverExceededAndServesAll(t *testing.T) {
	b := newBudget(100)
	var (
		mu         sync.Mutex
		held, most int64
		wg         sync.WaitGroup
	)
	for i := range 200 {
		n := int64(i%50 + 1)
		if i%20 == 0 {
			n = 1000 // more than there is: alone
		}
		wg.Go(func() {
			release := b.acquire(n)
			mu.Lock()
			held += min(n, 100)
			most = max(most, held)
			mu.Unlock()
			mu.Lock()
			held -= min(n, 100)
			mu.Unlock()
			release()
		})
	}
	wg.Wait()
	if most > 100 || b.free != 100 {
		t.Errorf("%d of 100 were held at once, %d are free in the end", most, b.free)
	}
}

func BenchmarkDecodeAndFit(b *testing.B) {
	img := noise(1024, 768, 12)
	for i := range img.Pix { // smooth, like a photograph
		if i%4 != 3 {
			img.Pix[i] = uint8(i/4%1024/8 + i/4/1024/8)
		}
	}
	for name, data := range map[string][]byte{
		"jpeg-1024x768": encoded(b, func(w io.Writer) error { return jpeg.Encode(w, img, nil) }),
		"png-1024x768":  pngOf(b, img),
		"png-128x128":   pngOf(b, Resize(img, 128, 128)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d, err := Decode(name, data, Limits{})
				if err != nil {
					b.Fatal(err)
				}
				FitSquare(d.Image, 64, Crop, White)
			}
		})
	}
}

func BenchmarkFit(b *testing.B) {
	img := noise(1024, 768, 13)
	b.ReportAllocs()
	for b.Loop() {
		FitSquare(img, 64, Crop, White)
	}
}

package datasets

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/straightway-app/straightway/datasets/internal/turbojpeg"
)

func TestReductionLeavesTwiceThePixelsOfTheSquare(t *testing.T) {
	for _, row := range []struct {
		name       string
		w, h, size int
		fit        Fit
		want       int
	}{
		{"a photograph for a small square", 4000, 3000, 64, Crop, 8},
		{"the most that an eighth is enough for", 4000, 3000, 187, Crop, 8},
		{"the least that takes a quarter", 4000, 3000, 188, Crop, 4},
		{"a half", 4000, 3000, 512, Crop, 2},
		{"not even a half", 4000, 3000, 1024, Crop, 1},
		{"upright", 3000, 4000, 188, Crop, 4},
		{"padded, where the longer side counts", 4000, 3000, 188, Pad, 8},
		{"stretched, where the shorter one does", 4000, 3000, 188, Stretch, 4},
		{"a strip of which nothing would be left", 4000, 7, 64, Pad, 2},
		{"as large as the square", 64, 64, 64, Crop, 1},
	} {
		if got := (target{row.size, row.fit}).denominator(row.w, row.h); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
}

// decodeFor decodes data for a square, or all of it for nil.
func decodeFor(data []byte, whom *target) (d *Decoded, err error) {
	src := io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
	err = decode("a file", src, Limits{}.withDefaults(1), whom, func(got *Decoded, _ *io.SectionReader) error {
		d = got
		return nil
	})
	return d, err
}

func needTurboJPEG(t *testing.T) {
	t.Helper()
	if !turbojpeg.Available() {
		t.Skip("libturbojpeg is not installed here: scripts/setup installs it")
	}
}

// waves is a picture without sharp edges, in colour or in grey.
func waves(w, h int, grey bool) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := func(a, b float64) uint8 { return uint8(128 + 100*math.Sin(a*float64(x)+b*float64(y))) }
			c := color.NRGBA{v(0.02, 0.03), v(0.05, -0.01), v(-0.03, 0.04), 255}
			if grey {
				c.G, c.B = c.R, c.R
			}
			img.SetNRGBA(x, y, c)
		}
	}
	if grey {
		out := image.NewGray(img.Rect)
		for i := range out.Pix {
			out.Pix[i] = img.Pix[4*i]
		}
		return out
	}
	return img
}

func jpegOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAReducedPictureShowsWhatTheWholeOneShows(t *testing.T) {
	needTurboJPEG(t)
	for name, data := range map[string][]byte{
		"colour":           jpegOf(t, waves(640, 480, false)),
		"grey":             jpegOf(t, waves(640, 480, true)),
		"odd sides":        jpegOf(t, waves(645, 491, false)),
		"turned by EXIF":   oriented(jpegOf(t, waves(640, 480, false)), 6),
		"mirrored by EXIF": oriented(jpegOf(t, waves(640, 480, false)), 5),
	} {
		whole, err := decodeFor(data, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		for _, size := range []int{24, 51, 100} { // of 480 rows: an eighth, a quarter, a half
			for _, fit := range []Fit{Crop, Pad, Stretch} {
				reduced, err := decodeFor(data, &target{size, fit})
				if err != nil {
					t.Fatal(name, err)
				}
				if _, to := fit.Frame(whole.Image.Rect.Dx(), whole.Image.Rect.Dy(), size); reduced.Image.Rect.Size() != to.Size() {
					t.Errorf("%s for %d, %v: %v, want %v", name, size, fit, reduced.Image.Rect.Size(), to.Size())
				}
				if reduced.Orientation != whole.Orientation || reduced.HasAlpha || reduced.Format != "jpeg" {
					t.Errorf("%s for %d: %+v", name, size, reduced)
				}
				a, b := FitSquare(whole.Image, size, fit, White), FitSquare(reduced.Image, size, fit, White)
				if diff := meanDifference(a, b); diff > 2 { // 1.2 was measured; one pixel off is 6
					t.Errorf("%s for %d, %v: %.2f from the whole picture on average", name, size, fit, diff)
				}
			}
		}
	}
}

// oriented puts an EXIF orientation behind the first marker of a JPEG file.
func oriented(data []byte, orientation byte) []byte {
	exif := append([]byte("\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00"), orientation, 0, 0, 0, 0, 0, 0, 0)
	return append(append([]byte("\xff\xd8"), exif...), data[2:]...)
}

func TestDamagedAndUnusualFilesHaveTheSameOutcomeWhereTheyAreReduced(t *testing.T) {
	needTurboJPEG(t)
	reduced := 0
	for _, folder := range oddFolders() {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if c, _ := sniff(data[:min(len(data), sniffLen)]); c != &codecs.jpeg {
				return nil
			}
			whole, wholeErr := decodeFor(data, nil)
			small, smallErr := decodeFor(data, &target{8, Stretch})
			switch {
			case (wholeErr == nil) != (smallErr == nil) || wholeErr != nil && wholeErr.Error() != smallErr.Error():
				t.Errorf("%s: %v, but whole %v", path, smallErr, wholeErr)
			case wholeErr == nil && small.Image.Rect != whole.Image.Rect:
				reduced++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if reduced < 10 {
		t.Errorf("only %d files were reduced", reduced)
	}
}

func TestAJPEGIsKnownByItsCode(t *testing.T) {
	picture, other := jpegOf(t, waves(64, 48, false)), jpegOf(t, waves(64, 48, true))
	identify := func(data []byte) identity {
		t.Helper()
		var id identity
		src := io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
		err := decode("a file", src, Limits{}.withDefaults(1), nil, func(d *Decoded, src *io.SectionReader) (err error) {
			if id, err = identifyContent(d, src); err != nil {
				return err
			}
			at, err := identifyContent(d, inMemory(data))
			if at != id {
				t.Error("in memory it is taken for another picture than read from a file")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	same := identify(picture)
	for name, data := range map[string][]byte{
		"with a comment":              append([]byte("\xff\xd8\xff\xfe\x00\x07hello"), picture[2:]...),
		"with bytes behind the end":   append(bytes.Clone(picture), "and more"...),
		"with an orientation upright": oriented(picture, 1),
	} {
		if identify(data) != same {
			t.Errorf("%s it is taken for another picture", name)
		}
	}
	late := bytes.Clone(picture)
	late[len(late)-5] ^= 1 // in the last bits of the code
	for name, data := range map[string][]byte{"another picture": other, "turned by EXIF": oriented(picture, 6), "changed at the end": late} {
		if identify(data) == same {
			t.Errorf("%s: taken for the same picture", name)
		}
	}
}

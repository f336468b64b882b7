package datasets

import (
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// oddFolders are the collections of difficult files: the small one that comes
// with this package, and the large one that lies beside a checkout of the
// project where it is developed.
func oddFolders() []string {
	folders := []string{filepath.Join("testdata", "odd")}
	if large := filepath.Join("..", "..", "shared", "data", "odd-images"); exists(filepath.Join(large, "EXPECT.csv")) {
		folders = append(folders, large)
	}
	return folders
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

var okOutcome = regexp.MustCompile(`^ok (\w+) (\d+)x(\d+)`)

func TestOddFilesGetTheOutcomeThatTheirListNames(t *testing.T) {
	for _, folder := range oddFolders() {
		f, err := os.Open(filepath.Join(folder, "EXPECT.csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) < 40 {
			t.Fatalf("%s names only %d files", folder, len(rows)-1)
		}
		for _, row := range rows[1:] {
			name, want := row[0], row[2]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d, err := DecodeFile(filepath.Join(folder, filepath.FromSlash(name)), Limits{})
				if complaint := contradicts(want, d, err); complaint != "" {
					t.Errorf("want %q: %s", want, complaint)
				}
			})
		}
	}
}

// contradicts says how a result differs from the outcome that was expected.
func contradicts(want string, d *Decoded, err error) string {
	if m := okOutcome.FindStringSubmatch(want); m != nil {
		if err != nil {
			return "got the error " + err.Error()
		}
		w, _ := strconv.Atoi(m[2])
		h, _ := strconv.Atoi(m[3])
		if d.Orientation >= 5 {
			w, h = h, w
		}
		if d.Format != m[1] || d.Image.Rect != image.Rect(0, 0, w, h) {
			return fmt.Sprintf("got %s %v", d.Format, d.Image.Rect)
		}
		if len(d.Image.Pix) != 4*w*h || d.HasAlpha == d.Image.Opaque() {
			return "got pixels that contradict themselves"
		}
		return ""
	}
	if err == nil {
		return fmt.Sprintf("got %s %v", d.Format, d.Image.Rect)
	}
	var fe *FileError
	if !errors.As(err, &fe) {
		return fmt.Sprintf("got an error of type %T", err)
	}
	kinds := []Kind{Broken, Unsupported}
	switch {
	case strings.HasPrefix(want, "too-big"):
		kinds = []Kind{TooBig}
	case strings.Contains(want, "unknown format"):
		kinds = []Kind{NotImage}
	case strings.HasPrefix(want, "err-config"):
		kinds = []Kind{Broken, Unsupported, NotImage} // cut so short that the format cannot be told
	}
	for _, k := range kinds {
		if fe.Kind == k && len(fe.Reason) > 20 && !strings.Contains(fe.Reason, "runtime error") {
			return ""
		}
	}
	return fmt.Sprintf("got kind %q with the reason %q", fe.Kind, fe.Reason)
}

func TestAllOrientationsOfAllFormatsComeOutUpright(t *testing.T) {
	for _, folder := range oddFolders() {
		if made := filepath.Join(folder, "made"); exists(made) {
			folder = made
		}
		ref, err := DecodeFile(filepath.Join(folder, "orient_upright_reference.png"), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		// How far a lossy file of this picture may be off on average, of 255:
		// 1.3 was measured. With WebP's colours taken for JPEG's it was 7.7.
		for ext, tolerance := range map[string]float64{"png": 0, "jpg": 2, "webp": 2} {
			for o := 1; o <= 8; o++ {
				name := fmt.Sprintf("orient_%d.%s", o, ext)
				d, err := DecodeFile(filepath.Join(folder, name), Limits{})
				if err != nil {
					t.Error(err)
					continue
				}
				if d.Orientation != o {
					t.Errorf("%s: orientation %d", name, d.Orientation)
				}
				if d.Image.Rect != ref.Image.Rect {
					t.Errorf("%s: %v, want %v", name, d.Image.Rect, ref.Image.Rect)
					continue
				}
				if diff := meanDifference(d.Image.Pix, ref.Image.Pix); diff > tolerance {
					t.Errorf("%s: %.2f from the upright picture on average", name, diff)
				}
			}
		}
	}
}

func meanDifference(a, b []uint8) float64 {
	sum := 0
	for i := range a {
		sum += max(int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return float64(sum) / float64(len(a))
}

func TestInvalidOrientationsCountAsUpright(t *testing.T) {
	for _, name := range []string{"orient_bad_0.jpg", "orient_bad_9.jpg", "orient_bad_65535.jpg"} {
		d, err := DecodeFile(filepath.Join("testdata", "odd", name), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Orientation != 1 || d.Image.Rect != image.Rect(0, 0, 96, 64) {
			t.Errorf("%s: orientation %d, %v", name, d.Orientation, d.Image.Rect)
		}
	}
}

// A whole folder of odd files is a set like any other.
func TestAFolderOfOddFilesOpens(t *testing.T) {
	for _, folder := range oddFolders() {
		s, err := Open(t.Context(), folder, t.TempDir(), Options{Size: 16})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		kinds := map[Kind]int{}
		for _, skip := range s.Skipped() {
			kinds[skip.Kind]++
			if skip.Reason == "" {
				t.Errorf("%s was passed over without a reason", skip.Path)
			}
		}
		if s.Len() < MinImages {
			t.Errorf("%s: only %d pictures", folder, s.Len())
		}
		for _, k := range []Kind{NotImage, Broken, TooBig, Tiny, Duplicate} {
			if kinds[k] == 0 {
				t.Errorf("%s: nothing was %v", folder, k)
			}
		}
	}
}

// FuzzDecode looks for files that crash the decoder, or that it takes although
// its own result contradicts itself.
func FuzzDecode(f *testing.F) {
	found, err := filepath.Glob(filepath.Join("testdata", "odd", "*"))
	if err != nil || len(found) == 0 {
		f.Fatal(found, err)
	}
	for _, path := range found {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Decode("fuzzed", data, Limits{MaxPixels: 1 << 20})
		if err != nil {
			if kindOf(err) == 0 {
				t.Errorf("an error of type %T: %v", err, err)
			}
			return
		}
		w, h := d.Image.Rect.Dx(), d.Image.Rect.Dy()
		if w*h < 1 || w*h > 1<<20 || len(d.Image.Pix) != 4*w*h || d.Orientation < 1 || d.Orientation > 8 {
			t.Errorf("%v, %d bytes, orientation %d", d.Image.Rect, len(d.Image.Pix), d.Orientation)
		}
		FitSquare(d.Image, 8, Pad, White)
	})
}

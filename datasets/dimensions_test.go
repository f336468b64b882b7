package datasets

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

func TestDimensionsAreReadFromTheHeader(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "wide.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if w, h, err := Dimensions(path); err != nil || w != 40 || h != 30 {
		t.Errorf("a 40×30 picture is %d×%d, %v", w, h, err)
	}
	text := filepath.Join(dir, "text.png")
	if err := os.WriteFile(text, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{text, filepath.Join(dir, "missing.png")} {
		if _, _, err := Dimensions(bad); err == nil {
			t.Errorf("%s has dimensions", bad)
		}
	}
}

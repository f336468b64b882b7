//go:build ignore

// Generate draws the demo domains from a folder of OpenMoji pictures:
//
//	go run generate.go FOLDER
//
// FOLDER holds train_color and train_line, with different drawings in each, and
// test_color and test_line, with the same drawings under the same names: 128×128
// pixels on white, made from color/svg and black/svg of the npm package
// openmoji 17.0.0. Which ones are taken is decided by the SHA-256 sum of their
// names, so that all kinds of drawings are among them and another run takes the
// same; of those that look alike at 32 pixels, such as a new moon and a black
// circle, only one is trained on. They are halved to 64×64 and written as the smallest PNG file that keeps
// every pixel, into the folders beside this file.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/straightway-app/straightway/datasets"
)

const (
	trainPictures = 300 // of each domain
	testPairs     = 24
	side          = 64
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run generate.go FOLDER")
	}
	for _, part := range []struct {
		from, to string
		n        int
	}{
		{"train_color", "source", trainPictures},
		{"train_line", "target", trainPictures},
		{"test_color", "test_source", testPairs},
		{"test_line", "test_target", testPairs},
	} {
		if err := draw(filepath.Join(os.Args[1], part.from), filepath.Join("pictures", part.to), part.n); err != nil {
			log.Fatal(err)
		}
	}
}

// draw writes n pictures of the folder from, made small, to the folder to.
func draw(from, to string, n int) error {
	paths, err := filepath.Glob(filepath.Join(from, "*.png"))
	if err != nil {
		return err
	}
	rank := func(path string) []byte {
		sum := sha256.Sum256([]byte(filepath.Base(path)))
		return sum[:]
	}
	slices.SortFunc(paths, func(a, b string) int { return bytes.Compare(rank(a), rank(b)) })
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	total, taken := 0, 0
	small := map[string]bool{}
	for _, path := range paths {
		if taken == n {
			break
		}
		d, err := datasets.DecodeFile(path, datasets.Limits{})
		if err != nil {
			return err
		}
		data, err := smallest(datasets.FitSquare(d.Image, side, datasets.Crop, datasets.White))
		if err != nil {
			return err
		}
		// As a program that reads the demo will see it.
		if d, err = datasets.Decode(path, data, datasets.Limits{}); err != nil {
			return err
		}
		tiny := string(datasets.FitSquare(d.Image, side/2, datasets.Crop, datasets.White))
		if n == trainPictures && small[tiny] {
			continue
		}
		small[tiny] = true
		taken++
		total += len(data)
		name := strings.ToLower(filepath.Base(path))
		if err := os.WriteFile(filepath.Join(to, name), data, 0o644); err != nil {
			return err
		}
	}
	if taken < n {
		return fmt.Errorf("%s holds %d different pictures, %d are needed", from, taken, n)
	}
	fmt.Printf("%s: %d pictures, %d bytes\n", to, n, total)
	return nil
}

// smallest encodes a square as grey, palette or full colour, whichever holds it
// exactly in the fewest bytes.
func smallest(rgb []byte) ([]byte, error) {
	r := image.Rect(0, 0, side, side)
	full := image.NewNRGBA(r)
	grey, isGrey := image.NewGray(r), true
	indexed := image.NewPaletted(r, nil)
	index := map[color.NRGBA]int{}
	for i := range side * side {
		c := color.NRGBA{R: rgb[3*i], G: rgb[3*i+1], B: rgb[3*i+2], A: 255}
		full.SetNRGBA(i%side, i/side, c)
		grey.Pix[i] = c.G
		isGrey = isGrey && c.R == c.G && c.G == c.B
		if _, seen := index[c]; !seen {
			index[c] = len(index)
			indexed.Palette = append(indexed.Palette, c)
		}
		indexed.Pix[i] = uint8(index[c])
	}
	candidates := []image.Image{full}
	if isGrey {
		candidates = append(candidates, grey)
	}
	if len(index) <= 256 {
		candidates = append(candidates, indexed)
	}
	var best []byte
	for _, img := range candidates {
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
			return nil, err
		}
		if best == nil || b.Len() < len(best) {
			best = b.Bytes()
		}
	}
	return best, nil
}

package translate

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"testing"
)

// pngPictures are pictures that lead through every part of the encoder.
func pngPictures() map[string]*image.NRGBA {
	all := map[string]*image.NRGBA{}
	for _, size := range [][2]int{{1, 1}, {2, 3}, {7, 5}, {10, 1}, {11, 4}, {64, 64}, {129, 33}} {
		flat, _ := drawing(4, size[0], size[1])
		clear := clone(flat)
		for i := 3; i < len(clear.Pix); i += 12 {
			clear.Pix[i] = uint8(i)
		}
		last := clone(flat)
		last.Pix[len(last.Pix)-1] = 254
		name := fmt.Sprintf("%d×%d ", size[0], size[1])
		all[name+"drawing"], all[name+"transparent"], all[name+"last pixel"] = flat, clear, last
		all[name+"noise"] = noisy(1, size[0], size[1], false)
	}
	large := noisy(2, 700, 500, false) // more than a chunk
	all["large"] = large
	all["part of a larger one"] = large.SubImage(image.Rect(31, 40, 130, 97)).(*image.NRGBA)
	return all
}

// TestPNGKeepsEveryPixel: another decoder finds the picture in the file, one after the other from the same encoder.
func TestPNGKeepsEveryPixel(t *testing.T) {
	var encoder pngEncoder
	for name, img := range pngPictures() {
		var file bytes.Buffer
		if err := encoder.encode(&file, img); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := png.Decode(&file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Bounds().Size() != img.Rect.Size() {
			t.Errorf("%s: the size is %v", name, got.Bounds().Size())
			continue
		}
		if _, rgb := got.(*image.RGBA); rgb != img.Opaque() {
			t.Errorf("%s: decoded as %T, opaque %v", name, got, img.Opaque())
		}
		for y := range img.Rect.Dy() {
			for x := range img.Rect.Dx() {
				if want, is := img.NRGBAAt(img.Rect.Min.X+x, img.Rect.Min.Y+y), color.NRGBAModel.Convert(got.At(x, y)); is != want {
					t.Fatalf("%s: (%d, %d) is %v, want %v", name, x, y, is, want)
				}
			}
		}
	}
}

// TestPNGVectorsDoWhatBytesDo: filtered by vectors, a row is what it is filtered byte by byte.
func TestPNGVectorsDoWhatBytesDo(t *testing.T) {
	if !vectors {
		t.Skip("this build, or this processor, has no vectors: everything else tests the plain code")
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{3, 31, 32, 33, 96, 100, 4096} {
		encoder := func() *pngEncoder {
			return &pngEncoder{row: make([]byte, lead+size), prev: make([]byte, lead+size), sub: make([]byte, 1+size), up: make([]byte, 1+size)}
		}
		by, plain := encoder(), encoder()
		for i := lead; i < lead+size; i++ {
			by.row[i], by.prev[i] = uint8(random.Uint32()), uint8(random.Uint32())
		}
		copy(plain.row, by.row)
		copy(plain.prev, by.prev)
		var sums, want [3]int
		done := by.filterByVectors(3, size, &sums)
		if size-done >= 32 {
			t.Errorf("%d of %d bytes fill no vector", size-done, size)
		}
		by.filterByBytes(3, size, done, &sums)
		plain.filterByBytes(3, size, 0, &want)
		if sums != want || !bytes.Equal(by.sub, plain.sub) || !bytes.Equal(by.up, plain.up) {
			t.Errorf("%d bytes: magnitudes %v, and %v byte by byte", size, sums, want)
		}
	}
}

// A full is a disk on which there is room for so many bytes.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestPNGSaysThatTheDiskIsFull wherever in the file that happens, and writes the next picture as if nothing had.
func TestPNGSaysThatTheDiskIsFull(t *testing.T) {
	img := noisy(2, 300, 200, false)
	var whole bytes.Buffer
	if err := EncodePNG(&whole, img); err != nil {
		t.Fatal(err)
	}
	var encoder pngEncoder
	for room := 0; room < whole.Len(); room += whole.Len()/50 + 1 {
		if err := encoder.encode(&full{room}, img); !errors.Is(err, errFull) {
			t.Errorf("room for %d of %d bytes: %v", room, whole.Len(), err)
		}
	}
	var again bytes.Buffer
	if err := encoder.encode(&again, img); err != nil || !bytes.Equal(again.Bytes(), whole.Bytes()) {
		t.Errorf("after errors: %v, %d bytes where there were %d", err, again.Len(), whole.Len())
	}
}

// BenchmarkPNG writes pictures, beside image/png as quick as it can.
func BenchmarkPNG(b *testing.B) {
	flat, _ := drawing(4, 128, 128)
	for _, of := range []struct {
		name string
		img  *image.NRGBA
	}{{"drawing", flat}, {"noise", noisy(1, 128, 128, false)}} {
		var own pngEncoder
		ways := map[string]func() error{
			"own": func() error { return own.encode(io.Discard, of.img) },
			"std": func() error {
				return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(io.Discard, of.img)
			},
		}
		for name, way := range ways {
			b.Run(of.name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if err := way(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

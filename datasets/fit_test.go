package datasets

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
)

// noise is a picture of random opaque pixels.
func noise(w, h int, seed uint64) *image.NRGBA {
	rng := rand.New(rand.NewPCG(seed, 0))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.Uint32())
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

func plain(w, h int, c color.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(img.Pix); i += 4 {
		copy(img.Pix[i:], []uint8{c.R, c.G, c.B, c.A})
	}
	return img
}

var shapes = [][2]int{{1, 1}, {1, 300}, {300, 1}, {7, 5}, {8, 400}, {31, 33}, {64, 64}, {150, 103}, {500, 100}}

func TestFitNamesCanBeParsedBack(t *testing.T) {
	for _, f := range []Fit{Crop, Pad, Stretch} {
		if got, err := ParseFit(f.String()); err != nil || got != f {
			t.Errorf("ParseFit(%q) = %v, %v", f.String(), got, err)
		}
	}
	if _, err := ParseFit("squash"); err == nil {
		t.Error("an unknown name was taken")
	}
}

func TestCropTakesTheCentralSquare(t *testing.T) {
	for _, s := range shapes {
		w, h := s[0], s[1]
		from, to := Crop.Frame(w, h, 64)
		side := min(w, h)
		if from.Dx() != side || from.Dy() != side || to != image.Rect(0, 0, 64, 64) {
			t.Errorf("%d×%d: %v to %v", w, h, from, to)
		}
		left, right := from.Min.X, w-from.Max.X
		top, bottom := from.Min.Y, h-from.Max.Y
		if left < 0 || top < 0 || right-left < 0 || right-left > 1 || bottom-top < 0 || bottom-top > 1 {
			t.Errorf("%d×%d: margins %d %d %d %d", w, h, left, right, top, bottom)
		}
	}
	// The pixels are those of the centre.
	img := noise(96, 32, 1)
	got := FitSquare(img, 32, Crop, White)
	want := FitSquare(img.SubImage(image.Rect(32, 0, 64, 32)).(*image.NRGBA), 32, Stretch, White)
	if !bytes.Equal(got, want) {
		t.Error("the crop is not the middle third")
	}
}

func TestPadKeepsTheShapeAndAllPixels(t *testing.T) {
	background := color.NRGBA{R: 10, G: 20, B: 30, A: 255}
	for _, s := range shapes {
		w, h := s[0], s[1]
		for _, size := range []int{32, 64} {
			from, to := Pad.Frame(w, h, size)
			if from != image.Rect(0, 0, w, h) {
				t.Errorf("%d×%d: only %v is shown", w, h, from)
			}
			if max(to.Dx(), to.Dy()) != size || !to.In(image.Rect(0, 0, size, size)) {
				t.Errorf("%d×%d: lands on %v of %d", w, h, to, size)
			}
			// One scale for both sides, to within half a pixel or the least one.
			scale := float64(size) / float64(max(w, h))
			if math.Abs(float64(to.Dx())-max(scale*float64(w), 1)) > 0.5 || math.Abs(float64(to.Dy())-max(scale*float64(h), 1)) > 0.5 {
				t.Errorf("%d×%d: shape changed to %v", w, h, to)
			}
			// Inside it is the picture, outside the background.
			square := FitSquare(plain(w, h, color.NRGBA{R: 200, G: 100, B: 50, A: 255}), size, Pad, background)
			for y := range size {
				for x := range size {
					want := [3]uint8{200, 100, 50}
					if !image.Pt(x, y).In(to) {
						want = [3]uint8{10, 20, 30}
					}
					if got := [3]uint8(square[3*(y*size+x):]); got != want {
						t.Fatalf("%d×%d at %d: pixel (%d, %d) is %v, want %v", w, h, size, x, y, got, want)
					}
				}
			}
		}
	}
}

func TestStretchFillsTheSquareWithTheWholePicture(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 4, 2))
	for i := range 8 {
		copy(img.Pix[4*i:], []uint8{uint8(10 * i), 0, 0, 255})
	}
	got := FitSquare(img, 2, Stretch, White)
	for i, want := range []uint8{5, 25, 45, 65} {
		if got[3*i] != want {
			t.Errorf("pixel %d is %d, want %d", i, got[3*i], want)
		}
	}
}

func TestASquareOfTheRightSizeIsCopied(t *testing.T) {
	img := noise(32, 32, 2)
	for _, fit := range []Fit{Crop, Pad, Stretch} {
		got := FitSquare(img, 32, fit, White)
		for i := range 32 * 32 {
			if !bytes.Equal(got[3*i:3*i+3], img.Pix[4*i:4*i+3]) {
				t.Fatalf("%v: pixel %d changed", fit, i)
			}
		}
	}
}

func TestShrinkingTakesTheMeanOfEachArea(t *testing.T) {
	// Whole ratio: blocks of 4×4.
	img := noise(64, 64, 3)
	got := FitSquare(img, 16, Crop, White)
	for y := range 16 {
		for x := range 16 {
			for c := range 3 {
				sum := 0
				for j := range 16 {
					sum += int(img.Pix[img.PixOffset(4*x+j%4, 4*y+j/4)+c])
				}
				want := math.Floor(float64(sum)/16 + 0.5)
				if math.Abs(float64(got[3*(y*16+x)+c])-want) > 1 { // one level: the two axes round one after the other
					t.Fatalf("(%d, %d): %d, want %v", x, y, got[3*(y*16+x)+c], want)
				}
			}
		}
	}
	// Any ratio: a ramp keeps its place, to within the half pixel by which whole source pixels go to one side.
	for _, size := range [][2]int{{100, 64}, {97, 13}, {33, 32}, {5, 4}} {
		n, m := size[0], size[1]
		ramp := Resize(rampOf(n), m, 4)
		scale := float64(n) / float64(m)
		for x := range m {
			want := ((float64(x)+0.5)*scale - 0.5) * 255 / float64(n-1)
			if got := float64(ramp.Pix[4*x]); math.Abs(got-want) > 0.5*255/float64(n-1)+1 {
				t.Errorf("%d to %d: pixel %d is %v, want about %.1f", n, m, x, got, want)
			}
		}
	}
}

func TestEnlargingReproducesPlanesAndStraightRamps(t *testing.T) {
	for _, s := range shapes {
		c := color.NRGBA{R: 13, G: 130, B: 251, A: 255}
		for i, v := range FitSquare(plain(s[0], s[1], c), 80, Stretch, White) {
			if want := []uint8{c.R, c.G, c.B}[i%3]; v != want {
				t.Fatalf("%v: byte %d is %d, want %d", s, i, v, want)
			}
		}
	}
	// A cubic with a = -1/2 is exact on straight lines away from the edges, but for the rounding of the ramp itself.
	wide := Resize(rampOf(20), 100, 4)
	for x := 15; x < 85; x++ {
		want := ((float64(x)+0.5)/5 - 0.5) * 255 / 19
		if got := float64(wide.Pix[4*x]); math.Abs(got-want) > 1.2 {
			t.Errorf("pixel %d is %v, want %.1f", x, got, want)
		}
	}
}

// rampOf is a picture of n×4 pixels whose red rises from 0 to 255 from left to right.
func rampOf(n int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, n, 4))
	for y := range 4 {
		for x := range n {
			img.SetNRGBA(x, y, color.NRGBA{R: uint8(math.Round(float64(x) * 255 / float64(n-1))), A: 255})
		}
	}
	return img
}

func TestTransparencyShowsTheBackgroundInProportion(t *testing.T) {
	background := color.NRGBA{R: 40, G: 250, B: 0, A: 255}
	for a := range 256 {
		got := FitSquare(plain(8, 8, color.NRGBA{R: 220, G: 10, B: 77, A: uint8(a)}), 4, Crop, background)
		alpha := float64(a) / 255
		for c, pair := range [][2]float64{{220, 40}, {10, 250}, {77, 0}} {
			want := alpha*pair[0] + (1-alpha)*pair[1]
			if math.Abs(float64(got[c])-want) > 0.51 {
				t.Errorf("alpha %d, channel %d: %d, want %.2f", a, c, got[c], want)
			}
		}
	}
}

func TestTheColourOfTransparentPixelsDoesNotShow(t *testing.T) {
	img := plain(16, 16, color.NRGBA{R: 255, A: 0}) // red that nobody sees
	for y := range 16 {
		for x := range 7 {
			img.SetNRGBA(x, y, color.NRGBA{G: 200, A: 255})
		}
	}
	for _, size := range []int{5, 16, 40} {
		square := FitSquare(img, size, Crop, color.NRGBA{A: 255})
		resized := Resize(img, size, size)
		for i := range size * size {
			if square[3*i] != 0 {
				t.Fatalf("size %d: red %d shows in the square", size, square[3*i])
			}
			if p := resized.Pix[4*i : 4*i+4]; p[0] != 0 && p[3] != 0 {
				t.Fatalf("size %d: resized to %v", size, p)
			}
		}
	}
}

func TestAZeroBackgroundIsWhite(t *testing.T) {
	got := FitSquare(plain(8, 8, color.NRGBA{}), 8, Crop, color.NRGBA{})
	if !bytes.Equal(got, bytes.Repeat([]byte{255}, 8*8*3)) {
		t.Errorf("starts with %v", got[:3])
	}
}

func TestResizeHasTheSizeAskedFor(t *testing.T) {
	for _, s := range shapes {
		for _, to := range shapes {
			img := Resize(noise(s[0], s[1], 4), to[0], to[1])
			if img.Rect != image.Rect(0, 0, to[0], to[1]) || !img.Opaque() {
				t.Errorf("%v to %v: %v, opaque %v", s, to, img.Rect, img.Opaque())
			}
		}
	}
	same := noise(31, 33, 5)
	if !bytes.Equal(Resize(same, 31, 33).Pix, same.Pix) {
		t.Error("a picture of the size asked for changed")
	}
}

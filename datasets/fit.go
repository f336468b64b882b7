package datasets

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
)

// Fit says how a picture that is not square becomes square.
type Fit uint8

const (
	// Crop scales the shorter side to the square and cuts the longer one
	// evenly at both ends. It is the zero value.
	Crop Fit = iota
	// Pad scales the longer side to the square and fills the rest with the
	// background, evenly at both sides.
	Pad
	// Stretch scales both sides to the square, whatever that does to shapes.
	Stretch
)

var fitNames = [...]string{Crop: "crop", Pad: "pad", Stretch: "stretch"}

// String gives the name that ParseFit takes.
func (f Fit) String() string {
	if int(f) < len(fitNames) {
		return fitNames[f]
	}
	return fmt.Sprintf("Fit(%d)", uint8(f))
}

// ParseFit finds the fit with the given name, in any case.
func ParseFit(name string) (Fit, error) {
	for f, n := range fitNames {
		if strings.EqualFold(n, name) {
			return Fit(f), nil
		}
	}
	return 0, fmt.Errorf("%q is not a way to fit a picture into a square: choose %s", name, strings.Join(fitNames[:], ", "))
}

// Frame says where a picture of w×h pixels ends up in a square of size×size:
// the part from of the picture fills the part to of the square.
func (f Fit) Frame(w, h, size int) (from, to image.Rectangle) {
	from, to = image.Rect(0, 0, w, h), image.Rect(0, 0, size, size)
	switch f {
	case Crop:
		side := min(w, h)
		from = centred(w, h, side, side)
	case Pad:
		scaled := func(side int) int {
			return max(int(math.Round(float64(side)*float64(size)/float64(max(w, h)))), 1)
		}
		to = centred(size, size, scaled(w), scaled(h))
	}
	return from, to
}

// centred is a rectangle of w×h in the middle of one of W×H; an odd pixel goes
// to the right and the bottom.
func centred(W, H, w, h int) image.Rectangle {
	return image.Rect(0, 0, w, h).Add(image.Pt((W-w)/2, (H-h)/2))
}

// White is the background where none is chosen.
var White = color.NRGBA{R: 255, G: 255, B: 255, A: 255}

// FitSquare makes a square of img: size·size·3 bytes, rows from the top, red,
// green and blue in 0…255. Transparent parts show the background, as do the
// borders that Pad leaves: out = α·colour + (1−α)·background. The background is
// taken as opaque; one with alpha 0 (the zero value) means White.
func FitSquare(img *image.NRGBA, size int, fit Fit, background color.NRGBA) []byte {
	out := make([]byte, size*size*3)
	if background.A == 0 {
		background = White
	}
	bg := [3]uint8{background.R, background.G, background.B}
	from, to := fit.Frame(img.Rect.Dx(), img.Rect.Dy(), size)
	if to.Dx() < size || to.Dy() < size {
		for i := 0; i < len(out); i += 3 {
			copy(out[i:], bg[:])
		}
	}
	part := img.SubImage(from.Add(img.Rect.Min)).(*image.NRGBA)
	square := Resize(part, to.Dx(), to.Dy())
	for y := range to.Dy() {
		row := square.Pix[y*square.Stride:]
		dst := out[((to.Min.Y+y)*size+to.Min.X)*3:]
		for x := range to.Dx() {
			p := row[4*x : 4*x+4]
			a := int(p[3])
			for c := range 3 {
				dst[3*x+c] = uint8((int(p[c])*a + int(bg[c])*(255-a) + 127) / 255)
			}
		}
	}
	return out
}

// Picture is the picture of S×S×3 bytes, which FitSquare makes.
func Picture(size int, rgb []byte) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, size, size))
	for i := range size * size {
		copy(out.Pix[4*i:], rgb[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}

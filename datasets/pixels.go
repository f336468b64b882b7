package datasets

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
)

// ToNRGBA gives the pixels of img, from (0, 0), with straight (not
// premultiplied) alpha and 8 bits a channel. The result shares the pixels of
// an img that is in that form already. An image whose parts contradict each
// other, such as an index outside its palette, is an error instead of the
// panic that it would be further on.
func ToNRGBA(img image.Image) (dst *image.NRGBA, err error) {
	defer recoverTo(&err)
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if w <= 0 || h <= 0 {
		return nil, errors.New("an image without pixels")
	}
	switch src := img.(type) {
	case *image.NRGBA:
		if src.Stride == 4*w && len(src.Pix) >= 4*w*h {
			return &image.NRGBA{Pix: src.Pix[:4*w*h], Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}, nil
		}
	case *image.RGBA:
		// Where nothing is transparent, premultiplied and straight are the same.
		if src.Stride == 4*w && len(src.Pix) >= 4*w*h && src.Opaque() {
			return &image.NRGBA{Pix: src.Pix[:4*w*h], Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}, nil
		}
	}
	dst = image.NewNRGBA(image.Rect(0, 0, w, h))
	// row gives the pixels of src's row y, of which each has n bytes.
	row := func(pix []byte, stride, y, n int) []byte { return pix[y*stride : y*stride+n*w] }
	switch src := img.(type) {
	case *image.Paletted:
		var table [256][4]uint8
		for i, c := range src.Palette[:min(len(src.Palette), 256)] {
			n := color.NRGBAModel.Convert(c).(color.NRGBA)
			table[i] = [4]uint8{n.R, n.G, n.B, n.A}
		}
		for y := range h {
			out := dst.Pix[y*dst.Stride:]
			for x, index := range row(src.Pix, src.Stride, y, 1) {
				if int(index) >= len(src.Palette) {
					return nil, fmt.Errorf("colour %d of a palette of %d", index, len(src.Palette))
				}
				copy(out[4*x:4*x+4], table[index][:])
			}
		}
	case *image.Gray16:
		for y := range h {
			in, out := row(src.Pix, src.Stride, y, 2), dst.Pix[y*dst.Stride:]
			for x := range w {
				v := in[2*x]
				copy(out[4*x:4*x+4], []uint8{v, v, v, 255})
			}
		}
	case *image.NRGBA64:
		for y := range h {
			in, out := row(src.Pix, src.Stride, y, 8), dst.Pix[y*dst.Stride:]
			for x := range w {
				p := in[8*x : 8*x+8]
				copy(out[4*x:4*x+4], []uint8{p[0], p[2], p[4], p[6]})
			}
		}
	case *image.NRGBA:
		for y := range h {
			copy(dst.Pix[y*dst.Stride:], row(src.Pix, src.Stride, y, 4))
		}
	case *image.YCbCr, *image.Gray, *image.CMYK:
		// These are opaque, so premultiplied pixels serve, for which the
		// standard library has fast paths.
		draw.Draw((*image.RGBA)(dst), dst.Rect, img, b.Min, draw.Src)
	default: // RGBA and RGBA64 with alpha, NYCbCrA, and what callers bring
		for y := range h {
			out := dst.Pix[y*dst.Stride:]
			for x := range w {
				r, g, bl, a := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
				if a == 0 {
					continue
				}
				// A file may claim more colour than its alpha allows.
				straight := func(c uint32) uint8 { return uint8(min(c, a) * 0xffff / a >> 8) }
				copy(out[4*x:4*x+4], []uint8{straight(r), straight(g), straight(bl), uint8(a >> 8)})
			}
		}
	}
	return dst, nil
}

func sixteenBit(img image.Image) bool {
	switch img.(type) {
	case *image.Gray16, *image.NRGBA64, *image.RGBA64:
		return true
	}
	return false
}

// turnUpright undoes an EXIF orientation (CIPA DC-008, 4.6.4.A): the value
// says which sides of the scene the stored row 0 and column 0 are.
func turnUpright(src *image.NRGBA, orientation int) *image.NRGBA {
	if orientation <= 1 || orientation > 8 {
		return src
	}
	sw, sh := src.Rect.Dx(), src.Rect.Dy()
	w, h := sw, sh
	if orientation >= 5 {
		w, h = sh, sw
	}
	dst := image.NewNRGBA(image.Rect(0, 0, w, h))
	// Where the stored pixel (0, 0) goes, and how far apart in dst two stored
	// neighbours in a row (dx) and in a column (dy) are.
	origin, dx, dy := 0, 4, 4*w
	if orientation >= 5 {
		dx, dy = 4*w, 4
	}
	right, down := 4*(w-1), 4*w*(h-1)
	switch orientation {
	case 2: // row 0 is the top, column 0 the right
		origin, dx = right, -dx
	case 3: // bottom, right
		origin, dx, dy = right+down, -dx, -dy
	case 4: // bottom, left
		origin, dy = down, -dy
	case 6: // row 0 is the right, column 0 the top
		origin, dy = right, -dy
	case 7: // right, bottom
		origin, dx, dy = right+down, -dx, -dy
	case 8: // left, bottom
		origin, dx = down, -dx
	}
	for y := range sh {
		in := src.Pix[y*src.Stride:]
		to := origin + y*dy
		for x := range sw {
			copy(dst.Pix[to:to+4], in[4*x:4*x+4])
			to += dx
		}
	}
	return dst
}

// byteCount writes a number of bytes for a person.
func byteCount(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

package datasets

import (
	"image"
	"image/color"
	"io"

	"golang.org/x/image/webp"
)

// decodeWebP decodes a WebP file and gives lossy ones their true colours.
//
// VP8 stores luma in 16…235 and chroma in 16…240 (ITU-R BT.601, and RFC 6386,
// section 9.2), but the decoder hands the planes out as the full-range planes
// of a JPEG: black would come out as a dark grey, white as a light one.
func decodeWebP(r io.Reader) (image.Image, error) {
	img, err := webp.Decode(r)
	if err != nil {
		return nil, err
	}
	switch src := img.(type) {
	case *image.YCbCr:
		return videoRange(src, nil), nil
	case *image.NYCbCrA:
		return videoRange(&src.YCbCr, func(x, y int) uint8 { return src.A[src.AOffset(x, y)] }), nil
	}
	return img, nil
}

// videoRange converts BT.601 video-range planes to straight RGB. A nil alpha
// means opaque.
func videoRange(src *image.YCbCr, alpha func(x, y int) uint8) *image.NRGBA {
	dst := image.NewNRGBA(image.Rect(0, 0, src.Rect.Dx(), src.Rect.Dy()))
	i := 0
	for y := src.Rect.Min.Y; y < src.Rect.Max.Y; y++ {
		for x := src.Rect.Min.X; x < src.Rect.Max.X; x++ {
			c := src.COffset(x, y)
			rgb := fromVideo(src.Y[src.YOffset(x, y)], src.Cb[c], src.Cr[c])
			dst.Pix[i], dst.Pix[i+1], dst.Pix[i+2], dst.Pix[i+3] = rgb.R, rgb.G, rgb.B, 255
			if alpha != nil {
				dst.Pix[i+3] = alpha(x, y)
			}
			i += 4
		}
	}
	return dst
}

// fromVideo is BT.601 with luma scaled by 255/219 and chroma by 255/224, in
// units of 1/65536.
func fromVideo(luma, cb, cr uint8) color.NRGBA {
	y := (int(luma)-16)*76309 + 1<<15
	b, r := int(cb)-128, int(cr)-128
	clip := func(v int) uint8 { return uint8(min(max(v>>16, 0), 255)) }
	return color.NRGBA{R: clip(y + 104597*r), G: clip(y - 25675*b - 53279*r), B: clip(y + 132201*b), A: 255}
}

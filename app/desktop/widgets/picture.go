//go:build !headless

package widgets

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"golang.org/x/image/draw"
)

// pixelZoom is the zoom from which pixels are shown as squares.
const pixelZoom = 2

// DifferenceGain is what absolute differences are multiplied by to be seen; larger results are cut at white.
const DifferenceGain = 4

// picture is an image ready for the screen: its pixels in the form in which the graphics card takes them, and the same
// reduced by 2, 4, 8…, so that a large picture is smooth when it is shown small.
type picture struct {
	levels []*image.RGBA
	object *canvas.Image
	level  int
}

func newPicture() *picture {
	o := &canvas.Image{ScaleMode: canvas.ImageScaleFastest}
	o.Hide()
	return &picture{object: o, level: -1}
}

// setLevels changes the pixels; none hides the picture.
func (p *picture) setLevels(levels []*image.RGBA) {
	p.levels, p.level = levels, -1
	p.object.Image = nil
}

// place shows the picture at a place, from a zoom of pixelZoom on with square pixels. The scale is that of the screen,
// in device pixels per Fyne unit.
//
// Fyne's Image.Resize makes the texture anew, which takes tens of milliseconds for a large one, although the same
// texture could be drawn at any size. It does not do so while the object holds no image. So the size is changed then,
// and only another level or another filter costs a new texture.
func (p *picture) place(pos fyne.Position, size fyne.Size, zoom, scale float32) {
	if len(p.levels) == 0 {
		p.object.Hide()
		return
	}
	level := 0 // the most reduced level that still has a pixel for every device pixel
	for level+1 < len(p.levels) && float32(p.levels[level+1].Rect.Dx()) >= size.Width*scale {
		level++
	}
	mode := canvas.ImageScaleFastest
	if zoom >= pixelZoom {
		mode = canvas.ImageScalePixels
	}
	changed := level != p.level || mode != p.object.ScaleMode
	p.level, p.object.ScaleMode = level, mode
	p.object.Image = nil
	p.object.Resize(size)
	p.object.Image = p.levels[level]
	p.object.Move(pos.AddXY(1, 0)) // a move is what asks for a new frame
	p.object.Move(pos)
	p.object.Show()
	if changed {
		canvas.Refresh(p.object)
	}
}

// makeLevels converts an image and reduces it until it is small. It is safe on any goroutine.
func makeLevels(img image.Image) []*image.RGBA {
	if img == nil || img.Bounds().Empty() {
		return nil
	}
	const small = 256
	level := resample(img, img.Bounds().Dx(), img.Bounds().Dy())
	levels := []*image.RGBA{level}
	for max(level.Rect.Dx(), level.Rect.Dy()) > small {
		level = resample(level, max(1, level.Rect.Dx()/2), max(1, level.Rect.Dy()/2))
		levels = append(levels, level)
	}
	return levels
}

// resample returns the image at the given size in pixels, its corner at the origin.
func resample(img image.Image, width, height int) *image.RGBA {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	if b.Dx() == width && b.Dy() == height {
		draw.Draw(out, out.Rect, img, b.Min, draw.Src)
		return out
	}
	draw.BiLinear.Scale(out, out.Rect, img, b, draw.Src, nil)
	return out
}

// difference returns |a − b| of the colours times DifferenceGain, opaque, at the given size in pixels. Transparent
// pictures are compared as they look on black.
func difference(a, b image.Image, width, height int) *image.RGBA {
	x, y := resample(a, width, height), resample(b, width, height)
	for i := 0; i < len(x.Pix); i += 4 {
		for c := i; c < i+3; c++ {
			d := int(x.Pix[c]) - int(y.Pix[c])
			x.Pix[c] = uint8(min(255, DifferenceGain*max(d, -d)))
		}
		x.Pix[i+3] = 255
	}
	return x
}

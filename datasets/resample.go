package datasets

import (
	"image"

	"github.com/disintegration/imaging"
)

// Resize scales img to width×height pixels, both at least 1: along an axis that shrinks by area means (the training
// recipe was tuned with them; they neither ring nor alias on whole ratios), along one that grows by the Catmull-Rom
// cubic. Colours are weighted by their alpha.
func Resize(img *image.NRGBA, width, height int) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if width == w && height == h {
		return imaging.Clone(img)
	}
	if (width < w) == (height < h) || width == w || height == h {
		return imaging.Resize(img, width, height, filter(width <= w && height <= h))
	}
	// One axis grows and one shrinks: one after the other, the smaller picture in between.
	if width < w {
		return Resize(imaging.Resize(img, width, h, imaging.Box), width, height)
	}
	return Resize(imaging.Resize(img, w, height, imaging.Box), width, height)
}

func filter(shrinks bool) imaging.ResampleFilter {
	if shrinks {
		return imaging.Box
	}
	return imaging.CatmullRom
}

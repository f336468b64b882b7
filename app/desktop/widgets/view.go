//go:build !headless

package widgets

import (
	"math"

	"fyne.io/fyne/v2"
)

// The largest magnification, and the smallest for pictures that fit without being reduced further.
const (
	maxZoom = 32
	minZoom = 0.05
)

// view is a frame through which a picture is seen. Frame positions are in Fyne units from the frame's corner; picture
// positions are in picture pixels. A zoom of 1 shows one picture pixel as one device pixel.
type view struct {
	picture fyne.Size     // in pixels
	frame   fyne.Size     // in Fyne units
	scale   float32       // device pixels per Fyne unit
	zoom    float32       // device pixels per picture pixel
	centre  fyne.Position // the picture position in the middle of the frame
	fitted  bool          // the picture follows the frame's size
}

// empty says that there is nothing to see or nowhere to see it.
func (v *view) empty() bool {
	return v.picture.Width <= 0 || v.picture.Height <= 0 || v.frame.Width <= 0 || v.frame.Height <= 0
}

// fitZoom returns the zoom at which the whole picture just fits.
func (v *view) fitZoom() float32 {
	return v.scale * min(v.frame.Width/v.picture.Width, v.frame.Height/v.picture.Height)
}

// fit shows the whole picture, and keeps doing so when the frame's size changes.
func (v *view) fit() {
	v.fitted = true
	v.settle()
}

// resize changes the frame; a picture that is not fitted keeps its zoom and its middle.
func (v *view) resize(frame fyne.Size, scale float32) {
	v.frame, v.scale = frame, scale
	v.settle()
}

// toPicture returns the picture position under a frame position.
func (v *view) toPicture(p fyne.Position) fyne.Position {
	k := v.scale / v.zoom
	return fyne.NewPos(v.centre.X+(p.X-v.frame.Width/2)*k, v.centre.Y+(p.Y-v.frame.Height/2)*k)
}

// zoomAbout changes the zoom and keeps the picture position under the frame position p where it is, as far as the
// picture still fills the frame.
func (v *view) zoomAbout(p fyne.Position, zoom float32) {
	if v.empty() {
		return
	}
	under := v.toPicture(p)
	v.zoom = max(min(zoom, maxZoom), min(minZoom, v.fitZoom()))
	v.fitted = false
	k := v.scale / v.zoom
	v.centre = fyne.NewPos(under.X-(p.X-v.frame.Width/2)*k, under.Y-(p.Y-v.frame.Height/2)*k)
	v.settle()
}

// pan moves the picture by a distance in Fyne units.
func (v *view) pan(dx, dy float32) {
	if v.empty() {
		return
	}
	k := v.scale / v.zoom
	v.centre = v.centre.SubtractXY(dx*k, dy*k)
	v.settle()
}

// settle keeps the picture in the frame: centred along a side on which it is smaller, without a gap where it is larger.
func (v *view) settle() {
	if v.empty() {
		return
	}
	if v.fitted {
		v.zoom = v.fitZoom()
	}
	k := v.scale / v.zoom
	v.centre.X = within(v.centre.X, v.frame.Width*k/2, v.picture.Width)
	v.centre.Y = within(v.centre.Y, v.frame.Height*k/2, v.picture.Height)
}

// within keeps an interval of the given half-width inside [0, length], or centres it where it is wider.
func within(centre, half, length float32) float32 {
	if 2*half >= length {
		return length / 2
	}
	return max(half, min(length-half, centre))
}

// larger says whether a part of the picture lies outside the frame.
func (v *view) larger() bool {
	const slack = 0.5
	_, size := v.rect()
	return size.Width > v.frame.Width+slack || size.Height > v.frame.Height+slack
}

// rect returns where the whole picture lies in the frame, on whole device pixels.
func (v *view) rect() (fyne.Position, fyne.Size) {
	if v.empty() {
		return fyne.Position{}, fyne.Size{}
	}
	unit := v.zoom / v.scale
	size := fyne.NewSize(v.picture.Width*unit, v.picture.Height*unit)
	snap := func(x float32) float32 { return float32(math.Round(float64(x*v.scale))) / v.scale }
	return fyne.NewPos(snap(v.frame.Width/2-v.centre.X*unit), snap(v.frame.Height/2-v.centre.Y*unit)), size
}

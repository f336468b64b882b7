//go:build !headless

package widgets

import (
	"image"
	"image/color"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// shownCompare returns a viewer of two pictures of 400×300 pixels in a window of 200×150.
func shownCompare(t *testing.T) *Compare {
	t.Helper()
	test.NewTempApp(t)
	c := NewCompare()
	c.work.inline = true
	w := test.NewTempWindow(t, c)
	w.SetPadded(false)
	w.Resize(fyne.NewSize(200, 150))
	c.SetImages(gradient(400, 300), gradient(400, 300))
	return c
}

func scroll(at fyne.Position, notches float32) *fyne.ScrollEvent {
	return &fyne.ScrollEvent{PointEvent: fyne.PointEvent{Position: at}, Scrolled: fyne.NewDelta(0, notches*wheelNotch)}
}

func drag(to fyne.Position, dx, dy float32) *fyne.DragEvent {
	return &fyne.DragEvent{PointEvent: fyne.PointEvent{Position: to}, Dragged: fyne.NewDelta(dx, dy)}
}

func near(a, b float32) bool { return math.Abs(float64(a-b)) < 0.01 }

func TestWheelKeepsThePointUnderThePointer(t *testing.T) {
	c := shownCompare(t)
	c.SetZoom(2)
	pointer := fyne.NewPos(60, 40)
	before := c.view.toPicture(pointer)
	c.Scrolled(scroll(pointer, 2))
	after := c.view.toPicture(pointer)
	if !near(before.X, after.X) || !near(before.Y, after.Y) {
		t.Errorf("under the pointer was %v, and is %v after zooming", before, after)
	}
	if !near(c.Zoom(), 2*zoomStep*zoomStep) {
		t.Errorf("two notches gave a zoom of %v", c.Zoom())
	}
}

func TestZoomAndPlaceAreTheSameInEveryMode(t *testing.T) {
	c := shownCompare(t)
	c.SetZoom(3)
	c.Dragged(drag(fyne.NewPos(20, 20), -10, -7))
	c.DragEnd()
	zoom, centre := c.view.zoom, c.view.centre
	for _, mode := range []CompareMode{CompareSideBySide, CompareDifference, CompareSlider} {
		c.SetMode(mode)
		if c.view.zoom != zoom || c.view.centre != centre {
			t.Errorf("mode %d shows %v at %v, want %v at %v", mode, c.view.zoom, c.view.centre, zoom, centre)
		}
	}
}

func TestDividerFollowsTheDragAndThePictureStays(t *testing.T) {
	c := shownCompare(t)
	c.SetZoom(2)
	centre := c.view.centre
	c.Dragged(drag(fyne.NewPos(130, 75), 30, 0)) // began at 100, on the divider
	c.Dragged(drag(fyne.NewPos(160, 75), 30, 0))
	c.DragEnd()
	if !near(c.dividerX(), 160) || c.view.centre != centre {
		t.Errorf("the divider is at %v, the picture at %v; want 160 and %v", c.dividerX(), c.view.centre, centre)
	}
	c.Dragged(drag(fyne.NewPos(40, 75), 20, 0)) // began at 20, far from it
	c.DragEnd()
	if !near(c.dividerX(), 160) || near(c.view.centre.X, centre.X) {
		t.Error("a drag away from the divider moved it, or did not move the picture")
	}
}

func TestKeyboardAndDoubleTapZoom(t *testing.T) {
	c := shownCompare(t)
	var told []int
	c.OnZoomChanged = func(percent int) { told = append(told, percent) }
	if !near(c.Zoom(), 0.5) {
		t.Fatalf("400 pixels in 200 are shown at %v, want 0.5", c.Zoom())
	}
	c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	if !near(c.dividerX(), 104) {
		t.Errorf("the arrow moved the divider of a whole picture to %v", c.dividerX())
	}
	c.DoubleTapped(&fyne.PointEvent{Position: fyne.NewPos(100, 75)})
	c.TypedRune('+')
	c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	if !near(c.dividerX(), 104) || c.view.centre.X <= 200 {
		t.Error("the arrow did not move a picture that is larger than its frame")
	}
	c.TypedRune('0')
	if want := []int{100, 125, 50}; len(told) != 3 || told[0] != want[0] || told[1] != want[1] || told[2] != want[2] {
		t.Errorf("told the zooms %v, want %v", told, want)
	}
}

func TestZoomingKeepsTheTextureUntilPixelsAreSquares(t *testing.T) {
	c := shownCompare(t)
	c.SetZoom(1)
	img, mode := c.before.object.Image, c.before.object.ScaleMode
	c.SetZoom(1.9)
	if c.before.object.Image != img || c.before.object.ScaleMode != mode {
		t.Error("zooming from 100 % to 190 % changed the texture")
	}
	c.SetZoom(2)
	if c.before.object.Image != img || c.before.object.ScaleMode == mode {
		t.Error("from 200 % on, the same picture should be shown with another filter")
	}
}

func TestDifferenceIsAmplifiedAndCut(t *testing.T) {
	x, y := image.NewGray(image.Rect(0, 0, 2, 1)), image.NewGray(image.Rect(0, 0, 2, 1))
	x.SetGray(0, 0, color.Gray{100})
	y.SetGray(0, 0, color.Gray{110})
	y.SetGray(1, 0, color.Gray{200})
	d := difference(x, y, 2, 1)
	if got := d.RGBAAt(0, 0); got != (color.RGBA{10 * DifferenceGain, 10 * DifferenceGain, 10 * DifferenceGain, 255}) {
		t.Errorf("a difference of 10 is shown as %v", got)
	}
	if got := d.RGBAAt(1, 0).R; got != 255 {
		t.Errorf("a difference of 200 is shown as %d", got)
	}
}

func TestDifferentSizesShareTheFrame(t *testing.T) {
	c := shownCompare(t)
	c.SetImages(gradient(40, 30), gradient(400, 300))
	if c.before.object.Size() != c.after.object.Size() {
		t.Errorf("the pictures are shown at %v and %v", c.before.object.Size(), c.after.object.Size())
	}
}

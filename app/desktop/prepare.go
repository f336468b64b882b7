//go:build !headless

package desktop

import (
	"image"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
)

// prepareEvery is the time between two pieces of what is made ready in advance, so that what a person does meanwhile
// comes in between.
const prepareEvery = 120 * time.Millisecond

// prepare makes ready, in small pieces once the window is up, what would otherwise hold a frame up when it is needed
// first, perhaps while both cores train: the screens, and the display's programs for textures.
func (a *App) prepare() {
	pieces := a.texturePrograms()
	for _, s := range a.screens {
		pieces = append(pieces, func() { s.build().Resize(a.body.Size()) })
	}
	go func() {
		for _, piece := range pieces {
			time.Sleep(prepareEvery)
			fyne.DoAndWait(piece)
		}
	}()
}

// texturePrograms draw a point that cannot be seen with every kind of texture: smooth or square pixels, and sides that
// are powers of two or not. A software display compiles a program of its own for each, which takes it 30 ms.
func (a *App) texturePrograms() []func() {
	var pieces []func()
	room := container.NewWithoutLayout()
	for _, mode := range []canvas.ImageScale{canvas.ImageScaleFastest, canvas.ImageScalePixels} {
		for _, side := range []image.Point{{2, 2}, {2, 3}, {3, 2}, {3, 3}} {
			pieces = append(pieces, func() {
				o := canvas.NewRaster(func(int, int) image.Image { return image.NewNRGBA(image.Rectangle{Max: side}) })
				o.ScaleMode = mode
				o.Resize(fyne.NewSquareSize(1))
				room.Objects = []fyne.CanvasObject{o}
				room.Refresh()
			})
		}
	}
	a.layers.Add(room)
	return append(pieces, func() { a.layers.Remove(room) })
}

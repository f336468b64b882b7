package translate

import (
	"image"
	"image/color"
	"runtime"
	"sync"
)

// restore replaces img, the source at its own size, by its translation: y is
// the translation of the canvas c. How detail is carried over is told in
// detail.go.
//
// The network saw the picture on a background, so what it made of a pixel of
// opacity α is a mixture too. Where the translation leads the background to B′,
//
//	Y = α·Z + (1−α)·B′
//
// is solved for the colour Z, which is stored with the source's α. B′ is the
// mean of y where the canvas is transparent, or else what the linear fit of the
// whole picture says of the background's colour. A network that changes nothing
// thus gives the source back, and soft edges keep no rim of the background.
func restore(img *image.NRGBA, c canvas, y plane, background color.NRGBA) {
	whole, at := fitWhole(c.colour, y)
	gain := gains(c.colour, y, whole)
	behind := translatedBackground(c, y, at(toUnit(background)))

	// Both sides of the difference that the gain is applied to, side by side.
	both := newPlane(c.w, c.h, 6)
	for i := range c.w * c.h {
		copy(both.pix[6*i:], y.pix[3*i:3*i+3])
		copy(both.pix[6*i+3:], c.colour.pix[3*i:3*i+3])
	}
	W, H := img.Rect.Dx(), img.Rect.Dy()
	bothX, bothY := newTaps(W, c.w, catmullRom), newTaps(H, c.h, catmullRom)
	gainX, gainY := newTaps(W, c.w, triangle), newTaps(H, c.h, triangle)
	bg := [3]float32{float32(background.R), float32(background.G), float32(background.B)}

	inBands(H, func(from, to int) {
		narrow := make([]float32, 9*c.w)
		b, g := make([]float32, 6*W), make([]float32, 9*W)
		for row := from; row < to; row++ {
			both.mixColumns(narrow[:6*c.w], bothY, row)
			mixRow(b, narrow, bothX, 6)
			gain.mixColumns(narrow, gainY, row)
			mixRow(g, narrow, gainX, 9)
			line := img.Pix[row*img.Stride : row*img.Stride+4*W]
			for x := range W {
				p, b, g := line[4*x:4*x+4], b[6*x:6*x+6], g[9*x:9*x+9]
				a := float32(p[3]) / 255
				var d [3]float32 // what the canvas could not hold
				for u := range 3 {
					f := float32(p[u])
					if p[3] != 255 {
						f = a*f + (1-a)*bg[u]
					}
					d[u] = f/127.5 - 1 - b[3+u]
				}
				for v := range 3 {
					out := b[v] + g[v]*d[0] + g[3+v]*d[1] + g[6+v]*d[2]
					if p[3] != 255 && p[3] != 0 {
						out = (out - (1-a)*behind[v]) / a
					}
					p[v] = fromUnit(out)
				}
			}
		}
	})
}

// translatedBackground is the mean translation of what is transparent on the
// canvas, if that is at least a hundredth of it, and otherwise.
func translatedBackground(c canvas, y plane, otherwise [3]float32) [3]float32 {
	var sum [3]float64
	n := 0
	for i, a := range c.alpha {
		if a == 0 {
			n++
			for v := range 3 {
				sum[v] += float64(y.pix[3*i+v])
			}
		}
	}
	if n == 0 || n*100 < len(c.alpha) {
		return otherwise
	}
	return [3]float32{float32(sum[0] / float64(n)), float32(sum[1] / float64(n)), float32(sum[2] / float64(n))}
}

// inBands splits n rows among the cores.
func inBands(n int, f func(from, to int)) {
	bands := min(runtime.GOMAXPROCS(0), max(1, n/64))
	var wait sync.WaitGroup
	for i := range bands {
		wait.Go(func() { f(n*i/bands, n*(i+1)/bands) })
	}
	wait.Wait()
}

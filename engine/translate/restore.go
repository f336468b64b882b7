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
func restore(img *image.NRGBA, c canvas, y plane, background color.NRGBA, memory *room) {
	whole, at := fitWhole(c.colour, y)
	gain := gains(c.colour, y, whole, memory)
	behind := translatedBackground(c, y, at(toUnit(background)))

	// Both sides of the difference that the gain is applied to, side by side.
	both := memory.plane(c.w, c.h, perBoth)
	for i := range c.w * c.h {
		copy(both.pix[perBoth*i:], y.pix[3*i:3*i+3])
		copy(both.pix[perBoth*i+4:], c.colour.pix[3*i:3*i+3])
	}
	W, H := img.Rect.Dx(), img.Rect.Dy()
	bothY, gainY := newTaps(H, c.h, catmullRom), newTaps(H, c.h, triangle)
	r := restorer{
		bothX: newTaps(W, c.w, catmullRom), gainX: newTaps(W, c.w, triangle),
		background: [3]float32{float32(background.R), float32(background.G), float32(background.B)},
		behind:     behind,
	}
	inBands(H, func(from, to int) {
		b, g := make([]float32, perBoth*c.w), make([]float32, perGain*c.w+4) // room to read whole vectors
		for row := from; row < to; row++ {
			both.mixColumns(b, bothY, row)
			gain.mixColumns(g[:perGain*c.w], gainY, row)
			r.row(img.Pix[row*img.Stride:row*img.Stride+4*W], b, g)
		}
	})
}

// perBoth is the channels of y and s side by side: y_v is in v, s_u in 4+u.
const perBoth = 8

// A restorer enlarges rows of the canvas and applies them to rows of the source.
type restorer struct {
	bothX, gainX taps
	background   [3]float32 // 0 to 255
	behind       [3]float32 // its translation
}

// row replaces a row of the source's pixels; b holds y and s, and g the gains,
// of the canvas at its height.
func (r *restorer) row(line []uint8, b, g []float32) {
	if vectors {
		r.rowByVectors(line, b, g)
	} else {
		r.rowByPixels(line, b, g)
	}
}

// rowByPixels is row for any processor.
func (r *restorer) rowByPixels(line []uint8, b, g []float32) {
	for x := range len(line) / 4 {
		var both [perBoth]float32
		for k, w := range r.bothX.of(x) {
			addScaledByPixels(both[:], b[perBoth*(r.bothX.start[x]+k):][:perBoth], w)
		}
		var gain [perGain]float32
		for k, w := range r.gainX.of(x) {
			addScaledByPixels(gain[:], g[perGain*(r.gainX.start[x]+k):][:perGain], w)
		}
		r.pixel(line[4*x:4*x+4], &both, &gain)
	}
}

// pixel replaces the source's pixel p; both and gain are those of its place.
func (r *restorer) pixel(p []uint8, both *[perBoth]float32, gain *[perGain]float32) {
	a := float32(p[3]) / 255
	var d [3]float32 // what the canvas could not hold
	for u := range 3 {
		f := float32(p[u])
		if p[3] != 255 {
			f = a*f + (1-a)*r.background[u]
		}
		d[u] = f/127.5 - 1 - both[4+u]
	}
	for v := range 3 {
		out := both[v] + gain[v]*d[0] + gain[4+v]*d[1] + gain[8+v]*d[2]
		if p[3] != 255 && p[3] != 0 {
			out = (out - (1-a)*r.behind[v]) / a
		}
		p[v] = fromUnit(out)
	}
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
	bands := min(runtime.NumCPU(), runtime.GOMAXPROCS(0), max(1, n/64))
	var wait sync.WaitGroup
	for i := range bands {
		wait.Go(func() { f(n*i/bands, n*(i+1)/bands) })
	}
	wait.Wait()
}

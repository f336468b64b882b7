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
	both := memory.planes(c.w, c.h, perBoth)
	both.split(c.colour, 0)
	both.split(y, 3)
	whole, at := fitWhole(c.colour, y, both)
	W, H := img.Rect.Dx(), img.Rect.Dy()
	enlarged := newEnlarger(both, perBoth, W, H, catmullRom)
	gain := newEnlarger(gains(c.colour, y, both, whole, memory), perGain, W, H, triangle)
	behind := translatedBackground(c, y, at(toUnit(background)))
	bands := make([]restorer, min(runtime.NumCPU(), runtime.GOMAXPROCS(0), max(1, H/256)))
	for i := range bands {
		bands[i] = restorer{
			both: enlarged.withRows(memory), gain: gain.withRows(memory),
			background: [3]float32{float32(background.R), float32(background.G), float32(background.B)},
			behind:     behind,
		}
	}
	var wait sync.WaitGroup
	for i := range bands {
		wait.Go(func() {
			for row := H * i / len(bands); row < H*(i+1)/len(bands); row++ {
				bands[i].row(img.Pix[row*img.Stride:row*img.Stride+4*W], row)
			}
		})
	}
	wait.Wait()
}

// perBoth is the planes of s and y together, in this order, and perGain those of
// the gains, in the order of a linear's g.
const perBoth, perGain = 6, 9

// A restorer enlarges the canvas and applies it to rows of the source.
type restorer struct {
	both, gain *enlarger
	background [3]float32 // 0 to 255
	behind     [3]float32 // its translation
}

// row replaces the pixels of row y of the source.
func (r *restorer) row(line []uint8, y int) {
	both, gain := r.both.row(y), r.gain.row(y)
	done := 0
	if vectors {
		done = restoreRow(line, both, gain, r.background, r.behind)
	}
	r.byPixels(line, both, gain, done)
}

// byPixels replaces the pixels from x on, on any processor. both and gain are
// the rows of the canvas at the place of the line, channel by channel.
func (r *restorer) byPixels(line []uint8, both, gain []float32, x int) {
	for ; x < len(line)/4; x++ {
		at := func(row []float32, n, channel int) float32 { return row[len(row)/n*channel+x] }
		p := line[4*x : 4*x+4]
		a := float32(p[3]) / 255
		var d [3]float32 // what the canvas could not hold
		for u := range 3 {
			f := a*float32(p[u]) + (1-a)*r.background[u]
			d[u] = f/127.5 - 1 - at(both, perBoth, u)
		}
		for v := range 3 {
			out := at(both, perBoth, 3+v)
			for u := range 3 {
				out += at(gain, perGain, 3*u+v) * d[u]
			}
			if p[3] != 0 {
				out = (out - (1-a)*r.behind[v]) / a
			}
			p[v] = fromUnit(out)
		}
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

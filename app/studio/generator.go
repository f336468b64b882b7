package studio

import (
	"context"
	"image"
	"time"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/generate"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// mostTogether is the most pictures that the Generator computes at once: so many appear at a time, and a newer request
// waits for no more.
const mostTogether = 8

// Generator makes pictures from noise with the rounds of the open project, whose source is noise. It shares the
// Translator's loaded rounds, and takes its turn with it. Of a Request, only round, steps, solver and tolerance count.
type Generator struct{ studio *Studio }

// Made says what the making of pictures took.
type Made struct {
	Round       string
	Evaluations float64       // of the network for each picture, on the average
	Elapsed     time.Duration // from the moment at which the network was free
}

// Pictures makes one picture for each of count seeds from first on and hands each, S×S pixels, to take with its number.
func (g *Generator) Pictures(ctx context.Context, first uint64, count int, r Request, take func(i int, img *image.NRGBA)) (Made, error) {
	return g.make(ctx, r, count, take, func(i, size int) []float32 { return generate.Noise(first+uint64(i), size) })
}

// Between makes count pictures on the way from one seed's to another's, both included.
func (g *Generator) Between(ctx context.Context, from, to uint64, count int, r Request, take func(i int, img *image.NRGBA)) (Made, error) {
	var way [][]float32
	return g.make(ctx, r, count, take, func(i, size int) []float32 {
		if way == nil {
			way = generate.Between(generate.Noise(from, size), generate.Noise(to, size), count)
		}
		return way[i]
	})
}

// project is the open project, if it generates.
func (g *Generator) project() (*project.Project, error) {
	p, _ := g.studio.Project()
	if p == nil {
		return nil, ErrNothingTrained
	}
	if !p.Settings().FromNoise() {
		return nil, generate.ErrNeedsNoise
	}
	return p, nil
}

// make carries count noises of S×S×3 values to pictures, some at a time.
func (g *Generator) make(ctx context.Context, r Request, count int, take func(i int, img *image.NRGBA), noise func(i, size int) []float32) (Made, error) {
	p, err := g.project()
	if err != nil {
		return Made{}, err
	}
	u := r.use()
	u.Reverse, u.Until, u.Batch = false, 1, min(mostTogether, model.Batch(p.Settings().Size))
	loaded, began, err := g.studio.Translator.turn(ctx, p, u)
	if err != nil {
		return Made{}, err
	}
	defer g.studio.Translator.mu.Unlock()
	net := model.NewTranslator(loaded.Model, u)
	for at := 0; at < count && err == nil; at += u.Batch {
		var part [][]float32
		for i := at; i < min(count, at+u.Batch); i++ {
			part = append(part, noise(i, net.Size()))
		}
		err = generate.Images(ctx, net, part, func(i int, pixels []byte) error {
			take(at+i, datasets.Picture(net.Size(), pixels))
			return nil
		})
	}
	return Made{loaded.round, net.NFE(), time.Since(began)}, err
}

// Inversion is an image's way to its noise and back. The pictures have the network's size.
type Inversion struct {
	Image           *image.NRGBA // the square that the network saw
	Noise           *image.NRGBA // grey is 0; what is beyond ±1 is cut
	Again           *image.NRGBA // what the noise gives
	Mean, Deviation float64      // of the noise's values: 0 and 1 for a likely image and an exact flow
	Difference      float64      // mean difference of Again from Image, 0–255
	Made                         // evaluations: there and back
}

// Invert finds the noise that an image comes from, by the way back of the flow, and what this noise gives.
func (g *Generator) Invert(ctx context.Context, img image.Image, r Request) (Inversion, error) {
	p, err := g.project()
	if err != nil {
		return Inversion{}, err
	}
	o, err := pictureOptions(p, false)
	if err != nil {
		return Inversion{}, err
	}
	u := r.use()
	u.Reverse, u.Until, u.Batch = true, 1, 1
	loaded, began, err := g.studio.Translator.turn(ctx, p, u)
	if err != nil {
		return Inversion{}, err
	}
	defer g.studio.Translator.mu.Unlock()
	back := model.NewTranslator(loaded.Model, u)
	u.Reverse = false
	forward := model.NewTranslator(loaded.Model, u)
	size := back.Size()
	pixels := datasets.FitSquare(toNRGBA(img), size, o.Fit, o.Background)
	v, err := generate.Invert(ctx, back, forward, pixels)
	if err != nil {
		return Inversion{}, err
	}
	return Inversion{
		Image: datasets.Picture(size, pixels), Noise: noisePicture(v.Noise, size), Again: datasets.Picture(size, v.Again),
		Mean: v.Mean, Deviation: v.Std, Difference: v.L1,
		Made: Made{loaded.round, back.NFE() + forward.NFE(), time.Since(began)},
	}, nil
}

// noisePicture shows the noise of a square, as a network sees it and a screen can: cut at ±1.
func noisePicture(noise []float32, size int) *image.NRGBA {
	return datasets.Picture(size, model.Bytes(noise))
}

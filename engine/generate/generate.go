// Package generate makes images from noise with a network whose source is N(0, I): one image a seed, images between
// two seeds, and the noise that a real image comes from.
//
// An image is S×S×3 bytes, its noise as many float32 values. The same
// seed gives the same noise everywhere, and so the same picture from the same round.
package generate

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/straightway-app/straightway/engine/model"
)

// Network carries n images along its path; model.Translator is one.
type Network interface {
	Size() int
	Batch() int
	Run(ctx context.Context, x []float32, n int) ([]float32, error)
}

// ErrNeedsNoise is wrapped where a project translates between two folders instead of generating.
var ErrNeedsNoise = errors.New("the project's source is a folder of images, so it translates and does not generate: train a project whose source is noise")

// Noise is the noise of a seed for images of a side in pixels.
func Noise(seed uint64, size int) []float32 {
	return model.AppendNoise(nil, seed, "generate", 0, size*size*3)
}

// Seeds are the noises of so many seeds, from first on.
func Seeds(first uint64, count, size int) [][]float32 {
	out := make([][]float32, count)
	for i := range out {
		out[i] = Noise(first+uint64(i), size)
	}
	return out
}

// Between are count noises on the way from one to another, both ends included: along the great circle through them
// (Shoemake 1985, "Animating rotation with quaternion curves"), because the straight line would pass through noise
// that is too short to be any image's.
func Between(a, b []float32, count int) [][]float32 {
	var dot, na, nb float64
	for i := range a {
		dot, na, nb = dot+float64(a[i])*float64(b[i]), na+float64(a[i])*float64(a[i]), nb+float64(b[i])*float64(b[i])
	}
	angle := math.Acos(max(-1, min(1, dot/math.Sqrt(na*nb))))
	out := make([][]float32, count)
	for k := range out {
		u := 0.
		if count > 1 {
			u = float64(k) / float64(count-1)
		}
		wa, wb := 1-u, u
		if sin := math.Sin(angle); sin > 1e-6 {
			wa, wb = math.Sin((1-u)*angle)/sin, math.Sin(u*angle)/sin
		}
		out[k] = make([]float32, len(a))
		for i := range a {
			out[k][i] = float32(wa*float64(a[i]) + wb*float64(b[i]))
		}
	}
	return out
}

// Images carries each noise along the network's path, a batch at a time, and hands every result, S×S×3 bytes, to take
// with its number. It ends with the first error of take.
func Images(ctx context.Context, net Network, noises [][]float32, take func(i int, pixels []byte) error) error {
	n := net.Size() * net.Size() * 3
	for at := 0; at < len(noises); at += net.Batch() {
		part := noises[at:min(len(noises), at+net.Batch())]
		x := make([]float32, 0, len(part)*n)
		for _, z := range part {
			x = append(x, z...)
		}
		y, err := net.Run(ctx, x, len(part))
		if err != nil {
			return fmt.Errorf("generating images: %w", err)
		}
		for i := range part {
			if err := take(at+i, model.Bytes(y[i*n:(i+1)*n])); err != nil {
				return err
			}
		}
	}
	return nil
}

// Inversion is an image's way to its noise and back.
type Inversion struct {
	Noise     []float32
	Again     []byte  // the image that the noise gives, S×S×3
	Mean, Std float64 // of the noise's values; 0 and 1 for a likely image and an exact flow
	L1        float64 // mean difference of Again from the image, 0–255
}

// Invert carries an image of S×S×3 bytes back to its noise, and the noise forward again.
func Invert(ctx context.Context, back, forward Network, image []byte) (*Inversion, error) {
	z, err := back.Run(ctx, model.AppendUnit(nil, image), 1)
	if err != nil {
		return nil, fmt.Errorf("finding the noise of an image: %w", err)
	}
	v := &Inversion{Noise: z}
	for _, x := range z {
		v.Mean += float64(x) / float64(len(z))
	}
	for _, x := range z {
		v.Std += (float64(x) - v.Mean) * (float64(x) - v.Mean) / float64(len(z))
	}
	v.Std = math.Sqrt(v.Std)
	err = Images(ctx, forward, [][]float32{z}, func(_ int, again []byte) error {
		v.Again = again
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, x := range v.Again {
		v.L1 += math.Abs(float64(x)-float64(image[i])) / float64(len(image))
	}
	return v, nil
}

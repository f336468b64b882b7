package flow

import (
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/tensors"
)

// batch is b images of s×s×3 values as a tensor.
func batch(x []float32, b, s int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(x, b, s, s, 3)
}

// album is a set of images in memory.
type album struct {
	size int
	list [][]byte
}

func (a album) Len() int           { return len(a.list) }
func (a album) Size() int          { return a.size }
func (a album) Image(i int) []byte { return a.list[i] }

// drawn makes an image pixel by pixel.
func drawn(size int, f func(y, x int) [3]float64) []byte {
	out := make([]byte, 0, size*size*3)
	for y := range size {
		for x := range size {
			for _, v := range f(y, x) {
				out = append(out, byte(math.Round(max(0, min(255, v)))))
			}
		}
	}
	return out
}

func noise(rng *rand.Rand, size int) []byte {
	return drawn(size, func(int, int) [3]float64 {
		return [3]float64{255 * rng.Float64(), 255 * rng.Float64(), 255 * rng.Float64()}
	})
}

package train

import (
	"math/rand/v2"

	"github.com/straightway-app/straightway/engine/flow"
)

// damagedImages is the largest number of copies that damaged makes.
const damagedImages = 4096

// damaged are copies of images, each spoilt in one of the ways in which a generator fails: two images blended, a
// blurred one, a noisy one, one with its parts in wrong places. A classifier that tells them from the images
// themselves has learnt what these look like, at all scales, without any label; its features are what the distances
// of a generator are measured on.
func damaged(set flow.Images, seed uint64) memory {
	size, n := set.Size(), min(set.Len(), damagedImages)
	rng := random(seed, "damaged", 0)
	out := memory{size: size}
	for _, i := range rng.Perm(set.Len())[:n] {
		img := append([]byte(nil), set.Image(i)...)
		switch rng.IntN(4) {
		case 0:
			blend(img, set.Image(rng.IntN(set.Len())), .25+.5*rng.Float64())
		case 1:
			for range 1 + rng.IntN(3) {
				blur(img, size)
			}
		case 2:
			sigma := 10 + 40*rng.Float64()
			for k := range img {
				img[k] = byte(max(0, min(255, float64(img[k])+sigma*rng.NormFloat64())))
			}
		case 3:
			for range 1 + rng.IntN(4) {
				swap(img, size, rng)
			}
		}
		out.pixels = append(out.pixels, img...)
	}
	return out
}

// blend mixes a share of another image in.
func blend(img, other []byte, share float64) {
	for k := range img {
		img[k] = byte(float64(img[k])*(1-share) + float64(other[k])*share + .5)
	}
}

// blur takes the mean of each pixel and its eight neighbours, the border repeated.
func blur(img []byte, size int) {
	src := append([]byte(nil), img...)
	clamp := func(i int) int { return max(0, min(size-1, i)) }
	for y := range size {
		for x := range size {
			for c := range 3 {
				sum := 4
				for dy := -1; dy <= 1; dy++ {
					for dx := -1; dx <= 1; dx++ {
						sum += int(src[(clamp(y+dy)*size+clamp(x+dx))*3+c])
					}
				}
				img[(y*size+x)*3+c] = byte(sum / 9)
			}
		}
	}
}

// swap exchanges two squares of a quarter to a half of the side.
func swap(img []byte, size int, rng *rand.Rand) {
	side := size/4 + rng.IntN(size/4+1)
	at := func() int { return rng.IntN(size - side + 1) }
	ay, ax, by, bx := at(), at(), at(), at()
	src := append([]byte(nil), img...)
	for y := range side {
		copy(img[((ay+y)*size+ax)*3:][:side*3], src[((by+y)*size+bx)*3:])
	}
	for y := range side {
		copy(img[((by+y)*size+bx)*3:][:side*3], src[((ay+y)*size+ax)*3:])
	}
}

package plane

import (
	"fmt"
	"image"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	"github.com/straightway-app/straightway/datasets"
)

// FromPicture is the shape of a picture's dark pixels, on white where it is transparent: the darker a pixel, the more
// of the points lie in it. Its longer side spans [−2, 2]. It is drawn with Brush, without which thin lines would have no
// density: from lines of a pixel, 32 steps ended 0.10 from a grid of dots, and end 0.04 from it.
func FromPicture(path string) (Shape, error) {
	d, err := datasets.DecodeFile(path, datasets.Limits{})
	if err != nil {
		return Shape{}, err
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	return fromImage(name, d.Image)
}

func fromImage(name string, img *image.NRGBA) (Shape, error) {
	b := img.Bounds()
	var places []int
	var heaps []float64 // cumulated darkness
	total := 0.
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := img.NRGBAAt(b.Min.X+x, b.Min.Y+y)
			light := (.299*float64(c.R) + .587*float64(c.G) + .114*float64(c.B)) / 255
			dark := (1 - light) * float64(c.A) / 255
			if dark < .5 { // paper, shadow and the codec's noise
				continue
			}
			total += dark
			places, heaps = append(places, y*b.Dx()+x), append(heaps, total)
		}
	}
	if places == nil {
		return Shape{}, fmt.Errorf("shape %s: the picture has no dark pixels: choose one with something darker than mid-grey on a light ground", name)
	}
	scale := 4 / float64(max(b.Dx(), b.Dy()))
	return Shape{name, func(rng *rand.Rand) (x, y float64) {
		i, _ := slices.BinarySearch(heaps, rng.Float64()*total)
		at := places[min(i, len(places)-1)]
		px, py := float64(at%b.Dx())+rng.Float64(), float64(at/b.Dx())+rng.Float64()
		return (px-float64(b.Dx())/2)*scale + Brush*rng.NormFloat64(), (float64(b.Dy())/2-py)*scale + Brush*rng.NormFloat64()
	}}, nil
}

package train

import (
	"slices"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/project"
)

// Two images of four pixels a side become two of two: each the means of squares of its own.
func TestShrunkImagesAreMeansOfSquares(t *testing.T) {
	var x []float32
	for image := range 2 {
		for y := range 4 {
			for px := range 4 {
				v := float32(100*image + 10*(y/2) + px/2)
				x = append(x, v+float32(px%2), v, -v-float32(y%2))
			}
		}
	}
	want := []float32{.5, 0, -.5, 1.5, 1, -1.5, 10.5, 10, -10.5, 11.5, 11, -11.5}
	for _, v := range slices.Clone(want) {
		if v < 0 {
			want = append(want, v-100)
		} else {
			want = append(want, v+100)
		}
	}
	if got := shrunk(x, 4, 2); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The classifier of the measurements sees a large image whole, that of the loss all of its pixels.
func TestOnlyTheMeasuringClassifierShrinksImages(t *testing.T) {
	x := make([]float32, 2*64*64*3)
	if seen, side := measureSight.see(x, 64); side != 32 || len(seen) != 2*32*32*3 {
		t.Errorf("measuring: %d values of side %d", len(seen), side)
	}
	if seen, side := lossSight.see(x, 64); side != 64 || len(seen) != len(x) {
		t.Errorf("loss: %d values of side %d", len(seen), side)
	}
}

func TestDistancesOfAClassifierThatKnowsLittleAreDoubted(t *testing.T) {
	for _, c := range []struct {
		name   string
		m      project.Measurements
		doubts bool
	}{
		{"chance", project.Measurements{"balanced_accuracy": .5}, true},
		{"enough", project.Measurements{"balanced_accuracy": LeastAccuracy}, false},
		{"not measured", project.Measurements{}, false},
	} {
		if doubt := Doubt(c.m); (doubt != "") != c.doubts || c.doubts && !strings.Contains(doubt, "0.50 only") {
			t.Errorf("%s: %q", c.name, doubt)
		}
	}
}

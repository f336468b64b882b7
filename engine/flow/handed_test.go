package flow

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// relief is a height field of random waves, lit from the upper left as maps are (Lambert's cosine law).
func relief(rng *rand.Rand, size int) []byte {
	type wave struct{ ky, kx, phase, height float64 }
	var waves [12]wave
	for i := range waves {
		k, direction := .15+.5*rng.Float64(), 2*math.Pi*rng.Float64()
		waves[i] = wave{k * math.Sin(direction), k * math.Cos(direction), 2 * math.Pi * rng.Float64(), .5 / k}
	}
	return drawn(size, func(y, x int) [3]float64 {
		var dy, dx float64
		for _, w := range waves {
			c := w.height * math.Cos(w.ky*float64(y)+w.kx*float64(x)+w.phase)
			dy, dx = dy+w.ky*c, dx+w.kx*c
		}
		light := (dy + dx + 1) / math.Sqrt(3*(dy*dy+dx*dx+1))
		v := 255 * max(0, light)
		return [3]float64{v, v, v}
	})
}

func mirrored(a album) album {
	out := album{size: a.size}
	for _, img := range a.list {
		out.list = append(out.list, (Move{Flip: true}).Apply(img, a.size))
	}
	return out
}

func TestHandednessTellsHillShadingFromSymmetricSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	discs, hills := album{size: 32}, album{size: 32}
	for range 150 {
		discs.list, hills.list = append(discs.list, blobs(rng, 32)), append(hills.list, relief(rng, 32))
	}
	if h := Handedness(discs); h > .35 {
		t.Errorf("discs at random places: %.2f, want what sets without a side measured: at most 0.35", h)
	}
	if h := Handedness(hills); h < HandedLimit {
		t.Errorf("hill-shaded relief: %.2f, want more than %.1f", h, HandedLimit)
	}
	both := album{32, slices.Concat(hills.list, mirrored(hills).list)}
	if h := Handedness(both); h > 1e-6 {
		t.Errorf("relief and its mirror images together: %g, want 0", h)
	}
}

func TestHandednessIsThatOfTheSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	hills := album{size: 32}
	for range 60 {
		hills.list = append(hills.list, relief(rng, 32))
	}
	want := Handedness(hills)
	shuffled := album{32, slices.Clone(hills.list)}
	rng.Shuffle(len(shuffled.list), func(i, j int) {
		shuffled.list[i], shuffled.list[j] = shuffled.list[j], shuffled.list[i]
	})
	if got := Handedness(shuffled); math.Abs(got-want) > 1e-9 {
		t.Errorf("in another order: %g, want %g", got, want)
	}
	if got := Handedness(mirrored(hills)); math.Abs(got-want) > 1e-6 {
		t.Errorf("mirrored: %g, want %g", got, want)
	}
}

package measure

import (
	"math"
	"testing"
)

func TestSearchFindsTheNearestOfAllPartsShown(t *testing.T) {
	vectors := Matrix{2, 3, []float32{0, 0, 0, 1, 1, 1}}
	s := must(NewSearch(vectors))
	for _, part := range []Matrix{
		{2, 3, []float32{3, 0, 0, 1, 1, .5}},
		{3, 3, []float32{0, .3, 0, 1, 1, .5, -1, 0, 0}},
	} {
		if err := s.Show(part); err != nil {
			t.Fatal(err)
		}
	}
	if s.Best[0].Index != 2 || s.Best[1].Index != 1 {
		t.Errorf("the nearest are %+v, want candidates 2 and 1", s.Best)
	}
	near(t, "distance", s.Best[0].Distance, .3/math.Sqrt(3), 1e-6)
	near(t, "distance", s.Best[1].Distance, .5/math.Sqrt(3), 1e-6)
	if err := s.Show(Matrix{1, 2, []float32{0, 0}}); err == nil {
		t.Error("vectors of another length were compared")
	}
}

// Copies lie at 0 from what they copy, where unseen images are some way off; equals are equally far.
func TestClosenessTellsCopies(t *testing.T) {
	at := func(distances ...float64) (out []Neighbour) {
		for i, d := range distances {
			out = append(out, Neighbour{i, d})
		}
		return out
	}
	real := at(.9, 1, 1, 1, 1.1)
	c := must(CompareCloseness(at(0, 0, .1, 0, 1), real))
	if c.Ratio != 0 || c.Nearer != .8 {
		t.Errorf("copies: %+v", c)
	}
	c = must(CompareCloseness(real, real))
	if c.Ratio != 1 || c.Nearer > .2 {
		t.Errorf("the real images themselves: %+v", c)
	}
	if _, err := CompareCloseness(nil, real); err == nil {
		t.Error("no outputs were compared")
	}
}

// Two crossing lines of the plane, (−1,±1) → (1,∓1), whose exact flow has velocity (2, 0) … and re-pairs straight across:
// the cost falls from 8 to 4 by V alone, since the paths are straight.
func TestIdentityOfTwoCrossingLines(t *testing.T) {
	x0, x1, z1 := []float32{-1, 1, -1, -1}, []float32{1, -1, 1, 1}, []float32{1, 1, 1, -1}
	straight := []float32{2, 0, 2, 0}
	s := must(Departure(Trajectory{N: 2, X0: x0, X1: z1, Velocities: [][]float32{straight}}))
	v := must(Departure(Trajectory{N: 2, X0: x0, X1: x1, Velocities: [][]float32{straight, straight}}))
	e := must(CheckIdentity(s, v, x0, x1, z1))
	near(t, "S", e.Straightness.Mean, 0, 0)
	near(t, "V", e.Crossing.Mean, 4./2, 1e-9)
	near(t, "drop", e.Drop.Mean, (8.-4)/2, 1e-9)
	near(t, "gap", e.Gap.Mean, 0, 1e-9)
	if _, err := CheckIdentity(s, v[:1], x0, x1, z1); err == nil {
		t.Error("values of different samples were joined")
	}
}

func TestCostsOfOneMove(t *testing.T) {
	c := must(TransportCost(1, []float32{0, 0}, []float32{.5, -2}))
	near(t, "L2", c.L2.Mean, math.Sqrt((.25+4)/2), 1e-9)
	near(t, "Huber", c.Huber.Mean, (.125+1.5)/2, 1e-9)
}

// Two samples of one distribution are about the noise apart, and in the plane as in space.
func TestEnergyDistanceOfEqualDistributionsIsTheNoise(t *testing.T) {
	for _, d := range []int{2, 5} {
		x, y := Matrix{300, d, nil}, Matrix{200, d, nil}
		for i, v := range lcg(500*d, 5) {
			if i < 300*d {
				x.Data = append(x.Data, float32(v)/64)
			} else {
				y.Data = append(y.Data, float32(v)/64)
			}
		}
		e := must(EnergyDistance(x, y))
		if math.Abs(e.Squared.Mean) > 4*e.Squared.SE+.01 || math.Abs(e.Distance-e.Noise) > e.Noise/2 {
			t.Errorf("%d dimensions: %+v", d, e)
		}
		for i := range y.Data {
			y.Data[i] += 1
		}
		if far := must(EnergyDistance(x, y)); far.Distance < 3*far.Noise {
			t.Errorf("%d dimensions, shifted by 1: %+v", d, far)
		}
	}
}

func TestSheetsNameTheirImages(t *testing.T) {
	s := Sheet{Size: 32, Columns: []Column{{Title: "output", Images: [][]uint8{make([]uint8, 32*32*3)}}}}
	plain := must(s.Image())
	s.Columns[0].Names = []string{"an-image-with-a-very-long-name.png"}
	named := must(s.Image())
	if named.Rect.Dy() <= plain.Rect.Dy() || named.Rect.Dx() != plain.Rect.Dx() {
		t.Errorf("names make a sheet of %v out of one of %v", named.Rect, plain.Rect)
	}
}

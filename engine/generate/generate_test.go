package generate

import (
	"context"
	"math"
	"testing"
)

// line is the straight flow from N(0, I) to N(m, s²·I): x(1) = m + s·x(0). The way back is its inverse.
type line struct {
	m, s float64
	back bool
}

func (l line) Size() int  { return 4 }
func (l line) Batch() int { return 3 }

func (l line) Run(_ context.Context, x []float32, n int) ([]float32, error) {
	out := make([]float32, n*48)
	for i := range out {
		if l.back {
			out[i] = float32((float64(x[i]) - l.m) / l.s)
		} else {
			out[i] = float32(l.m + l.s*float64(x[i]))
		}
	}
	return out, nil
}

func TestTheSameSeedGivesTheSameImage(t *testing.T) {
	var all, one [][]byte
	keep := func(to *[][]byte) func(int, []byte) error {
		return func(i int, image []byte) error {
			if i != len(*to) {
				t.Fatalf("image %d came after %d others", i, len(*to))
			}
			*to = append(*to, image)
			return nil
		}
	}
	net := line{m: .1, s: .2}
	if err := Images(t.Context(), net, Seeds(7, 8, 4), keep(&all)); err != nil {
		t.Fatal(err)
	}
	if err := Images(t.Context(), net, Seeds(11, 1, 4), keep(&one)); err != nil {
		t.Fatal(err)
	}
	if len(all) != 8 {
		t.Fatalf("%d images, want 8", len(all))
	}
	same := 0
	for k := range all {
		equal := true
		for i := range one[0] {
			equal = equal && all[k][i] == one[0][i]
		}
		if equal {
			same++
		}
		if equal != (k == 4) {
			t.Errorf("image %d of seeds 7 to 14 equals seed 11: %t", k, equal)
		}
	}
	if same != 1 {
		t.Errorf("%d of 8 seeds gave one picture", same)
	}
}

func TestNoiseIsStandardNormal(t *testing.T) {
	var sum, square float64
	n := 0
	for _, z := range Seeds(1, 50, 16) {
		for _, v := range z {
			sum, square, n = sum+float64(v), square+float64(v)*float64(v), n+1
		}
	}
	if mean, variance := sum/float64(n), square/float64(n); math.Abs(mean) > 4/math.Sqrt(float64(n)) || math.Abs(variance-1) > 6/math.Sqrt(float64(n)) {
		t.Errorf("mean %.4f, variance %.4f of %d values", mean, variance, n)
	}
}

func TestBetweenKeepsTheLengthOfNoise(t *testing.T) {
	a, b := Noise(1, 8), Noise(2, 8)
	length := func(z []float32) float64 {
		var s float64
		for _, v := range z {
			s += float64(v) * float64(v)
		}
		return math.Sqrt(s)
	}
	way := Between(a, b, 5)
	for i := range a {
		if math.Abs(float64(way[0][i]-a[i])) > 1e-6 || math.Abs(float64(way[4][i]-b[i])) > 1e-6 {
			t.Fatal("the way does not begin and end with the two noises")
		}
	}
	least := min(length(a), length(b))
	for k, z := range way {
		if l := length(z); l < .97*least {
			t.Errorf("noise %d of 5 has length %.2f, the ends have %.2f and %.2f", k, l, length(a), length(b))
		}
	}
	if one := Between(a, a, 3); math.Abs(length(one[1])-length(a)) > 1e-4 {
		t.Error("between a noise and itself there is another one")
	}
}

func TestInversionComesBack(t *testing.T) {
	image := make([]byte, 48)
	for i := range image {
		image[i] = byte(64 + 2*i)
	}
	v, err := Invert(t.Context(), line{.1, .5, true}, line{.1, .5, false}, image)
	if err != nil {
		t.Fatal(err)
	}
	if v.L1 != 0 {
		t.Errorf("the inverse of the flow misses the image by %g of 255", v.L1)
	}
	if want := ((64+47)/127.5 - 1 - .1) / .5; math.Abs(v.Mean-want) > 1e-3 {
		t.Errorf("mean of the noise %.4f, want %.4f", v.Mean, want)
	}
	off, err := Invert(t.Context(), line{.1, .5, true}, line{.2, .5, false}, image)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(off.L1-12.75) > .5 {
		t.Errorf("a flow that is off by a tenth of [-1,1] misses by %.2f of 255, want about 12.75", off.L1)
	}
}

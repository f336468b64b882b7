package plane

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestNamedShapesFillTheSquareAndRepeatWithTheirSeed(t *testing.T) {
	for _, name := range Names() {
		s, err := Parse(strings.ToUpper(name), Target)
		if err != nil {
			t.Fatal(err)
		}
		p := s.Sample(2000, 7)
		if !slices.Equal(p, s.Sample(2000, 7)) || slices.Equal(p, s.Sample(2000, 8)) {
			t.Errorf("%s: points must follow from the seed", name)
		}
		outside, sum := 0, 0.
		for _, v := range p {
			if math.Abs(float64(v)) > Span {
				outside++
			}
			sum += float64(v) * float64(v)
		}
		if spread := math.Sqrt(sum / 2000); outside > 20 || spread < .9 || spread > 2.2 {
			t.Errorf("%s: %d coordinates outside, root mean square %.2f", name, outside, spread)
		}
	}
}

func TestShapesAreReadFromText(t *testing.T) {
	for text, want := range map[string]string{"spirals": "spirals", "moons": "two-moons", "Two_Moons": "two-moons", "8gaussians": "8-gaussians", "circles": "rings", "noise": "gaussian"} {
		if s, err := Parse(text, Source); err != nil || s.Name != want {
			t.Errorf("%q is read as %q, %v, want %q", text, s.Name, err, want)
		}
	}
	s, err := Parse("points:1,-1 -0.5,.25", Source)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Sample(500, 1)
	for i := 0; i < len(p); i += 2 {
		x, y := float64(p[i]), float64(p[i+1])
		if min(math.Hypot(x-1, y+1), math.Hypot(x+.5, y-.25)) > 6*Brush {
			t.Fatalf("(%.2f, %.2f) is near neither point", x, y)
		}
	}
	for text, want := range map[string]string{"points:": "at least one point", "points:1": "x,y", "points:1,NaN": "too far out", "heart": "checkerboard", "points:1,2,3": "x,y"} {
		if _, err := Parse(text, Source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, which does not say %q", text, err, want)
		}
	}
}

func TestAPictureGivesItsDarkPixels(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 40, 20)) // transparent
	for y := range 10 {
		for x := range 10 {
			img.SetNRGBA(x, y, color.NRGBA{0, 0, 0, 255}) // the left upper corner
			img.SetNRGBA(39-x, 19-y, color.NRGBA{250, 250, 240, 255})
		}
	}
	path := filepath.Join(t.TempDir(), "ink.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Parse(path, Source)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Sample(500, 1)
	for i := 0; i < len(p); i += 2 {
		const near = 5 * Brush
		if p[i] < -2-near || p[i] > -1+near || p[i+1] < -near || p[i+1] > 1+near {
			t.Fatalf("(%.2f, %.2f) is not in the dark corner", p[i], p[i+1])
		}
	}
	if _, err := fromImage("blank", image.NewNRGBA(image.Rect(0, 0, 4, 4))); err == nil || !strings.Contains(err.Error(), "no dark pixels") {
		t.Errorf("a blank picture gives %v", err)
	}
}

func TestExactVelocity(t *testing.T) {
	// Two lines that cross in the middle: beside it each has its own velocity, on it they share.
	x0, x1 := []float32{-1, 1, -1, -1}, []float32{1, -1, 1, 1}
	for _, c := range []struct {
		name      string
		bandwidth float64
		z         []float32
		at        float64
		want      []float32
	}{
		{"on the first line", 0, []float32{-.5, .5}, .25, []float32{2, -2}},
		{"near the second", 0, []float32{-.4, -.6}, .25, []float32{2, 2}},
		{"where they meet", 0, []float32{0, 0}, .5, []float32{2, 0}},
		{"smoothed, where they meet", .1, []float32{0, .01}, .5, []float32{2, 0}},
		{"smoothed, far from both", .01, []float32{-50, 40}, 0, []float32{2, -2}},
	} {
		v, err := Exact(x0, x1, c.bandwidth)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v(c.z, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(float64(got[0]-c.want[0])) > 1e-5 || math.Abs(float64(got[1]-c.want[1])) > 1e-5 {
			t.Errorf("%s: the velocity is %v, want %v", c.name, got, c.want)
		}
	}
	a, b := Product([]float32{0, 0, 1, 1}, []float32{2, 2, 3, 3})
	if !slices.Equal(a, []float32{0, 0, 0, 0, 1, 1, 1, 1}) || !slices.Equal(b, []float32{2, 2, 3, 3, 2, 2, 3, 3}) {
		t.Errorf("all pairs are %v and %v", a, b)
	}
}

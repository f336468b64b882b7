package plane

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Shape is a distribution in the plane that can be sampled without end.
type Shape struct {
	Name   string
	sample func(rng *rand.Rand) (x, y float64)
}

// Sample draws n points. The same seed gives the same points.
func (s Shape) Sample(n int, seed uint64) []float32 {
	return s.draw(n, rand.New(rand.NewPCG(seed, 0x706c616e65)))
}

func (s Shape) draw(n int, rng *rand.Rand) []float32 {
	out := make([]float32, 0, 2*n)
	for range n {
		x, y := s.sample(rng)
		out = append(out, float32(x), float32(y))
	}
	return out
}

// Side says at which end of the flow a shape stands; the crossing example has two points at either.
type Side int

// The two ends.
const (
	Source Side = iota
	Target
)

// named are the shapes with a name. Thin ones have a little Gaussian breadth, without which they would have no
// density.
var named = []struct {
	name    string
	aliases []string
	sample  func(side Side) func(rng *rand.Rand) (x, y float64)
}{
	{"crossing", []string{"fourpoint", "fourpoints", "four"}, func(side Side) func(rng *rand.Rand) (x, y float64) {
		// Two points on the left, two on the right: half of the straight lines between them cross in the middle.
		at := -1.5
		if side == Target {
			at = 1.5
		}
		return func(rng *rand.Rand) (x, y float64) {
			return at + .25*rng.NormFloat64(), math.Copysign(1, rng.Float64()-.5) + .25*rng.NormFloat64()
		}
	}},
	{"gaussian", []string{"noise", "normal", "gaussiannoise"}, anySide(func(rng *rand.Rand) (x, y float64) {
		return .8 * rng.NormFloat64(), .8 * rng.NormFloat64()
	})},
	{"8-gaussians", []string{"eightgaussians", "gaussians"}, anySide(func(rng *rand.Rand) (x, y float64) {
		sin, cos := math.Sincos(float64(rng.IntN(8)) * math.Pi / 4)
		return 1.6*cos + .16*rng.NormFloat64(), 1.6*sin + .16*rng.NormFloat64()
	})},
	{"two-moons", []string{"moons"}, anySide(func(rng *rand.Rand) (x, y float64) {
		sin, cos := math.Sincos(rng.Float64() * math.Pi)
		x, y = cos-.5, sin-.25
		if rng.IntN(2) == 1 {
			x, y = -x, -y
		}
		return 1.3*x + .08*rng.NormFloat64(), 1.3*y + .08*rng.NormFloat64()
	})},
	{"spirals", []string{"spiral", "twospirals"}, anySide(func(rng *rand.Rand) (x, y float64) {
		r := math.Sqrt(rng.Float64()) // even along the arm, nearly
		sin, cos := math.Sincos(3 * math.Pi * r)
		r = math.Copysign(1.9*r, rng.Float64()-.5)
		return r*cos + .06*rng.NormFloat64(), r*sin + .06*rng.NormFloat64()
	})},
	{"checkerboard", []string{"checker", "checkers", "chessboard"}, anySide(func(rng *rand.Rand) (x, y float64) {
		column, row := rng.IntN(4), rng.IntN(2)
		return float64(column) - 2 + rng.Float64(), float64(2*row+column%2) - 2 + rng.Float64()
	})},
	{"rings", []string{"ring", "circles", "tworings", "twocircles"}, anySide(func(rng *rand.Rand) (x, y float64) {
		sin, cos := math.Sincos(2 * math.Pi * rng.Float64())
		r := .8
		if rng.IntN(3) > 0 {
			r = 1.7
		}
		r += .06 * rng.NormFloat64()
		return r * cos, r * sin
	})},
	{"square", []string{"uniform"}, anySide(func(rng *rand.Rand) (x, y float64) {
		return 4*rng.Float64() - 2, 4*rng.Float64() - 2
	})},
}

func anySide(sample func(rng *rand.Rand) (x, y float64)) func(Side) func(rng *rand.Rand) (x, y float64) {
	return func(Side) func(rng *rand.Rand) (x, y float64) { return sample }
}

// Names lists the named shapes.
func Names() []string {
	var out []string
	for _, s := range named {
		out = append(out, s.name)
	}
	return out
}

// PointsPrefix begins the text of a shape given by its points.
const PointsPrefix = "points:"

// Parse reads the text of a shape: a name (capitals, spaces, hyphens and underscores do not matter), or
// "points:x,y x,y …", or the path of a picture whose dark pixels it is.
func Parse(text string, side Side) (Shape, error) {
	if list, ok := strings.CutPrefix(text, PointsPrefix); ok {
		points, err := parsePoints(list)
		if err != nil {
			return Shape{}, err
		}
		return FromPoints("points", points)
	}
	key := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(text))
	for _, s := range named {
		if key == strings.ReplaceAll(s.name, "-", "") || slices.Contains(s.aliases, key) {
			return Shape{s.name, s.sample(side)}, nil
		}
	}
	if info, err := os.Stat(text); err == nil && !info.IsDir() {
		return FromPicture(text)
	}
	return Shape{}, fmt.Errorf("%q is neither a shape nor the file of a picture: choose one of %s, or %q, or a picture", text, strings.Join(Names(), ", "), PointsPrefix+"x,y x,y …")
}

func parsePoints(list string) ([]float32, error) {
	var out []float32
	for pair := range strings.FieldsSeq(strings.ReplaceAll(list, ";", " ")) {
		a, b, ok := strings.Cut(pair, ",")
		x, errX := strconv.ParseFloat(a, 32)
		y, errY := strconv.ParseFloat(b, 32)
		if !ok || errX != nil || errY != nil {
			return nil, fmt.Errorf("%q is no point: write points as x,y with a space between two of them", pair)
		}
		out = append(out, float32(x), float32(y))
	}
	return out, nil
}

// Brush is the standard deviation of the dot that each point of FromPoints stands for, and each pixel of a picture.
const Brush = .08

// FromPoints is the shape of points set by hand, for example drawn with a mouse: each stands for a round Gaussian dot.
func FromPoints(name string, points []float32) (Shape, error) {
	if len(points) == 0 || len(points)%2 != 0 {
		return Shape{}, fmt.Errorf("shape %s: %d coordinates make no points: give at least one point of two coordinates", name, len(points))
	}
	for _, v := range points {
		if !(math.Abs(float64(v)) <= 1e3) {
			return Shape{}, fmt.Errorf("shape %s: the coordinate %g is too far out: keep within [−2, 2]", name, v)
		}
	}
	points = slices.Clone(points)
	return Shape{name, func(rng *rand.Rand) (x, y float64) {
		i := 2 * rng.IntN(len(points)/2)
		return float64(points[i]) + Brush*rng.NormFloat64(), float64(points[i+1]) + Brush*rng.NormFloat64()
	}}, nil
}

package measure

import (
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// lcg gives n bytes that are easy to make in any language.
func lcg(n int, seed uint32) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		seed = seed*1664525 + 1013904223
		out[i] = uint8(seed >> 24)
	}
	return out
}

// drawing is a picture of ramps and a product, with noise divided by div.
func drawing(h, w int, seed uint32, div int) Images {
	pix := lcg(h*w*3, seed)
	for y := range h {
		for x := range w {
			for c, base := range []int{(7*x + 3*y) % 256, x * y % 256, ((255-5*x)%256 + 256) % 256} {
				i := (y*w+x)*3 + c
				noise := int(math.Floor(float64(int(pix[i])-128) / float64(div)))
				pix[i] = uint8(min(max(base+noise, 0), 255))
			}
		}
	}
	return fromBytes(1, h, w, pix)
}

func fromBytes(n, h, w int, pix []uint8) Images {
	x, err := FromBytes(n, h, w, pix)
	if err != nil {
		panic(err)
	}
	return x
}

// plain is n images of one level.
func plain(n, side int, level uint8) Images {
	pix := make([]uint8, n*side*side*3)
	for i := range pix {
		pix[i] = level
	}
	return fromBytes(n, side, side, pix)
}

// gaussians is a set of normal vectors.
func gaussians(rng *rand.Rand, rows, cols int, mean, deviation float64) Matrix {
	m := Matrix{rows, cols, make([]float32, rows*cols)}
	for i := range m.Data {
		m.Data[i] = float32(mean + deviation*rng.NormFloat64())
	}
	return m
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.6g, want %.6g within %.2g", what, got, want, tolerance)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The reference numbers are scikit-image 0.26's structural_similarity(
// gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
// data_range=255) on BT.601 luma, and its peak_signal_noise_ratio on RGB.
func TestPairsAgreeWithScikitImage(t *testing.T) {
	soft := drawing(24, 33, 1, 8)
	for _, c := range []struct {
		name           string
		a, b           Images
		ssim, psnr, l1 float64
	}{
		{"soft", soft, drawing(24, 33, 2, 8), 0.9205439778, 26.0232711640, 10.2285353535},
		{"hard", soft, drawing(24, 33, 3, 2), 0.6435208278, 17.1184940842, 29.8446969697},
		{"noise", fromBytes(1, 16, 16, lcg(16*16*3, 4)), fromBytes(1, 16, 16, lcg(16*16*3, 5)), 0.0022567984, 7.9002675182, 84.0221354167},
		{"one window", drawing(11, 11, 6, 8), drawing(11, 11, 7, 2), 0.2632581978, 17.6444276792, 27.6501377410},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := must(ComparePair(c.a, c.b))[0]
			near(t, "SSIM", p.SSIM, c.ssim, 1e-5)
			near(t, "PSNR", p.PSNR, c.psnr, 1e-4)
			near(t, "L1", p.L1, c.l1, 1e-4)
			near(t, "SSIM alone", must(SSIM(c.a, c.b)), p.SSIM, 1e-12)
			near(t, "PSNR alone", must(PSNR(c.a, c.b)), p.PSNR, 1e-12)
			near(t, "L1 alone", must(L1(c.a, c.b)), p.L1, 1e-12)
		})
	}
}

func TestPairsOfSmallKnownImages(t *testing.T) {
	black, grey := plain(2, 12, 0), plain(2, 12, 51)
	near(t, "L1", must(L1(black, grey)), 51, 1e-4)
	near(t, "PSNR", must(PSNR(black, grey)), 20*math.Log10(5), 1e-4) // 255/51 = 5
	equal := must(ComparePair(grey, grey))
	if len(equal) != 2 || equal[1].L1 != 0 || equal[1].PSNR != MaxPSNR {
		t.Errorf("equal images: %+v", equal)
	}
	near(t, "SSIM of equal images", equal[0].SSIM, 1, 1e-12)
	mean := MeanPair([]Pair{{1, 2, 3}, {3, 6, 9}})
	if mean != (Pair{2, 4, 6}) {
		t.Errorf("mean %+v", mean)
	}
	// A single level in one channel of one of 144 pixels.
	x := plain(1, 12, 7)
	y := plain(1, 12, 7)
	y.Pix[5] += 1 / 127.5
	near(t, "L1", must(L1(x, y)), 1./(144*3), 1e-6)
	// Values outside [−1, 1] count as the nearest inside.
	x.Pix[0], y.Pix[0], y.Pix[5] = -1, -7, x.Pix[5]
	near(t, "L1 of cut-off values", must(L1(x, y)), 0, 0)
}

func TestImagesSurviveTheRoundTripThroughFloats(t *testing.T) {
	pix := make([]uint8, 256*3)
	for i := range pix {
		pix[i] = uint8(i / 3)
	}
	if back := fromBytes(1, 16, 16, pix).Bytes(); string(back) != string(pix) {
		t.Error("levels changed")
	}
	if b := (Images{1, 1, 1, []float32{-9, 9, float32(math.NaN())}}).Bytes(); b[0] != 0 || b[1] != 255 || b[2] != 0 {
		t.Errorf("outliers became %v", b)
	}
}

func TestWrongInputIsExplained(t *testing.T) {
	small := plain(1, 8, 0)
	set := func(rows, cols int) Matrix { return Matrix{rows, cols, make([]float32, rows*cols)} }
	for _, c := range []struct {
		name string
		err  error
		part string
	}{
		{"no images", second(FromBytes(1, 2, 2, make([]uint8, 11))), "11 values are not 1 images of 2×2×3"},
		{"two sizes", second(L1(small, plain(1, 9, 0))), "bring them to one size"},
		{"SSIM of small images", second(SSIM(small, small)), "at least 11×11"},
		{"pairs of small images", second(ComparePair(small, small)), "at least 11×11"},
		{"matrix", second(NewMatrix(2, 2, make([]float32, 3))), "3 values"},
		{"lengths of features", second(KID(set(3, 2), set(3, 3), 0)), "length 2"},
		{"one vector", second(KID(set(1, 2), set(3, 2), 0)), "at least 2"},
		{"energy of one", second(EnergyDistance(set(1, 2), set(3, 2))), "at least 2"},
		{"patch", second(SlicedWasserstein(small, small, SlicedOptions{Patch: 9})), "9×9 do not fit"},
		{"directions", second(SlicedPoints(set(2, 2), set(2, 2), 0, 0)), "at least"},
		{"cost", second(TransportCost(2, make([]float32, 3), make([]float32, 3))), "not 2 pairs"},
		{"no velocity", second(Straightness(Trajectory{N: 1, X0: []float32{0}, X1: []float32{1}})), "0 velocities"},
		{"spans", second(Straightness(Trajectory{N: 1, X0: []float32{0}, X1: []float32{1}, Velocities: [][]float32{{1}}, Spans: []float64{.5}})), "add up to 0.5"},
		{"walk back in time", second(Walk(1, [][]float32{{0}, {1}}, []float64{1, 0})), "must be positive"},
		{"colours", second(MatchMoments(nil, []uint8{1, 2, 3})), "the source has 0 bytes"},
		{"edges", second(EdgeCorrelation(small, plain(2, 8, 0))), "one by one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.err == nil || !strings.Contains(c.err.Error(), c.part) {
				t.Errorf("got %v, want %q", c.err, c.part)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// The reference is the formula of the recipe (docs/recipe.md, "The measurements") in numpy.
func TestKIDAgreesWithTheRecipe(t *testing.T) {
	x, y := Matrix{40, 7, make([]float32, 280)}, Matrix{30, 7, make([]float32, 210)}
	for i, v := range lcg(280, 11) {
		x.Data[i] = float32(v) / 64
	}
	for i, v := range lcg(210, 12) {
		y.Data[i] = float32(v)/64*1.3 + .4
	}
	near(t, "KID", must(KID(x, y, 1)).Mean, 1.4949598683, 1e-5)
}

// Over many draws, KID's mean is 0 without a difference, and its standard
// error is as large as the values really scatter.
func TestKIDIsUnbiasedAndKnowsItsError(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		name  string
		shift float64
	}{{"same", 0}, {"shifted", .3}} {
		t.Run(c.name, func(t *testing.T) {
			var values, errors []float64
			for range 40 {
				e := must(PolynomialMMD(gaussians(rng, 80, 16, c.shift, 1), gaussians(rng, 60, 16, 0, 1), 5))
				values, errors = append(values, e.Mean), append(errors, e.SE)
			}
			v := estimate(values)
			scatter := v.SE * math.Sqrt(float64(v.N))
			if c.shift == 0 {
				near(t, "the mean", v.Mean, 0, 4*v.SE)
			} else if v.Mean < 10*v.SE {
				t.Errorf("the mean is only %v ± %v", v.Mean, v.SE)
			}
			if ratio := estimate(errors).Mean / scatter; ratio < .7 || ratio > 1.5 {
				t.Errorf("the standard error is %.2f of the true scatter", ratio)
			}
		})
	}
	x := gaussians(rng, 200, 32, 0, 1)
	same := must(KID(gaussians(rng, 200, 32, 0, 1), x, 1))
	far := must(KID(gaussians(rng, 200, 32, .4, 1), x, 1))
	near(t, "KID of one distribution", same.Mean, 0, 4*same.SE)
	if far.Mean < 8*far.SE {
		t.Errorf("a shift goes unnoticed: %v", far)
	}
}

// For vectors of one feature the estimate has a short closed form:
// E k(X, X′) = 1 + 3E²[x] + 3E²[x²] + E²[x³] over different vectors.
func TestPolynomialMMDByHand(t *testing.T) {
	x, y := Matrix{3, 1, []float32{1, 2, -1}}, Matrix{2, 1, []float32{0, 3}}
	cube := func(v float64) float64 { return v * v * v }
	xx := (cube(1*2+1) + cube(1*-1+1) + cube(2*-1+1)) / 3
	yy := cube(0*3 + 1)
	xy := (1 + cube(4) + 1 + cube(7) + 1 + cube(-2)) / 6
	e := must(PolynomialMMD(x, y, 0))
	near(t, "MMD", e.Mean, xx+yy-2*xy, 1e-12)
	if !math.IsNaN(e.SE) {
		t.Errorf("two vectors have a standard error of %v", e.SE)
	}
}

func TestSquashFeatures(t *testing.T) {
	target := Matrix{2, 2, []float32{0, 5, 2, 5}} // means 1 and 5, deviations √2 and 0
	out := SquashFeatures(Matrix{1, 2, []float32{1 + math.Sqrt2 + .05, 1e9}}, target)
	near(t, "one deviation away", float64(out.Data[0]), 3*math.Tanh(1./3), 1e-6)
	near(t, "far away", float64(out.Data[1]), 3, 1e-6)
}

func TestSlicedWassersteinOfAShift(t *testing.T) {
	a, b := plain(4, 16, 100), plain(3, 12, 130)
	// E|Σu| for a unit vector u in d dimensions is √d·Γ(d/2)/(√π·Γ((d+1)/2)).
	d := 75.
	low, _ := math.Lgamma(d / 2)
	high, _ := math.Lgamma((d + 1) / 2)
	want := 30 * math.Sqrt(d/math.Pi) * math.Exp(low-high)
	got := must(SlicedWasserstein(a, b, SlicedOptions{Patches: 10, Directions: 20_000}))
	near(t, "SWD", got, want, .02*want)
	near(t, "SWD of equal sets", must(SlicedWasserstein(a, a, SlicedOptions{})), 0, 0)
}

func TestSlicedPointsInOneDimension(t *testing.T) {
	// There is only one direction, so the distance is that of sorted values.
	x, y := Matrix{3, 1, []float32{5, 1, 3}}, Matrix{3, 1, []float32{2, 9, 3}}
	near(t, "W1", must(SlicedPoints(x, y, 3, 1)), (1+0+4)/3., 1e-6)
	rng := rand.New(rand.NewPCG(2, 2))
	big, small := gaussians(rng, 1500, 2, 0, 1), gaussians(rng, 1000, 2, 0, 1)
	near(t, "W1 of one distribution", must(SlicedPoints(big, small, 32, 1)), 0, .1)
	for i := range big.Data {
		big.Data[i] += 3
	}
	// |uᵀ(3, 3)| has mean 3√2·2/π.
	near(t, "W1 of a shift", must(SlicedPoints(big, small, 1000, 1)), 3*math.Sqrt2*2/math.Pi, .15)
}

func TestPatchesAreDrawnWithoutRepeatsFromEverywhere(t *testing.T) {
	x := Images{2, 3, 4, make([]float32, 2*3*4*3)}
	for i := range x.Pix {
		x.Pix[i] = float32(i)/127.5 - 1 // level i
	}
	rng := rand.New(rand.NewPCG(1, 1))
	m := x.drawPatches(2, x.patchCount(2), rng)
	if m.Rows != 2*2*3 {
		t.Fatalf("%d patches", m.Rows)
	}
	seen := map[int]bool{}
	for i := range m.Rows {
		p := m.Row(i)
		first := int(math.Round(float64(p[0])))
		seen[first] = true
		for k, offset := range []int{0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17} {
			near(t, "patch value", float64(p[k]), float64(first+offset), 1e-3)
		}
	}
	if len(seen) != 12 {
		t.Errorf("only %d different patches", len(seen))
	}
}

func TestEnergyDistanceOfGaussians(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	// E|N(m, s²)| is s√(2/π)·exp(−m²/2s²) + m·erf(m/(s√2)).
	folded := func(m, s float64) float64 {
		return s*math.Sqrt(2/math.Pi)*math.Exp(-m*m/(2*s*s)) + m*math.Erf(m/(s*math.Sqrt2))
	}
	for _, c := range []struct{ mean, deviation float64 }{{0, 1}, {1, 1}, {2, .5}, {0, 3}} {
		x, y := gaussians(rng, 1200, 1, c.mean, c.deviation), gaussians(rng, 1000, 1, 0, 1)
		want := 2*folded(c.mean, math.Hypot(c.deviation, 1)) - folded(0, c.deviation*math.Sqrt2) - folded(0, math.Sqrt2)
		near(t, "energy distance", must(EnergyDistance(x, y)).Squared.Mean, want, .02+.1*want)
	}
}

func TestStraightnessOfALine(t *testing.T) {
	x0, x1 := []float32{0, 1, -2, 5}, []float32{1, 1, 2, 8}
	velocity := []float32{1, 0, 4, 3}
	for _, spans := range [][]float64{nil, {.5, .25, .25}} {
		e := must(Straightness(Trajectory{N: 2, X0: x0, X1: x1, Velocities: [][]float32{velocity, velocity, velocity}, Spans: spans}))
		if e.Mean != 0 || e.SE != 0 || e.N != 2 {
			t.Errorf("%+v", e)
		}
	}
}

// On the arc R(cos θt, sin θt) the speed is Rθ and the chord 2R·sin(θ/2), so
// S = R²θ² − 4R²·sin²(θ/2), halved as a mean over two coordinates.
func TestStraightnessOfAnArc(t *testing.T) {
	const n = 1000
	radii, angles := []float64{1, 2}, []float64{math.Pi, 1}
	at := func(time float64) []float32 {
		var z []float32
		for i, r := range radii {
			sin, cos := math.Sincos(angles[i] * time)
			z = append(z, float32(r*cos), float32(r*sin))
		}
		return z
	}
	var want float64
	for i, r := range radii {
		want += r * r * (angles[i]*angles[i] - 4*math.Pow(math.Sin(angles[i]/2), 2)) / 2 / 2
	}
	var states [][]float32
	var times []float64
	p := Trajectory{N: 2, X0: at(0), X1: at(1)}
	for k := range n {
		middle := (float64(k) + .5) / n
		var v []float32
		for i, r := range radii {
			sin, cos := math.Sincos(angles[i] * middle)
			v = append(v, float32(-r*angles[i]*sin), float32(r*angles[i]*cos))
		}
		p.Velocities = append(p.Velocities, v)
	}
	for k := range 101 {
		times = append(times, math.Pow(float64(k)/100, 1.2)) // uneven on purpose
		states = append(states, at(times[k]))
	}
	near(t, "S from velocities", must(Straightness(p)).Mean, want, 1e-4*want)
	near(t, "S from places", must(Straightness(must(Walk(2, states, times)))).Mean, want, 1e-3*want)
}

// Two lines that cross in the middle: the conditional mean is 0 there and is
// each line's own velocity elsewhere.
func TestCrossingOfTwoLines(t *testing.T) {
	lines := Trajectory{
		N: 2, X0: []float32{-1, 1}, X1: []float32{1, -1},
		Velocities: [][]float32{{2, -2}, {0, 0}, {2, -2}}, Spans: []float64{.45, .1, .45},
	}
	e := must(Crossing(lines))
	near(t, "V", e.Mean, .1*4, 1e-6)
	lines.Velocities[1] = []float32{2, -2}
	near(t, "V without the crossing", must(Crossing(lines)).Mean, 0, 0)
}

func TestTransportCost(t *testing.T) {
	c := must(TransportCost(2, []float32{0, 0, 1, 1}, []float32{2, -1, 1, 2}))
	near(t, "L2²", c.L2Squared.Mean, (2.5+.5)/2, 1e-12)
	near(t, "L1", c.L1.Mean, (1.5+.5)/2, 1e-12)
	near(t, "standard error", c.L1.SE, .5, 1e-12) // |1.5 − 0.5|/2
	low, high := c.L1.CI95()
	near(t, "interval", high-low, 2*1.96*.5, 1e-12)
	if one := must(TransportCost(1, []float32{0}, []float32{1})); !math.IsNaN(one.L1.SE) {
		t.Error("one pair has a standard error")
	}
	// The interval holds the true mean about 95 times in 100.
	rng := rand.New(rand.NewPCG(4, 4))
	inside := 0
	for range 400 {
		x := gaussians(rng, 50, 1, 0, 1)
		low, high := must(TransportCost(50, make([]float32, 50), x.Data)).L2Squared.CI95()
		if low < 1 && 1 < high {
			inside++
		}
	}
	if inside < 350 || inside == 400 {
		t.Errorf("the interval holds the mean in %d of 400", inside)
	}
}

// The reference is the formula of the recipe (docs/recipe.md, "The measurements") in numpy.
func TestEdgeCorrelation(t *testing.T) {
	a, b := drawing(24, 33, 1, 8), drawing(24, 33, 3, 2)
	near(t, "edges", must(EdgeCorrelation(a, b)).Mean, .9020156068, 1e-5)
	near(t, "edges of itself", must(EdgeCorrelation(a, a)).Mean, 1, 1e-9)
	negative := Images{1, a.H, a.W, make([]float32, len(a.Pix))}
	for i, v := range a.Pix {
		negative.Pix[i] = -v
	}
	near(t, "edges of the negative", must(EdgeCorrelation(a, negative)).Mean, 1, 1e-4)
	near(t, "edges of nothing", must(EdgeCorrelation(plain(1, 24, 9), plain(1, 24, 9))).Mean, 0, 1e-6)
	noise := must(EdgeCorrelation(fromBytes(1, 64, 64, lcg(64*64*3, 1)), fromBytes(1, 64, 64, lcg(64*64*3, 2))))
	near(t, "edges of noise", noise.Mean, 0, .1)
}

func TestColourMapsMatchTheTarget(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	paint := func(n int, mean, deviation float64) []uint8 {
		out := make([]uint8, 3*n)
		for i := range out {
			out[i] = toByte(mean + 20*float64(i%3) + deviation*rng.NormFloat64())
		}
		return out
	}
	source, target := paint(20_000, 80, 12), paint(30_000, 140, 22)
	_, want, _ := histograms(source, target)
	for name, match := range map[string]func(a, b []uint8) (*ColourMap, error){"moments": MatchMoments, "histograms": MatchHistograms} {
		m := must(match(source, target))
		_, got, _ := histograms(source, m.Apply(source))
		for c := range got {
			mean, deviation := moments(got[c])
			wantMean, wantDeviation := moments(want[c])
			near(t, name+": mean", mean, wantMean, .6)
			near(t, name+": deviation", deviation, wantDeviation, .6)
		}
		for c := range m {
			for v := range 255 {
				if m[c][v] > m[c][v+1] {
					t.Fatalf("%s: level %d of channel %d goes above the next", name, v, c)
				}
			}
		}
	}
	// A set is matched to itself by leaving it as it is.
	if same := must(MatchHistograms(source, source)).Apply(source); string(same) != string(source) {
		t.Error("matching a set to itself changes it")
	}
	// One level cannot be stretched; it goes to the target's mean.
	flat := must(MatchMoments([]uint8{9, 9, 9}, []uint8{10, 20, 30, 20, 30, 40}))
	if got := flat.Apply([]uint8{9, 9, 9}); got[0] != 15 || got[1] != 25 || got[2] != 35 {
		t.Errorf("%v", got)
	}
	// Levels that the source lacks follow their neighbours.
	gaps := must(MatchHistograms([]uint8{10, 0, 0, 200, 0, 0}, []uint8{50, 0, 0, 60, 0, 0}))
	for v, want := range map[int]uint8{0: 50, 10: 50, 100: 50, 200: 60, 255: 60} {
		if gaps[0][v] != want {
			t.Errorf("level %d becomes %d, want %d", v, gaps[0][v], want)
		}
	}
}

func TestResultsDoNotDependOnTheNumberOfCores(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	a, b := fromBytes(6, 16, 16, lcg(6*16*16*3, 1)), fromBytes(5, 16, 16, lcg(5*16*16*3, 2))
	x, y := gaussians(rng, 50, 9, 0, 1), gaussians(rng, 40, 9, 1, 1)
	measure := func() [4]float64 {
		kid := must(KID(x, y, 3))
		return [4]float64{must(SlicedWasserstein(a, b, SlicedOptions{Patches: 300, Seed: 3})), kid.Mean, kid.SE, must(EnergyDistance(x, y)).Squared.Mean}
	}
	many := measure()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if one := measure(); one != many {
		t.Errorf("%v on one core, %v on several", one, many)
	}
}

func BenchmarkKID(b *testing.B) {
	rng := rand.New(rand.NewPCG(7, 7))
	x, y := gaussians(rng, 200, 224, 0, 1), gaussians(rng, 200, 224, 0, 1)
	for b.Loop() {
		must(KID(x, y, 1))
	}
}

func BenchmarkSlicedWasserstein(b *testing.B) {
	x, y := fromBytes(200, 32, 32, lcg(200*32*32*3, 1)), fromBytes(200, 32, 32, lcg(200*32*32*3, 2))
	for b.Loop() {
		must(SlicedWasserstein(x, y, SlicedOptions{}))
	}
}

func BenchmarkComparePair(b *testing.B) {
	x, y := fromBytes(200, 32, 32, lcg(200*32*32*3, 1)), fromBytes(200, 32, 32, lcg(200*32*32*3, 2))
	for b.Loop() {
		must(ComparePair(x, y))
	}
}

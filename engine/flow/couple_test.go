package flow

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/internal/graphtest"
)

// blobs is an image of a few coloured discs on white, with a white margin of some pixels: a shift that stays in the
// margin loses nothing.
func blobs(rng *rand.Rand, size int) []byte {
	type disc struct{ y, x, r, red, green, blue float64 }
	var discs [4]disc
	s := float64(size)
	for i := range discs {
		discs[i] = disc{s * (.3 + .4*rng.Float64()), s * (.3 + .4*rng.Float64()), s * (.05 + .1*rng.Float64()), 200 * rng.Float64(), 200 * rng.Float64(), 200 * rng.Float64()}
	}
	return drawn(size, func(y, x int) [3]float64 {
		out := [3]float64{255, 255, 255}
		for _, d := range discs {
			if math.Hypot(float64(y)-d.y, float64(x)-d.x) < d.r {
				out = [3]float64{d.red, d.green, d.blue}
			}
		}
		return out
	})
}

// inverse is the move that m undoes, away from the border.
func inverse(m Move) Move {
	if m.Flip {
		return Move{true, -m.DY, m.DX}
	}
	return Move{false, -m.DY, -m.DX}
}

// Targets that are flipped and shifted copies of the sources, in another order, are all found, with the move that lays
// each over its source, whatever the feature and the size.
func TestRegisterFindsAPlantedCoupling(t *testing.T) {
	be := graphtest.GoBackend(t)
	for _, size := range []int{32, 64} {
		rng := rand.New(rand.NewPCG(1, uint64(size)))
		const n = 16
		source, target := album{size, nil}, album{size, make([][]byte, n)}
		partner, move := rng.Perm(n), make([]Move, n)
		for i := range n {
			img := blobs(rng, size)
			unit := size / CoupleSize
			move[i] = Move{rng.IntN(2) == 0, (rng.IntN(5) - 2) * unit, (rng.IntN(5) - 2) * unit}
			source.list = append(source.list, img)
			target.list[partner[i]] = inverse(move[i]).Apply(img, size)
			if !slices.Equal(move[i].Apply(target.list[partner[i]], size), img) {
				t.Fatal("the planted move does not lay the target over its source")
			}
		}
		for k := range 2 * len(Features) {
			feature, kernels := Features[k/2], k%2 == 1
			c, err := Register(t.Context(), be, source, target, Registration{Feature: feature, Flip: true, Shift: 2, Kernels: kernels})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range c.Pairs {
				if p.Target != partner[p.Source] || p.Move != move[p.Source] {
					t.Errorf("%s at %d px: source %d was paired with %d by %+v, want %d by %+v", feature, size, p.Source, p.Target, p.Move, partner[p.Source], move[p.Source])
				}
			}
			if c.Cost > 1e-5 || c.Mean < 100*c.Cost || c.Feature != feature {
				t.Errorf("%s at %d px: cost %g, mean %g, feature %s", feature, size, c.Cost, c.Mean, c.Feature)
			}
		}
		// Without the mirror image the mirrored ones cannot be laid over exactly.
		c, err := Register(t.Context(), be, source, target, Registration{Feature: Pixels, Shift: 2})
		if err != nil {
			t.Fatal(err)
		}
		if c.Cost < 1e-3 {
			t.Errorf("%d px: without flips the cost is %g, as if there were no mirrored pair", size, c.Cost)
		}
		for _, p := range c.Pairs {
			if p.Move.Flip {
				t.Errorf("%d px: a flip that was not allowed: %+v", size, p)
			}
		}
	}
}

// Both marginals stay as they are: of the larger side each image is used once, of the smaller one all are used, none
// more than once oftener than another. That holds for any size of pool.
func TestRegisterKeepsBothMarginals(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(2, 1))
	set := func(n int) album {
		a := album{8, nil}
		for range n {
			a.list = append(a.list, noise(rng, 8))
		}
		return a
	}
	for _, c := range []struct{ source, target, pool int }{{7, 18, 0}, {18, 7, 0}, {9, 9, 0}, {7, 18, 5}, {18, 7, 4}, {1, 3, 1}} {
		found, err := Register(t.Context(), be, set(c.source), set(c.target), Registration{Feature: Pixels, Pool: c.pool, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		uses := [2][]int{make([]int, c.source), make([]int, c.target)}
		for _, p := range found.Pairs {
			uses[0][p.Source]++
			uses[1][p.Target]++
		}
		if n := max(c.source, c.target); len(found.Pairs) != n {
			t.Errorf("%+v: %d pairs, want %d", c, len(found.Pairs), n)
		}
		for _, u := range uses {
			if slices.Min(u) == 0 || slices.Max(u)-slices.Min(u) > 1 {
				t.Errorf("%+v: images are used %v times", c, u)
			}
		}
	}
}

func TestRegisterIsTheBestAssignmentAndPoolsCostMore(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(3, 1))
	const n, size = 12, 8
	source, target := album{size, nil}, album{size, nil}
	for range n {
		source.list, target.list = append(source.list, noise(rng, size)), append(target.list, noise(rng, size))
	}
	cost := make([]float32, n*n)
	for i := range n {
		for j := range n {
			var sum float64
			for k, v := range source.list[i] {
				d := (float64(v) - float64(target.list[j][k])) / 127.5
				sum += d * d
			}
			cost[i*n+j] = float32(sum / (size * size * 3))
		}
	}
	var mean float64
	for _, c := range cost {
		mean += float64(c) / (n * n)
	}
	best := total(cost, n, Assign(cost, n)) / n
	one, err := Register(t.Context(), be, source, target, Registration{Feature: Pixels, Seed: 1, Kernels: true})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(one.Cost-best) > 1e-4 || math.Abs(one.Mean-mean) > 1e-4 {
		t.Errorf("cost %.5f of mean %.5f, want %.5f of %.5f", one.Cost, one.Mean, best, mean)
	}
	pools, err := Register(t.Context(), be, source, target, Registration{Feature: Pixels, Seed: 1, Pool: 4})
	if err != nil {
		t.Fatal(err)
	}
	if pools.Cost <= one.Cost || pools.Cost > mean {
		t.Errorf("three pools cost %.5f, between %.5f of one pool and %.5f of chance expected", pools.Cost, one.Cost, mean)
	}
	again, err := Register(t.Context(), be, source, target, Registration{Feature: Pixels, Seed: 1, Pool: 4})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Pairs, pools.Pairs) {
		t.Error("the same seed gave another coupling")
	}
	other, err := Register(t.Context(), be, source, target, Registration{Feature: Pixels, Seed: 2, Pool: 4})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(other.Pairs, pools.Pairs) {
		t.Error("another seed drew the same pools")
	}
}

func TestRegisterTellsItsProgressAndCanBeCancelled(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(4, 1))
	set := album{8, nil}
	for range 6 {
		set.list = append(set.list, noise(rng, 8))
	}
	last, whole := 0, 0
	r := Registration{Feature: Pixels, Flip: true, Shift: 1, Pool: 3, Progress: func(done, total int) {
		if done != last+1 {
			t.Errorf("progress went from %d to %d", last, done)
		}
		last, whole = done, total
	}}
	if _, err := Register(t.Context(), be, set, set, r); err != nil {
		t.Fatal(err)
	}
	if want := 2 * 2 * 9; last != want || whole != want {
		t.Errorf("progress ended at %d of %d, want %d: two pools of 18 moves", last, whole, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	r.Progress = func(int, int) { calls++; cancel() }
	if _, err := Register(ctx, be, set, set, r); !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("a cancelled coupling returned %v after %d moves", err, calls)
	}
}

func TestRegisterNeedsImagesOnBothSides(t *testing.T) {
	be := graphtest.GoBackend(t)
	some := album{8, [][]byte{make([]byte, 8*8*3)}}
	for _, sides := range [][2]album{{{8, nil}, some}, {some, {8, nil}}} {
		_, err := Register(t.Context(), be, sides[0], sides[1], Registration{})
		if err == nil || !strings.Contains(err.Error(), "both sides need at least one") {
			t.Errorf("an empty side gave %v", err)
		}
	}
}

// planted is a coupling of n pairs, source i with target i, that can be seen by one feature alone.
func planted(rng *rand.Rand, n int, feature Feature) (source, target album) {
	source.size, target.size = 32, 32
	for i := range n {
		// A smooth pattern between 0 and 1, steep at its edges.
		var wave [3][3]float64
		for k := range wave {
			wave[k] = [3]float64{.6 * (rng.Float64() - .5), .6 * (rng.Float64() - .5), 2 * math.Pi * rng.Float64()}
		}
		shape := func(y, x int) float64 {
			v := 0.0
			for _, w := range wave {
				v += math.Sin(w[0]*float64(y) + w[1]*float64(x) + w[2])
			}
			return 1 / (1 + math.Exp(-6*v))
		}
		switch feature {
		case Edges: // the same shape, dark on light or light on dark
			for _, side := range []*album{&source, &target} {
				up := rng.IntN(2) == 0
				side.list = append(side.list, drawn(32, func(y, x int) [3]float64 {
					v := shape(y, x)
					if up {
						v = 1 - v
					}
					return [3]float64{50 + 150*v, 50 + 150*v, 50 + 150*v}
				}))
			}
		case Pixels: // one hue all over at the same brightness, under texture that differs
			hue := 2 * math.Pi * float64(i) / float64(n)
			r, b := 100*math.Cos(hue), 100*math.Sin(hue)
			g := -(.299*r + .114*b) / .587
			for _, side := range []*album{&source, &target} {
				side.list = append(side.list, drawn(32, func(int, int) [3]float64 {
					v := 128 + 6*rng.NormFloat64()
					return [3]float64{v + r, v + g, v + b}
				}))
			}
		case Luma: // the same brightness, in colours that differ at every pixel
			for _, side := range []*album{&source, &target} {
				// Amplitudes that do not reach black or white, where clipping would change the brightness.
				side.list = append(side.list, drawn(32, func(y, x int) [3]float64 {
					v := 110 + 36*shape(y, x)
					r, b := 105*(2*rng.Float64()-1), 105*(2*rng.Float64()-1)
					return [3]float64{v + r, v - (.299*r+.114*b)/.587, v + b}
				}))
			}
		}
	}
	return source, target
}

func TestBestPicksTheFeatureThatKnowsThePairs(t *testing.T) {
	be := graphtest.GoBackend(t)
	for _, feature := range Features {
		source, target := planted(rand.New(rand.NewPCG(5, 1)), 24, feature)
		progress := [2]int{}
		best, all, err := Best(t.Context(), be, source, target, Features, Registration{Progress: func(done, total int) { progress = [2]int{done, total} }})
		if err != nil {
			t.Fatal(err)
		}
		if best.Feature != feature {
			text := ""
			for _, c := range all {
				text += " " + c.Feature.String()
				text += strings.Repeat("*", int(10*c.Distinct))
			}
			t.Errorf("pairs that %s sees: %s was picked (%s)", feature, best.Feature, text)
		}
		for _, p := range best.Pairs {
			if p.Source != p.Target {
				t.Errorf("pairs that %s sees: source %d went to target %d", feature, p.Source, p.Target)
			}
		}
		if len(all) != len(Features) || progress[0] != progress[1] || progress[1] != len(Features) {
			t.Errorf("%d couplings were made, progress ended at %v", len(all), progress)
		}
	}
}

func TestFeatureNamesAreReadBack(t *testing.T) {
	for _, f := range Features {
		if got, err := ParseFeature(f.String()); err != nil || got != f {
			t.Errorf("%s was read back as %v, %v", f, got, err)
		}
	}
	if _, err := ParseFeature("colour"); err == nil || !strings.Contains(err.Error(), `"colour"`) || !strings.Contains(err.Error(), "edge, pixels or luma") {
		t.Errorf("an unknown feature gave %v", err)
	}
}

// Edges of a ramp of slope 0.1 a pixel: the central difference inside, half of it at the border that is repeated.
func TestEdgesAreTheGradientOfTheBrightness(t *testing.T) {
	p := planes{5, 3, make([]float32, 75)}
	for c := range 3 {
		for y := range 5 {
			for x := range 5 {
				p.v[(c*5+y)*5+x] = .1 * float32(x)
			}
		}
	}
	got := p.edges()
	for x, want := range []float64{.05, .1, .1, .1, .05} {
		want = math.Sqrt(want*want + 1e-6)
		if v := float64(got.at(0, 2, x)); math.Abs(v-want) > 1e-5 {
			t.Errorf("column %d: %g, want %g", x, v, want)
		}
	}
}

func TestPixelFeaturesAverageDownToEightPixels(t *testing.T) {
	img := drawn(64, func(y, x int) [3]float64 { return [3]float64{float64(y / 8 * 30), float64(x / 8 * 30), 255} })
	set := album{64, [][]byte{img}}
	f := NewPixelFeatures(set, album{64, [][]byte{img, img}})
	var want []float32
	for c := range 3 {
		for y := range 8 {
			for x := range 8 {
				want = append(want, float32([]int{y * 30, x * 30, 255}[c])/127.5-1)
			}
		}
	}
	graphtest.Near(t, "source", f.Of(0, 0), want, 1e-5)
	graphtest.Near(t, "target", f.Of(1, 1), want, 1e-5)
}

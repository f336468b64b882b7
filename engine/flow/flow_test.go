package flow

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/internal/graphtest"
)

func TestStraightLineGoesFromSourceToTarget(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(1, 1))
	times := []float32{0, .25, .5, 1}
	const s = 4
	n := s * s * 3
	x0, x1 := graphtest.Normal(rng, len(times)*n), graphtest.Normal(rng, len(times)*n)
	got := graphtest.Call(t, be, func(in []*Node) []*Node { return []*Node{StraightLine(in[0], in[1], in[2])} },
		batch(x0, len(times), s), batch(x1, len(times), s), times)[0]
	want := make([]float32, len(x0))
	for i := range want {
		at := times[i/n]
		want[i] = at*x1[i] + (1-at)*x0[i]
	}
	graphtest.Near(t, "X_t", got, want, 1e-6)
	graphtest.Near(t, "X_t at t = 0", got[:n], x0[:n], 0)
	graphtest.Near(t, "X_t at t = 1", got[3*n:], x1[3*n:], 0)
}

func TestLossIsTheMeanSquareOfWhatTheVelocityMisses(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(2, 1))
	const b, s = 3, 4
	x0, x1, v := graphtest.Normal(rng, b*s*s*3), graphtest.Normal(rng, b*s*s*3), graphtest.Normal(rng, b*s*s*3)
	got := graphtest.Call(t, be, func(in []*Node) []*Node {
		r := Residual(in[0], in[1], in[2])
		perfect := Residual(in[0], in[1], Sub(in[1], in[0]))
		return []*Node{r, Loss(r), Loss(perfect), Gradient(Loss(r), in[2])[0]}
	}, batch(x0, b, s), batch(x1, b, s), batch(v, b, s))
	residual, gradient := make([]float32, len(v)), make([]float32, len(v))
	mean := 0.0
	for i := range v {
		r := x1[i] - x0[i] - v[i]
		residual[i], gradient[i] = r, -2*r/float32(len(v))
		mean += float64(r) * float64(r) / float64(len(v))
	}
	graphtest.Near(t, "residual", got[0], residual, 1e-6)
	graphtest.Near(t, "loss", got[1], []float32{float32(mean)}, 1e-5)
	graphtest.Near(t, "loss of the straight velocity", got[2], []float32{0}, 0)
	graphtest.Near(t, "gradient by the velocity", got[3], gradient, 1e-5)
}

// The pure Go backend adds float32 values one after another; added in one run, the mean of a million squares of 1.1
// came out 1.5 % off.
func TestLossOfManyPixelsIsExact(t *testing.T) {
	be := graphtest.GoBackend(t)
	const b, s = 16, 148 // 1,051,392 values
	x := make([]float32, b*s*s*3)
	for i := range x {
		x[i] = 1.1
	}
	got := graphtest.Call(t, be, func(in []*Node) []*Node { return []*Node{Loss(in[0])} }, batch(x, b, s))[0]
	graphtest.Near(t, "loss", got, []float32{1.21}, 1e-5)
}

// Of a linear h, the finite difference is the derivative itself: Σ_layers mean (h·r)². Of h(x) = x² it is 2xr + εr².
func TestFeatureLossMeasuresTheResidualThroughTheFeatures(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(3, 1))
	const b, s = 2, 4
	x, r := graphtest.Normal(rng, b*s*s*3), graphtest.Normal(rng, b*s*s*3)
	got := graphtest.Call(t, be, func(in []*Node) []*Node {
		linear := FeatureLoss(func(x *Node) []*Node { return []*Node{MulScalar(x, 2), MulScalar(x, -3)} }, in[0], in[1])
		square := FeatureLoss(func(x *Node) []*Node { return []*Node{Mul(x, x)} }, in[0], in[1])
		return []*Node{linear, square, Gradient(linear, in[1])[0]}
	}, batch(x, b, s), batch(r, b, s))
	var linear, square float64
	gradient := make([]float32, len(r))
	n := float64(len(r))
	for i := range r {
		xi, ri := float64(x[i]), float64(r[i])
		linear += 13 * ri * ri / n
		d := 2*xi*ri + FeatureProbe*ri*ri
		square += d * d / n
		gradient[i] = float32(26 * ri / n)
	}
	graphtest.Near(t, "linear features", got[0], []float32{float32(linear)}, 1e-4)
	graphtest.Near(t, "squares", got[1], []float32{float32(square)}, 1e-4)
	graphtest.Near(t, "gradient by the residual", got[2], gradient, 1e-4)
}

func TestBridgeNoiseIsWidestInTheMiddle(t *testing.T) {
	be := graphtest.GoBackend(t)
	const s, sigma = 64, .1
	times := []float32{0, .1, .5, .9, 1}
	n := s * s * 3
	x := graphtest.Normal(rand.New(rand.NewPCG(4, 1)), len(times)*n)
	build := func(in []*Node) []*Node { return []*Node{BridgeNoise(in[0], in[1], in[2], in[3])} }
	state := []uint64{1, 2, 3}
	got := graphtest.Call(t, be, build, state, batch(x, len(times), s), times, float32(sigma))[0]
	for k, at := range times {
		var sum, squares, largest float64
		for i := range n {
			d := float64(got[k*n+i] - x[k*n+i])
			sum, squares, largest = sum+d, squares+d*d, max(largest, math.Abs(d))
		}
		width := sigma * 2 * math.Sqrt(float64(at)*(1-float64(at)))
		sd := math.Sqrt(squares / float64(n))
		if math.Abs(sd-width) > .04*width { // five standard errors
			t.Errorf("t = %g: the noise has standard deviation %.5f, want %.5f", at, sd, width)
		}
		if math.Abs(sum/float64(n)) > 5*width/math.Sqrt(float64(n)) {
			t.Errorf("t = %g: the noise has mean %.5f", at, sum/float64(n))
		}
		if largest > 6*width*1.001 {
			t.Errorf("t = %g: a draw of %.5f is beyond six standard deviations", at, largest)
		}
	}
	graphtest.Near(t, "the same state of the generator", graphtest.Call(t, be, build, state, batch(x, len(times), s), times, float32(sigma))[0], got, 0)
	graphtest.Near(t, "σ = 0", graphtest.Call(t, be, build, state, batch(x, len(times), s), times, float32(0))[0], x, 0)
	if other := graphtest.Call(t, be, build, []uint64{9, 2, 3}, batch(x, len(times), s), times, float32(sigma))[0]; other[2*n] == got[2*n] {
		t.Error("another state of the generator gave the same noise")
	}
}

// The graph's gather with Register and Augment is what Move.Apply does one after the other on the host, for every
// combination of flips and for shifts up to the whole side.
func TestBatchMovesImagesAsMoveApplyDoes(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(5, 1))
	const s, images = 6, 4
	var pixels []byte
	var list [][]byte
	for range images {
		img := noise(rng, s)
		list, pixels = append(list, img), append(pixels, img...)
	}
	row := func(m Move) []int32 {
		r := []int32{0, int32(m.DY), int32(m.DX)}
		if m.Flip {
			r[0] = 1
		}
		return r
	}
	var index []int32
	var register, augment [][]int32
	var want []float32
	shifts := []int{1 - s, -2, 0, 1, s - 1}
	for _, flips := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		for _, ry := range shifts {
			for _, rx := range shifts {
				for _, ay := range shifts {
					for _, ax := range shifts {
						r, a := Move{flips[0], ry, rx}, Move{flips[1], ay, ax}
						i := rng.IntN(images)
						index = append(index, int32(i))
						register, augment = append(register, row(r)), append(augment, row(a))
						for _, v := range a.Apply(r.Apply(list[i], s), s) {
							want = append(want, float32(v)/127.5-1)
						}
					}
				}
			}
		}
	}
	got := graphtest.Call(t, be, func(in []*Node) []*Node {
		return []*Node{Batch(in[0], Draw{Index: in[1], Register: in[2], Augment: in[3]})}
	}, tensors.FromFlatDataAndDimensions(pixels, images, s, s, 3), index, register, augment)[0]
	graphtest.Near(t, "batch", got, want, 1e-6)
}

func TestMoveMirrorsAndShiftsAndReflectsAtTheBorder(t *testing.T) {
	// One row of a 4×4 image, told by its red channel; all rows alike but for the green channel, which is the row.
	img := drawn(4, func(y, x int) [3]float64 { return [3]float64{float64(10 * x), float64(10 * y), 0} })
	for _, c := range []struct {
		name        string
		move        Move
		red, column [4]byte
	}{
		{"nothing", Move{}, [4]byte{0, 10, 20, 30}, [4]byte{0, 10, 20, 30}},
		{"flip", Move{Flip: true}, [4]byte{30, 20, 10, 0}, [4]byte{0, 10, 20, 30}},
		{"read one to the right", Move{DX: 1}, [4]byte{10, 20, 30, 20}, [4]byte{0, 10, 20, 30}},
		{"read one to the left", Move{DX: -1}, [4]byte{10, 0, 10, 20}, [4]byte{0, 10, 20, 30}},
		{"read two below", Move{DY: 2}, [4]byte{0, 10, 20, 30}, [4]byte{20, 30, 20, 10}},
		{"flip, then read one to the right", Move{Flip: true, DX: 1}, [4]byte{20, 10, 0, 10}, [4]byte{0, 10, 20, 30}},
	} {
		out := c.move.Apply(img, 4)
		var red, column [4]byte
		for i := range 4 {
			red[i], column[i] = out[i*3], out[i*4*3+1]
		}
		if red != c.red || column != c.column {
			t.Errorf("%s: a row is %v, want %v; a column %v, want %v", c.name, red, c.red, column, c.column)
		}
	}
	random := noise(rand.New(rand.NewPCG(6, 1)), 8)
	if again := (Move{Flip: true}).Apply((Move{Flip: true}).Apply(random, 8), 8); string(again) != string(random) {
		t.Error("mirroring twice does not give the image back")
	}
}

// The coupling compares moved features; the trainer moves the image. At the features' own size both are the same.
func TestMovedFeaturesAreFeaturesOfTheMovedImage(t *testing.T) {
	img := noise(rand.New(rand.NewPCG(7, 1)), CoupleSize)
	for _, m := range []Move{{}, {true, 0, 0}, {false, 2, -1}, {true, -2, 2}} {
		graphtest.Near(t, "pixels", shrink(img, CoupleSize).moved(m).v, shrink(m.Apply(img, CoupleSize), CoupleSize).v, 0)
	}
}

func TestToUnitMapsBytesToTheUnitRange(t *testing.T) {
	be := graphtest.GoBackend(t)
	in, want := make([]byte, 256), make([]float32, 256)
	for i := range in {
		in[i], want[i] = byte(i), float32(float64(i)/127.5-1)
	}
	got := graphtest.Call(t, be, func(in []*Node) []*Node { return []*Node{ToUnit(in[0])} }, in)[0]
	graphtest.Near(t, "bytes", got, want, 1e-6)
}

// Package flow is rectified flow itself (Liu, Gong, Liu 2022, arXiv 2209.03003): the straight interpolation between
// coupled images, the regression of its velocity, the couplings, and the solvers of dZ/dt = v(Z, t).
//
// Images are NHWC float32 in [-1,1]; X0 is a source image, X1 a target image, t runs from 0 (source) to 1 (target).
// Velocities are in image units per unit of t. Losses are means over pixels, channels and batch, so that sizes
// compare.
package flow

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// StraightLine is X_t = t·X1 + (1−t)·X0 (eq. 1 of the paper) for x0, x1 [B,S,S,3] and t [B].
func StraightLine(x0, x1, t *Node) *Node {
	tt := Reshape(t, t.Shape().Dimensions[0], 1, 1, 1)
	return Add(Mul(x1, tt), Mul(x0, OneMinus(tt)))
}

// Residual is what the velocity v = v(X_t, t) misses of the straight line: (X1 − X0) − v.
func Residual(x0, x1, v *Node) *Node { return Sub(Sub(x1, x0), v) }

// Loss is the mean square of a residual (eq. 1 of the paper).
func Loss(residual *Node) *Node { return meanSquare(residual) }

// BridgeNoise adds σ·2√(t(1−t))·ε with ε ~ N(0, I) to X_t [B,S,S,3], for t [B] and a scalar σ: nothing at the ends, σ in the middle. Points beside the
// straight lines then have a velocity as well, which keeps many-step paths from drifting off the data (the recipe's
// experiments: one step 15.1 → 14.0, eight steps 9.6 → 9.3 in L1).
func BridgeNoise(rng, xt, t, sigma *Node) *Node {
	_, eps := RandomNormal(rng, xt.Shape())
	eps = ClipScalar(eps, -6, 6) // a draw can be infinite once in 2³²
	width := MulScalar(Mul(Sqrt(Mul(t, OneMinus(t))), sigma), 2)
	return Add(xt, Mul(eps, Reshape(width, t.Shape().Dimensions[0], 1, 1, 1)))
}

// FeatureProbe is the length of the finite difference in FeatureLoss.
const FeatureProbe = 0.1

// FeatureLoss is the feature-space form of the loss, ‖∇h(X_t)ᵀ(X1−X0−v)‖² (the paper's section 5.3, on image-to-image translation), by a finite
// difference along the residual: the sum over layers of mean ((h(X_t + ε·r) − h(X_t))/ε)². features returns the
// layers of h for a batch of images.
func FeatureLoss(features func(x *Node) []*Node, xt, residual *Node) *Node {
	base := features(xt)
	moved := features(Add(xt, MulScalar(residual, FeatureProbe)))
	var sum *Node
	for i := range base {
		d := meanSquare(MulScalar(Sub(moved[i], StopGradient(base[i])), 1/FeatureProbe))
		if sum == nil {
			sum = d
		} else {
			sum = Add(sum, d)
		}
	}
	return sum
}

// meanSquare averages in stages: the pure Go backend adds float32 one after another, and short sums lose less.
func meanSquare(x *Node) *Node {
	x = ConvertDType(x, dtypes.Float32)
	return ReduceAllMean(ReduceMean(ReduceMean(ReduceMean(Mul(x, x), 3), 2), 1))
}

// Draw says which image of a resident set goes to each place of a batch, and how it is laid: Index [B] int32 into
// the set, and Register and Augment [B,3] int32, each (flip 0 or 1, dy, dx) in pixels.
type Draw struct{ Index, Register, Augment *Node }

// Batch takes a batch out of pixels [N,S,S,3] uint8: [B,S,S,3] float32 in [-1,1]. Each image is first laid over
// its partner (Register), then changed together with it (Augment). Shifts reflect at the border, so that no fill
// colour can be learnt as a frame.
func Batch(pixels *Node, d Draw) *Node {
	s := pixels.Shape().Dimensions[1]
	b := d.Index.Shape().Dimensions[0]
	grid := func(axis int) *Node { return Iota(pixels.Graph(), shapes.Make(dtypes.Int32, b, s, s), axis) }
	image, y, x := grid(0), grid(1), grid(2)
	image = Add(MulScalar(image, 0), Reshape(d.Index, b, 1, 1))
	for _, move := range []*Node{d.Augment, d.Register} { // from the batch's pixel back to the set's
		column := func(i int) *Node { return Reshape(Slice(move, AxisRange(), AxisElem(i)), b, 1, 1) }
		y, x = reflect(Add(y, column(1)), s), reflect(Add(x, column(2)), s)
		flip := column(0) // x → x + flip·(S−1−2x)
		x = Add(x, Mul(flip, AddScalar(MulScalar(x, -2), s-1)))
	}
	rows := Gather(pixels, Stack([]*Node{image, y, x}, -1))
	return ToUnit(rows)
}

// reflect folds an index in (−s, 2s−1) back into [0, s) without repeating the border pixel.
func reflect(i *Node, s int) *Node {
	return Sub(Const(i.Graph(), int32(s-1)), Abs(Sub(Const(i.Graph(), int32(s-1)), Abs(i))))
}

// ToUnit maps bytes to [-1,1]: x/127.5 − 1.
func ToUnit(bytes *Node) *Node {
	return AddScalar(MulScalar(ConvertDType(bytes, dtypes.Float32), 1/127.5), -1)
}

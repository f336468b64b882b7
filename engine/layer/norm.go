package layer

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Groups is the number of groups of every group normalisation (Wu and He 2018, arXiv 1803.08494).
const Groups = 8

const normEpsilon = 1e-5

// GroupNormAffine returns a, b [B,C] (float32) such that GroupNorm(x + bias)·(1 + scale) + shift = x·a + b for
// x [B,H,W,C]: the normalisation, the bias of the convolution before it and the time conditioning after it cost
// two sums over x and one multiply-add. bias is [C] or nil; scale and shift are [B,C] or nil.
func (p *Params) GroupNormAffine(name string, x, bias, scale, shift *Node) (a, b *Node) {
	d := x.Shape().Dimensions
	bs, h, w, c := d[0], d[1], d[2], d[3]
	xf := ConvertDType(x, dtypes.Float32)
	inv := 1 / float64(h*w)
	m1, m2 := MulScalar(sumPixels(xf), inv), MulScalar(sumPixels(Mul(xf, xf)), inv) // [B,C] first and second moment
	if bias != nil {
		bias = Reshape(bias, 1, c)
		m2 = Add(m2, Mul(bias, Add(MulScalar(m1, 2), bias)))
		m1 = Add(m1, bias)
	}
	group := func(v *Node) *Node { return ReduceAndKeep(Reshape(v, bs, Groups, c/Groups), ReduceMean, 2) }
	spread := func(v *Node) *Node { return Reshape(BroadcastToDims(v, bs, Groups, c/Groups), bs, c) }
	mean := group(m1)
	// The variance is a difference of two sums; rounding can leave it a hair below zero on a constant image.
	variance := MaxScalar(Sub(group(m2), Mul(mean, mean)), 0.0)
	a = Mul(spread(Inverse(Sqrt(AddScalar(variance, normEpsilon)))), Reshape(p.Get(name+".gain"), 1, c))
	b = Sub(Reshape(p.Get(name+".shift"), 1, c), Mul(spread(mean), a))
	if bias != nil {
		b = Add(b, Mul(bias, a))
	}
	if scale != nil {
		k := AddScalar(scale, 1)
		a, b = Mul(a, k), Add(Mul(b, k), shift)
	}
	return p.materialise(a), p.materialise(b)
}

// sumPixels sums x [B,H,W,C] over its pixels in two stages: the pure Go backend adds float32 one after another,
// and shorter sums lose less.
func sumPixels(x *Node) *Node { return ReduceSum(ReduceSum(x, 2), 1) }

// materialise makes v [B,C] a value of its own in XLA's program, forward and backward, by an identity matrix
// product, so that the small computation behind v is not fused into, and repeated by, the loop over all pixels.
func (p *Params) materialise(v *Node) *Node {
	if !p.How.NativeConv {
		return v
	}
	c := v.Shape().Dimensions[1]
	eye := make([][]float32, c)
	for i := range eye {
		eye[i] = make([]float32, c)
		eye[i][i] = 1
	}
	return Dot(v, Const(v.Graph(), eye)).MatMul()
}

// AffineSiLU is SiLU(x·a + b) for x [B,H,W,C] and a, b [B,C], in the type of x.
func AffineSiLU(x, a, b *Node) *Node {
	return ConvertDType(SiLU(affine(x, a, b)), x.DType())
}

func affine(x, a, b *Node) *Node {
	d := x.Shape().Dimensions
	over := func(v *Node) *Node { return Reshape(v, d[0], 1, 1, d[3]) }
	return Add(Mul(ConvertDType(x, dtypes.Float32), over(a)), over(b))
}

// Affine is x·a + b for x [B,H,W,C] and a, b [B,C], in the type of x.
func Affine(x, a, b *Node) *Node { return ConvertDType(affine(x, a, b), x.DType()) }

// SiLU is x·σ(x) (Hendrycks and Gimpel 2016; Elfwing et al. 2018). Its gradient σ(x)·(1 + x·(1 − σ(x))) is written
// with the one sigmoid of the forward pass.
func SiLU(x *Node) *Node {
	var s *Node
	// The adjoint that reaches x through xi is v·σ, because y = xi·σ with σ held constant.
	xi := IdentityWithCustomGradient(x, func(_, v *Node) *Node {
		return Mul(v, AddScalar(Mul(x, OneMinus(s)), 1))
	})
	s = StopGradient(Inverse(AddScalar(Exp(Neg(x)), 1)))
	return Mul(xi, s)
}

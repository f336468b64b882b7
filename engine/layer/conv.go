package layer

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Lowering says how a backend wants its operations.
type Lowering struct {
	// NativeConv uses the backend's own convolution. Without it a k×k convolution becomes k² matrix products of
	// shifted views, which on the pure Go backend is an order of magnitude faster than its own.
	NativeConv bool
	// ProductGradient computes the weight gradient of 3×3 convolutions as one matrix product. XLA's CPU compiler has
	// only a slow convolution for it; a training step of the U-Net of bench/ at 32 px is 1.1 times faster so (median
	// of six pairs of runs on two cores).
	ProductGradient bool
	// Winograd computes 3×3 convolutions of many channels with a third fewer multiplications: 1.1 times as many
	// images a second through the same U-Net (median of three). It is for programs without gradients.
	Winograd bool
	// Kernels evaluates the U-Net by package direct instead of a graph, where the processor and the network are such.
	Kernels bool
	// Half lets those kernels compute in bfloat16 where they gain by it.
	Half bool
	// DType is the type that convolutions and matrix products compute in. Parameters, normalisation statistics
	// and losses stay float32. The zero value means float32.
	DType dtypes.DType
}

// InFloat32 is the same lowering, computing in float32.
func (l Lowering) InFloat32() Lowering {
	l.DType, l.Half = dtypes.Float32, false
	return l
}

func (l Lowering) dtype() dtypes.DType {
	if l.DType == dtypes.InvalidDType {
		return dtypes.Float32
	}
	return l.DType
}

// Cast brings x to the type that the network computes in.
func (l Lowering) Cast(x *Node) *Node { return ConvertDType(x, l.dtype()) }

// Conv is the named k×k convolution of x [B,H,W,Ci] with zero padding of ⌊(k−1)/2⌋, stride 1 or 2, and bias:
// [B,H/stride,W/stride,Co]. With stride 2, H and W must be even.
func (p *Params) Conv(name string, x *Node, stride int) *Node {
	return addBias(p.ConvWith(p.Get(name+".weight"), x, stride), p.Get(name+".bias"))
}

func addBias(y, bias *Node) *Node { return Add(y, ExpandLeftToRank(ConvertDType(bias, y.DType()), 4)) }

// Conv3 is the named 3×3 convolution of x [B,H,W,Ci] of stride 1 with bias: [B,H,W,Co]. With repeat it sees the pixels at the
// border of x beyond it once more, else zeros.
func (p *Params) Conv3(name string, x *Node, repeat bool) *Node {
	return addBias(p.Conv3NoBias(name, x, repeat))
}

// Conv3NoBias is Conv3 before the bias is added; it returns the bias [Co] (float32) too, for a caller that can fold
// it into what follows.
func (p *Params) Conv3NoBias(name string, x *Node, repeat bool) (y, bias *Node) {
	w := p.Get(name + ".weight")
	if repeat {
		return p.inside(ConvertDType(w, x.DType()), repeatBorder(x), 0), p.Get(name + ".bias")
	}
	return p.ConvWith(w, x, 1), p.Get(name + ".bias")
}

// repeatBorder puts the pixels at the border of x [B,H,W,C] around it once more: [B,H+2,W+2,C].
func repeatBorder(x *Node) *Node {
	for axis := 1; axis <= 2; axis++ {
		last := x.Shape().Dimensions[axis] - 1
		side := func(from int) *Node {
			spec := []SliceAxisSpec{AxisRange(), AxisRange(), AxisRange()}
			spec[axis] = AxisRange(from, from+1)
			return Slice(x, spec...)
		}
		x = Concatenate([]*Node{side(0), x, side(last)}, axis)
	}
	return x
}

// ConvWith convolves x with the weights w [k,k,Ci,Co] as Conv does, without bias.
func (p *Params) ConvWith(w, x *Node, stride int) *Node {
	w = ConvertDType(w, x.DType())
	k := w.Shape().Dimensions[0]
	lo := (k - 1) / 2
	hi := k - 1 - lo
	if stride == 2 {
		hi = k - 2 - lo // an even side: the last window ends at or before the border's padding
		if hi < 0 {
			hi = 0
		}
	}
	switch {
	case !p.How.NativeConv:
		return shiftedProducts(x, w, stride, lo, hi)
	case stride == 2:
		return stridedBySpaceToDepth(x, w, lo)
	case k != 3: // see stridedBySpaceToDepth: the gradient of an even side would be wrong
		return shiftedProducts(x, w, stride, lo, hi)
	}
	return p.inside(w, x, 1)
}

// inside is the 3×3 convolution of stride 1 with pad zeros around x [B,H,W,Ci]: [B,H+2·pad−2,W+2·pad−2,Co].
func (p *Params) inside(w, x *Node, pad int) *Node {
	ci, co := x.Shape().Dimensions[3], w.Shape().Dimensions[3]
	switch {
	case !p.How.NativeConv:
		return shiftedProducts(x, w, 1, pad, pad)
	case p.How.Winograd && min(ci, co) >= winogradChannels && x.Shape().Dimensions[2]%2 == 0:
		return winograd(x, w, pad)
	case p.How.ProductGradient && min(ci, co) > 3:
		return productGradient(x, w, pad)
	}
	return Convolve(x, w).PaddingPerDim([][2]int{{pad, pad}, {pad, pad}}).Done()
}

// productGradient is the 3×3 convolution of x [B,H,W,Ci] by w with pad zeros around it, whose weight gradient is one matrix
// product [3·Ci, B·H·W] · [B·H·W, 3·Co]: x shifted along its rows times the adjoint shifted along its columns.
func productGradient(x, w *Node, pad int) *Node {
	var adjoint *Node // of the convolution; it is known before the gradient by the weights is asked for
	w = IdentityWithCustomGradient(w, func(w, _ *Node) *Node {
		xs, gs := shifts(StopGradient(x), 2, 1, pad), shifts(adjoint, 1, -1, 2-pad)
		ci, co := xs.Shape().Dimensions[3], gs.Shape().Dimensions[3]
		n := xs.Shape().Size() / ci
		dw := DotGeneral(Reshape(xs, n, ci), []int{0}, nil, Reshape(gs, n, co), []int{0}, nil)
		return TransposeAllAxes(Reshape(dw, 3, ci/3, 3, co/3), 2, 0, 1, 3) // from [kx, Ci, ky, Co]
	})
	y := Convolve(x, w).PaddingPerDim([][2]int{{pad, pad}, {pad, pad}}).Done()
	return IdentityWithCustomGradient(y, func(_, v *Node) *Node { adjoint = v; return v })
}

// winogradChannels is the least number of channels for which the saved multiplications outweigh the sums around them.
const winogradChannels = 64

// winograd is the 3×3 convolution of x [B,H,W,Ci] by w with pad zeros around it, with F(2,3) along the rows (Winograd 1980;
// Lavin and Gray 2015, arXiv 1509.09308, equations 5 to 7): two neighbouring outputs cost four products in place of six.
func winograd(x, w *Node, pad int) *Node {
	x = zeroPad(x, 2, pad, pad)
	d := x.Shape().Dimensions
	b, h, wd, ci, co := d[0], d[1], d[2]-2, d[3], w.Shape().Dimensions[3]
	pairs := Reshape(x, b, h, wd/2+1, 2, ci)
	place := func(i int) *Node { // i = 0 … 3 of the four pixels that a pair of outputs sees
		return Reshape(Slice(pairs, AxisRange(), AxisRange(), AxisRange(i/2, i/2+wd/2), AxisElem(i%2)), b, h, wd/2, ci)
	}
	tap := func(i int) *Node { return Slice(w, AxisRange(), AxisElem(i)) }
	outer, inner := MulScalar(Add(tap(0), tap(2)), 0.5), MulScalar(tap(1), 0.5)
	product := func(x, w *Node) *Node { return Convolve(x, w).PaddingPerDim([][2]int{{pad, pad}, {0, 0}}).Done() }
	m0 := product(Sub(place(0), place(2)), tap(0))
	m1 := product(Add(place(1), place(2)), Add(outer, inner))
	m2 := product(Sub(place(2), place(1)), Sub(outer, inner))
	m3 := product(Sub(place(1), place(3)), tap(2))
	left, right := Add(Add(m0, m1), m2), Sub(Sub(m1, m2), m3)
	h += 2*pad - 2
	pair := func(y *Node) *Node { return Reshape(y, b, h, wd/2, 1, co) }
	return Reshape(Concatenate([]*Node{pair(left), pair(right)}, 3), b, h, wd, co)
}

// shifts concatenates three views of x, with pad zeros on either side along the axis, along the channels: view i shows what
// it has from i on, with sign −1 from 2−i on.
func shifts(x *Node, axis, sign, pad int) *Node {
	padded := zeroPad(x, axis, pad, pad)
	size := padded.Shape().Dimensions[axis] - 2
	var views []*Node
	for i := range 3 {
		at := 1 + sign*(i-1)
		spec := []SliceAxisSpec{AxisRange(), AxisRange(), AxisRange()}
		spec[axis] = AxisRange(at, at+size)
		views = append(views, Slice(padded, spec...))
	}
	return Concatenate(views, -1)
}

// stridedBySpaceToDepth computes a convolution of stride 2 (k = 3 or 4, one row of padding before) as one matrix
// product over pairs of 2×2 blocks of pixels. XLA's CPU compiler has only a plain loop for the dilated convolutions
// that the gradients of a strided one are, and GoMLX v0.28.2 places the gradient of a convolution of even side one
// pixel off.
func stridedBySpaceToDepth(x, w *Node, lo int) *Node {
	d := x.Shape().Dimensions
	b, h, wd, ci := d[0], d[1], d[2], d[3]
	k, co := w.Shape().Dimensions[0], w.Shape().Dimensions[3]
	if k != 3 && k != 4 || lo != 1 || h%2 != 0 || wd%2 != 0 {
		panic(fmt.Errorf("a strided convolution of side %d over %d×%d pixels: the side must be 3 or 4, the image even", k, h, wd))
	}
	x = zeroPad(zeroPad(x, 1, 1, 1), 2, 1, 1)
	oh, ow := h/2, wd/2
	x = TransposeAllAxes(Reshape(x, b, oh+1, 2, ow+1, 2, ci), 0, 1, 3, 2, 4, 5) // block, then place in the block
	x = Reshape(x, b, oh+1, ow+1, 4*ci)
	var window []*Node
	for y := range 2 {
		for z := range 2 {
			window = append(window, Slice(x, AxisRange(), AxisRange(y, y+oh), AxisRange(z, z+ow)))
		}
	}
	w = zeroPad(zeroPad(w, 0, 0, 4-k), 1, 0, 4-k)
	w = TransposeAllAxes(Reshape(w, 2, 2, 2, 2, ci, co), 0, 2, 1, 3, 4, 5)
	y := Dot(Reshape(Concatenate(window, -1), b*oh*ow, 16*ci), Reshape(w, 16*ci, co)).MatMul()
	return Reshape(y, b, oh, ow, co)
}

// shiftedProducts computes the convolution as a sum over the k² taps of (a shifted view of x) · (the tap's matrix).
func shiftedProducts(x, w *Node, stride, lo, hi int) *Node {
	d := x.Shape().Dimensions
	b, h, wd, ci := d[0], d[1], d[2], d[3]
	k, co := w.Shape().Dimensions[0], w.Shape().Dimensions[3]
	if stride == 2 && (lo+hi)%2 == 1 {
		hi++ // keep the padded side even for the split in phases below; no tap reads the extra row
	}
	x = zeroPad(zeroPad(x, 1, lo, hi), 2, lo, hi)
	if stride == 2 { // phases: row 2i+r of x is row i of phase r
		x = Reshape(x, b, (h+lo+hi)/2, 2, (wd+lo+hi)/2, 2, ci)
	}
	oh, ow := (h+lo+hi-k)/stride+1, (wd+lo+hi-k)/stride+1
	var y *Node
	for dy := range k {
		for dx := range k {
			var view *Node
			if stride == 2 {
				view = Slice(x, AxisRange(), AxisRange(dy/2, dy/2+oh), AxisElem(dy%2), AxisRange(dx/2, dx/2+ow), AxisElem(dx%2))
			} else {
				view = Slice(x, AxisRange(), AxisRange(dy, dy+oh), AxisRange(dx, dx+ow))
			}
			tap := Reshape(Slice(w, AxisElem(dy), AxisElem(dx)), ci, co)
			t := Dot(Reshape(view, b*oh*ow, ci), tap).MatMul()
			if y == nil {
				y = t
			} else {
				y = Add(y, t)
			}
		}
	}
	return Reshape(y, b, oh, ow, co)
}

// zeroPad adds lo and hi rows of zeros along an axis. Concatenation, unlike the Pad operation, has a gradient on
// every backend.
func zeroPad(x *Node, axis, lo, hi int) *Node {
	parts := make([]*Node, 0, 3)
	zeros := func(n int) *Node {
		d := append([]int{}, x.Shape().Dimensions...)
		d[axis] = n
		return Zeros(x.Graph(), shapes.Make(x.DType(), d...))
	}
	if lo > 0 {
		parts = append(parts, zeros(lo))
	}
	parts = append(parts, x)
	if hi > 0 {
		parts = append(parts, zeros(hi))
	}
	if len(parts) == 1 {
		return x
	}
	return Concatenate(parts, axis)
}

// Dense is the named linear map of x [..., Ci] to [..., Co].
func (p *Params) Dense(name string, x *Node) *Node {
	w := ConvertDType(p.Get(name+".weight"), x.DType())
	b := ConvertDType(p.Get(name+".bias"), x.DType())
	return Add(p.Mix(w, x), ExpandLeftToRank(b, x.Rank()))
}

// Mix multiplies the last axis of x [..., Ci] by w [Ci,Co].
func (p *Params) Mix(w, x *Node) *Node {
	d := append([]int{}, x.Shape().Dimensions...)
	ci, co := d[len(d)-1], w.Shape().Dimensions[1]
	y := Dot(Reshape(x, x.Shape().Size()/ci, ci), ConvertDType(w, x.DType())).MatMul()
	d[len(d)-1] = co
	return Reshape(y, d...)
}

// Down halves the sides of x [B,H,W,C] by averaging 2×2 blocks.
func Down(x *Node) *Node {
	d := x.Shape().Dimensions
	return ReduceMean(Reshape(x, d[0], d[1]/2, 2, d[2]/2, 2, d[3]), 2, 4)
}

// Up doubles the sides of x [B,H,W,C] by repeating each pixel.
func Up(x *Node) *Node {
	d := x.Shape().Dimensions
	x = Reshape(x, d[0], d[1], 1, d[2], 1, d[3])
	return Reshape(BroadcastToDims(x, d[0], d[1], 2, d[2], 2, d[3]), d[0], 2*d[1], 2*d[2], d[3])
}

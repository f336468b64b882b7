package layer

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/internal/graphtest"
)

// direct is the convolution by its definition: zero padding of ⌊(k−1)/2⌋ before, windows every stride pixels.
func direct(x, w []float32, b, h, wd, ci, k, co, stride int) []float32 {
	oh, ow, lo := h/stride, wd/stride, (k-1)/2
	out := make([]float32, b*oh*ow*co)
	for n := range b {
		for y := range oh {
			for z := range ow {
				for o := range co {
					sum := 0.0
					for dy := range k {
						for dx := range k {
							sy, sx := y*stride+dy-lo, z*stride+dx-lo
							if sy < 0 || sy >= h || sx < 0 || sx >= wd {
								continue
							}
							for c := range ci {
								sum += float64(x[((n*h+sy)*wd+sx)*ci+c]) * float64(w[((dy*k+dx)*ci+c)*co+o])
							}
						}
					}
					out[((n*oh+y)*ow+z)*co+o] = float32(sum)
				}
			}
		}
	}
	return out
}

// Every lowering of every convolution in use computes the definition, and their gradients agree.
func TestConvolutionLoweringsComputeTheDefinition(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ k, stride int }{{3, 1}, {3, 2}, {4, 2}, {1, 1}} {
		const b, h, wd, ci, co = 2, 6, 8, 3, 5
		x, w, v := graphtest.Normal(rng, b*h*wd*ci), graphtest.Normal(rng, c.k*c.k*ci*co), graphtest.Normal(rng, b*(h/c.stride)*(wd/c.stride)*co)
		want := direct(x, w, b, h, wd, ci, c.k, co, c.stride)
		tx, tw := tensors.FromFlatDataAndDimensions(x, b, h, wd, ci), tensors.FromFlatDataAndDimensions(w, c.k, c.k, ci, co)
		tv := tensors.FromFlatDataAndDimensions(v, b, h/c.stride, wd/c.stride, co)
		build := func(f func(p *Params, x, w *Node) *Node, native bool) func(in []*Node) []*Node {
			return func(in []*Node) []*Node {
				y := f(&Params{How: Lowering{NativeConv: native}}, in[0], in[1])
				g := Gradient(ReduceAllSum(Mul(y, in[2])), in[0], in[1])
				return []*Node{y, g[0], g[1]}
			}
		}
		conv := func(p *Params, x, w *Node) *Node { return p.ConvWith(w, x, c.stride) }
		shifted := graphtest.Call(t, be, build(conv, false), tx, tw, tv)
		graphtest.Near(t, "shifted products", shifted[0], want, 1e-4)
		// The gradient is linear in v: its inner product with a direction equals the change of ⟨y, v⟩ along it.
		inner := func(a, b []float32) (s float64) {
			for i := range a {
				s += float64(a[i]) * float64(b[i])
			}
			return s
		}
		dx, dw := graphtest.Normal(rng, len(x)), graphtest.Normal(rng, len(w))
		if got, want := inner(shifted[1], dx), inner(direct(dx, w, b, h, wd, ci, c.k, co, c.stride), v); math.Abs(got-want) > 1e-3*(1+math.Abs(want)) {
			t.Errorf("k=%d stride=%d: gradient by the image is %g along a direction, want %g", c.k, c.stride, got, want)
		}
		if got, want := inner(shifted[2], dw), inner(direct(x, dw, b, h, wd, ci, c.k, co, c.stride), v); math.Abs(got-want) > 1e-3*(1+math.Abs(want)) {
			t.Errorf("k=%d stride=%d: gradient by the weights is %g along a direction, want %g", c.k, c.stride, got, want)
		}
		if c.stride == 2 { // XLA's form of it needs nothing that pure Go has not
			blocks := graphtest.Call(t, be, build(conv, true), tx, tw, tv)
			for i, what := range []string{"", ", gradient by the image", ", gradient by the weights"} {
				graphtest.Near(t, "by blocks"+what, blocks[i], shifted[i], 1e-4)
			}
			continue
		}
		// The pure Go backend has the native convolution too, without gradients: forward it must agree as well.
		native := graphtest.Call(t, be, func(in []*Node) []*Node {
			return []*Node{conv(&Params{How: Lowering{NativeConv: true}}, in[0], in[1])}
		}, tx, tw)
		graphtest.Near(t, "native", native[0], want, 1e-4)
	}
}

// With a repeated border a convolution computes what the definition gives inside of a larger image, whose outermost pixels
// are those at the border once more; its gradient is the derivative of that.
func TestARepeatedBorder(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(1, 3))
	for _, c := range []int{5, 64} { // from 64 channels on the products may be saved
		const b, h, wd = 1, 6, 8
		table := Table{}.Conv("three", 3, c, c, Uniform)
		flat := graphtest.Normal(rng, table.Size())
		definition := func(x []float32) (y []float32) {
			big := make([]float32, 0, (h+2)*(wd+2)*c)
			for py := range h + 2 {
				for px := range wd + 2 {
					at := min(max(py-1, 0), h-1)*wd + min(max(px-1, 0), wd-1)
					big = append(big, x[at*c:(at+1)*c]...)
				}
			}
			all := direct(big, flat[:9*c*c], b, h+2, wd+2, c, 3, c, 1)
			for py := 1; py <= h; py++ {
				y = append(y, all[(py*(wd+2)+1)*c:(py*(wd+2)+1+wd)*c]...)
			}
			for i := range y {
				y[i] += flat[9*c*c+i%c]
			}
			return y
		}
		x, v := graphtest.Normal(rng, h*wd*c), graphtest.Normal(rng, h*wd*c)
		tx, tv := tensors.FromFlatDataAndDimensions(x, b, h, wd, c), tensors.FromFlatDataAndDimensions(v, b, h, wd, c)
		y := func(p *Params, x *Node) *Node { return p.Conv3("three", x, true) }
		want := definition(x)
		for name, how := range map[string]Lowering{"shifted products": {}, "native": {NativeConv: true}, "Winograd": {NativeConv: true, Winograd: true}, "product gradient": {NativeConv: true, ProductGradient: true}} {
			got := graphtest.Call(t, be, func(in []*Node) []*Node { return []*Node{y(table.Bind(in[0], how), in[1])} }, flat, tx)
			graphtest.Near(t, name, got[0], want, 1e-3)
		}
		got := graphtest.Call(t, be, func(in []*Node) []*Node {
			return []*Node{Gradient(ReduceAllSum(Mul(y(table.Bind(in[0], Lowering{}), in[1]), in[2])), in[1])[0]}
		}, flat, tx, tv)
		// The map is affine: along a direction it changes by the inner product with the gradient.
		dx := graphtest.Normal(rng, len(x))
		moved := append([]float32(nil), x...)
		along := 0.
		for i := range dx {
			moved[i] += dx[i]
			along += float64(dx[i]) * float64(got[0][i])
		}
		change := 0.
		for i, z := range definition(moved) {
			change += float64(z-want[i]) * float64(v[i])
		}
		if math.Abs(along-change) > 1e-3*(1+math.Abs(change)) {
			t.Errorf("%d channels: the gradient says %g along a direction, the definition %g", c, along, change)
		}
	}
}

// GroupNormAffine with bias, scale and shift equals the textbook group normalisation.
func TestGroupNormAffine(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(3, 4))
	const b, s, c = 2, 4, 16
	x, bias, scale, shift := graphtest.Normal(rng, b*s*s*c), graphtest.Normal(rng, c), graphtest.Normal(rng, b*c), graphtest.Normal(rng, b*c)
	table := Table{}.Norm("n", c)
	flat := graphtest.Normal(rng, table.Size())
	got := graphtest.Call(t, be, func(in []*Node) []*Node {
		p := table.Bind(in[0], Lowering{})
		a, bb := p.GroupNormAffine("n", in[1], in[2], in[3], in[4])
		return []*Node{Affine(in[1], a, bb)}
	}, flat, tensors.FromFlatDataAndDimensions(x, b, s, s, c), bias,
		tensors.FromFlatDataAndDimensions(scale, b, c), tensors.FromFlatDataAndDimensions(shift, b, c))[0]
	want := make([]float32, len(x))
	per := c / Groups
	for n := range b {
		for g := range Groups {
			var sum, sq float64
			each := func(f func(i, ch int, v float64)) {
				for px := range s * s {
					for k := range per {
						ch := g*per + k
						i := (n*s*s+px)*c + ch
						f(i, ch, float64(x[i])+float64(bias[ch]))
					}
				}
			}
			each(func(_, _ int, v float64) { sum += v; sq += v * v })
			m := sum / float64(s*s*per)
			inv := 1 / math.Sqrt(sq/float64(s*s*per)-m*m+1e-5)
			each(func(i, ch int, v float64) {
				y := (v-m)*inv*float64(flat[ch]) + float64(flat[c+ch])
				want[i] = float32(y*(1+float64(scale[n*c+ch])) + float64(shift[n*c+ch]))
			})
		}
	}
	graphtest.Near(t, "group normalisation", got, want, 2e-4)
}

func TestSiLUAndItsGradient(t *testing.T) {
	be := graphtest.GoBackend(t)
	var x []float32
	for v := -30.0; v <= 30; v += .37 {
		x = append(x, float32(v))
	}
	got := graphtest.Call(t, be, func(in []*Node) []*Node {
		y := SiLU(in[0])
		return []*Node{y, Gradient(ReduceAllSum(y), in[0])[0]}
	}, x)
	var y, d []float32
	for _, v := range x {
		s := 1 / (1 + math.Exp(-float64(v)))
		y = append(y, float32(float64(v)*s))
		d = append(d, float32(s*(1+float64(v)*(1-s))))
	}
	graphtest.Near(t, "SiLU", got[0], y, 1e-5)
	graphtest.Near(t, "its gradient", got[1], d, 1e-5)
}

// The gradient comes back in the order of the table, each part where it belongs.
func TestGradientLiesAsTheTableSays(t *testing.T) {
	be := graphtest.GoBackend(t)
	table := Table{}.Dense("a", 2, 3, Uniform).Norm("b", 4)
	flat := table.Init(5)
	got := graphtest.Call(t, be, func(in []*Node) []*Node {
		p := table.Bind(in[0], Lowering{})
		loss := ReduceAllSum(Mul(p.Get("b.gain"), Const(in[0].Graph(), []float32{1, 2, 3, 4})))
		loss = Add(loss, MulScalar(ReduceAllSum(p.Get("a.bias")), 7))
		return []*Node{p.Gradient(loss)}
	}, flat)[0]
	want := []float32{0, 0, 0, 0, 0, 0, 7, 7, 7, 1, 2, 3, 4, 0, 0, 0, 0}
	graphtest.Near(t, "gradient", got, want, 0)
	if again := table.Init(5); len(again) != table.Size() || again[0] != flat[0] {
		t.Error("the same seed must give the same start")
	}
	if other := table.Init(6); other[0] == flat[0] {
		t.Error("another seed must give another start")
	}
}

// With many channels a program without gradients may save multiplications; the values stay those of the convolution.
func TestWinogradIsTheConvolution(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(5, 2))
	const b, h, wd, ci, co = 1, 6, 8, 64, 64
	x, w := graphtest.Normal(rng, b*h*wd*ci), graphtest.Normal(rng, 9*ci*co)
	got := graphtest.Call(t, be, func(in []*Node) []*Node {
		p := &Params{How: Lowering{NativeConv: true, Winograd: true}}
		return []*Node{p.ConvWith(in[1], in[0], 1), Slice(p.ConvWith(in[1], Slice(in[0], AxisRange(), AxisRange(), AxisRange(0, 7)), 1), AxisRange(), AxisRange(), AxisRange(0, 6))}
	}, tensors.FromFlatDataAndDimensions(x, b, h, wd, ci), tensors.FromFlatDataAndDimensions(w, 3, 3, ci, co))
	want := direct(x, w, b, h, wd, ci, 3, co, 1)
	graphtest.Near(t, "Winograd", got[0], want, 1e-3)
	// An odd row takes the plain way; but for the last column, whose neighbour was cut off, it is the same.
	var cut []float32
	for y := range h {
		cut = append(cut, want[y*wd*co:(y*wd+6)*co]...)
	}
	graphtest.Near(t, "an odd row", got[1], cut, 1e-3)
}

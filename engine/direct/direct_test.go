//go:build amd64 && goexperiment.simd

package direct_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/internal/graphtest"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/unet"
)

var nets = []unet.Config{
	{Size: 8, Base: 8, Mult: []int{1, 2}, Blocks: 1, Mix: true},
	{Size: 16, Base: 16, Mult: []int{1, 2, 4}, Blocks: 1, Mix: true},
	{Size: 12, Base: 8, Mult: []int{1, 1, 3}, Blocks: 2},                                 // sides 12, 6 and 3: tiles that are cut off
	{Size: 8, Base: 32, Mult: []int{1, 2}, Blocks: 1, Attention: []int{4, 8}, Mix: true}, // one head and two
	{Size: 2, Base: 104, Mult: []int{1}, Blocks: 1, Attention: []int{2}},                 // heads of 52 channels
	{Size: 4, Base: 24, Mult: []int{2, 1}, Blocks: 1, Attention: []int{2}, Mix: true},    // narrower below
	{Size: 16, Base: 8, Mult: []int{1, 2}, Blocks: 1, Mix: true, Repeat: true},
	{Size: 12, Base: 8, Mult: []int{1, 1, 3}, Blocks: 1, Attention: []int{3}, Repeat: true}, // tiles that are cut off
	{Size: 4, Base: 8, Mult: []int{1, 2}, Blocks: 1, Repeat: true},                          // sides smaller than a tile
}

// example is a network's weights without zeros, images, times and a gradient by the velocity.
func example(c unet.Config, n int) (flat, x, t, dv []float32) {
	rng := rand.New(rand.NewPCG(uint64(c.Size), uint64(c.Base)))
	flat = c.Table().Init(3)
	for i := range flat {
		flat[i] += float32(.05 * rng.NormFloat64())
	}
	x, dv = graphtest.Normal(rng, n*c.Size*c.Size*3), graphtest.Normal(rng, n*c.Size*c.Size*3)
	for range n {
		t = append(t, rng.Float32())
	}
	return flat, x, t, dv
}

// off is the distance of got from want, and the size of want.
func off(got, want []float32) (distance, size float64) {
	for i := range want {
		e := float64(got[i] - want[i])
		distance += e * e
		size += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(distance), math.Sqrt(size)
}

// The kernels compute what the graph computes: velocity and gradient, part by part.
func TestValuesAndGradientsAreThoseOfTheGraph(t *testing.T) {
	be := graphtest.GoBackend(t)
	for _, c := range nets {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			if !direct.Fits(c) {
				t.Skip("this processor has no AVX2 and FMA")
			}
			const n = 3
			flat, x, times, dv := example(c, n)
			image := func(v []float32) *tensors.Tensor { return tensors.FromFlatDataAndDimensions(v, n, c.Size, c.Size, 3) }
			want := graphtest.Call(t, be, func(in []*Node) []*Node {
				p := c.Table().Bind(in[0], layer.Lowering{})
				v := c.Velocity(p, in[1], in[2])
				return []*Node{v, p.Gradient(ReduceAllSum(Mul(v, in[3])))}
			}, flat, image(x), times, image(dv))

			net := direct.New(c, true, false)
			net.Set(flat)
			v, trace := net.Learn(x, times)
			if e, size := off(v, want[0]); !(e < 1e-5*size) {
				t.Errorf("the velocity of size %.2g is off by %.2g", size, e)
			}
			if plain := net.Velocity(x, times); !slices.Equal(plain, v) {
				t.Error("the velocity without a gradient is another")
			}
			grad := make([]float32, len(flat))
			trace.Back(dv, grad)
			at := 0
			_, whole := off(grad, want[1]) // that of a part may be zero: a bias before a normalisation of single channels
			for _, p := range c.Table() {
				got, exact := grad[at:at+p.Size()], want[1][at:at+p.Size()]
				if e, size := off(got, exact); !(e < 1e-4*size+1e-6*whole) {
					t.Errorf("the gradient by %s, of size %.2g, is off by %.2g", p.Name, size, e)
				}
				at += p.Size()
			}
		})
	}
}

var halfNets = []unet.Config{
	{Size: 32, Base: 32, Mult: []int{1, 2, 4}, Blocks: 1},
	{Size: 8, Base: 32, Mult: []int{1, 2}, Blocks: 1, Attention: []int{4}, Mix: true, Repeat: true},
	{Size: 12, Base: 32, Mult: []int{3, 1}, Blocks: 2, Mix: true},                  // rows that do not fill tiles
	{Size: 16, Base: 16, Mult: []int{1, 2, 4}, Blocks: 1, Mix: true, Repeat: true}, // sixteen channels at the top, in float32
	{Size: 24, Base: 32, Mult: []int{1, 1, 2, 1}, Blocks: 1, Repeat: true},         // sides 24, 12, 6 and 3: not all even
	{Size: 80, Base: 32, Mult: []int{1, 2}, Blocks: 1, Mix: true},                  // a weight gradient in bands, the last one lower
	{Size: 16, Base: 64, Mult: []int{1, 1, 1, 1}, Blocks: 1, Attention: []int{}},   // two pixels a side
}

// In bfloat16 the velocity and each part of the gradient are those of float32, as far as eight bits of precision go; an
// image's do not depend on the others.
func TestHalfPrecisionIsNearTheWhole(t *testing.T) {
	for _, c := range halfNets {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			if !direct.Fits(c) {
				t.Skip("this processor has no AVX2 and FMA")
			}
			const n = 3
			flat, x, times, dv := example(c, n)
			evaluate := func(half bool) (v, grad []float32, net *direct.Net) {
				net = direct.New(c, true, half)
				net.Set(flat)
				v, trace := net.Learn(x, times)
				grad = make([]float32, len(flat))
				trace.Back(dv, grad)
				return v, grad, net
			}
			v, grad, _ := evaluate(false)
			hv, hgrad, net := evaluate(true)
			if !direct.Halves(c) {
				if !slices.Equal(hv, v) || !slices.Equal(hgrad, grad) {
					t.Error("without tiles, or with a side that they cannot pair, bfloat16 is not float32")
				}
				return
			}
			if e, size := off(hv, v); !(e < .01*size) || e == 0 {
				t.Errorf("the velocity of size %.2g is off by %.2g", size, e)
			}
			at := 0
			_, whole := off(grad, grad)
			for _, p := range c.Table() {
				if e, size := off(hgrad[at:at+p.Size()], grad[at:at+p.Size()]); !(e < .02*size+1e-4*whole) {
					t.Errorf("the gradient by %s, of size %.2g, is off by %.2g", p.Name, size, e)
				}
				at += p.Size()
			}
			for i := range n {
				one := len(x) / n
				if got := net.Velocity(x[i*one:(i+1)*one], times[i:i+1]); !slices.Equal(got, hv[i*one:(i+1)*one]) {
					t.Errorf("image %d is another by itself", i)
				}
			}
		})
	}
}

// processorSeconds is the time that this process has computed, on all cores together.
func processorSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// What is computed does not depend on who computes: several evaluations side by side give the bits that each gives alone,
// and gradients add up.
func TestEvaluationsSideBySide(t *testing.T) {
	c := nets[1]
	if !direct.Fits(c) {
		t.Skip("this processor has no AVX2 and FMA")
	}
	flat, x, times, dv := example(c, 5)
	net := direct.New(c, true, false)
	net.Set(flat)
	want, trace := net.Learn(x, times)
	once := make([]float32, len(flat))
	trace.Back(dv, once)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if !slices.Equal(net.Velocity(x, times), want) {
				t.Error("another velocity than alone")
			}
		})
	}
	all.Wait()
	_, trace = net.Learn(x, times)
	twice := slices.Clone(once)
	trace.Back(dv, twice)
	for i, v := range once {
		if twice[i] != 2*v {
			t.Fatalf("value %d of the gradient is %g and then %g more", i, v, twice[i]-v)
		}
	}
	// An image is, to the bit, what it is among others, however many.
	size := len(x) / 5
	for n := 1; n < 5; n++ {
		for i := 0; i+n <= 5; i += n {
			if !slices.Equal(net.Velocity(x[i*size:(i+n)*size], times[i:i+n]), want[i*size:(i+n)*size]) {
				t.Errorf("images %d to %d of five are others by themselves", i, i+n-1)
			}
		}
	}
}

func BenchmarkNet(b *testing.B) {
	began := 0.
	for _, size := range []int{32, 64} {
		c := unet.Config{Size: size, Base: 32, Mult: []int{1, 2, 4}, Blocks: 1}
		n := 32 * 32 * 32 / (size * size) * max(1, size/32)
		flat, x, times, dv := example(c, n)
		for _, half := range []bool{false, true} {
			if half && !direct.Halves(c) {
				continue
			}
			precision := map[bool]string{false: "f32", true: "bf16"}[half]
			net := direct.New(c, true, half)
			net.Set(flat)
			report := func(b *testing.B, n int) {
				b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "images/s")
				b.ReportMetric(float64(n*b.N)/(processorSeconds()-began), "images/cpu-s")
			}
			b.Run(fmt.Sprintf("velocity/%s/%dpx", precision, size), func(b *testing.B) {
				began = processorSeconds()
				for b.Loop() {
					net.Velocity(x, times)
				}
				report(b, n)
			})
			b.Run(fmt.Sprintf("gradient/%s/%dpx", precision, size), func(b *testing.B) {
				grad := make([]float32, len(flat))
				began = processorSeconds()
				for b.Loop() {
					net.Set(flat)
					_, trace := net.Learn(x, times)
					trace.Back(dv, grad)
				}
				report(b, n)
			})
		}
	}
}

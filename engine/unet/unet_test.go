package unet

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/internal/graphtest"
	"github.com/straightway-app/straightway/engine/layer"
)

// lively are parameters with no zeros, so that every part of the network matters: the usual start plus a little noise.
func lively(c Config, seed uint64) []float32 {
	flat := c.Table().Init(seed)
	for i, d := range normal(rand.New(rand.NewPCG(seed, 1)), len(flat), .1) {
		flat[i] += d
	}
	return flat
}

func images(rng *rand.Rand, b int, c Config) ([]float32, *tensors.Tensor) {
	x := normal(rng, b*c.Size*c.Size*Channels, .5)
	return x, tensors.FromFlatDataAndDimensions(x, b, c.Size, c.Size, Channels)
}

func velocity(c Config, how layer.Lowering) func(in []*Node) []*Node {
	table := c.Table()
	return func(in []*Node) []*Node { return []*Node{c.Velocity(table.Bind(in[0], how), in[1], in[2])} }
}

// small has everything that a network can have, and is quick.
var small = Config{Size: 8, Base: 8, Mult: []int{1, 2}, Blocks: 1, Attention: []int{4}, Mix: true}

// without returns the network less one of its options.
func without(c Config, change func(*Config)) Config {
	change(&c)
	return c
}

// The network of the speed comparisons, which is the same in PyTorch.
func TestTheBenchmarkNetworkHasItsSize(t *testing.T) {
	c := Config{Size: 32, Base: 32, Mult: []int{1, 2, 4}, Blocks: 1}
	if n := c.Table().Size(); n != 2_034_659 {
		t.Errorf("%d parameters, want 2,034,659", n)
	}
	mix := without(c, func(c *Config) { c.Mix = true })
	if n := mix.Table().Size() - c.Table().Size(); n != 4*32*9+9 {
		t.Errorf("the mix adds %d parameters, want %d", n, 4*32*9+9)
	}
	// At 8 px the levels have 128 channels; three blocks are there: down, middle, and two up.
	attention := without(c, func(c *Config) { c.Attention = []int{8} })
	if n, want := attention.Table().Size()-c.Table().Size(), 4*(2*128+(128*3*128+3*128)+(128*128+128)); n != want {
		t.Errorf("attention adds %d parameters, want %d", n, want)
	}
}

// Every part of the table is used by the computation, and none twice.
func TestEveryParameterIsUsedOnce(t *testing.T) {
	be := graphtest.GoBackend(t)
	for _, c := range []Config{
		small,
		{Size: 16, Base: 8, Mult: []int{1, 2, 4}, Blocks: 2, Attention: []int{8, 4}},
		{Size: 4, Base: 8, Mult: []int{2}, Blocks: 1},
	} {
		table := c.Table()
		names := map[string]bool{}
		for _, p := range table {
			if names[p.Name] {
				t.Errorf("%+v: two parts have the name %s", c, p.Name)
			}
			names[p.Name] = true
		}
		uses := map[string]int{}
		run := graphtest.Program(t, be, func(in []*Node) []*Node {
			p := table.Bind(in[0], layer.Lowering{NativeConv: true})
			v := c.Velocity(p, in[1], in[2])
			of := map[*Node]string{}
			for _, part := range table {
				of[p.Get(part.Name)] = part.Name
			}
			for _, node := range in[0].Graph().Nodes() {
				for _, input := range node.Inputs() {
					if name, ok := of[input]; ok {
						uses[name]++
					}
				}
			}
			return []*Node{v}
		})
		_, x := images(rand.New(rand.NewPCG(1, 1)), 1, c)
		run(lively(c, 1), x, []float32{.5})
		for _, p := range table {
			if uses[p.Name] != 1 {
				t.Errorf("%+v: %s is used %d times", c, p.Name, uses[p.Name])
			}
		}
	}
}

// Residual branches, attention and the output start at zero: v = 0 is the identity translation.
func TestAnUntrainedNetworkStandsStill(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(2, 1))
	for _, c := range []Config{small, without(small, func(c *Config) { c.Mix, c.Attention = false, nil })} {
		_, x := images(rng, 3, c)
		v := graphtest.Program(t, be, velocity(c, layer.Lowering{}))(c.Table().Init(7), x, []float32{0, .4, 1})[0]
		if len(v) != 3*c.Size*c.Size*Channels {
			t.Fatalf("%d values of velocity", len(v))
		}
		for i, y := range v {
			if y != 0 {
				t.Fatalf("%+v: value %d of the velocity is %g", c, i, y)
			}
		}
	}
}

// Without zeros beyond the border no network can draw a frame, whatever its weights: where all columns of an image are alike,
// those of its velocity are.
func TestNoFrameWhereBordersAreRepeated(t *testing.T) {
	be := graphtest.GoBackend(t)
	for _, repeat := range []bool{true, false} {
		c := without(small, func(c *Config) { c.Repeat = repeat })
		row := c.Size * Channels
		x := normal(rand.New(rand.NewPCG(6, 1)), c.Size*row, .5)
		for i := range x {
			x[i] = x[i-i%row+i%Channels]
		}
		v := graphtest.Program(t, be, velocity(c, layer.Lowering{}))(lively(c, 4), tensors.FromFlatDataAndDimensions(x, 1, c.Size, c.Size, Channels), []float32{.3})[0]
		unlike := 0.
		for i, y := range v {
			unlike = max(unlike, math.Abs(float64(y-v[i-i%row+i%Channels])))
		}
		if repeat && unlike > 1e-4 || !repeat && unlike < 1e-2 {
			t.Errorf("repeat %v: columns of the velocity differ by %g", repeat, unlike)
		}
	}
}

func TestBothLoweringsAreTheSameNetwork(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(3, 1))
	for _, c := range []Config{
		small,
		{Size: 8, Base: 8, Mult: []int{1, 2, 4}, Blocks: 1},
		{Size: 8, Base: 8, Mult: []int{1, 1}, Blocks: 2, Attention: []int{8}},
		without(small, func(c *Config) { c.Repeat = true }),
		{Size: 2, Base: 104, Mult: []int{1}, Blocks: 1, Attention: []int{2}}, // three heads of 32 do not divide it
	} {
		flat := lively(c, 3)
		_, x := images(rng, 2, c)
		t2 := []float32{.1, .9}
		shifted := graphtest.Program(t, be, velocity(c, layer.Lowering{NativeConv: false}))(flat, x, t2)[0]
		native := graphtest.Program(t, be, velocity(c, layer.Lowering{NativeConv: true}))(flat, x, t2)[0]
		graphtest.Near(t, "native convolutions", native, shifted, 2e-4)
	}
}

// An image's velocity is its own: it depends on its pixels and its time, not on its neighbours in the batch.
func TestImagesOfABatchDoNotSeeEachOther(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(4, 1))
	flat := lively(small, 4)
	n := small.Size * small.Size * Channels
	x, _ := images(rng, 3, small)
	times := []float32{0, .3, 1}
	run := graphtest.Program(t, be, velocity(small, layer.Lowering{}))
	tensor := func(x []float32) *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(x, len(x)/n, small.Size, small.Size, Channels)
	}
	together := run(flat, tensor(x), times)[0]
	for i, at := range times {
		alone := run(flat, tensor(x[i*n:(i+1)*n]), []float32{at})[0]
		graphtest.Near(t, "an image alone", alone, together[i*n:(i+1)*n], 1e-5)
	}
	later := run(flat, tensor(x[:n]), []float32{.5})[0]
	change := 0.0
	for i := range later {
		change = max(change, math.Abs(float64(later[i]-together[i])))
	}
	if change < 1e-3 {
		t.Errorf("from t = 0 to 0.5 the velocity changes by %g at most: the time does not reach the network", change)
	}
}

// With zero output, the attention leaves the network as it is without; with another, it changes it.
func TestAttentionOnAndOff(t *testing.T) {
	be := graphtest.GoBackend(t)
	on, off := small, without(small, func(c *Config) { c.Attention = nil })
	flat := lively(on, 5)
	var rest, silent []float32
	at := 0
	for _, p := range on.Table() {
		values := flat[at : at+p.Size()]
		at += p.Size()
		if !strings.Contains(p.Name, ".attention.") {
			rest = append(rest, values...)
		}
		if strings.Contains(p.Name, ".attention.out.") {
			values = make([]float32, p.Size())
		}
		silent = append(silent, values...)
	}
	_, x := images(rand.New(rand.NewPCG(5, 1)), 2, on)
	times := []float32{.2, .7}
	run := graphtest.Program(t, be, velocity(on, layer.Lowering{}))
	plain := graphtest.Program(t, be, velocity(off, layer.Lowering{}))(rest, x, times)[0]
	graphtest.Near(t, "attention with zero output", run(silent, x, times)[0], plain, 1e-6)
	change := 0.0
	for i, v := range run(flat, x, times)[0] {
		change = max(change, math.Abs(float64(v-plain[i])))
	}
	if change < 1e-3 {
		t.Errorf("attention changes the velocity by %g at most", change)
	}
}

// selfAttention is softmax(QKᵀ/√d)·V for every head, added to its input.
func TestSelfAttentionComputesItsDefinition(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(6, 1))
	const h, w, c, heads = 2, 3, 64, 2
	const n, d = h * w, c / heads
	table := layer.Table{}.Norm("a.norm", c).Dense("a.qkv", c, 3*c, layer.Uniform).Dense("a.out", c, c, layer.Uniform)
	flat := normal(rng, table.Size(), .2)
	x := normal(rng, n*c, 1)
	got := graphtest.Program(t, be, func(in []*Node) []*Node {
		return []*Node{selfAttention(table.Bind(in[0], layer.Lowering{}), "a", in[1])}
	})(flat, tensors.FromFlatDataAndDimensions(x, 1, h, w, c))[0]

	gain, shift := flat[:c], flat[c:2*c]
	qkvW, qkvB := flat[2*c:2*c+3*c*c], flat[2*c+3*c*c:2*c+3*c*c+3*c]
	outW, outB := flat[len(flat)-c*c-c:len(flat)-c], flat[len(flat)-c:]
	normed := make([]float64, n*c)
	for g := range layer.Groups {
		const per = c / layer.Groups
		var sum, squares float64
		for px := range n {
			for k := range per {
				v := float64(x[px*c+g*per+k])
				sum, squares = sum+v, squares+v*v
			}
		}
		mean := sum / (n * per)
		inv := 1 / math.Sqrt(squares/(n*per)-mean*mean+1e-5)
		for px := range n {
			for k := range per {
				ch := g*per + k
				normed[px*c+ch] = (float64(x[px*c+ch])-mean)*inv*float64(gain[ch]) + float64(shift[ch])
			}
		}
	}
	linear := func(in []float64, weight, bias []float32) []float64 {
		co := len(bias)
		out := make([]float64, n*co)
		for px := range n {
			for o := range co {
				sum := float64(bias[o])
				for i := range c {
					sum += in[px*c+i] * float64(weight[i*co+o])
				}
				out[px*co+o] = sum
			}
		}
		return out
	}
	qkv := linear(normed, qkvW, qkvB)
	mixed := make([]float64, n*c)
	for head := range heads {
		part := func(px, which, k int) float64 { return qkv[px*3*c+which*c+head*d+k] }
		for q := range n {
			var weight [n]float64
			total := 0.0
			for k := range n {
				score := 0.0
				for i := range d {
					score += part(q, 0, i) * part(k, 1, i)
				}
				weight[k] = math.Exp(score / math.Sqrt(d))
				total += weight[k]
			}
			for i := range d {
				for k := range n {
					mixed[q*c+head*d+i] += weight[k] / total * part(k, 2, i)
				}
			}
		}
	}
	want := make([]float32, n*c)
	for i, v := range linear(mixed, outW, outB) {
		want[i] = x[i] + float32(v)
	}
	graphtest.Near(t, "attention", got, want, 1e-4)
}

// With the mix alone, each pixel's velocity is its colour times the matrix.
func TestMixMultipliesColoursByAMatrix(t *testing.T) {
	be := graphtest.GoBackend(t)
	c := small
	flat := make([]float32, c.Table().Size())
	matrix := []float32{1, 2, 3, -1, .5, 0, .25, -2, 4} // from red, from green, from blue
	at := 0
	for _, p := range c.Table() {
		if p.Name == "mix.bias" {
			copy(flat[at:], matrix)
		}
		at += p.Size()
	}
	x, tensor := images(rand.New(rand.NewPCG(7, 1)), 2, c)
	want := make([]float32, len(x))
	for px := 0; px < len(x); px += 3 {
		for o := range 3 {
			for i := range 3 {
				want[px+o] += x[px+i] * matrix[i*3+o]
			}
		}
	}
	graphtest.Near(t, "velocity", graphtest.Program(t, be, velocity(c, layer.Lowering{}))(flat, tensor, []float32{0, 1})[0], want, 1e-5)
}

// The gradient of a loss is its slope: along the steepest coordinate of every part, where float32 resolves the
// difference best, and along random directions, by central differences.
func TestGradientAgainstFiniteDifferences(t *testing.T) {
	be := graphtest.GoBackend(t)
	rng := rand.New(rand.NewPCG(8, 1))
	c := small
	table := c.Table()
	flat := lively(c, 8)
	_, x := images(rng, 1, c)
	_, goal := images(rng, 1, c)
	loss := func(p *layer.Params, in []*Node) *Node {
		d := Sub(c.Velocity(p, in[1], in[2]), in[3])
		return ReduceAllSum(ReduceSum(ReduceSum(Mul(d, d), 3), 2))
	}
	gradient := graphtest.Program(t, be, func(in []*Node) []*Node {
		p := table.Bind(in[0], layer.Lowering{})
		return []*Node{p.Gradient(loss(p, in))}
	})(flat, x, []float32{.3}, goal)[0]
	value := graphtest.Program(t, be, func(in []*Node) []*Node {
		return []*Node{loss(table.Bind(in[0], layer.Lowering{}), in)}
	})
	const h = 4e-3
	along := func(what string, direction []float32) {
		at := func(h float32) float64 {
			moved := append([]float32(nil), flat...)
			for i, d := range direction {
				moved[i] += h * d
			}
			return float64(value(moved, x, []float32{.3}, goal)[0][0])
		}
		want := 0.0
		for i, d := range direction {
			want += float64(gradient[i]) * float64(d)
		}
		up := at(h)
		slope := (up - at(-h)) / (2 * h)
		// Loss values carry seven digits; the rest is the curvature.
		if allowed := .02*math.Abs(want) + 1e-6*up/h + .02; math.Abs(slope-want) > allowed {
			t.Errorf("%s: gradient %g, slope %g", what, want, slope)
		}
	}
	at := 0
	for _, p := range table {
		steep := at
		for k := at; k < at+p.Size(); k++ {
			if math.Abs(float64(gradient[k])) > math.Abs(float64(gradient[steep])) {
				steep = k
			}
		}
		// Every value matters, but for biases that what follows takes away again: the softmax those of the keys, the
		// normalisation of single channels those of the first convolution.
		vain := strings.HasSuffix(p.Name, "qkv.bias") || strings.HasSuffix(p.Name, "conv1.bias")
		if k := slices.Index(gradient[at:at+p.Size()], 0); k >= 0 && !vain {
			t.Errorf("value %d of %s does not matter", k, p.Name)
		}
		direction := make([]float32, len(flat))
		direction[steep] = 1
		along(p.Name, direction)
		at += p.Size()
	}
	for range 3 {
		along("a random direction", normal(rng, len(flat), .1))
	}
}

func TestValidateSaysWhatIsWrong(t *testing.T) {
	good := Config{Size: 32, Base: 16, Mult: []int{1, 2, 4}, Blocks: 1}
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"nothing", func(*Config) {}, ""},
		{"one level", func(c *Config) { c.Mult, c.Size = []int{1}, 7 }, ""},
		{"no width", func(c *Config) { c.Base = 0 }, "network width 0: the number of base channels must be a positive multiple of 8"},
		{"a width that the groups do not divide", func(c *Config) { c.Base = 12 }, "network width 12: the number of base channels must be a positive multiple of 8"},
		{"no level", func(c *Config) { c.Mult = nil }, "channel multiples [] and 1 blocks: the network needs at least one level"},
		{"a level without channels", func(c *Config) { c.Mult = []int{1, 0} }, "channel multiples [1 0]"},
		{"no block", func(c *Config) { c.Blocks = 0 }, "at least one level and one block"},
		{"a size that cannot be halved twice", func(c *Config) { c.Size = 30 }, "image size 30: a network of 3 levels needs a multiple of 4"},
		{"no size", func(c *Config) { c.Size = 0 }, "image size 0: a network of 3 levels needs a multiple of 4"},
	} {
		err := without(good, c.change).Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestEqualComparesEverySetting(t *testing.T) {
	if !small.Equal(small) {
		t.Error("a network is not equal to itself")
	}
	for i, change := range []func(*Config){
		func(c *Config) { c.Size = 16 },
		func(c *Config) { c.Base = 16 },
		func(c *Config) { c.Mult = []int{1, 3} },
		func(c *Config) { c.Blocks = 2 },
		func(c *Config) { c.Attention = nil },
		func(c *Config) { c.Mix = false },
	} {
		if small.Equal(without(small, change)) {
			t.Errorf("change %d of a network went unnoticed", i)
		}
	}
}

func normal(rng *rand.Rand, n int, sd float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(sd * rng.NormFloat64())
	}
	return out
}

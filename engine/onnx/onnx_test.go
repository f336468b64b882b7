package onnx

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/internal/graphtest"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/unet"
)

// networks have between them everything that the presets have.
var networks = []unet.Config{
	{Size: 8, Base: 8, Mult: []int{1, 2, 4}, Blocks: 1, Mix: true},
	{Size: 8, Base: 8, Mult: []int{1, 2}, Blocks: 2, Attention: []int{4, 8}, Mix: true},
	{Size: 8, Base: 8, Mult: []int{1, 2, 4}, Blocks: 1, Mix: true, Repeat: true},
	{Size: 4, Base: 64, Mult: []int{1, 1}, Blocks: 1, Attention: []int{4}}, // two heads
	{Size: 2, Base: 104, Mult: []int{1}, Blocks: 1, Attention: []int{2}},   // three heads of 32 do not divide it
}

// lively are parameters with no zeros, so that every part of the network matters.
func lively(net unet.Config, seed uint64) []float32 {
	flat := net.Table().Init(seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range flat {
		flat[i] += float32(.1 * rng.NormFloat64())
	}
	return flat
}

// planar lays images [N,S,S,3] as [N,3,S,S].
func planar(x []float32, n, side int) []float32 {
	out := make([]float32, 0, len(x))
	pixels := side * side
	for i := range n {
		for c := range unet.Channels {
			for p := range pixels {
				out = append(out, x[(i*pixels+p)*unet.Channels+c])
			}
		}
	}
	return out
}

func velocity(t *testing.T, net unet.Config, flat, x, times []float32) []float32 {
	t.Helper()
	table := net.Table()
	return graphtest.Call(t, graphtest.GoBackend(t), func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{net.Velocity(table.Bind(in[0], layer.Lowering{}), in[1], in[2])}
	}, flat, tensors.FromFlatDataAndDimensions(x, len(times), net.Size, net.Size, unet.Channels), times)[0]
}

// What the file says, computed by the operators' definitions, is the program's own velocity, for a batch with different
// times.
func TestVelocityIsTheNetworksOwn(t *testing.T) {
	times := []float32{0, .37, 1}
	for i, net := range networks {
		flat := lively(net, uint64(i))
		x := graphtest.Normal(rand.New(rand.NewPCG(7, uint64(i))), len(times)*net.Size*net.Size*unet.Channels)
		m, err := Velocity(net, flat, About{})
		if err != nil {
			t.Fatal(err)
		}
		f := decode(t, m)
		got := evaluate(t, f, map[string]*tensors.Tensor{
			StateInput: tensors.FromFlatDataAndDimensions(planar(x, len(times), net.Size), len(times), unet.Channels, net.Size, net.Size),
			TimeInput:  tensors.FromFlatDataAndDimensions(times, len(times)),
		})
		graphtest.Near(t, "velocity", got, planar(velocity(t, net, flat, x, times), len(times), net.Size), 1e-4)
	}
}

// The translator maps 0…1 to the network's range, walks its path, maps back and cuts off; the generator begins at the
// noise itself.
func TestTranslatorWalksItsPath(t *testing.T) {
	const n = 2
	for i, net := range networks {
		path := []flow.Path{flow.Forward(1), flow.Forward(3), flow.Backward(2), flow.Backward(1)}[i%4]
		flat := lively(net, uint64(i))
		rng := rand.New(rand.NewPCG(8, uint64(i)))
		image := make([]float32, n*net.Size*net.Size*unet.Channels)
		x := make([]float32, len(image))
		for k := range image {
			image[k] = rng.Float32()
			x[k] = 2*image[k] - 1
		}
		walk := func(x []float32) []float32 {
			out, err := flow.Euler(t.Context(), func(x []float32, at float64) ([]float32, error) {
				return velocity(t, net, flat, x, slices.Repeat([]float32{float32(at)}, n)), nil
			}, x, path, nil)
			if err != nil {
				t.Fatal(err)
			}
			cut := 0
			for k, y := range out {
				out[k] = min(max((y+1)/2, 0), 1)
				if out[k] == 0 || out[k] == 1 {
					cut++
				}
			}
			if cut == 0 || cut == len(out) {
				t.Fatalf("%d of %d values are cut off: the test sees only one case", cut, len(out))
			}
			return planar(out, n, net.Size)
		}
		square := func(x []float32) *tensors.Tensor {
			return tensors.FromFlatDataAndDimensions(planar(x, n, net.Size), n, unet.Channels, net.Size, net.Size)
		}
		m, err := Translator(net, flat, path, About{})
		if err != nil {
			t.Fatal(err)
		}
		graphtest.Near(t, "translation", evaluate(t, decode(t, m), map[string]*tensors.Tensor{ImageInput: square(image)}), walk(x), 2e-4)
		if i > 0 {
			continue
		}
		if m, err = Generator(net, flat, path, About{}); err != nil {
			t.Fatal(err)
		}
		noise := graphtest.Normal(rng, len(image))
		graphtest.Near(t, "generation", evaluate(t, decode(t, m), map[string]*tensors.Tensor{NoiseInput: square(noise)}), walk(noise), 2e-4)
	}
}

// Engines are told what goes in and out, and the batch is free.
func TestFileSaysWhatItIs(t *testing.T) {
	net := networks[1]
	about := About{Name: "a", Text: "for a person", Program: "1", Metadata: map[string]string{"size": "8", "round": "1-flow"}}
	images := []any{"batch", 3, 8, 8}
	for _, c := range []struct {
		make            func(unet.Config, []float32, About) (*Model, error)
		inputs, outputs map[string][]any
	}{
		{along(Translator), map[string][]any{"image": images}, map[string][]any{"result": images}},
		{along(Generator), map[string][]any{"noise": images}, map[string][]any{"result": images}},
		{Velocity, map[string][]any{"x": images, "t": {"batch"}}, map[string][]any{"velocity": images}},
	} {
		m, err := c.make(net, lively(net, 1), about)
		if err != nil {
			t.Fatal(err)
		}
		f := decode(t, m)
		if !reflect.DeepEqual(f.inputs, c.inputs) || !reflect.DeepEqual(f.outputs, c.outputs) {
			t.Errorf("inputs %v, outputs %v, want %v and %v", f.inputs, f.outputs, c.inputs, c.outputs)
		}
		if f.ir != 8 || f.opset != 17 || f.producer != "straightway" || f.detail != about.Text || !reflect.DeepEqual(f.metadata, about.Metadata) {
			t.Errorf("the file says format %d, operations %d, by %q, %q, %v", f.ir, f.opset, f.producer, f.detail, f.metadata)
		}
		for _, p := range net.Table() {
			if len(f.tensors[p.Name].floats) != p.Size() {
				t.Errorf("%s has %d values, want %d", p.Name, len(f.tensors[p.Name].floats), p.Size())
			}
		}
	}
}

// along fixes the path of a graph that has one.
func along(f func(unet.Config, []float32, flow.Path, About) (*Model, error)) func(unet.Config, []float32, About) (*Model, error) {
	return func(net unet.Config, flat []float32, about About) (*Model, error) {
		return f(net, flat, flow.Forward(1), about)
	}
}

func TestImpossibleModelsAreRefused(t *testing.T) {
	for _, f := range []func(unet.Config, []float32, About) (*Model, error){along(Translator), along(Generator), Velocity} {
		if _, err := f(networks[0], make([]float32, 10), About{}); err == nil || !strings.Contains(err.Error(), "parameters, and 10 were given") {
			t.Errorf("ten parameters gave %v", err)
		}
		if _, err := f(unet.Config{Size: 9, Base: 8, Mult: []int{1, 2}, Blocks: 1}, nil, About{}); err == nil || !strings.Contains(err.Error(), "image size 9") {
			t.Errorf("a network of 9 pixels gave %v", err)
		}
	}
	if _, err := Translator(networks[0], lively(networks[0], 1), flow.Forward(0), About{}); err == nil || !strings.Contains(err.Error(), "0 steps: at least one is needed") {
		t.Errorf("no steps gave %v", err)
	}
}

// Command reference writes down what the benchmark's network computes, for another implementation to compute again:
// random weights, a batch, and the velocity, loss and gradient at it.
//
//	reference [-backend cpu] [-size 32] [-onnx FILE.onnx] [FILE.safetensors]
//
// The file holds the weights under the names of a model file (docs of engine/model.Pack), all of them random, because
// a fresh network's zero-initialised parts would hide what lies before them; the gradient of the loss by each under
// "gradient/" and the same name; and "x0", "x1" [B,S,S,3], "t" [B], "velocity" [B,S,S,3] = v((1−t)·x0 + t·x1, t) and
// "loss" [1] = mean ‖x1 − x0 − velocity‖². Everything is float32, images are NHWC. The ONNX file is the velocity with the
// same weights, as `straightway model --velocity` writes it; alone, it is written without computing anything.
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // the graph vocabulary reads as mathematics
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/onnx"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
	"github.com/straightway-app/straightway/engine/unet"
)

const batch = 4

func main() {
	choice := flag.String("backend", backend.Auto, backend.Choices)
	size := flag.Int("size", 32, "side of the images in pixels")
	graph := flag.String("onnx", "", "ONNX file to write the network to")
	flag.Parse()
	if flag.NArg() > 1 || flag.NArg() == 0 && *graph == "" {
		fmt.Fprintln(os.Stderr, "usage: reference [-backend cpu] [-size 32] [-onnx FILE.onnx] [FILE.safetensors]")
		os.Exit(2)
	}
	net, rng := train.BenchNetwork(*size), rand.New(rand.NewPCG(1, 2))
	weights := randomWeights(net.Table(), rng)
	var err error
	if *graph != "" {
		err = writeGraph(net, weights, *graph)
	}
	if err == nil && flag.NArg() == 1 {
		err = write(*choice, net, weights, rng, flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func writeGraph(net unet.Config, weights []float32, path string) error {
	m, err := onnx.Velocity(net, weights, onnx.About{Name: "benchmark", Text: "The velocity of the benchmark's network with random weights."})
	if err != nil {
		return err
	}
	return project.WriteFile(path, func(w io.Writer) error {
		_, err := m.WriteTo(w)
		return err
	})
}

func write(choice string, net unet.Config, weights []float32, rng *rand.Rand, path string) error {
	be, _, err := backend.Open(choice)
	if err != nil {
		return err
	}
	defer be.Close()
	how := model.Lowering(be, project.PrecisionF32)
	table := net.Table()
	exec, err := NewExec(be.Compute, func(in []*Node) []*Node {
		w, x0, x1, t := in[0], in[1], in[2], in[3]
		p := table.Bind(w, how)
		v := net.Velocity(p, flow.StraightLine(x0, x1, t), t)
		loss := flow.Loss(flow.Residual(x0, x1, v))
		return []*Node{v, Reshape(loss, 1), p.Gradient(loss)}
	})
	if err != nil {
		return fmt.Errorf("preparing the network: %w", err)
	}
	defer exec.Finalize()

	size := net.Size
	x0, x1, t := images(rng, size), images(rng, size), make([]float32, batch)
	for i := range t {
		t[i] = rng.Float32()
	}
	shape := []int{batch, size, size, unet.Channels}
	out, err := model.Call(exec, weights,
		tensors.FromFlatDataAndDimensions(x0, shape...), tensors.FromFlatDataAndDimensions(x1, shape...), t)
	if err != nil {
		return fmt.Errorf("computing velocity, loss and gradient on %s: %w", be.Label, err)
	}
	var results [3][]float32
	for i := range results {
		if results[i], err = tensors.CopyFlatData[float32](out[i]); err != nil {
			return fmt.Errorf("reading the results from %s: %w", be.Label, err)
		}
	}

	file, meta, err := model.Pack(net, weights)
	if err != nil {
		return err
	}
	gradient, _, err := model.Pack(net, results[2])
	if err != nil {
		return err
	}
	for _, g := range gradient {
		g.Name = "gradient/" + g.Name
		file = append(file, g)
	}
	file = append(file,
		project.NewTensor("x0", shape, x0), project.NewTensor("x1", shape, x1), project.NewTensor("t", []int{batch}, t),
		project.NewTensor("velocity", shape, results[0]), project.NewTensor("loss", []int{1}, results[1]))
	meta["backend"] = be.Label
	return project.WriteSafetensors(path, file, meta)
}

// randomWeights draws every part uniformly: gains around 1, the rest within 1/√fan-in around 0.
func randomWeights(table layer.Table, rng *rand.Rand) []float32 {
	out := make([]float32, 0, table.Size())
	for _, part := range table {
		centre, bound := 0.0, .5
		if part.Init == layer.One {
			centre = 1
		}
		if part.FanIn > 0 {
			bound = 1 / math.Sqrt(float64(part.FanIn))
		}
		for range part.Size() {
			out = append(out, float32(centre+bound*(2*rng.Float64()-1)))
		}
	}
	return out
}

func images(rng *rand.Rand, size int) []float32 {
	out := make([]float32, batch*size*size*unet.Channels)
	for i := range out {
		out[i] = 2*rng.Float32() - 1
	}
	return out
}

// Package onnx writes a trained velocity network as an ONNX graph, so that other engines can serve it.
//
// There are three graphs. The translator is what `translate` does to one square: image in, image out, by one network
// evaluation or a few. The generator is the same from noise. The velocity is the network itself, for whoever wants to
// choose the steps and the way while it runs.
//
// The graphs are float32 and use only operations of opset 17 that ONNX Runtime and TensorRT have had for long. The
// batch is free, the side is the one that the network was trained at.
package onnx

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/unet"
)

// The versions of the operations and of the file format, of 2022.
const (
	opset     = 17
	irVersion = 8
)

// Names of the inputs and outputs.
const (
	ImageInput     = "image"    // Translator: [N,3,S,S], RGB, 0…1
	NoiseInput     = "noise"    // Generator: [N,3,S,S], from N(0, I)
	ImageOutput    = "result"   // Translator and Generator: [N,3,S,S], RGB, 0…1
	StateInput     = "x"        // Velocity: [N,3,S,S], RGB, −1…1
	TimeInput      = "t"        // Velocity: [N], 0…1
	VelocityOutput = "velocity" // Velocity: [N,3,S,S]
)

// About is what a file says of itself.
type About struct {
	Name     string            // of the graph
	Text     string            // for a person
	Program  string            // version of the program that writes it
	Metadata map[string]string // metadata_props
}

// Model is a graph ready to be written.
type Model struct{ file message }

// WriteTo writes the ONNX file.
func (m *Model) WriteTo(w io.Writer) (int64, error) { return m.file.WriteTo(w) }

// Size is the length of the file in bytes.
func (m *Model) Size() int { return m.file.size }

// Translator carries images [N,3,S,S] in 0…1 along the path by Euler steps, each of which is an evaluation of the
// network, and cuts the result off to 0…1. flat is the network's parameter vector.
func Translator(net unet.Config, flat []float32, p flow.Path, about About) (*Model, error) {
	g, err := newWalk(net, flat, p)
	if err != nil {
		return nil, err
	}
	x := g.sum(g.product(ImageInput, g.floats(nil, 2)), g.floats(nil, -1)) // a byte b, as b/255, is b/127.5 − 1 there
	g.result(g.euler(x, p))
	return g.model(about, g.images(ImageOutput, "translations, RGB in 0…1"), g.images(ImageInput, "images, RGB in 0…1")), nil
}

// Generator carries noise [N,3,S,S] from N(0, I) along the path as Translator does images.
func Generator(net unet.Config, flat []float32, p flow.Path, about About) (*Model, error) {
	g, err := newWalk(net, flat, p)
	if err != nil {
		return nil, err
	}
	g.result(g.euler(NoiseInput, p))
	return g.model(about, g.images(ImageOutput, "images, RGB in 0…1"), g.images(NoiseInput, "noise from N(0, I)")), nil
}

func newWalk(net unet.Config, flat []float32, p flow.Path) (*builder, error) {
	if p.Steps < 1 {
		return nil, fmt.Errorf("%d steps: at least one is needed", p.Steps)
	}
	return newBuilder(net, flat)
}

// euler takes the steps of flow.Euler from x.
func (g *builder) euler(x value, p flow.Path) value {
	h := (p.To - p.From) / float64(p.Steps)
	for step := range p.Steps {
		t := g.floats([]int{1}, float32(p.From+float64(step)*h)) // all images are at the same time
		x = g.sum(x, g.product(g.velocity(x, t), g.floats(nil, float32(h))))
	}
	return x
}

// result maps y from −1…1 to the output in 0…1.
func (g *builder) result(y value) {
	y = g.product(g.sum(y, g.floats(nil, 1)), g.floats(nil, .5))
	g.add("Clip", []value{y, g.floats(nil, 0), g.floats(nil, 1)}, []value{ImageOutput})
}

// Velocity is v(x, t) for x [N,3,S,S] in −1…1 and t [N] in 0…1: [N,3,S,S], in units of x per unit of t.
func Velocity(net unet.Config, flat []float32, about About) (*Model, error) {
	g, err := newBuilder(net, flat)
	if err != nil {
		return nil, err
	}
	g.add("Identity", []value{g.velocity(StateInput, TimeInput)}, []value{VelocityOutput})
	return g.model(about, g.images(VelocityOutput, "dx/dt"), g.images(StateInput, "images on their way, RGB in −1…1"),
		valueInfo(TimeInput, "time of each image: 0 at the source, 1 at the target", batch)), nil
}

// batch names the free side.
const batch = "batch"

func (g *builder) images(name, doc string) message {
	return valueInfo(name, doc, batch, unet.Channels, g.net.Size, g.net.Size)
}

// model is the ModelProto around the graph.
func (g *builder) model(about About, output message, inputs ...message) *Model {
	var body, version, file message
	for _, n := range g.nodes {
		body.message(1, n)
	}
	body.text(2, about.Name)
	for _, t := range g.initializers {
		body.message(5, t)
	}
	for _, v := range inputs {
		body.message(11, v)
	}
	body.message(12, output)

	version.text(1, "") // the standard operations
	version.integer(2, opset)
	file.integer(1, irVersion)
	file.text(2, "straightway")
	file.text(3, about.Program)
	file.text(6, about.Text)
	file.message(7, body)
	file.message(8, version)
	for _, key := range slices.Sorted(maps.Keys(about.Metadata)) {
		var entry message
		entry.text(1, key)
		entry.text(2, about.Metadata[key])
		file.message(14, entry)
	}
	return &Model{file}
}

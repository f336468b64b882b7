package model

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/unet"
)

// Lowering is how networks are computed on a backend at a precision: bfloat16 by itself only where the backend gains
// by it. Where the processor's kernels are, it is for them to say whether they gain by it; graphs compute in float32 there.
func Lowering(be *backend.Backend, p project.Precision) layer.Lowering {
	how := layer.Lowering{NativeConv: be.NativeConv(), ProductGradient: be.ProductGradient(), DType: be.ComputeDType()}
	switch p {
	case project.PrecisionF32:
		how.DType = dtypes.Float32
	case project.PrecisionBF16:
		how.DType = dtypes.BFloat16
	}
	if be.Kind != backend.CUDA && direct.Available() {
		how.DType, how.Half = dtypes.Float32, p == project.PrecisionBF16
	}
	how.Kernels = be.Kind != backend.CUDA && how.DType == dtypes.Float32
	return how
}

// netKey is the metadata entry of a model file that holds its architecture.
const netKey = "unet"

// Describe is the metadata that says which network a file holds, a model file or a checkpoint.
func Describe(net unet.Config) (map[string]string, error) {
	arch, err := json.Marshal(net)
	if err != nil {
		return nil, fmt.Errorf("describing the network: %w", err)
	}
	return map[string]string{netKey: string(arch)}, nil
}

// described reads what Describe wrote.
func described(meta map[string]string) (net unet.Config, err error) {
	if err := json.Unmarshal([]byte(meta[netKey]), &net); err != nil {
		return net, fmt.Errorf("it does not say what network it is (%w)", err)
	}
	return net, net.Validate()
}

// Pack turns a network's parameter vector into named tensors and metadata for a model file.
func Pack(net unet.Config, flat []float32) ([]project.Tensor, map[string]string, error) {
	var out []project.Tensor
	at := 0
	for _, p := range net.Table() {
		n := p.Size()
		out = append(out, project.NewTensor(p.Name, p.Shape, flat[at:at+n]))
		at += n
	}
	meta, err := Describe(net)
	return out, meta, err
}

// Load reads the network and the averaged weights of a finished round; an empty name means the last one.
func Load(p *project.Project, name string) (round project.Round, net unet.Config, flat []float32, err error) {
	round, file, err := p.LoadModel(name)
	if err != nil {
		return round, net, nil, err
	}
	if net, err = described(file.Meta); err != nil {
		return round, net, nil, fmt.Errorf("the model of round %s: %w: train the round again", round.Name, err)
	}
	table := net.Table()
	flat = make([]float32, 0, table.Size())
	for _, part := range table {
		t, err := file.Tensor(part.Name)
		if err != nil {
			return round, net, nil, fmt.Errorf("the model of round %s: %w", round.Name, err)
		}
		v, err := project.Values[float32](t)
		if err != nil {
			return round, net, nil, fmt.Errorf("the model of round %s: %w", round.Name, err)
		}
		if len(v) != part.Size() {
			return round, net, nil, fmt.Errorf("the model of round %s: %s has %d values, %d were expected", round.Name, part.Name, len(v), part.Size())
		}
		flat = append(flat, v...)
	}
	return round, net, flat, nil
}

// Averaged is the name of the tensor of a checkpoint that holds the averaged weights.
const Averaged = "network.ema"

// loadBegun reads the averaged weights of a round as Load does; where the round is named and not finished, those of its
// newest checkpoint.
func loadBegun(p *project.Project, name string) (round project.Round, net unet.Config, flat []float32, err error) {
	rounds, err := p.Rounds()
	if err != nil {
		return round, net, nil, err
	}
	at := slices.IndexFunc(rounds, func(r project.Round) bool { return r.Name == name && !r.Finished && !r.Saved.IsZero() })
	if at < 0 {
		return Load(p, name)
	}
	round = rounds[at]
	c, _, err := p.LoadLatest(name) // a warning is for who trains
	if err != nil {
		return round, net, nil, err
	}
	fail := func(err error) (project.Round, unet.Config, []float32, error) {
		return round, net, nil, fmt.Errorf("the checkpoint of round %s: %w: finish the round first", name, err)
	}
	if net, err = described(c.Meta); err != nil {
		return fail(err)
	}
	for _, t := range c.Tensors {
		if t.Name != Averaged {
			continue
		}
		if flat, err = project.Values[float32](t); err != nil {
			return fail(err)
		}
	}
	if want := net.Table().Size(); len(flat) != want {
		return fail(fmt.Errorf("it has %d parameters, %d were expected", len(flat), want))
	}
	round.Report.Steps = c.Step
	return round, net, flat, nil
}

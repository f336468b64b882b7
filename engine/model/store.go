package model

import (
	"encoding/json"
	"fmt"

	"github.com/gomlx/compute/dtypes"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/unet"
)

// Lowering is how networks are computed on a backend at a precision: bfloat16 by itself only where the backend gains
// by it.
func Lowering(be *backend.Backend, p project.Precision) layer.Lowering {
	how := layer.Lowering{NativeConv: be.NativeConv(), ProductGradient: be.ProductGradient(), DType: be.ComputeDType()}
	switch p {
	case project.PrecisionF32:
		how.DType = dtypes.Float32
	case project.PrecisionBF16:
		how.DType = dtypes.BFloat16
	}
	how.Kernels = be.Kind != backend.CUDA && how.DType == dtypes.Float32
	return how
}

// netKey is the metadata entry of a model file that holds its architecture.
const netKey = "unet"

// Pack turns a network's parameter vector into named tensors and metadata for a model file.
func Pack(net unet.Config, flat []float32) ([]project.Tensor, map[string]string, error) {
	var out []project.Tensor
	at := 0
	for _, p := range net.Table() {
		n := p.Size()
		out = append(out, project.NewTensor(p.Name, p.Shape, flat[at:at+n]))
		at += n
	}
	arch, err := json.Marshal(net)
	if err != nil {
		return nil, nil, fmt.Errorf("describing the network: %w", err)
	}
	return out, map[string]string{netKey: string(arch)}, nil
}

// Load reads the network and the averaged weights of a finished round; an empty name means the last one.
func Load(p *project.Project, name string) (round project.Round, net unet.Config, flat []float32, err error) {
	round, file, err := p.LoadModel(name)
	if err != nil {
		return round, net, nil, err
	}
	if err := json.Unmarshal([]byte(file.Meta[netKey]), &net); err != nil {
		return round, net, nil, fmt.Errorf("the model of round %s does not say what network it is (%w): train the round again", round.Name, err)
	}
	if err := net.Validate(); err != nil {
		return round, net, nil, fmt.Errorf("the model of round %s: %w", round.Name, err)
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

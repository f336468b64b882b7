// Package model is a trained velocity network ready for use on a backend: it evaluates v(x, t) and carries images
// along the flow. Training measures and previews with it, translation and evaluation run on it.
package model

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/unet"
)

// Sampler is the network of one architecture, compiled for one batch size where it takes compiling. Weights come with each call, so one
// sampler serves every round of a project. It is safe for use by several goroutines.
type Sampler struct {
	Net   unet.Config
	Batch int
	exec  *Exec // nil where the kernels evaluate
	xla   bool

	mu      sync.RWMutex // held while the kernels evaluate; wholly, while they take weights
	kernels *direct.Net
	loaded  *Weights // what the kernels have taken
}

// NewSampler prepares a sampler. Where a graph evaluates the network, compiling it happens at the first evaluation; kernels
// need none (package direct).
func NewSampler(be *backend.Backend, net unet.Config, how layer.Lowering, batch int) (*Sampler, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	if how.Kernels && direct.Fits(net) {
		return &Sampler{Net: net, Batch: batch, kernels: direct.New(net, false, how.Half)}, nil
	}
	how.Winograd = be.Kind == backend.CPU
	table := net.Table()
	exec, err := NewExec(be.Compute, func(in []*Node) []*Node {
		p := table.Bind(in[0], how)
		return []*Node{net.Velocity(p, in[1], in[2])}
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the velocity network: %w", err)
	}
	return &Sampler{Net: net, Batch: batch, exec: exec.WithName("velocity"), xla: be.IsXLA()}, nil
}

// Close frees the compiled program.
func (s *Sampler) Close() {
	if s.exec != nil {
		s.exec.Finalize()
	}
}

// Weights is a parameter vector on its way to a backend.
type Weights struct {
	mu     sync.Mutex
	tensor *tensors.Tensor
}

// NewWeights wraps a host vector of Net.Table().Size() values.
func NewWeights(flat []float32) *Weights {
	return &Weights{tensor: tensors.FromFlatDataAndDimensions(flat, len(flat))}
}

// Share wraps a tensor that somebody else owns and keeps alive.
func Share(t *tensors.Tensor) *Weights { return &Weights{tensor: t} }

// Model is a sampler with weights.
type Model struct {
	*Sampler
	weights *Weights
}

// With joins the sampler and weights.
func (s *Sampler) With(w *Weights) *Model { return &Model{Sampler: s, weights: w} }

// room is the batch size that n images are computed at, n ≤ Batch. XLA takes seconds to compile a new size, so there
// it is always Batch; the pure Go backend takes milliseconds, and the next power of two saves it the empty places.
func (s *Sampler) room(n int) int {
	if s.xla {
		return s.Batch
	}
	return min(s.Batch, 1<<bits.Len(uint(n-1)))
}

// Velocity evaluates v(x, t) for x, n images of S×S×3 values in [-1,1] one after another, in batches; the last one
// is filled up with zeros to a size that has a program.
func (m *Model) Velocity(x []float32, t float64) ([]float32, error) {
	pixels := m.Net.Size * m.Net.Size * unet.Channels
	if len(x)%pixels != 0 {
		return nil, fmt.Errorf("%d values are no whole number of images of %d×%d pixels", len(x), m.Net.Size, m.Net.Size)
	}
	if m.kernels != nil {
		return m.byKernels(x, float32(t), pixels)
	}
	out := make([]float32, 0, len(x))
	for at := 0; at < len(x); at += m.Batch * pixels {
		part := x[at:min(len(x), at+m.Batch*pixels)]
		v, err := m.evaluate(part, float32(t), pixels)
		if err != nil {
			return nil, err
		}
		out = append(out, v[:len(part)]...)
	}
	return out, nil
}

// byKernels is Velocity by package direct.
func (m *Model) byKernels(x []float32, t float32, pixels int) ([]float32, error) {
	if err := m.take(); err != nil {
		return nil, err
	}
	defer m.mu.RUnlock()
	if len(x) <= m.Batch*pixels {
		return m.kernels.Velocity(x, slices.Repeat([]float32{t}, len(x)/pixels)), nil
	}
	out := make([]float32, 0, len(x))
	for at := 0; at < len(x); at += m.Batch * pixels {
		part := x[at:min(len(x), at+m.Batch*pixels)]
		out = append(out, m.kernels.Velocity(part, slices.Repeat([]float32{t}, len(part)/pixels))...)
	}
	return out, nil
}

// take gives the kernels the model's weights, unless they have them, and holds them there until RUnlock.
func (m *Model) take() error {
	for {
		m.mu.RLock()
		if m.loaded == m.weights {
			return nil
		}
		m.mu.RUnlock()
		if err := m.load(); err != nil {
			return err
		}
	}
}

// load sets the kernels' weights once no evaluation is under way.
func (m *Model) load() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.loaded == m.weights {
		return nil
	}
	flat, err := m.weights.host()
	if err != nil {
		return err
	}
	if want := m.Net.Table().Size(); len(flat) != want {
		return fmt.Errorf("evaluating the velocity network on images of %d×%d: it has %d parameters and was given %d", m.Net.Size, m.Net.Size, want, len(flat))
	}
	m.kernels.Set(flat)
	m.loaded = m.weights
	return nil
}

// host copies the vector.
func (w *Weights) host() ([]float32, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	flat, err := tensors.CopyFlatData[float32](w.tensor)
	if err != nil {
		return nil, fmt.Errorf("copying the weights: %w", err)
	}
	return flat, nil
}

func (m *Model) evaluate(x []float32, t float32, pixels int) (v []float32, err error) {
	n := m.room(len(x) / pixels)
	if len(x) < n*pixels {
		x = append(make([]float32, 0, n*pixels), x...)[:n*pixels]
	}
	times := slices.Repeat([]float32{t}, n)
	s := m.Net.Size
	input := tensors.FromFlatDataAndDimensions(x, n, s, s, unet.Channels)
	defer input.MustFinalizeAll()
	m.weights.mu.Lock() // the first use moves the vector to the device
	defer m.weights.mu.Unlock()
	out, err := Call(m.exec, m.weights.tensor, input, times)
	if err != nil {
		return nil, fmt.Errorf("evaluating the velocity network on %d images of %d×%d: %w", n, s, s, err)
	}
	defer out[0].MustFinalizeAll()
	return tensors.CopyFlatData[float32](out[0])
}

// Flow carries images along the path by Euler steps and returns them unclipped.
func (m *Model) Flow(ctx context.Context, x []float32, p flow.Path) ([]float32, error) {
	return flow.Euler(ctx, m.Velocity, x, p, nil)
}

// Call runs a compiled program and turns a panic of the library into an error: the one edge for it.
func Call(e *Exec, args ...any) (out []*tensors.Tensor, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); ok {
				err = e
			} else {
				err = fmt.Errorf("%v", r)
			}
		}
	}()
	return e.Call(args...)
}

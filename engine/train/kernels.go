package train

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/critic"
	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/unet"
)

// Where the kernels of package direct evaluate the network, a gradient program is cut in three: a small graph makes the
// batch, the kernels the velocity; a small graph turns that into losses and the gradient by the velocity, and the kernels
// carry it back to the parameters.

// kernels are the network under training, and the graphs before and after it.
type kernels struct {
	be            *backend.Backend
	net           *direct.Net
	before, after *Exec
	loaded        *tensors.Tensor // the weights that net has taken
}

func newKernels(be *backend.Backend, c unet.Config, before, after func(in []*Node) []*Node) (k kernels, err error) {
	k = kernels{be: be, net: direct.New(c, true)}
	if k.before, err = NewExec(be.Compute, before); err != nil {
		return k, fmt.Errorf("preparing the batches: %w", err)
	}
	if k.after, err = NewExec(be.Compute, after); err != nil {
		return k, fmt.Errorf("preparing the losses: %w", err)
	}
	return k, nil
}

func (k *kernels) close() {
	k.before.Finalize()
	k.after.Finalize()
}

// velocity evaluates the network on x [B,S,S,3] at the times t.
func (k *kernels) velocity(w, x *tensors.Tensor, t []float32) (v *tensors.Tensor, trace *direct.Trace, err error) {
	if err := k.fits(len(t)); err != nil {
		return nil, nil, err
	}
	if k.loaded != w {
		flat, err := tensors.CopyFlatData[float32](w)
		if err != nil {
			return nil, nil, fmt.Errorf("copying the weights: %w", err)
		}
		k.net.Set(flat)
		k.loaded = w
	}
	flat, err := tensors.CopyFlatData[float32](x)
	if err != nil {
		return nil, nil, fmt.Errorf("copying a batch: %w", err)
	}
	out, trace := k.net.Learn(flat, t)
	return tensors.FromFlatDataAndDimensions(out, x.Shape().Dimensions...), trace, nil
}

// fits says where the machine has too little memory for n images at a time.
func (k *kernels) fits(n int) error {
	used, total, ok := k.be.Memory()
	if need := k.net.Memory(n); ok && n > 1 && need > total-used+k.net.Kept() {
		return fmt.Errorf("out of memory: %d images take about %d MiB, and the machine has %d MiB left", n, need>>20, (total-used)>>20)
	}
	return nil
}

// back carries the gradient by the velocity to the parameters and adds it to sum.
func (k *kernels) back(trace *direct.Trace, dv, sum *tensors.Tensor) (*tensors.Tensor, error) {
	defer trace.Free()
	seed, err := tensors.CopyFlatData[float32](dv)
	if err != nil {
		return nil, fmt.Errorf("copying the gradient by the velocity: %w", err)
	}
	grad, err := tensors.CopyFlatData[float32](sum)
	if err != nil {
		return nil, fmt.Errorf("copying a gradient: %w", err)
	}
	trace.Back(seed, grad)
	return vector(grad), nil
}

// flowKernels is flowProgram by the kernels.
type flowKernels struct{ kernels }

func newFlowKernels(be *backend.Backend, net unet.Config, how layer.Lowering, features bool) (*flowKernels, error) {
	k, err := newKernels(be, net, func(in []*Node) []*Node {
		x0, x1, xt := flowBatch(in[:6], in[6])
		return []*Node{x0, x1, xt}
	}, func(in []*Node) []*Node {
		loss, shown := flowLoss(in[0], in[1], in[2], in[3], in[4], in[5], how, features)
		return []*Node{Gradient(loss, in[3])[0], shown}
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the flow's gradient: %w", err)
	}
	return &flowKernels{k}, nil
}

func (f *flowKernels) run(w, sum, judge *tensors.Tensor, k flowKnobs, t []float32, batch []any) (grad, stats *tensors.Tensor, err error) {
	made, err := model.Call(f.before, append(batch[:len(batch):len(batch)], k.vector())...)
	if err != nil {
		return nil, nil, err
	}
	defer drop(made)
	v, trace, err := f.velocity(w, made[2], t)
	if err != nil {
		return nil, nil, err
	}
	defer v.MustFinalizeAll()
	defer trace.Free()
	out, err := model.Call(f.after, made[0], made[1], made[2], v, judge, k.vector())
	if err != nil {
		return nil, nil, err
	}
	defer out[0].MustFinalizeAll()
	if grad, err = f.back(trace, out[0], sum); err != nil {
		out[1].MustFinalizeAll()
		return nil, nil, err
	}
	return grad, out[1], nil
}

func drop(all []*tensors.Tensor) {
	for _, t := range all {
		t.MustFinalizeAll()
	}
}

// refineKernels is refineProgram by the kernels.
type refineKernels struct{ kernels }

func newRefineKernels(be *backend.Backend, net unet.Config, patch critic.Patch, how layer.Lowering, r Recipe) (*refineKernels, error) {
	k, err := newKernels(be, net, func(in []*Node) []*Node {
		x, y, real := refineBatch(in, patch)
		return []*Node{x, y, real}
	}, func(in []*Node) []*Node {
		x, y, real, v, t, wc, sumc, singular, share := in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], in[8]
		l := refineLosses(x, y, real, v, t, wc, singular, share, patch, how, r)
		return []*Node{Gradient(l.network, v)[0], Add(sumc, l.judge.Gradient(l.critic)), l.singular, l.stats}
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the refine finish's gradient: %w", err)
	}
	return &refineKernels{k}, nil
}

func (f *refineKernels) run(w, sum, wc, sumc, singular *tensors.Tensor, t []float32, batch []any, share float32) (refineResult, error) {
	made, err := model.Call(f.before, batch...)
	if err != nil {
		return refineResult{}, err
	}
	defer drop(made)
	v, trace, err := f.velocity(w, made[0], t)
	if err != nil {
		return refineResult{}, err
	}
	defer v.MustFinalizeAll()
	defer trace.Free()
	out, err := model.Call(f.after, made[0], made[1], made[2], v, t, wc, sumc, singular, share)
	if err != nil {
		return refineResult{}, err
	}
	grad, err := f.back(trace, out[0], sum)
	out[0].MustFinalizeAll()
	if err != nil {
		drop(out[1:])
		return refineResult{}, err
	}
	return refineResult{grad, out[1], out[2], out[3]}, nil
}

package train

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/critic"
	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/unet"
)

// Where the kernels of package direct evaluate the networks, a gradient program is a small graph that makes the batch, and
// all else is computed on the host: velocity, losses, and the gradient back to the parameters.

// kernels are the network under training.
type kernels struct {
	be     *backend.Backend
	exec   *Exec // makes the batches
	net    *direct.Net
	config unet.Config
	side   int
	loaded *tensors.Tensor // the weights that net has taken
}

func newKernels(be *backend.Backend, c unet.Config, half bool, make func(in []*Node) []*Node) (*kernels, error) {
	exec, err := NewExec(be.Compute, make)
	if err != nil {
		return nil, fmt.Errorf("preparing the batches: %w", err)
	}
	return &kernels{be: be, exec: exec.WithName("batch"), net: direct.New(c, true, half), config: c, side: c.Size}, nil
}

// batch returns the values of a batch's tensors.
func (k *kernels) batch(args ...any) ([][]float32, error) {
	out, err := model.Call(k.exec, args...)
	if err != nil {
		return nil, fmt.Errorf("making a batch: %w", err)
	}
	var flat [][]float32
	for _, t := range out {
		v, failed := tensors.CopyFlatData[float32](t)
		if failed != nil && err == nil {
			err = fmt.Errorf("copying a batch: %w", failed)
		}
		flat = append(flat, v)
		t.MustFinalizeAll()
	}
	return flat, err
}

func (k *kernels) close() { k.exec.Finalize() }

// byKernels tells whether the kernels compute a network's gradients: on one device, where they are asked for and fit.
func byKernels(on *mesh, how layer.Lowering, net unet.Config) bool {
	return on == nil && how.Kernels && direct.Fits(net)
}

// fewerFree lets the garbage collector leave less room while the kernels compute, until done is called: their pieces are
// most of the heap and hold no pointers, so that collecting it often costs next to nothing, and half of a heap of a gibibyte
// is too much to leave free. A GOGC of the environment is left as it is.
func fewerFree() (done func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(25)
	return func() { debug.SetGCPercent(before) }
}

// velocity evaluates the network on x [B,S,S,3] at the times t.
func (k *kernels) velocity(w *tensors.Tensor, x, t []float32) (v []float32, trace *direct.Trace, err error) {
	if err := k.fits(len(t)); err != nil {
		return nil, nil, err
	}
	if k.loaded != w {
		if err := tensors.ConstFlatData(w, k.net.Set); err != nil {
			return nil, nil, fmt.Errorf("copying the weights: %w", err)
		}
		k.loaded = w
	}
	v, trace = k.net.Learn(x, t)
	return v, trace, nil
}

// fits says where the machine has too little memory for n images at a time.
func (k *kernels) fits(n int) error {
	used, total, ok := k.be.Memory()
	if need := direct.Memory(k.config, true, n); ok && n > 1 && need > total-used+k.net.Kept() {
		return fmt.Errorf("out of memory: %d images take about %d MiB, and the machine has %d MiB left", n, need>>20, (total-used)>>20)
	}
	return nil
}

// back carries the gradient by the velocity to the parameters and adds it to sum.
func (k *kernels) back(trace *direct.Trace, dv []float32, sum *tensors.Tensor) (*tensors.Tensor, error) {
	defer trace.Free()
	return added(sum, func(grad []float32) { trace.Back(dv, grad) })
}

// added is sum and what add adds to it. It is added where the result has it: a copy of its own would be touched for the
// first time in every step, and each of its pages made by the system.
func added(sum *tensors.Tensor, add func(grad []float32)) (*tensors.Tensor, error) {
	out := tensors.FromShape(sum.Shape())
	var failed error
	err := tensors.MutableFlatData(out, func(grad []float32) {
		failed = tensors.ConstFlatData(sum, func(before []float32) { copy(grad, before) })
		if failed == nil {
			add(grad)
		}
	})
	if err = errors.Join(err, failed); err != nil {
		out.MustFinalizeAll()
		return nil, fmt.Errorf("copying a gradient: %w", err)
	}
	return out, nil
}

// meanSquare is flow.Loss, and what its gradient is to be multiplied by beside the residual.
func meanSquare(residual []float32) (loss float64, factor float32) {
	for _, r := range residual {
		loss += float64(r) * float64(r)
	}
	n := float64(len(residual))
	return loss / n, float32(2 / n)
}

// flowKernels is flowProgram by the kernels.
type flowKernels struct {
	*kernels
	classifier *critic.ClassifierKernels // nil without the feature loss
	judge      *tensors.Tensor           // the parameters that it has taken
}

func newFlowKernels(be *backend.Backend, net unet.Config, how layer.Lowering, features bool) (*flowKernels, error) {
	k, err := newKernels(be, net, how.Half, func(in []*Node) []*Node {
		x0, x1, xt := flowBatch(in[:6], in[6])
		return []*Node{x0, x1, xt}
	})
	f := &flowKernels{kernels: k}
	if features {
		f.classifier = critic.Classifier{}.NewKernels()
	}
	return f, err
}

func (f *flowKernels) run(w, sum, judge *tensors.Tensor, k flowKnobs, t []float32, batch []any) (grad, stats *tensors.Tensor, err error) {
	made, err := f.batch(append(batch[:len(batch):len(batch)], k.vector())...)
	if err != nil {
		return nil, nil, err
	}
	x0, x1, xt := made[0], made[1], made[2]
	v, trace, err := f.velocity(w, xt, t)
	if err != nil {
		return nil, nil, err
	}
	residual := v
	for i, v := range v {
		residual[i] = x1[i] - x0[i] - v
	}
	shown, factor := meanSquare(residual)
	share := float32(k.share)
	dv := make([]float32, len(residual))
	for i, r := range residual {
		dv[i] = -share * factor * r
	}
	if f.classifier != nil && k.feature != 0 {
		if f.judge != judge {
			flat, err := tensors.CopyFlatData[float32](judge)
			if err != nil {
				trace.Free()
				return nil, nil, fmt.Errorf("copying the classifier: %w", err)
			}
			f.classifier.Set(flat)
			f.judge = judge
		}
		_, by := f.classifier.FeatureLoss(xt, residual, len(t), f.side, flow.FeatureProbe)
		for i, d := range by {
			dv[i] -= share * float32(k.feature) * d
		}
	}
	grad, err = f.back(trace, dv, sum)
	return grad, vector([]float32{float32(k.share * shown)}), err
}

// refineKernels is refineProgram by the kernels.
type refineKernels struct {
	*kernels
	recipe Recipe
	patch  critic.Patch
	critic *critic.PatchKernels
}

func newRefineKernels(be *backend.Backend, net unet.Config, how layer.Lowering, patch critic.Patch, r Recipe) (*refineKernels, error) {
	k, err := newKernels(be, net, how.Half, func(in []*Node) []*Node {
		x, y, real := refineBatch(in, patch)
		return []*Node{x, y, real}
	})
	return &refineKernels{k, r, patch, patch.NewKernels()}, err
}

func (f *refineKernels) run(w, sum, wc, sumc, singular *tensors.Tensor, t []float32, batch []any, share float32) (out refineResult, err error) {
	made, err := f.batch(batch...)
	if err != nil {
		return out, err
	}
	x, y, real := made[0], made[1], made[2]
	var flat [2][]float32
	for i, t := range []*tensors.Tensor{wc, singular} {
		if flat[i], err = tensors.CopyFlatData[float32](t); err != nil {
			return out, fmt.Errorf("copying the critic: %w", err)
		}
	}
	next := f.critic.Set(flat[0], flat[1])
	v, trace, err := f.velocity(w, x, t)
	if err != nil {
		return out, err
	}
	n, per := len(t), len(x)/len(t)
	sign := func(i int) float32 { // with both ways, a pair learnt backwards goes against the velocity
		if f.patch.Ways {
			return 1 - 2*t[i/per]
		}
		return 1
	}
	result, missed := make([]float32, len(x)), make([]float32, len(x))
	for i, v := range v {
		result[i] = x[i] + sign(i)*v
		missed[i] = result[i] - y[i]
	}
	teacher, factor := meanSquare(missed)
	verdict, by := f.critic.Verdict(f.judged(result, t), n, f.side)
	width := len(by) / (n * f.side * f.side)
	dv := make([]float32, len(x))
	for i, m := range missed {
		d := float32(f.recipe.TeacherLoss)*factor*m - float32(f.recipe.CriticWeight)*by[i/3*width+i%3]
		dv[i] = share * sign(i) * d
		result[i] = max(-1.1, min(1.1, result[i]))
	}
	loss, gradient := f.critic.Hinge(append(f.judged(real, t), f.judged(result, t)...), n, f.side)
	grad, err := f.back(trace, dv, sum)
	if err != nil {
		return out, err
	}
	criticGrad, err := added(sumc, func(grad []float32) {
		for i, g := range gradient {
			grad[i] += share * g
		}
	})
	if err != nil {
		grad.MustFinalizeAll()
		return out, err
	}
	stats := []float32{share * float32(teacher), share * float32(verdict), share * float32(loss)}
	return refineResult{grad, criticGrad, vector(next), vector(stats)}, nil
}

// judged are images as the critic takes them: with both ways, a fourth channel says which domain is meant.
func (f *refineKernels) judged(x, t []float32) []float32 {
	if !f.patch.Ways {
		return x[:len(x):len(x)]
	}
	out := make([]float32, 0, len(x)/3*4)
	per := len(x) / len(t)
	for i := 0; i < len(x); i += 3 {
		out = append(append(out, x[i:i+3]...), t[i/per])
	}
	return out
}

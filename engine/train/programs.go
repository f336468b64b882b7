package train

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/critic"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/unet"
)

// The gradient programs. Each adds share·gradient to an accumulator, so that a batch may be computed in parts, and
// returns a small vector of losses whose first entry is the one that is shown.

// flowProgram is the gradient of the flow loss at pairs and times of the caller's choice; it serves the flow, reflow
// and distil rounds alike, because compiling it takes longer than the few products it could save.
type flowProgram struct {
	exec    *program     // nil where the kernels evaluate the network
	kernels *flowKernels // nil where the graph does
}

// flowKnobs are the numbers that differ between rounds: weight of the feature loss, σ of the bridge noise, and the
// share of the batch.
type flowKnobs struct{ feature, noise, share float64 }

func (k flowKnobs) vector() []float32 {
	return []float32{float32(k.feature), float32(k.noise), float32(k.share)}
}

func newFlowProgram(be *backend.Backend, on *mesh, net unet.Config, how layer.Lowering, features bool) (*flowProgram, error) {
	if byKernels(on, how, net) {
		kernels, err := newFlowKernels(be, net, how, features)
		return &flowProgram{kernels: kernels}, err
	}
	table := net.Table()
	cut := map[int]int{4: 1, 5: 1, 6: 0} // index, moves, t
	exec, err := newProgram(be, on, "flow gradient", 10, cut, func(in []*Node) []*Node {
		w, sum, judge, knobs := in[0], in[1], in[8], in[9]
		x0, x1, xt := flowBatch(in[2:8], knobs)
		p := table.Bind(w, how)
		loss, shown := flowLoss(x0, x1, xt, net.Velocity(p, xt, in[6]), judge, knobs, how, features)
		return []*Node{Add(sum, p.Gradient(loss)), shown}
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the flow's gradient: %w", err)
	}
	return &flowProgram{exec: exec}, nil
}

// flowBatch makes a batch of pairs and the points between them out of pixels of both sides, indices, moves, times and the
// key of the noise.
func flowBatch(in []*Node, knobs *Node) (x0, x1, xt *Node) {
	pixelsA, pixelsB, index, moves, t, rng := in[0], in[1], in[2], in[3], in[4], in[5]
	x0, x1 = batchOf(pixelsA, index, moves, 0), batchOf(pixelsB, index, moves, 1)
	return x0, x1, flow.BridgeNoise(rng, flow.StraightLine(x0, x1, t), t, number(knobs, 1))
}

// flowLoss is the batch's share of the loss of a velocity v, and as a vector of one what is shown of it.
func flowLoss(x0, x1, xt, v, judge, knobs *Node, how layer.Lowering, features bool) (loss, shown *Node) {
	residual := flow.Residual(x0, x1, v)
	plain := flow.Loss(residual)
	loss = plain
	if features {
		classifier := critic.Classifier{}
		h := classifier.Table().Bind(judge, how.InFloat32())
		f := flow.FeatureLoss(func(x *Node) []*Node { return classifier.Layers(h, x) }, xt, residual)
		loss = Add(loss, Mul(f, number(knobs, 0)))
	}
	share := number(knobs, 2)
	return Mul(loss, share), Reshape(Mul(plain, share), 1)
}

func (f *flowProgram) close() {
	if f.kernels != nil {
		f.kernels.close()
		return
	}
	f.exec.Finalize()
}

// release gives up what is kept for the next batch.
func (f *flowProgram) release() {
	if f != nil && f.kernels != nil {
		f.kernels.net.Release()
	}
}

func (f *flowProgram) call(w, sum *tensors.Tensor, a, b *shelf, d draw, judge *tensors.Tensor, k flowKnobs) (grad, stats *tensors.Tensor, err error) {
	pixelsA, indexA, doneA := a.batch(d.indexA)
	defer doneA()
	pixelsB, indexB, doneB := b.batch(d.indexB)
	defer doneB()
	return f.run(w, sum, judge, k, d.t, pixelsA, pixelsB, [][]int32{indexA, indexB}, d.moves, d.t, d.noise)
}

// run computes on a batch: what flowBatch makes it of.
func (f *flowProgram) run(w, sum, judge *tensors.Tensor, k flowKnobs, t []float32, batch ...any) (grad, stats *tensors.Tensor, err error) {
	if f.kernels != nil {
		grad, stats, err = f.kernels.run(w, sum, judge, k, t, batch)
	} else {
		var out []*tensors.Tensor
		if out, err = f.exec.call(append(append([]any{w, sum}, batch...), judge, k.vector())...); err == nil {
			grad, stats = out[0], out[1]
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("computing the flow's gradient on %d images: %w", len(t), err)
	}
	return grad, stats, nil
}

// batchOf gathers side (0 or 1) of a batch. Noise comes as it is: it has no pixels to move.
func batchOf(pixels, index, moves *Node, side int) *Node {
	if pixels.DType() == dtypes.Float32 {
		return pixels
	}
	at := func(i int) *Node { return Squeeze(Slice(moves, AxisElem(i)), 0) }
	return flow.Batch(pixels, flow.Draw{
		Index:    Squeeze(Slice(index, AxisElem(side)), 0),
		Register: at(side),
		Augment:  at(2),
	})
}

func number(v *Node, i int) *Node { return Reshape(Slice(v, AxisRange(i, i+1))) }

// refineProgram is the gradient of both networks of the refine finish. The generator is the one-step translation
// x + v(x, 0), and where both ways are learnt y − v(y, 1); it minimises teacher·‖out − y‖² − weight·mean critic(out). The critic minimises the hinge loss
// (Lim and Ye 2017, arXiv 1705.02894) between real targets and the same outputs.
type refineProgram struct {
	exec    *program       // nil where the kernels evaluate the network
	kernels *refineKernels // nil where the graph does
}

func newRefineProgram(be *backend.Backend, on *mesh, net unet.Config, patch critic.Patch, how layer.Lowering, r Recipe) (*refineProgram, error) {
	if byKernels(on, how, net) {
		kernels, err := newRefineKernels(be, net, how, patch, r)
		return &refineProgram{kernels: kernels}, err
	}
	table := net.Table()
	cut := map[int]int{8: 1, 9: 1, 10: 0} // index, moves, t
	exec, err := newProgram(be, on, "refine gradient", 12, cut, func(in []*Node) []*Node {
		w, sum, wc, sumc, singular, t, share := in[0], in[1], in[2], in[3], in[4], in[10], in[11]
		x, y, real := refineBatch(in[5:11], patch)
		p := table.Bind(w, how)
		l := refineLosses(x, y, real, net.Velocity(p, x, t), t, wc, singular, share, patch, how, r)
		return []*Node{Add(sum, p.Gradient(l.network)), Add(sumc, l.judge.Gradient(l.critic)), l.singular, l.stats}
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the refine finish's gradient: %w", err)
	}
	return &refineProgram{exec: exec}, nil
}

// refineBatch makes a batch out of pixels of both sides and of the real images, indices, moves and times: what is
// translated, what should come of it, and real images to compare with.
func refineBatch(in []*Node, patch critic.Patch) (x, y, real *Node) {
	pixelsA, pixelsB, pixelsR, index, moves, t := in[0], in[1], in[2], in[3], in[4], in[5]
	x, y = batchOf(pixelsA, index, moves, 0), batchOf(pixelsB, index, moves, 1)
	if patch.Ways { // t is 0 or 1: a pair is learnt from x to y, or from y to x
		x, y = flow.StraightLine(x, y, t), flow.StraightLine(y, x, t)
	}
	return x, y, flow.Batch(pixelsR, flow.Draw{
		Index:    Squeeze(Slice(index, AxisElem(2)), 0),
		Register: Squeeze(Slice(moves, AxisElem(3)), 0),
		Augment:  Squeeze(Slice(moves, AxisElem(4)), 0),
	})
}

// refineLoss is the batch's share of both networks' losses.
type refineLoss struct {
	network, critic *Node
	judge           *layer.Params // the critic's parameters
	singular, stats *Node         // next state of the power iteration; teacher, verdict and the critic's loss
}

func refineLosses(x, y, real, v, t, wc, singular, share *Node, patch critic.Patch, how layer.Lowering, r Recipe) refineLoss {
	judged := func(images *Node) *Node { return images }
	if patch.Ways {
		d := x.Shape().Dimensions
		back := Reshape(t, d[0], 1, 1, 1)
		plane := BroadcastToDims(back, d[0], d[1], d[2], 1)
		v = Mul(v, OneMinus(MulScalar(back, 2)))
		judged = func(images *Node) *Node { return Concatenate([]*Node{images, plane}, -1) }
	}
	out := Add(x, v)
	judge := patch.Table().Bind(wc, how)
	weights, next := patch.Weights(judge, singular)
	score := func(weights []*Node, images *Node) *Node {
		return layerMean(patch.Judge(judge, weights, judged(images)))
	}
	fixed := make([]*Node, len(weights))
	for i, k := range weights {
		fixed[i] = StopGradient(k)
	}
	teacher := flow.Loss(Sub(out, y))
	verdict := score(fixed, out)
	loss := Sub(MulScalar(teacher, r.TeacherLoss), MulScalar(verdict, r.CriticWeight))
	fake := ClipScalar(StopGradient(out), -1.1, 1.1)
	n := x.Shape().Dimensions[0]
	both := patch.Judge(judge, weights, Concatenate([]*Node{judged(real), judged(fake)}, 0))
	hinge := func(s *Node) *Node { return layerMean(MaxScalar(s, 0.0)) }
	onReal := Slice(both, AxisRange(0, n))
	onFake := Slice(both, AxisRange(n, 2*n))
	criticLoss := Add(hinge(OneMinus(onReal)), hinge(OnePlus(onFake)))
	stats := Concatenate([]*Node{Reshape(teacher, 1), Reshape(verdict, 1), Reshape(criticLoss, 1)}, 0)
	return refineLoss{Mul(loss, share), Mul(criticLoss, share), judge, next, Mul(stats, share)}
}

func (f *refineProgram) close() {
	if f.kernels != nil {
		f.kernels.close()
		return
	}
	f.exec.Finalize()
}

// layerMean averages a map [B,H,W,C] in stages, in float32.
func layerMean(x *Node) *Node { return ReduceAllMean(ReduceMean(ReduceMean(toFloat(x), 3), 2)) }

// refineResult is what one call of the refine program returns.
type refineResult struct{ grad, criticGrad, singular, stats *tensors.Tensor }

// release gives up what is kept for the next batch.
func (f *refineProgram) release() {
	if f != nil && f.kernels != nil {
		f.kernels.net.Release()
		f.kernels.critic.Release()
	}
}

func (f *refineProgram) call(w, sum, wc, sumc, singular *tensors.Tensor, a, b, real *shelf, d draw, realIndex []int32, realMoves [2][][]int32, share float64) (refineResult, error) {
	pixelsA, indexA, doneA := a.batch(d.indexA)
	defer doneA()
	pixelsB, indexB, doneB := b.batch(d.indexB)
	defer doneB()
	pixelsR, indexR, doneR := real.batch(realIndex)
	defer doneR()
	moves := append(append([][][]int32{}, d.moves...), realMoves[0], realMoves[1])
	batch := []any{pixelsA, pixelsB, pixelsR, [][]int32{indexA, indexB, indexR}, moves, d.t}
	var out refineResult
	var err error
	if f.kernels != nil {
		out, err = f.kernels.run(w, sum, wc, sumc, singular, d.t, batch, float32(share))
	} else {
		var four []*tensors.Tensor
		if four, err = f.exec.call(append(append([]any{w, sum, wc, sumc, singular}, batch...), float32(share))...); err == nil {
			out = refineResult{four[0], four[1], four[2], four[3]}
		}
	}
	if err != nil {
		return refineResult{}, fmt.Errorf("computing the refine finish's gradient on %d images of %d×%d: %w", len(d.t), a.set.Size(), a.set.Size(), err)
	}
	return out, nil
}

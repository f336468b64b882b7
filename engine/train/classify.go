package train

import (
	"context"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/critic"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/model"
)

func toFloat(x *Node) *Node { return ConvertDType(x, dtypes.Float32) }

// classifyBatch is the number of images of each domain in a step of a classifier's training, classifyNoise the
// largest standard deviation of the noise that keeps it from looking at single pixel values.
const (
	classifyBatch = 32
	classifyNoise = .15
	classifyRate  = 2e-3
)

// classifyProgram is the gradient of the cross-entropy of a domain classifier.
func classifyProgram(be *backend.Backend, how layer.Lowering) (*Exec, error) {
	c := critic.Classifier{}
	table := c.Table()
	return NewExec(be.Compute, func(in []*Node) []*Node {
		w, pixelsA, pixelsB, index, moves, level, rng := in[0], in[1], in[2], in[3], in[4], in[5], in[6]
		half := func(pixels *Node, side int) *Node {
			at := func(i int) *Node { return Squeeze(Slice(moves, AxisElem(i)), 0) }
			return flow.Batch(pixels, flow.Draw{Index: Squeeze(Slice(index, AxisElem(side)), 0), Register: at(2), Augment: at(side)})
		}
		x := Concatenate([]*Node{half(pixelsA, 0), half(pixelsB, 1)}, 0)
		n := x.Shape().Dimensions[0]
		_, eps := RandomNormal(rng, x.Shape())
		x = Add(x, Mul(ClipScalar(eps, -6, 6), Reshape(level, n, 1, 1, 1)))
		p := table.Bind(w, how)
		labels := make([]float32, n)
		for i := n / 2; i < n; i++ {
			labels[i] = 1
		}
		loss := c.Loss(c.Logit(p, c.Layers(p, x)), Const(x.Graph(), labels))
		return []*Node{p.Gradient(loss), Reshape(loss, 1)}
	})
}

// trainClassifier teaches a classifier of the two domains, or of target images and damaged copies of them where the
// source is noise, and returns its parameters.
func (r *run) trainClassifier(ctx context.Context, how layer.Lowering, seed uint64, name string, progress func(done, total int)) ([]float32, error) {
	steps := r.recipe.ClassifySteps
	exec, err := classifyProgram(r.Backend, how)
	if err != nil {
		return nil, fmt.Errorf("preparing the domain classifier: %w", err)
	}
	defer exec.Finalize()
	l, err := newLearner(r.Backend, nil, "domain classifier", adam{beta1: .9, beta2: .999, epsilon: 1e-8}, critic.Classifier{}.Table().Init(seed))
	if err != nil {
		return nil, err
	}
	defer l.close()
	other, training := r.shelfA, r.trainA
	if r.noise != nil { // told from noise, a picture need have no more than edges
		copies := damaged(part{r.target, r.trainB}, seed)
		other = newShelf(r.Backend, copies)
		defer other.close()
		training = make([]int, copies.Len())
		for i := range training {
			training[i] = i
		}
	}
	half := halfway{run: r, name: name}
	for step := half.load(l); step < steps; step++ {
		if err := ctx.Err(); err != nil {
			half.save(l, true)
			return nil, err
		}
		rng := random(seed, "classifier", step)
		const n = classifyBatch
		index := [2][]int32{make([]int32, n), make([]int32, n)}
		moves := make([][][]int32, 3)
		for side, from := range [][]int{training, r.trainB} {
			moves[side] = make([][]int32, n)
			for i := range n {
				index[side][i] = int32(from[rng.IntN(len(from))])
				moves[side][i] = augmentation(rng, r.recipe.Shift, r.flip)
			}
		}
		moves[2] = make([][]int32, n)
		for i := range moves[2] {
			moves[2][i] = make([]int32, 3)
		}
		level := make([]float32, 2*n)
		for i := range level {
			level[i] = float32(classifyNoise * rng.Float64())
		}
		pixelsA, ia, doneA := other.batch(index[0])
		pixelsB, ib, doneB := r.shelfB.batch(index[1])
		out, err := model.Call(exec, l.w, pixelsA, pixelsB, [][]int32{ia, ib}, moves, level, []uint64{rng.Uint64(), rng.Uint64(), rng.Uint64()})
		doneA()
		doneB()
		if err != nil {
			return nil, fmt.Errorf("training the domain classifier: %w", err)
		}
		err = l.update(out[0], out[1], rate{learning: classifyRate})
		out[0].MustFinalizeAll()
		out[1].MustFinalizeAll()
		if err != nil {
			return nil, err
		}
		half.save(l, false)
		progress(step+1, steps)
	}
	w, err := tensors.CopyFlatData[float32](l.w)
	if err != nil {
		return nil, fmt.Errorf("copying the domain classifier: %w", err)
	}
	half.drop(name)
	return w, nil
}

// judge looks at images through a trained classifier: their features for KID and whether it takes them for targets.
type judge struct {
	exec    *Exec
	weights *tensors.Tensor
	batch   int
	size    int
}

func newJudge(be *backend.Backend, how layer.Lowering, weights []float32, size, batch int) (*judge, error) {
	c := critic.Classifier{}
	table := c.Table()
	exec, err := NewExec(be.Compute, func(in []*Node) []*Node {
		p := table.Bind(in[0], how)
		layers := c.Layers(p, in[1])
		return []*Node{c.Features(layers), c.Logit(p, layers)}
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the features of the measurements: %w", err)
	}
	return &judge{exec: exec.WithName("features"), weights: vector(weights), batch: batch, size: size}, nil
}

func (j *judge) close() {
	j.exec.Finalize()
	j.weights.MustFinalizeAll()
}

// look returns for n images (S×S×3 in [-1,1]) their features, row after row, and the share taken for targets.
func (j *judge) look(x []float32) (features [][]float32, accepted float64, err error) {
	pixels := j.size * j.size * 3
	total := len(x) / pixels
	taken := 0
	for at := 0; at < total; at += j.batch {
		n := min(j.batch, total-at)
		in := make([]float32, j.batch*pixels)
		copy(in, x[at*pixels:(at+n)*pixels])
		t := tensors.FromFlatDataAndDimensions(in, j.batch, j.size, j.size, 3)
		out, err := model.Call(j.exec, j.weights, t)
		t.MustFinalizeAll()
		if err != nil {
			return nil, 0, fmt.Errorf("computing features: %w", err)
		}
		f := tensors.MustCopyFlatData[float32](out[0])
		logit := tensors.MustCopyFlatData[float32](out[1])
		out[0].MustFinalizeAll()
		out[1].MustFinalizeAll()
		width := len(f) / j.batch
		for i := range n {
			features = append(features, f[i*width:(i+1)*width])
			if logit[i] > 0 {
				taken++
			}
		}
	}
	return features, float64(taken) / float64(max(1, total)), nil
}

package train

import (
	"errors"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/project"
)

// learner is a network under training: its parameter vector, moving average and Adam moments, four tensors that are
// replaced together by each update and never changed, and the program that updates them.
type learner struct {
	name         string
	size         int
	w, ema, m, v *tensors.Tensor
	tally        *tensors.Tensor // see newTally
	exec         *program
	opt          adam
	step         int // updates made
	zero         *tensors.Tensor
}

// newLearner starts from a host vector; moments are zero and the average equals the weights.
func newLearner(be *backend.Backend, on *mesh, name string, opt adam, start []float32) (*learner, error) {
	exec, err := newProgram(be, on, "update "+name, 8, nil, func(in []*Node) []*Node {
		w, ema, m, v, norm, ok := opt.update(in[0], in[1], in[2], in[3], in[4], in[5])
		return []*Node{w, ema, m, v, tallyUp(in[6], in[7], norm, ok)}
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the optimiser of the %s: %w", name, err)
	}
	l := &learner{name: name, size: len(start), opt: opt, exec: exec}
	l.zero = vector(make([]float32, l.size))
	l.set(start, start, make([]float32, l.size), make([]float32, l.size))
	l.tally = vector(make([]float32, tallySize))
	return l, nil
}

func vector(v []float32) *tensors.Tensor { return tensors.FromFlatDataAndDimensions(v, len(v)) }

func (l *learner) set(w, ema, m, v []float32) {
	l.free()
	l.w, l.ema, l.m, l.v = vector(w), vector(ema), vector(m), vector(v)
}

func (l *learner) free() {
	for _, t := range []*tensors.Tensor{l.w, l.ema, l.m, l.v} {
		if t != nil {
			t.MustFinalizeAll()
		}
	}
}

func (l *learner) close() {
	l.free()
	l.zero.MustFinalizeAll()
	l.tally.MustFinalizeAll()
	l.exec.Finalize()
}

// proposal is a learner's next state, not yet its own.
type proposal []*tensors.Tensor

func (p proposal) drop() {
	for _, t := range p {
		t.MustFinalizeAll()
	}
}

// propose computes the state after applying a gradient.
func (l *learner) propose(grad, stats *tensors.Tensor, r rate) (proposal, error) {
	r.step = l.step
	out, err := l.exec.call(l.w, l.ema, l.m, l.v, grad, l.opt.vector(r), l.tally, stats)
	if err != nil {
		return nil, fmt.Errorf("updating the %s: %w", l.name, err)
	}
	return out, nil
}

// accept takes a proposed state over.
func (l *learner) accept(p proposal) {
	l.free()
	l.tally.MustFinalizeAll()
	l.w, l.ema, l.m, l.v, l.tally = p[0], p[1], p[2], p[3], p[4]
	l.step++
}

// update applies a gradient. After an error the learner is as it was.
func (l *learner) update(grad, stats *tensors.Tensor, r rate) error {
	p, err := l.propose(grad, stats, r)
	if err == nil {
		l.accept(p)
	}
	return err
}

// The tally stays on the device and is read now and then, so that a step need not wait for the host: sum of the
// losses of good steps, number of good steps, number of steps with a gradient that was not finite, last norm.
const tallySize = 4

type tally struct{ loss, good, bad, norm float64 }

func tallyUp(tally, stats, norm, ok *Node) *Node {
	g := tally.Graph()
	zero := Const(g, float32(0))
	loss := Reshape(Slice(stats, AxisRange(0, 1)))
	good := GreaterThan(ok, zero)
	column := func(x *Node) *Node { return Reshape(x, 1) }
	add := Concatenate([]*Node{column(Where(good, loss, zero)), column(ok), column(OneMinus(ok)), column(zero)}, 0)
	last := Concatenate([]*Node{column(zero), column(zero), column(zero), column(norm)}, 0)
	keep := Const(g, []float32{1, 1, 1, 0})
	return Add(Mul(Add(tally, add), keep), last)
}

// readTally returns what was tallied since the last call and starts anew.
func (l *learner) readTally() (tally, error) {
	v, err := tensors.CopyFlatData[float32](l.tally)
	if err != nil {
		return tally{}, fmt.Errorf("reading the loss of the %s: %w", l.name, err)
	}
	l.emptyTally()
	return tally{float64(v[0]), float64(v[1]), float64(v[2]), float64(v[3])}, nil
}

func (l *learner) emptyTally() {
	l.tally.MustFinalizeAll()
	l.tally = vector(make([]float32, tallySize))
}

// tensors copies the state to the host for a checkpoint.
func (l *learner) tensors() ([]project.Tensor, error) {
	var out []project.Tensor
	for _, p := range l.parts() {
		v, err := tensors.CopyFlatData[float32](*p.tensor)
		if err != nil {
			return nil, fmt.Errorf("copying the %s of the %s: %w", p.name, l.name, err)
		}
		out = append(out, project.NewTensor(l.name+"."+p.name, []int{len(v)}, v))
	}
	return out, nil
}

type namedTensor struct {
	name   string
	tensor **tensors.Tensor
}

func (l *learner) parts() []namedTensor {
	return []namedTensor{{"weights", &l.w}, {"ema", &l.ema}, {"moment1", &l.m}, {"moment2", &l.v}}
}

var errOtherShape = errors.New("the checkpoint belongs to another network")

// restore takes the state from a checkpoint's tensors.
func (l *learner) restore(saved []project.Tensor, step int) error {
	got := map[string][]float32{}
	for _, p := range l.parts() {
		v, err := floats(saved, l.name+"."+p.name, l.size)
		if err != nil {
			return err
		}
		got[p.name] = v
	}
	l.set(got["weights"], got["ema"], got["moment1"], got["moment2"])
	l.step = step
	l.emptyTally() // of steps that are no longer part of the state
	return nil
}

// floats finds a float32 vector of a given length among saved tensors.
func floats(saved []project.Tensor, name string, size int) ([]float32, error) {
	for _, t := range saved {
		if t.Name != name {
			continue
		}
		v, err := project.Values[float32](t)
		if err != nil {
			return nil, err
		}
		if len(v) != size {
			return nil, fmt.Errorf("%w: %s holds %d values, %d were expected; the settings in project.json were changed after training began: restore project.json.bak or start a new project", errOtherShape, name, len(v), size)
		}
		return v, nil
	}
	return nil, fmt.Errorf("%w: it holds no %s", errOtherShape, name)
}

// hostEMA copies the averaged weights.
func (l *learner) hostEMA() ([]float32, error) {
	v, err := tensors.CopyFlatData[float32](l.ema)
	if err != nil {
		return nil, fmt.Errorf("copying the averaged weights: %w", err)
	}
	return v, nil
}

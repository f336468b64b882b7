package flow

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/direct"
)

// costs is, for every pair of n sources and as many targets, the least squared distance per feature value over the moves of
// the target, [n,n] with a row for each source, and the number of the move that has it.
type costs func(ctx context.Context, source, target []planes, moves []Move, progress func(done int)) (best []float32, arg []int32, err error)

// costs are computed by the kernels where they are wanted and can be had, and by the backend otherwise.
func (r Registration) costs(be compute.Backend) (_ costs, free func(), err error) {
	if r.Kernels && direct.Available() {
		return costsByKernels, func() {}, nil
	}
	exec, err := NewExec(be, nearer)
	if err != nil {
		return nil, nil, fmt.Errorf("preparing the coupling's cost matrix: %w", err)
	}
	return costsByGraph(exec), exec.Finalize, nil
}

// maps are the features of some images of a set.
func (f Feature) maps(set Images, index []int) []planes {
	out := make([]planes, len(index))
	direct.Each(len(index), func(k int) { out[k] = f.of(shrink(set.Image(index[k]), set.Size())) })
	return out
}

// rowsAtOnce is the number of sources that one core compares with all targets.
const rowsAtOnce = 48

func costsByKernels(ctx context.Context, source, target []planes, moves []Move, progress func(int)) ([]float32, []int32, error) {
	n, d := len(source), len(source[0].v)
	best, arg := make([]float32, n*n), make([]int32, n*n)
	rows, own := make([]float32, 0, n*d), make([]float32, n) // features of the sources [n,d], and ‖·‖²
	for i, p := range source {
		rows = append(rows, p.v...)
		for _, v := range p.v {
			own[i] += v * v
		}
	}
	columns := make([]float32, d*n) // features of the targets [d,n]
	for j, p := range target {
		for k, v := range p.v {
			columns[k*n+j] = v
		}
	}
	like := planes{side: target[0].side, channels: target[0].channels, v: make([]float32, d)}
	for k := range like.v {
		like.v[k] = float32(k)
	}
	moved, theirs := make([]float32, d*n, d*n+direct.Room), make([]float32, n)
	for m, move := range moves {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		clear(theirs)
		for k, from := range like.moved(move).v { // a move takes whole rows of columns to other places
			row := moved[k*n : (k+1)*n]
			copy(row, columns[int(from)*n:])
			for j, v := range row {
				theirs[j] += v * v
			}
		}
		direct.Each((n+rowsAtOnce-1)/rowsAtOnce, func(block int) {
			lo, hi := block*rowsAtOnce, min(n, (block+1)*rowsAtOnce)
			cross := make([]float32, (hi-lo)*n)
			direct.Product(cross, rows[lo*d:], d, 1, moved, hi-lo, n, d, false)
			for i := lo; i < hi; i++ {
				b, a, c := best[i*n:(i+1)*n], arg[i*n:(i+1)*n], cross[(i-lo)*n:(i-lo+1)*n]
				for j, x := range c {
					if cost := (own[i] + theirs[j] - 2*x) / float32(d); m == 0 || cost < b[j] {
						b[j], a[j] = cost, int32(m)
					}
				}
			}
		})
		progress(m + 1)
	}
	return best, arg, nil
}

func costsByGraph(exec *Exec) costs {
	return func(ctx context.Context, source, target []planes, moves []Move, progress func(int)) ([]float32, []int32, error) {
		rowsTensor := func(ps []planes) *tensors.Tensor {
			flat := make([]float32, 0, len(ps)*len(ps[0].v))
			for _, p := range ps {
				flat = append(flat, p.v...)
			}
			return tensors.FromFlatDataAndDimensions(flat, len(ps), len(ps[0].v))
		}
		n := len(source)
		fa := rowsTensor(source)
		first := make([]float32, n*n)
		for i := range first {
			first[i] = 1e30
		}
		best, arg := tensors.FromFlatDataAndDimensions(first, n, n), tensors.FromFlatDataAndDimensions(make([]int32, n*n), n, n)
		moved := make([]planes, n)
		for k, m := range moves {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			for i, p := range target {
				moved[i] = p.moved(m)
			}
			t := rowsTensor(moved)
			out, err := exec.Call(fa, t, best, arg, int32(k))
			if err != nil {
				return nil, nil, fmt.Errorf("computing the coupling's costs of %d by %d images: %w", n, n, err)
			}
			t.MustFinalizeAll()
			best.MustFinalizeAll()
			arg.MustFinalizeAll()
			best, arg = out[0], out[1]
			progress(k + 1)
		}
		c, err := tensors.CopyFlatData[float32](best)
		if err != nil {
			return nil, nil, err
		}
		w, err := tensors.CopyFlatData[int32](arg)
		return c, w, err
	}
}

// nearer folds one move into the running minimum: inputs are the features a [N,D] and b [M,D], the best costs so far
// [N,M], the moves that gave them [N,M] and the move's number.
func nearer(in []*Node) []*Node {
	a, b, best, arg, k := in[0], in[1], in[2], in[3], in[4]
	d := float64(a.Shape().Dimensions[1])
	norms := func(x *Node) *Node { return ReduceSum(Mul(x, x), 1) }
	cross := Dot(a, Transpose(b, 0, 1)).MatMul()
	cost := Sub(Add(Reshape(norms(a), -1, 1), Reshape(norms(b), 1, -1)), MulScalar(cross, 2))
	cost = MulScalar(cost, 1/d)
	less := LessThan(cost, best)
	return []*Node{Where(less, cost, best), Where(less, BroadcastToDims(ConvertDType(k, dtypes.Int32), arg.Shape().Dimensions...), arg)}
}

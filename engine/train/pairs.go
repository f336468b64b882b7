package train

import (
	"context"
	"fmt"
	"time"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// pairSet are the pairs (X0, Flow(X0)) that a reflow round and the finish after it train on.
type pairSet struct {
	teacher string // the round whose ODE made them
	shelf   *shelf
	list    []couple
}

func (p *pairSet) close() { p.shelf.close() }

// teacherOf is the round whose flow makes the pairs of a later round: for a reflow the round before it, for a finish
// the teacher of the last reflow, so that the finish regresses the very pairs which that reflow made straight: pairs
// drawn anew from the reflowed network would add its error to theirs, and cost the time to make them.
func teacherOf(plan []string, name string) string {
	for i, n := range plan {
		if n != name {
			continue
		}
		if _, kind, _ := project.ParseRoundName(name); kind != project.KindReflow && i >= 2 {
			return plan[i-2]
		}
		return plan[i-1]
	}
	return ""
}

// pairLimit bounds the pairs by what the rounds that train on them will look at.
func (r *run) pairLimit() int {
	steps := max(r.recipe.Reflow.Steps, r.recipe.Distil.Steps, r.recipe.Refine.Steps)
	return max(4096, steps*r.recipe.Batch)
}

// reflowPairs carries every training image, and its mirror image where mirroring is allowed, along the teacher's flow.
// The images are the source's; the results are kept in the cache.
func (r *run) reflowPairs(ctx context.Context, teacher string) (*pairSet, error) {
	if r.pairs != nil && r.pairs.teacher == teacher {
		return r.pairs, nil
	}
	round, net, flat, err := model.Load(r.Project, teacher)
	if err != nil {
		return nil, err
	}
	var list []couple
	order := random(r.settings.Seed, "pairs "+teacher, 0).Perm(len(r.trainA))
	for _, i := range order {
		list = append(list, couple{a: int32(r.trainA[i]), b: int32(len(list))})
		if r.flip {
			list = append(list, couple{a: int32(r.trainA[i]), b: int32(len(list)), moveA: flow.Move{Flip: true}})
		}
		if len(list) >= r.pairLimit() {
			break
		}
	}
	size := r.settings.Size
	bytes := size * size * 3
	name := fmt.Sprintf("pairs-%s-%s-%d-%d.safetensors", teacher, r.dataKey(), round.Report.FinishedAt.Unix(), r.recipe.PairSteps)
	out := cachedVector[uint8](r, name, len(list)*bytes)
	if out == nil {
		if net.Size != size {
			return nil, fmt.Errorf("round %s was trained at %d px and the project is set to %d px: restore project.json.bak or start a new project", teacher, net.Size, size)
		}
		weights := vector(flat)
		defer weights.MustFinalizeAll()
		if out, err = r.makePairs(ctx, r.sampler.With(model.Share(weights)), "carrying images along the flow of "+teacher, name, list); err != nil {
			return nil, err
		}
	}
	if r.pairs != nil {
		r.pairs.close()
	}
	r.pairs = &pairSet{teacher: teacher, shelf: newShelf(r.Backend, memory{size, out}), list: list}
	return r.pairs, nil
}

// makePairs carries the images of a list along a model's flow, keeps them in the cache under a name, and on the way
// there in parts, each named by its first image.
func (r *run) makePairs(ctx context.Context, m *model.Model, phase, name string, list []couple) ([]byte, error) {
	size := r.settings.Size
	bytes := size * size * 3
	part := func(at int) string { return fmt.Sprintf("%s.part%d", name, at/bytes) }
	var out []byte
	for {
		p := cachedVector[uint8](r, part(len(out)), -1)
		if len(p) == 0 || len(p)%bytes != 0 || len(out)+len(p) > len(list)*bytes {
			break
		}
		out = append(out, p...)
	}
	kept, saved := len(out), time.Now()
	flush := func() {
		if saved = time.Now(); len(out) > kept && keepVector(r, part(kept), out[kept:]) {
			kept = len(out)
		}
	}
	chunk := 4 * r.sampler.Batch
	for at := len(out) / bytes; at < len(list); at += chunk {
		r.out.phase(phase, at, len(list))
		var x []float32
		for _, p := range list[at:min(len(list), at+chunk)] {
			x = appendUnit(x, p.moveA.Apply(r.source.Image(int(p.a)), size))
		}
		y, err := m.Flow(ctx, x, flow.Forward(r.recipe.PairSteps))
		if err != nil {
			flush()
			return nil, fmt.Errorf("making the pairs of the next round: %w", err)
		}
		out = append(out, toBytes(y)...)
		if time.Since(saved) >= r.Autosave {
			flush()
		}
	}
	r.out.phase(phase, len(list), len(list))
	if keepVector(r, name, out) {
		r.drop(name + ".part")
	}
	return out, nil
}

// appendUnit appends bytes as values in [-1,1].
func appendUnit(dst []float32, b []byte) []float32 {
	for _, v := range b {
		dst = append(dst, float32(v)/127.5-1)
	}
	return dst
}

// toBytes clips values to [-1,1] and rounds them to bytes.
func toBytes(x []float32) []byte {
	out := make([]byte, len(x))
	for i, v := range x {
		out[i] = byte(max(0, min(255, (v+1)*127.5+.5)))
	}
	return out
}

// unitPixels are all images of a set as values in [-1,1].
func unitPixels(set flow.Images) []float32 {
	var out []float32
	for i := range set.Len() {
		out = appendUnit(out, set.Image(i))
	}
	return out
}

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
	if r.noise != nil {
		return r.recipe.NoisePairs
	}
	steps := max(r.recipe.Reflow.Steps, r.recipe.Distil.Steps, r.recipe.Refine.Steps)
	return max(4096, steps*r.recipe.Batch)
}

// reflowPairs carries every training image, and its mirror image where mirroring is allowed, along the teacher's flow.
// From noise there are as many images as the recipe says.
func (r *run) reflowPairs(ctx context.Context, teacher string) (*pairSet, error) {
	if r.pairs != nil && r.pairs.teacher == teacher {
		return r.pairs, nil
	}
	list, results, err := r.carried(ctx, teacher, r.shelfA.set, r.trainA, false)
	if err != nil {
		return nil, err
	}
	if r.pairs != nil {
		r.pairs.close()
	}
	r.pairs = &pairSet{teacher: teacher, shelf: newShelf(r.Backend, results), list: list}
	return r.pairs, nil
}

// addBackward makes half of a finish's batches pairs (Flow⁻¹(X1), X1) of real target images, learnt from X1 to X0.
func (s *roundState) addBackward(ctx context.Context, teacher string, p *pairSet, seed uint64) error {
	r := s.run
	back, sources, err := r.carried(ctx, teacher, r.target, r.trainB, true)
	if err != nil {
		return err
	}
	for i := range back {
		c := &back[i]
		*c = couple{a: int32(r.source.Len()) + c.b, b: int32(len(p.list)) + c.a, moveB: c.moveA, back: true}
	}
	s.a = newShelf(r.Backend, joined{r.source, sources})
	s.b = newShelf(r.Backend, joined{p.shelf.set, r.target})
	s.own = append(s.own, s.a, s.b)
	if s.kind == project.KindRefine {
		s.real = newShelf(r.Backend, joined{r.target, r.source})
		s.own = append(s.own, s.real)
	}
	s.pairing = &both{s.pairing, &listed{list: back, seed: seed + 1}}
	return nil
}

// carried carries training images of a set, and their mirror images where mirroring is allowed, along the teacher's
// flow, backwards or not: couple i holds the image as a and the i-th result as b. The results are kept in the cache.
func (r *run) carried(ctx context.Context, teacher string, set images, training []int, backward bool) ([]couple, memory, error) {
	round, net, flat, err := model.Load(r.Project, teacher)
	if err != nil {
		return nil, memory{}, err
	}
	purpose, path, phase := "pairs", flow.Forward(r.recipe.PairSteps), "carrying images along the flow of "
	if backward {
		purpose, path, phase = "backpairs", flow.Backward(r.recipe.PairSteps), "carrying targets back along the flow of "
	}
	var list []couple
	if r.noise != nil {
		for i := range r.pairLimit() {
			list = append(list, couple{a: int32(i), b: int32(i)})
		}
	} else {
		for _, i := range random(r.settings.Seed, purpose+" "+teacher, 0).Perm(len(training)) {
			list = append(list, couple{a: int32(training[i]), b: int32(len(list))})
			if r.flip {
				list = append(list, couple{a: int32(training[i]), b: int32(len(list)), moveA: flow.Move{Flip: true}})
			}
			if len(list) >= r.pairLimit() {
				break
			}
		}
	}
	size := r.settings.Size
	name := fmt.Sprintf("%s-%s-%s-%d-%d.safetensors", purpose, teacher, r.dataKey(), round.Report.FinishedAt.Unix(), r.recipe.PairSteps)
	out := cachedVector[uint8](r, name, len(list)*size*size*3)
	if out == nil {
		if net.Size != size {
			return nil, memory{}, fmt.Errorf("round %s was trained at %d px and the project is set to %d px: restore project.json.bak or start a new project", teacher, net.Size, size)
		}
		weights := vector(flat)
		defer weights.MustFinalizeAll()
		if out, err = r.makePairs(ctx, r.sampler.With(model.Share(weights)), path, phase+teacher, name, set, list); err != nil {
			return nil, memory{}, err
		}
	}
	return list, memory{size, out}, nil
}

// makePairs carries the images of a list along a model's flow, keeps them in the cache under a name, and on the way
// there in parts, each named by its first image.
func (r *run) makePairs(ctx context.Context, m *model.Model, path flow.Path, phase, name string, set images, list []couple) ([]byte, error) {
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
		r.phase(ctx, phase, at, len(list))
		var x []float32
		for _, p := range list[at:min(len(list), at+chunk)] {
			if r.noise != nil {
				x = r.noise.append(x, int(p.a))
				continue
			}
			x = model.AppendUnit(x, p.moveA.Apply(set.Image(int(p.a)), size))
		}
		y, err := m.Flow(ctx, x, path)
		if err != nil {
			flush()
			return nil, fmt.Errorf("making the pairs of the next round: %w", err)
		}
		out = append(out, model.Bytes(y)...)
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

// unitPixels are all images of a set as values in [-1,1].
func unitPixels(set flow.Images) []float32 {
	var out []float32
	for i := range set.Len() {
		out = model.AppendUnit(out, set.Image(i))
	}
	return out
}

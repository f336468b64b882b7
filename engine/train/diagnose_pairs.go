package train

import (
	"context"
	"fmt"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// samples are n pairs of images in [-1,1].
type samples struct {
	n      int
	x0, x1 []float32
	names  []string // of held-out sources
}

// heldOutPairs couples held-out images as a round's training couples its own: by the coupling of round 1, or along the
// flow of the round's teacher.
func (d *diagnoser) heldOutPairs(ctx context.Context, round string) (samples, error) {
	n := min(len(d.heldOut), len(d.heldTarget)) / d.pixels()
	s := samples{n: n, x0: d.heldOut[:n*d.pixels()]}
	for i := range n {
		if d.noise != nil {
			s.names = append(s.names, fmt.Sprintf("noise %d", i))
		} else {
			s.names = append(s.names, d.source.Name(d.heldA[i]))
		}
	}
	if teacher := d.teacher(round); teacher != "" {
		err := d.carry(ctx, teacher, &s)
		return s, err
	}
	partners, err := d.coupleHeldOut(ctx, n)
	if err != nil {
		return s, err
	}
	for _, p := range partners {
		s.x1 = model.AppendUnit(s.x1, p.Move.Apply(d.target.Image(d.heldB[p.Target]), d.settings.Size))
	}
	return s, nil
}

// teacher is the round whose flow makes the pairs of a round; empty for round 1.
func (d *diagnoser) teacher(round string) string {
	if _, kind, err := project.ParseRoundName(round); err != nil || kind == project.KindFlow {
		return ""
	}
	return teacherOf(d.settings.Plan(), round)
}

// coupleHeldOut gives each of the first n held-out sources its target.
func (d *diagnoser) coupleHeldOut(ctx context.Context, n int) ([]flow.Pair, error) {
	out := make([]flow.Pair, n)
	registered, err := d.registered(ctx)
	switch {
	case err != nil:
		return nil, err
	case registered:
		c, err := flow.Register(ctx, d.Backend.Compute, part{d.source, d.heldA[:n]}, part{d.target, d.heldB[:n]},
			flow.Registration{Feature: d.coupling.Feature, Flip: d.flip, Shift: 2, Seed: d.settings.Seed})
		if err != nil {
			return nil, fmt.Errorf("coupling held-out images: %w", err)
		}
		for _, p := range c.Pairs {
			out[p.Source] = p
		}
	case d.settings.Coupling == project.CouplingMinibatch:
		cost := make([]float32, n*n)
		for i := range n {
			for j := range n {
				b := d.cut(d.heldTarget, 1, j)
				for k, v := range d.cut(d.heldOut, 1, i) {
					cost[i*n+j] += (v - b[k]) * (v - b[k])
				}
			}
		}
		for i, j := range flow.Assign(cost, n) {
			out[i].Target = j
		}
	default:
		for i, j := range random(d.settings.Seed, "held-out pairs", 0).Perm(n) {
			out[i].Target = j
		}
	}
	return out, nil
}

// registered tells whether round 1 learns from a registered coupling, which it then has at hand.
func (d *diagnoser) registered(ctx context.Context) (bool, error) {
	if d.noise != nil || d.settings.Coupling == project.CouplingIndependent || d.settings.Coupling == project.CouplingMinibatch {
		return false, nil
	}
	var err error
	if d.coupling == nil {
		d.coupling, err = d.couple(ctx)
	}
	return true, err
}

// trainingPairs are up to n of the pairs that a round learnt from, not augmented.
func (d *diagnoser) trainingPairs(ctx context.Context, round string, n int) (samples, error) {
	if d.noise == nil {
		n = min(n, len(d.trainA), len(d.trainB))
	}
	size := d.settings.Size
	var s samples
	add := func(c couple) {
		s.n++
		if d.noise != nil {
			s.x0 = d.noise.append(s.x0, int(c.a))
			return
		}
		s.x0 = model.AppendUnit(s.x0, c.moveA.Apply(d.source.Image(int(c.a)), size))
	}
	if teacher := d.teacher(round); teacher != "" {
		if d.noise != nil {
			for i := range n {
				add(couple{a: int32(i)})
			}
		} else {
			for _, i := range random(d.settings.Seed, "diagnosed pairs", 0).Perm(len(d.trainA))[:n] {
				add(couple{a: int32(d.trainA[i])})
			}
		}
		err := d.carry(ctx, teacher, &s)
		return s, err
	}
	pairs, err := d.firstPairs(ctx, n)
	if err != nil {
		return s, err
	}
	for _, c := range pairs {
		add(c)
		s.x1 = model.AppendUnit(s.x1, c.moveB.Apply(d.target.Image(int(c.b)), size))
	}
	return s, nil
}

// firstPairs are n of the pairs of round 1.
func (d *diagnoser) firstPairs(ctx context.Context, n int) ([]couple, error) {
	registered, err := d.registered(ctx)
	if err != nil {
		return nil, err
	}
	if !registered {
		p, err := d.firstPairing(ctx)
		if err != nil {
			return nil, err
		}
		return p.pairs(0, n), nil
	}
	var out []couple
	for _, i := range random(d.settings.Seed, "diagnosed pairs", 0).Perm(len(d.coupling.Pairs))[:n] {
		p := d.coupling.Pairs[i]
		out = append(out, couple{a: int32(d.trainA[p.Source]), b: int32(d.trainB[p.Target]), moveB: p.Move})
	}
	return out, nil
}

// carry makes the X1 of pairs as the pairs of a reflow are made, rounding to bytes included.
func (d *diagnoser) carry(ctx context.Context, teacher string, s *samples) error {
	_, net, flat, err := model.Load(d.Project, teacher)
	if err != nil {
		return err
	}
	if !net.Equal(d.recipe.Net) {
		return fmt.Errorf("round %s was trained with another network than the settings ask for now: restore project.json.bak", teacher)
	}
	weights := vector(flat)
	defer weights.MustFinalizeAll()
	y, err := d.sampler.With(model.Share(weights)).Flow(ctx, s.x0, flow.Forward(d.recipe.PairSteps))
	if err != nil {
		return fmt.Errorf("carrying images along the flow of %s: %w", teacher, err)
	}
	s.x1 = model.AppendUnit(nil, model.Bytes(y))
	return nil
}

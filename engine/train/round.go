package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/critic"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/unet"
)

// roundState is one round under training.
type roundState struct {
	*run
	name  string
	kind  project.RoundKind
	stage Stage
	after []string // rounds still to come

	net      *learner
	critic   *learner        // refine only
	singular *tensors.Tensor // refine only: state of the critic's power iteration
	patch    critic.Patch

	pairing pairing
	a, b    *shelf
	real    *shelf          // refine only: what the critic compares with
	own     []*shelf        // those of the above that are this round's
	judge   *tensors.Tensor // parameters of the feature loss's classifier
	taught  bool            // whether it has been taught
	trial   bool            // the speed is being measured, which is that of the steps with the feature loss

	step      int
	rateScale float64 // halved by every roll-back
	rollbacks int
	good      *project.Checkpoint // the last state with finite numbers
	seconds   float64             // trained before this run
	images    int64
	loss      float64
}

const maxRollbacks = 6

// logPoints is how many losses of a short round the history keeps, so that its curve can be drawn again; of a long one it
// keeps one in ten seconds.
const logPoints = 50

// previewShare is how many times as long as a preview takes goes by until the next, if that is not too long.
const previewShare = 80

func (r *run) round(ctx context.Context, name, before string, after []string) (err error) {
	_, kind, err := project.ParseRoundName(name)
	if err != nil {
		return err
	}
	s := &roundState{run: r, name: name, kind: kind, stage: r.recipe.Stage(kind), after: after, rateScale: 1}
	defer s.close()
	if byKernels(r.mesh, r.how, r.recipe.Net) {
		defer fewerFree()()
	}
	if err := s.prepare(ctx, before); err != nil {
		return err
	}
	if err := s.resume(); err != nil {
		return err
	}
	saver := r.Project.NewSaver(name)
	defer func() { err = errors.Join(err, saver.Close()) }()
	if r.settings.Minutes > 0 && r.plan == nil {
		if err := s.makePlan(ctx); err != nil {
			return err
		}
		s.stage = r.recipe.Stage(kind)
	}
	if err := s.train(ctx, saver); err != nil {
		return err
	}
	return s.finish(ctx)
}

func (s *roundState) close() {
	for _, l := range []*learner{s.net, s.critic} {
		if l != nil {
			l.close()
		}
	}
	for _, o := range s.own {
		o.close()
	}
	for _, t := range []*tensors.Tensor{s.singular, s.judge} {
		if t != nil {
			t.MustFinalizeAll()
		}
	}
}

// prepare makes the pairs and networks that the round starts from.
func (s *roundState) prepare(ctx context.Context, before string) (err error) {
	r := s.run
	start := r.recipe.Net.Table().Init(r.settings.Seed)
	if before != "" {
		var net unet.Config
		if _, net, start, err = model.Load(r.Project, before); err != nil {
			return err
		}
		if !net.Equal(r.recipe.Net) {
			return fmt.Errorf("round %s was trained with another network than the settings ask for now: restore project.json.bak or start a new project", before)
		}
	}
	s.a, s.b, s.real = r.shelfA, r.shelfB, r.shelfB
	if s.kind == project.KindFlow {
		if s.pairing, err = r.firstPairing(ctx); err != nil {
			return err
		}
	} else {
		seed := r.settings.Seed + uint64(len(s.name))
		teacher := teacherOf(r.settings.Plan(), s.name)
		p, err := r.reflowPairs(ctx, teacher)
		if err != nil {
			return err
		}
		s.b, s.pairing = p.shelf, &listed{list: p.list, seed: seed}
		if s.settings.BothWays && s.settings.FinishSteps(s.kind) > 0 {
			if err := s.addBackward(ctx, teacher, p, seed); err != nil {
				return err
			}
		}
	}
	opt := adam{beta1: .9, beta2: .99, epsilon: 1e-8, clip: 1}
	if s.kind == project.KindRefine {
		opt.beta1 = .5
		s.patch = critic.Patch{Width: r.recipe.CriticWidth, Ways: r.settings.BothWays}
		s.critic, err = newLearner(r.Backend, r.mesh, "critic", adam{beta1: .5, beta2: .99, epsilon: 1e-8}, s.patch.Table().Init(r.settings.Seed+7))
		if err != nil {
			return err
		}
		s.singular = vector(s.patch.Singular(r.settings.Seed + 8))
		if r.refine == nil {
			if r.refine, err = newRefineProgram(r.Backend, r.mesh, r.recipe.Net, s.patch, r.how, r.recipe); err != nil {
				return err
			}
		}
	} else if r.flowProgram == nil {
		if r.flowProgram, err = newFlowProgram(r.Backend, r.mesh, r.recipe.Net, r.how, r.recipe.FeatureWeight > 0); err != nil {
			return err
		}
	}
	s.judge = vector(make([]float32, critic.Classifier{}.Table().Size())) // until takeFeatures; the plain loss does not look at it
	s.net, err = newLearner(r.Backend, r.mesh, "network", opt, start)
	return err
}

// standing is where a round stood when the run found it; err wraps project.ErrNoCheckpoint where it was not begun.
type standing struct {
	round      string
	checkpoint project.Checkpoint
	err        error
}

// lookBack reads a round's newest checkpoint and checks that it goes with the settings.
func (r *run) lookBack(round string) error {
	c, warning, err := r.Project.LoadLatest(round)
	if err != nil && !errors.Is(err, project.ErrNoCheckpoint) {
		return err
	}
	if warning != "" {
		r.out.note(warning)
	}
	r.standing = standing{round, c, err}
	return r.sameSettings(round, c.Meta)
}

// resume goes back to the round's newest checkpoint, if there is one.
func (s *roundState) resume() error {
	if s.standing.round != s.name {
		if err := s.lookBack(s.name); err != nil {
			return err
		}
	}
	c, none := s.standing.checkpoint, s.standing.err != nil
	s.standing = standing{} // several times the model's size
	if none {
		first, err := s.checkpoint()
		if err != nil {
			return err
		}
		s.good = &first
		entries, _ := s.Project.History() // the entries are good, whatever the error says of other lines
		if slices.ContainsFunc(entries, func(e project.Entry) bool { return e.Round == s.name }) {
			return s.Project.Resumed(s.name, 0) // a run that was killed before its first autosave wrote them
		}
		return nil
	}
	if was := c.Meta[dataKey]; was != "" && was != s.dataKey() {
		s.out.note(fmt.Sprintf("the images of the two folders changed since round %s began; it goes on with those that are there now", s.name))
	}
	if err := s.restore(c); err != nil {
		return fmt.Errorf("resuming round %s: %w", s.name, err)
	}
	s.good = &c
	s.out.note(fmt.Sprintf("round %s goes on at step %d of %d", s.name, s.step, s.stage.Steps))
	return s.Project.Resumed(s.name, c.Step)
}

// The entries of a checkpoint's metadata that say what it was trained with.
const (
	settingsKey = "settings"
	dataKey     = "data"
)

// fixed are the settings that a round keeps from its first step to its last, by the names of their flags. The others
// may be changed on the way: a smaller batch or float32 is what some messages advise.
func (r *run) fixed() map[string]string {
	t := r.settings
	return map[string]string{
		"preset": t.Preset.String(), "size": strconv.Itoa(t.Size), "seed": strconv.FormatUint(t.Seed, 10),
		"fit": t.Fit.String(), "background": t.Background.String(), "flip": t.Flip.String(),
		"coupling": t.Coupling.String(), "coupling-feature": t.CouplingFeature.String(),
		"distil-steps": strconv.Itoa(max(1, t.DistilSteps)), "both-ways": strconv.FormatBool(t.BothWays),
	}
}

// sameSettings names the settings that were changed since a checkpoint was saved.
func (r *run) sameSettings(round string, meta map[string]string) error {
	var then map[string]string
	if json.Unmarshal([]byte(meta[settingsKey]), &then) != nil {
		return nil // it does not say
	}
	var changed []string
	for name, now := range r.fixed() {
		if was, ok := then[name]; ok && was != now {
			changed = append(changed, fmt.Sprintf("%s from %s to %s", name, was, now))
		}
	}
	if changed != nil {
		slices.Sort(changed)
		return fmt.Errorf("project.json was changed after training of round %s began (%s): restore project.json.bak, or start a new project with the new settings", round, strings.Join(changed, ", "))
	}
	return nil
}

// checkpoint copies everything that the next step depends on to the host.
func (s *roundState) checkpoint() (project.Checkpoint, error) {
	c := project.Checkpoint{Step: int64(s.step), Meta: map[string]string{
		"updates":    strconv.Itoa(s.net.step),
		"rate_scale": strconv.FormatFloat(s.rateScale, 'g', -1, 64),
		"rollbacks":  strconv.Itoa(s.rollbacks),
		"seconds":    strconv.FormatFloat(s.seconds, 'f', 3, 64),
		"images":     strconv.FormatInt(s.images, 10),
		"loss":       strconv.FormatFloat(s.loss, 'g', -1, 64), // what the watcher is told until the next step
		dataKey:      s.dataKey(),
	}}
	settings, err := json.Marshal(s.fixed())
	if err != nil {
		return c, fmt.Errorf("describing the settings: %w", err)
	}
	c.Meta[settingsKey] = string(settings)
	arch, err := model.Describe(s.recipe.Net) // so that the round can be tried before it is finished
	if err != nil {
		return c, err
	}
	maps.Copy(c.Meta, arch)
	ts, err := s.net.tensors()
	if err != nil {
		return c, err
	}
	c.Tensors = ts
	if s.critic != nil {
		if ts, err = s.critic.tensors(); err != nil {
			return c, err
		}
		u, err := tensors.CopyFlatData[float32](s.singular)
		if err != nil {
			return c, fmt.Errorf("copying the critic's power iteration: %w", err)
		}
		c.Tensors = append(append(c.Tensors, ts...), project.NewTensor("critic.singular", []int{len(u)}, u))
		c.Meta["critic_updates"] = strconv.Itoa(s.critic.step)
	}
	return c, nil
}

func (s *roundState) restore(c project.Checkpoint) error {
	number := func(key string) float64 {
		v, err := strconv.ParseFloat(c.Meta[key], 64)
		if err != nil {
			return 0
		}
		return v
	}
	if err := s.net.restore(c.Tensors, int(number("updates"))); err != nil {
		return err
	}
	if s.critic != nil {
		if err := s.critic.restore(c.Tensors, int(number("critic_updates"))); err != nil {
			return err
		}
		u, err := floats(c.Tensors, "critic.singular", len(s.patch.Singular(0)))
		if err != nil {
			return err
		}
		s.singular.MustFinalizeAll()
		s.singular = vector(u)
	}
	s.step, s.images, s.seconds = int(c.Step), int64(number("images")), number("seconds")
	s.rateScale, s.rollbacks, s.loss = number("rate_scale"), int(number("rollbacks")), number("loss")
	if s.rateScale <= 0 {
		s.rateScale = 1
	}
	return nil
}

// rate is the learning rate and EMA decay of the present step: a linear rise, then for the flow rounds a plateau and
// a cosine, for refine a straight fall (the recipe's schedules).
func (s *roundState) rate(top float64) rate {
	done := float64(s.step) / float64(s.stage.Steps)
	up := math.Min(1, float64(s.step+1)/float64(s.stage.WarmUp))
	var down float64
	if s.kind == project.KindRefine {
		down = math.Max(.05, 1-done)
	} else {
		down = math.Max(.02, .5+.5*math.Cos(math.Pi*math.Max(done, .3)))
	}
	return rate{
		learning: top * up * down * s.rateScale,
		average:  math.Min(s.stage.Average, float64(1+s.step)/float64(10+s.step)),
	}
}

// train makes the steps of the round that are still to be made.
func (s *roundState) train(ctx context.Context, saver *project.Saver) error {
	s.publish()
	if s.step >= s.stage.Steps {
		return nil
	}
	saved, read, logged := time.Now(), time.Now(), time.Now()
	loggedStep := s.step
	fresh := true // the next step may have to compile
	if s.previewsDue.IsZero() {
		s.previewsDue = saved.Add(s.Previews)
	}
	for s.step < s.stage.Steps {
		if err := s.pause(ctx, saver); err != nil {
			return s.stop(saver, err)
		}
		if s.hasFeatures() {
			if err := s.takeFeatures(ctx); err != nil {
				return s.stop(saver, err)
			}
		}
		if fresh {
			s.out.phase("compiling", 0, 0)
		}
		began, micro, images := time.Now(), s.micro, s.batch()
		if err := s.attempt(s.update); err != nil {
			return s.stop(saver, fmt.Errorf("round %s, step %d: %w", s.name, s.step, err))
		}
		s.step++
		s.images += int64(images)
		last := s.step == s.stage.Steps
		if last || s.hooks.careful || s.net.step <= 1 || time.Since(read) >= 250*time.Millisecond {
			read = time.Now()
			at := s.step
			if err := s.look(); err != nil {
				return s.stop(saver, err)
			}
			since := time.Since(logged)
			due := since >= 10*time.Second || since >= time.Second && (s.step-loggedStep)*logPoints >= s.stage.Steps
			if s.step == at && (last || due) {
				logged, loggedStep = time.Now(), s.step
				s.log()
			}
		}
		took := time.Since(began)
		s.seconds += took.Seconds()
		if !fresh && micro == s.micro {
			s.rates.add(images, took)
		}
		fresh = false
		s.publish()
		if time.Since(saved) >= s.Autosave {
			saved = time.Now()
			s.autosave(saver)
		}
		if s.Previews > 0 && !last && time.Now().After(s.previewsDue) {
			began := time.Now()
			if err := s.preview(ctx); err != nil && ctx.Err() == nil {
				s.out.note("a preview failed, training goes on: " + err.Error())
			}
			s.previewsDue = time.Now().Add(max(s.Previews, min(previewShare*time.Since(began), 8*s.Previews)))
		}
	}
	if err := saver.Save(s.checkpoint); err != nil {
		return fmt.Errorf("saving round %s at its last step: %w", s.name, err)
	}
	return nil
}

// autosave starts a save in the background.
func (s *roundState) autosave(saver *project.Saver) {
	if _, err := saver.TrySave(s.snapshot); err != nil {
		s.out.note("the autosave failed, training goes on: " + err.Error())
	}
}

// stop saves where the round stands before the run ends with err. Where that fails it does not call the end an
// interruption: an interrupted run is one of which everything is saved.
func (s *roundState) stop(saver *project.Saver, err error) error {
	failed := saver.Save(s.checkpoint)
	if failed == nil {
		return err
	}
	failed = fmt.Errorf("what round %s learnt since the last autosave could not be saved: %w", s.name, failed)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return failed
	}
	return errors.Join(err, failed)
}

// attempt computes with as much of the batch at a time as the device has memory for.
func (s *roundState) attempt(compute func() error) error {
	for {
		err := compute()
		if !backend.IsOutOfMemory(err) {
			return err
		}
		if err := s.shrink(err); err != nil {
			return err
		}
	}
}

// shrink halves the part of the batch that is computed at a time, after the device had too little memory for it.
func (s *roundState) shrink(cause error) error {
	if s.micro <= s.mesh.count() {
		return fmt.Errorf("the device has not enough memory for even one image of %d×%d: choose a smaller --size, another preset, or --backend cpu: %w", s.settings.Size, s.settings.Size, cause)
	}
	was := s.micro
	s.micro = s.mesh.half(s.micro)
	s.out.note(fmt.Sprintf("the device has not enough memory for %d images at a time: going on with %d, gradients added up, so that the batch stays %d (a smaller --batch or --size needs less)", was, s.micro, s.recipe.Batch))
	return nil
}

// snapshot is a checkpoint that a roll-back may return to as well.
func (s *roundState) snapshot() (project.Checkpoint, error) {
	c, err := s.checkpoint()
	if err == nil {
		s.good = &c
	}
	return c, err
}

// pause waits while the run is paused, its progress saved, and reports the end of the context.
func (s *roundState) pause(ctx context.Context, saver *project.Saver) error {
	if s.Control.waiting() != nil && ctx.Err() == nil {
		s.publish()
		s.autosave(saver)
		s.rest(ctx)
		s.publish()
	}
	return ctx.Err()
}

// plainSteps is the largest number of first steps of round 1 that are made with the velocity loss alone, while the learning
// rate still rises: the first of them need not wait for the classifier of the feature loss to be taught.
const plainSteps = 25

// wantsFeatures tells whether the feature loss is a part of this round.
func (s *roundState) wantsFeatures() bool {
	return s.kind == project.KindFlow && s.recipe.FeatureWeight > 0
}

// hasFeatures tells whether it counts in the present step.
func (s *roundState) hasFeatures() bool {
	return s.wantsFeatures() && (s.trial || !s.first())
}

// takeFeatures gives the round the classifier of the feature loss, where it wants one and has none.
func (s *roundState) takeFeatures(ctx context.Context) error {
	if s.taught || !s.wantsFeatures() {
		return nil
	}
	if err := s.learnFeatures(ctx); err != nil {
		return err
	}
	s.judge.MustFinalizeAll()
	s.judge, s.taught = vector(append([]float32(nil), s.lossJudge...)), true
	return nil
}

// update makes one step. After an error everything is as it was before.
func (s *roundState) update() error {
	if s.kind == project.KindRefine {
		return s.updateBoth(s.draw())
	}
	next, err := s.propose()
	if err == nil {
		s.net.accept(next)
	}
	return err
}

// batch is the number of images of the present step. Where a graph computes, every number of them is a program to be
// compiled, and there is but one.
func (s *roundState) batch() int {
	if s.kind == project.KindFlow && !s.trial && s.first() && byKernels(s.mesh, s.how, s.recipe.Net) {
		return s.recipe.FirstBatch
	}
	return s.recipe.Batch
}

// first tells whether the present step is one of the first of the round, in which the rate is still small.
func (s *roundState) first() bool { return s.step < min(plainSteps, s.stage.Steps/16) }

// draw is everything random in the present step.
func (s *roundState) draw() draw {
	n := s.batch()
	rng := random(s.settings.Seed, s.name, s.step)
	how, shift, flip := uniform, s.recipe.Shift, s.flip
	switch s.kind {
	case project.KindFlow:
		if s.settings.FromNoise() {
			how = middle
		}
	case project.KindReflow:
		how, flip = ends, false // the pairs hold both an image and its mirror image
	case project.KindDistil, project.KindRefine:
		how, flip = start, false
	}
	return newDraw(rng, s.pairing.pairs(s.step, n), how, max(1, s.settings.FinishSteps(s.kind)), shift, flip)
}

// spoil lets a test spoil the gradient of so many images; share is their share of the batch.
func (s *roundState) spoil(images int, share float64) (float64, error) {
	if s.hooks.spoil == nil {
		return share, nil
	}
	poison, err := s.hooks.spoil(s.name, s.step, images)
	if poison {
		share = math.NaN()
	}
	return share, err
}

// propose computes the network after the present step of a flow, reflow or distil round.
func (s *roundState) propose() (proposal, error) {
	d := s.draw()
	n := len(d.t)
	knobs := flowKnobs{}
	if s.kind == project.KindFlow {
		knobs.noise = s.recipe.BridgeNoise
	}
	if s.hasFeatures() {
		knobs.feature = s.recipe.FeatureWeight * s.featureScale
	}
	var sum sums
	defer sum.free()
	for lo := 0; lo < n; lo += s.micro {
		hi := min(n, lo+s.micro)
		var err error
		if knobs.share, err = s.spoil(hi-lo, float64(hi-lo)/float64(n)); err != nil {
			return nil, err
		}
		grad, stats, err := s.flowProgram.call(s.net.w, sum.or(s.net.zero), s.a, s.b, d.slice(lo, hi), s.judge, knobs)
		if err != nil {
			return nil, err
		}
		sum.take(grad)
		sum.stats(stats)
	}
	stats, err := sum.total()
	if err != nil {
		return nil, err
	}
	return s.net.propose(sum.value, stats, s.rate(s.stage.Rate))
}

// updateBoth makes one step of the refine finish.
func (s *roundState) updateBoth(d draw) error {
	n := s.recipe.Batch
	rng := random(s.settings.Seed, s.name+" real", s.step)
	index := make([]int32, n)
	var moves [2][][]int32
	for i := range n {
		index[i] = int32(s.trainB[rng.IntN(len(s.trainB))])
		if d.t[i] > 0 { // a pair learnt backwards: the real images are sources
			index[i] = int32(s.target.Len() + s.trainA[rng.IntN(len(s.trainA))])
		}
		moves[0] = append(moves[0], make([]int32, 3))
		moves[1] = append(moves[1], augmentation(rng, s.recipe.Shift, s.flip))
	}
	var sum, criticSum sums
	defer sum.free()
	defer criticSum.free()
	var singular *tensors.Tensor // the next state of the power iteration; it is the same for every part of the batch
	defer func() {
		if singular != nil {
			singular.MustFinalizeAll()
		}
	}()
	for lo := 0; lo < n; lo += s.micro {
		hi := min(n, lo+s.micro)
		share, err := s.spoil(hi-lo, float64(hi-lo)/float64(n))
		if err != nil {
			return err
		}
		out, err := s.refine.call(s.net.w, sum.or(s.net.zero), s.critic.w, criticSum.or(s.critic.zero), s.singular, s.a, s.b, s.real,
			d.slice(lo, hi), index[lo:hi], [2][][]int32{moves[0][lo:hi], moves[1][lo:hi]}, share)
		if err != nil {
			return err
		}
		if singular != nil {
			singular.MustFinalizeAll()
		}
		singular = out.singular
		sum.take(out.grad)
		criticSum.take(out.criticGrad)
		sum.stats(out.stats)
	}
	stats, err := sum.total()
	if err != nil {
		return err
	}
	network, err := s.net.propose(sum.value, stats, s.rate(s.stage.Rate))
	if err != nil {
		return err
	}
	judge, err := s.critic.propose(criticSum.value, stats, s.rate(s.recipe.CriticRate))
	if err != nil {
		network.drop()
		return err
	}
	s.net.accept(network)
	s.critic.accept(judge)
	s.singular, singular = singular, s.singular
	return nil
}

// sums adds up the gradient and the losses of the parts of a batch.
type sums struct {
	value  *tensors.Tensor
	losses []*tensors.Tensor
	merged *tensors.Tensor
}

func (s *sums) or(zero *tensors.Tensor) *tensors.Tensor {
	if s.value == nil {
		return zero
	}
	return s.value
}

func (s *sums) take(next *tensors.Tensor) {
	if s.value != nil {
		s.value.MustFinalizeAll()
	}
	s.value = next
}

func (s *sums) stats(t *tensors.Tensor) { s.losses = append(s.losses, t) }

// total is the sum of the losses: the one tensor of an undivided batch as it is, without waiting for the device.
func (s *sums) total() (*tensors.Tensor, error) {
	if len(s.losses) == 1 {
		return s.losses[0], nil
	}
	var all []float32
	for _, t := range s.losses {
		v, err := tensors.CopyFlatData[float32](t)
		if err != nil {
			return nil, fmt.Errorf("reading the losses of a divided batch: %w", err)
		}
		if all == nil {
			all = make([]float32, len(v))
		}
		for i := range v {
			all[i] += v[i]
		}
	}
	s.merged = vector(all)
	return s.merged, nil
}

func (s *sums) free() {
	for _, t := range append(s.losses, s.value, s.merged) {
		if t != nil {
			t.MustFinalizeAll()
		}
	}
}

// look reads the losses since the last look and rolls back where the numbers are no longer finite, or where the
// device turns out to have had too little memory for a step.
func (s *roundState) look() error {
	t, bad, err := s.tally()
	if backend.IsOutOfMemory(err) {
		if err := s.shrink(err); err != nil {
			return err
		}
		return s.goBack("the device had not enough memory")
	}
	if err != nil {
		return err
	}
	loss := s.loss
	if t.good > 0 {
		loss = t.loss / t.good
	}
	if bad == 0 && !math.IsNaN(loss) && !math.IsInf(loss, 0) {
		s.loss = loss
		return nil
	}
	at, rollbacks, scale := s.step, s.rollbacks+1, s.rateScale/2
	if rollbacks > maxRollbacks {
		if err := s.restore(*s.good); err != nil {
			return err
		}
		s.rollbacks = 0 // whoever resumes has changed something
		return fmt.Errorf("round %s: numbers are not finite at step %d, and lowering the rate %d times did not help: look for damaged images in the two folders, or train with --loss pixel or --precision f32; the last good state, step %d, is saved", s.name, at, maxRollbacks, s.step)
	}
	err = s.goBack(fmt.Sprintf("numbers were not finite, and the learning rate is now that of the recipe times %g", scale))
	s.rollbacks, s.rateScale = rollbacks, scale
	return err
}

// tally reads what happened since it was read last: the network's losses, and the updates of either network whose
// gradient was not finite.
func (s *roundState) tally() (t tally, bad float64, err error) {
	if s.hooks.read != nil {
		if err := s.hooks.read(s.name, s.step); err != nil {
			return t, 0, err
		}
	}
	if t, err = s.net.readTally(); err != nil || s.critic == nil {
		return t, t.bad, err
	}
	c, err := s.critic.readTally()
	return t, t.bad + c.bad, err
}

// goBack returns to the last good state and says why, to the watcher and in the history.
func (s *roundState) goBack(why string) error {
	at := s.step
	if err := s.restore(*s.good); err != nil {
		return fmt.Errorf("going back to the last good state of round %s: %w", s.name, err)
	}
	note := fmt.Sprintf("round %s went from step %d back to step %d: %s", s.name, at, s.step, why)
	s.out.note(note)
	s.history(s.Project.Resumed(s.name, int64(s.step)))
	s.history(s.Project.Append(project.Entry{Kind: "note", Round: s.name, Step: int64(s.step), Note: note}))
	return nil
}

// history says that a line of the history could not be written, which is no reason to end training.
func (s *roundState) history(err error) {
	if err != nil {
		s.out.note("training goes on, but: " + err.Error())
	}
}

func (s *roundState) log() {
	s.history(s.Project.Append(project.Entry{Kind: "step", Round: s.name, Step: int64(s.step), Values: project.Measurements{
		"loss": s.loss, "images_per_second": s.rates.rate(), "rate": s.rate(s.stage.Rate).learning,
	}}))
}

// roundEntry is the kind of the history's entry for a finished round.
const roundEntry = "round"

func entryOf(r project.RoundReport) project.Entry {
	values := project.Measurements{"seconds": r.Seconds, "images": float64(r.Images)}
	maps.Copy(values, r.Measurements)
	return project.Entry{Kind: roundEntry, Round: r.Round, Step: r.Steps, Values: values}
}

func (s *roundState) event() Event {
	return Event{Round: s.name, Step: s.step, Steps: s.stage.Steps, Loss: s.loss, ImagesPerSecond: s.rates.rate(), ETA: s.eta()}
}

func (s *roundState) publish() { s.out.step(s.event()) }

// eta is the time that the steps still to be made would take at the recent rate.
func (s *roundState) eta() time.Duration {
	rate := s.rates.rate()
	if rate <= 0 {
		return 0
	}
	left := s.stage.Steps - s.step
	for _, name := range s.after {
		if _, kind, err := project.ParseRoundName(name); err == nil {
			left += s.recipe.Stage(kind).Steps
		}
	}
	return time.Duration(float64(left*s.recipe.Batch) / rate * float64(time.Second))
}

// finish measures the round and makes it a finished one.
func (s *roundState) finish(ctx context.Context) error {
	ema, err := s.net.hostEMA()
	if err != nil {
		return err
	}
	s.flowProgram.release()
	s.refine.release()
	m := s.sampler.With(model.Share(s.net.ema))
	report, sheet, err := s.measure(ctx, s.name, s.kind, m, Look{})
	if err != nil {
		return err
	}
	s.previewOf(sheet)
	report.Round, report.Steps, report.Images, report.Seconds = s.name, int64(s.step), s.images, s.seconds
	parts, meta, err := model.Pack(s.recipe.Net, ema)
	if err != nil {
		return err
	}
	path := ""
	if dir, err := s.Project.RoundDir(s.name); err == nil && sheet != nil {
		if path, err = writeSheet(dir, sheet); err != nil {
			s.out.note("the contact sheet was not written: " + err.Error())
		}
	}
	if err := s.keepRaw(); err != nil {
		s.out.note("the weights as trained were not kept for the diagnosis: " + err.Error())
	}
	if err := s.Project.FinishRound(s.name, parts, meta, report); err != nil {
		return err
	}
	if err := s.Project.Append(entryOf(report)); err != nil {
		return err
	}
	s.out.tell(Event{Kind: RoundEvent, Round: s.name, Report: &report, Sheet: path})
	if doubt := Doubt(report.Measurements); doubt != "" {
		s.out.note(doubt)
	}
	return s.Project.RemoveCheckpoints(s.name)
}

// rateMeter is the recent rate of training: an average over about the last ten seconds of training time.
type rateMeter struct{ images, seconds float64 }

func (m *rateMeter) add(images int, took time.Duration) {
	const memory = 10
	keep := math.Exp(-took.Seconds() / memory)
	m.images, m.seconds = m.images*keep+float64(images), m.seconds*keep+took.Seconds()
}

func (m *rateMeter) rate() float64 {
	if m.seconds == 0 {
		return 0
	}
	return m.images / m.seconds
}

package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// MinimumImages is the least number of usable images a domain needs: eight are held out, and eight to learn from are
// the least that a batch and a measurement make sense with.
const MinimumImages = 16

// kernelMemory is what the kernels of the processor take for a part of a batch, in bytes, where one image does not need more.
const kernelMemory = 1 << 30

// DefaultAutosave is the time between autosaves: what a kill can cost.
const DefaultAutosave = 30 * time.Second

// Options say what to train and who watches.
type Options struct {
	Project  *project.Project
	Backend  *backend.Backend
	Devices  int           // devices of the backend that share each batch; less than 2 means 1
	Autosave time.Duration // 0 means DefaultAutosave
	Previews time.Duration // least time between previews, up to eight times as long where they are slow; 0 means one at the end of each round only
	Watch    func(Event)   // called by one goroutine at a time
	Control  *Control      // may be nil

	steps map[project.RoundKind]int // updates of the rounds of an experiment, in place of the recipe's
	hooks hooks                     // of this package's tests
}

// Result is what a finished run leaves.
type Result struct {
	Rounds  []string // names, in order
	Seconds float64  // of this run
}

// ErrInterrupted is returned when the context ended; everything up to the last step is saved.
var ErrInterrupted = errors.New("training was interrupted and its progress is saved")

// Run trains what the project's settings ask for, from wherever the project stands.
func Run(ctx context.Context, o Options) (Result, error) {
	r := newRun(o)
	defer r.out.close()
	defer r.close()
	err := r.all(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = ErrInterrupted
	}
	return Result{Rounds: r.finished, Seconds: time.Since(r.began).Seconds()}, err
}

func newRun(o Options) *run {
	if o.Autosave <= 0 {
		o.Autosave = DefaultAutosave
	}
	return &run{Options: o, settings: o.Project.Settings(), began: time.Now(), out: newPublisher(o.Watch)}
}

// run is the state of one call of Run.
type run struct {
	Options
	settings project.Settings
	recipe   Recipe
	mesh     *mesh // nil where one device computes
	how      layer.Lowering
	out      *publisher
	began    time.Time
	cache    string
	finished []string

	source, target *datasets.Set // source is nil where it is noise
	noise          *noise
	trainA, heldA  []int
	trainB, heldB  []int
	shelfA, shelfB *shelf
	flip           bool
	lossJudge      []float32            // the classifier whose layers are the feature loss; nil before learnFeatures
	featureScale   float64              // what brings that loss to the recipe's strength
	eye            *judge               // the classifier of the measurements
	yardsticks     project.Measurements // what the distances of any round are read by, once measured
	sampler        *model.Sampler
	flowProgram    *flowProgram
	refine         *refineProgram
	pairs          *pairSet
	plan           *Plan    // where the settings give minutes
	standing       standing // of the round that this run begins with
	micro          int      // images computed at a time; less than the batch after an out-of-memory
	rates          rateMeter
	previewsDue    time.Time
	heldOut        []float32 // source images that previews and measurements start from
	heldTarget     []float32
}

func (r *run) close() {
	for _, s := range []*shelf{r.shelfA, r.shelfB} {
		if s != nil {
			s.close()
		}
	}
	if r.eye != nil {
		r.eye.close()
	}
	if r.sampler != nil {
		r.sampler.Close()
	}
	if r.flowProgram != nil {
		r.flowProgram.close()
	}
	if r.refine != nil {
		r.refine.close()
	}
	if r.pairs != nil {
		r.pairs.close()
	}
	r.mesh.close()
	if r.source != nil {
		_ = r.source.Close() // a mapping of a cache file that is read only
	}
	if r.target != nil {
		_ = r.target.Close()
	}
}

func (r *run) all(ctx context.Context) error {
	if err := r.prepareRecipe(); err != nil {
		return err
	}
	rounds, err := r.Project.Rounds()
	if err != nil {
		return err // a report that cannot be read; taken for none, its round would be overwritten
	}
	if err := r.loadPlan(rounds); err != nil {
		return err
	}
	var left []string
	names := r.settings.Plan()
	for _, name := range names {
		at := slices.IndexFunc(rounds, func(d project.Round) bool { return d.Name == name && d.Finished })
		if at < 0 {
			left = append(left, name)
			continue
		}
		if err := r.tidy(rounds[at]); err != nil {
			return err
		}
		r.finished = append(r.finished, name)
	}
	if left == nil {
		return nil
	}
	if err := r.lookBack(left[0]); err != nil {
		return err
	}
	if r.mesh, err = newMesh(r.Backend, r.Devices, r.recipe.Batch); err != nil {
		return err
	}
	if n := r.mesh.count(); n > 1 {
		r.out.note(fmt.Sprintf("training on %d devices, %d images of each batch on each", n, r.recipe.Batch/n))
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	r.micro = r.atOnce()
	for i, name := range left {
		before := ""
		if at := slices.Index(names, name); at > 0 {
			before = names[at-1]
		}
		if err := r.round(ctx, name, before, left[i+1:]); err != nil {
			return err
		}
		r.finished = append(r.finished, name)
	}
	return nil
}

func (r *run) prepareRecipe() (err error) {
	r.recipe, err = NewRecipe(r.settings)
	if r.hooks.recipe != nil {
		r.hooks.recipe(&r.recipe)
	}
	for kind, steps := range r.steps {
		r.recipe.stage(kind).Steps = steps
	}
	return err
}

// tidy does for a finished round what a kill right after its report was written left undone.
func (r *run) tidy(done project.Round) error {
	entries, _ := r.Project.History() // the entries are good, whatever the error says of other lines
	if !slices.ContainsFunc(entries, func(e project.Entry) bool { return e.Kind == roundEntry && e.Round == done.Name }) {
		if err := r.Project.Append(entryOf(done.Report)); err != nil {
			return err
		}
	}
	return r.Project.RemoveCheckpoints(done.Name)
}

// open makes ready what both training and looking need: the images, and what carries them along a flow.
func (r *run) open(ctx context.Context) (err error) {
	r.how = model.Lowering(r.Backend, r.settings.Precision)
	r.how.Kernels = r.how.Kernels && !r.hooks.graph
	if r.cache, err = r.Project.CacheDir(); err != nil {
		return err
	}
	if err := r.openSets(ctx); err != nil {
		return err
	}
	r.sampler, err = model.NewSampler(r.Backend, r.recipe.Net, r.how, r.lookBatch())
	return err
}

// atOnce is how many images of a batch are computed together: all of them, but by the kernels of the processor no more than
// kernelMemory holds. Larger parts are no faster there, and the first of them waits for the system to clear its memory.
func (r *run) atOnce() int {
	n := r.recipe.Batch
	if byKernels(r.mesh, r.how, r.recipe.Net) {
		for n > 1 && direct.Memory(r.recipe.Net, true, n) > kernelMemory {
			n = (n + 1) / 2
		}
	}
	return n
}

// phase says what is being done, and waits there while the run is paused.
func (r *run) phase(ctx context.Context, name string, done, total int) {
	r.out.phase(name, done, total)
	r.rest(ctx)
}

// rest waits while the run is paused, or until the context ends.
func (r *run) rest(ctx context.Context) {
	for wait := r.Control.waiting(); wait != nil && ctx.Err() == nil; wait = r.Control.waiting() {
		r.out.rest(true)
		select {
		case <-wait:
		case <-ctx.Done():
		}
		r.out.rest(false)
	}
}

func (r *run) openSets(ctx context.Context) error {
	open := func(what, dir string) (*datasets.Set, error) {
		fit, err := datasets.ParseFit(r.settings.Fit.String())
		if err != nil {
			return nil, err
		}
		set, err := datasets.Open(ctx, dir, r.cache, datasets.Options{
			Size: r.settings.Size, Fit: fit, Background: r.settings.Background.NRGBA(),
			Progress: func(done, total int, _ string) { r.phase(ctx, "reading the "+what+" images", done, total) },
		})
		if err != nil {
			return nil, fmt.Errorf("reading the %s folder: %w", what, err)
		}
		if err := set.Check(MinimumImages); err != nil {
			_ = set.Close()
			return nil, fmt.Errorf("the %s folder cannot be trained on: %w", what, err)
		}
		if n := len(set.Skipped()); n > 0 {
			first := set.Skipped()[0]
			r.out.note(fmt.Sprintf("%s: %d images, %d files skipped (the first: %s: %s)", what, set.Len(), n, first.Path, first.Reason))
		} else {
			r.out.note(fmt.Sprintf("%s: %d images", what, set.Len()))
		}
		return set, nil
	}
	var err error
	if r.settings.FromNoise() {
		r.noise = &noise{r.settings.Size, "training", r.settings.Seed}
	} else if r.source, err = open("source", r.settings.Source); err != nil {
		return err
	}
	if r.target, err = open("target", r.settings.Target); err != nil {
		return err
	}
	r.trainB, r.heldB = r.target.Split(r.settings.Seed)
	r.shelfB = newShelf(r.Backend, r.target)
	most := r.hooks.limit(MeasuredImages)
	if r.noise != nil {
		r.shelfA = newShelf(r.Backend, *r.noise)
		held := noise{r.settings.Size, "held out", r.settings.Seed}
		for i := range most {
			r.heldOut = held.append(r.heldOut, i)
		}
	} else {
		r.trainA, r.heldA = r.source.Split(r.settings.Seed)
		r.shelfA = newShelf(r.Backend, r.source)
		r.heldOut = unitPixels(part{r.source, r.heldA[:min(len(r.heldA), most)]})
	}
	r.heldTarget = unitPixels(part{r.target, r.heldB[:min(len(r.heldB), most)]})
	if err := r.chooseBorder(); err != nil {
		return err
	}
	switch r.settings.Flip {
	case project.FlipOn:
		r.flip = true
	case project.FlipOff:
	default:
		a, b := 0., flow.Handedness(part{r.target, r.trainB})
		if r.noise == nil {
			a = flow.Handedness(part{r.source, r.trainA})
		}
		r.flip = max(a, b) < flow.HandedLimit
		if !r.flip {
			r.out.note(fmt.Sprintf("mirroring is off: an image can be told from its mirror image (source %.2f, target %.2f; limit %.1f)", a, b, flow.HandedLimit))
		}
	}
	return nil
}

// chooseBorder settles what the network sees beyond the border of images: what the rounds before saw, or what suits the images.
// Where a domain ends in one colour, such as drawings on white, zeros tell the network where it has to; elsewhere they would
// have it draw a frame.
func (r *run) chooseBorder() error {
	if r.settings.Border != project.BorderAuto || r.noise != nil {
		return nil
	}
	rounds, err := r.Project.Rounds()
	if err != nil {
		return err
	}
	for _, done := range rounds {
		if done.Finished {
			_, net, _, err := model.Load(r.Project, done.Name)
			r.recipe.Net.Repeat = net.Repeat
			return err
		}
	}
	a, b := flow.BorderSpread(part{r.source, r.trainA}), flow.BorderSpread(part{r.target, r.trainB})
	r.recipe.Net.Repeat = min(a, b) >= flow.PlainBorder
	if r.recipe.Net.Repeat {
		r.out.note(fmt.Sprintf("beyond the border the network sees its pixels repeated: they differ from picture to picture (source %.0f, target %.0f; limit %d)", a, b, flow.PlainBorder))
	}
	return nil
}

// dataKey names what the two training sets are, for things derived from them.
func (r *run) dataKey() string {
	source := project.NoiseSource
	if r.source != nil {
		source = r.source.Hash()
	}
	return fmt.Sprintf("%.12s-%.12s-%d-%d-%t", source, r.target.Hash(), r.settings.Size, r.settings.Seed, r.flip)
}

// learnFeatures makes ready the classifier whose layers are the feature loss, and that loss's scale.
func (r *run) learnFeatures(ctx context.Context) (err error) {
	if r.lossJudge != nil {
		return nil
	}
	weights, err := r.classifier(ctx, "loss", lossSight, 1)
	if err != nil {
		return err
	}
	if r.featureScale, err = r.scaleOfFeatures(weights); err == nil {
		r.lossJudge = weights
	}
	return err
}

// lookBatch is the number of images that are looked at together.
func (r *run) lookBatch() int { return r.hooks.limit(model.Batch(r.settings.Size)) }

// judge is the classifier of the measurements. It is taught before the first of them, so that training need not wait for
// it.
func (r *run) judge(ctx context.Context) (*judge, error) {
	if r.eye != nil {
		return r.eye, nil
	}
	weights, err := r.classifier(ctx, "measure", measureSight, 2)
	if err != nil {
		return nil, err
	}
	r.eye, err = newJudge(r.Backend, r.how.InFloat32(), measureSight, weights, r.settings.Size, r.lookBatch())
	return r.eye, err
}

// classifier is the one of a purpose, from the cache where it is there. Of an earlier version, whose classifier of the
// measurements was smaller, it is taught anew.
func (r *run) classifier(ctx context.Context, purpose string, eyes sight, salt uint64) ([]float32, error) {
	name := fmt.Sprintf("classifier-%s-%s-%d.safetensors", purpose, r.dataKey(), r.recipe.ClassifySteps)
	phase := "teaching the classifier of the " + purpose
	r.phase(ctx, phase, 0, 0)
	if w := cachedVector[float32](r, name, eyes.net.Table().Size()); w != nil {
		return w, nil
	}
	w, err := r.trainClassifier(ctx, r.how.InFloat32(), eyes, r.settings.Seed*2+salt, name+".part",
		func(done, total int) { r.phase(ctx, phase, done, total) })
	if err == nil {
		keepVector(r, name, w)
	}
	return w, err
}

// couple finds the registered coupling of round 1, or reads it from the cache.
func (r *run) couple(ctx context.Context) (*flow.Coupling, error) {
	shift := 2 // at flow.CoupleSize: the recipe's
	if len(r.trainA)+len(r.trainB) > 4*flow.DefaultPool {
		shift = 0 // many pools: without shifts a pool costs a twenty-fifth
	}
	phase := func(done, total int) { r.phase(ctx, "coupling source and target images", done, total) }
	name := func(f flow.Feature) string { return fmt.Sprintf("coupling-%s-%s.json", r.dataKey(), f) }
	features := flow.Features
	if r.settings.CouplingFeature != project.FeatureAuto {
		f, err := flow.ParseFeature(r.settings.CouplingFeature.String())
		if err != nil {
			return nil, err
		}
		features = []flow.Feature{f}
	}
	var c *flow.Coupling
	text := ""
	for _, f := range features {
		if kept := r.cachedCoupling(name(f)); kept != nil && (c == nil || kept.Distinct > c.Distinct) {
			c = kept
		}
	}
	if c == nil {
		feature := features[0]
		var err error
		if len(features) > 1 {
			if feature, text, err = r.mostDistinct(ctx, features, shift, phase); err != nil {
				return nil, err
			}
		}
		c, err = flow.Register(ctx, r.Backend.Compute, part{r.source, r.trainA}, part{r.target, r.trainB}, flow.Registration{
			Feature: feature, Flip: r.flip, Shift: shift, Seed: r.settings.Seed, Kernels: r.how.Kernels, Progress: phase,
		})
		if err != nil {
			return nil, fmt.Errorf("coupling by %s: %w", feature, err)
		}
		r.keepCoupling(name(feature), c)
	}
	if text == "" {
		text = fmt.Sprintf(" %s %.2f", c.Feature, c.Distinct)
	}
	r.out.note(fmt.Sprintf("coupling: source and target images are paired by %s (distinctness:%s)", c.Feature, text))
	return c, nil
}

// coupleSample is the number of images a side that the features are compared on.
const coupleSample = 256

// mostDistinct is the feature that couples a sample of the images most distinctly; text says how distinct each is.
func (r *run) mostDistinct(ctx context.Context, features []flow.Feature, shift int, phase func(done, total int)) (best flow.Feature, text string, err error) {
	sample := func(set images, training []int, salt uint64) part {
		some := random(r.settings.Seed+salt, "sample", 0).Perm(len(training))
		index := make([]int, min(coupleSample, len(training)))
		for i := range index {
			index[i] = training[some[i]]
		}
		return part{set, index}
	}
	a, b := sample(r.source, r.trainA, 0), sample(r.target, r.trainB, 1)
	c, all, err := flow.Best(ctx, r.Backend.Compute, a, b, features, flow.Registration{Flip: r.flip, Shift: shift, Seed: r.settings.Seed, Kernels: r.how.Kernels, Progress: phase})
	if err != nil {
		return best, "", fmt.Errorf("coupling a sample: %w", err)
	}
	for _, o := range all {
		text += fmt.Sprintf(" %s %.2f", o.Feature, o.Distinct)
	}
	return c.Feature, text, nil
}

// fits tells whether a coupling from the cache belongs to these sets.
func (r *run) fits(c *flow.Coupling) bool {
	for _, p := range c.Pairs {
		if p.Source < 0 || p.Source >= len(r.trainA) || p.Target < 0 || p.Target >= len(r.trainB) {
			return false
		}
	}
	return len(c.Pairs) == max(len(r.trainA), len(r.trainB))
}

// firstPairing is the coupling of round 1.
func (r *run) firstPairing(ctx context.Context) (pairing, error) {
	plain := func(seed uint64) pairing { return &independent{r.trainA, r.trainB, seed} }
	if r.noise != nil {
		plain = func(seed uint64) pairing { return &fromNoise{r.trainB, seed} }
	}
	switch {
	case r.settings.Coupling == project.CouplingMinibatch:
		feature := func(side, i int) []float32 {
			if side == 0 {
				return r.noise.append(nil, i)
			}
			return model.AppendUnit(nil, r.target.Image(i))
		}
		if r.noise == nil {
			feature = flow.NewPixelFeatures(r.source, r.target).Of
		}
		return &minibatch{plain: plain(r.settings.Seed + 1), feature: feature, pool: 128}, nil
	case r.settings.Coupling == project.CouplingIndependent, r.noise != nil:
		return plain(r.settings.Seed), nil
	}
	c, err := r.couple(ctx)
	if err != nil {
		return nil, err
	}
	l := &listed{seed: r.settings.Seed}
	for _, p := range c.Pairs {
		l.list = append(l.list, couple{a: int32(r.trainA[p.Source]), b: int32(r.trainB[p.Target]), moveB: p.Move})
	}
	return l, nil
}

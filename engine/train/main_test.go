package train

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// The tests train a network of a few thousand parameters on 36 generated pictures, a handful of steps a round, on the
// pure Go backend, which computes the same bits every time.

var goBackend = sync.OnceValues(func() (*backend.Backend, error) {
	b, _, err := backend.Open("go")
	return b, err
})

// small makes a recipe as small as it can be and still have all its parts.
func small(steps int) func(*Recipe) {
	return func(r *Recipe) {
		r.Net.Base, r.Net.Mult = 8, []int{1}
		r.ClassifySteps, r.CriticWidth = 1, 8
		r.PairSteps, r.ManySteps, r.NoisePairs = 2, 2, 6
		for _, s := range r.stages() {
			s.Steps, s.WarmUp = steps, 2
		}
	}
}

// fixture is what the tests share: two folders of pictures, discs and their outlines, and the classifiers of a project
// between them, which cost more than the rest.
type fixture struct{ source, target, cache string }

var shared struct {
	sync.Once
	root string
	fixture
}

// folders are the shared folders of pictures, not to be changed.
func folders(t testing.TB) fixture {
	t.Helper()
	shared.Do(func() {
		f := &shared.fixture
		f.source, f.target, f.cache = filepath.Join(shared.root, "discs"), filepath.Join(shared.root, "outlines"), filepath.Join(shared.root, "cache")
		writePictures(t, f.source, 18, false)
		writePictures(t, f.target, 18, true)
		p, err := project.Create(filepath.Join(shared.root, "project"), tiny(*f, nil))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		o := testOptions(t, p, 2)
		o.Watch = func(e Event) {
			if e.Step == 1 {
				cancel()
			}
		}
		if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(p.Dir(), "cache"), f.cache); err != nil {
			t.Fatal(err)
		}
	})
	return shared.fixture
}

// runTests gives the shared fixture a folder and removes it afterwards.
func runTests(m *testing.M) int {
	root, err := os.MkdirTemp("", "straightway-train-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(root)
	shared.root = root
	return m.Run()
}

func writePictures(t testing.TB, dir string, n int, outline bool) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		x0, y0, r := 8+16*rng.Float64(), 8+16*rng.Float64(), 4+6*rng.Float64()
		paint := color.NRGBA{uint8(rng.IntN(200)), uint8(rng.IntN(200)), uint8(rng.IntN(200)), 255}
		writePicture(t, filepath.Join(dir, fmt.Sprintf("%02d.png", i)), func(x, y int) color.NRGBA {
			d := math.Hypot(float64(x)-x0, float64(y)-y0)
			switch {
			case outline && math.Abs(d-r) < 1:
				return color.NRGBA{0, 0, 0, 255}
			case !outline && d < r:
				return paint
			}
			return color.NRGBA{255, 255, 255, 255}
		})
	}
}

// writePicture writes a picture of 32×32 pixels.
func writePicture(t testing.TB, path string, at func(x, y int) color.NRGBA) {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for y := range 32 {
		for x := range 32 {
			img.SetNRGBA(x, y, at(x, y))
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// tiny are settings for the folders: batch 2.
func tiny(f fixture, change func(*project.Settings)) project.Settings {
	s := project.Default()
	s.Source, s.Target, s.Batch = f.source, f.target, 2
	if change != nil {
		change(&s)
	}
	return s
}

// newProject makes a project for settings in a folder of its own. Where the shared classifiers fit, they are there.
func newProject(t testing.TB, s project.Settings) *project.Project {
	t.Helper()
	p, err := project.Create(filepath.Join(t.TempDir(), "project"), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	cache, err := p.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	kept, err := filepath.Glob(filepath.Join(shared.fixture.cache, "classifier-*"))
	if err != nil || kept == nil {
		t.Fatal("no classifiers: call folders first", err)
	}
	for _, path := range kept {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(cache, filepath.Base(path)), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// reopen closes a project and opens it again, as the next process would.
func reopen(t testing.TB, p *project.Project) *project.Project {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	q, err := project.Open(p.Dir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

// diary is what a watcher saw.
type diary struct {
	events []Event
	losses map[string]float64 // by "round step", of the steps after which the loss was read
}

func (d *diary) watch(e Event) {
	d.events = append(d.events, e)
	if e.Kind == StepEvent && e.Phase == "training" && !e.Paused && e.Step > 0 && e.Loss != 0 {
		if d.losses == nil {
			d.losses = map[string]float64{}
		}
		d.losses[fmt.Sprint(e.Round, " ", e.Step)] = e.Loss
	}
}

func (d *diary) notes() string {
	var all []string
	for _, e := range d.events {
		if e.Kind == NoteEvent {
			all = append(all, e.Message)
		}
	}
	return strings.Join(all, "\n")
}

// testOptions train small, with the loss of every step told.
func testOptions(t testing.TB, p *project.Project, steps int) Options {
	t.Helper()
	be, err := goBackend()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Project: p, Backend: be, Autosave: time.Hour, hooks: hooks{recipe: small(steps), few: 3, careful: true}}
}

// train runs to the end and returns what was seen.
func train(t testing.TB, o Options) *diary {
	t.Helper()
	d := &diary{}
	o.Watch = d.watch
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	return d
}

// models are the bytes of every tensor of every finished round.
func models(t testing.TB, p *project.Project) map[string]string {
	t.Helper()
	rounds, err := p.Rounds()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range rounds {
		if !r.Finished {
			continue
		}
		_, f, err := p.LoadModel(r.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, tensor := range f.Tensors {
			out[r.Name+" "+tensor.Name] = string(tensor.Data)
		}
	}
	return out
}

// checkSame fails unless two runs ended with the same bits.
func checkSame(t testing.TB, got, want map[string]string) {
	t.Helper()
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("%d tensors instead of %d", len(got), len(want))
	}
	for name, w := range want {
		if got[name] != w {
			t.Fatalf("%s differs", name)
		}
	}
}

func checkLosses(t testing.TB, got, want map[string]float64) {
	t.Helper()
	if len(want) == 0 {
		t.Fatal("no losses were told")
	}
	for at, w := range want {
		if g, ok := got[at]; !ok || g != w {
			t.Errorf("loss at %s: %v instead of %v", at, g, w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d losses instead of %d", len(got), len(want))
	}
}

func mention(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not mentioned in: %s", part, text)
		}
	}
}

// makeSteps runs until a round is to be measured, which takes longer than its steps, and returns what was seen.
func makeSteps(t testing.TB, o Options) *diary {
	t.Helper()
	d := &diary{}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watch := o.Watch
	o.Watch = func(e Event) {
		d.watch(e)
		if watch != nil {
			watch(e)
		}
		if e.Phase == "measuring" {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	return d
}

// finishFlow finishes round 1 of a project with an untrained network that is not the identity.
func finishFlow(t testing.TB, o Options) {
	t.Helper()
	recipe, err := NewRecipe(o.Project.Settings())
	if err != nil {
		t.Fatal(err)
	}
	o.hooks.recipe(&recipe)
	flat := recipe.Net.Table().Init(1)
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range flat {
		flat[i] += float32(.02 * rng.NormFloat64())
	}
	parts, meta, err := model.Pack(recipe.Net, flat)
	if err == nil {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		err = o.Project.FinishRound("1-flow", parts, meta, project.RoundReport{Steps: 1, FinishedAt: at})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// state is a round's newest checkpoint: its step, and the bytes of its tensors.
func state(t testing.TB, p *project.Project, round string) (int64, map[string]string) {
	t.Helper()
	c, warning, err := p.LoadLatest(round)
	if err != nil || warning != "" {
		t.Fatal(err, warning)
	}
	out := map[string]string{}
	for _, tensor := range c.Tensors {
		out[tensor.Name] = string(tensor.Data)
	}
	return c.Step, out
}

// values are the numbers of a checkpoint's tensor.
func values(t testing.TB, p *project.Project, round, name string) []float32 {
	t.Helper()
	c, _, err := p.LoadLatest(round)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(c.Tensors, func(x project.Tensor) bool { return x.Name == name })
	if at < 0 {
		t.Fatalf("the checkpoint of %s holds no %s", round, name)
	}
	v, err := project.Values[float32](c.Tensors[at])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// one are settings for round 1 alone.
func one(s *project.Settings) { s.Rounds, s.Finish = 1, project.FinishNone }

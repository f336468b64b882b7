package model

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/internal/graphtest"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/unet"
)

func goBackend(t testing.TB) *backend.Backend {
	t.Helper()
	be, _, err := backend.Open(string(backend.Go))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(be.Close)
	return be
}

var net = unet.Config{Size: 8, Base: 8, Mult: []int{1, 2}, Blocks: 1, Attention: []int{4}, Mix: true}

const pixels = 8 * 8 * unet.Channels

// weights have no zeros, so that the velocity depends on everything.
func weights(seed uint64) []float32 {
	flat := net.Table().Init(seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range flat {
		flat[i] += float32(.1 * rng.NormFloat64())
	}
	return flat
}

func images(n int) []float32 {
	rng := rand.New(rand.NewPCG(9, 1))
	x := make([]float32, n*pixels)
	for i := range x {
		x[i] = float32(2*rng.Float64() - 1)
	}
	return x
}

func sampler(t testing.TB, be *backend.Backend, batch int) *Sampler {
	t.Helper()
	s, err := NewSampler(be, net, layer.Lowering{}, batch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// However many images there are, and however they fall into batches, each gets its own velocity.
func TestVelocityDoesNotDependOnTheBatches(t *testing.T) {
	be := goBackend(t)
	flat := weights(1)
	x := images(7)
	alone := sampler(t, be, 1).With(NewWeights(flat))
	var want []float32
	for i := range 7 {
		v, err := alone.Velocity(x[i*pixels:(i+1)*pixels], .4)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, v...)
	}
	for _, batch := range []int{2, 3, 4, 16} {
		for _, xla := range []bool{false, true} { // fill up to a power of two, or to the whole batch
			s := sampler(t, be, batch)
			s.xla = xla
			m := s.With(NewWeights(flat))
			for _, n := range []int{0, 1, 3, 4, 7} {
				in := slices.Clone(x[:n*pixels])
				v, err := m.Velocity(in, .4)
				if err != nil {
					t.Fatal(err)
				}
				graphtest.Near(t, "velocity", v, want[:n*pixels], 1e-5)
				if !slices.Equal(in, x[:n*pixels]) {
					t.Fatal("Velocity changed its input")
				}
			}
		}
	}
}

func TestRoomIsTheWholeBatchWhereProgramsAreDear(t *testing.T) {
	for _, c := range []struct {
		batch, n  int
		plain, xl int
	}{{32, 1, 1, 32}, {32, 2, 2, 32}, {32, 5, 8, 32}, {32, 17, 32, 32}, {32, 32, 32, 32}, {12, 9, 12, 12}, {1, 1, 1, 1}} {
		plain, xla := &Sampler{Batch: c.batch}, &Sampler{Batch: c.batch, xla: true}
		if plain.room(c.n) != c.plain || xla.room(c.n) != c.xl {
			t.Errorf("%d images, batch %d: room for %d and %d, want %d and %d", c.n, c.batch, plain.room(c.n), xla.room(c.n), c.plain, c.xl)
		}
	}
}

func TestVelocityRefusesPartsOfImages(t *testing.T) {
	m := sampler(t, goBackend(t), 2).With(NewWeights(weights(1)))
	if _, err := m.Velocity(make([]float32, pixels+1), 0); err == nil || !strings.Contains(err.Error(), "no whole number of images of 8×8 pixels") {
		t.Errorf("an image and a value gave %v", err)
	}
}

func TestSamplerRefusesAnImpossibleNetwork(t *testing.T) {
	bad := net
	bad.Size = 9
	if _, err := NewSampler(goBackend(t), bad, layer.Lowering{}, 2); err == nil || !strings.Contains(err.Error(), "image size 9") {
		t.Errorf("a network of 9 pixels gave %v", err)
	}
}

// A parameter vector of another network is an error with the network's name in it, not a crash.
func TestForeignWeightsAreAnError(t *testing.T) {
	m := sampler(t, goBackend(t), 2).With(NewWeights(make([]float32, 10)))
	if _, err := m.Velocity(images(1), 0); err == nil || !strings.Contains(err.Error(), "evaluating the velocity network on") {
		t.Errorf("ten parameters gave %v", err)
	}
}

func TestFlowTakesEulerSteps(t *testing.T) {
	m := sampler(t, goBackend(t), 4).With(NewWeights(weights(2)))
	x := images(3)
	got, err := m.Flow(t.Context(), x, flow.Forward(2))
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(x)
	for _, at := range []float64{0, .5} {
		v, err := m.Velocity(want, at)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i] += .5 * v[i]
		}
	}
	graphtest.Near(t, "two steps", got, want, 1e-6)
}

func TestTranslatorCarriesImagesAlongItsPath(t *testing.T) {
	m := sampler(t, goBackend(t), 4).With(NewWeights(weights(2)))
	tr := NewTranslator(m, Use{Steps: 2, Reverse: true})
	if tr.Size() != 8 || tr.Batch() != 4 {
		t.Errorf("size %d, batch %d, want 8 and 4", tr.Size(), tr.Batch())
	}
	x := images(2)
	got, err := tr.Run(t.Context(), x, 2)
	if err != nil {
		t.Fatal(err)
	}
	want, err := m.Flow(t.Context(), x, flow.Backward(2))
	if err != nil {
		t.Fatal(err)
	}
	graphtest.Near(t, "translation", got, want, 0)
	if _, err := tr.Run(t.Context(), x, 3); err == nil || !strings.Contains(err.Error(), "translating 3 images: 384 values were given, 576 are needed") {
		t.Errorf("two images said to be three gave %v", err)
	}
}

// One model, and several models of one sampler, used by many goroutines at once: each gets what it would get alone.
func TestConcurrentUseGivesTheSameResults(t *testing.T) {
	be := goBackend(t)
	for name, how := range map[string]layer.Lowering{"graph": {}, "kernels": {Kernels: true}} {
		t.Run(name, func(t *testing.T) {
			s, err := NewSampler(be, net, how, 2)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			models := []*Model{s.With(NewWeights(weights(3))), s.With(NewWeights(weights(4)))}
			x := images(3)
			var want [][]float32
			for _, m := range models {
				v, err := m.Velocity(x, .3)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, v)
			}
			if slices.Equal(want[0], want[1]) {
				t.Fatal("two weights gave one velocity")
			}
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					for range 3 {
						v, err := models[i%2].Velocity(x, .3)
						if err != nil {
							t.Error(err)
							return
						}
						if !slices.Equal(v, want[i%2]) {
							t.Errorf("goroutine %d got another velocity than alone", i)
						}
					}
				})
			}
			all.Wait()
		})
	}
}

func newProject(t *testing.T) *project.Project {
	t.Helper()
	dir := t.TempDir()
	settings := project.Default()
	settings.Source, settings.Target = filepath.Join(dir, "a"), filepath.Join(dir, "b")
	p, err := project.Create(filepath.Join(dir, "project"), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestAModelComesBackFromAProject(t *testing.T) {
	p := newProject(t)
	flat := weights(5)
	parts, meta, err := Pack(net, flat)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string][]float32{"1-flow": weights(6), "2-reflow": flat} {
		parts, meta, err := Pack(net, values)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.FinishRound(name, parts, meta, project.RoundReport{}); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][]float32{"": flat, "2-reflow": flat, "1-flow": weights(6)} {
		round, found, got, err := Load(p, name)
		if err != nil {
			t.Fatal(err)
		}
		if !found.Equal(net) || !slices.Equal(got, want) || (name != "" && round.Name != name) || (name == "" && round.Name != "2-reflow") {
			t.Errorf("round %q came back as %s with network %+v and other parameters: %t", name, round.Name, found, !slices.Equal(got, want))
		}
	}
	if _, _, _, err := Load(p, "3-refine"); err == nil || !strings.Contains(err.Error(), "choose one of 1-flow, 2-reflow") {
		t.Errorf("a round that does not exist gave %v", err)
	}

	damaged := func(name string, parts []project.Tensor, meta map[string]string, want string) {
		t.Helper()
		if err := p.FinishRound(name, parts, meta, project.RoundReport{}); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := Load(p, name); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	damaged("3-reflow", parts, nil, "does not say what network it is")
	damaged("4-reflow", parts, map[string]string{netKey: `{"size":9,"base":8,"mult":[1,2],"blocks":1}`}, "image size 9")
	damaged("5-reflow", parts[1:], meta, parts[0].Name)
	wrong := slices.Clone(parts)
	wrong[0] = project.NewTensor(parts[0].Name, []int{2}, []float32{1, 2})
	damaged("6-reflow", wrong, meta, "has 2 values")
}

func TestLoadSaysWhenThereIsNoRoundYet(t *testing.T) {
	p := newProject(t)
	if _, _, _, err := Load(p, ""); err == nil || !strings.Contains(err.Error(), "no finished round yet") {
		t.Errorf("an empty project gave %v", err)
	}
}

func TestLoadRefusesADamagedFile(t *testing.T) {
	p := newProject(t)
	parts, meta, err := Pack(net, weights(5))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.FinishRound("1-flow", parts, meta, project.RoundReport{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.Dir(), "rounds", "1-flow", "model.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-100] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := Load(p, ""); err == nil || !strings.Contains(err.Error(), "the model of round 1-flow cannot be used; choose another round") {
		t.Errorf("a flipped bit gave %v", err)
	}
}

func TestLoweringFollowsTheBackendAndThePrecision(t *testing.T) {
	narrow := layer.Lowering{NativeConv: true, ProductGradient: true, DType: dtypes.BFloat16}
	if direct.Available() { // graphs are slower in bfloat16
		narrow.Kernels, narrow.Half, narrow.DType = true, true, dtypes.Float32
	}
	for _, c := range []struct {
		kind      backend.Kind
		precision project.Precision
		want      layer.Lowering
	}{
		{backend.CUDA, project.PrecisionAuto, layer.Lowering{NativeConv: true, DType: dtypes.BFloat16}},
		{backend.CUDA, project.PrecisionF32, layer.Lowering{NativeConv: true, DType: dtypes.Float32}},
		{backend.CPU, project.PrecisionAuto, layer.Lowering{NativeConv: true, ProductGradient: true, Kernels: true, DType: dtypes.Float32}},
		{backend.CPU, project.PrecisionBF16, narrow},
		{backend.Go, project.PrecisionAuto, layer.Lowering{NativeConv: false, Kernels: true, DType: dtypes.Float32}},
	} {
		if got := Lowering(&backend.Backend{Kind: c.kind}, c.precision); got != c.want {
			t.Errorf("%s, %s: %+v, want %+v", c.kind, c.precision, got, c.want)
		}
	}
}

func TestCallTurnsPanicsIntoErrors(t *testing.T) {
	exec, err := NewExec(goBackend(t).Compute, func(x *Node) *Node { return Add(x, Const(x.Graph(), []float32{1, 2})) })
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	if out, err := Call(exec, []float32{1, 2, 3}); err == nil {
		t.Errorf("shapes that do not fit gave %v", out)
	}
	if out, err := Call(exec, []float32{1}, []float32{2}); err == nil {
		t.Errorf("an argument too many gave %v", out)
	}
	if _, err := Call(exec, []float32{1, 2}); err != nil {
		t.Errorf("a good call after bad ones: %v", err)
	}
}

package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/project"
)

// stand prepares a round as Run does and stops before its first step.
func stand(t testing.TB, o Options, name string) *roundState {
	t.Helper()
	ctx := context.Background()
	r := newRun(o)
	t.Cleanup(func() {
		r.close()
		r.out.close()
	})
	_, kind, err := project.ParseRoundName(name)
	if err == nil {
		err = r.prepareRecipe()
	}
	if err == nil {
		r.micro = r.recipe.Batch
		err = r.open(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	before := ""
	for i, n := range r.settings.Plan() {
		if n == name && i > 0 {
			before = r.settings.Plan()[i-1]
		}
	}
	s := &roundState{run: r, name: name, kind: kind, stage: r.recipe.Stage(kind), rateScale: 1}
	t.Cleanup(s.close)
	if err := errors.Join(s.prepare(ctx, before), s.resume()); err != nil {
		t.Fatal(err)
	}
	if err := s.takeFeatures(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

func host(t testing.TB, v *tensors.Tensor) []float32 {
	t.Helper()
	out, err := tensors.CopyFlatData[float32](v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestABatchInPartsMakesTheSameUpdate(t *testing.T) {
	f := folders(t)
	for _, c := range []struct {
		round  string
		finish project.Finish
		rounds int
	}{
		{"1-flow", project.FinishNone, 1},
		{"2-reflow", project.FinishNone, 2},
		{"2-distil", project.FinishDistil, 1},
		{"2-refine", project.FinishRefine, 1},
	} {
		t.Run(c.round, func(t *testing.T) {
			p := newProject(t, tiny(f, func(s *project.Settings) {
				s.Rounds, s.Finish, s.Batch, s.BridgeNoise = c.rounds, c.finish, 4, 0
				s.BothWays = c.finish == project.FinishRefine
			}))
			o := testOptions(t, p, 8)
			if c.round != "1-flow" {
				finishFlow(t, o)
			}
			s := stand(t, o, c.round)
			began, err := s.checkpoint()
			if err != nil {
				t.Fatal(err)
			}
			// The first moment is a tenth, or half, of the gradient: unlike the weights it does not blow up what is nearly zero.
			moments := func(micro int) (out [][]float32, loss float64) {
				if err := s.restore(began); err != nil {
					t.Fatal(err)
				}
				s.micro = micro
				if err := s.update(); err != nil {
					t.Fatal(err)
				}
				out = append(out, host(t, s.net.m))
				if s.critic != nil {
					out = append(out, host(t, s.critic.m), host(t, s.singular))
				}
				told, bad, err := s.tally()
				if err != nil || bad != 0 || told.good != 1 {
					t.Fatal(told, bad, err)
				}
				return out, told.loss
			}
			whole, wholeLoss := moments(4)
			for _, micro := range []int{3, 2, 1} {
				parts, loss := moments(micro)
				for i := range whole {
					if d := apart(parts[i], whole[i]); !(d < 1e-4) {
						t.Errorf("%d at a time: vector %d is %g away", micro, i, d)
					}
				}
				if math.Abs(loss-wholeLoss) > 1e-5*wholeLoss {
					t.Errorf("%d at a time: loss %v instead of %v", micro, loss, wholeLoss)
				}
			}
		})
	}
}

func TestEveryOptionTrains(t *testing.T) {
	f := folders(t)
	for _, c := range []struct {
		name   string
		change func(*project.Settings)
	}{
		{"independent coupling", func(s *project.Settings) { s.Coupling = project.CouplingIndependent }},
		{"minibatch coupling", func(s *project.Settings) { s.Coupling = project.CouplingMinibatch }},
		{"registered coupling by pixels", func(s *project.Settings) {
			s.Coupling, s.CouplingFeature = project.CouplingRegistered, project.FeaturePixels
		}},
		{"pixel loss without noise", func(s *project.Settings) { s.Loss, s.BridgeNoise = project.LossPixel, 0 }},
		{"mirrored", func(s *project.Settings) { s.Flip = project.FlipOn }},
		{"bfloat16", func(s *project.Settings) { s.Precision = project.PrecisionBF16 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t, tiny(f, func(s *project.Settings) {
				one(s)
				c.change(s)
			}))
			d := makeSteps(t, testOptions(t, p, 2))
			if step, _ := state(t, p, "1-flow"); step != 2 || len(d.losses) != 2 {
				t.Errorf("step %d, losses %v", step, d.losses)
			}
		})
	}
}

func TestTheSeedDecidesTheNumbers(t *testing.T) {
	f := folders(t)
	weights := func(seed uint64) map[string]string {
		p := newProject(t, tiny(f, func(s *project.Settings) {
			one(s)
			s.Coupling, s.Flip, s.Seed = project.CouplingIndependent, project.FlipOff, seed
		}))
		makeSteps(t, testOptions(t, p, 2))
		_, v := state(t, p, "1-flow")
		return v
	}
	first := weights(1)
	checkSame(t, weights(1), first)
	for name, data := range weights(2) {
		if data == first[name] {
			t.Errorf("%s does not depend on the seed", name)
		}
	}
}

func TestStepsLeaveNoMemoryBehind(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, func(s *project.Settings) {
		one(s)
		s.Finish, s.Loss, s.Batch = project.FinishRefine, project.LossPixel, 1
	}))
	o := testOptions(t, p, 1000)
	measure := func(t *testing.T, s *roundState, n int) {
		heap := func() uint64 {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		steps := func(n int) {
			for range n {
				if err := s.update(); err != nil {
					t.Fatal(err)
				}
				s.step++
				if _, _, err := s.tally(); err != nil {
					t.Fatal(err)
				}
			}
		}
		steps(10)
		before := heap()
		steps(n)
		after := heap()
		t.Logf("%d KiB before %d steps, %d KiB after them", before>>10, n, after>>10)
		if after > before+1<<20 {
			t.Errorf("the heap grew from %d to %d bytes in %d steps", before, after, n)
		}
	}
	t.Run("1-flow", func(t *testing.T) { measure(t, stand(t, o, "1-flow"), 100) })
	finishFlow(t, o)
	t.Run("2-refine", func(t *testing.T) { measure(t, stand(t, o, "2-refine"), 30) })
}

// TestTensorsAreFreedOnceTheyAreReplaced looks at the memory that the heap does not show: on a GPU it is the device's.
func TestTensorsAreFreedOnceTheyAreReplaced(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, func(s *project.Settings) {
		one(s)
		s.Finish = project.FinishRefine
	}))
	o := testOptions(t, p, 10)
	finishFlow(t, o)
	fail := false
	o.hooks.spoil = func(_ string, _, images int) (bool, error) {
		if fail && images == 1 {
			return false, errMemory
		}
		return false, nil
	}
	s := stand(t, o, "2-refine")
	held := func() []*tensors.Tensor {
		out := []*tensors.Tensor{s.singular}
		for _, l := range []*learner{s.net, s.critic} {
			out = append(out, l.w, l.ema, l.m, l.v, l.tally)
		}
		return out
	}
	check := func(when string, all []*tensors.Tensor, want bool) {
		t.Helper()
		for i, x := range all {
			if x.Ok() != want {
				t.Errorf("%s, tensor %d is held: %v", when, i, x.Ok())
			}
		}
	}
	before := held()
	if err := s.update(); err != nil {
		t.Fatal(err)
	}
	check("before a step", before, false)
	check("after a step", held(), true)

	before = held()
	s.micro, fail = 1, true
	if err := s.update(); !errors.Is(err, errMemory) {
		t.Fatal(err)
	}
	check("after a step that failed", before, true)

	if _, _, err := s.tally(); err != nil {
		t.Fatal(err)
	}
	check("after the losses were read", []*tensors.Tensor{before[5], before[10]}, false)
	before = held()
	if err := s.goBack("because"); err != nil {
		t.Fatal(err)
	}
	check("after going back", before, false)

	all := append(held(), s.judge, s.net.zero, s.critic.zero)
	s.close()
	check("at the end", all, false)
}

// BenchmarkStep is a step of each program with the network of the tests.
func BenchmarkStep(b *testing.B) {
	f := folders(b)
	p := newProject(b, tiny(f, func(s *project.Settings) {
		one(s)
		s.Finish = project.FinishRefine
	}))
	o := testOptions(b, p, 1<<30)
	bench := func(b *testing.B, round string) {
		s := stand(b, o, round)
		b.ReportAllocs()
		for b.Loop() {
			if err := s.update(); err != nil {
				b.Fatal(err)
			}
			s.step++
		}
	}
	b.Run("flow", func(b *testing.B) { bench(b, "1-flow") })
	finishFlow(b, o)
	b.Run("refine", func(b *testing.B) { bench(b, "2-refine") })
}

// xlaOrGo is the backend that compiles, where its plugin is installed, and the one that is always there otherwise.
func xlaOrGo(t testing.TB) *backend.Backend {
	t.Helper()
	be, _, err := backend.Open("cpu")
	if err == nil {
		t.Cleanup(be.Close)
		return be
	}
	if be, err = goBackend(); err != nil {
		t.Fatal(err)
	}
	return be
}

// TestAnInterruptedRunEndsWithTheSameNumbers is about backends that compute in several threads.
func TestAnInterruptedRunEndsWithTheSameNumbers(t *testing.T) {
	f := folders(t)
	be := xlaOrGo(t)
	t.Log("on", be)
	const steps = 6
	independent := func(s *project.Settings) { // nothing but the steps has to be compiled
		one(s)
		s.Coupling, s.Flip = project.CouplingIndependent, project.FlipOff
	}
	last := func(p *project.Project) (int64, []float32) {
		c, _, err := p.LoadLatest("1-flow")
		if err != nil {
			t.Fatal(err)
		}
		return c.Step, append(values(t, p, "1-flow", "network.ema"), values(t, p, "1-flow", "network.weights")...)
	}
	whole := newProject(t, tiny(f, independent))
	o := testOptions(t, whole, steps)
	o.Backend = be
	makeSteps(t, o)

	parts := newProject(t, tiny(f, independent))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o = testOptions(t, parts, steps)
	o.Backend = be
	o.Watch = func(e Event) {
		if e.Step == 3 {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	if step, _ := last(parts); step != 3 {
		t.Fatalf("interrupted at step %d instead of 3", step)
	}
	parts = reopen(t, parts)
	o = testOptions(t, parts, steps)
	o.Backend = be
	makeSteps(t, o)

	step, got := last(parts)
	_, want := last(whole)
	if step != steps {
		t.Fatalf("step %d", step)
	}
	worst := 0.0
	for i := range want {
		worst = max(worst, math.Abs(float64(got[i]-want[i])))
	}
	t.Log("largest difference", fmt.Sprintf("%g", worst))
	if !(worst <= 1e-5) {
		t.Errorf("a weight is %g away", worst)
	}
}

package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/project"
)

var errMemory = errors.New("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes")

func TestAnErrorOfMemoryIsMetWithSmallerParts(t *testing.T) {
	f := folders(t)
	change := func(s *project.Settings) {
		one(s)
		s.Batch, s.BridgeNoise = 4, 0
	}
	whole := newProject(t, tiny(f, change))
	d := makeSteps(t, testOptions(t, whole, 3))

	for _, c := range []struct {
		name  string
		spoil func(o *Options)
	}{
		{"when the gradient is asked for", func(o *Options) {
			o.hooks.spoil = func(_ string, _, images int) (bool, error) {
				if images > 1 {
					return false, errMemory
				}
				return false, nil
			}
		}},
		{"when the losses are read", func(o *Options) {
			failed := 0
			o.hooks.read = func(_ string, step int) error {
				if step == 2 && failed < 2 {
					failed++
					return errMemory
				}
				return nil
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t, tiny(f, change))
			o := testOptions(t, p, 3)
			c.spoil(&o)
			got := makeSteps(t, o)
			mention(t, got.notes(), "not enough memory for 4 images", "going on with 2", "going on with 1", "smaller --batch or --size")
			for at, w := range d.losses {
				if g := got.losses[at]; math.Abs(g-w) > 1e-4*w {
					t.Errorf("the loss at %s is %v instead of %v", at, g, w)
				}
			}
			checkNear(t, p, whole, "network.moment1", 1e-3)
		})
	}
}

// checkNear compares a tensor of round 1's checkpoints, relative to its norm.
func checkNear(t *testing.T, got, want *project.Project, name string, tolerance float64) {
	t.Helper()
	g, w := values(t, got, "1-flow", name), values(t, want, "1-flow", name)
	var apart, norm float64
	for i := range w {
		apart += math.Pow(float64(g[i]-w[i]), 2)
		norm += math.Pow(float64(w[i]), 2)
	}
	if apart = math.Sqrt(apart / norm); !(apart <= tolerance) || norm == 0 {
		t.Errorf("%s is %g away (relative)", name, apart)
	}
}

func TestTooLittleMemoryForOneImageIsAnError(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	o := testOptions(t, p, 3)
	o.hooks.spoil = func(_ string, step, _ int) (bool, error) {
		if step == 2 {
			return false, errMemory
		}
		return false, nil
	}
	_, err := Run(context.Background(), o)
	if !errors.Is(err, errMemory) {
		t.Fatal(err)
	}
	mention(t, err.Error(), "step 2", "not enough memory for even one image of 32×32", "smaller --size", "another preset")
	if step, _ := state(t, p, "1-flow"); step != 2 {
		t.Errorf("step %d is saved instead of 2", step)
	}
}

func TestStepsWithoutFiniteNumbersAreTakenBack(t *testing.T) {
	f := folders(t)
	for _, c := range []struct {
		round string
		rate  float64 // at the last step, as a multiple of the largest one: the schedule's end, and two roll-backs
	}{
		{"1-flow", .02 / 4},
		{"2-refine", .05 / 4},
	} {
		t.Run(c.round, func(t *testing.T) {
			p := newProject(t, tiny(f, func(s *project.Settings) {
				one(s)
				s.Finish = project.FinishRefine
			}))
			o := testOptions(t, p, 4)
			if c.round != "1-flow" {
				finishFlow(t, o)
			}
			bad := 2
			o.hooks.spoil = func(_ string, step, _ int) (bool, error) {
				if step == 3 && bad > 0 {
					bad--
					return true, nil
				}
				return false, nil
			}
			d := makeSteps(t, o)
			mention(t, d.notes(), "round "+c.round+" went from step 4 back to step 0", "not finite", "times 0.5", "times 0.25")
			for _, name := range []string{"weights", "ema", "moment1", "moment2"} {
				for _, x := range values(t, p, c.round, "network."+name) {
					if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
						t.Fatalf("%s is not finite", name)
					}
				}
			}
			recipe, err := NewRecipe(p.Settings())
			if err != nil {
				t.Fatal(err)
			}
			_, kind, _ := project.ParseRoundName(c.round)
			entries, err := p.History()
			if err != nil {
				t.Fatal(err)
			}
			notes, steps := 0, 0
			for _, e := range entries {
				switch {
				case e.Kind == "note" && strings.Contains(e.Note, "not finite"):
					notes++
				case e.Kind == "step" && e.Step == 4: // there is another wherever ten seconds went by
					steps++
					if want := recipe.Stage(kind).Rate * c.rate; math.Abs(e.Values["rate"]-want) > 1e-9 {
						t.Errorf("the rate is %g instead of %g", e.Values["rate"], want)
					}
				}
			}
			if notes != 2 || steps != 1 {
				t.Errorf("the history holds %d notes and %d steps: %v", notes, steps, entries)
			}
		})
	}
}

func TestAPoisonedGradientLeavesTheLearnerAsItIs(t *testing.T) {
	be, err := goBackend()
	if err != nil {
		t.Fatal(err)
	}
	start := []float32{1, -2, 3, .5}
	l, err := newLearner(be, nil, "test", adam{beta1: .9, beta2: .99, epsilon: 1e-8, clip: 1}, start)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	loss := vector([]float32{.25})
	defer loss.MustFinalizeAll()
	update := func(gradient ...float32) map[string]string {
		g := vector(gradient)
		defer g.MustFinalizeAll()
		if err := l.update(g, loss, rate{learning: .1, average: .5}); err != nil {
			t.Fatal(err)
		}
		parts, err := l.tensors()
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, p := range parts {
			out[p.Name] = string(p.Data)
		}
		return out
	}
	before := update(.1, .2, -.3, .4)
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		checkSame(t, update(.1, float32(x), .2, .3), before)
	}
	got, err := l.readTally()
	if err != nil {
		t.Fatal(err)
	}
	if got.good != 1 || got.bad != 3 || got.loss != .25 {
		t.Errorf("%+v", got)
	}
	after := update(.1, .2, -.3, .4)
	for name := range before {
		if before[name] == after[name] {
			t.Errorf("a good gradient afterwards does not change %s", name)
		}
	}
}

func TestANumberThatStaysInfiniteEndsTheRunWithTheLastGoodState(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	o := testOptions(t, p, 4)
	o.hooks.spoil = func(_ string, step, _ int) (bool, error) { return step == 2, nil }
	d := &diary{}
	o.Watch = d.watch
	_, err := Run(context.Background(), o)
	if err == nil {
		t.Fatal("no error")
	}
	mention(t, err.Error(), "1-flow", "not finite at step 3", "damaged images", "--loss pixel", "last good state, step 0, is saved")
	if got := strings.Count(d.notes(), "not finite"); got != maxRollbacks {
		t.Errorf("%d roll-backs instead of %d", got, maxRollbacks)
	}
	if step, _ := state(t, p, "1-flow"); step != 0 {
		t.Errorf("step %d is saved", step)
	}
	// Whatever it was, once it is gone the round goes on as if nothing had been.
	p = reopen(t, p)
	makeSteps(t, testOptions(t, p, 4))
	whole := newProject(t, tiny(f, one))
	makeSteps(t, testOptions(t, whole, 4))
	_, got := state(t, p, "1-flow")
	_, want := state(t, whole, "1-flow")
	checkSame(t, got, want)
}

func TestAPausedRunMakesNoStep(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	o := testOptions(t, p, 4)
	o.Control = &Control{}
	gradients := 0
	o.hooks.spoil = func(string, int, int) (bool, error) { gradients++; return false, nil }
	paused, atPause := 0, 0
	o.Watch = func(e Event) {
		switch {
		case e.Kind != StepEvent:
		case e.Step == 2 && !e.Paused && e.Phase == "training" && paused == 0:
			o.Control.Pause()
		case e.Paused && paused == 0:
			paused, atPause = 1, gradients
			o.Control.Pause() // again, which changes nothing
		case e.Paused:
			// The heartbeat repeats the state while nothing happens.
			if paused++; paused == 3 {
				if gradients != atPause || e.Step != 2 {
					t.Errorf("paused at step %d after %d gradients: now %d", e.Step, atPause, gradients)
				}
				o.Control.Continue()
			}
		}
	}
	d := makeSteps(t, o)
	if paused < 3 || atPause != 2 || gradients != 4 {
		t.Errorf("%d events while paused after %d gradients; %d in the end", paused, atPause, gradients)
	}
	resumed := false
	for i, e := range d.events {
		if i > 0 && d.events[i-1].Paused && !e.Paused && e.Kind == StepEvent {
			resumed = e.Step == 2
		}
	}
	if !resumed {
		t.Error("the end of the pause was not told before the next step")
	}
	whole := newProject(t, tiny(f, one))
	makeSteps(t, testOptions(t, whole, 4))
	_, got := state(t, p, "1-flow")
	_, want := state(t, whole, "1-flow")
	checkSame(t, got, want)
}

func TestAPausedRunIsSavedAndCanBeEnded(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	o := testOptions(t, p, 4)
	o.Control = &Control{}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Watch = func(e Event) {
		switch {
		case e.Step == 2 && !e.Paused:
			o.Control.Pause()
		case e.Paused:
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	if step, _ := state(t, p, "1-flow"); step != 2 {
		t.Errorf("step %d is saved instead of 2", step)
	}
}

// block puts a file where a round's folder should be, so that nothing can be saved there, and returns how to undo it.
func block(t *testing.T, p *project.Project, round string) (undo func()) {
	t.Helper()
	dir := filepath.Join(p.Dir(), "rounds", round)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Error(err)
	}
	if err := errors.Join(os.Rename(dir, dir+" aside"), os.WriteFile(dir, nil, 0o644)); err != nil {
		t.Error(err)
	}
	return func() {
		if err := errors.Join(os.Remove(dir), os.Rename(dir+" aside", dir)); err != nil {
			t.Error(err)
		}
	}
}

func TestAFailedAutosaveIsANote(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	o := testOptions(t, p, 6)
	o.Autosave = 1
	var undo func()
	o.Watch = func(e Event) {
		if e.Kind == StepEvent && e.Phase == "training" && e.Step == 1 && undo == nil {
			undo = block(t, p, "1-flow")
		}
		if e.Kind == StepEvent && e.Phase == "training" && e.Step == 5 && undo != nil {
			undo()
			undo = nil
		}
	}
	d := makeSteps(t, o)
	mention(t, d.notes(), "the autosave failed, training goes on", filepath.Join("rounds", "1-flow"), "choose another folder")
	if step, _ := state(t, p, "1-flow"); step != 6 {
		t.Errorf("step %d is saved instead of 6", step)
	}
}

func TestAFailedLastSaveIsAnError(t *testing.T) {
	f := folders(t)
	for _, c := range []struct {
		name   string
		cancel bool
		says   string
	}{
		{"at the last step", false, "saving round 1-flow at its last step"},
		{"at an interruption", true, "what round 1-flow learnt since the last autosave could not be saved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t, tiny(f, one))
			o := testOptions(t, p, 3)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			blocked := false
			o.Watch = func(e Event) {
				if e.Kind == StepEvent && e.Phase == "training" && e.Step == 2 && !blocked {
					blocked = true
					block(t, p, "1-flow")
					if c.cancel {
						cancel()
					}
				}
			}
			_, err := Run(ctx, o)
			if err == nil || errors.Is(err, ErrInterrupted) {
				t.Fatal(err)
			}
			mention(t, err.Error(), c.says, filepath.Join("rounds", "1-flow"))
		})
	}
}

func TestACacheDeletedWhileARunGoesOnDoesNoHarm(t *testing.T) {
	f := folders(t)
	change := func(s *project.Settings) { s.Rounds, s.Finish = 1, project.FinishDistil }
	p := newProject(t, tiny(f, change))
	o := testOptions(t, p, 2)
	finishFlow(t, o)
	deleted := 0
	o.Watch = func(e Event) {
		// Before the classifiers are looked for, and before the pairs are kept.
		if strings.HasPrefix(e.Message, "target: ") || strings.HasPrefix(e.Phase, "carrying") && e.Done == 0 && deleted == 1 {
			deleted++
			if err := os.RemoveAll(filepath.Join(p.Dir(), "cache")); err != nil {
				t.Error(err)
			}
		}
	}
	makeSteps(t, o)
	if deleted != 2 {
		t.Errorf("the cache was deleted %d times", deleted)
	}
	whole := newProject(t, tiny(f, change))
	o = testOptions(t, whole, 2)
	finishFlow(t, o)
	makeSteps(t, o)
	_, got := state(t, p, "2-distil")
	_, want := state(t, whole, "2-distil")
	checkSame(t, got, want)
}

func TestFoldersThatCannotBeTrainedOnAreNamed(t *testing.T) {
	f := folders(t)
	few := filepath.Join(t.TempDir(), "few")
	writePictures(t, few, 5, true)
	p := newProject(t, tiny(fixture{source: f.source, target: few}, one))
	_, err := Run(context.Background(), testOptions(t, p, 2))
	if err == nil {
		t.Fatal("five images are enough")
	}
	mention(t, err.Error(), "the target folder cannot be trained on", few, "16")
}

func TestAFolderThatWentAwayIsNamedAndNothingIsLost(t *testing.T) {
	f := folders(t)
	source := filepath.Join(t.TempDir(), "discs")
	writePictures(t, source, 18, false)
	p := newProject(t, tiny(fixture{source: source, target: f.target}, one))
	o := testOptions(t, p, 4)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Watch = func(e Event) {
		if e.Step == 1 { // the pictures are in memory by now
			if err := os.RemoveAll(source); err != nil {
				t.Error(err)
			}
		}
		if e.Step == 3 {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	p = reopen(t, p)
	_, err := Run(context.Background(), testOptions(t, p, 4))
	if err == nil {
		t.Fatal("a folder that is not there was read")
	}
	mention(t, err.Error(), "source folder", source)
	if step, _ := state(t, p, "1-flow"); step != 3 {
		t.Errorf("step %d is saved instead of 3", step)
	}
	writePictures(t, source, 18, false)
	mention(t, makeSteps(t, testOptions(t, p, 4)).notes(), "goes on at step 3 of 4")
}

func TestSettingsThatChangedOnTheWayAreNamed(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := testOptions(t, p, 4)
	o.Watch = func(e Event) {
		if e.Step == 2 {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*project.Settings)
		says   string
	}{
		{func(s *project.Settings) { s.Size = 64 }, "size from 32 to 64"},
		{func(s *project.Settings) { s.Preset = project.PresetBalanced }, "preset from quick to balanced"},
		{func(s *project.Settings) { s.Seed = 5 }, "seed from 1 to 5"},
		{func(s *project.Settings) { s.Coupling = project.CouplingIndependent }, "coupling from auto to independent"},
		{func(s *project.Settings) { s.Flip = project.FlipOn }, "flip from auto to on"},
	} {
		was := p.Settings()
		changed := was
		c.change(&changed)
		if err := p.SaveSettings(changed); err != nil {
			t.Fatal(err)
		}
		_, err := Run(context.Background(), testOptions(t, p, 4))
		if err == nil {
			t.Fatalf("trained on with %s", c.says)
		}
		mention(t, err.Error(), "project.json was changed after training of round 1-flow began", c.says, "restore project.json.bak")
		if err := p.SaveSettings(was); err != nil {
			t.Fatal(err)
		}
	}
	// What messages advise, and what adds rounds, may change.
	s := p.Settings()
	s.Batch, s.Loss, s.Rounds, s.Precision = 1, project.LossPixel, 2, project.PrecisionF32
	if err := p.SaveSettings(s); err != nil {
		t.Fatal(err)
	}
	makeSteps(t, testOptions(t, p, 4))
}

func TestAReportThatCannotBeReadIsNotTrainedOver(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	dir, err := p.RoundDir("1-flow")
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(dir, "round.json")
	if err := os.WriteFile(report, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Run(context.Background(), testOptions(t, p, 2))
	mention(t, fmt.Sprint(err), report, "delete this file")
}

func TestAFinishedRoundIsTidiedUp(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	// A run that was killed right after the report of its round was written.
	if err := p.SaveCheckpoint("1-flow", project.Checkpoint{Step: 2}); err != nil {
		t.Fatal(err)
	}
	report := project.RoundReport{Steps: 2, Images: 4, Seconds: 1, Measurements: project.Measurements{"cost": .5}}
	if err := p.FinishRound("1-flow", nil, nil, report); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		result, err := Run(context.Background(), testOptions(t, p, 2))
		if err != nil || len(result.Rounds) != 1 {
			t.Fatal(result, err)
		}
	}
	entries, err := p.History()
	if err != nil || len(entries) != 1 || entries[0].Kind != roundEntry || entries[0].Step != 2 || entries[0].Values["cost"] != .5 || entries[0].Values["images"] != 4 {
		t.Error(entries, err)
	}
	if _, _, err := p.LoadLatest("1-flow"); !errors.Is(err, project.ErrNoCheckpoint) {
		t.Error("the checkpoints are still there", err)
	}
}

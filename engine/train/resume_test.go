package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// interrupter ends runs: after every second step, and in the middle of each other phase of each round once.
type interrupter struct {
	diary
	stop context.CancelFunc
	made map[string]bool // steps of this run, and where it stood
	seen map[string]bool
	ends []string
	run  []Event // of this run
}

func (i *interrupter) watch(e Event) {
	i.diary.watch(e)
	i.run = append(i.run, e)
	at := fmt.Sprintf("%s %s", e.Round, e.Phase)
	switch {
	case e.Kind != StepEvent && e.Kind != PhaseEvent, e.Phase == "compiling", e.Phase == "starting":
		return
	case e.Phase == "training":
		i.made[fmt.Sprint(e.Round, e.Step)] = true
		if len(i.made) < 3 || e.Step == e.Steps {
			return
		}
	case i.seen[at] || e.Done == e.Total:
		return
	default:
		i.seen[at] = true
	}
	i.ends = append(i.ends, at)
	i.stop()
}

// goOn runs a project again and again, each time until it is interrupted, until it is done.
func (i *interrupter) goOn(t *testing.T, p *project.Project, options func(*project.Project) Options, between func(runs int)) *project.Project {
	t.Helper()
	i.seen = map[string]bool{}
	for runs := 1; ; runs++ {
		var ctx context.Context
		ctx, i.stop = context.WithCancel(context.Background())
		i.made, i.run = map[string]bool{}, nil
		stood := standings(t, p)
		o := options(p)
		o.Watch = i.watch
		_, err := Run(ctx, o)
		i.stop()
		checkOrder(t, i.run, stood)
		if err == nil {
			return p
		}
		if !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		if runs == 60 {
			t.Fatalf("no end after %d runs, interrupted at %q", runs, i.ends)
		}
		p = reopen(t, p)
		between(runs)
	}
}

func TestAnInterruptedRunEndsWithTheSameBits(t *testing.T) {
	f := folders(t)
	const steps = 4
	for _, c := range []struct {
		name    string
		change  func(*project.Settings)
		forgets bool // the cache is deleted between the runs
	}{
		{"flow, reflow, refine", func(*project.Settings) {}, false},
		{"flow, distil in two steps both ways, the cache deleted", func(s *project.Settings) {
			s.Rounds, s.Finish, s.DistilSteps, s.BothWays = 1, project.FinishDistil, 2, true
		}, true},
		{"noise, flow, reflow", func(s *project.Settings) {
			s.Source, s.Finish, s.Coupling = project.NoiseSource, project.FinishNone, project.CouplingMinibatch
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := newProject(t, tiny(f, c.change))
			d := train(t, testOptions(t, whole, steps))
			checkOrder(t, d.events, nil)

			parts := newProject(t, tiny(f, c.change))
			i := &interrupter{}
			parts = i.goOn(t, parts, func(p *project.Project) Options { return testOptions(t, p, steps) }, func(runs int) {
				if c.forgets && runs%3 == 0 {
					if err := os.RemoveAll(filepath.Join(parts.Dir(), "cache")); err != nil {
						t.Fatal(err)
					}
				}
			})
			t.Logf("%d interruptions: %q", len(i.ends), i.ends)
			checkSame(t, models(t, parts), models(t, whole))
			checkLosses(t, i.losses, d.losses)
			checkHistories(t, parts, whole, steps)
			if len(i.ends) < 7 {
				t.Errorf("only %d interruptions", len(i.ends))
			}
			for _, name := range whole.Settings().Plan() {
				for _, phase := range []string{"training", "measuring"} {
					if at := name + " " + phase; phase == "measuring" && !i.seen[at] {
						t.Errorf("never interrupted at %s", at)
					}
				}
			}
		})
	}
}

// standings are the steps of the rounds that have a checkpoint.
func standings(t *testing.T, p *project.Project) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, name := range p.Settings().Plan() {
		c, _, err := p.LoadLatest(name)
		if err == nil {
			out[name] = c.Step
		} else if !errors.Is(err, project.ErrNoCheckpoint) {
			t.Fatal(err)
		}
	}
	return out
}

// checkHistories fails unless both projects recorded the same of rounds of so many steps, times and speeds apart.
func checkHistories(t *testing.T, got, want *project.Project, steps int64) {
	t.Helper()
	lines := func(p *project.Project) string {
		entries, err := p.History()
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, e := range entries {
			if e.Kind == "step" && e.Step != steps {
				continue // written because ten seconds had gone by
			}
			delete(e.Values, "images_per_second")
			delete(e.Values, "seconds")
			text += fmt.Sprintln(e.Kind, e.Round, e.Step, e.Values)
		}
		return text
	}
	if g, w := lines(got), lines(want); g != w {
		t.Errorf("the history is\n%s\ninstead of\n%s", g, w)
	}
}

// A round that is not finished translates by the averaged weights of its last save, if it is asked for by its name.
func TestARoundCanBeTriedBeforeItIsFinished(t *testing.T) {
	p := newProject(t, tiny(folders(t), func(s *project.Settings) {
		one(s)
		s.Border = project.BorderRepeated // by itself the pictures would decide
	}))
	o := testOptions(t, p, 3)
	makeSteps(t, o)
	if _, _, _, err := model.OpenTranslator(p, o.Backend, model.Use{Steps: 1}); err == nil {
		t.Error("without a name a round that is not finished was taken")
	}
	net, round, settings, err := model.OpenTranslator(p, o.Backend, model.Use{Round: "1-flow", Steps: 1, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	if round != "1-flow" || !strings.Contains(settings, "step=3") {
		t.Errorf("it is %q by %q", round, settings)
	}
	recipe, err := NewRecipe(p.Settings())
	if err != nil {
		t.Fatal(err)
	}
	o.hooks.recipe(&recipe)
	parts, meta, err := model.Pack(recipe.Net, values(t, p, "1-flow", model.Averaged))
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3*net.Size()*net.Size())
	for i := range x {
		x[i] = float32(i%7)/7 - .4
	}
	early, err := net.Run(context.Background(), x, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.FinishRound("1-flow", parts, meta, project.RoundReport{Steps: 3}); err != nil {
		t.Fatal(err)
	}
	done, _, _, err := model.OpenTranslator(p, o.Backend, model.Use{Steps: 1, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer done.Close()
	late, err := done.Run(context.Background(), x, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(early, late) {
		t.Error("the round translates otherwise before it is finished than after, with the same weights")
	}
}

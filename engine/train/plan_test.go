package train

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/straightway-app/straightway/engine/project"
)

func TestAPlanFillsItsMinutes(t *testing.T) {
	recipe, err := NewRecipe(project.Default())
	if err != nil {
		t.Fatal(err)
	}
	rounds := []string{"1-flow", "2-reflow", "3-reflow", "4-refine"}
	for _, c := range []struct{ minutes, perSecond float64 }{{10, 124}, {1, 124}, {600, 3000}, {2, 5}} {
		p, err := planFor(recipe, rounds, c.minutes, c.perSecond)
		if err != nil {
			t.Fatal(err)
		}
		seconds, slack := 0.0, 0.0
		for _, name := range rounds {
			_, kind, _ := project.ParseRoundName(name)
			one := float64(recipe.Batch) * cost(kind) / c.perSecond
			seconds += one * float64(p.Steps[name])
			slack += one // rounding down
		}
		if seconds > c.minutes*60+1e-6 || seconds < c.minutes*60-slack {
			t.Errorf("%v minutes at %v images/s: %v seconds are planned (%v)", c.minutes, c.perSecond, seconds, p)
		}
		if p.Steps["2-reflow"] != p.Steps["3-reflow"] {
			t.Errorf("two reflow rounds differ: %v", p.Steps)
		}
		ratio := float64(p.Steps["1-flow"]) / float64(p.Steps["4-refine"])
		if want := float64(recipe.Flow.Steps) / float64(recipe.Refine.Steps); p.Steps["4-refine"] > 50 && math.Abs(ratio/want-1) > .03 {
			t.Errorf("the proportion of the rounds changed: %v", p.Steps)
		}
	}
	if p, err := planFor(recipe, rounds, 1e-6, 1); err != nil || p.Steps["1-flow"] != 1 || p.Steps["4-refine"] != 1 {
		t.Errorf("the shortest plan is %v, %v", p, err)
	}
	for _, speed := range []float64{0, math.Inf(1), math.NaN()} {
		if _, err := planFor(recipe, rounds, 1, speed); err == nil {
			t.Errorf("a plan is made from a speed of %v", speed)
		} else {
			mention(t, err.Error(), "give --steps instead of --minutes")
		}
	}
}

func TestARecipeFollowsAPlan(t *testing.T) {
	recipe, err := NewRecipe(project.Default())
	if err != nil {
		t.Fatal(err)
	}
	short, long := recipe, recipe
	short.follow(Plan{Scale: .5, Steps: map[string]int{"1-flow": 7}})
	if short.Flow.Steps != 7 || short.Refine.Steps != recipe.Refine.Steps/2 || short.Flow.WarmUp != recipe.Flow.WarmUp/2 || short.Refine.Rate != recipe.Refine.Rate {
		t.Errorf("%+v", short)
	}
	long.follow(Plan{Scale: 3})
	if long.Flow.Steps != 3*recipe.Flow.Steps || long.Flow.WarmUp != recipe.Flow.WarmUp {
		t.Errorf("%+v", long)
	}
}

func readPlan(t *testing.T, p *project.Project) Plan {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.Dir(), "plan.json"))
	if err != nil {
		t.Fatal(err)
	}
	var plan Plan
	if err := json.Unmarshal(data, &plan); err != nil {
		t.Fatal(err)
	}
	return plan
}

func writePlan(t *testing.T, p *project.Project, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.Dir(), "plan.json"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestMinutesBecomeStepsOnceAndForAll(t *testing.T) {
	f := folders(t)
	minutes := func(s *project.Settings) {
		one(s)
		s.Finish, s.Minutes = project.FinishDistil, .01
	}
	p := newProject(t, tiny(f, minutes))
	d := makeSteps(t, testOptions(t, p, 4))
	plan := readPlan(t, p)
	mention(t, d.notes(), "0.01 minutes at", "steps in round 1-flow, where the preset has 4")
	if plan.Minutes != .01 || plan.ImagesPerSecond <= 0 || plan.Scale <= 0 || plan.Steps["1-flow"] < 1 || plan.Steps["2-distil"] < 1 || len(plan.Steps) != 2 {
		t.Fatalf("%+v", plan)
	}
	step, got := state(t, p, "1-flow")
	if int(step) != plan.Steps["1-flow"] {
		t.Errorf("%d steps were made instead of %d", step, plan.Steps["1-flow"])
	}
	// The updates that measured the speed left nothing behind: a recipe of as many steps comes out the same.
	q := newProject(t, tiny(f, func(s *project.Settings) {
		minutes(s)
		s.Minutes = 0
	}))
	o := testOptions(t, q, 4)
	o.hooks.recipe = func(r *Recipe) {
		small(4)(r)
		r.follow(plan)
	}
	makeSteps(t, o)
	_, want := state(t, q, "1-flow")
	checkSame(t, got, want)
}

func TestAPlanIsKept(t *testing.T) {
	f := folders(t)
	begin := func(t *testing.T) (*project.Project, Options) {
		p := newProject(t, tiny(f, func(s *project.Settings) {
			one(s)
			s.Finish, s.Minutes = project.FinishDistil, 5
		}))
		return p, testOptions(t, p, 8)
	}
	t.Run("it is followed, whatever the machine could do", func(t *testing.T) {
		p, o := begin(t)
		writePlan(t, p, `{"schema":1,"minutes":5,"images_per_second":1000,"scale":0.3,"steps":{"1-flow":3}}`)
		makeSteps(t, o)
		if step, _ := state(t, p, "1-flow"); step != 3 {
			t.Errorf("%d steps instead of 3", step)
		}
		if got := readPlan(t, p); got.Steps["1-flow"] != 3 || got.Steps["2-distil"] != 2 || got.ImagesPerSecond != 1000 {
			t.Errorf("the round that was missing is planned as %+v", got)
		}
	})
	t.Run("one that was deleted follows from a finished round", func(t *testing.T) {
		p, o := begin(t)
		finishFlow(t, o) // in 1 step, where the preset has 8
		makeSteps(t, o)
		if step, _ := state(t, p, "2-distil"); step != 1 {
			t.Errorf("%d steps instead of 1", step)
		}
	})
	t.Run("other minutes scale it", func(t *testing.T) {
		p, o := begin(t)
		finishFlow(t, o)
		writePlan(t, p, `{"schema":1,"minutes":10,"images_per_second":1000,"scale":1,"steps":{"1-flow":8,"2-distil":8}}`)
		d := makeSteps(t, o)
		mention(t, d.notes(), "from 10 to 5 minutes")
		if step, _ := state(t, p, "2-distil"); step != 4 {
			t.Errorf("%d steps instead of 4", step)
		}
	})
	t.Run("a damaged one is made anew", func(t *testing.T) {
		p, o := begin(t)
		finishFlow(t, o)
		writePlan(t, p, `{"schema":1,"minu`)
		mention(t, makeSteps(t, o).notes(), "plan.json cannot be used and is made anew")
		if got := readPlan(t, p); got.Steps["2-distil"] != 1 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("one of another recipe is made anew", func(t *testing.T) {
		p, o := begin(t)
		finishFlow(t, o)
		writePlan(t, p, `{"schema":1,"minutes":5,"recipe":"quality, 32 px, batch 2","scale":1,"steps":{"1-flow":8,"2-distil":8}}`)
		mention(t, makeSteps(t, o).notes(), "it is for quality, 32 px, batch 2 and the project is set to quick, 32 px, batch 2")
		if got := readPlan(t, p); got.Steps["2-distil"] != 1 || got.Recipe != "quick, 32 px, batch 2" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a newer one is an error", func(t *testing.T) {
		p, o := begin(t)
		writePlan(t, p, `{"schema":2,"minutes":5}`)
		_, err := Run(t.Context(), o)
		if err == nil {
			t.Fatal("no error")
		}
		mention(t, err.Error(), "plan.json", "newer version")
	})
}

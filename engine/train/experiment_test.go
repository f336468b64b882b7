package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/project"
)

func TestAnExperimentSpendsTheSameBudgetInEachArm(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, nil))
	base := testOptions(t, p, 8)
	finishFlow(t, base)
	before := models(t, p)
	dir := filepath.Join(t.TempDir(), "arms")
	carried := map[string]bool{}
	o := ExperimentOptions{
		Project: p, Backend: base.Backend, Dir: dir, Updates: 5, Source: f.source, Reference: f.target, hooks: base.hooks,
		Watch: func(arm string, e Event) {
			if strings.HasPrefix(e.Phase, "carrying") {
				carried[arm] = true
			}
		},
	}
	x, err := RunExperiment(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"flow alone": "1-flow", "reflow": "2-reflow", "distil": "2-distil", "reflow-distil": "3-distil"}
	if len(x.Outcomes) != len(want) {
		t.Fatalf("%d outcomes", len(x.Outcomes))
	}
	for i, out := range x.Outcomes {
		if out.Round != want[out.Name] || i > 0 && out.Updates != 5 || out.Pairs == nil || out.Pairs.Pairs != 18 {
			t.Errorf("%s: round %s after %d updates, pairs %v", out.Name, out.Round, out.Updates, out.Pairs)
		}
		if _, ok := out.Report.Measurements["kid/1"]; i > 0 && !ok {
			t.Errorf("%s was not measured", out.Name)
		}
	}
	if !carried["reflow"] || carried["distil"] || carried["reflow-distil"] {
		t.Errorf("pairs were made in %v; the first arm makes them for all", carried)
	}
	if n := len(x.Sheet.Columns); n != 7 { // source, all of the way, round 1, three arms, reference
		t.Errorf("%d columns on the sheet", n)
	}
	checkSame(t, models(t, p), before)

	was, err := os.ReadFile(filepath.Join(dir, "reflow", "rounds", "2-reflow", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := RunExperiment(t.Context(), o); err != nil { // nothing is left to do
		t.Fatal(err)
	}
	if now, _ := os.ReadFile(filepath.Join(dir, "reflow", "rounds", "2-reflow", "model.safetensors")); string(now) != string(was) {
		t.Error("a finished arm was trained again")
	}
	o.Updates = 7
	if _, err := RunExperiment(t.Context(), o); err == nil {
		t.Error("arms of another budget were taken for these")
	} else {
		mention(t, err.Error(), "5 updates", "now 7", "another folder")
	}
}

func TestAnExperimentNeedsRoundOne(t *testing.T) {
	p := newProject(t, tiny(folders(t), nil))
	_, err := RunExperiment(t.Context(), ExperimentOptions{Project: p, Dir: t.TempDir()})
	if err == nil {
		t.Fatal("an experiment began with nothing")
	}
	mention(t, err.Error(), "round 1")
	if s := (ExperimentOptions{Updates: 5}).steps(Arms[2]); s[project.KindReflow] != 2 || s[project.KindDistil] != 3 {
		t.Errorf("5 updates are divided as %v", s)
	}
}

package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/pflag"

	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// called runs the command line in this process.
func called(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs, nil)
	return status, out.String(), errs.String()
}

func TestEveryCommandHasHelp(t *testing.T) {
	status, help, _ := called(t, "--help")
	if status != statusDone {
		t.Fatalf("--help ends with status %d", status)
	}
	for _, name := range []string{"train", "translate", "generate", "evaluate", "experiment", "diagnose", "model", "lab", "demo", "bench", "doctor"} {
		if !strings.Contains(help, "\n  "+name+" ") {
			t.Errorf("the program's help does not mention %s", name)
		}
		status, help, stderr := called(t, name, "--help")
		if status != statusDone || stderr != "" || !strings.Contains(help, "Usage:\n  straightway "+name) || !strings.Contains(help, "--json") {
			t.Errorf("%s --help: status %d, %q, %q", name, status, help, stderr)
		}
	}
	for _, c := range newRoot(&output{}, nil).Commands() {
		if c.Short == "" {
			t.Errorf("%s does not say what it does", c.Name())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s does not say what it is for", c.Name(), f.Name)
			}
		})
	}
	if status, out, _ := called(t, "--version"); status != statusDone || out != "straightway version "+Version+"\n" {
		t.Errorf("--version: status %d, %q", status, out)
	}
}

// Wrong usage ends with status 2 before anything is opened or written, and says what is wrong and what to do instead.
func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	a, b, p := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "p")
	train := func(more ...string) []string {
		return append([]string{"train", "--backend", "go", "--source", a, "--target", b, "--project", p}, more...)
	}
	translate := func(more ...string) []string {
		return append([]string{"translate", "--backend", "go", "--project", p, "--out", filepath.Join(dir, "out")}, more...)
	}
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown command", []string{"trian"}, `there is no command "trian": choose one of bench,`},
		{"unknown flag", []string{"--nosuch"}, "unknown flag: --nosuch"},
		{"a flag without its value", []string{"train", "--source"}, "flag needs an argument: --source"},
		{"a word for a number", train("--batch", "many"), `invalid argument "many" for "--batch"`},
		{"an argument that nothing takes", train("pictures"), `straightway train takes no argument, and "pictures" was given`},
		{"train without project", []string{"train", "--source", a, "--target", b}, "train needs a project folder: --project DIR"},
		{"train without folders", []string{"train", "--project", p}, "no source is set: name a folder of images with --source\nno target is set: name a folder of images with --target"},
		{"one folder twice", train("--target", a), "choose two different folders"},
		{"size", train("--size", "48"), "size 48 is not available: choose one of 32, 64, 128, 256"},
		{"rounds", train("--rounds", "0"), "rounds is 0: choose 1 (flow only) to 9"},
		{"steps", train("--steps", "-1"), "steps is -1: give a positive number"},
		{"steps and minutes", train("--steps", "5", "--minutes", "1"), "keep one of them"},
		{"preset", train("--preset", "huge"), `preset "huge" is not known: choose one of quick, balanced, quality`},
		{"finish", train("--finish", "polish"), `finish "polish" is not known: choose one of none, distil, refine`},
		{"coupling", train("--coupling", "x"), `coupling "x" is not known: choose one of auto, registered, minibatch, independent`},
		{"feature", train("--coupling-feature", "x"), `coupling feature "x" is not known: choose one of auto, edge, pixels, luma`},
		{"loss", train("--loss", "x"), `loss "x" is not known: choose one of feature, pixel`},
		{"flip", train("--flip", "x"), `flip "x" is not known: choose one of auto, on, off`},
		{"fit", train("--fit", "x"), `fit "x" is not known: choose one of crop, pad, stretch`},
		{"precision", train("--precision", "x"), `precision "x" is not known: choose one of auto, f32, bf16`},
		{"background", train("--background", "puce"), `background "puce" is not a colour: choose white, grey, black or #rrggbb`},
		{"bridge noise", train("--bridge-noise", "2"), "bridge noise is 2: choose 0 (none) to 1"},
		{"two mistakes are both named", train("--size", "48", "--preset", "huge"), `preset "huge" is not known: choose one of quick, balanced, quality` + "\nsize 48 is not available"},
		{"resume with other settings", []string{"train", "--project", p, "--resume", "--steps", "5", "--seed", "2"}, "--resume goes on with the project's own settings: leave out --steps, --seed, or start a new project"},
		{"translate without project", []string{"translate", a}, "translate needs a project folder: --project DIR"},
		{"translate without output", []string{"translate", "--project", p, a}, "translate needs a folder to write to: --out DIR"},
		{"translate nothing", translate(), "translate needs files or folders to translate"},
		{"no steps", translate("--steps", "0", a), "--steps 0: at least 1 is needed"},
		{"size to write", translate("--size", "big", a), `"big" is not a size to write: choose original or model`},
		{"format", translate("--format", "gif", a), `"gif" is not a format to write: choose png or jpeg`},
		{"quality", translate("--quality", "200", a), "--quality 200: choose 1 to 100"},
		{"evaluate without project", []string{"evaluate"}, "evaluate needs a project folder: --project DIR"},
		{"half a pair", []string{"evaluate", "--project", p, "--source", a}, "give both --source and --reference for pairs, or neither"},
		{"evaluate in no steps", []string{"evaluate", "--project", p, "--steps", "0"}, "--steps 0: at least 1 is needed"},
		{"unknown benchmark", []string{"bench", "--filter", "nosuch"}, `no benchmark's name contains "nosuch": there are train/32px, translate/32px`},
		{"bench in no steps", []string{"bench", "--steps", "0"}, "--steps 0: at least 1 is needed"},
		{"unknown plugin", []string{"doctor", "--install", "tpu"}, `--install "tpu": choose cuda or cpu`},
		{"demo at a size its pictures do not have", []string{"demo", "--size", "128"}, "choose --size 32 or 64"},
		{"unknown backend", []string{"bench", "--filter", "ingest", "--backend", "abacus"}, "backend abacus: there is no backend of this name; use one of: auto, cuda, cpu, go"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, stdout, stderr := called(t, c.args...)
			if status != statusUsage || stdout != "" || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, `Try "straightway --help".`) {
				t.Errorf("status %d, output %q, error %q; want 2 and %q", status, stdout, stderr, c.want)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("%v was written (%v)", left, err)
			}
		})
	}
}

// What only the disk can tell ends with status 1, and names the folder, the cause and the cure.
func TestFailuresNameCauseAndCure(t *testing.T) {
	dir := t.TempDir()
	nowhere, file, few := filepath.Join(dir, "nowhere"), filepath.Join(dir, "a.png"), filepath.Join(dir, "few")
	if err := os.WriteFile(file, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(few, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writePhotographs(few, 3, 40, 40); err != nil {
		t.Fatal(err)
	}
	p := filepath.Join(dir, "p")
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"a folder that is not there", []string{"train", "--project", p, "--source", nowhere, "--target", few, "--backend", "go"}, []string{"reading the source folder", nowhere + " does not exist", "check the path"}},
		{"a file for a folder", []string{"train", "--project", p, "--source", file, "--target", few, "--backend", "go"}, []string{file + " is a file", "choose the folder that holds it"}},
		{"too few images", []string{"train", "--project", p, "--source", few, "--target", dir, "--backend", "go"}, []string{"the source folder cannot be trained on", few + " holds 3 usable pictures, where at least 16 are needed", "or choose another folder"}},
		{"resume what is no project", []string{"train", "--project", few, "--resume"}, []string{"not a Straightway project", "the folder " + few + " has no project.json", "choose a folder made by Straightway"}},
		{"translate with what is no project", []string{"translate", "--project", few, "--out", filepath.Join(dir, "out"), file}, []string{"not a Straightway project", few}},
		{"translate with a project without a round", []string{"translate", "--project", p, "--out", filepath.Join(dir, "out"), file}, []string{"has no finished round yet: train it"}},
		{"evaluate a project without a round", []string{"evaluate", "--project", p, "--backend", "go"}, []string{"has no finished round yet: train it"}},
		{"a plugin that is not there", []string{"bench", "--filter", "ingest", "--backend", filepath.Join(dir, "plugin.so")}, []string{"plugin.so does not exist", "check the path"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _, stderr := called(t, c.args...)
			if status != statusFailed {
				t.Errorf("status %d, want 1", status)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q does not say %q", stderr, want)
				}
			}
		})
	}
}

// A project whose first try failed takes the corrected settings of the next; one that has begun is left alone.
func TestAProjectThatHasNotBegunTakesNewSettings(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "p")
	first, second := project.Default(), project.Default()
	first.Source, first.Target = filepath.Join(dir, "wrong"), filepath.Join(dir, "b")
	second.Source, second.Target = filepath.Join(dir, "a"), filepath.Join(dir, "b")
	make := func(s project.Settings) (has project.Settings, begun bool) {
		var said bytes.Buffer
		p, begun, err := makeProject(&output{stderr: &said}, at, s)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		return p.Settings(), begun
	}
	if has, begun := make(first); begun || has.Source != first.Source {
		t.Fatalf("a new project: begun %t, source %s", begun, has.Source)
	}
	if has, begun := make(second); begun || has.Source != second.Source {
		t.Errorf("a project that has not begun: begun %t, source %s", begun, has.Source)
	}
	if err := os.MkdirAll(filepath.Join(at, "rounds", "1-flow"), 0o755); err != nil {
		t.Fatal(err)
	}
	if has, begun := make(first); !begun || has.Source != second.Source {
		t.Errorf("a project that has begun: begun %t, source %s", begun, has.Source)
	}
	if status, _, stderr := called(t, "train", "--project", at, "--source", first.Source, "--target", first.Target); status != statusFailed || !strings.Contains(stderr, "already holds a project: go on with it by --project "+at+" --resume, or name another folder") {
		t.Errorf("training into it: status %d, %q", status, stderr)
	}
	p, err := project.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if status, _, stderr := called(t, "train", "--project", at, "--resume"); status != statusFailed || !strings.Contains(stderr, "the project is in use") || !strings.Contains(stderr, "wait until it is done or stop it") {
		t.Errorf("resuming it while another holds it: status %d, %q", status, stderr)
	}
}

func TestInterruptionHasItsStatus(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if status := run(ctx, []string{"bench", "--filter", "ingest", "--backend", "go"}, &out, &errs, nil); status != statusInterrupted || !strings.Contains(errs.String(), "interrupted; what was done so far is saved") {
		t.Errorf("status %d, %q", status, errs.String())
	}
}

// Training tells its events from more than one goroutine; each JSON line stays whole.
func TestEventsAreWholeLinesOfJSON(t *testing.T) {
	var out, errs bytes.Buffer
	o := &output{json: true, stdout: &out, stderr: &errs}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for k := range 50 {
				o.event(map[string]any{"event": "test", "from": i, "value": float64(k), "nan": math.NaN(), "deep": map[string]any{"inf": math.Inf(1), "x": 1.5}})
				o.progress(fmt.Sprint("phase ", i), k, 50, "")
				o.note("note %d", k)
				o.result("result %d", k)
			}
		})
	}
	all.Wait()
	o.close()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 200 {
		t.Fatalf("%d lines, want 200: with --json standard output holds events alone", len(lines))
	}
	for _, line := range lines {
		var v struct {
			Event string
			NaN   *float64
			Deep  map[string]*float64
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Event != "test" {
			t.Fatalf("%q: %v", line, err)
		}
		if v.NaN != nil || v.Deep["inf"] != nil || *v.Deep["x"] != 1.5 {
			t.Fatalf("%q: what is not finite must be null", line)
		}
	}
}

func TestWithoutJSONResultsAreForPeople(t *testing.T) {
	var out, errs bytes.Buffer
	o := &output{stdout: &out, stderr: &errs}
	o.event(map[string]any{"event": "test"})
	o.result("%d done", 3)
	o.note("by the way")
	o.progress("reading", 1, 2, "soon")
	o.progress("reading", 2, 2, "soon") // the same phase within ten seconds says nothing
	o.close()
	if out.String() != "3 done\n" || errs.String() != "by the way\nreading 1/2 soon\n" {
		t.Errorf("output %q, errors %q", out.String(), errs.String())
	}
}

// The JSON lines of training, by the kind of event; see the contract in docs and DESIGN.
func TestTrainingEventsHaveTheFieldsOfTheContract(t *testing.T) {
	report := &project.RoundReport{Steps: 200, Images: 6400, Seconds: 31, Measurements: project.Measurements{
		"straightness": .04, "cost": .31, "kid/1": .9, "kid/4": .3, "kid/8": .25, "kid_source": 2, "kid_reverse/1": 3,
		"accepted/1": .5, "accepted_target": .9, "preservation/1": .8, "swd/1": 4,
	}}
	for _, c := range []struct {
		name  string
		event train.Event
		json  string
		says  string
	}{
		{
			"step",
			train.Event{Kind: train.StepEvent, Round: "1-flow", Step: 120, Steps: 500, Loss: .21, ImagesPerSecond: 118.5, ETA: 41e9, Phase: "training"},
			`{"event":"step","round":"1-flow","step":120,"steps":500,"loss":0.21,"images_per_second":118.5,"eta_seconds":41}`,
			"round 1-flow 120/500 loss 0.2100, 118 images/s, 41s left",
		},
		{"phase", train.Event{Kind: train.PhaseEvent, Phase: "reading", Done: 1, Total: 9}, `{"event":"phase","phase":"reading","done":1,"total":9}`, "reading 1/9"},
		{"note", train.Event{Kind: train.NoteEvent, Message: "24 images"}, `{"event":"note","message":"24 images"}`, "24 images"},
		{
			"round",
			train.Event{Kind: train.RoundEvent, Round: "2-reflow", Report: report, Sheet: "sheet.png"},
			`{"event":"round","round":"2-reflow","steps":200,"images":6400,"seconds":31,"straightness":0.04,"cost":0.31,"distance":{"1":0.9,"4":0.3,"8":0.25},"sheet":"sheet.png","accepted":{"1":0.5},"distance_reverse":{"1":3},"swd":{"1":4}}`,
			"round 2-reflow: straightness 0.0400, transport cost 0.310, distance to the target 0.900 at 1, 0.300 at 4, 0.250 at 8 (source 2.000)",
		},
	} {
		var out, errs bytes.Buffer
		reportTraining(&output{json: true, stdout: &out, stderr: &errs}, c.event)
		var got, want map[string]any
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%s: %q: %v", c.name, out.String(), err)
		}
		if err := json.Unmarshal([]byte(c.json), &want); err != nil {
			t.Fatal(err)
		}
		for key, v := range want {
			a, _ := json.Marshal(got[key])
			b, _ := json.Marshal(v)
			if !bytes.Equal(a, b) {
				t.Errorf("%s: %s is %s, want %s", c.name, key, a, b)
			}
		}
		if !strings.Contains(errs.String(), c.says) {
			t.Errorf("%s: a person reads %q, want %q", c.name, errs.String(), c.says)
		}
	}
}

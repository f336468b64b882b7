package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSettingsSurviveReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on demand")
	want := testSettings()
	want.Preset, want.Fit, want.Finish = PresetQuality, FitPad, FinishDistil
	want.Coupling, want.CouplingFeature, want.Loss = CouplingMinibatch, FeatureLuma, LossPixel
	want.Flip, want.Precision, want.Backend = FlipOff, PrecisionBF16, "xla:cpu"
	want.Background, want.Seed, want.Program = Colour{1, 2, 255}, math.MaxUint64, "1.2.3"
	p, err := Create(dir, want)
	if err != nil {
		t.Fatal(err)
	}
	want.CreatedAt = p.Settings().CreatedAt
	if time.Since(want.CreatedAt) > time.Hour {
		t.Errorf("created at %v", want.CreatedAt)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p, err = Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Settings() != want {
		t.Errorf("got %+v, want %+v", p.Settings(), want)
	}
	text, err := os.ReadFile(filepath.Join(dir, "project.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"schema": 2`, `"coupling_feature": "luma"`, `"background": "#0102ff"`, `"seed": 18446744073709551615`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("project.json lacks %s:\n%s", part, text)
		}
	}
}

func TestCreateRefusesAnExistingProject(t *testing.T) {
	p := newProject(t)
	p.Close()
	_, err := Create(p.Dir(), testSettings())
	if !errors.Is(err, ErrExists) {
		t.Fatal(err)
	}
	mention(t, err, p.Dir(), "resume it")
}

func TestOpenRefusesAFolderThatIsNoProject(t *testing.T) {
	dir := t.TempDir()
	for name, open := range map[string]func(string) (*Project, error){"Open": Open, "OpenReadOnly": OpenReadOnly} {
		_, err := open(dir)
		if !errors.Is(err, ErrNotProject) {
			t.Errorf("%s: %v", name, err)
		}
		mention(t, err, dir, "project.json", "choose a folder")
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("opening left %v behind", left)
	}
}

func TestValidateNamesCauseAndCure(t *testing.T) {
	if err := testSettings().Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*Settings)
		parts  []string
	}{
		{"no source", func(s *Settings) { s.Source = "" }, []string{"no source", "--source"}},
		{"relative target", func(s *Settings) { s.Target = "x/y" }, []string{`target "x/y"`, "full path"}},
		{"same folder", func(s *Settings) { s.Target = s.Source }, []string{"same folder", "two different"}},
		{"size", func(s *Settings) { s.Size = 48 }, []string{"size 48", "32, 64, 128, 256"}},
		{"no rounds", func(s *Settings) { s.Rounds = 0 }, []string{"rounds is 0", "1 (flow only)"}},
		{"steps", func(s *Settings) { s.Steps = -1 }, []string{"steps is -1", "0 for the preset"}},
		{"minutes", func(s *Settings) { s.Minutes = math.NaN() }, []string{"minutes is NaN", "0 for no limit"}},
		{"steps and minutes", func(s *Settings) { s.Steps, s.Minutes = 5, 5 }, []string{"both steps", "keep one"}},
		{"bridge noise", func(s *Settings) { s.BridgeNoise = 2 }, []string{"bridge noise is 2", "0.1 is usual"}},
		{"batch", func(s *Settings) { s.Batch = 5000 }, []string{"batch is 5000", "1 to 4096"}},
		{"coupling of noise", func(s *Settings) { s.Source, s.Coupling = NoiseSource, CouplingRegistered }, []string{"registered", "noise", "independent"}},
		{"two at once", func(s *Settings) { s.Size, s.Batch = 1, -1 }, []string{"size 1", "batch is -1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testSettings()
			c.change(&s)
			mention(t, s.Validate(), c.parts...)
		})
	}
	s := testSettings()
	s.Source = NoiseSource
	if err := s.Validate(); err != nil {
		t.Errorf("noise as the source: %v", err)
	}
}

func TestEnumerationsParseWhatTheyPrint(t *testing.T) {
	for setting, names := range map[string][]string{
		"preset": presetNames, "fit": fitNames, "finish": finishNames, "coupling": couplingNames,
		"coupling feature": featureNames, "loss": lossNames, "flip": flipNames, "precision": precisionNames, "kind of round": kindNames,
	} {
		for i, name := range names {
			e, err := parse[uint8](setting, names, strings.ToUpper(name))
			if err != nil || int(e) != i || nameOf(names, e) != name {
				t.Errorf("%s %s: %d, %v", setting, name, e, err)
			}
		}
	}
	_, err := ParsePreset("fast")
	mention(t, err, `preset "fast"`, "quick, balanced, quality")
	if _, err := Preset(9).MarshalText(); err == nil || Preset(9).String() != "unknown(9)" {
		t.Error("an unknown preset is printed as if it were known")
	}
	for text, want := range map[string]Colour{"white": {255, 255, 255}, "#0A0b0C": {10, 11, 12}, " black": {}} {
		if c, err := ParseColour(text); err != nil || c != want {
			t.Errorf("colour %q: %v, %v", text, c, err)
		}
	}
	_, err = ParseColour("#12345")
	mention(t, err, `"#12345"`, "#rrggbb")
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		rounds int
		finish Finish
		want   string
	}{
		{1, FinishNone, "1-flow"},
		{2, FinishRefine, "1-flow 2-reflow 3-refine"},
		{3, FinishDistil, "1-flow 2-reflow 3-reflow 4-distil"},
	} {
		s := Settings{Rounds: c.rounds, Finish: c.finish}
		if got := strings.Join(s.Plan(), " "); got != c.want {
			t.Errorf("%d rounds, %v: %s, want %s", c.rounds, c.finish, got, c.want)
		}
	}
}

func TestDamagedSettingsAreExplained(t *testing.T) {
	for _, c := range []struct {
		name, content string
		newer         bool
		parts         []string
	}{
		{"torn", `{"schema": 1, "sou`, false, []string{"project.json.bak", "restore"}},
		{"empty", ``, false, []string{"project.json.bak"}},
		{"no schema", `{}`, false, []string{"no schema number"}},
		{"unknown setting", `{"schema": 1, "colour": 3}`, false, []string{`"colour"`, "correct it by hand"}},
		{"unknown choice", `{"schema": 1, "preset": "fast"}`, false, []string{`"fast"`, "quick, balanced, quality"}},
		{"newer", `{"schema": 7, "program": "3.1.0", "hologram": true}`, true, []string{"schema 7", "reads up to 2", "version 3.1.0 or later"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t)
			s := p.Settings()
			s.Batch = 77
			if err := p.SaveSettings(s); err != nil {
				t.Fatal(err)
			}
			p.Close()
			path := filepath.Join(p.Dir(), settingsName)
			if err := os.WriteFile(path, []byte(c.content), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Open(p.Dir())
			mention(t, err, append(c.parts, path)...)
			if errors.Is(err, ErrNewer) != c.newer {
				t.Errorf("errors.Is(ErrNewer) is %v", !c.newer)
			}
			var damaged *DamagedError
			if errors.As(err, &damaged) == c.newer || damaged != nil && !damaged.Backup {
				t.Errorf("the error is %#v", err)
			}
			// The cure works: the copy holds the settings before the last change.
			if err := RestoreSettings(p.Dir()); err != nil {
				t.Fatal(err)
			}
			if kept, err := os.ReadFile(path + ".damaged"); err != nil || string(kept) != c.content {
				t.Errorf("what was damaged is kept as %q (%v)", kept, err)
			}
			again, err := Open(p.Dir())
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if again.Settings().Batch != 0 {
				t.Errorf("the restored batch is %d", again.Settings().Batch)
			}
		})
	}
}

func TestSettingsWithoutAGoodCopyAreNotRestored(t *testing.T) {
	p := newProject(t)
	p.Close()
	for _, name := range []string{settingsName, backupName} {
		if err := os.WriteFile(filepath.Join(p.Dir(), name), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Open(p.Dir())
	var damaged *DamagedError
	if !errors.As(err, &damaged) || damaged.Backup || damaged.Dir != p.Dir() {
		t.Errorf("the error is %#v", err)
	}
}

func TestSecondProcessIsRefusedUntilTheFirstIsKilled(t *testing.T) {
	p := newProject(t)
	p.Close()
	c := startChild(t, "hold", p.Dir())
	if !c.out.Scan() || c.out.Text() != "holding" {
		t.Fatalf("the child says %q", c.out.Text())
	}
	_, err := Open(p.Dir())
	if !errors.Is(err, ErrLocked) {
		t.Errorf("errors.Is(ErrLocked) is false")
	}
	mention(t, err, p.Dir(), "process "+strconv.Itoa(c.Process.Pid), "try again")
	reader, err := OpenReadOnly(p.Dir())
	if err != nil {
		t.Fatalf("a reader is refused: %v", err)
	}
	mention(t, reader.SaveSettings(reader.Settings()), "reading only")
	mention(t, reader.SaveCheckpoint("1-flow", checkpointAt(1)), "reading only")
	mention(t, reader.Append(Entry{}), "reading only")

	c.kill(t)
	p, err = Open(p.Dir())
	if err != nil {
		t.Fatalf("the lock outlived its process: %v", err)
	}
	defer p.Close()
	_, err = Open(p.Dir())
	mention(t, err, "process "+strconv.Itoa(os.Getpid()))
}

// Twenty times a process that does nothing but save is killed at a random
// moment. Afterwards whatever it had reported as saved is there, and whole.
func TestKillsLoseNothing(t *testing.T) {
	p := newProject(t)
	p.Close()
	dir := p.Dir()
	rng := rand.New(rand.NewPCG(1, 2))
	var saved int64
	for range 20 {
		c := startChild(t, "save", dir)
		steps, moment := 1+rng.IntN(4), time.Duration(rng.IntN(20_000))*time.Microsecond
		for n := 1; c.out.Scan(); n++ {
			step, err := strconv.ParseInt(c.out.Text(), 10, 64)
			if err != nil {
				t.Fatalf("the child says %q", c.out.Text())
			}
			saved = step
			if n == steps {
				go func() {
					time.Sleep(moment)
					c.Process.Kill()
				}()
			}
		}
		c.Wait()

		reader, err := OpenReadOnly(dir) // before anything is cleaned
		if err != nil {
			t.Fatal(err)
		}
		checkAfterKill(t, reader, saved)
		p, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		checkAfterKill(t, p, saved)
		err = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if strings.HasSuffix(path, temporarySuffix) {
				t.Errorf("%s was left behind", path)
			}
			return err
		})
		if err = errors.Join(err, p.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if saved < 20 {
		t.Errorf("20 runs saved only %d steps", saved)
	}
}

func checkAfterKill(t *testing.T, p *Project, saved int64) {
	t.Helper()
	c, warning, err := p.LoadLatest("1-flow")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(warning, ErrDamaged.Error()) {
		t.Errorf("a checkpoint was damaged: %s", warning)
	}
	if c.Step < saved {
		t.Errorf("step %d was saved, but %d was loaded", saved, c.Step)
	}
	checkConsistent(t, c)
	entries, err := p.History()
	if err != nil {
		t.Error(err)
	}
	if last := len(entries); last == 0 || entries[last-1].Step < saved {
		t.Errorf("the history lost step %d", saved)
	}
	for i, e := range entries {
		if e.Step != int64(i+1) {
			t.Fatalf("entry %d of the history is about step %d", i+1, e.Step)
		}
	}
	round, model, err := p.LoadModel("2-reflow")
	if err != nil {
		t.Fatal(err)
	}
	if round.Report.Steps < saved {
		t.Errorf("the report lost step %d", saved)
	}
	weights, err := model.Tensor("weights")
	if err != nil {
		t.Fatal(err)
	}
	v, err := Values[float32](weights)
	if err != nil || int64(v[0]) < round.Report.Steps {
		t.Errorf("the report of step %d has the model of step %v, %v", round.Report.Steps, v[0], err)
	}
}

func TestHistoryOmitsWhatAResumeSupersedes(t *testing.T) {
	p := newProject(t)
	add := func(round string, step int64) {
		if err := p.Append(Entry{Kind: "step", Round: round, Step: step, Values: Measurements{"loss": math.Inf(1), "rate": .5}}); err != nil {
			t.Fatal(err)
		}
	}
	resume := func(round string, step int64) {
		if err := p.Resumed(round, step); err != nil {
			t.Fatal(err)
		}
	}
	add("1-flow", 10)
	add("1-flow", 20)
	resume("1-flow", 15) // 20 happens again
	add("1-flow", 20)
	add("2-reflow", 5)
	add("2-reflow", 9)
	resume("2-reflow", 5)
	add("2-reflow", 8)
	resume("2-reflow", 7)
	add("2-reflow", 12)
	want := "1-flow:10 1-flow:20 2-reflow:5 2-reflow:12"
	check := func(want string) {
		t.Helper()
		entries, err := p.History()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, fmt.Sprintf("%s:%d", e.Round, e.Step))
			if !math.IsNaN(e.Values["loss"]) || e.Values["rate"] != .5 || e.Time.IsZero() {
				t.Errorf("values %v at %v", e.Values, e.Time)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("got %s, want %s", s, want)
		}
	}
	check(want)
	resume("1-flow", 10) // back before everything but the first
	check("1-flow:10")
}

func TestTornHistoryLineIsCutOff(t *testing.T) {
	for _, torn := range []string{`{"kind": "st`, strings.Repeat("x", 10_000), "\x00\x00"} {
		p := newProject(t)
		for step := range int64(3) {
			if err := p.Append(Entry{Kind: "step", Round: "1-flow", Step: step}); err != nil {
				t.Fatal(err)
			}
		}
		p.Close()
		path := filepath.Join(p.Dir(), historyName)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(whole, torn...), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err = Open(p.Dir())
		if err != nil {
			t.Fatal(err)
		}
		if now, _ := os.ReadFile(path); string(now) != string(whole) {
			t.Errorf("the file is %q", now)
		}
		if err := p.Append(Entry{Kind: "step", Round: "1-flow", Step: 3}); err != nil {
			t.Fatal(err)
		}
		entries, err := p.History()
		if err != nil || len(entries) != 4 || entries[3].Step != 3 {
			t.Errorf("%v, %v", entries, err)
		}
		p.Close()
	}
}

func TestUnreadableHistoryLineIsNamedAndLeftOut(t *testing.T) {
	p := newProject(t)
	lines := `{"kind":"step","round":"1-flow","step":1}` + "\nnonsense\n" + `{"kind":"step","round":"1-flow","step":3}` + "\n"
	if err := os.WriteFile(filepath.Join(p.Dir(), historyName), []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	entries, err := p.History()
	mention(t, err, historyName, "line 2", "delete it")
	if len(entries) != 2 || entries[1].Step != 3 {
		t.Errorf("%v", entries)
	}
}

func TestRoundNames(t *testing.T) {
	for _, name := range []string{"1-flow", "2-reflow", "10-refine", "3-distil"} {
		k, kind, err := ParseRoundName(name)
		if err != nil || RoundName(k, kind) != name {
			t.Errorf("%s: %d, %v, %v", name, k, kind, err)
		}
	}
	for _, name := range []string{"", "flow", "0-flow", "-1-flow", "01-flow", "1-FLOW", "1-flow ", "1-flux", "../1-flow"} {
		if _, _, err := ParseRoundName(name); err == nil {
			t.Errorf("%q is taken for a round", name)
		}
	}
}

func TestARoundIsFinishedByItsReport(t *testing.T) {
	p := newProject(t)
	_, err := p.Finished("")
	mention(t, err, "no finished round", "train it")
	if err := p.SaveCheckpoint("1-flow", checkpointAt(4)); err != nil {
		t.Fatal(err)
	}
	mention(t, p.RemoveCheckpoints("1-flow"), "no finished round")
	rounds, err := p.Rounds()
	if err != nil || len(rounds) != 1 || rounds[0].Finished {
		t.Fatalf("%v, %v", rounds, err)
	}
	report := RoundReport{Steps: 200, Images: 6400, Seconds: 31.5, Measurements: Measurements{"straightness": .04, "kid/1": math.NaN()}}
	if err := p.FinishRound("1-flow", checkpointAt(5).Tensors, map[string]string{"network": "quick"}, report); err != nil {
		t.Fatal(err)
	}
	if _, err := p.RoundDir("10-reflow"); err != nil {
		t.Fatal(err)
	}
	if err := p.FinishRound("2-reflow", checkpointAt(6).Tensors, nil, report); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(p.Dir(), roundsName, "my notes"), 0o755); err != nil {
		t.Fatal(err)
	}
	rounds, err = p.Rounds()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range rounds {
		names = append(names, fmt.Sprint(r.Name, r.Finished))
	}
	if got := strings.Join(names, " "); got != "1-flowtrue 2-reflowtrue 10-reflowfalse" {
		t.Error(got)
	}
	got := rounds[0].Report
	if got.Round != "1-flow" || got.Images != 6400 || got.Measurements["straightness"] != .04 || !math.IsNaN(got.Measurements["kid/1"]) || got.FinishedAt.IsZero() {
		t.Errorf("report %+v", got)
	}
	round, model, err := p.LoadModel("")
	if err != nil || round.Name != "2-reflow" {
		t.Fatalf("%v, %v", round, err)
	}
	checkTensors(t, model.Tensors, checkpointAt(6).Tensors)
	if _, model, err = p.LoadModel("1-flow"); err != nil || model.Meta["network"] != "quick" {
		t.Fatalf("%v, %v", model, err)
	}
	_, err = p.Finished("3-refine")
	mention(t, err, `"3-refine"`, "1-flow, 2-reflow")

	if err := p.RemoveCheckpoints("1-flow"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.LoadLatest("1-flow"); !errors.Is(err, ErrNoCheckpoint) {
		t.Error(err)
	}
	if err := os.Truncate(filepath.Join(p.Dir(), roundsName, "2-reflow", modelName), 1000); err != nil {
		t.Fatal(err)
	}
	_, _, err = p.LoadModel("2-reflow")
	mention(t, err, "round 2-reflow", "choose another round", modelName)
}

func TestDamagedCheckpointFallsBackToThePrevious(t *testing.T) {
	flip := func(at func(size int) int) func([]byte) []byte {
		return func(b []byte) []byte { b[at(len(b))] ^= 4; return b }
	}
	for name, damage := range map[string]func([]byte) []byte{
		"flipped in the data":   flip(func(n int) int { return n - 5000 }),
		"flipped in the header": flip(func(int) int { return 60 }),
		"flipped in the length": flip(func(int) int { return 0 }),
		"truncated":             func(b []byte) []byte { return b[:len(b)-1] },
		"emptied":               func(b []byte) []byte { return nil },
		"lengthened":            func(b []byte) []byte { return append(b, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			for step := int64(1); step <= 3; step++ {
				if err := p.SaveCheckpoint("1-flow", checkpointAt(step)); err != nil {
					t.Fatal(err)
				}
			}
			current := filepath.Join(p.Dir(), roundsName, "1-flow", currentName)
			previous := filepath.Join(p.Dir(), roundsName, "1-flow", previousName)
			spoil := func(path string) {
				b, err := os.ReadFile(path)
				if err == nil {
					err = os.WriteFile(path, damage(b), 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			spoil(current)
			p.Close()
			p, err := Open(p.Dir())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			c, warning, err := p.LoadLatest("1-flow")
			if err != nil || c.Step != 2 {
				t.Fatalf("step %d, %v", c.Step, err)
			}
			checkConsistent(t, c)
			mention(t, errors.New(warning), currentName, "damaged", "step 2")

			// The next save must not push the good one out for the damaged one.
			if err := p.SaveCheckpoint("1-flow", checkpointAt(7)); err != nil {
				t.Fatal(err)
			}
			if c, err := readCheckpoint(previous); err != nil || c.Step != 2 {
				t.Errorf("the previous checkpoint is of step %d, %v", c.Step, err)
			}
			if c, warning, err = p.LoadLatest("1-flow"); err != nil || warning != "" || c.Step != 7 {
				t.Errorf("step %d, %q, %v", c.Step, warning, err)
			}

			spoil(current)
			spoil(previous)
			_, _, err = p.LoadLatest("1-flow")
			mention(t, err, "no checkpoint of round 1-flow", "delete the folder", currentName, previousName)
		})
	}
}

func TestSaverWritesInTheBackgroundOneAtATime(t *testing.T) {
	p := newProject(t)
	s := p.NewSaver("1-flow")
	at := func(step int64) func() (Checkpoint, error) {
		return func() (Checkpoint, error) { return checkpointAt(step), nil }
	}
	// With the rounds held, no save can end, so the second must be skipped.
	p.roundsMu.Lock()
	if started, err := s.TrySave(at(1)); !started || err != nil {
		t.Fatal(started, err)
	}
	started, err := s.TrySave(func() (Checkpoint, error) {
		t.Error("a snapshot was taken for nothing")
		return Checkpoint{}, nil
	})
	if started || err != nil {
		t.Fatal(started, err)
	}
	p.roundsMu.Unlock()
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(at(2)); err != nil {
		t.Fatal(err)
	}
	if c, _, err := p.LoadLatest("1-flow"); err != nil || c.Step != 2 {
		t.Fatal(c.Step, err)
	}

	// A failed save is reported by the next call, once.
	bad := func() (Checkpoint, error) {
		return Checkpoint{Tensors: []Tensor{{Name: "w", DType: F32, Shape: []int{2}, Data: make([]byte, 3)}}}, nil
	}
	if _, err := s.TrySave(bad); err != nil {
		t.Fatal(err)
	}
	mention(t, s.Flush(), "1-flow", "tensor w", "needs 8 bytes")
	if err := s.Flush(); err != nil {
		t.Errorf("reported twice: %v", err)
	}
	_, err = s.TrySave(func() (Checkpoint, error) { return Checkpoint{}, errors.New("device lost") })
	mention(t, err, "snapshot of round 1-flow", "device lost")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	_, err = s.TrySave(at(3))
	mention(t, err, "closed")
}

func TestFailedWriteLeavesEverythingAsItWas(t *testing.T) {
	for _, c := range []struct {
		err   error
		parts []string
	}{
		{syscall.ENOSPC, []string{"disk is full", "free some space"}},
		{os.ErrPermission, []string{"not allowed", "choose another folder"}},
		{io.ErrUnexpectedEOF, []string{"unexpected EOF"}},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "weights")
		if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
			t.Fatal(err)
		}
		encode, err := encoder(checkpointAt(1).Tensors, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = WriteFile(path, func(w io.Writer) error { return encode(&fullDisk{w, 100_000, c.err}) })
		mention(t, err, append(c.parts, path)...)
		if !errors.Is(err, c.err) {
			t.Errorf("%v is not wrapped", c.err)
		}
		if b, _ := os.ReadFile(path); string(b) != "before" {
			t.Errorf("the file holds %d bytes", len(b))
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%d files are left", len(left))
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Create(filepath.Join(file, "project"), testSettings())
	mention(t, err, file, "is a file, not a folder")
}

// fullDisk takes room bytes and then fails.
type fullDisk struct {
	w    io.Writer
	room int
	err  error
}

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) > d.room {
		n, _ := d.w.Write(b[:d.room])
		d.room -= n
		return n, d.err
	}
	d.room -= len(b)
	return d.w.Write(b)
}

func TestOpenRemovesOnlyItsOwnTemporaryFiles(t *testing.T) {
	p := newProject(t)
	round, err := p.RoundDir("1-flow")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := p.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	var stale []string
	for _, dir := range []string{p.Dir(), round, cache} {
		for _, name := range []string{temporaryPrefix + "x.1234" + temporarySuffix, "mine.tmp"} {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			stale = append(stale, path)
		}
	}
	p, err = Open(p.Dir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i, path := range stale {
		if _, err := os.Stat(path); (err == nil) != (i%2 == 1) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestMeasurementsKeepNames(t *testing.T) {
	in := Measurements{"a": 1, "b/4": math.Inf(-1)}
	data, err := json.Marshal(in)
	if err != nil || string(data) != `{"a":1,"b/4":null}` {
		t.Fatalf("%s, %v", data, err)
	}
	var out Measurements
	if err := json.Unmarshal(data, &out); err != nil || out["a"] != 1 || !math.IsNaN(out["b/4"]) {
		t.Errorf("%v, %v", out, err)
	}
	if !reflect.DeepEqual(Measurements{}, func() Measurements { var m Measurements; _ = json.Unmarshal([]byte("{}"), &m); return m }()) {
		t.Error("an empty object is not empty")
	}
}

func TestAProjectThatIsGoneIsNotMadeAnew(t *testing.T) {
	p := newProject(t)
	defer p.Close()
	if err := os.RemoveAll(p.Dir()); err != nil {
		t.Fatal(err)
	}
	err := p.SaveCheckpoint("1-flow", checkpointAt(1))
	if !errors.Is(err, ErrGone) {
		t.Errorf("saving a checkpoint: %v", err)
	}
	mention(t, err, p.Dir(), "bring it back")
	if _, err := p.CacheDir(); !errors.Is(err, ErrGone) {
		t.Errorf("the cache: %v", err)
	}
	if _, err := os.Stat(p.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is there again (%v)", err)
	}
}

func TestGreyStaysWhereBothDomainsHaveGrey(t *testing.T) {
	for name, c := range map[string]struct {
		measured    Measurements
		there, back bool
	}{
		"not measured":          {Measurements{}, false, false},
		"none has":              {Measurements{"grey_source": 0, "grey_target": 0}, false, false},
		"both have":             {Measurements{"grey_source": .05, "grey_target": .04}, true, true},
		"colouring photographs": {Measurements{"grey_source": 1, "grey_target": .03}, false, true},
		"colour to line art":    {Measurements{"grey_source": .02, "grey_target": 1}, true, false},
		"a coloured target":     {Measurements{"grey_source": .05, "grey_target": 0}, false, true},
	} {
		p, err := Create(filepath.Join(t.TempDir(), "p"), testSettings())
		if err != nil {
			t.Fatal(err)
		}
		err = p.FinishRound("1-flow", []Tensor{NewTensor("w", []int{1}, []float32{1})}, nil, RoundReport{Round: "1-flow", Measurements: c.measured})
		if err != nil {
			t.Fatal(err)
		}
		if there, back := p.GreyStays(false), p.GreyStays(true); there != c.there || back != c.back {
			t.Errorf("%s: %v there and %v back, want %v and %v", name, there, back, c.there, c.back)
		}
		_ = p.Close()
	}
}

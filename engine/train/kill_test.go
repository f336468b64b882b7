package train

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/straightway-app/straightway/engine/project"
)

// childDir, when set, makes this test binary train the project that it names.
const childDir = "STRAIGHTWAY_TEST_TRAIN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		childTrain(dir)
		os.Exit(0)
	}
	os.Exit(runTests(m))
}

const killSteps = 8

// childTrain trains with an autosave after every step and prints what happens, until it is killed.
func childTrain(dir string) {
	p, err := project.Open(dir)
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	be, err := goBackend()
	if err == nil {
		_, err = Run(context.Background(), Options{
			Project: p, Backend: be, Autosave: 1, hooks: hooks{recipe: small(killSteps), few: 3},
			Watch: func(e Event) { fmt.Println(e.Kind, e.Round, e.Step, e.Phase, e.Message) },
		})
	}
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	fmt.Println("done")
}

func TestKillsLoseNothingAndDamageNothing(t *testing.T) {
	f := folders(t)
	change := func(s *project.Settings) { s.Rounds, s.Finish = 1, project.FinishRefine }
	whole := newProject(t, tiny(f, change))
	train(t, testOptions(t, whole, killSteps))

	p := newProject(t, tiny(f, change))
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)) // any moment must do
	least := int64(0)
	for kill := range 6 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		// Now soon after the start, then among the steps.
		word, lines := "", 1+rng.IntN(8)
		if kill%2 == 1 {
			word, lines = " training", 2+rng.IntN(5)
		}
		last := killChild(t, p.Dir(), word, lines, time.Duration(rng.IntN(40))*time.Millisecond)
		checkWhole(t, p.Dir())
		var err error
		if p, err = project.Open(p.Dir()); err != nil {
			t.Fatal(err)
		}
		now := progress(t, p)
		if now < least {
			t.Fatalf("kill %d: progress fell from %d to %d", kill, least, now)
		}
		t.Logf("kill %d after %q: %d", kill, last, now)
		least = now
	}
	defer p.Close()
	if least == 0 {
		t.Error("no kill met a run that had saved anything")
	}
	train(t, testOptions(t, p, killSteps))
	checkSame(t, models(t, p), models(t, whole))
}

// killChild trains in a child process and kills it a while after it has printed so many lines with a word.
func killChild(t *testing.T, dir, word string, lines int, after time.Duration) (last string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := bufio.NewScanner(out)
	for lines > 0 && read.Scan() {
		if last = read.Text(); strings.HasPrefix(last, "failed") {
			t.Error(last)
		}
		if strings.Contains(last, word) {
			lines--
		}
	}
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	return last
}

// progress counts the steps that are safe, over all rounds.
func progress(t *testing.T, p *project.Project) (steps int64) {
	t.Helper()
	rounds, err := p.Rounds()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rounds {
		if r.Finished {
			steps += r.Report.Steps
			continue
		}
		c, _, err := p.LoadLatest(r.Name)
		if err != nil && !errors.Is(err, project.ErrNoCheckpoint) {
			t.Fatal(err)
		}
		steps += c.Step
	}
	return steps
}

// checkWhole fails if a file under its final name is not whole.
func checkWhole(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".safetensors" {
			return err
		}
		f, err := project.ReadSafetensors(path)
		if err == nil && !f.Verified {
			err = errors.New("it has no checksum")
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

package studio

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// TestFromTwoFoldersToATrainedProject is the whole way of a person: choose, train, pause, translate and export while
// paused, go on, stop, close, open again, train to the end.
func TestFromTwoFoldersToATrainedProject(t *testing.T) {
	if raced {
		t.Skip("ten minutes under the race detector: the other tests run the same goroutines")
	}
	dirs := Dirs{filepath.Join(t.TempDir(), "config"), t.TempDir(), t.TempDir()}
	s := studioIn(t, dirs)
	s.Compute.Open("go")
	s.Domains[0].Choose(pictures(t, filepath.Join(t.TempDir(), "discs"), 24, 32, 32, red))
	s.Domains[1].Choose(pictures(t, filepath.Join(t.TempDir(), "blots"), 24, 40, 32, black))
	for _, d := range s.Domains {
		if st := scanned(t, d); st.Images != 24 {
			t.Fatalf("the folder has %+v", st)
		}
	}
	settings := smallest(s.Domains[0].Path(), s.Domains[1].Path())
	dir := s.SuggestDir()
	if filepath.Base(dir) != "discs to blots" {
		t.Errorf("the project would be called %s", dir)
	}
	plant(t, dir, settings)
	check(t, s.Create(dir, settings))
	training := s.Training
	if st := training.State(); st.State != Idle || fmt.Sprint(st.Plan) != "[1-flow 2-reflow 3-distil]" {
		t.Fatalf("a new project is %+v", st)
	}
	if _, err := s.Translator.Image(context.Background(), image.NewNRGBA(image.Rect(0, 0, 8, 8)), Request{Steps: 1, At: 1}); err == nil {
		t.Error("a picture was translated by nothing")
	}

	check(t, training.Start())
	if err := training.Start(); !errors.Is(err, ErrBusy) {
		t.Errorf("starting twice: %v", err)
	}
	if err := s.OpenProject(t.TempDir()); !errors.Is(err, ErrBusy) {
		t.Errorf("opening another project while training: %v", err)
	}
	done := func(n int) func() bool {
		return func() bool {
			st := training.State()
			if st.State == Failed {
				t.Fatal(st.Err)
			}
			finished := 0
			for _, r := range st.Rounds {
				if r.Finished {
					finished++
				}
			}
			return finished >= n
		}
	}
	until(t, "the first round", done(1))

	// An export waits while training runs, and goes on when it pauses.
	out := t.TempDir()
	check(t, s.Exporter.Start(Job{Inputs: []string{s.Domains[0].Path()}, Out: out, Steps: 1}))
	until(t, "the export to queue", func() bool { return s.Exporter.State().Queued })
	if st := s.Exporter.State(); st.Done != 0 || st.State != Running {
		t.Errorf("behind training the export is %+v", st)
	}
	training.Pause()
	until(t, "the pause", func() bool { return training.State().Event.Paused })
	until(t, "the export", func() bool { return !s.Exporter.Busy() })
	if st := s.Exporter.State(); st.State != Finished || st.Done != 24 || st.Failed != 0 || st.Queued {
		t.Errorf("the export ended as %+v", st)
	}
	if st := training.State(); st.State != Paused {
		t.Errorf("training is %v while paused", st.State)
	}
	src := disc(50, 40)
	result, err := s.Translator.Image(context.Background(), src, Request{Steps: 2, At: 1})
	check(t, err)
	if result.Round != "1-flow" || result.Image.Rect != src.Rect || result.Evaluations < 2 {
		t.Errorf("while paused: round %q, %v, %d evaluations", result.Round, result.Image.Rect, result.Evaluations)
	}

	training.Continue()
	if st := training.State(); st.State != Running {
		t.Errorf("after Continue it is %v", st.State)
	}
	_, version := s.Project()
	training.Stop()
	training.Wait()
	if _, now := s.Project(); now == version {
		t.Error("watchers of the project are not told of what was saved at the stop")
	}
	stopped := training.State()
	if stopped.State != Idle || stopped.Err != nil || stopped.Ended.IsZero() {
		t.Fatalf("after Stop it is %+v", stopped)
	}
	if len(stopped.Previews) == 0 || len(stopped.Losses) == 0 || len(stopped.Notes) == 0 {
		t.Fatalf("%d previews, %d losses, %d notes", len(stopped.Previews), len(stopped.Losses), len(stopped.Notes))
	}
	check(t, s.Diagnoser.Start())
	if err := s.Diagnoser.Start(); err == nil {
		t.Error("the rounds were measured twice at once")
	}
	until(t, "the measuring of the first round", func() bool { return s.Diagnoser.State().Round == "1-flow" })
	s.Diagnoser.Stop()
	until(t, "the end of the measuring", func() bool {
		st := s.Diagnoser.State().State
		return st != Running && st != Stopping
	})
	if st := s.Diagnoser.State(); st.State != Idle || st.Err != nil || st.Total == 0 {
		t.Errorf("measuring that was stopped is %+v", st)
	}
	check(t, s.Close())

	s = studioIn(t, dirs)
	s.Compute.Open("go")
	if recent := s.Preferences.Choices().Recent; len(recent) != 1 || recent[0] != dir {
		t.Fatalf("the recent projects are %q", recent)
	}
	check(t, s.OpenProject(dir))
	training = s.Training
	again := training.State()
	if again.State != Idle || len(again.Previews) != len(stopped.Previews) || len(again.Rounds) != len(stopped.Rounds) || len(again.Losses) == 0 {
		t.Fatalf("opened again it is %+v", again)
	}
	for i, p := range again.Previews {
		q := stopped.Previews[i]
		if p.Round != q.Round || p.Step != q.Step || p.Many != q.Many || len(p.Cells) != len(q.Cells) || !slices.Equal(p.Cells[0][1].Pix, q.Cells[0][1].Pix) {
			t.Errorf("preview %d came back as %s step %d", i, p.Round, p.Step)
		}
	}
	check(t, training.Start())
	training.Wait()
	if st := training.State(); st.State != Finished || st.Err != nil || !done(3)() {
		t.Fatalf("at the end it is %v: %v", st.State, st.Err)
	}
	var rounds []string
	for _, l := range training.State().Losses {
		rounds = append(rounds, l.Round)
		if !slices.IsSortedFunc(l.Points, func(a, b LossPoint) int { return a.Step - b.Step }) {
			t.Errorf("the losses of %s are not in order: %v", l.Round, l.Points)
		}
	}
	if fmt.Sprint(rounds) != "[1-flow 2-reflow 3-distil]" {
		t.Errorf("there are losses of %v", rounds)
	}
	if a := Advise(training.State().Rounds); a.Kind == NoAdvice || a.Round != "3-distil" {
		t.Errorf("the advice is %+v", a)
	}
	if _, ok := s.Preferences.speed("go", settings); !ok {
		t.Error("training did not note how fast this machine is")
	}
}

func TestAProjectThatHasBegunIsNotMadeAnew(t *testing.T) {
	dir := trained(t, "1-flow")
	s := newStudio(t)
	s.Domains[0].Choose(t.TempDir())
	s.Domains[1].Choose(t.TempDir())
	if err := s.Create(dir, project.Default()); !errors.Is(err, project.ErrExists) {
		t.Errorf("got %v", err)
	}
	if p, _ := s.Project(); p != nil {
		t.Error("the project was opened all the same")
	}
	check(t, s.OpenProject(dir)) // nobody holds it
	s.Domains[1].Clear()
	if err := s.Create(t.TempDir(), project.Default()); err == nil {
		t.Error("a project without a target was made")
	}
}

func TestTrainingThatCannotGoOnSaysWhy(t *testing.T) {
	s := newStudio(t)
	if err := s.Training.Start(); err == nil {
		t.Error("training started without a project")
	}
	dir := trained(t, "1-flow") // of folders with two pictures each
	check(t, s.OpenProject(dir))
	check(t, s.Training.Start())
	s.Training.Wait()
	if st := s.Training.State(); st.State != Failed || st.Err == nil || s.Training.Busy() {
		t.Fatalf("too few pictures: %v, %v", st.State, st.Err)
	}
	check(t, os.RemoveAll(s.Domains[0].Path()))
	check(t, s.Training.Start())
	s.Training.Wait()
	if st := s.Training.State(); !errors.Is(st.Err, os.ErrNotExist) {
		t.Errorf("without the source folder: %v", st.Err)
	}
}

func TestRestoreSetsLaterRoundsAside(t *testing.T) {
	dir := trained(t, "1-flow", "2-reflow", "3-distil")
	s := newStudio(t)
	check(t, s.OpenProject(dir))
	if st := s.Training.State(); st.State != Finished || len(st.Losses) != 3 {
		t.Fatalf("the project is %v with losses of %d rounds", st.State, len(st.Losses))
	}
	before, err := s.Translator.Image(context.Background(), disc(32, 32), Request{Steps: 1, At: 1})
	check(t, err)
	_, version := s.Project()
	aside, err := s.Training.Restore("2-reflow")
	check(t, err)
	if _, err := os.Stat(filepath.Join(aside, "3-distil", "round.json")); err != nil {
		t.Errorf("the later round is not in %s: %v", aside, err)
	}
	st := s.Training.State()
	if st.State != Idle || len(st.Rounds) != 2 || len(st.Losses) != 2 {
		t.Errorf("afterwards it is %v with %d rounds and losses of %d", st.State, len(st.Rounds), len(st.Losses))
	}
	if _, now := s.Project(); now == version {
		t.Error("watchers of the project are not told")
	}
	after, err := s.Translator.Image(context.Background(), disc(32, 32), Request{Steps: 1, At: 1})
	check(t, err)
	if before.Round != "3-distil" || after.Round != "2-reflow" || slices.Equal(before.Image.Pix, after.Image.Pix) {
		t.Errorf("translated by %s before and %s after", before.Round, after.Round)
	}
	if _, err := s.Training.Restore("3-distil"); err == nil {
		t.Error("a round that was set aside was restored")
	}
}

func TestThePlanGrows(t *testing.T) {
	s := newStudio(t)
	check(t, s.OpenProject(trained(t, "1-flow", "2-reflow", "3-distil")))
	check(t, s.Training.AddReflow())
	if st := s.Training.State(); fmt.Sprint(st.Plan) != "[1-flow 2-reflow 3-reflow 4-distil]" || st.State != Idle {
		t.Errorf("with one more reflow it is %v, %v", st.Plan, st.State)
	}
	check(t, s.Training.Finish(project.FinishNone))
	if st := s.Training.State(); fmt.Sprint(st.Plan) != "[1-flow 2-reflow 3-reflow]" {
		t.Errorf("without a finish it is %v", st.Plan)
	}
}

func TestEventsBecomeLosses(t *testing.T) {
	s := newStudio(t)
	check(t, s.OpenProject(trained(t)))
	p, _ := s.Project()
	step := func(round string, step int, loss float64) {
		s.Training.watch(p, "go", p.Settings(), train.Event{Kind: train.StepEvent, Phase: "training", Round: round, Step: step, Loss: loss})
	}
	step("1-flow", 0, 0)
	step("1-flow", 10, .5)
	held := s.Training.State().Losses
	step("1-flow", 10, .5) // repeated once a second
	step("1-flow", 20, .4)
	step("1-flow", 15, .45) // it went back to the last good state
	step("2-reflow", 5, .1)
	if got := fmt.Sprint(s.Training.State().Losses); got != "[{1-flow [{10 0.5} {15 0.45}]} {2-reflow [{5 0.1}]}]" {
		t.Errorf("the losses are %s", got)
	}
	if got := fmt.Sprint(held); got != "[{1-flow [{10 0.5}]}]" {
		t.Errorf("what was handed out became %s", got)
	}
}

func TestCloseGivesTheProjectFree(t *testing.T) {
	dir := trained(t, "1-flow")
	dirs := Dirs{t.TempDir(), t.TempDir(), t.TempDir()}
	s := studioIn(t, dirs)
	s.Compute.Open("go")
	check(t, s.OpenProject(dir))
	other := newStudio(t)
	if err := other.OpenProject(dir); !errors.Is(err, project.ErrLocked) {
		t.Errorf("a second window on the project: %v", err)
	}
	check(t, s.Exporter.Start(Job{Inputs: []string{pictures(t, t.TempDir(), 40, 64, 64, red)}, Out: t.TempDir(), Steps: 8}))
	s.Exporter.Pause()
	check(t, s.Close())
	if s.Exporter.Busy() {
		t.Error("the export goes on")
	}
	check(t, other.OpenProject(dir))
	check(t, other.CloseProject())
	p, err := project.Open(dir)
	check(t, err)
	check(t, p.Close())
}

// disc is a picture of a disc.
func disc(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := red
			if (x-w/2)*(x-w/2)+(y-h/2)*(y-h/2) > 100 {
				c.R, c.G, c.B = 255, 255, 255
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

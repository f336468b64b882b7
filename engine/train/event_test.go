package train

import (
	"context"
	"errors"
	"fmt"
	"image"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/straightway-app/straightway/engine/project"
)

// clock is a time that stands still until it is moved.
type clock struct{ now time.Time }

func TestSomethingIsToldEverySecond(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	var told []time.Time
	var last Event
	p := silentPublisher(func(e Event) {
		told = append(told, c.now)
		if e.Elapsed < last.Elapsed {
			t.Errorf("elapsed falls from %s to %s", last.Elapsed, e.Elapsed)
		}
		last = e
	}, func() time.Time { return c.now })
	pass := func(d time.Duration) {
		for range d / tick {
			c.now = c.now.Add(tick)
			p.beat()
		}
	}
	pass(2 * time.Second) // before anything is known
	if last.Kind != PhaseEvent || last.Round != "" {
		t.Errorf("before the first round a step is told: %+v", last)
	}
	p.phase("reading", 0, 10)
	pass(3 * time.Second)
	p.step(Event{Round: "1-flow", Step: 3, Steps: 9, Loss: .5})
	p.phase("compiling", 0, 0)
	pass(30 * time.Second)
	if last.Kind != StepEvent || last.Round != "1-flow" || last.Step != 3 || last.Loss != .5 || last.Phase != "compiling" || last.Elapsed < 34*time.Second {
		t.Errorf("in a long compilation: %+v", last)
	}
	for i := range 1000 { // a long phase with quick progress
		p.phase("measuring", i, 1000)
		c.now = c.now.Add(10 * time.Millisecond)
	}
	for i := 1; i < len(told); i++ {
		if gap := told[i].Sub(told[i-1]); gap > time.Second {
			t.Errorf("nothing is told for %s", gap)
		}
	}
	if len(told) > 90 {
		t.Errorf("%d events in 45 seconds", len(told))
	}
}

func TestAPublisherBeatsByItself(t *testing.T) {
	beats := make(chan Event)
	done := make(chan struct{})
	p := newPublisher(func(e Event) {
		select {
		case beats <- e:
		case <-done:
		}
	})
	for range 2 {
		select {
		case <-beats:
		case <-time.After(time.Minute):
			t.Fatal("no heartbeat")
		}
	}
	close(done)
	p.close()
}

// checkOrder fails unless rounds follow one another and steps only rise, from where a round stood.
func checkOrder(t *testing.T, events []Event, stood map[string]int64) {
	t.Helper()
	var order []string
	step := 0
	for _, e := range events {
		if e.Kind != StepEvent {
			continue
		}
		if e.Round == "" {
			t.Fatalf("a step of no round: %+v", e)
		}
		if !slices.Contains(order, e.Round) {
			order = append(order, e.Round)
			if step = e.Step; int64(step) != stood[e.Round] {
				t.Errorf("round %s begins at step %d instead of %d", e.Round, step, stood[e.Round])
			}
		}
		if e.Round != order[len(order)-1] {
			t.Errorf("back in round %s after %v", e.Round, order)
		}
		if e.Step < step || e.Step > step+1 || e.Step > e.Steps {
			t.Errorf("round %s: step %d of %d after step %d", e.Round, e.Step, e.Steps, step)
		}
		step = e.Step
	}
}

func TestPausesCanComeFromAnywhere(t *testing.T) {
	var c Control
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				c.Pause()
				c.waiting()
				c.Continue()
			}
		})
	}
	group.Wait()
	if c.waiting() != nil {
		t.Error("still paused")
	}
	if (*Control)(nil).waiting() != nil {
		t.Error("a run without a control is paused")
	}
}

func TestPreviewsAreKeptAndTold(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	o := testOptions(t, p, 4)
	o.Previews = 1
	d := makeSteps(t, o)
	var told []Preview
	for _, e := range d.events { // after the run, which has closed its sets
		if e.Kind == PreviewEvent {
			told = append(told, *e.Preview)
		}
	}
	var steps []int
	for _, preview := range told {
		steps = append(steps, preview.Step)
		if len(preview.Cells) != 3 {
			t.Fatalf("a preview of %d rows", len(preview.Cells))
		}
		for _, row := range preview.Cells {
			if len(row) != 5 {
				t.Errorf("a row of %d cells", len(row))
			}
			for _, cell := range row {
				if cell.Rect != image.Rect(0, 0, 32, 32) || slices.Max(cell.Pix[:3]) == 0 {
					t.Errorf("a cell of %v, the first pixel %v", cell.Rect, cell.Pix[:4])
				}
			}
		}
	}
	if !slices.Equal(steps, []int{1, 2, 3}) {
		t.Errorf("previews after the steps %v", steps)
	}
	kept, err := LoadPreviews(p)
	if err != nil || !reflect.DeepEqual(kept, told) {
		t.Errorf("%d previews were told and %d kept, or they differ (%v)", len(told), len(kept), err)
	}
	whole := newProject(t, tiny(f, one))
	makeSteps(t, testOptions(t, whole, 4))
	_, got := state(t, p, "1-flow")
	_, want := state(t, whole, "1-flow")
	checkSame(t, got, want)
}

func TestTheTimeLeftCountsTheRoundsToCome(t *testing.T) {
	recipe, err := NewRecipe(project.Default())
	if err != nil {
		t.Fatal(err)
	}
	s := &roundState{run: &run{recipe: recipe}, stage: recipe.Flow, step: recipe.Flow.Steps - 10, after: []string{"2-reflow", "3-refine"}}
	if s.eta() != 0 {
		t.Error("a time is given before a speed is known")
	}
	for range 200 {
		s.rates.add(32, 500*time.Millisecond)
	}
	if r := s.rates.rate(); r < 63.9 || r > 64.1 {
		t.Errorf("%v images/s instead of 64", r)
	}
	left := 10 + recipe.Reflow.Steps + recipe.Refine.Steps
	want := time.Duration(float64(left*recipe.Batch) / 64 * float64(time.Second))
	if d := s.eta() - want; d.Abs() > time.Second {
		t.Errorf("%s instead of %s", s.eta(), want)
	}
	for range 100 {
		s.rates.add(32, 250*time.Millisecond) // faster now
	}
	if r := s.rates.rate(); r < 115 || r > 128 {
		t.Errorf("%v images/s after 25 s at 128", r)
	}
}

func TestACancelledRunSaysSo(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, testOptions(t, p, 2)); !errors.Is(err, ErrInterrupted) {
		t.Error(err)
	}
}

func TestAPauseHoldsWhateverIsDone(t *testing.T) {
	f := folders(t)
	o := testOptions(t, newProject(t, tiny(f, func(s *project.Settings) { s.Finish = project.FinishDistil })), 2)
	o.Control = &Control{}
	asked, held := map[string]bool{}, map[string]bool{}
	o.Watch = func(e Event) {
		if e.Kind != StepEvent && e.Kind != PhaseEvent {
			return
		}
		phase, _, _ := strings.Cut(e.Phase, " of 1-flow")
		if e.Paused {
			held[phase] = true
			time.AfterFunc(10*time.Millisecond, o.Control.Continue)
		} else if phase != "starting" && phase != "compiling" && !asked[phase] {
			asked[phase] = true
			o.Control.Pause()
		}
	}
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	for _, phase := range []string{"training", "coupling source and target images", "teaching the classifier of the loss", "carrying images along the flow"} {
		if !asked[phase] {
			t.Errorf("never %s: %v", phase, asked)
		}
		if !held[phase] {
			t.Errorf("%s went on through a pause", phase)
		}
	}
}

func TestTheFeatureLossComesAfterTheFirstSteps(t *testing.T) {
	f := folders(t)
	const steps = 3 * 16
	run := func(change func(*project.Settings)) (*project.Project, *diary) {
		p := newProject(t, tiny(f, func(s *project.Settings) { one(s); change(s) }))
		return p, makeSteps(t, testOptions(t, p, steps))
	}
	whole, d := run(func(*project.Settings) {})
	_, plain := run(func(s *project.Settings) { s.Loss = project.LossPixel })
	for step := 1; step <= steps; step++ {
		at := fmt.Sprint("1-flow ", step)
		// The loss that is shown is the velocity's; the feature loss changes it from the step after its first on.
		if same := d.losses[at] == plain.losses[at]; same != (step <= 4) {
			t.Errorf("step %d: loss %v, without the feature loss %v", step, d.losses[at], plain.losses[at])
		}
	}
	for _, e := range d.events {
		if strings.HasPrefix(e.Phase, "teaching the classifier of the loss") && e.Step != 3 {
			t.Errorf("taught at step %d", e.Step)
		}
	}
	for _, e := range plain.events {
		if strings.HasPrefix(e.Phase, "teaching the classifier of the loss") {
			t.Fatal("taught for the pixel loss")
		}
	}
	parts := newProject(t, tiny(f, one))
	i := &interrupter{}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	i.stop, i.made, i.seen = cancel, map[string]bool{}, map[string]bool{}
	o := testOptions(t, parts, steps)
	o.Watch = i.watch // ends after two steps, before the classifier is taught
	if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	makeSteps(t, testOptions(t, parts, steps))
	_, got := state(t, parts, "1-flow")
	_, want := state(t, whole, "1-flow")
	checkSame(t, got, want)
}

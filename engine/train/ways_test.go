package train

import (
	"math"
	"slices"
	"testing"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// teacherWeights are those of round 1.
func teacherWeights(t *testing.T, s *roundState) []float32 {
	t.Helper()
	_, _, flat, err := model.Load(s.Project, "1-flow")
	if err != nil {
		t.Fatal(err)
	}
	return flat
}

func TestABackwardPairIsARealTargetAndWhereItCameFrom(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, func(s *project.Settings) {
		s.Rounds, s.Finish, s.Batch, s.BothWays, s.Flip = 1, project.FinishRefine, 4, true, project.FlipOn
	}))
	o := testOptions(t, p, 8)
	finishFlow(t, o)
	s := stand(t, o, "2-refine")
	teacher := s.sampler.With(model.NewWeights(teacherWeights(t, s)))
	size := s.settings.Size
	carried := func(img []byte, to flow.Path) []byte {
		z, err := teacher.Flow(t.Context(), model.AppendUnit(nil, img), to)
		if err != nil {
			t.Fatal(err)
		}
		return model.Bytes(z)
	}
	seen, mirrored := map[bool]int{}, 0
	for step := range 6 {
		for _, c := range s.pairing.pairs(step, 4) {
			from, to := s.a.set.Image(int(c.a)), s.b.set.Image(int(c.b))
			if c.back {
				real := c.moveB.Apply(to, size)
				if !slices.ContainsFunc(s.trainB, func(i int) bool { return string(s.target.Image(i)) == string(to) }) {
					t.Fatal("a backward pair does not end in a training image of the target")
				}
				if off(from, carried(real, flow.Backward(s.recipe.PairSteps))) > 1 {
					t.Fatal("a backward pair does not begin where the flow takes its target back to")
				}
			} else if off(to, carried(c.moveA.Apply(from, size), flow.Forward(s.recipe.PairSteps))) > 1 {
				t.Fatal("a forward pair does not end where the flow takes its source")
			}
			seen[c.back]++
			if c.moveA.Flip || c.moveB.Flip {
				mirrored++
			}
		}
	}
	if seen[true] != 12 || seen[false] != 12 || mirrored == 0 {
		t.Errorf("%d pairs go back, %d forward, %d are mirrored, of 24", seen[true], seen[false], mirrored)
	}
	for i, want := range map[int]*datasets.Set{0: s.target, s.target.Len(): s.source} {
		if string(s.real.set.Image(i)) != string(want.Image(0)) {
			t.Errorf("real image %d of the critic is of the wrong domain", i)
		}
	}
	if err := s.update(); err != nil { // and both networks take a step on them
		t.Fatal(err)
	}
}

// off is the largest difference of two images.
func off(a, b []byte) int {
	most := 0
	for i := range a {
		most = max(most, int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return most
}

func TestTimesOfAFinish(t *testing.T) {
	pairs := list(40)
	for i := range pairs {
		pairs[i].back = i%2 == 1
	}
	seen := map[bool]map[float32]int{false: {}, true: {}}
	for step := range 20 {
		for i, u := range newDraw(random(1, "finish", step), pairs, start, 4, 0, false).t {
			seen[pairs[i].back][u]++
		}
	}
	for back, want := range map[bool][]float32{false: {0, .25, .5, .75}, true: {1, .75, .5, .25}} {
		if len(seen[back]) != 4 {
			t.Errorf("back %t: times %v, want %v", back, seen[back], want)
		}
		for _, u := range want {
			if n := seen[back][u]; n < 50 { // 100 is the mean
				t.Errorf("back %t: t = %g came %d times of 400", back, u, n)
			}
		}
	}
}

func TestHalfOfABatchGoesBack(t *testing.T) {
	there, back := list(9), list(7)
	for i := range back {
		back[i].back = true
	}
	p := &both{&listed{list: there, seed: 1}, &listed{list: back, seed: 2}}
	for _, n := range []int{1, 2, 5, 8} {
		forward := 0
		for step := range 10 {
			pairs := p.pairs(step, n)
			if len(pairs) != n {
				t.Fatalf("%d pairs, want %d", len(pairs), n)
			}
			for _, c := range pairs {
				if !c.back {
					forward++
				}
			}
		}
		if forward != 5*n {
			t.Errorf("batches of %d: %d of %d pairs go forward", n, forward, 10*n)
		}
	}
}

// TestAGeneratorIsTrainedAndMeasured has no source folder at all.
func TestAGeneratorIsTrainedAndMeasured(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, func(s *project.Settings) {
		s.Source, s.Finish = project.NoiseSource, project.FinishRefine
	}))
	train(t, testOptions(t, p, 3))
	rounds, err := p.Rounds()
	if err != nil || len(rounds) != 3 {
		t.Fatal(len(rounds), err)
	}
	for _, r := range rounds {
		m := r.Report.Measurements
		for _, key := range []string{"kid/1", "swd/4", "accepted/1", "accepted_target", "balanced_accuracy", "cost", "straightness"} {
			if v, ok := m[key]; !ok || math.IsNaN(v) {
				t.Errorf("%s: %s is %v", r.Name, key, v)
			}
		}
		for _, key := range []string{"kid_source", "kid_colour", "preservation/1", "kid_reverse/1"} {
			if v, ok := m[key]; ok {
				t.Errorf("%s: %s is %v, and there is no source", r.Name, key, v)
			}
		}
		_, inverted := m["inverted_std/2"]
		_, back := m["round_trip/2"]
		if want := r.Kind.EveryTime(); inverted != want || back != want {
			t.Errorf("%s: inversion measured %t, round trip %t", r.Name, inverted, back)
		}
	}
}

func TestDamagedImagesDiffer(t *testing.T) {
	f := folders(t)
	s := stand(t, testOptions(t, newProject(t, tiny(f, one)), 1), "1-flow")
	set := part{s.target, s.trainB}
	copies := damaged(set, 1)
	if copies.Len() != set.Len() || copies.Size() != set.Size() {
		t.Fatalf("%d copies of %d px", copies.Len(), copies.Size())
	}
	same := 0
	for i := range copies.Len() {
		for k := range set.Len() {
			if string(copies.Image(i)) == string(set.Image(k)) {
				same++
			}
		}
	}
	if same > 2 { // exchanging white for white changes nothing
		t.Errorf("%d of %d copies are as the images were", same, copies.Len())
	}
}

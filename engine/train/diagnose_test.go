package train

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// diagnosed finishes a flow and its distillation with untrained networks, keeps weights as trained that are off by a
// tenth for the flow, and looks into them.
func diagnosed(t *testing.T) (*project.Project, []*Diagnosis) {
	t.Helper()
	f := folders(t)
	p := newProject(t, tiny(f, func(s *project.Settings) {
		s.Rounds, s.Finish, s.Coupling = 1, project.FinishDistil, project.CouplingIndependent
	}))
	o := testOptions(t, p, 1)
	finishFlow(t, o)
	_, file, err := p.LoadModel("1-flow")
	if err == nil {
		err = p.FinishRound("2-distil", file.Tensors, file.Meta, project.RoundReport{Steps: 3})
	}
	if err == nil {
		err = p.Append(project.Entry{Kind: "step", Round: "1-flow", Step: 1, Values: project.Measurements{"loss": .5, "rate": 1e-3}})
	}
	if err != nil {
		t.Fatal(err)
	}
	s := stand(t, o, "2-distil") // from the flow's weights
	s.name = "1-flow"
	w := values32(t, file)
	for i := range w {
		w[i] *= 1.1
	}
	s.net.set(w, w, make([]float32, len(w)), make([]float32, len(w)))
	if err := s.keepRaw(); err != nil {
		t.Fatal(err)
	}
	var rounds []*Diagnosis
	if err := Diagnose(context.Background(), o, "", func(g *Diagnosis) { rounds = append(rounds, g) }); err != nil {
		t.Fatal(err)
	}
	return p, rounds
}

// values32 is a model's parameter vector.
func values32(t *testing.T, f *project.File) (out []float32) {
	t.Helper()
	for _, x := range f.Tensors {
		v, err := project.Values[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v...)
	}
	return out
}

func TestDiagnoseSaysOfEveryRoundWhatItKnows(t *testing.T) {
	p, rounds := diagnosed(t)
	if len(rounds) != 2 || rounds[0].Round != "1-flow" || rounds[1].Round != "2-distil" {
		t.Fatalf("%d rounds were looked into, want 1-flow and 2-distil", len(rounds))
	}
	g, finish := rounds[0], rounds[1]

	t.Run("loss", func(t *testing.T) {
		if len(g.Loss) != 1+lossBins || len(finish.Loss) != 1 || finish.Loss[0].To != 0 {
			t.Fatalf("a flow has its loss at %d places of time and a finish at %d, want t = 0 and %d stretches, and t = 0", len(g.Loss), len(finish.Loss), lossBins)
		}
		sum := 0.
		for _, l := range g.Loss[1:] {
			sum += l.HeldOut.Mean / lossBins
			if !(l.HeldOut.Mean > 0 && l.HeldOut.SE > 0 && l.Training.Mean > 0) {
				t.Errorf("t %s: %+v", l.Place(), l)
			}
		}
		if v := g.Identity.Crossing.Mean; math.Abs(sum-v) > 1e-6*v {
			t.Errorf("the mean loss over time is %g, and V %g", sum, v)
		}
	})
	t.Run("identity", func(t *testing.T) {
		i := g.Identity
		if off := i.Straightness.Mean + i.Crossing.Mean - i.Drop.Mean - i.Gap.Mean; math.Abs(off) > 1e-9 {
			t.Errorf("S + V − drop is off its gap by %g", off)
		}
		if drop := g.Before.L2Squared.Mean - g.After.L2Squared.Mean; math.Abs(drop-i.Drop.Mean) > 1e-6 {
			t.Errorf("the cost falls by %g, and the drop is %g", drop, i.Drop.Mean)
		}
		if math.Abs(g.Bound-g.Before.L2Squared.Mean) > 1e-9 {
			t.Errorf("the bound of round 1 is %g, its cost %g", g.Bound, g.Before.L2Squared.Mean)
		}
		if !math.IsNaN(finish.Bound) || !math.IsNaN(finish.Identity.Gap.Mean) || finish.Identity.Straightness.Mean > 1e-9 {
			t.Errorf("a finish of one straight step has S %g, gap %g, bound %g", finish.Identity.Straightness.Mean, finish.Identity.Gap.Mean, finish.Bound)
		}
	})
	t.Run("marginals", func(t *testing.T) {
		for k, d := range g.Marginal {
			if e := d.Features; !(e.Noise > 0 && e.Distance < 3) { // squashed features lie in ±3
				t.Errorf("t = %g: %+v", MarginalTimes[k], e)
			}
		}
		if e := g.Marginal[0].Pixels; e.Distance > 3*e.Noise {
			t.Errorf("source images are %g from source images, where the noise is %g", e.Distance, e.Noise)
		}
	})
	t.Run("layers", func(t *testing.T) {
		values := 0
		for _, l := range g.Layers {
			values += l.Values
			if math.IsNaN(l.Gradient) || math.Abs(l.Apart-.1) > 1e-3 && l.Weight > 0 {
				t.Errorf("%+v", l)
			}
		}
		last := g.Layers[len(g.Layers)-1]
		if last.Gradient == 0 || values != len(values32(t, file32(t, p))) {
			t.Errorf("%d values; the last layer is %+v", values, last)
		}
	})
	t.Run("averages", func(t *testing.T) {
		if g.Average == nil || math.Abs(g.Average.Apart-.1) > 1e-3 || g.Average.Raw.Mean == g.Average.Averaged.Mean {
			t.Errorf("weights a tenth away are %+v", g.Average)
		}
		if finish.Average != nil {
			t.Error("weights that were not kept are compared")
		}
	})
	t.Run("tables", func(t *testing.T) {
		var file bytes.Buffer
		if err := errors.Join(WriteMeasurements(&file, rounds), WriteNearest(new(bytes.Buffer), rounds)); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&file).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		has := func(line ...string) bool {
			return slices.ContainsFunc(lines, func(l []string) bool { return slices.Equal(l[:len(line)], line) })
		}
		if !has("1-flow", "loss", "0.10-0.20") || !has("1-flow", "bound", "") || has("2-distil", "bound") || !has("2-distil", "loss", "0.00") {
			t.Error("lines are missing, or too many")
		}
		var b bytes.Buffer
		if err := ChartsOf(rounds).WritePNG(&b); err != nil {
			t.Fatal(err)
		}
		if picture, err := png.DecodeConfig(&b); err != nil || picture.Width < 1000 {
			t.Errorf("the charts are %v, %v", picture, err)
		}
	})
	t.Run("tensorboard", func(t *testing.T) {
		dir := t.TempDir()
		if err := WriteBoard(p, dir, rounds); err != nil {
			t.Fatal(err)
		}
		names := BoardFiles(p)
		if len(names) != 1 || filepath.Dir(names[0]) != "1-flow" {
			t.Fatalf("the history speaks of one round, the files are %v", names)
		}
		data, err := os.ReadFile(filepath.Join(dir, names[0]))
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range []string{"train/loss", "train/learning_rate", "diagnose/loss_by_t", "diagnose/gradient_norm/in.weight", "diagnose/nearest"} {
			if !bytes.Contains(data, []byte(tag)) {
				t.Errorf("tag %s is not there", tag)
			}
		}
	})
}

// Whatever the outputs are, a target that is in the training set is its own nearest neighbour, and its copies are told.
func TestNearestFindsCopies(t *testing.T) {
	f := folders(t)
	o := testOptions(t, newProject(t, tiny(f, func(s *project.Settings) { s.Coupling, s.Flip = project.CouplingIndependent, project.FlipOn })), 1)
	d := &diagnoser{run: newRun(o)}
	defer d.out.close()
	defer d.close()
	ctx := context.Background()
	if err := d.prepare(ctx); err != nil {
		t.Fatal(err)
	}
	held, err := d.heldOutPairs(ctx, "1-flow")
	if err != nil {
		t.Fatal(err)
	}
	copies := unitPixels(part{d.target, d.trainB[:held.n]})
	g := &Diagnosis{Round: "1-flow"}
	if err := d.nearest(ctx, g, held, copies); err != nil {
		t.Fatal(err)
	}
	for i, found := range g.Nearest.Outputs {
		want := d.target.Name(d.trainB[i])
		if found.Pixels.Name != want || found.Features.Name != want || found.Pixels.Mirrored || found.Pixels.Distance > 1e-6 {
			t.Errorf("the copy of %s is taken for %+v", want, found)
		}
	}
	if c := g.Nearest.Pixels; c.Ratio > 1e-6 || c.Nearer < .999 || c.Real <= 0 {
		t.Errorf("copies are not told: %+v", c)
	}
	same, err := d.distances(ctx, d.heldTarget, copies)
	if err != nil {
		t.Fatal(err)
	}
	black := slices.Repeat([]float32{-1}, len(copies))
	for i := range black {
		black[i] += .01 * float32(i%7)
	}
	far, err := d.distances(ctx, d.heldTarget, black)
	if err != nil || far.Pixels.Distance < 1.5*same.Pixels.Distance {
		t.Errorf("targets are %+v from targets and %+v from black images (%v)", same.Pixels, far.Pixels, err)
	}
	if s := g.Sheet; len(s.Columns) != 4 || !strings.Contains(s.Columns[2].Names[0], d.target.Name(d.trainB[0])) {
		t.Error("the sheet does not name what it shows")
	}
}

func TestDiagnoseNamesTheRoundsThereAre(t *testing.T) {
	o := testOptions(t, newProject(t, tiny(folders(t), one)), 1)
	tell := func(*Diagnosis) { t.Error("a round was looked into") }
	if err := Diagnose(context.Background(), o, "", tell); err == nil || !strings.Contains(err.Error(), "no finished round yet") {
		t.Errorf("without a round: %v", err)
	}
	finishFlow(t, o)
	if err := Diagnose(context.Background(), o, "2-reflow", tell); err == nil || !strings.Contains(err.Error(), "1-flow") {
		t.Errorf("of a round that is not there: %v", err)
	}
}

// file32 is the model of round 1.
func file32(t *testing.T, p *project.Project) *project.File {
	t.Helper()
	_, f, err := p.LoadModel("1-flow")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Pairs that are looked at are coupled as the round's own: no held-out image meets a training image, each target is used
// once.
func TestDiagnosedPairsAreOfTheRoundsKind(t *testing.T) {
	f := folders(t)
	for _, c := range []struct {
		name   string
		change func(*project.Settings)
	}{
		{"registered", func(s *project.Settings) { s.Coupling = project.CouplingRegistered }},
		{"minibatch", func(s *project.Settings) { s.Coupling = project.CouplingMinibatch }},
		{"independent", func(s *project.Settings) { s.Coupling = project.CouplingIndependent }},
		{"noise", func(s *project.Settings) { s.Source = project.NoiseSource }},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			d := &diagnoser{run: newRun(testOptions(t, newProject(t, tiny(f, c.change)), 1))}
			defer d.out.close()
			defer d.close()
			if err := errors.Join(d.prepareRecipe(), d.openSets(ctx)); err != nil {
				t.Fatal(err)
			}
			held, err := d.heldOutPairs(ctx, "1-flow")
			if err != nil {
				t.Fatal(err)
			}
			seen, err := d.trainingPairs(ctx, "1-flow", held.n)
			if err != nil {
				t.Fatal(err)
			}
			if held.n != 3 || seen.n != 3 || len(held.names) != 3 || len(seen.x1) != len(held.x1) || len(seen.x0) != len(held.x0) {
				t.Fatalf("%d held-out and %d training pairs, want 3 each", held.n, seen.n)
			}
			used := map[string]bool{}
			for i := range held.n {
				x, y := d.cut(held.x1, 1, i), d.cut(seen.x1, 1, i)
				used[string(model.Bytes(x))] = true
				if slices.Equal(x, y) || slices.Equal(d.cut(held.x0, 1, i), d.cut(seen.x0, 1, i)) {
					t.Error("a held-out pair shares an image with a training pair")
				}
			}
			if len(used) != held.n {
				t.Errorf("%d pairs have %d targets", held.n, len(used))
			}
		})
	}
}

package train

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/model"
)

// countdown is a context that ends when it has been asked so many times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestPairsAreMadeInPartsThatAreKept(t *testing.T) {
	f := folders(t)
	o := testOptions(t, newProject(t, tiny(f, one)), 1)
	o.Autosave = 1
	o.hooks.few = 1 // four images at a time, and two steps each
	s := stand(t, o, "1-flow")
	var pairs []couple
	for i := range 20 {
		pairs = append(pairs, couple{a: int32(s.trainA[i%len(s.trainA)]), moveA: flow.Move{Flip: i >= len(s.trainA)}})
	}
	flat := s.recipe.Net.Table().Init(1)
	for i := range flat {
		flat[i] += .01
	}
	m := s.sampler.With(model.NewWeights(flat))
	asked := &countdown{context.Background(), 1000}
	whole, err := s.makePairs(asked, m, flow.Forward(s.recipe.PairSteps), "carrying", "whole", s.source, pairs)
	if err != nil || len(whole) != 20*32*32*3 {
		t.Fatal(len(whole), err)
	}
	if got := cachedVector[uint8](s.run, "whole", len(whole)); !bytes.Equal(got, whole) {
		t.Error("the pairs were not kept")
	}
	all := 1000 - asked.left

	for _, c := range []struct {
		name  string
		harm  func(path string) error
		saved int // of the five parts
	}{
		{"nothing happens", func(string) error { return nil }, 3},
		{"the second part is damaged", func(path string) error { return os.Truncate(path, 100) }, 1},
		{"the second part is gone", os.Remove, 1},
		{"the cache is deleted", func(path string) error { return os.RemoveAll(filepath.Dir(path)) }, 0},
	} {
		if _, err := s.makePairs(&countdown{context.Background(), all * 3 / 5}, m, flow.Forward(s.recipe.PairSteps), "carrying", c.name, s.source, pairs); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err := c.harm(filepath.Join(s.cache, c.name+".part4")); err != nil {
			t.Fatal(err)
		}
		asked := &countdown{context.Background(), 1000}
		got, err := s.makePairs(asked, m, flow.Forward(s.recipe.PairSteps), "carrying", c.name, s.source, pairs)
		if err != nil || !bytes.Equal(got, whole) {
			t.Errorf("when %s, the pairs differ (%v)", c.name, err)
		}
		if want := all * (5 - c.saved) / 5; 1000-asked.left != want {
			t.Errorf("when %s, %d of %d evaluations are made again instead of %d", c.name, 1000-asked.left, all, want)
		}
		if left, _ := filepath.Glob(filepath.Join(s.cache, "*.part*")); left != nil {
			t.Errorf("when %s, there are left behind %v", c.name, left)
		}
	}
}

func TestAClassifierGoesOnWhereItWasInterrupted(t *testing.T) {
	f := folders(t)
	s := stand(t, testOptions(t, newProject(t, tiny(f, one)), 1), "1-flow")
	s.recipe.ClassifySteps = 3
	told := 0
	teach := func(ctx context.Context, name string) ([]float32, error) {
		told = 0
		return s.trainClassifier(ctx, layer.Lowering{}, lossSight, 5, name, func(int, int) { told++ })
	}
	whole, err := teach(context.Background(), "whole.part")
	if err != nil || told != 3 {
		t.Fatal(told, err)
	}
	if _, err := teach(&countdown{context.Background(), 1}, "parts.part"); !errors.Is(err, context.Canceled) || told != 1 {
		t.Fatal(told, err)
	}
	parts, err := teach(context.Background(), "parts.part")
	if err != nil || told != 2 || !slices.Equal(parts, whole) {
		t.Errorf("%d steps after the interruption, %v", told, err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.cache, "*.part")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestCouplingsComeFromTheCacheWhereTheyFit(t *testing.T) {
	f := folders(t)
	p := newProject(t, tiny(f, one))
	makeSteps(t, testOptions(t, p, 1))
	paths, err := filepath.Glob(filepath.Join(p.Dir(), "cache", "coupling-*.json"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("the coupling is kept: %v, %v", paths, err)
	}
	_, want := state(t, p, "1-flow")
	for name, content := range map[string]string{
		"as it is":      "",
		"damaged":       `{"Pairs":[{"Sou`,
		"of other sets": `{"Feature":0,"Pairs":[{"Source":999,"Target":0}],"Distinct":99}`,
	} {
		q := newProject(t, tiny(f, one))
		o := testOptions(t, q, 1)
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if content != "" {
				data = []byte(content)
			}
			if err := errors.Join(err, os.WriteFile(filepath.Join(q.Dir(), "cache", filepath.Base(path)), data, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		d := makeSteps(t, o)
		coupled := false
		for _, e := range d.events {
			coupled = coupled || strings.HasPrefix(e.Phase, "coupling")
		}
		if coupled != (content != "") {
			t.Errorf("%s: coupled anew: %v", name, coupled)
		}
		_, got := state(t, q, "1-flow")
		checkSame(t, got, want)
	}
}

package project

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRestoreSetsLaterRoundsAside(t *testing.T) {
	s := Default()
	s.Source, s.Target = "/a", "/b"
	p, err := Create(filepath.Join(t.TempDir(), "p"), s)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, name := range []string{"1-flow", "2-reflow", "3-refine"} {
		if err := p.FinishRound(name, []Tensor{NewTensor("w", []int{1}, []float32{1})}, nil, RoundReport{Round: name, Steps: 5}); err != nil {
			t.Fatal(err)
		}
		if err := p.Append(Entry{Kind: "round", Round: name, Step: 5}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(p.PreviewsDir(), 0o777); err != nil {
		t.Fatal(err)
	}
	preview := func(dir, round string) string { return filepath.Join(dir, round+"_0000005_8_32.png") }
	for _, name := range []string{"1-flow", "3-refine"} {
		if err := os.WriteFile(preview(p.PreviewsDir(), name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	aside, err := p.Restore("1-flow")
	if err != nil {
		t.Fatal(err)
	}
	if last, err := p.Finished(""); err != nil || last.Name != "1-flow" {
		t.Errorf("the last round is %s, %v", last.Name, err)
	}
	for _, name := range []string{"2-reflow", "3-refine"} {
		if _, err := os.Stat(filepath.Join(aside, name, modelName)); err != nil {
			t.Errorf("the model of %s was not kept: %v", name, err)
		}
	}
	for _, path := range []string{preview(p.PreviewsDir(), "1-flow"), preview(filepath.Join(aside, previewsName), "3-refine")} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("a preview is not where it should be: %v", err)
		}
	}
	if left, err := os.ReadDir(p.PreviewsDir()); err != nil || len(left) != 1 {
		t.Errorf("previews of %v are left: %v", left, err)
	}
	history, err := p.History()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range history {
		if e.Round != "1-flow" {
			t.Errorf("the history still tells of %s", e.Round)
		}
	}
	if aside, err := p.Restore("1-flow"); err != nil || aside != "" {
		t.Errorf("restoring the last round again: %q, %v", aside, err)
	}
	if _, err := p.Restore("3-refine"); err == nil {
		t.Error("a round that is not there was restored")
	}
}

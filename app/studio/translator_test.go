package studio

import (
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/translate"
)

func TestThePictureItselfNeedsNoNetwork(t *testing.T) {
	dir := t.TempDir()
	s, err := New(Dirs{filepath.Join(dir, "config"), filepath.Join(dir, "cache"), filepath.Join(dir, "data")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	img := image.NewNRGBA(image.Rect(0, 0, 90, 60))
	r, err := s.Translator.Image(context.Background(), img, Request{Steps: 4})
	if err != nil || r.Image.Rect.Size() != image.Pt(90, 60) || r.Evaluations != 0 {
		t.Errorf("at t = 0 a picture of 90×60 becomes %+v: %v", r, err)
	}
	if _, err := s.Translator.Image(context.Background(), img, Request{Steps: 4, At: 1}); !errors.Is(err, ErrNothingTrained) {
		t.Errorf("without a project translating gives %v", err)
	}
	settings := project.Default()
	settings.Source, settings.Target, settings.Size = t.TempDir(), t.TempDir(), 64
	p, err := project.Create(filepath.Join(dir, "project"), settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.OpenProject(p.Dir()); err != nil {
		t.Fatal(err)
	}
	r, err = s.Translator.Image(context.Background(), img, Request{Size: translate.Model})
	if err != nil || r.Image.Rect.Size() != image.Pt(64, 64) || r.Evaluations != 0 || r.Round != "" {
		t.Errorf("at t = 0 and at the model's size it becomes %+v: %v", r, err)
	}
}

func TestAnotherProjectIsNotTranslatedByTheNetworkOfTheOneBefore(t *testing.T) {
	s := studioIn(t, Dirs{t.TempDir(), t.TempDir(), t.TempDir()})
	opening := make(chan struct{}) // the backend takes its time
	s.Compute.ready = opening
	check(t, s.OpenProject(trained(t, "1-flow")))
	late := make(chan error)
	go func() {
		_, err := s.Translator.Image(context.Background(), disc(32, 32), Request{Steps: 1, At: 1})
		late <- err
	}()
	time.Sleep(50 * time.Millisecond) // it waits by now, in all likelihood
	check(t, s.OpenProject(trained(t, "1-flow", "2-reflow")))
	s.Compute.Open("go")
	close(opening)
	if err := <-late; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the late picture ends with %v", err)
	}
	r, err := s.Translator.Image(context.Background(), disc(32, 32), Request{Steps: 1, At: 1})
	if err != nil || r.Round != "2-reflow" {
		t.Errorf("the other project's picture was translated by %q: %v", r.Round, err)
	}
}

func TestChangingTheBackendWaitsForThePictureUnderWay(t *testing.T) {
	s := newStudio(t)
	check(t, s.OpenProject(trained(t, "1-flow")))
	var pictures sync.WaitGroup
	for range 4 {
		pictures.Go(func() {
			for range 5 {
				if _, err := s.Translator.Image(context.Background(), disc(32, 32), Request{Steps: 1, At: 1}); err != nil {
					t.Errorf("while the backend changes: %v", err)
				}
			}
		})
	}
	for range 5 {
		s.UseBackend("go")
		time.Sleep(10 * time.Millisecond)
	}
	pictures.Wait()
}

// What training saved last is used, also after it has gone on.
func TestARoundInTrainingTranslatesAsItWasSavedLast(t *testing.T) {
	dir := trained(t, "1-flow")
	s := newStudio(t)
	check(t, s.OpenProject(dir))
	p, _ := s.Project()
	r := Request{Round: "2-reflow", Steps: 1, At: 1}
	if _, err := s.Translator.Image(context.Background(), disc(32, 32), r); err == nil {
		t.Error("a round that was never saved translated a picture")
	}
	var results [][]byte
	for i := range 2 {
		plantSave(t, p, r.Round, int64(i+1), uint64(i+5))
		at := time.Now().Add(time.Duration(i) * time.Minute) // whatever the file system's clock makes of it
		check(t, os.Chtimes(filepath.Join(dir, "rounds", r.Round, "checkpoint.safetensors"), at, at))
		for range 2 {
			got, err := s.Translator.Image(context.Background(), disc(32, 32), r)
			check(t, err)
			if got.Round != r.Round {
				t.Errorf("%s translated instead of %s", got.Round, r.Round)
			}
			results = append(results, got.Image.Pix)
		}
	}
	if !slices.Equal(results[0], results[1]) || slices.Equal(results[1], results[2]) || !slices.Equal(results[2], results[3]) {
		t.Error("the translations do not follow the saves")
	}
	if got, err := s.Translator.Image(context.Background(), disc(32, 32), Request{Steps: 1, At: 1}); err != nil || got.Round != "1-flow" {
		t.Errorf("without a name the picture was translated by %q: %v", got.Round, err)
	}
}

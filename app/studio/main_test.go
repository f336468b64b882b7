package studio

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/critic"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
	"github.com/straightway-app/straightway/engine/unet"
)

// The tests work on generated pictures, on the pure Go backend, without a display.

// newStudio is a studio on folders of the test's own. It computes on pure Go, and is closed at the end.
func newStudio(t *testing.T) *Studio {
	t.Helper()
	dir := t.TempDir()
	s := studioIn(t, Dirs{filepath.Join(dir, "config"), filepath.Join(dir, "cache"), filepath.Join(dir, "data")})
	s.Compute.Open("go")
	return s
}

func studioIn(t *testing.T, dirs Dirs) *Studio {
	t.Helper()
	s, err := New(dirs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until waits for what a background does.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// pictures writes n pictures of discs on white, w×h pixels, no two alike.
func pictures(t *testing.T, dir string, n, w, h int, ink color.NRGBA) string {
	t.Helper()
	for i := range n {
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		cy, cx, r := float64(h)*(.3+.4*float64(i)/float64(n)), float64(w)*(.3+.1*float64(i%5)), float64(min(w, h))*(.15+.02*float64(i%7))
		for y := range h {
			for x := range w {
				c := color.NRGBA{255, 255, 255, 255}
				if math.Hypot(float64(y)-cy, float64(x)-cx) < r {
					c = ink
				}
				img.SetNRGBA(x, y, c)
			}
		}
		writePNG(t, filepath.Join(dir, fmt.Sprintf("%03d.png", i)), img)
	}
	return dir
}

func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	var data bytes.Buffer
	check(t, png.Encode(&data, img))
	writeFile(t, path, data.Bytes())
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o777))
	check(t, os.WriteFile(path, data, 0o666))
}

// smallest are the settings of the smallest project between two folders.
func smallest(source, target string) project.Settings {
	s := project.Default()
	s.Source, s.Target = source, target
	s.Size, s.Steps, s.Batch, s.Rounds, s.Finish = 32, 4, 2, 2, project.FinishDistil
	s.Flip, s.Coupling = project.FlipOff, project.CouplingIndependent
	return s
}

// plant gives a project-to-be untrained classifiers where it would keep trained ones: teaching two takes minutes here.
func plant(t *testing.T, dir string, s project.Settings) {
	t.Helper()
	cache := filepath.Join(dir, "cache")
	recipe, err := train.NewRecipe(s)
	check(t, err)
	check(t, os.MkdirAll(cache, 0o777))
	var hashes []any
	for _, folder := range []string{s.Source, s.Target} {
		set, err := datasets.Open(context.Background(), folder, cache, datasets.Options{Size: s.Size, Background: datasets.White})
		check(t, err)
		hashes = append(hashes, set.Hash())
		check(t, set.Close())
	}
	table := critic.Classifier{}.Table()
	for i, purpose := range []string{"loss", "measure"} {
		key := fmt.Sprintf("%.12s-%.12s", hashes...)
		name := fmt.Sprintf("classifier-%s-%s-%d-%d-%t-%d.safetensors", purpose, key, s.Size, s.Seed, false, recipe.ClassifySteps)
		weights := project.NewTensor("vector", []int{table.Size()}, table.Init(uint64(i)))
		check(t, project.WriteSafetensors(filepath.Join(cache, name), []project.Tensor{weights}, nil))
	}
}

// trained makes a project whose rounds are finished by networks that have learnt nothing, and that were measured to be
// so and so.
func trained(t *testing.T, rounds ...string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "project")
	s := smallest(pictures(t, t.TempDir(), 2, 32, 32, color.NRGBA{200, 0, 0, 255}), pictures(t, t.TempDir(), 2, 32, 32, color.NRGBA{A: 255}))
	p, err := project.Create(dir, s)
	check(t, err)
	for i, name := range rounds {
		plantRound(t, p, name, uint64(i))
	}
	check(t, p.Close())
	return dir
}

// untrained is a network that moves pictures somewhere: one right after its making would not move them at all.
func untrained(seed uint64) (net unet.Config, flat []float32) {
	net = unet.Config{Size: 32, Base: 8, Mult: []int{1, 2}, Blocks: 1}
	flat = net.Table().Init(seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range flat {
		flat[i] += .05 * float32(random.NormFloat64())
	}
	return net, flat
}

// plantSave saves a round that is not finished.
func plantSave(t *testing.T, p *project.Project, name string, step int64, seed uint64) {
	t.Helper()
	net, flat := untrained(seed)
	meta, err := model.Describe(net)
	check(t, err)
	check(t, p.SaveCheckpoint(name, project.Checkpoint{Step: step, Meta: meta, Tensors: []project.Tensor{project.NewTensor(model.Averaged, []int{len(flat)}, flat)}}))
}

func plantRound(t *testing.T, p *project.Project, name string, seed uint64) {
	t.Helper()
	tensors, meta, err := model.Pack(untrained(seed))
	check(t, err)
	check(t, p.FinishRound(name, tensors, meta, project.RoundReport{Steps: 4, Measurements: project.Measurements{"straightness": .1}}))
	check(t, p.Append(project.Entry{Kind: "step", Round: name, Step: 4, Values: project.Measurements{"loss": .5}}))
}

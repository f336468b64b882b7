package studio

import (
	"context"
	"errors"
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"testing"

	"github.com/straightway-app/straightway/engine/generate"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// generating makes a project from noise whose rounds are finished by networks that have learnt nothing.
func generating(t *testing.T, rounds ...string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "noise to discs")
	s := smallest(project.NoiseSource, pictures(t, t.TempDir(), 2, 32, 32, color.NRGBA{A: 255}))
	p, err := project.Create(dir, s)
	check(t, err)
	for i, name := range rounds {
		plantRound(t, p, name, uint64(i))
	}
	check(t, p.Close())
	return dir
}

// kept collects pictures in order.
func kept(t *testing.T, to *[]*image.NRGBA) func(int, *image.NRGBA) {
	return func(i int, img *image.NRGBA) {
		if i != len(*to) {
			t.Errorf("picture %d came after %d others", i, len(*to))
		}
		*to = append(*to, img)
	}
}

func same(a, b *image.NRGBA) bool { return slices.Equal(a.Pix, b.Pix) }

func TestASeedGivesTheSamePictureWhateverIsMadeBesideIt(t *testing.T) {
	s := newStudio(t)
	check(t, s.OpenProject(generating(t, "1-flow")))
	var many, one, way []*image.NRGBA
	r := Request{Steps: 2}
	made, err := s.Generator.Pictures(t.Context(), 3, mostTogether+3, r, kept(t, &many))
	check(t, err)
	if len(many) != mostTogether+3 || made.Round != "1-flow" || made.Evaluations != 2 || many[0].Rect.Size() != image.Pt(32, 32) {
		t.Errorf("%d pictures of %v: %+v", len(many), many[0].Rect, made)
	}
	_, err = s.Generator.Pictures(t.Context(), 12, 1, r, kept(t, &one))
	check(t, err)
	if !same(one[0], many[9]) || same(one[0], many[8]) {
		t.Error("seed 12 alone is another picture than seed 12 among others")
	}
	_, err = s.Generator.Between(t.Context(), 3, 12, 5, r, kept(t, &way))
	check(t, err)
	if len(way) != 5 || !same(way[0], many[0]) || !same(way[4], one[0]) || same(way[2], way[0]) || same(way[2], way[4]) {
		t.Error("the way between two seeds does not begin and end with their pictures, or stands still")
	}
}

func TestAnImageHasANoiseThatGivesItAgain(t *testing.T) {
	s := newStudio(t)
	check(t, s.OpenProject(generating(t, "1-flow")))
	v, err := s.Generator.Invert(t.Context(), disc(60, 40), Request{Steps: 8})
	check(t, err)
	if v.Image.Rect.Size() != image.Pt(32, 32) || v.Round != "1-flow" || v.Evaluations != 16 {
		t.Errorf("the image becomes %v by %+v", v.Image.Rect, v.Made)
	}
	if v.Difference > 20 || v.Difference == 0 || v.Deviation <= 0 || same(v.Noise, v.Image) {
		t.Errorf("eight steps there and back differ by %.2f of 255; the noise has deviation %.2f", v.Difference, v.Deviation)
	}
}

func TestGeneratingSaysWhatItNeedsAndEndsWhenANewerRequestComes(t *testing.T) {
	s := newStudio(t)
	none := func(int, *image.NRGBA) { t.Error("there is a picture") }
	if _, err := s.Generator.Pictures(t.Context(), 1, 1, Request{Steps: 1}, none); !errors.Is(err, ErrNothingTrained) {
		t.Errorf("without a project: %v", err)
	}
	check(t, s.OpenProject(trained(t, "1-flow")))
	if _, err := s.Generator.Invert(t.Context(), disc(8, 8), Request{Steps: 1}); !errors.Is(err, generate.ErrNeedsNoise) {
		t.Errorf("with a project between two folders: %v", err)
	}
	check(t, s.OpenProject(generating(t, "1-flow")))
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	_, err := s.Generator.Pictures(ctx, 1, 1000, Request{Steps: 1}, func(int, *image.NRGBA) { seen++; cancel() })
	if !errors.Is(err, context.Canceled) || seen > mostTogether {
		t.Errorf("after %d of 1000 pictures it was broken off with %v", seen, err)
	}
}

func TestNoiseCanBeLookedAtLikeAFolder(t *testing.T) {
	d := newStudio(t).Domains[0]
	d.Choose(project.NoiseSource)
	img, name, ok := d.Thumbnail(0)
	if !ok || name != "" || img.Bounds().Dx() != thumbnailSize {
		t.Fatalf("noise looks like %v of %q", img, name)
	}
	other, _, _ := d.Thumbnail(1)
	if same(img.(*image.NRGBA), other.(*image.NRGBA)) {
		t.Error("two pictures of noise are one")
	}
	if _, _, ok := d.Thumbnail(NoiseThumbnails); ok {
		t.Error("there is a picture past the last one")
	}
}

func TestTheEstimateKnowsThatAGeneratorTakesLonger(t *testing.T) {
	s := project.Default()
	s.Source, s.Target = "/a", "/b"
	between, err := train.Estimate(s, 30)
	check(t, err)
	s.Source = project.NoiseSource
	from, err := train.Estimate(s, 30)
	check(t, err)
	if from < 3*between/2 {
		t.Errorf("between folders %v, from noise %v", between, from)
	}
	if speedKey("xla:cpu", s) == speedKey("xla:cpu", project.Default()) {
		t.Error("a speed with features in the loss counts for a generator, which has none")
	}
}

func TestSettingsThatExcludeOneAnotherAgreeInTheEnd(t *testing.T) {
	all := project.Default()
	all.Target, all.BothWays, all.DistilSteps, all.Coupling = "/b", true, 4, project.CouplingRegistered
	for _, source := range []string{"/a", project.NoiseSource} {
		for _, finish := range []project.Finish{project.FinishNone, project.FinishDistil, project.FinishRefine} {
			s := all
			s.Source, s.Finish = source, finish
			got, left := Agreeing(s)
			if err := got.Validate(); err != nil {
				t.Errorf("%s, %s: %v", source, finish, err)
			}
			want := 0
			for _, other := range []bool{got.BothWays != s.BothWays, got.DistilSteps != s.DistilSteps, got.Coupling != s.Coupling} {
				if other {
					want++
				}
			}
			if len(left) != want {
				t.Errorf("%s, %s: %d settings were changed, %d are named", source, finish, want, len(left))
			}
			if again, left := Agreeing(got); again != got || left != nil {
				t.Errorf("%s, %s: settings that agree are changed again: %v", source, finish, left)
			}
		}
	}
}

func TestAGeneratorIsAdvisedByItsOwnMeasurements(t *testing.T) {
	round := func(name string, kind project.RoundKind, one, many, s float64) project.Round {
		m := project.Measurements{"kid/1": one, "kid/4": (one + many) / 2, "kid/16": many, "straightness": s, "round_trip/1": 40, "round_trip/16": 3.1}
		return project.Round{Name: name, Kind: kind, Finished: true, Report: project.RoundReport{Measurements: m}}
	}
	flow := round("1-flow", project.KindFlow, 80, 9, .3)
	if a := Advise([]project.Round{flow}); a.Kind != AdviseReflow || a.Many != 9 {
		t.Errorf("after a flow: %+v", a)
	}
	if a := Advise([]project.Round{flow, round("2-reflow", project.KindReflow, 6.5, 5, .05)}); a.Kind != AdviseFinish {
		t.Errorf("one step within 2 %% of the blur of many: %+v", a)
	}
	if a := Advise([]project.Round{flow, round("2-reflow", project.KindReflow, 40, 9, .1)}); a.Kind != AdviseReflow {
		t.Errorf("one step far from many: %+v", a)
	}
	if a := Advise([]project.Round{{Name: "1-flow", Finished: true}}); a.Kind != NoAdvice {
		t.Errorf("without measurements: %+v", a)
	}
	if name, n, v, ok := RoundTrip([]project.Round{flow, {Name: "2-distil", Finished: true}}); !ok || name != "1-flow" || n != 16 || v != 3.1 {
		t.Errorf("the round trip is %g in %d steps of %s", v, n, name)
	}
	if _, _, _, ok := RoundTrip(nil); ok {
		t.Error("there is a round trip without a round")
	}
}

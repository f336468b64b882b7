package studio

import (
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"testing"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/project"
)

var (
	red   = color.NRGBA{200, 40, 60, 255}
	black = color.NRGBA{10, 10, 10, 255}
)

// scanned waits until a folder is looked through.
func scanned(t *testing.T, d *Domain) DomainState {
	t.Helper()
	until(t, "the folder to be looked through", func() bool { return !d.State().Scanning })
	return d.State()
}

func TestAFolderIsCountedAndWhatIsNoUseIsNamed(t *testing.T) {
	dir := pictures(t, t.TempDir(), 20, 60, 40, red)
	writeFile(t, filepath.Join(dir, "notes.txt"), []byte("no picture"))
	again, err := os.ReadFile(filepath.Join(dir, "003.png"))
	check(t, err)
	writeFile(t, filepath.Join(dir, "inside", "copy.png"), again)
	writePNG(t, filepath.Join(dir, "tiny.png"), image.NewNRGBA(image.Rect(0, 0, 5, 30)))

	d := newStudio(t).Domains[0]
	d.Choose(dir)
	if s := d.State(); s.Path != dir || !s.Scanning {
		t.Errorf("right after choosing: %+v", s)
	}
	s := scanned(t, d)
	if s.Err != nil || s.Images != 20 || s.Duplicates != 1 || s.Noise {
		t.Errorf("%d images, %d duplicates, error %v; want 20 and 1", s.Images, s.Duplicates, s.Err)
	}
	why := map[string]datasets.Kind{}
	for _, skip := range s.Skipped {
		why[skip.Path] = skip.Kind
	}
	want := map[string]datasets.Kind{"notes.txt": datasets.NotImage, "inside/copy.png": datasets.Duplicate, "tiny.png": datasets.Tiny}
	if fmt.Sprint(why) != fmt.Sprint(want) {
		t.Errorf("passed over: %v, want %v", why, want)
	}
	if s.Shape.Side != 40 || s.Shape.Aspect != 1.5 || s.Shape.Border < .9 {
		t.Errorf("the shape is %+v, want 60×40 on a plain ground", s.Shape)
	}
	img, name, ok := d.Thumbnail(0)
	if !ok || name != "000.png" || img.Bounds().Size() != image.Pt(thumbnailSize, thumbnailSize) {
		t.Errorf("the first thumbnail is %v of %q", img, name)
	}
	if _, _, ok := d.Thumbnail(20); ok {
		t.Error("there is a thumbnail past the last picture")
	}

	d.Clear()
	if s := d.State(); s.Path != "" || s.Images != 0 || s.Scanning {
		t.Errorf("after clearing: %+v", s)
	}
	if _, _, ok := d.Thumbnail(0); ok {
		t.Error("a folder that was cleared still has thumbnails")
	}
}

func TestAFolderThatIsNotThereSaysSo(t *testing.T) {
	d := newStudio(t).Domains[0]
	d.Choose(filepath.Join(t.TempDir(), "gone"))
	if s := scanned(t, d); s.Err == nil || s.Images != 0 {
		t.Errorf("got %+v", s)
	}
	d.Choose(project.NoiseSource)
	if s := d.State(); !s.Noise || s.Scanning || s.Err != nil {
		t.Errorf("noise: %+v", s)
	}
}

func TestChoosingAnotherFolderWhileOneIsLookedThrough(t *testing.T) {
	long, short := pictures(t, t.TempDir(), 300, 32, 32, red), pictures(t, t.TempDir(), 3, 32, 32, black)
	d := newStudio(t).Domains[1]
	for range 5 {
		d.Choose(long)
		d.Choose(short)
		before := d.State().Version
		s := scanned(t, d)
		if s.Path != short || s.Images != 3 || s.Err != nil || s.Version <= before {
			t.Fatalf("the folder before shows through: %+v", s)
		}
	}
	d.Choose(long)
	d.Clear()
	if s := d.State(); s.Path != "" || s.Scanning {
		t.Errorf("clearing while looking through leaves %+v", s)
	}
}

func TestSwapAndDemo(t *testing.T) {
	s := newStudio(t)
	check(t, s.Demo())
	a, b := scanned(t, s.Domains[0]), scanned(t, s.Domains[1])
	if a.Err != nil || b.Err != nil || a.Images < 100 || b.Images < 100 {
		t.Fatalf("the demo has %d and %d images (%v, %v)", a.Images, b.Images, a.Err, b.Err)
	}
	if w := Check(a, b, 32, 16); len(w) > 0 {
		t.Errorf("the demo is warned about: %v", w)
	}
	s.Swap()
	if s.Domains[0].Path() != b.Path || s.Domains[1].Path() != a.Path {
		t.Error("the domains were not swapped")
	}
	first := s.SuggestDir()
	check(t, os.MkdirAll(first, 0o777))
	if second := s.SuggestDir(); second == first || filepath.Dir(second) != s.Dirs().Data {
		t.Errorf("the folder %s is taken and was suggested again: %s", first, second)
	}
}

func TestWarnings(t *testing.T) {
	good := func(change func(s *DomainState)) DomainState {
		s := DomainState{Path: "/a", Images: 500, Shape: Shape{Aspect: 1, Side: 128, Border: .3}}
		if change != nil {
			change(&s)
		}
		return s
	}
	images := func(n int) DomainState { return good(func(s *DomainState) { s.Images = n }) }
	shape := func(shape Shape) DomainState { return good(func(s *DomainState) { s.Shape = shape }) }
	for _, c := range []struct {
		name string
		a, b DomainState
		want []Warning
	}{
		{"two good folders", good(nil), good(nil), nil},
		{"fifteen sources", images(15), images(200), []Warning{TooFewSource}},
		{"fifteen targets", images(200), images(15), []Warning{TooFewTarget}},
		{"no usable target", images(200), images(0), []Warning{TooFewTarget}},
		{"sixteen sources", images(16), images(300), []Warning{FewSource}},
		{"99 targets", images(100), images(99), []Warning{FewTarget}},
		{"more than twenty to one", images(2001), images(100), []Warning{VeryUnequalCounts}},
		{"twenty to one", images(2000), images(100), nil},
		{"a plain ground and full pictures", shape(Shape{1, 128, .9}), good(nil), []Warning{DifferentFraming}},
		{"two plain grounds", shape(Shape{1, 128, .9}), shape(Shape{1, 128, .95}), nil},
		{"wide and tall", shape(Shape{1.5, 128, .3}), shape(Shape{.75, 128, .3}), []Warning{DifferentAspect}},
		{"tall and wide", shape(Shape{.75, 128, .3}), shape(Shape{1.5, 128, .3}), []Warning{DifferentAspect}},
		{"4:3 and square", shape(Shape{4. / 3, 128, .3}), good(nil), nil},
		{"pictures smaller than the model", good(nil), shape(Shape{1, 63, .3}), []Warning{SmallerThanModel}},
		{"nothing known of the shapes", shape(Shape{}), shape(Shape{}), nil},
		{"one folder looked through yet", good(func(s *DomainState) { s.Scanning, s.Images = true, 0 }), good(nil), nil},
		{"a folder that cannot be read", good(func(s *DomainState) { s.Err, s.Images = os.ErrPermission, 0 }), good(nil), nil},
		{"noise", DomainState{Path: project.NoiseSource, Noise: true}, good(nil), nil},
		{"nothing chosen", DomainState{}, DomainState{}, nil},
	} {
		if c.b.Path != "" {
			c.b.Path = "/b"
		}
		if got := Check(c.a, c.b, 64, 16); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if got := Check(good(nil), good(nil), 64, 16); fmt.Sprint(got) != fmt.Sprint([]Warning{SameFolder}) {
		t.Errorf("one folder twice: %v", got)
	}
}

package translate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"io/fs"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/straightway-app/straightway/datasets"
)

// exporting runs an export and collects its events.
func exporting(t *testing.T, net Network, inputs []string, out string, o Options) (Summary, map[string]Event) {
	t.Helper()
	events := map[string]Event{}
	n := 0
	o.Progress = func(e Event) {
		n++
		if _, twice := events[e.Input]; twice {
			t.Errorf("%s was heard of twice", e.Input)
		}
		if e.Done != n || e.Total < n {
			t.Errorf("event %d says %d of %d", n, e.Done, e.Total)
		}
		events[e.Input] = e
	}
	sum, err := Run(t.Context(), net, inputs, out, o)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Done+sum.Skipped+sum.Ignored+sum.Failed != n {
		t.Errorf("%d events, %+v", n, sum)
	}
	return sum, events
}

func counts(s Summary) [4]int { return [4]int{s.Done, s.Skipped, s.Ignored, s.Failed} }

func wantCounts(t *testing.T, s Summary, done, skipped, ignored, failed int) {
	t.Helper()
	if counts(s) != [4]int{done, skipped, ignored, failed} {
		t.Fatalf("done, skipped, ignored, failed: %v, want %v", counts(s), []int{done, skipped, ignored, failed})
	}
}

// files lists what is below dir, without the export's own folder, and checks
// that nothing is left of unfinished work.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		if in, ok := strings.CutPrefix(filepath.ToSlash(rel), stateDir+"/"); ok {
			if strings.Contains(in, ".") || strings.Contains(in, "partial") {
				t.Errorf("%s was left", rel)
			}
			return nil
		}
		list = append(list, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func identityNet() *fake { return &fake{size: 16, batch: 4, f: same} }

func TestFoldersKeepTheirStructure(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "new", "out")
	long := strings.Repeat("x", 200) + ".png"
	names := []string{
		"a.png", "-dash.png", "space in name ünïcödé 日本語 🐱.png", "quote'and\"dq.png", "percent%20and#hash.png",
		long, "sub/b.png", "sub/deep/er/c.png", "no_extension", "bad\xff\xfename.png",
	}
	for i, n := range names {
		writePNG(t, filepath.Join(in, n), noisy(int64(i), 20+i, 30, i%2 == 0))
	}
	writePNG(t, filepath.Join(in, ".hidden.png"), noisy(1, 20, 20, false))
	if err := os.Symlink(in, filepath.Join(in, "sub", "loop")); err != nil {
		t.Fatal(err)
	}
	flat, _ := exporting(t, identityNet(), []string{in}, t.TempDir(), Options{})
	wantCounts(t, flat, 8, 0, 0, 0)
	sum, events := exporting(t, identityNet(), []string{in}, out, Options{Recursive: true})
	wantCounts(t, sum, 10, 0, 0, 0)
	for i, n := range names {
		src := noisy(int64(i), 20+i, 30, i%2 == 0)
		at := filepath.Join(out, n)
		if filepath.Ext(at) == "" {
			at += ".png"
		}
		if got := readPNG(t, at); got.Rect != src.Rect || meanError(got, src) > 0.1 {
			t.Errorf("%s: %v, mean error %.2f", n, got.Rect, meanError(got, src))
		}
		if e := events[filepath.Join(in, n)]; e.Output != at {
			t.Errorf("%s: output %q", n, e.Output)
		}
	}
	// The dot rule is for what is found in folders.
	sum, _ = exporting(t, identityNet(), []string{filepath.Join(in, ".hidden.png"), filepath.Join(in, "-dash.png")}, t.TempDir(), Options{})
	wantCounts(t, sum, 2, 0, 0, 0)
	// A second run has nothing to do, whatever the names are made of.
	net := identityNet()
	sum, _ = exporting(t, net, []string{in}, out, Options{Recursive: true})
	wantCounts(t, sum, 0, 10, 0, 0)
	if net.calls.Load() != 0 {
		t.Error("the network ran though all was done")
	}
}

func TestFailuresAreListedAndTheRestGoesOn(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	for i := range 5 {
		writePNG(t, filepath.Join(in, fmt.Sprintf("good%d.png", i)), noisy(int64(i), 20, 20, false))
	}
	for name, data := range map[string]string{
		"empty.png": "", "text.jpg": "no image", "cut.png": "\x89PNG\r\n\x1a\n\x00\x00", "README.md": "words",
	} {
		if err := os.WriteFile(filepath.Join(in, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	missing := filepath.Join(in, "missing.png")
	sum, events := exporting(t, identityNet(), []string{in, missing}, out, Options{})
	wantCounts(t, sum, 5, 0, 1, 4)
	for _, name := range []string{"empty.png", "text.jpg", "cut.png", "missing.png"} {
		e := events[filepath.Join(in, name)]
		if e.Err == nil || e.Skipped || !strings.Contains(e.Err.Error(), name) {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if e := events[filepath.Join(in, "README.md")]; !e.Skipped || e.Err == nil {
		t.Errorf("README.md: %+v", e)
	}
	// Named by the user, it is an error.
	sum, _ = exporting(t, identityNet(), []string{filepath.Join(in, "README.md")}, out, Options{})
	wantCounts(t, sum, 0, 0, 0, 1)
	if got := len(files(t, out)); got != 5 {
		t.Errorf("%d files", got)
	}
}

// A picture that the network chokes on fails alone, whatever shares its batch.
func TestABatchThatFailsIsTriedOneByOne(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	for i := range 11 {
		img := noisy(int64(i), 16, 16, false)
		if i == 4 || i == 9 {
			img.SetNRGBA(0, 0, color.NRGBA{1, 2, 3, 255})
		}
		writePNG(t, filepath.Join(in, fmt.Sprintf("%02d.png", i)), img)
	}
	net := identityNet()
	net.f = func(x []float32) error {
		if x[0] == unit(1) && x[1] == unit(2) && x[2] == unit(3) {
			return errors.New("the accelerator is out of memory")
		}
		return nil
	}
	sum, events := exporting(t, net, []string{in}, out, Options{})
	wantCounts(t, sum, 9, 0, 0, 2)
	for _, name := range []string{"04.png", "09.png"} {
		if err := events[filepath.Join(in, name)].Err; err == nil || !strings.Contains(err.Error(), "out of memory") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What failed is tried again by the next run, and only that.
	net.f = same
	sum, _ = exporting(t, net, []string{in}, out, Options{})
	wantCounts(t, sum, 2, 9, 0, 0)
}

// The tiles of one picture may be in two batches that the network runs at a time.
func TestTwoBatchesAtATime(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	wide := noisy(1, 40, 16, false) // three tiles
	writePNG(t, filepath.Join(in, "wide.png"), wide)
	net := identityNet()
	net.batch = 1
	met := make(chan bool)
	var calls atomic.Int64
	net.f = func([]float32) error {
		if calls.Add(1) == 2 {
			close(met)
		}
		select {
		case <-met:
			return nil
		case <-time.After(10 * time.Second):
			return errors.New("nobody came along")
		}
	}
	sum, events := exporting(t, net, []string{in}, out, Options{})
	wantCounts(t, sum, 1, 0, 0, 0)
	if got := readPNG(t, filepath.Join(out, "wide.png")); meanError(got, wide) > 0.1 {
		t.Errorf("mean error %.2f, %v", meanError(got, wide), events)
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	writePNG(t, filepath.Join(in, "a.png"), noisy(1, 20, 20, false))
	writePNG(t, filepath.Join(in, "b.png"), noisy(2, 20, 20, false))
	mine := filepath.Join(out, "a.png")
	if err := os.WriteFile(mine, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, events := exporting(t, identityNet(), []string{in}, out, Options{})
		var exists *ExistsError
		if err := events[filepath.Join(in, "a.png")].Err; !errors.As(err, &exists) || !strings.Contains(err.Error(), "--overwrite") {
			t.Errorf("error %v", err)
		}
		if data, err := os.ReadFile(mine); err != nil || string(data) != "mine" {
			t.Fatalf("the foreign file is now %q, %v", data, err)
		}
	}
	sum, _ := exporting(t, identityNet(), []string{in}, out, Options{Overwrite: true})
	wantCounts(t, sum, 2, 0, 0, 0)
	readPNG(t, mine)
}

// A file that appears under the name of an output while that is made is safe.
func TestForeignFilesThatAppearMeanwhile(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	writePNG(t, filepath.Join(in, "a.png"), noisy(1, 20, 20, false))
	net := identityNet()
	net.f = func([]float32) error { return os.WriteFile(filepath.Join(out, "a.png"), []byte("mine"), 0o666) }
	for range 2 {
		sum, _ := exporting(t, net, []string{in}, out, Options{})
		wantCounts(t, sum, 0, 0, 0, 1)
		if data, err := os.ReadFile(filepath.Join(out, "a.png")); err != nil || string(data) != "mine" {
			t.Fatalf("the foreign file is now %q, %v", data, err)
		}
		files(t, out)
	}
}

func TestAnOutputFolderThatGoesAwayIsNamed(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	writePNG(t, filepath.Join(in, "a.png"), noisy(1, 20, 20, false))
	net := identityNet()
	net.f = func([]float32) error { return os.RemoveAll(out) }
	_, events := exporting(t, net, []string{in}, out, Options{})
	for input, e := range events {
		if !errors.Is(e.Err, ErrFolderGone) || !errors.Is(e.Err, fs.ErrNotExist) {
			t.Errorf("%s: %v", input, e.Err)
		}
	}
	if len(events) != 1 {
		t.Errorf("%d events", len(events))
	}
}

func TestOutputsOfAnotherKindAreRefused(t *testing.T) {
	type state struct{ in, out string }
	for _, c := range []struct {
		name   string
		change func(t *testing.T, s state, o *Options)
		want   string // in the error; empty: skipped as complete
	}{
		{"nothing", func(*testing.T, state, *Options) {}, ""},
		{"touched", func(t *testing.T, s state, _ *Options) {
			if err := os.Chtimes(filepath.Join(s.out, "a.png"), time.Time{}, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"other workers", func(_ *testing.T, _ state, o *Options) { o.Workers, o.MaxBytes = 1, 1 }, ""},
		{"other steps", func(_ *testing.T, _ state, o *Options) { o.Settings = "steps 2" }, "other settings"},
		{"other size", func(_ *testing.T, _ state, o *Options) { o.Size = Model }, "other settings"},
		{"other background", func(_ *testing.T, _ state, o *Options) { o.Background = color.NRGBA{1, 1, 1, 255} }, "other settings"},
		{"input changed", func(t *testing.T, s state, _ *Options) {
			writePNG(t, filepath.Join(s.in, "a.png"), noisy(5, 21, 20, false))
		}, "before the input changed"},
		{"output edited", func(t *testing.T, s state, _ *Options) {
			writePNG(t, filepath.Join(s.out, "a.png"), noisy(6, 22, 20, false))
		}, "was changed since"},
		{"output cut short", func(t *testing.T, s state, _ *Options) {
			if err := os.Truncate(filepath.Join(s.out, "a.png"), 40); err != nil {
				t.Fatal(err)
			}
		}, "was changed since"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := state{t.TempDir(), t.TempDir()}
			writePNG(t, filepath.Join(s.in, "a.png"), noisy(1, 20, 20, false))
			o := Options{Settings: "steps 1"}
			sum, _ := exporting(t, identityNet(), []string{s.in}, s.out, o)
			wantCounts(t, sum, 1, 0, 0, 0)
			c.change(t, s, &o)
			before, err := os.ReadFile(filepath.Join(s.out, "a.png"))
			if err != nil {
				t.Fatal(err)
			}
			_, events := exporting(t, identityNet(), []string{s.in}, s.out, o)
			e := events[filepath.Join(s.in, "a.png")]
			if c.want == "" && !(e.Skipped && e.Err == nil) || c.want != "" && (e.Err == nil || !strings.Contains(e.Err.Error(), c.want)) {
				t.Errorf("%+v, want %q", e, c.want)
			}
			if after, err := os.ReadFile(filepath.Join(s.out, "a.png")); err != nil || string(after) != string(before) {
				t.Errorf("the existing file was changed: %v", err)
			}
		})
	}
}

func TestInputsOfOneNameDoNotCollide(t *testing.T) {
	one, two, out := t.TempDir(), t.TempDir(), t.TempDir()
	for i, p := range []string{one + "/a.bmp", one + "/a.png", one + "/A.PNG", two + "/a.png", two + "/a.png.png"} {
		writePNG(t, p, noisy(int64(i), 20+i, 20, false))
	}
	inputs := []string{one, two, one + "/a.png", filepath.Join(two, "..", filepath.Base(two), "a.png")}
	sum, events := exporting(t, identityNet(), inputs, out, Options{})
	wantCounts(t, sum, 5, 0, 0, 0)
	if got := files(t, out); len(got) != 5 {
		t.Fatalf("files %q", got)
	}
	named := map[string]string{}
	for in, e := range events {
		named[in] = e.Output
	}
	want := map[string]string{
		one + "/A.PNG": "A.png", one + "/a.bmp": "a.bmp.png", one + "/a.png": "a.png.png",
		two + "/a.png": "a.png.2.png", two + "/a.png.png": "a.png.png.png",
	}
	for in, name := range want {
		if filepath.Base(named[in]) != name {
			t.Errorf("%s went to %s, want %s", in, named[in], name)
		}
	}
	// Names stay when an output, or an input earlier in the list, is gone.
	for _, gone := range []string{filepath.Join(out, "A.png"), one + "/A.PNG", filepath.Join(out, "a.png.png")} {
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
	}
	sum, events = exporting(t, identityNet(), inputs, out, Options{})
	wantCounts(t, sum, 1, 3, 0, 0)
	for in, e := range events {
		if e.Output != named[in] {
			t.Errorf("%s went to %s, before to %s", in, e.Output, named[in])
		}
	}
}

func TestNames(t *testing.T) {
	n := newNaming(".png", []entry{
		{In: "/x/late.jpg", Out: "d/late.png"},
		{In: "/x/k.tif", Out: "k.tif.3.png"},
		{In: "/x/moved.jpg", Out: "old/moved.png"},
		{In: "/x/photo.jpg", Out: "photo.jpg"}, // written as JPEG
		{In: "/x/twice.jpg", Out: "twice.png"},
		{In: "/y/twice.jpg", Out: "twice.png"}, // the last line counts
	})
	for _, c := range []struct{ abs, rel, want string }{
		{"/x/late.png", "d/late.png", "d/late.png.png"},
		{"/x/late.jpg", "d/late.jpg", "d/late.png"},
		{"/x/late.webp", "d/late.webp", "d/late.webp.png"},
		{"/x/k.tif", "k.tif", "k.tif.3.png"},
		{"/x/moved.jpg", "new/moved.jpg", "new/moved.png"},
		{"/x/photo.jpg", "photo.jpg", "photo.png"},
		{"/y/photo.jpg", "Photo.jpg", "Photo.jpg.png"},
		{"/z/photo.jpg", "photo.jpg", "photo.jpg.2.png"},
		{"/x/.png", ".png", ".png.png"},
		{"/x/a.b.c", "a.b.c", "a.b.png"},
		{"/x/plain", "plain", "plain.png"},
		{"/x/twice.jpg", "twice.jpg", "twice.jpg.png"},
		{"/y/twice.jpg", "twice.jpg", "twice.png"},
	} {
		if got := n.choose(c.abs, c.rel); got != c.want {
			t.Errorf("%s became %s, want %s", c.rel, got, c.want)
		}
	}
}

func TestAnExportDoesNotFeedItself(t *testing.T) {
	in := t.TempDir()
	writePNG(t, filepath.Join(in, "a.png"), noisy(1, 20, 20, false))
	writePNG(t, filepath.Join(in, "s", "b.png"), noisy(2, 20, 20, false))
	out := filepath.Join(in, "s", "out")
	for range 3 {
		if _, err := Run(t.Context(), identityNet(), []string{in}, out, Options{Recursive: true}); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, out); !reflect.DeepEqual(got, []string{"a.png", "s/b.png"}) {
		t.Errorf("files %q", got)
	}
	if _, err := Run(t.Context(), identityNet(), []string{in}, in, Options{}); err == nil || !strings.Contains(err.Error(), "input folder") {
		t.Errorf("output = input: %v", err)
	}
	if _, err := os.Stat(filepath.Join(in, stateDir)); err == nil {
		t.Error("a journal was put into the input folder")
	}
	// The input folder inside the output folder is fine, and so is a file
	// beside its output; neither is fed twice.
	for range 2 {
		sum, _ := exporting(t, identityNet(), []string{filepath.Join(in, "s"), filepath.Join(in, "a.png")}, in, Options{Overwrite: true})
		wantCounts(t, sum, 1, 0, 0, 1) // b.png is written; a.png is the input itself
	}
	if e := meanError(readPNG(t, filepath.Join(in, "a.png")), noisy(1, 20, 20, false)); e != 0 {
		t.Error("the input was overwritten")
	}
	_, events := exporting(t, identityNet(), []string{filepath.Join(in, "b.png")}, in, Options{})
	if err := events[filepath.Join(in, "b.png")].Err; err == nil || !strings.Contains(err.Error(), "output of this export") {
		t.Errorf("an output as an input: %v", err)
	}
}

func TestOneExportAtATimeInAFolder(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	writePNG(t, filepath.Join(in, "a.png"), noisy(1, 20, 20, false))
	net := identityNet()
	net.f = func([]float32) error {
		_, err := Run(t.Context(), identityNet(), []string{in}, out, Options{})
		if err == nil || !strings.Contains(err.Error(), "another export") {
			t.Errorf("a second export: %v", err)
		}
		return nil
	}
	sum, _ := exporting(t, net, []string{in}, out, Options{})
	wantCounts(t, sum, 1, 0, 0, 0)
}

func TestFormats(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	src := noisy(1, 64, 48, true)
	writePNG(t, filepath.Join(in, "a.png"), src)
	size := map[int]int64{}
	for _, q := range []int{20, 95} {
		o := Options{Format: JPEG, Quality: q, Overwrite: true, Background: color.NRGBA{0, 0, 255, 255}}
		sum, _ := exporting(t, identityNet(), []string{in}, out, o)
		wantCounts(t, sum, 1, 0, 0, 0)
		info, err := os.Stat(filepath.Join(out, "a.jpg"))
		if err != nil {
			t.Fatal(err)
		}
		size[q] = info.Size()
	}
	if size[20] >= size[95] {
		t.Errorf("sizes %v", size)
	}
	d, err := datasets.DecodeFile(filepath.Join(out, "a.jpg"), datasets.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if p := d.Image.NRGBAAt(1, 1); p.R > 40 || p.G > 40 || p.B < 215 { // transparent in the source
		t.Errorf("the background came out as %v", p)
	}
	for name, f := range map[string]Format{"png": PNG, "JPG": JPEG, "jpeg": JPEG} {
		if got, err := ParseFormat(name); err != nil || got != f {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := ParseFormat("gif"); err == nil {
		t.Error("gif was taken")
	}
	for _, m := range []SizeMode{Original, Model} {
		if got, err := ParseSizeMode(m.String()); err != nil || got != m {
			t.Errorf("%v: %v, %v", m, got, err)
		}
	}
}

func TestStartErrors(t *testing.T) {
	in := t.TempDir()
	file := filepath.Join(in, "a.png")
	writePNG(t, file, noisy(1, 20, 20, false))
	for name, c := range map[string]struct {
		inputs []string
		out    string
		o      Options
	}{
		"no inputs":        {nil, t.TempDir(), Options{}},
		"output is a file": {[]string{in}, file, Options{}},
		"quality":          {[]string{in}, t.TempDir(), Options{Quality: -1}},
	} {
		if _, err := Run(t.Context(), identityNet(), c.inputs, c.out, c.o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCancellingLeavesWholeFilesOnly(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	const n = 60
	for i := range n {
		writePNG(t, filepath.Join(in, fmt.Sprintf("%02d.png", i)), noisy(int64(i), 40, 40, false))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := 0
	net := identityNet()
	net.batch, net.cost = 2, 40*time.Millisecond // all would take three times as long as outputs are gathered
	sum, err := Run(ctx, net, []string{in}, out, Options{Workers: 2, Progress: func(Event) {
		if done++; done == 6 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	list := files(t, out)
	if sum.Done != len(list) || sum.Failed != 0 || sum.Done < 6 || sum.Done == n {
		t.Errorf("%+v, %d files", sum, len(list))
	}
	for _, f := range list {
		readPNG(t, filepath.Join(out, f))
	}
	rest, _ := exporting(t, identityNet(), []string{in}, out, Options{})
	wantCounts(t, rest, n-sum.Done, sum.Done, 0, 0)
}

// The bytes of pictures in the pipeline keep to the limit, and a batch that
// would need more than that is not waited for.
func TestMemoryIsBounded(t *testing.T) {
	in := t.TempDir()
	for i := range 14 {
		writePNG(t, filepath.Join(in, fmt.Sprintf("%02d.png", i)), noisy(int64(i), 60, 60, false))
	}
	writePNG(t, filepath.Join(in, "wide.png"), noisy(99, 240, 60, false)) // five tiles
	writePNG(t, filepath.Join(in, "large.png"), noisy(100, 160, 160, false))
	first := filepath.Join(in, "00.png")
	info, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	one := (&export{net: identityNet()}).need(first, info)
	if one < 4*60*60 {
		t.Fatalf("a picture is taken to need %d bytes", one)
	}
	for _, limit := range []int64{1, 3*one + 1, 10 * one} {
		for _, size := range []SizeMode{Original, Model} {
			net := identityNet()
			net.batch = 64
			var b *budget
			sum, err := run(t.Context(), net, []string{in}, t.TempDir(), Options{Size: size, Workers: 8, MaxBytes: limit}, func(x *budget) { b = x })
			if err != nil {
				t.Fatal(err)
			}
			wantCounts(t, sum, 16, 0, 0, 0)
			if b.peak > limit || b.out != 0 || b.peak == 0 {
				t.Errorf("limit %d: peak %d, left %d", limit, b.peak, b.out)
			}
			if limit == 10*one && size == Original && net.calls.Load() > 8 {
				t.Errorf("%d batches for 16 pictures", net.calls.Load())
			}
		}
	}
}

func TestBudgetServesInOrder(t *testing.T) {
	b := newBudget(10)
	take := func(n int64) int64 {
		got, err := b.acquire(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if take(6) != 6 || take(4) != 4 {
		t.Fatal("not granted")
	}
	var mu sync.Mutex
	var order []int64
	var wait sync.WaitGroup
	for i, n := range []int64{99, 1} { // the small one must not overtake
		wait.Go(func() {
			got := take(n)
			mu.Lock()
			order = append(order, got)
			mu.Unlock()
			b.release(got)
		})
		for { // until it is in the queue
			b.mu.Lock()
			queued := len(b.queue)
			b.mu.Unlock()
			if queued > i {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	<-b.starved
	if !b.stuck(5) || b.stuck(4) {
		t.Error("half of 10 bytes is 5")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.acquire(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	b.release(4)
	b.release(6)
	wait.Wait()
	if !reflect.DeepEqual(order, []int64{10, 1}) || b.out != 0 || b.peak != 10 {
		t.Errorf("order %v, %d out, peak %d", order, b.out, b.peak)
	}
}

func TestJournalSurvivesATornLine(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	for _, n := range []string{"a.png", "b.png"} {
		writePNG(t, filepath.Join(in, n), noisy(1, 20, 20, false))
	}
	sum, _ := exporting(t, identityNet(), []string{in}, out, Options{})
	wantCounts(t, sum, 2, 0, 0, 0)
	name := filepath.Join(out, stateDir, "journal")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.Index(string(data), "\n") + 1
	var e entry
	if err := json.Unmarshal(data[first:], &e); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, int64(len(data)-20)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(out, string(e.Out))); err != nil {
		t.Fatal(err)
	}
	sum, _ = exporting(t, identityNet(), []string{in}, out, Options{})
	wantCounts(t, sum, 1, 1, 0, 0)
	sum, _ = exporting(t, identityNet(), []string{in}, out, Options{})
	wantCounts(t, sum, 0, 2, 0, 0)
}

func TestFilenamesSurviveJSON(t *testing.T) {
	for _, name := range []string{"a.png", "日本語\n\".png", "bad\xff\xfe.png", "base64:Zg==", "", "\u2028"} {
		data, err := json.Marshal(entry{Out: filename(name)})
		if err != nil {
			t.Fatal(err)
		}
		var back entry
		if err := json.Unmarshal(data, &back); err != nil || string(back.Out) != name {
			t.Errorf("%q became %q, %v", name, back.Out, err)
		}
	}
}

// childEnv makes this test binary an export that waits to be killed; childShard
// is its share, if it has one.
const (
	childEnv   = "STRAIGHTWAY_TEST_EXPORT"
	childShard = "STRAIGHTWAY_TEST_SHARD"
)

func TestMain(m *testing.M) {
	if dirs := os.Getenv(childEnv); dirs != "" {
		in, out, _ := strings.Cut(dirs, string(os.PathListSeparator))
		net := &fake{size: 16, batch: 4, f: same, cost: 20 * time.Millisecond}
		o := Options{Recursive: true}
		if text := os.Getenv(childShard); text != "" {
			var err error
			if o.Shard, err = ParseShard(text); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
		sum, err := Run(context.Background(), net, []string{in}, out, o)
		if err != nil || sum.Failed > 0 {
			fmt.Println(sum, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestKilledExportsResume(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	const n = 1000 // several times what ten children name before they are killed
	for i := range n {
		writePNG(t, filepath.Join(in, fmt.Sprint(i%3), fmt.Sprintf("%03d.png", i)), noisy(int64(i), 60, 40, i%2 == 0))
	}
	foreign := filepath.Join(out, "1", "mine.png")
	writePNG(t, foreign, noisy(1000, 5, 5, false))
	rng := rand.New(rand.NewSource(1))
	seen := map[string]time.Time{} // outputs that a kill left, and when they were written
	kills := 0
	for kills < 10 {
		before := len(seen)
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+in+string(os.PathListSeparator)+out)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// Kill at a random moment after the first new output, not after a time:
		// how fast a machine starts a process says nothing.
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if done, err := filepath.Glob(filepath.Join(out, "*", "*.png")); err != nil || len(done)-1 > before {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the export does not get on")
			}
		}
		time.Sleep(time.Duration(rng.Intn(12000)) * time.Microsecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := child.Wait(); err == nil {
			t.Fatalf("the export was done before kill %d", kills+1)
		}
		kills++
		for _, dir := range []string{"0", "1", "2"} {
			done, err := filepath.Glob(filepath.Join(out, dir, "*.png"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range done {
				readPNG(t, f) // whole
				info, err := os.Stat(f)
				if err != nil {
					t.Fatal(err)
				}
				if first, ok := seen[f]; ok && !first.Equal(info.ModTime()) {
					t.Errorf("%s was written twice", f)
				}
				if f != foreign {
					seen[f] = info.ModTime()
				}
			}
		}
	}
	sum, _ := exporting(t, identityNet(), []string{in}, out, Options{Recursive: true})
	wantCounts(t, sum, n-len(seen), len(seen), 0, 0)
	if got := len(files(t, out)); got != n+1 {
		t.Errorf("%d files", got)
	}
	for f, first := range seen {
		if info, err := os.Stat(f); err != nil || !info.ModTime().Equal(first) {
			t.Errorf("%s was written again: %v", f, err)
		}
	}
	if e := meanError(readPNG(t, foreign), noisy(1000, 5, 5, false)); e != 0 {
		t.Error("the foreign file was changed")
	}
}

// BenchmarkPipeline compares an export with the bare rate of a network that
// takes 2 ms an image.
func BenchmarkPipeline(b *testing.B) {
	for _, size := range []SizeMode{Original, Model} {
		b.Run(size.String(), func(b *testing.B) {
			in := b.TempDir()
			const n = 320
			for i := range n {
				img, _ := drawing(int64(i), 128, 128)
				writePNG(b, filepath.Join(in, fmt.Sprintf("%03d.png", i)), img)
			}
			net := &fake{size: 32, batch: 32, f: same, cost: 64 * time.Millisecond}
			var seconds float64
			for b.Loop() {
				sum, err := Run(b.Context(), net, []string{in}, b.TempDir(), Options{Size: size})
				if err != nil || sum.Done != n {
					b.Fatal(sum, err)
				}
				seconds += sum.Seconds
			}
			rate := n * float64(b.N) / seconds
			b.ReportMetric(rate, "images/s")
			b.ReportMetric(rate/500, "of-bare-rate")
		})
	}
}

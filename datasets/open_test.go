package datasets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// write puts a file into a folder, at a time long past so that its age alone
// tells whether it has changed.
func write(t testing.TB, folder, name string, data []byte) {
	t.Helper()
	path := filepath.Join(folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

// pictures fills a new folder with n different pictures.
func pictures(t testing.TB, n int) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for i := range n {
		write(t, folder, fmt.Sprintf("%03d.png", i), pngOf(t, noise(12, 12, uint64(i))))
	}
	return folder
}

func mustOpen(t testing.TB, root, cache string, o Options) *Set {
	t.Helper()
	s, err := Open(t.Context(), root, cache, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestASetHoldsTheFittedPicturesInOrder(t *testing.T) {
	folder := t.TempDir()
	for i, name := range []string{"b/x.png", "a.png", "c.PNG", "b/y.without-extension"} {
		write(t, folder, name, pngOf(t, noise(20, 12, uint64(i))))
	}
	s := mustOpen(t, folder, t.TempDir(), Options{Size: 8, Fit: Pad, Background: color.NRGBA{R: 9, A: 255}})
	want := []string{"a.png", "b/x.png", "b/y.without-extension", "c.PNG"}
	if s.Len() != len(want) || s.Size() != 8 || len(s.Pixels()) != 4*8*8*3 || s.Root() != folder {
		t.Fatalf("%d pictures of %d, %d bytes", s.Len(), s.Size(), len(s.Pixels()))
	}
	for i, name := range want {
		d, err := DecodeFile(filepath.Join(folder, name), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Name(i) != name || !bytes.Equal(s.Image(i), FitSquare(d.Image, 8, Pad, color.NRGBA{R: 9, A: 255})) {
			t.Errorf("picture %d is %s", i, s.Name(i))
		}
	}
	flat := mustOpen(t, folder, t.TempDir(), Options{Size: 8, Flat: true})
	if flat.Len() != 2 {
		t.Errorf("%d pictures without the folders inside", flat.Len())
	}
}

func TestWhatCannotBeUsedIsListedWithItsReason(t *testing.T) {
	folder := pictures(t, 5)
	same := noise(12, 12, 2)
	write(t, folder, "same-again.tiff.png", pngOf(t, same))
	write(t, folder, "._002.png", []byte("\x00\x05\x16\x07"))
	write(t, folder, ".DS_Store", []byte("Bud1"))
	write(t, folder, "Thumbs.db", []byte("\xd0\xcf"))
	write(t, folder, ".cache/x.png", pngOf(t, noise(12, 12, 90)))
	write(t, folder, "__MACOSX/x.png", pngOf(t, noise(12, 12, 91)))
	write(t, folder, "notes.txt", []byte("the red ones are from May"))
	write(t, folder, "cut.png", pngOf(t, noise(12, 12, 92))[:100])
	write(t, folder, "dot.png", pngOf(t, noise(7, 300, 93)))
	write(t, folder, "huge.png", pngOf(t, plain(200, 200, White)))
	if err := os.Symlink(filepath.Join(folder, ".cache"), filepath.Join(folder, "ring")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(folder, "dangling.png")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(folder, ".cache", "x.png"), filepath.Join(folder, "linked.png")); err != nil {
		t.Fatal(err)
	}
	want := map[string]Kind{
		"same-again.tiff.png": Duplicate, "._002.png": Hidden, ".DS_Store": Hidden, "Thumbs.db": Hidden,
		".cache": Hidden, "__MACOSX": Hidden, "notes.txt": NotImage, "cut.png": Broken, "dot.png": Tiny,
		"huge.png": TooBig, "ring": Special, "dangling.png": Special,
	}
	cache := t.TempDir()
	for _, pass := range []string{"decoded", "from the cache"} {
		s := mustOpen(t, folder, cache, Options{Size: 8, Limits: Limits{MaxPixels: 10_000}})
		got := map[string]Kind{}
		for _, skip := range s.Skipped() {
			got[skip.Path] = skip.Kind
			if len(skip.Reason) < 10 {
				t.Errorf("%s: the reason is %q", skip.Path, skip.Reason)
			}
		}
		for path, kind := range want {
			if got[path] != kind {
				t.Errorf("%s: %s is %v, want %v", pass, path, got[path], kind)
			}
		}
		if len(got) != len(want) || s.Len() != 6 || s.Duplicates() != 1 {
			t.Errorf("%s: %d pictures, %d duplicates, passed over: %v", pass, s.Len(), s.Duplicates(), got)
		}
	}
}

func TestAPictureWithoutPermissionIsTriedAgain(t *testing.T) {
	folder := pictures(t, 4)
	cache := t.TempDir()
	mustOpen(t, folder, cache, Options{Size: 8})
	found, err := filepath.Glob(filepath.Join(cache, "*"+cacheSuffix))
	if err != nil || len(found) != 1 {
		t.Fatalf("cache files: %v, %v", found, err)
	}
	// Tests may run as root, who may read everything; so the cache is told
	// that one file could not be read.
	old, err := openCache(found[0])
	if err != nil {
		t.Fatal(err)
	}
	old.records[1].kind, old.records[1].reason = Unreadable, "may not be read"
	w, err := createCache(found[0], 8, old.Built)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if i != 1 {
			if err := w.add(old.pixels()[i*8*8*3 : (i+1)*8*8*3]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.finish(old.records), old.close()); err != nil {
		t.Fatal(err)
	}
	if s := mustOpen(t, folder, cache, Options{Size: 8}); s.Len() != 4 || s.Decoded() != 1 {
		t.Errorf("%d pictures, %d decoded", s.Len(), s.Decoded())
	}
}

func TestDuplicatesCanBeKept(t *testing.T) {
	folder := pictures(t, 3)
	write(t, folder, "again.png", pngOf(t, noise(12, 12, 1)))
	if s := mustOpen(t, folder, t.TempDir(), Options{Size: 8, KeepDuplicates: true}); s.Len() != 4 || s.Duplicates() != 0 {
		t.Errorf("%d pictures, %d duplicates", s.Len(), s.Duplicates())
	}
}

func TestADuplicateTakesThePlaceOfARemovedOriginal(t *testing.T) {
	folder := pictures(t, 3)
	cache := t.TempDir()
	write(t, folder, "copy.png", pngOf(t, noise(12, 12, 1)))
	before := mustOpen(t, folder, cache, Options{Size: 8})
	if err := os.Remove(filepath.Join(folder, "001.png")); err != nil {
		t.Fatal(err)
	}
	after := mustOpen(t, folder, cache, Options{Size: 8})
	if before.Len() != 3 || after.Len() != 3 || after.Name(2) != "copy.png" || after.Duplicates() != 0 {
		t.Errorf("%d, then %d pictures, the last is %s", before.Len(), after.Len(), after.Name(after.Len()-1))
	}
	if !bytes.Equal(before.Image(1), after.Image(2)) {
		t.Error("its pixels are others")
	}
}

func TestOnlyWhatChangedIsDecodedAgain(t *testing.T) {
	folder := pictures(t, 20)
	cache := t.TempDir()
	o := Options{Size: 16}
	first := mustOpen(t, folder, cache, o)
	if first.Decoded() != 20 {
		t.Errorf("decoded %d of 20 at first", first.Decoded())
	}
	second := mustOpen(t, folder, cache, o)
	if second.Decoded() != 0 {
		t.Errorf("decoded %d again", second.Decoded())
	}
	if first.Hash() != second.Hash() || !bytes.Equal(first.Pixels(), second.Pixels()) {
		t.Error("the cache holds other pictures")
	}

	write(t, folder, "005.png", pngOf(t, noise(12, 12, 500)))
	later := time.Now().Add(-time.Minute)
	if err := os.Chtimes(filepath.Join(folder, "005.png"), later, later); err != nil {
		t.Fatal(err)
	}
	third := mustOpen(t, folder, cache, o)
	if third.Decoded() != 1 || bytes.Equal(third.Image(5), first.Image(5)) || !bytes.Equal(third.Image(6), first.Image(6)) {
		t.Errorf("decoded %d after one had changed", third.Decoded())
	}
	if third.Hash() == first.Hash() {
		t.Error("the hash has not noticed")
	}

	write(t, folder, "new.png", pngOf(t, noise(12, 12, 501)))
	if err := os.Remove(filepath.Join(folder, "000.png")); err != nil {
		t.Fatal(err)
	}
	fourth := mustOpen(t, folder, cache, o)
	if fourth.Decoded() != 1 || fourth.Len() != 20 || fourth.Name(19) != "new.png" {
		t.Errorf("decoded %d for one new file, %d pictures", fourth.Decoded(), fourth.Len())
	}
	if other := mustOpen(t, folder, cache, Options{Size: 16, Fit: Pad}); other.Decoded() != 20 {
		t.Errorf("decoded %d for other options", other.Decoded())
	}
}

// A file may change twice within one tick of the file system's clock.
func TestAChangeThatTheClockMissedIsFoundByContent(t *testing.T) {
	folder := pictures(t, 9)
	cache := t.TempDir()
	path := filepath.Join(folder, "004.png")
	now := time.Now()
	put := func(seed uint64) {
		data := pngOf(t, noise(12, 12, seed))
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
	}
	put(100)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	first := mustOpen(t, folder, cache, Options{Size: 12})
	if again := mustOpen(t, folder, cache, Options{Size: 12}); again.Decoded() != 0 {
		t.Errorf("decoded %d without a change", again.Decoded())
	}
	put(101)
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
		t.Fatal("the test has let the change show")
	}
	second := mustOpen(t, folder, cache, Options{Size: 12})
	if second.Decoded() != 1 || bytes.Equal(first.Image(4), second.Image(4)) {
		t.Errorf("decoded %d", second.Decoded())
	}
}

func TestADamagedCacheIsMadeAnew(t *testing.T) {
	folder := pictures(t, 20)
	cache := t.TempDir()
	o := Options{Size: 16}
	good := mustOpen(t, folder, cache, o)
	hash := good.Hash()
	found, err := filepath.Glob(filepath.Join(cache, "*"+cacheSuffix))
	if err != nil || len(found) != 1 {
		t.Fatalf("cache files: %v, %v", found, err)
	}
	whole, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	flip := func(i int) []byte {
		b := slices.Clone(whole)
		b[i] ^= 0x10
		return b
	}
	for name, damaged := range map[string][]byte{
		"empty":           {},
		"half":            whole[:len(whole)/2],
		"one byte short":  whole[:len(whole)-1],
		"one byte more":   append(slices.Clone(whole), 0),
		"header":          flip(20),
		"pixels":          flip(pixelsStart + 700),
		"index":           flip(len(whole) - 30),
		"only the header": whole[:pixelsStart],
	} {
		t.Run(name, func(t *testing.T) {
			// Not in place: good is still mapped.
			if err := os.Remove(found[0]); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(found[0], damaged, 0o644); err != nil {
				t.Fatal(err)
			}
			s := mustOpen(t, folder, cache, o)
			if s.Decoded() != 20 || s.Hash() != hash {
				t.Errorf("decoded %d", s.Decoded())
			}
			now, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			if len(now) != len(whole) || !bytes.Equal(now[pixelsStart:], whole[pixelsStart:]) {
				t.Error("the new cache differs from the first")
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "*"+cacheTemp+"*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAnIndexThatLiesIsRefused(t *testing.T) {
	records := []record{{entry: entry{"a", 1, 2}}, {entry: entry{"b", 3, 4}, kind: Tiny, reason: "small"}}
	b := encodeIndex(records)
	got, err := decodeIndex(b, 2)
	if err != nil || !slices.Equal(got, records) {
		t.Fatalf("%v, %v", got, err)
	}
	for n := range b {
		if _, err := decodeIndex(b[:n], 2); err == nil {
			t.Errorf("%d of %d bytes were taken for two records", n, len(b))
		}
	}
}

func TestStoppingLeavesNothingBehind(t *testing.T) {
	folder := pictures(t, 60)
	cache := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	_, err := Open(ctx, folder, cache, Options{Size: 16, Workers: 2, Progress: func(done, _ int, _ string) {
		if done == 5 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(cache)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestProgressCountsEveryFileInOrder(t *testing.T) {
	folder := pictures(t, 30)
	write(t, folder, "zzz.txt", []byte("no picture"))
	var names []string
	mustOpen(t, folder, t.TempDir(), Options{Size: 8, Workers: 4, Progress: func(done, total int, name string) {
		names = append(names, name)
		if done != len(names) || total != 31 {
			t.Errorf("%d of %d after %d calls", done, total, len(names))
		}
	}})
	if len(names) != 31 || !slices.IsSorted(names) {
		t.Errorf("%v", names)
	}
}

func TestATemporaryCacheGoesWithItsSet(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s, err := Open(t.Context(), pictures(t, 9), "", Options{Size: 8})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 9 {
		t.Errorf("%d pictures", s.Len())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "straightway-images-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestTheCacheMayLieAmongThePictures(t *testing.T) {
	for _, inside := range []string{".", "cache"} {
		folder := pictures(t, 9)
		cache := filepath.Join(folder, inside)
		mustOpen(t, folder, cache, Options{Size: 8})
		if s := mustOpen(t, folder, cache, Options{Size: 8}); s.Decoded() != 0 || len(s.Skipped()) != 0 {
			t.Errorf("in %q: decoded %d, passed over %v", inside, s.Decoded(), s.Skipped())
		}
	}
}

func TestOldLeftoversOfAnInterruptedBuildAreRemoved(t *testing.T) {
	cache := t.TempDir()
	old, young := "8px-crop-00.images"+cacheTemp+"1", "8px-crop-00.images"+cacheTemp+"2"
	for _, name := range []string{old, young} {
		write(t, cache, name, []byte("half a cache"))
	}
	ago := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(filepath.Join(cache, old), ago, ago); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, pictures(t, 3), cache, Options{Size: 8})
	if exists(filepath.Join(cache, old)) || !exists(filepath.Join(cache, young)) {
		t.Error("the old one should be gone, the young one still there")
	}
}

func TestFoldersThatCannotServeSayWhatToDo(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	file := filepath.Join(pictures(t, 1), "000.png")
	for name, c := range map[string]struct {
		root string
		o    Options
		says []string
	}{
		"missing":    {missing, Options{Size: 8}, []string{missing, "does not exist", "choose another folder"}},
		"a file":     {file, Options{Size: 8}, []string{file, "is a file"}},
		"no size":    {pictures(t, 1), Options{}, []string{"size of 0 pixels", "choose 1 to 1024"}},
		"no such as": {pictures(t, 1), Options{Size: 8, Fit: 9}, []string{"Fit(9)", "crop, pad, stretch"}},
	} {
		_, err := Open(t.Context(), c.root, t.TempDir(), c.o)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, says := range c.says {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %q does not say %q", name, err, says)
			}
		}
	}
}

func TestCheckNamesTheFolderTheCountsTheReasonsAndTheCure(t *testing.T) {
	empty := t.TempDir()
	few := pictures(t, 3)
	mixed := pictures(t, 1)
	write(t, mixed, "a.txt", []byte("text"))
	write(t, mixed, "b.txt", []byte("text too"))
	write(t, mixed, "c.png", pngOf(t, noise(3, 3, 0)))
	for root, says := range map[string][]string{
		empty: {empty, "is empty", "at least 16", "add PNG"},
		few:   {few, "3 usable pictures", "at least 16", "add PNG"},
		mixed: {mixed, "1 usable picture,", "2 not an image (a.txt: ", "1 tiny (c.png: 3×3", "add PNG"},
	} {
		err := mustOpen(t, root, t.TempDir(), Options{Size: 8}).Check(MinImages)
		if err == nil {
			t.Fatalf("%s passed", root)
		}
		for _, part := range says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
	if err := mustOpen(t, few, t.TempDir(), Options{Size: 8}).Check(3); err != nil {
		t.Error(err)
	}
}

func TestASetServesManyReadersAtOnce(t *testing.T) {
	s := mustOpen(t, pictures(t, 20), t.TempDir(), Options{Size: 8})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range s.Len() {
				if identify(s.Image(i)) != s.squares[i] {
					t.Errorf("picture %d changed", i)
				}
			}
			s.Split(1)
		})
	}
	wg.Wait()
}

func TestWalkPassesFilesOnAndStopsWhenAsked(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"b.png", "a/2.png", "a/1.png", ".git/config", "c/d/e.png"} {
		write(t, folder, name, []byte("x"))
	}
	collect := func(recursive bool) (names []string, passed []Skipped) {
		err := Walk(t.Context(), folder, recursive, func(path string) error {
			rel, err := filepath.Rel(folder, path)
			names = append(names, filepath.ToSlash(rel))
			return err
		}, func(s Skipped) { passed = append(passed, s) })
		if err != nil {
			t.Fatal(err)
		}
		return names, passed
	}
	if names, passed := collect(true); !slices.Equal(names, []string{"a/1.png", "a/2.png", "b.png", "c/d/e.png"}) || len(passed) != 1 || passed[0].Path != ".git" {
		t.Errorf("%v, passed over %v", names, passed)
	}
	if names, _ := collect(false); !slices.Equal(names, []string{"b.png"}) {
		t.Errorf("flat: %v", names)
	}
	enough := errors.New("enough")
	if err := Walk(t.Context(), folder, true, func(string) error { return enough }, nil); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	linked := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(folder, linked); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := Walk(t.Context(), linked, true, func(path string) error {
		n++
		if !strings.HasPrefix(path, linked) {
			t.Errorf("%s is not below %s", path, linked)
		}
		return nil
	}, nil); err != nil || n != 4 {
		t.Errorf("through a link: %d files, %v", n, err)
	}
}

func BenchmarkOpenCached(b *testing.B) {
	folder, cache := pictures(b, 1000), b.TempDir()
	open := func() {
		s, err := Open(b.Context(), folder, cache, Options{Size: 64})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	open()
	b.ReportAllocs()
	for b.Loop() {
		open()
	}
}

func BenchmarkOpenFresh(b *testing.B) {
	folder := pictures(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		s, err := Open(b.Context(), folder, "", Options{Size: 64})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

package demo

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/straightway-app/straightway/datasets"
)

func names(t *testing.T, folder string) map[string]bool {
	t.Helper()
	entries, err := fs.ReadDir(Pictures(), folder)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]bool{}
	for _, e := range entries {
		m[e.Name()] = true
	}
	return m
}

func TestTheDomainsShareNoSubjectAndThePairsAllOfThem(t *testing.T) {
	source, target := names(t, "source"), names(t, "target")
	testSource, testTarget := names(t, "test_source"), names(t, "test_target")
	if len(source) != 300 || len(target) != 300 || len(testSource) != 24 || len(testTarget) != 24 {
		t.Errorf("%d, %d, %d and %d pictures", len(source), len(target), len(testSource), len(testTarget))
	}
	for name := range source {
		if target[name] {
			t.Errorf("%s is in both domains", name)
		}
	}
	for name := range testSource {
		if !testTarget[name] {
			t.Errorf("%s has no reference", name)
		}
		if source[name] || target[name] {
			t.Errorf("%s is trained on as well as tested", name)
		}
	}
}

func TestTheDemoIsSmallAndCarriesItsLicence(t *testing.T) {
	total := int64(0)
	err := fs.WalkDir(Pictures(), ".", func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > 2_500_000 {
		t.Errorf("%d bytes", total)
	}
	for file, says := range map[string]string{
		"ATTRIBUTION.md":   "All emojis designed by [OpenMoji]",
		"CC-BY-SA-4.0.txt": "Attribution-ShareAlike 4.0 International",
	} {
		text, err := fs.ReadFile(Pictures(), file)
		if err != nil || !strings.Contains(string(text), says) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestEveryExtractedPictureIsUsable(t *testing.T) {
	source, target, testSource, testReference, err := Extract(filepath.Join(t.TempDir(), "new", "demo"))
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]int{source: 300, target: 300, testSource: 24, testReference: 24} {
		s, err := datasets.Open(t.Context(), folder, t.TempDir(), datasets.Options{Size: 32})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if s.Len() != want || len(s.Skipped()) != 0 {
			t.Errorf("%s: %d pictures, passed over: %v", folder, s.Len(), s.Skipped())
		}
	}
}

func TestExtractingAgainOnlyMendsWhatIsNotWhole(t *testing.T) {
	dir := t.TempDir()
	source, target, _, _, err := Extract(dir)
	if err != nil {
		t.Fatal(err)
	}
	first := func(folder string) string {
		found, err := filepath.Glob(filepath.Join(folder, "*.png"))
		if err != nil || len(found) == 0 {
			t.Fatal(found, err)
		}
		return found[0]
	}
	cut, kept := first(source), first(target)
	whole, err := os.ReadFile(cut)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(cut, int64(len(whole)/2)); err != nil {
		t.Fatal(err)
	}
	past := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.Chtimes(kept, past, past); err != nil {
		t.Fatal(err)
	}
	if _, _, _, _, err := Extract(dir); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(cut); err != nil || !bytes.Equal(now, whole) {
		t.Errorf("the file that was cut short was not mended: %v", err)
	}
	if info, err := os.Stat(kept); err != nil || !info.ModTime().Equal(past) {
		t.Errorf("a whole file was written again: %v", err)
	}
}

func TestAFileOfTheUsersOwnIsNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "ATTRIBUTION.md")
	if err := os.WriteFile(mine, []byte("my own notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, _, _, err := Extract(dir); err == nil || !strings.Contains(err.Error(), mine) || !strings.Contains(err.Error(), "choose an empty folder") {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(mine); err != nil || string(text) != "my own notes" {
		t.Errorf("it holds %q now, %v", text, err)
	}
}

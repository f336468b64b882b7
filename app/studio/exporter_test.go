package studio

import (
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/translate"
)

// exporting is a studio with a project that can translate.
func exporting(t *testing.T) *Studio {
	t.Helper()
	s := newStudio(t)
	check(t, s.OpenProject(trained(t, "1-flow")))
	return s
}

func exported(t *testing.T, s *Studio) ExportState {
	t.Helper()
	until(t, "the export", func() bool { return !s.Exporter.Busy() })
	return s.Exporter.State()
}

func TestAFolderIsExportedAndWhatFailedIsRetried(t *testing.T) {
	s := exporting(t)
	in, out := pictures(t, t.TempDir(), 5, 40, 30, red), t.TempDir()
	good, err := os.ReadFile(filepath.Join(in, "002.png"))
	check(t, err)
	writeFile(t, filepath.Join(in, "002.png"), good[:len(good)/2])
	writeFile(t, filepath.Join(in, "notes.txt"), []byte("no picture"))
	check(t, s.Exporter.Start(Job{Inputs: []string{in}, Out: out, Steps: 1}))
	if err := s.Exporter.Start(Job{Inputs: []string{in}, Out: out, Steps: 1}); err == nil {
		t.Error("a second export began beside the first")
	}
	st := exported(t, s)
	if st.State != Finished || st.Done != 6 || st.Total != 6 || st.Failed != 1 || st.Elapsed <= 0 || st.Rate() <= 0 {
		t.Fatalf("it ended as %+v", st)
	}
	files := map[string]translate.Event{}
	for _, e := range st.Rows {
		files[filepath.Base(e.Input)] = e
	}
	if e := files["002.png"]; e.Err == nil || e.Skipped || e.Output != "" {
		t.Errorf("the broken file is listed as %+v", e)
	}
	if e := files["notes.txt"]; e.Err == nil || !e.Skipped {
		t.Errorf("the text file is listed as %+v", e)
	}
	f, err := os.Open(files["004.png"].Output)
	check(t, err)
	defer f.Close()
	if c, _, err := image.DecodeConfig(f); err != nil || c.Width != 40 || c.Height != 30 {
		t.Errorf("a picture of 40×30 was exported as %d×%d: %v", c.Width, c.Height, err)
	}

	check(t, os.WriteFile(filepath.Join(in, "002.png"), good, 0o666))
	check(t, s.Exporter.RetryFailed())
	st = exported(t, s)
	made := 0
	for _, e := range st.Rows {
		if e.Err == nil && !e.Skipped {
			made++
		}
	}
	if st.State != Finished || st.Failed != 0 || made != 1 {
		t.Errorf("the retry wrote %d files, %d failed", made, st.Failed)
	}
}

func TestARetryOfAJobThatOverwritesTakesTheFailedFilesAlone(t *testing.T) {
	s := exporting(t)
	in := pictures(t, t.TempDir(), 3, 32, 32, red)
	writeFile(t, filepath.Join(in, "001.png"), []byte("\x89PNG\r\n\x1a\n"))
	check(t, s.Exporter.Start(Job{Inputs: []string{in}, Out: t.TempDir(), Steps: 1, Overwrite: true}))
	if st := exported(t, s); st.Failed != 1 || st.Done != 3 {
		t.Fatalf("it ended as %+v", st)
	}
	check(t, s.Exporter.RetryFailed())
	if st := exported(t, s); st.Total != 1 || st.Failed != 1 || filepath.Base(st.Rows[0].Input) != "001.png" {
		t.Errorf("the retry is %+v", st)
	}
}

func TestAnExportPausesContinuesAndStops(t *testing.T) {
	s := exporting(t)
	const n = 2000 // take longer than the first ones need to be named
	in, out := pictures(t, t.TempDir(), n, 32, 32, red), t.TempDir()
	x := s.Exporter
	check(t, x.Start(Job{Inputs: []string{in}, Out: out, Steps: 2}))
	x.Pause()
	if st := x.State(); st.State != Paused || !x.Busy() {
		t.Fatalf("paused it is %+v", st)
	}
	until(t, "the work to rest", func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.since.IsZero()
	})
	if st := x.State(); st.Done == n {
		t.Fatal("the pause had no effect")
	}
	x.Continue()
	until(t, "the first file", func() bool { return x.State().Done > 0 })
	x.Stop()
	st := exported(t, s)
	if st.State != Idle || st.Err != nil || st.Done >= n {
		t.Errorf("stopped it is %v with %d done: %v", st.State, st.Done, st.Err)
	}
	check(t, x.Start(Job{Inputs: []string{in}, Out: out, Steps: 2}))
	st = exported(t, s)
	kept := 0
	for _, e := range st.Rows {
		if e.Skipped {
			kept++
		}
	}
	if st.State != Finished || st.Done != n || st.Failed != 0 || kept == 0 {
		t.Errorf("going on it is %v: %d done, %d failed, %d already there", st.State, st.Done, st.Failed, kept)
	}
}

func TestAnExportThatCannotBeginSaysWhy(t *testing.T) {
	s := newStudio(t)
	if err := s.Exporter.Start(Job{Inputs: []string{"a"}, Out: "b"}); err != ErrNothingTrained {
		t.Errorf("without a project: %v", err)
	}
	check(t, s.OpenProject(trained(t, "1-flow")))
	for _, c := range []struct {
		job  Job
		want string
	}{{Job{Out: "b"}, "add files"}, {Job{Inputs: []string{"a"}}, "output folder"}} {
		if err := s.Exporter.Start(c.job); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.job, err)
		}
	}
	in := pictures(t, t.TempDir(), 1, 32, 32, red)
	check(t, s.Exporter.Start(Job{Inputs: []string{in}, Out: in, Steps: 1}))
	if st := exported(t, s); st.State != Failed || st.Err == nil {
		t.Errorf("into its own folder: %+v", st)
	}
}

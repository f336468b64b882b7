package studio

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/project"
)

func TestPreferencesSurvive(t *testing.T) {
	dirs := Dirs{Config: filepath.Join(t.TempDir(), "not", "there", "yet"), Cache: t.TempDir(), Data: t.TempDir()}
	s := studioIn(t, dirs)
	check(t, s.Preferences.Change(func(c *Choices) {
		c.Language, c.Theme, c.Scale, c.Autosave, c.Precision = "zh-CN", "dark", 1.5, 60, project.PrecisionF32
	}))
	settings := project.Default()
	s.Preferences.noteSpeed("go", settings, 12)
	for i := range recentMost + 3 {
		s.Preferences.remember(fmt.Sprint("/project", i))
	}
	s.Preferences.remember("/project9")
	check(t, s.Preferences.ForgetRecent("/project8"))
	check(t, s.Preferences.Save())

	got := studioIn(t, dirs).Preferences
	c := got.Choices()
	if c.Language != "zh-CN" || c.Theme != "dark" || c.Scale != 1.5 || c.Autosave != 60 || c.Precision != project.PrecisionF32 {
		t.Errorf("the choices came back as %+v", c)
	}
	if v, ok := got.speed("go", settings); v != 12 || !ok {
		t.Errorf("the measured speed came back as %g", v)
	}
	if len(c.Recent) != recentMost-1 || c.Recent[0] != "/project9" || c.Recent[1] != "/project14" || slices.Contains(c.Recent, "/project8") {
		t.Errorf("the recent projects are %q", c.Recent)
	}
	c.Recent[0], c.Speeds["other"] = "changed", 1
	if c := got.Choices(); c.Recent[0] != "/project9" || len(c.Speeds) != 1 {
		t.Error("changing what was handed out changes the preferences")
	}
}

func TestBrokenPreferencesAreReportedAndReplaced(t *testing.T) {
	dirs := Dirs{Config: t.TempDir(), Cache: t.TempDir(), Data: t.TempDir()}
	file := filepath.Join(dirs.Config, "preferences.json")
	writeFile(t, file, []byte(`{"language": "zh-CN", "scale": "la`))
	s, problem := New(dirs)
	if problem == nil || !strings.Contains(problem.Error(), file) || !strings.Contains(problem.Error(), "defaults") {
		t.Errorf("the report is %v, want the file and what happens now", problem)
	}
	if c := s.Preferences.Choices(); c.Language != "" || c.Scale != 0 {
		t.Errorf("the choices are %+v, want the defaults", c)
	}
	check(t, s.Preferences.Change(func(c *Choices) { c.Theme = "light" }))
	if c := studioIn(t, dirs).Preferences.Choices(); c.Theme != "light" {
		t.Errorf("after a change the file gives %+v", c)
	}
	check(t, s.Close())
}

func TestPreferencesThatCannotBeWrittenSaySo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, nil)
	p, err := loadPreferences(filepath.Join(t.TempDir(), "config"))
	check(t, err)
	p.path = filepath.Join(file, "preferences.json")
	if err := p.Change(func(c *Choices) { c.Theme = "dark" }); err == nil || !strings.Contains(err.Error(), "saving the preferences") {
		t.Errorf("got %v", err)
	}
	if p.Choices().Theme != "dark" {
		t.Error("the choice is not kept for this session")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

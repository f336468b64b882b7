package train

import (
	"errors"
	"fmt"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/straightway-app/straightway/engine/project"
)

// The network sees zeros beyond the border where a folder's pictures end in one colour, and the border's pixels elsewhere,
// unless the settings say which. A finished round decides for those that follow.
func TestTheBorderFollowsThePictures(t *testing.T) {
	folders(t)
	write := func(name string, framed bool) string {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 18 {
			rng := rand.New(rand.NewPCG(uint64(i), uint64(len(name))))
			writePicture(t, filepath.Join(dir, fmt.Sprintf("%02d.png", i)), func(x, y int) color.NRGBA {
				if framed && min(x, y, 31-x, 31-y) <= 1 {
					return color.NRGBA{255, 255, 255, 255}
				}
				return color.NRGBA{uint8(rng.IntN(256)), uint8(8 * x), uint8(8 * y), 255}
			})
		}
		return dir
	}
	framed, filled, other := write("framed", true), write("filled", false), write("other", false)
	for _, c := range []struct {
		name           string
		source, target string
		border         project.Border
		finished       bool // a round whose network has its border repeated
		want           bool
	}{
		{"one is framed", filled, framed, project.BorderAuto, false, false},
		{"the other is framed", framed, filled, project.BorderAuto, false, false},
		{"both are filled", filled, other, project.BorderAuto, false, true},
		{"zeros", filled, other, project.BorderZeros, false, false},
		{"repeated", filled, framed, project.BorderRepeated, false, true},
		{"as the round before", filled, framed, project.BorderAuto, true, true},
		{"from noise", project.NoiseSource, filled, project.BorderAuto, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(t, newProject(t, tiny(fixture{source: c.source, target: c.target}, func(s *project.Settings) { s.Border = c.border })), 1)
			if c.finished {
				finishFlow(t, o)
			}
			r := newRun(o)
			defer r.out.close()
			defer r.close()
			if err := errors.Join(r.prepareRecipe(), r.openSets(t.Context())); err != nil {
				t.Fatal(err)
			}
			if r.recipe.Net.Repeat != c.want {
				t.Errorf("the border is repeated: %v, want %v", r.recipe.Net.Repeat, c.want)
			}
		})
	}
}

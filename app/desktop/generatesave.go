//go:build !headless

package desktop

import (
	"image/color"
	"os"
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"

	"github.com/straightway-app/straightway/datasets"
)

// complete reports whether there are pictures and all of them are made.
func complete(pictures []made) bool {
	return len(pictures) > 0 && !slices.ContainsFunc(pictures, func(m made) bool { return m.img == nil })
}

// saveAll asks for a folder and saves pictures there.
func (s *generateScreen) saveAll(pictures []made) {
	pictures = slices.Clone(pictures)
	s.a.chooseFolder(tr("Save the pictures to"), func(dir string) { s.saveInto(dir, pictures) })
}

// saveInto saves pictures into a folder, after a question where files would be replaced.
func (s *generateScreen) saveInto(dir string, pictures []made) {
	there := 0
	for _, m := range pictures {
		if _, err := os.Lstat(filepath.Join(dir, m.file)); err == nil {
			there++
		}
	}
	if there == 0 {
		s.write(dir, pictures)
		return
	}
	s.a.confirm(tr("Replace existing files?"), tr("%d of %d pictures have the names of files that are in %s already.", there, len(pictures), dir),
		tr("Replace"), tr("Cancel"), func() { s.write(dir, pictures) })
}

// write saves pictures as PNG in the background.
func (s *generateScreen) write(dir string, pictures []made) {
	s.say(tr("Saving %s…", shortPath(dir)))
	s.start(func() {
		var err error
		for _, m := range pictures {
			if err = writeImage(filepath.Join(dir, m.file), m.img, color.NRGBA(datasets.White)); err != nil {
				break
			}
		}
		fyne.Do(func() {
			if err != nil {
				s.say("")
				s.a.fail(tr("The pictures could not be saved"), err)
				return
			}
			s.say(tr("%d pictures saved in %s", len(pictures), shortPath(dir)))
		})
	})
}

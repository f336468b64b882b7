//go:build !headless

package desktop

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/translate"
)

const (
	mostShown = 2048 // pixels of the longer side on the screen; what is saved is whole
	mostStrip = 200  // pictures of a strip
)

// open translates one image file.
func (s *translateScreen) open(path string) { s.openAll([]string{path}) }

// openAll translates files, and the images in folders. Several get a strip, of which the first is opened.
func (s *translateScreen) openAll(paths []string) {
	s.opened++
	opened := s.opened
	s.start(func() {
		files, left, err := imageFiles(paths, mostStrip)
		fyne.Do(func() {
			if opened != s.opened {
				return
			}
			if err != nil {
				s.a.fail(tr("The images could not be opened"), err)
				return
			}
			s.strip.set(files)
			if len(files) > 0 {
				s.load(files[0])
			}
			if left {
				s.say(tr("These are the first %d images: the Export screen translates any number.", mostStrip))
			}
		})
	})
}

// imageFiles is the files as they are given and the images right inside the folders, at most so many; left says that
// there were more.
func imageFiles(paths []string, most int) (files []string, left bool, err error) {
	enough := errors.New("enough")
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			before := len(files)
			err = datasets.Walk(context.Background(), path, false, func(found string) error {
				if !hasImageEnding(found) {
					return nil
				}
				if len(files) == most {
					return enough
				}
				files = append(files, found)
				return nil
			}, nil)
			if err == nil && len(files) == before {
				err = fmt.Errorf("%s: there is no image in this folder", path)
			}
		} else if len(files) == most {
			err = enough
		} else {
			files = append(files, path) // the decoder says best what is wrong with it
			err = nil
		}
		if errors.Is(err, enough) {
			return files, true, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return files, false, nil
}

func hasImageEnding(path string) bool {
	return slices.Contains(imageEndings, strings.ToLower(strings.TrimPrefix(filepath.Ext(path), ".")))
}

// load reads a file and shows it in place of the present picture.
func (s *translateScreen) load(path string) {
	s.opened++
	opened := s.opened
	s.working(true)
	s.say(tr("Opening %s…", baseName(path)))
	s.strip.mark(path)
	s.start(func() {
		var shown *image.NRGBA
		d, err := datasets.DecodeFile(path, datasets.Limits{})
		if err == nil {
			shown = reduced(d.Image, mostShown)
		}
		fyne.Do(func() {
			if opened != s.opened {
				return
			}
			s.working(false)
			s.say("")
			if err != nil {
				s.a.fail(tr("%s could not be opened", baseName(path)), err)
				return
			}
			s.take(baseName(path), d.Image, shown)
		})
	})
}

// take shows another picture, reduced to shown, and translates it.
func (s *translateScreen) take(title string, img, shown *image.NRGBA) {
	s.title, s.source, s.shownAs, s.result = title, img, shown, studio.Result{}
	s.show(shown, nil)
	s.enable()
	s.request(0)
}

// asked is what the controls ask for.
func (s *translateScreen) asked() studio.Request {
	at := s.way.at
	return studio.Request{Round: s.way.name(), Steps: at.steps(), Reverse: at.Reverse, At: s.far, Size: at.Size, Solver: at.Solver}
}

// request translates the picture anew after a while, in which another request may take the place of this one. What is
// under way for an earlier one is broken off.
func (s *translateScreen) request(after time.Duration) {
	s.serial++
	s.cancel()
	s.strip.stop()
	if s.source == nil || !s.way.trained() {
		s.result = studio.Result{}
		s.enable()
		if s.source != nil {
			s.show(s.shownAs, nil)
		}
		s.working(false)
		return
	}
	serial := s.serial
	if after <= 0 {
		s.run(serial)
		return
	}
	s.later(after, func() {
		if serial == s.serial {
			s.run(serial)
		}
	})
}

// run translates the picture in the background.
func (s *translateScreen) run(serial int) {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	src, before, title, r := s.source, s.shownAs, s.title, s.asked()
	s.working(true)
	s.start(func() {
		result, err := s.image(ctx, src, r)
		var after *image.NRGBA
		if err == nil {
			after = reduced(result.Image, mostShown)
			if r.Size == translate.Model { // beside the part of the source that the network sees
				var square studio.Result
				if square, err = s.image(ctx, src, studio.Request{Size: translate.Model}); err == nil {
					before = square.Image
				}
			}
		}
		fyne.Do(func() {
			cancel()
			if serial != s.serial {
				return
			}
			s.working(false)
			s.strip.run(r)
			if err != nil {
				s.result = studio.Result{}
				s.enable()
				s.show(s.shownAs, nil)
				if !errors.Is(err, context.Canceled) {
					s.a.fail(tr("%s could not be translated", title), err)
				}
				return
			}
			s.result = result
			s.enable()
			s.show(before, after)
			s.say(resultText(title, result))
		})
	})
}

// resultText says what a translation took.
func resultText(title string, r studio.Result) string {
	size := r.Image.Rect.Size()
	text := fmt.Sprintf("%s · %d×%d", title, size.X, size.Y)
	if r.Round == "" {
		return text + " · " + tr("the source itself")
	}
	evaluations := tr("%d network evaluations", r.Evaluations)
	if r.Evaluations == 1 {
		evaluations = tr("1 network evaluation")
	}
	return text + " · " + roundTitle(r.Round) + " · " + evaluations + " · " + moment(r.Elapsed)
}

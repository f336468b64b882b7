//go:build !headless

package desktop

import (
	"context"
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/datasets"
)

// stripSide is the longer side in pixels of what the strip translates: it is only looked at small.
const stripSide = 160

// strip is a row of pictures, each with its translation below. There is none for a single picture.
type strip struct {
	s      *translateScreen
	files  []string
	small  map[string]*image.NRGBA // sources, as far as they are read
	cells  []*pictureCell
	row    *fyne.Container
	scroll *container.Scroll
	root   *fyne.Container
	cancel context.CancelFunc
}

func newStrip(s *translateScreen) *strip {
	t := &strip{s: s, cancel: func() {}, row: container.NewHBox()}
	t.scroll = container.NewHScroll(t.row)
	t.root = container.NewStack(t.scroll)
	t.root.Hide()
	return t
}

// adopt shows what the strip of another language or look showed.
func (t *strip) adopt(old *strip) {
	old.cancel()
	t.set(old.files)
	t.small = old.small
	for i, c := range old.cells {
		t.cells[i].set(c.failed, c.shown()...)
		t.cells[i].choose(c.chosen)
	}
}

// set shows other files; fewer than two have no strip.
func (t *strip) set(files []string) {
	t.stop()
	t.files, t.small, t.cells = files, map[string]*image.NRGBA{}, nil
	t.row.Objects = nil
	if len(files) > 1 {
		for _, path := range files {
			c := newPictureCell(baseName(path), "", 2, 4, func() { t.s.load(path) })
			t.cells = append(t.cells, c)
			t.row.Objects = append(t.row.Objects, c)
		}
	}
	t.row.Refresh()
	t.scroll.ScrollToOffset(fyne.Position{})
	setShown(t.root, len(t.cells) > 0)
	t.s.page.Refresh()
}

// mark shows which file is open.
func (t *strip) mark(path string) {
	for i, c := range t.cells {
		c.choose(t.files[i] == path)
	}
}

// stop breaks off the work on the strip.
func (t *strip) stop() { t.cancel() }

// run translates the whole strip, one picture after another, in the background.
func (t *strip) run(r studio.Request) {
	t.stop()
	if len(t.cells) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.cancel = cancel
	cells, files, known := t.cells, t.files, make([]*image.NRGBA, len(t.files))
	for i, path := range files {
		known[i] = t.small[path]
	}
	t.s.start(func() {
		defer fyne.Do(cancel) // after the last result, which looks whether it is still wanted
		for i, path := range files {
			src := known[i]
			if src == nil {
				d, err := datasets.DecodeFile(path, datasets.Limits{})
				if err == nil {
					src = reduced(d.Image, stripSide)
				}
				fyne.Do(func() {
					if err != nil {
						cells[i].set(true)
					} else {
						t.small[path] = src
						cells[i].set(false, src)
					}
				})
				if err != nil {
					continue // opening it says why
				}
			}
			result, err := t.s.image(ctx, src, r)
			if ctx.Err() != nil {
				return
			}
			fyne.Do(func() {
				if ctx.Err() == nil && err == nil {
					cells[i].set(false, src, result.Image)
				}
			})
		}
	})
}

//go:build !headless

package desktop

import (
	"image"

	"fyne.io/fyne/v2"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/datasets"
)

const (
	thumbnailSide  = 96  // pixels
	thumbnailsKept = 400 // in memory: 15 MB
	thumbnailsRead = 2   // at a time
)

// thumbnails reads small pictures of files for the rows of a long list: on goroutines of its own, what was asked for
// last first, and only what is still wanted when its turn comes. It belongs to the UI goroutine.
type thumbnails struct {
	arrived func(path string)      // a picture is there, or turned out not to be one
	wanted  func(path string) bool // a row still shows it
	start   func(func())

	kept    *widgets.Recent[string, image.Image] // nil where the file is no picture
	queue   []string
	reading map[string]bool
}

func newThumbnails(wanted func(path string) bool, arrived func(path string)) *thumbnails {
	return &thumbnails{
		arrived: arrived, wanted: wanted, start: func(work func()) { go work() },
		kept: widgets.NewRecent[string, image.Image](thumbnailsKept), reading: map[string]bool{},
	}
}

// get returns a file's picture, nil while it is not there, and orders it then.
func (t *thumbnails) get(path string) image.Image {
	if img, ok := t.kept.Get(path); ok {
		return img
	}
	if path != "" && !t.reading[path] {
		t.queue = append(t.queue, path)
		t.pump()
	}
	return nil
}

func (t *thumbnails) pump() {
	for len(t.reading) < thumbnailsRead && len(t.queue) > 0 {
		path := t.queue[len(t.queue)-1]
		t.queue = t.queue[:len(t.queue)-1]
		if _, there := t.kept.Get(path); there || t.reading[path] || !t.wanted(path) {
			continue
		}
		t.reading[path] = true
		t.start(func() {
			var img image.Image
			if d, err := datasets.DecodeFile(path, datasets.Limits{}); err == nil { // the row says what is wrong with it
				img = reduced(d.Image, thumbnailSide)
			}
			fyne.Do(func() { t.put(path, img) })
		})
	}
}

func (t *thumbnails) put(path string, img image.Image) {
	delete(t.reading, path)
	t.kept.Put(path, img)
	t.arrived(path)
	t.pump()
}

// forget drops every picture: the files are others now.
func (t *thumbnails) forget() {
	t.kept, t.queue = widgets.NewRecent[string, image.Image](thumbnailsKept), nil
}

// reduced is a picture of at most the given longer side in pixels.
func reduced(img *image.NRGBA, most int) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if max(w, h) <= most {
		return img
	}
	k := float64(most) / float64(max(w, h))
	return datasets.Resize(img, max(1, int(float64(w)*k+.5)), max(1, int(float64(h)*k+.5)))
}

//go:build !headless

package desktop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/translate"
)

// savedQuality is that of JPEG files, as translate has it.
const savedQuality = 92

// desk is where a screen keeps pictures: it saves and copies them in the background, and says so at the screen's foot.
type desk struct {
	a     *App
	say   func(text string)
	start func(func()) // runs work on a goroutine of its own
}

// saveImage asks where to and saves the whole translation.
func (s *translateScreen) saveImage() {
	if s.result.Image != nil {
		s.desk().save(s.result.Image, stem(s.title)+"-translated.png")
	}
}

// copyImage puts the translation on the clipboard.
func (s *translateScreen) copyImage() {
	if s.result.Image != nil {
		s.desk().copy(s.result.Image)
	}
}

func (s *translateScreen) desk() desk { return desk{s.a, s.say, s.start} }

// stem is a file's name without its ending.
func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }

// save asks where to and saves a picture.
func (d desk) save(img *image.NRGBA, name string) {
	d.a.chooseSave(name, func(path string) {
		if filepath.Ext(path) != "" {
			d.write(path, img) // the dialog has asked before replacing it
			return
		}
		path += ".png"
		if _, err := os.Lstat(path); err != nil {
			d.write(path, img)
			return
		}
		d.a.confirm(tr("Replace the file?"), tr("%s exists already.", path), tr("Replace"), tr("Cancel"), func() { d.write(path, img) })
	})
}

// write saves a picture in the background.
func (d desk) write(path string, img *image.NRGBA) {
	background := color.NRGBA(datasets.White)
	if p, _ := d.a.studio.Project(); p != nil {
		background = p.Settings().Background.NRGBA()
	}
	d.say(tr("Saving %s…", baseName(path)))
	d.start(func() {
		err := writeImage(path, img, background)
		fyne.Do(func() {
			if err != nil {
				d.say("")
				d.a.fail(tr("The image could not be saved"), err)
				return
			}
			d.say(tr("Saved as %s", path))
		})
	})
}

// writeImage saves a picture in the format that the name's ending asks for: the whole file or none. JPEG has no
// transparency: there the background shows.
func writeImage(path string, img *image.NRGBA, background color.NRGBA) error {
	encode := func(w io.Writer) error { return translate.EncodePNG(w, img) }
	switch ending := strings.ToLower(filepath.Ext(path)); ending {
	case ".png":
	case ".jpg", ".jpeg":
		encode = func(w io.Writer) error {
			flat := image.NewRGBA(img.Rect)
			draw.Draw(flat, flat.Rect, image.NewUniform(background), image.Point{}, draw.Src)
			draw.Draw(flat, flat.Rect, img, img.Rect.Min, draw.Over)
			return jpeg.Encode(w, flat, &jpeg.Options{Quality: savedQuality})
		}
	default:
		return fmt.Errorf("%s: %q is no format that can be written: end the name with .png or .jpg", path, ending)
	}
	return project.WriteFile(path, encode)
}

// paste opens what is on the clipboard: files or their addresses as text, or an image.
func (s *translateScreen) paste() {
	if files := pastedFiles(s.a.fyne.Clipboard().Content()); len(files) > 0 {
		s.openAll(files)
		return
	}
	s.opened++
	opened := s.opened
	s.working(true)
	s.start(func() {
		img, err := clipboardImage()
		var shown *image.NRGBA
		if err == nil {
			shown = reduced(img, mostShown)
		}
		fyne.Do(func() {
			if opened != s.opened {
				return
			}
			s.working(false)
			if err != nil {
				s.a.clipboardProblem(tr("Nothing could be pasted"), err)
				return
			}
			s.strip.set(nil)
			s.take(tr("clipboard"), img, shown)
		})
	})
}

// pastedFiles finds the files that a text names, one a line, by path or as a file address.
func pastedFiles(text string) []string {
	var files []string
	for line := range strings.Lines(text) {
		line = strings.Trim(strings.TrimSpace(line), `"'`)
		if u, err := url.Parse(line); err == nil && u.Scheme == "file" {
			line = u.Path
		}
		if !filepath.IsAbs(line) {
			continue
		}
		if _, err := os.Stat(line); err == nil {
			files = append(files, line)
		}
	}
	return files
}

// clipboardTools are the programs that hold images for the system's clipboard, with their arguments to read and to
// write a PNG.
func clipboardTools() (name string, read, write []string, err error) {
	if os.Getenv("WAYLAND_DISPLAY") != "" {
		if path, err := exec.LookPath("wl-copy"); err == nil {
			if reader, err := exec.LookPath("wl-paste"); err == nil {
				return path, []string{reader, "--type", "image/png"}, []string{path, "--type", "image/png"}, nil
			}
		}
	}
	if path, err := exec.LookPath("xclip"); err == nil {
		common := []string{path, "-selection", "clipboard", "-t", "image/png"}
		return path, append(common[:len(common):len(common)], "-o"), append(common[:len(common):len(common)], "-i"), nil
	}
	return "", nil, nil, errNoClipboard
}

var (
	errNoClipboard    = errors.New("images go through the clipboard by the program xclip, or wl-clipboard on Wayland, which is not installed")
	errEmptyClipboard = errors.New("there is neither an image nor the path of a file on the clipboard")
)

// clipboardProblem says what stands between the window and the clipboard, and what helps.
func (a *App) clipboardProblem(what string, err error) {
	switch {
	case errors.Is(err, errNoClipboard):
		a.show(problem{
			What: what, Cause: tr("Images go through the clipboard by the program xclip, or wl-clipboard on Wayland, which is not installed."),
			Advice: tr("Install xclip (X11) or wl-clipboard (Wayland). Without it, drop an image here or paste the path of its file, and save a translation by Save as…"),
		})
	case errors.Is(err, errEmptyClipboard):
		a.show(problem{
			What: what, Cause: tr("There is neither an image nor the path of a file on the clipboard."),
			Advice: tr("Copy an image or a file first, then press Ctrl+V here."),
		})
	default:
		a.fail(what, err)
	}
}

// clipboardWait is how long the program that has the image may take to hand it over.
const clipboardWait = 10 * time.Second

// clipboardImage reads the image on the clipboard.
func clipboardImage() (*image.NRGBA, error) {
	_, read, _, err := clipboardTools()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), clipboardWait)
	defer cancel()
	data, err := exec.CommandContext(ctx, read[0], read[1:]...).Output()
	if err != nil || len(data) == 0 {
		return nil, errEmptyClipboard
	}
	d, err := datasets.Decode("clipboard", data, datasets.Limits{})
	if err != nil {
		return nil, err
	}
	return d.Image, nil
}

// copy puts a picture on the clipboard.
func (d desk) copy(img *image.NRGBA) {
	d.say(tr("Copying…"))
	d.start(func() {
		err := copyToClipboard(img)
		fyne.Do(func() {
			if err != nil {
				d.say("")
				d.a.clipboardProblem(tr("The image could not be copied"), err)
				return
			}
			d.say(tr("Copied to the clipboard"))
		})
	})
}

// copyToClipboard hands a picture to the program that keeps it for the clipboard; that stays in the background until
// something else is copied, with no stream of ours open.
func copyToClipboard(img *image.NRGBA) error {
	name, _, write, err := clipboardTools()
	if err != nil {
		return err
	}
	var data bytes.Buffer
	if err := translate.EncodePNG(&data, img); err != nil {
		return fmt.Errorf("encoding the image for the clipboard: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), clipboardWait)
	defer cancel()
	c := exec.CommandContext(ctx, write[0], write[1:]...)
	c.Stdin = &data
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s could not take the image: %w", filepath.Base(name), err)
	}
	return nil
}

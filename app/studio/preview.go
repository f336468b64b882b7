package studio

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// Preview is held-out images on their way at one moment of training. It is kept as a picture in previews/ of the
// project, one square a cell: a row an image; columns source, 1 step, 4 steps, N steps, and the reference if any.
type Preview struct {
	Round string
	Step  int
	Size  int // side of a cell in pixels
	Many  int // N
	Cells [][]*image.NRGBA
}

const previewsName = "previews"

// The most previews that are kept; past it every second one is left out on loading.
const mostPreviews = 400

func newPreview(e train.Event) Preview {
	p := Preview{Round: e.Round, Step: e.Step, Size: e.Preview.Size, Many: e.Preview.ManySteps}
	for i := range e.Preview.Source {
		row := []*image.NRGBA{}
		for _, column := range [][][]byte{e.Preview.Source, e.Preview.One, e.Preview.Four, e.Preview.Many, e.Preview.End} {
			if i < len(column) {
				row = append(row, datasets.Picture(p.Size, column[i]))
			}
		}
		p.Cells = append(p.Cells, row)
	}
	return p
}

// file is the preview's name: round, step, N and the size of a cell.
func (p Preview) file() string {
	return fmt.Sprintf("%s_%07d_%d_%d.png", p.Round, p.Step, p.Many, p.Size)
}

// savePreview keeps a preview in the project's folder. The preview is good also where that fails.
func savePreview(to *project.Project, e train.Event) (Preview, error) {
	p := newPreview(e)
	if len(p.Cells) == 0 {
		return p, nil
	}
	all := image.NewNRGBA(image.Rect(0, 0, len(p.Cells[0])*p.Size, len(p.Cells)*p.Size))
	for y, row := range p.Cells {
		for x, cell := range row {
			draw.Draw(all, cell.Rect.Add(image.Pt(x*p.Size, y*p.Size)), cell, image.Point{}, draw.Src)
		}
	}
	dir := filepath.Join(to.Dir(), previewsName)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return p, fmt.Errorf("keeping a preview: %w", err)
	}
	return p, project.WriteFile(filepath.Join(dir, p.file()), func(w io.Writer) error { return png.Encode(w, all) })
}

// loadPreviews reads what savePreview kept, in the order of training. Pictures that are no previews are passed over.
func loadPreviews(of *project.Project) ([]Preview, error) {
	dir := filepath.Join(of.Dir(), previewsName)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the previews: %w", err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names) // the round's number first, then the step
	for len(names) > mostPreviews {
		half := names[:0]
		for i := 0; i < len(names); i += 2 {
			half = append(half, names[i])
		}
		names = half
	}
	var out []Preview
	for _, name := range names {
		if p, ok := loadPreview(dir, name); ok {
			out = append(out, p)
		}
	}
	return out, nil
}

func loadPreview(dir, name string) (p Preview, ok bool) {
	parts := strings.Split(strings.TrimSuffix(name, ".png"), "_")
	if len(parts) != 4 {
		return p, false
	}
	p.Round = parts[0]
	for i, v := range []*int{&p.Step, &p.Many, &p.Size} {
		n, err := strconv.Atoi(parts[i+1])
		if err != nil || n < 0 {
			return p, false
		}
		*v = n
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return p, false
	}
	defer f.Close()
	config, err := png.DecodeConfig(f)
	if err != nil || p.Size < 1 || config.Width%p.Size != 0 || config.Height%p.Size != 0 || config.Width > 8*p.Size || config.Height > 64*p.Size {
		return p, false
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return p, false
	}
	all, err := png.Decode(f)
	if err != nil {
		return p, false
	}
	for y := 0; y < config.Height; y += p.Size {
		var row []*image.NRGBA
		for x := 0; x < config.Width; x += p.Size {
			cell := image.NewNRGBA(image.Rect(0, 0, p.Size, p.Size))
			draw.Draw(cell, cell.Rect, all, image.Pt(x, y), draw.Src)
			row = append(row, cell)
		}
		p.Cells = append(p.Cells, row)
	}
	return p, true
}

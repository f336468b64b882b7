package train

import (
	"context"
	"errors"
	"fmt"
	"image"
	imagedraw "image/draw"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
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

const (
	previewRows  = 6   // held-out images in a preview
	mostPreviews = 400 // past it every second one is left out on loading
)

// preview shows where held-out images go with the present averaged weights.
func (s *roundState) preview(ctx context.Context) error {
	m := s.sampler.With(model.Share(s.net.ema))
	size := s.settings.Size
	n := min(previewRows, len(s.heldOut)/(size*size*3))
	x := s.heldOut[:n*size*size*3]
	columns := [][][]byte{rowsOf(x, size, n)}
	for _, steps := range s.recipe.StepCounts() {
		z, err := m.Flow(ctx, x, flow.Forward(steps))
		if err != nil {
			return fmt.Errorf("previewing round %s: %w", s.name, err)
		}
		columns = append(columns, rowsOf(z, size, n))
	}
	if end := s.references(n); end != nil {
		columns = append(columns, end)
	}
	s.showPreview(columns)
	return nil
}

// previewOf shows the first rows of a round's contact sheet, whose columns are a preview's.
func (s *roundState) previewOf(sheet *measure.Sheet) {
	var columns [][][]byte
	for _, c := range sheet.Columns {
		columns = append(columns, c.Images[:min(previewRows, len(c.Images))])
	}
	s.showPreview(columns)
}

// showPreview keeps a preview in the project's folder and tells the watcher, also where it could not be kept.
func (s *roundState) showPreview(columns [][][]byte) {
	p := &Preview{Round: s.name, Step: s.step, Size: s.settings.Size, Many: s.recipe.ManySteps}
	for i := range columns[0] {
		var row []*image.NRGBA
		for _, column := range columns {
			cell := image.NewNRGBA(image.Rect(0, 0, p.Size, p.Size))
			if column[i] != nil { // a source without a reference, where others have one
				cell = datasets.Picture(p.Size, column[i])
			}
			row = append(row, cell)
		}
		p.Cells = append(p.Cells, row)
	}
	if err := p.save(s.Project); err != nil {
		s.out.note("a preview could not be kept, training goes on: " + err.Error())
	}
	e := s.event()
	e.Kind, e.Preview = PreviewEvent, p
	s.out.tell(e)
}

// file is the preview's name: round, step, N and the size of a cell.
func (p *Preview) file() string {
	return fmt.Sprintf("%s_%07d_%d_%d.png", p.Round, p.Step, p.Many, p.Size)
}

// save keeps a preview in the project's folder.
func (p *Preview) save(to *project.Project) error {
	if len(p.Cells) == 0 {
		return nil
	}
	all := image.NewNRGBA(image.Rect(0, 0, len(p.Cells[0])*p.Size, len(p.Cells)*p.Size))
	for y, row := range p.Cells {
		for x, cell := range row {
			imagedraw.Draw(all, cell.Rect.Add(image.Pt(x*p.Size, y*p.Size)), cell, image.Point{}, imagedraw.Src)
		}
	}
	dir := to.PreviewsDir()
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the folder for previews: %w", err)
	}
	return project.WriteFile(filepath.Join(dir, p.file()), func(w io.Writer) error { return png.Encode(w, all) })
}

// LoadPreviews reads the previews that training kept, in its order. Pictures that are no previews are passed over.
func LoadPreviews(of *project.Project) ([]Preview, error) {
	dir := of.PreviewsDir()
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
			imagedraw.Draw(cell, cell.Rect, all, image.Pt(x, y), imagedraw.Src)
			row = append(row, cell)
		}
		p.Cells = append(p.Cells, row)
	}
	return p, true
}

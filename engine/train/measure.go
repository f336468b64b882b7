package train

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

// MeasuredImages is the largest number of held-out images of each side that a round is measured on.
const MeasuredImages = 128

// sheetRows is the number of held-out images on a round's contact sheet.
const sheetRows = 10

// StepCounts are the numbers of Euler steps a recipe's rounds are measured at: 1, 4 and N.
func (r Recipe) StepCounts() []int { return []int{1, 4, r.ManySteps} }

// travel carries images along a path and keeps the velocities.
func travel(ctx context.Context, m *model.Model, x []float32, p flow.Path) (z []float32, t measure.Trajectory, err error) {
	size := m.Net.Size * m.Net.Size * 3
	t = measure.Trajectory{N: len(x) / size, X0: x}
	z, err = flow.Euler(ctx, m.Velocity, x, p, func(_ int, _, v []float32) {
		t.Velocities = append(t.Velocities, v)
	})
	t.X1 = z
	return z, t, err
}

// measure looks at a round on held-out images. The keys of the measurements are
//
//	straightness         S of the N-step paths, per pixel value
//	cost                 E‖Z1 − Z0‖², per pixel value
//	kid/k, swd/k         distance to the held-out target after k steps: kernel inception distance on the features of a
//	                     classifier that no loss looks at, and sliced Wasserstein distance of patches (0–255)
//	kid_reverse/k        the same backwards: held-out targets carried to the source, against the held-out source
//	kid_source           what copying the source would give; swd_source likewise
//	accepted/k           share of the outputs that this classifier takes for targets; accepted_target is the real target's
//	preservation/k       correlation of the edges of output and source
func (r *run) measure(ctx context.Context, round string, m *model.Model) (project.RoundReport, *measure.Sheet, error) {
	report := project.RoundReport{Measurements: project.Measurements{}}
	put := func(key string, v float64) { report.Measurements[key] = v }
	fail := func(err error) (project.RoundReport, *measure.Sheet, error) {
		return report, nil, fmt.Errorf("measuring round %s: %w", round, err)
	}
	counts := r.recipe.StepCounts()
	stages := 2*len(counts) + 1
	size := r.settings.Size
	images := func(x []float32) (measure.Images, error) {
		return measure.NewImages(len(x)/(size*size*3), size, size, clipped(x))
	}
	source, err := images(r.heldOut)
	if err != nil {
		return fail(err)
	}
	target, err := images(r.heldTarget)
	if err != nil {
		return fail(err)
	}
	r.out.phase("measuring", 0, stages)
	sourceFeatures, _, err := r.look(r.heldOut)
	if err != nil {
		return fail(err)
	}
	targetFeatures, accepted, err := r.look(r.heldTarget)
	if err != nil {
		return fail(err)
	}
	put("accepted_target", accepted)
	distance := func(key string, outputs []float32, reference measure.Matrix, real measure.Images) error {
		features, accepted, err := r.look(outputs)
		if err != nil {
			return err
		}
		kid, err := measure.KID(features, reference, r.settings.Seed)
		if err != nil {
			return err
		}
		out, err := images(outputs)
		if err != nil {
			return err
		}
		swd, err := measure.SlicedWasserstein(out, real, measure.SlicedOptions{Seed: r.settings.Seed, Directions: r.hooks.few})
		if err != nil {
			return err
		}
		put("kid"+key, kid.Mean)
		put("swd"+key, swd)
		put("accepted"+key, accepted)
		return nil
	}
	if err := distance("_source", r.heldOut, targetFeatures, target); err != nil {
		return fail(err)
	}
	delete(report.Measurements, "accepted_source")
	columns := []measure.Column{{Title: "source"}}
	rows := min(sheetRows, source.N)
	columns[0].Images = rowsOf(r.heldOut, size, rows)
	for i, n := range counts {
		r.out.phase("measuring", 1+i, stages)
		z, path, err := travel(ctx, m, r.heldOut, flow.Forward(n))
		if err != nil {
			return fail(err)
		}
		if err := distance(fmt.Sprintf("/%d", n), z, targetFeatures, target); err != nil {
			return fail(err)
		}
		out, err := images(z)
		if err != nil {
			return fail(err)
		}
		kept, err := measure.EdgeCorrelation(source, out)
		if err != nil {
			return fail(err)
		}
		put(fmt.Sprintf("preservation/%d", n), kept.Mean)
		if n == counts[len(counts)-1] {
			s, err := measure.Straightness(path)
			if err != nil {
				return fail(err)
			}
			c, err := measure.TransportCost(path.N, path.X0, path.X1)
			if err != nil {
				return fail(err)
			}
			put("straightness", s.Mean)
			put("cost", c.L2Squared.Mean)
		}
		title := fmt.Sprintf("%d steps", n)
		if n == 1 {
			title = "1 step"
		}
		columns = append(columns, measure.Column{Title: title, Images: rowsOf(z, size, rows)})
	}
	for i, n := range counts {
		r.out.phase("measuring", 1+len(counts)+i, stages)
		z, _, err := travel(ctx, m, r.heldTarget, flow.Backward(n))
		if err != nil {
			return fail(err)
		}
		if err := distance(fmt.Sprintf("_reverse/%d", n), z, sourceFeatures, source); err != nil {
			return fail(err)
		}
		key := fmt.Sprintf("accepted_reverse/%d", n)
		report.Measurements[key] = 1 - report.Measurements[key] // taken for sources
	}
	r.out.phase("measuring", stages, stages)
	if reference := r.references(rows); reference != nil {
		columns = append(columns, measure.Column{Title: "reference", Images: reference})
	}
	sheet := &measure.Sheet{Size: size, Columns: columns, Caption: fmt.Sprintf("round %s: held-out images, %d px", round, size)}
	return report, sheet, nil
}

// look is judge.look with the features as a matrix.
func (r *run) look(x []float32) (measure.Matrix, float64, error) {
	rows, accepted, err := r.eye.look(clipped(x))
	if err != nil {
		return measure.Matrix{}, 0, err
	}
	m, err := measure.NewMatrix(len(rows), len(rows[0]), slices.Concat(rows...))
	return m, accepted, err
}

// clipped limits values to [-1,1], which is what anybody sees of them.
func clipped(x []float32) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = max(-1, min(1, v))
	}
	return out
}

// rowsOf are the first n images as bytes.
func rowsOf(x []float32, size, n int) [][]byte {
	bytes := toBytes(x[:n*size*size*3])
	var out [][]byte
	for i := range n {
		out = append(out, bytes[i*size*size*3:(i+1)*size*size*3])
	}
	return out
}

// references are the target's pictures with the names of the first n held-out sources; nil where there are none.
func (r *run) references(n int) [][]byte {
	byName := map[string]int{}
	for i := range r.target.Len() {
		byName[stem(r.target.Name(i))] = i
	}
	var out [][]byte
	found := false
	for _, i := range r.heldA[:n] {
		if j, ok := byName[stem(r.source.Name(i))]; ok {
			// A copy: a watcher may keep it for longer than the set's mapping lives.
			out = append(out, append([]byte(nil), r.target.Image(j)...))
			found = true
			continue
		}
		out = append(out, nil)
	}
	if !found {
		return nil
	}
	return out
}

func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }

// SheetName is the file name of a round's contact sheet in the round's folder.
const SheetName = "sheet.png"

func writeSheet(dir string, sheet *measure.Sheet) (string, error) {
	path := filepath.Join(dir, SheetName)
	return path, project.WriteFile(path, func(w io.Writer) error { return sheet.WritePNG(w) })
}

// previewRows is the number of held-out images in a preview.
const previewRows = 6

// preview publishes where held-out images go with the present averaged weights.
func (s *roundState) preview(ctx context.Context) error {
	m := s.sampler.With(model.Share(s.net.ema))
	size := s.settings.Size
	n := min(previewRows, len(s.heldOut)/(size*size*3))
	x := s.heldOut[:n*size*size*3]
	p := &Preview{Size: size, ManySteps: s.recipe.ManySteps, Source: rowsOf(x, size, n), End: s.references(n)}
	for i, to := range []*[][]byte{&p.One, &p.Four, &p.Many} {
		z, err := m.Flow(ctx, x, flow.Forward(s.recipe.StepCounts()[i]))
		if err != nil {
			return fmt.Errorf("previewing round %s: %w", s.name, err)
		}
		*to = rowsOf(z, size, n)
	}
	e := s.event()
	e.Kind, e.Preview = PreviewEvent, p
	s.out.tell(e)
	return nil
}

// Sets that a measurement of something else than training needs: they are opened as training opens them.
var _ images = (*datasets.Set)(nil)

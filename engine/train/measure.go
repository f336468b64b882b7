package train

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
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

// roundTrips is the number of held-out images that go there and back.
const roundTrips = 64

// Look says how a round is looked at. The zero value is Euler's method at 1, 4 and N steps.
type Look struct {
	Counts    []int // numbers of steps; the last is N
	Solver    flow.Solver
	Tolerance float64 // relative, of an adaptive solver; 0 means flow's default
}

func (l Look) path(n int, backward bool) flow.Path {
	p := flow.Forward(n)
	if backward {
		p = flow.Backward(n)
	}
	p.Relative, p.Absolute = l.Tolerance, l.Tolerance/10
	return p
}

// travel carries images along a path, keeps its places, and counts the network evaluations. An adaptive solver's
// places have no times here, so it keeps none.
func (l Look) travel(ctx context.Context, m *model.Model, x []float32, p flow.Path) (z []float32, t measure.Trajectory, evaluations int, err error) {
	var states [][]float32
	z, err = l.Solver.Method()(ctx, flow.Counted(m.Velocity, &evaluations), x, p, func(_ int, z, _ []float32) {
		states = append(states, slices.Clone(z))
	})
	if err != nil || l.Solver.Adaptive() {
		return z, t, evaluations, err
	}
	times := make([]float64, p.Steps+1)
	for i := range times {
		times[i] = float64(i) / float64(p.Steps)
	}
	t, err = measure.Walk(len(x)/(m.Net.Size*m.Net.Size*3), append(states, z), times)
	return z, t, evaluations, err
}

// measure looks at a round on held-out images. The keys of the measurements are
//
//	straightness         S of the N-step paths, per pixel value
//	cost                 E‖Z1 − Z0‖², per pixel value
//	kid/k, swd/k         distance to the held-out target after k steps: kernel inception distance on the features of a
//	                     classifier that no loss looks at, and sliced Wasserstein distance of patches (0–255)
//	kid_reverse/k        the same backwards: held-out targets carried to the source, against the held-out source
//	kid_source           what copying the source would give; swd_source likewise
//	kid_colour           what giving the source's channels the target's colours would give, by moments or by histograms,
//	                     whichever is nearer; swd_colour likewise
//	grey_source          share of the training images that have no colour; grey_target likewise
//	balanced_accuracy    of the classifier, on held-out images; under LeastAccuracy its distances mean little
//	accepted/k           share of the outputs that this classifier takes for targets; accepted_target is the real target's
//	preservation/k       correlation of the edges of output and source
//	round_trip/k         mean difference (0–255) of an image from itself after k steps there and k back
//	nfe/k                network evaluations of an image, where the solver needs another number than k
//
// What is backwards is measured where the round knows the way back. From noise there is nothing to copy or to preserve;
// the round trip goes from target images to their noise and back, and inverted_std/k is the standard deviation of that
// noise, 1 where the flow is exact.
func (r *run) measure(ctx context.Context, round string, kind project.RoundKind, m *model.Model, how Look) (project.RoundReport, *measure.Sheet, error) {
	report := project.RoundReport{Measurements: project.Measurements{}}
	put := func(key string, v float64) { report.Measurements[key] = v }
	fail := func(err error) (project.RoundReport, *measure.Sheet, error) {
		return report, nil, fmt.Errorf("measuring round %s: %w", round, err)
	}
	counts := how.Counts
	if counts == nil {
		counts = r.recipe.StepCounts()
	}
	stages := 2*len(counts) + 1
	fromNoise, back := r.noise != nil, r.settings.KnowsTheWayBack(kind)
	if !back {
		stages = len(counts) + 1
	}
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
	r.phase(ctx, "measuring", 0, stages)
	sourceFeatures, _, err := r.look(ctx, r.heldOut)
	if err != nil {
		return fail(err)
	}
	targetFeatures, accepted, err := r.look(ctx, r.heldTarget)
	if err != nil {
		return fail(err)
	}
	put("accepted_target", accepted)
	distance := func(key string, outputs []float32, reference measure.Matrix, real measure.Images) error {
		features, accepted, err := r.look(ctx, outputs)
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
	switch {
	case r.yardsticks != nil: // by an earlier round
		maps.Copy(report.Measurements, r.yardsticks)
	case fromNoise:
		copies := damaged(part{r.target, r.heldB[:target.N]}, r.settings.Seed)
		_, undamaged, err := r.look(ctx, unitPixels(copies))
		if err != nil {
			return fail(err)
		}
		put("balanced_accuracy", (1-undamaged+accepted)/2)
	default:
		if err := distance("_source", r.heldOut, targetFeatures, target); err != nil {
			return fail(err)
		}
		put("balanced_accuracy", (1-report.Measurements["accepted_source"]+accepted)/2)
		delete(report.Measurements, "accepted_source")
		matched, err := r.colourMatched(ctx, targetFeatures)
		if err != nil {
			return fail(err)
		}
		if err := distance("_colour", matched, targetFeatures, target); err != nil {
			return fail(err)
		}
		delete(report.Measurements, "accepted_colour")
		put("grey_source", greys(part{r.source, r.trainA}))
		put("grey_target", greys(part{r.target, r.trainB}))
	}
	r.yardsticks = maps.Clone(report.Measurements)
	columns := []measure.Column{{Title: "source"}}
	if fromNoise {
		columns[0].Title = "noise"
	}
	rows := min(sheetRows, source.N)
	columns[0].Images = rowsOf(r.heldOut, size, rows)
	for i, n := range counts {
		r.phase(ctx, "measuring", 1+i, stages)
		z, path, evaluations, err := how.travel(ctx, m, r.heldOut, how.path(n, false))
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
		if !fromNoise {
			kept, err := measure.EdgeCorrelation(source, out)
			if err != nil {
				return fail(err)
			}
			put(fmt.Sprintf("preservation/%d", n), kept.Mean)
			if back && i != 1 { // at 1 and N steps
				there := z[:min(len(z), roundTrips*size*size*3)]
				again, _, _, err := how.travel(ctx, m, there, how.path(n, true))
				if err != nil {
					return fail(err)
				}
				put(fmt.Sprintf("round_trip/%d", n), difference(r.heldOut, again))
			}
		}
		if how.Solver != flow.ByEuler {
			put(fmt.Sprintf("nfe/%d", n), float64(evaluations))
		}
		if n == counts[len(counts)-1] {
			if !how.Solver.Adaptive() {
				s, err := measure.Straightness(path)
				if err != nil {
					return fail(err)
				}
				put("straightness", s.Mean)
			}
			c, err := measure.TransportCost(source.N, r.heldOut, z)
			if err != nil {
				return fail(err)
			}
			put("cost", c.L2Squared.Mean)
		}
		columns = append(columns, measure.Column{Title: stepsTitle(n), Images: rowsOf(z, size, rows)})
	}
	for i, n := range counts {
		if !back {
			break
		}
		r.phase(ctx, "measuring", 1+len(counts)+i, stages)
		if fromNoise {
			if i != 1 {
				if err := r.invert(ctx, m, how, n, put); err != nil {
					return fail(err)
				}
			}
			continue
		}
		z, _, _, err := how.travel(ctx, m, r.heldTarget, how.path(n, true))
		if err != nil {
			return fail(err)
		}
		if err := distance(fmt.Sprintf("_reverse/%d", n), z, sourceFeatures, source); err != nil {
			return fail(err)
		}
		key := fmt.Sprintf("accepted_reverse/%d", n)
		report.Measurements[key] = 1 - report.Measurements[key] // taken for sources
	}
	r.phase(ctx, "measuring", stages, stages)
	if reference := r.references(rows); reference != nil {
		columns = append(columns, measure.Column{Title: "reference", Images: reference})
	}
	sheet := &measure.Sheet{Size: size, Columns: columns, Caption: fmt.Sprintf("round %s: held-out images, %d px", round, size)}
	return report, sheet, nil
}

// greys is the share of images without colour among at most 4,096 of a set.
func greys(set part) float64 {
	n, grey := min(set.Len(), 4096), 0
	for k := range n {
		if datasets.Grey(set.Image(k * set.Len() / n)) {
			grey++
		}
	}
	return float64(grey) / float64(max(1, n))
}

// LeastAccuracy is the balanced accuracy on held-out images below which a classifier knows too little of what the two
// domains differ in for distances by its features to be trusted: half-way between chance and never wrong.
const LeastAccuracy = .75

// Doubt says why the distances among a round's measurements are not to be relied on; it is empty where they are.
func Doubt(m project.Measurements) string {
	accuracy, ok := m["balanced_accuracy"]
	if !ok || accuracy >= LeastAccuracy {
		return ""
	}
	return fmt.Sprintf("the distance to the target is not meaningful: the classifier that measures it tells held-out images of the two sides apart with a balanced accuracy of %.2f only (0.5 is chance, %.2f is needed). "+
		"Either the two sides hardly differ, or there are too few images to learn how: add images, and go by the contact sheet", accuracy, LeastAccuracy)
}

// colourBytes is how many bytes of training images of each side colours are matched by: thousands of images of 64 px.
const colourBytes = 64 << 20

// colourMatched are the held-out source images with the colours of the target's training images, channel by channel: by
// mean and deviation, or by the whole distribution, whichever is nearer to the target by the features.
func (r *run) colourMatched(ctx context.Context, target measure.Matrix) (best []float32, err error) {
	sample := func(set images, training []int, salt uint64) (out []byte) {
		some := random(r.settings.Seed+salt, "colours", 0).Perm(len(training))
		for _, i := range some[:min(len(some), max(1, colourBytes/(set.Size()*set.Size()*3)))] {
			out = append(out, set.Image(training[i])...)
		}
		return out
	}
	from, to := sample(r.source, r.trainA, 0), sample(r.target, r.trainB, 1)
	nearest := math.Inf(1)
	for _, match := range []func(source, target []uint8) (*measure.ColourMap, error){measure.MatchMoments, measure.MatchHistograms} {
		colours, err := match(from, to)
		if err != nil {
			return nil, err
		}
		matched := model.AppendUnit(nil, colours.Apply(model.Bytes(r.heldOut)))
		features, _, err := r.look(ctx, matched)
		if err != nil {
			return nil, err
		}
		kid, err := measure.KID(features, target, r.settings.Seed)
		if err != nil {
			return nil, err
		}
		if best == nil || kid.Mean < nearest {
			best, nearest = matched, kid.Mean
		}
	}
	return best, nil
}

// invert measures the way from target images to their noise and back.
func (r *run) invert(ctx context.Context, m *model.Model, how Look, n int, put func(key string, v float64)) error {
	x := r.heldTarget[:min(len(r.heldTarget), roundTrips*r.settings.Size*r.settings.Size*3)]
	z, _, _, err := how.travel(ctx, m, x, how.path(n, true))
	if err != nil {
		return err
	}
	again, _, _, err := how.travel(ctx, m, z, how.path(n, false))
	if err != nil {
		return err
	}
	var sum, square float64
	for _, v := range z {
		sum, square = sum+float64(v), square+float64(v)*float64(v)
	}
	mean := sum / float64(len(z))
	put(fmt.Sprintf("inverted_std/%d", n), math.Sqrt(max(0, square/float64(len(z))-mean*mean)))
	put(fmt.Sprintf("round_trip/%d", n), difference(x, again))
	return nil
}

// difference is the mean absolute difference (0–255) of images as they are seen from the first of others.
func difference(of, again []float32) float64 {
	var sum float64
	a, b := clipped(of[:len(again)]), clipped(again)
	for i := range b {
		sum += math.Abs(float64(a[i] - b[i]))
	}
	return 127.5 * sum / float64(len(b))
}

func stepsTitle(n int) string {
	switch n {
	case 0:
		return "adaptive steps"
	case 1:
		return "1 step"
	}
	return fmt.Sprintf("%d steps", n)
}

// look is judge.look with the features as a matrix.
func (r *run) look(ctx context.Context, x []float32) (measure.Matrix, float64, error) {
	eye, err := r.judge(ctx)
	if err != nil {
		return measure.Matrix{}, 0, err
	}
	rows, accepted, err := eye.look(clipped(x))
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
	bytes := model.Bytes(x[:n*size*size*3])
	var out [][]byte
	for i := range n {
		out = append(out, bytes[i*size*size*3:(i+1)*size*size*3])
	}
	return out
}

// references are the target's pictures with the names of the first n held-out sources; nil where there are none.
func (r *run) references(n int) [][]byte {
	if r.noise != nil {
		return nil
	}
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

// Sets that a measurement of something else than training needs: they are opened as training opens them.
var _ images = (*datasets.Set)(nil)

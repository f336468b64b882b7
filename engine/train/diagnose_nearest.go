package train

import (
	"context"
	"fmt"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/model"
)

// Nearest compares the quick outputs, and held-out targets, with every training image of the target, and where
// mirroring is allowed with its mirror image: in the feature space of the report's distance, and pixel by pixel.
type Nearest struct {
	Features, Pixels measure.Closeness
	Outputs          []Found
	Real             []Found // of the held-out targets
}

// Found is an image and the training images nearest to it.
type Found struct {
	Name             string // of the source image, or of the held-out target
	Features, Pixels Match
}

// Match is a training image and how far off it is: root of the mean square difference, of features that are scaled by
// the deviation of held-out targets, or of pixel values in [-1,1].
type Match struct {
	Name     string
	Mirrored bool
	Distance float64

	index int // of the image in the target's folder
}

// nearestRows is the number of outputs on the sheet.
const nearestRows = 24

// nearest fills in the training images that are nearest to the quick outputs.
func (d *diagnoser) nearest(ctx context.Context, g *Diagnosis, held samples, few []float32) error {
	looked := clipped(append(append([]float32(nil), few...), d.heldTarget...))
	features, _, err := d.look(ctx, looked)
	if err != nil {
		return err
	}
	byFeatures, err := measure.NewSearch(measure.SquashFeatures(features, d.targetFeatures))
	if err != nil {
		return err
	}
	byPixels, err := measure.NewSearch(d.matrix(looked))
	if err != nil {
		return err
	}
	candidates := d.candidates()
	for at := 0; at < len(candidates); at += d.lookBatch() {
		if err := ctx.Err(); err != nil {
			return err
		}
		var x []float32
		for _, c := range candidates[at:min(len(candidates), at+d.lookBatch())] {
			x = model.AppendUnit(x, d.pictureOf(c))
		}
		if features, _, err = d.look(ctx, x); err != nil {
			return err
		}
		if err := byFeatures.Show(measure.SquashFeatures(features, d.targetFeatures)); err != nil {
			return err
		}
		if err := byPixels.Show(d.matrix(x)); err != nil {
			return err
		}
	}
	n := held.n
	if g.Nearest.Features, err = measure.CompareCloseness(byFeatures.Best[:n], byFeatures.Best[n:]); err != nil {
		return err
	}
	if g.Nearest.Pixels, err = measure.CompareCloseness(byPixels.Best[:n], byPixels.Best[n:]); err != nil {
		return err
	}
	match := func(b measure.Neighbour) Match {
		c := candidates[b.Index]
		return Match{d.target.Name(int(c.b)), c.moveB.Flip, b.Distance, int(c.b)}
	}
	for i := range byFeatures.Best {
		f := Found{Features: match(byFeatures.Best[i]), Pixels: match(byPixels.Best[i])}
		if i < n {
			f.Name = held.names[i]
			g.Nearest.Outputs = append(g.Nearest.Outputs, f)
		} else {
			f.Name = d.target.Name(d.heldB[i-n])
			g.Nearest.Real = append(g.Nearest.Real, f)
		}
	}
	g.Sheet = d.nearestSheet(g, held, few)
	return nil
}

// candidates are the training images of the target, and their mirror images.
func (d *diagnoser) candidates() (out []couple) {
	for _, i := range d.trainB {
		out = append(out, couple{b: int32(i)})
		if d.flip {
			out = append(out, couple{b: int32(i), moveB: flow.Move{Flip: true}})
		}
	}
	return out
}

func (d *diagnoser) pictureOf(c couple) []byte {
	return c.moveB.Apply(d.target.Image(int(c.b)), d.settings.Size)
}

func (d *diagnoser) nearestSheet(g *Diagnosis, held samples, few []float32) *measure.Sheet {
	n, size := min(nearestRows, held.n), d.settings.Size
	column := func(title string, of func(Found) Match) measure.Column {
		c := measure.Column{Title: title}
		for _, f := range g.Nearest.Outputs[:n] {
			m := of(f)
			name := fmt.Sprintf("%.2f %s", m.Distance, m.Name)
			if m.Mirrored {
				name = fmt.Sprintf("%.2f ↔ %s", m.Distance, m.Name)
			}
			c.Names = append(c.Names, name)
			c.Images = append(c.Images, d.pictureOf(couple{b: int32(m.index), moveB: flow.Move{Flip: m.Mirrored}}))
		}
		return c
	}
	return &measure.Sheet{
		Size: size,
		Columns: []measure.Column{
			{Title: "source", Images: rowsOf(held.x0, size, n), Names: held.names[:n]},
			{Title: "output", Images: rowsOf(few, size, n)},
			column("nearest by features", func(f Found) Match { return f.Features }),
			column("nearest by pixels", func(f Found) Match { return f.Pixels }),
		},
		Caption: fmt.Sprintf("round %s: the training images nearest to outputs, their distance and name (↔: its mirror image). Outputs are %.2f (features) and %.2f (pixels) times as far from their nearest as unseen real images are.",
			g.Round, g.Nearest.Features.Ratio, g.Nearest.Pixels.Ratio),
	}
}

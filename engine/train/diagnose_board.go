package train

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/tensorboard"
)

// BoardFiles are the event files that WriteBoard writes, below its folder: one for each round that the history speaks
// of, in a folder of the round's name, so that TensorBoard shows rounds as runs.
func BoardFiles(p *project.Project) []string {
	entries, _ := p.History() // the entries are good, whatever the error says of other lines
	var out []string
	for _, e := range entries {
		if path := boardFile(p, e.Round); e.Round != "" && !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	return out
}

func boardFile(p *project.Project, round string) string {
	return filepath.Join(round, tensorboard.FileName(p.Settings().CreatedAt))
}

// WriteBoard exports a project's history and the diagnoses of its rounds for TensorBoard. Steps are updates of the
// round, but for what depends on t, where they are 100·t.
func WriteBoard(p *project.Project, dir string, rounds []*Diagnosis) error {
	entries, _ := p.History()
	for _, name := range BoardFiles(p) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making the folder for TensorBoard: %w", err)
		}
		err := project.WriteFile(path, func(w io.Writer) error {
			b, err := tensorboard.NewWriter(w, p.Settings().CreatedAt)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if boardFile(p, e.Round) == name {
					if err := writeEntry(b, e); err != nil {
						return err
					}
				}
			}
			for _, g := range rounds {
				if boardFile(p, g.Round) == name {
					if err := g.writeBoard(b, p); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeEntry writes the numbers of one line of the history.
func writeEntry(b *tensorboard.Writer, e project.Entry) error {
	folder := e.Kind
	if e.Kind == "step" {
		folder = "train"
	}
	for _, name := range slices.Sorted(maps.Keys(e.Values)) {
		tag := folder + "/" + name
		if tag == "train/rate" {
			tag = "train/learning_rate"
		}
		if err := b.Scalar(tag, e.Step, e.Time, e.Values[name]); err != nil {
			return err
		}
	}
	return nil
}

func (g *Diagnosis) writeBoard(b *tensorboard.Writer, p *project.Project) error {
	byTime := map[string]int64{} // of the names of stretches of time
	for _, l := range g.Loss {
		byTime[l.Place()] = int64(100*(l.From+l.To)/2 + .5)
	}
	for _, t := range MarginalTimes {
		byTime[fmt.Sprintf("%.2f", t)] = int64(100 * t)
	}
	for _, m := range g.Measurements() {
		tag, step := "diagnose/"+m.Name, g.TrainedSteps
		if at, ok := byTime[m.At]; ok {
			tag, step = tag+"_by_t", at
		} else if m.At != "" {
			tag += "/" + m.At
		}
		if err := b.Scalar(tag, step, g.FinishedAt, m.Value); err != nil {
			return err
		}
	}
	picture := func(tag string, png []byte) error { return b.Image(tag, g.TrainedSteps, g.FinishedAt, png) }
	var sheet bytes.Buffer
	if err := g.Sheet.WritePNG(&sheet); err != nil {
		return err
	}
	if err := picture("diagnose/nearest", sheet.Bytes()); err != nil {
		return err
	}
	dir, err := p.RoundDir(g.Round)
	if err != nil {
		return err
	}
	png, err := os.ReadFile(filepath.Join(dir, SheetName))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the contact sheet: %w", err)
	}
	return picture("round/sheet", png)
}

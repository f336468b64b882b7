package plane

import (
	"errors"
	"io"
	"path/filepath"
	"slices"

	"github.com/straightway-app/straightway/engine/project"
)

// Sizes of what Write draws.
const (
	figureTracks = 300 // lines or paths in a figure
	figureSide   = 600 // pixels
	chartPixels  = 720
	filmMost     = 1000
	filmSide     = 240
	filmFrames   = 33
)

// document is a file that Write makes.
type document struct {
	name  string
	write func(w io.Writer) error
}

// all are the rounds, and before them the flow in closed form where there is one.
func (r *Result) all() []*Round {
	if r.Exact == nil {
		return r.Rounds
	}
	return append([]*Round{r.Exact}, r.Rounds...)
}

// documents are the files of a run: measurements and charts of all rounds, the film of all rounds, and of
// every round its particles, its lines and its paths.
func (r *Result) documents() []document {
	film := Film{Most: filmMost, Side: filmSide, Frames: filmFrames}
	var out []document
	for _, k := range r.all() {
		film.Rounds = append(film.Rounds, k)
		out = append(out, document{k.Name() + "-points.csv", k.WritePoints})
		for _, f := range []struct {
			name   string
			figure func(most int) Figure
		}{{"-lines", k.Lines}, {"-paths", k.Paths}} {
			out = append(out,
				document{k.Name() + f.name + ".svg", func(w io.Writer) error { return f.figure(figureTracks).WriteSVG(w, figureSide) }},
				document{k.Name() + f.name + ".png", func(w io.Writer) error { return f.figure(figureTracks).WritePNG(w, figureSide) }})
		}
	}
	for _, c := range r.Charts() {
		out = append(out,
			document{c.Name + ".svg", func(w io.Writer) error { return c.WriteSVG(w, chartPixels) }},
			document{c.Name + ".png", func(w io.Writer) error { return c.WritePNG(w, chartPixels) }})
	}
	return append(out, document{"measurements.csv", r.WriteMeasurements}, document{"flow.gif", film.WriteGIF})
}

// Files are the names of what Write makes of a run with these options, once it is finished.
func (o Options) Files() []string {
	to := &Result{}
	if o.Reference != NoReference {
		to.Exact = &Round{Kind: Closed}
	}
	for k := 1; k <= max(1, o.Rounds); k++ {
		kind := Reflow
		if k == 1 {
			kind = Flow
		}
		to.Rounds = append(to.Rounds, &Round{Number: k, Kind: kind})
		if slices.Contains(o.Distil, k) {
			to.Rounds = append(to.Rounds, &Round{Number: k, Kind: Distil})
		}
	}
	var names []string
	for _, d := range to.documents() {
		names = append(names, d.name)
	}
	return names
}

// Write writes measurements and particles as CSV, lines, paths and charts as PNG and SVG, and the flow as an animated
// GIF into the folder dir, which it makes where there is none. Unless overwrite is set, it writes nothing and returns
// project.ErrTaken where one of the files is already there. A result of the rounds that were finished before a run was
// stopped can be written too.
func (r *Result) Write(dir string, overwrite bool) error {
	if len(r.Rounds) == 0 {
		return errors.New("there is nothing to write: no round is finished yet")
	}
	documents := r.documents()
	var names []string
	for _, d := range documents {
		names = append(names, d.name)
	}
	if overwrite {
		names = nil
	}
	if err := project.Vacant(dir, names); err != nil {
		return err
	}
	for _, d := range documents {
		if err := project.WriteFile(filepath.Join(dir, d.name), d.write); err != nil {
			return err
		}
	}
	return nil
}

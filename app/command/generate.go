package command

import (
	"fmt"
	"image/png"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/generate"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
)

type generateFlags struct {
	project, out, round, solver, between, sheet string
	count, steps                                int
	seed                                        uint64
	tolerance                                   float64
	invert, overwrite                           bool
}

func newGenerate(out *output) *cobra.Command {
	f := &generateFlags{}
	c := &cobra.Command{
		Use:   "generate --project DIR --out DIR --count N",
		Short: "Make images from noise",
		Long: "Make images with a project whose source is noise, one for each seed: seed-1.png, seed-2.png, … The same seed and\n" +
			"round give the same picture. --between A,B makes the pictures on the way from one seed to another instead.\n" +
			"--invert FILE... finds the noise that real images come from, and writes what this noise gives beside them.",
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, out, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.project, "project", "", "project folder")
	flags.StringVar(&f.out, "out", "", "folder for the images, made if need be")
	flags.IntVar(&f.count, "count", 16, "number of images")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of the first image; the others follow it")
	flags.StringVar(&f.between, "between", "", "two seeds, such as 3,8: --count images on the way from one to the other")
	flags.BoolVar(&f.invert, "invert", false, "take the given image files back to their noise and forward again")
	flags.IntVar(&f.steps, "steps", 1, "steps of the solver; --invert takes 16 where it is not given")
	solverFlags(flags, &f.solver, &f.tolerance)
	flags.StringVar(&f.round, "round", "", "round to use, such as 2-reflow (default: the last; with --invert the last that knows the way back)")
	flags.StringVar(&f.sheet, "sheet", "", "write a contact sheet (PNG) of the images to this file")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace files that are already there")
	flags.String("backend", "", backend.Choices)
	return c
}

func (f *generateFlags) run(c *cobra.Command, out *output, paths []string) error {
	switch {
	case f.project == "":
		return usagef("generate needs a project folder: --project DIR")
	case f.out == "":
		return usagef("generate needs a folder to write to: --out DIR")
	case f.count < 1:
		return usagef("--count %d: at least 1 is needed", f.count)
	case f.steps < 1:
		return usagef("--steps %d: at least 1 is needed", f.steps)
	case f.invert && len(paths) == 0:
		return usagef("--invert needs image files")
	case f.invert && f.between != "":
		return usagef("--invert and --between exclude each other")
	case !f.invert && len(paths) > 0:
		return usagef("generate takes no files: %s. Give --invert for their noise, or translate with a project between two folders", paths[0])
	}
	if f.invert && !c.Flags().Changed("steps") {
		f.steps = 16
	}
	solver, err := parseSolver(c.Flags(), f.solver, &f.steps, f.tolerance)
	if err != nil {
		return err
	}
	names, err := f.names(paths)
	if err != nil {
		return err
	}
	p, err := project.OpenReadOnly(f.project)
	if err != nil {
		return err
	}
	defer p.Close()
	if !p.Settings().FromNoise() {
		return fmt.Errorf("%s: %w (--source noise), or use translate with this one", f.project, generate.ErrNeedsNoise)
	}
	taken := names
	if f.overwrite {
		taken = nil
	}
	err = inTheWay(project.Vacant(f.out, taken), "name another --out or --seed, or give --overwrite to replace it")
	if err != nil { // before the work, not after it
		return err
	}
	be, err := projectBackend(c, out, p)
	if err != nil {
		return err
	}
	defer be.Close()
	use := model.Use{Round: f.round, Steps: f.steps, Reverse: f.invert, Solver: solver, Tolerance: f.tolerance}
	if f.invert {
		use.Batch = 1
	}
	net, round, _, err := model.OpenTranslator(p, be, use)
	if err != nil {
		return err
	}
	defer net.Close()
	if f.invert {
		return f.inversions(c, out, p, net, use, round, paths, names)
	}
	size := net.Size()
	noises, err := f.noises(size)
	if err != nil {
		return err
	}
	var shown [][]byte
	err = generate.Images(c.Context(), net, noises, func(i int, pixels []byte) error {
		path := filepath.Join(f.out, names[i])
		if err := writePNG(path, pixels, size); err != nil {
			return err
		}
		shown = append(shown, pixels)
		out.event(map[string]any{"event": "image", "output": path, "seed": f.seedOf(i)})
		out.progress("generating", i+1, len(noises), "")
		return nil
	})
	if err != nil {
		return err
	}
	if f.sheet != "" {
		if err := writeSheet(f.sheet, gridOf(shown, size, fmt.Sprintf("round %s, %s", round, effort(f.steps, solver, net.NFE())))); err != nil {
			return err
		}
	}
	out.event(map[string]any{"event": "done", "images": len(noises), "round": round, "steps": f.steps, "solver": solver.String(), "nfe": net.NFE(), "backend": be.Label, "out": f.out})
	out.result("%d images by round %s in %s: %s", len(noises), round, effort(f.steps, solver, net.NFE()), f.out)
	return nil
}

// seedOf is the seed of the i-th image, nil between two seeds.
func (f *generateFlags) seedOf(i int) any {
	if f.between != "" {
		return nil
	}
	return f.seed + uint64(i)
}

// ends reads --between.
func (f *generateFlags) ends() (from, to uint64, err error) {
	a, b, ok := strings.Cut(f.between, ",")
	from, errA := strconv.ParseUint(strings.TrimSpace(a), 10, 64)
	to, errB := strconv.ParseUint(strings.TrimSpace(b), 10, 64)
	if !ok || errA != nil || errB != nil {
		return 0, 0, usagef("--between %s: give two seeds, such as 3,8", f.between)
	}
	return from, to, nil
}

// names are the files that are written.
func (f *generateFlags) names(paths []string) (names []string, err error) {
	switch {
	case f.invert:
		for _, p := range paths {
			names = append(names, againName(p))
		}
	case f.between != "":
		from, to, err := f.ends()
		if err != nil {
			return nil, err
		}
		for i := range f.count {
			names = append(names, fmt.Sprintf("between-%d-%d-%03d.png", from, to, i+1))
		}
	default:
		for i := range f.count {
			names = append(names, fmt.Sprintf("seed-%d.png", f.seed+uint64(i)))
		}
	}
	return names, nil
}

// noises are what the images are made of.
func (f *generateFlags) noises(size int) ([][]float32, error) {
	if f.between == "" {
		return generate.Seeds(f.seed, f.count, size), nil
	}
	from, to, err := f.ends()
	return generate.Between(generate.Noise(from, size), generate.Noise(to, size), f.count), err
}

// againName is the name of what an image's noise gives.
func againName(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base)) + "-again.png"
}

// inversions takes real images back to their noise and forward again.
func (f *generateFlags) inversions(c *cobra.Command, out *output, p *project.Project, back model.Translator, use model.Use, round string, paths, names []string) error {
	use.Reverse = false
	forward := model.NewTranslator(back.Model, use)
	size := back.Size()
	fit, err := datasets.ParseFit(p.Settings().Fit.String())
	if err != nil {
		return err
	}
	var images, agains [][]byte
	failed, sum := 0, 0.
	for i, path := range paths {
		if err := c.Context().Err(); err != nil {
			return err
		}
		img, err := datasets.DecodeFile(path, datasets.Limits{})
		if err != nil {
			failed++
			out.note("%v", err)
			out.event(map[string]any{"event": "image", "input": path, "error": err.Error()})
			continue
		}
		pixels := datasets.FitSquare(img.Image, size, fit, p.Settings().Background.NRGBA())
		v, err := generate.Invert(c.Context(), back, forward, pixels)
		if err != nil {
			return err
		}
		to := filepath.Join(f.out, names[i])
		if err := writePNG(to, v.Again, size); err != nil {
			return err
		}
		images, agains, sum = append(images, pixels), append(agains, v.Again), sum+v.L1
		out.event(map[string]any{"event": "image", "input": path, "output": to, "l1": v.L1, "noise_mean": v.Mean, "noise_std": v.Std})
		out.note("%s: comes back within %.2f of 255; its noise has mean %.3f and standard deviation %.3f (0 and 1 are likely)", path, v.L1, v.Mean, v.Std)
		out.progress("inverting", i+1, len(paths), "")
	}
	if f.sheet != "" && len(images) > 0 {
		s := &measure.Sheet{Size: size, Columns: []measure.Column{{Title: "image", Images: images}, {Title: "its noise's", Images: agains}}, Caption: fmt.Sprintf("round %s, %d steps each way", round, f.steps)}
		if err := writeSheet(f.sheet, s); err != nil {
			return err
		}
	}
	done := len(images)
	out.event(map[string]any{"event": "done", "images": done, "failed": failed, "l1": sum / float64(max(1, done)), "round": round, "steps": f.steps, "out": f.out})
	out.result("%d images to their noise and back by round %s: they come back within %.2f of 255; %d failed: %s", done, round, sum/float64(max(1, done)), failed, f.out)
	if failed > 0 {
		return errSomeFailed
	}
	return nil
}

func writePNG(path string, pixels []byte, size int) error {
	return project.WriteFile(path, func(w io.Writer) error { return png.Encode(w, datasets.Picture(size, pixels)) })
}

// gridOf is a contact sheet of images in about as many columns as rows.
func gridOf(images [][]byte, size int, caption string) *measure.Sheet {
	columns := 1
	for columns*columns < len(images) {
		columns++
	}
	s := &measure.Sheet{Size: size, Blocks: 1, Caption: caption}
	for k := range columns {
		c := measure.Column{}
		for i := k; i < len(images); i += columns {
			c.Images = append(c.Images, images[i])
		}
		s.Columns = append(s.Columns, c)
	}
	return s
}

package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/onnx"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/unet"
)

type modelFlags struct {
	project, round, onnx, safetensors string
	steps                             int
	reverse, velocity, overwrite      bool
}

func newModel(out *output) *cobra.Command {
	f := &modelFlags{}
	c := &cobra.Command{
		Use:   "model --project DIR --onnx FILE | --safetensors FILE",
		Short: "Write a trained model for other programs",
		Long: "Write a round's network with its averaged weights to one file, for other engines to serve (docs/export.md).\n" +
			"--onnx FILE is the translator: images in, translations out, RGB in 0…1, [batch, 3, size, size], and one\n" +
			"network evaluation between them unless --steps says more. With --velocity it is the network v(x, t) itself.\n" +
			"--safetensors FILE is the weights alone, by name.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, out) },
	}
	flags := c.Flags()
	flags.StringVar(&f.project, "project", "", "project folder")
	flags.StringVar(&f.onnx, "onnx", "", "ONNX file to write")
	flags.StringVar(&f.safetensors, "safetensors", "", "safetensors file to write")
	flags.StringVar(&f.round, "round", "", "round to write, such as 2-reflow (default: the last that can do what is asked for)")
	flags.IntVar(&f.steps, "steps", 0, "Euler steps in the translator, each a network evaluation (default: 1, or what the round was distilled to)")
	flags.BoolVar(&f.reverse, "reverse", false, "the translator goes from target to source")
	flags.BoolVar(&f.velocity, "velocity", false, "with --onnx, write v(x, t) rather than the translator")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace the file if it is already there")
	return c
}

func (f *modelFlags) run(c *cobra.Command, out *output) error {
	walks := c.Flags().Changed("steps") || f.reverse
	switch {
	case f.project == "":
		return usagef("model needs a project folder: --project DIR")
	case (f.onnx == "") == (f.safetensors == ""):
		return usagef("model writes one file: give --onnx FILE or --safetensors FILE")
	case f.velocity && f.onnx == "":
		return usagef("--velocity is a kind of ONNX file: give --onnx FILE with it")
	case walks && (f.velocity || f.onnx == ""):
		return usagef("--steps and --reverse are for the translator: leave them out with --velocity and --safetensors")
	case c.Flags().Changed("steps") && f.steps < 1:
		return usagef("--steps %d: at least 1 is needed", f.steps)
	}
	path := f.onnx + f.safetensors
	if err := f.room(path); err != nil {
		return err
	}
	p, err := project.OpenReadOnly(f.project)
	if err != nil {
		return err
	}
	defer p.Close()
	if f.reverse && p.Settings().FromNoise() {
		return usagef("--reverse: the source of %s is noise, so there is no image at the other end: choose --velocity and go back step by step", f.project)
	}
	if err := f.chooseRound(p); err != nil {
		return err
	}
	round, net, flat, err := model.Load(p, f.round)
	if err != nil {
		return err
	}
	if f.steps == 0 {
		f.steps = max(1, p.Settings().FinishSteps(round.Kind))
	}
	kind, err := f.write(path, p, round, net, flat)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("looking at %s, which was just written: %w", path, err)
	}
	line := map[string]any{"event": "model", "file": path, "bytes": info.Size(), "round": round.Name, "kind": kind, "size": net.Size}
	if kind == holdsTranslator {
		line["steps"], line["reverse"] = f.steps, f.reverse
		kind = fmt.Sprintf("%s in %d step(s)", kind, f.steps)
	}
	out.event(line)
	out.result("%s of round %s, %d×%d pixels, %.1f MB: %s", kind, round.Name, net.Size, net.Size, float64(info.Size())/1e6, path)
	return nil
}

// room sees that path can be written to, before the work and not after it.
func (f *modelFlags) room(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("writing %s: %w", path, err)
	case info.IsDir():
		return fmt.Errorf("%s is a folder: name the file to write, such as %s", path, filepath.Join(path, "model"))
	case !f.overwrite:
		return fmt.Errorf("%s already exists: choose another name, or allow overwriting (--overwrite)", path)
	}
	return nil
}

// chooseRound names the last round that can do what is asked for, where that is not simply the last.
func (f *modelFlags) chooseRound(p *project.Project) error {
	if f.round != "" || !f.velocity && !f.reverse {
		return nil
	}
	rounds, err := p.Rounds()
	if err != nil {
		return err
	}
	for _, r := range rounds {
		if r.Finished && (r.Kind.EveryTime() || f.reverse && p.Settings().KnowsTheWayBack(r.Kind)) {
			f.round = r.Name
		}
	}
	return nil
}

// What a file can hold.
const (
	holdsTranslator = "translator"
	holdsVelocity   = "velocity"
	holdsWeights    = "weights"
)

// write writes the file and returns what it holds.
func (f *modelFlags) write(path string, p *project.Project, round project.Round, net unet.Config, flat []float32) (kind string, err error) {
	parts, meta, err := model.Pack(net, flat)
	if err != nil {
		return "", err
	}
	settings := p.Settings()
	title := filepath.Base(p.Dir())
	meta["project"], meta["round"], meta["program"] = title, round.Name, "straightway "+Version
	meta["size"], meta["fit"], meta["background"] = strconv.Itoa(net.Size), settings.Fit.String(), settings.Background.String()
	if f.safetensors != "" {
		meta["kind"] = holdsWeights
		return holdsWeights, project.WriteSafetensors(path, parts, meta)
	}
	about := onnx.About{Name: title, Program: Version, Metadata: meta}
	images := fmt.Sprintf("float32 [batch,3,%d,%d] RGB", net.Size, net.Size)
	if f.velocity {
		about.Text = fmt.Sprintf("The velocity v(x, t) of %s, round %s: dx/dt of images x at times t, from the source (t = 0) to the target (t = 1).", title, round.Name)
		meta["kind"] = holdsVelocity
		meta["input"] = "x " + images + " -1..1 (byte/127.5 - 1), t float32 [batch] 0..1"
		meta["output"] = "velocity " + images + ", x per unit of t"
		m, err := onnx.Velocity(net, flat, about)
		return holdsVelocity, save(path, m, err)
	}
	way := flow.Forward(f.steps)
	if f.reverse {
		way = flow.Backward(f.steps)
	}
	meta["kind"] = holdsTranslator
	meta["steps"], meta["reverse"] = strconv.Itoa(f.steps), strconv.FormatBool(f.reverse)
	meta["output"] = "result " + images + " 0..1"
	if settings.FromNoise() {
		about.Text = fmt.Sprintf("The generator of %s, round %s: noise in, images out.", title, round.Name)
		meta["input"] = "noise " + images + " from N(0, 1)"
		m, err := onnx.Generator(net, flat, way, about)
		return holdsTranslator, save(path, m, err)
	}
	about.Text = fmt.Sprintf("The translator of %s, round %s: images in, translations out.", title, round.Name)
	meta["input"] = "image " + images + " 0..1 (byte/255)"
	m, err := onnx.Translator(net, flat, way, about)
	return holdsTranslator, save(path, m, err)
}

// save writes what one of package onnx's functions returned.
func save(path string, m *onnx.Model, err error) error {
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return project.WriteFile(path, func(w io.Writer) error {
		_, err := m.WriteTo(w)
		return err
	})
}

package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// trainFlags are the settings of a new project as the command line spells them.
type trainFlags struct {
	settings  project.Settings
	directory string
	resume    bool
	devices   int
	autosave  time.Duration

	preset, fit, finish, coupling, feature, loss, border, flip, precision, background string
}

func newTrain(out *output) *cobra.Command {
	f := &trainFlags{settings: project.Default()}
	c := &cobra.Command{
		Use:   "train --source DIR --target DIR --project DIR",
		Short: "Learn to turn the images of one folder into images of another",
		Long: "Train a translator from the images of one folder to those of another and keep it in a project folder.\n" +
			"Ctrl-C saves and ends; the same command with only --project DIR --resume goes on exactly there.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, out) },
	}
	s := &f.settings
	flags := c.Flags()
	flags.StringVar(&s.Source, "source", "", "folder of images to start from, or noise for a generator")
	flags.StringVar(&s.Target, "target", "", "folder of images to arrive at")
	flags.StringVar(&f.directory, "project", "", "project folder, made if need be")
	flags.BoolVar(&f.resume, "resume", false, "go on with a project that was interrupted")
	flags.StringVar(&f.preset, "preset", s.Preset.String(), "quick, balanced or quality")
	flags.IntVar(&s.Size, "size", s.Size, "side of the images in pixels: 32, 64, 128 or 256")
	flags.IntVar(&s.Rounds, "rounds", s.Rounds, "rounds before the finish: 1 is the flow alone, each further one a reflow")
	flags.StringVar(&f.finish, "finish", s.Finish.String(), "none, distil or refine")
	flags.IntVar(&s.DistilSteps, "distil-steps", 1, "Euler steps that --finish distil learns to translate in")
	flags.BoolVar(&s.BothWays, "both-ways", false, "let the finish learn the step from target to source as well")
	flags.IntVar(&s.Steps, "steps", 0, "training steps of the first round, the others in proportion (0: the preset's)")
	flags.Float64Var(&s.Minutes, "minutes", 0, "time for the training steps of all rounds instead of a number of steps")
	flags.StringVar(&f.coupling, "coupling", s.Coupling.String(), "auto, registered, minibatch or independent")
	flags.StringVar(&f.feature, "coupling-feature", s.CouplingFeature.String(), "auto, edge, pixels or luma")
	flags.StringVar(&f.loss, "loss", s.Loss.String(), "feature or pixel")
	flags.Float64Var(&s.BridgeNoise, "bridge-noise", s.BridgeNoise, "noise in the middle of the training lines, on the scale of [-1,1]; 0 for none; between two folders only")
	flags.StringVar(&f.border, "border", s.Border.String(), "what the network sees beyond the border of an image: auto, repeated (the pixels there) or zeros; between two folders only")
	flags.StringVar(&f.flip, "flip", s.Flip.String(), "mirrored images in training: auto, on or off")
	flags.StringVar(&f.fit, "fit", s.Fit.String(), "how an image becomes square: crop, pad or stretch")
	flags.StringVar(&f.background, "background", s.Background.String(), "colour under transparency and beside padded images: #rrggbb, white, grey or black")
	flags.IntVar(&s.Batch, "batch", 0, "images a step (0: the preset's)")
	flags.StringVar(&f.precision, "precision", s.Precision.String(), "auto, f32 or bf16")
	flags.Uint64Var(&s.Seed, "seed", s.Seed, "seed of everything random; the same seed gives the same result on one backend")
	flags.StringVar(&s.Backend, "backend", "", backend.Choices)
	flags.IntVar(&f.devices, "devices", 1, devicesHelp)
	flags.DurationVar(&f.autosave, "autosave", train.DefaultAutosave, "time between autosaves")
	return c
}

// devicesHelp is the help of --devices.
const devicesHelp = "devices of the backend that share each batch, in this run"

func (f *trainFlags) run(c *cobra.Command, out *output) error {
	if err := checkDevices(f.devices); err != nil {
		return err
	}
	p, err := f.open(c, out)
	if err != nil {
		return err
	}
	defer p.Close()
	be, err := projectBackend(c, out, p)
	if err != nil {
		return err
	}
	defer be.Close()
	return trainProject(c.Context(), out, p, be, f.devices, f.autosave)
}

func checkDevices(n int) error {
	if n < 1 {
		return usagef("--devices %d: at least 1 is needed", n)
	}
	return nil
}

// open opens or makes the project.
func (f *trainFlags) open(c *cobra.Command, out *output) (*project.Project, error) {
	if f.directory == "" {
		return nil, usagef("train needs a project folder: --project DIR")
	}
	if f.resume {
		var extra []string
		for _, name := range []string{"source", "target", "preset", "size", "rounds", "finish", "distil-steps", "both-ways", "steps", "minutes", "coupling", "coupling-feature", "loss", "bridge-noise", "border", "flip", "fit", "background", "batch", "precision", "seed"} {
			if c.Flags().Changed(name) {
				extra = append(extra, "--"+name)
			}
		}
		if extra != nil {
			return nil, usagef("--resume goes on with the project's own settings: leave out %s, or start a new project", strings.Join(extra, ", "))
		}
		return project.Open(f.directory)
	}
	if err := f.parse(); err != nil {
		return nil, err
	}
	p, begun, err := makeProject(out, f.directory, f.settings)
	if err != nil {
		return nil, err
	}
	if begun {
		_ = p.Close() // nothing was written
		return nil, fmt.Errorf("%s already holds a project: go on with it by --project %s --resume, or name another folder", f.directory, f.directory)
	}
	return p, nil
}

// makeProject makes a project or opens the one that is there; see project.Prepare.
func makeProject(out *output, dir string, s project.Settings) (p *project.Project, begun bool, err error) {
	p, found, begun, err := project.Prepare(dir, s)
	if err == nil && found && !begun {
		out.note("%s holds a project that has not begun: it takes the settings given now", dir)
	}
	return p, begun, err
}

func (f *trainFlags) parse() error {
	s := &f.settings
	s.Program = Version
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	var err error
	s.Preset, err = project.ParsePreset(f.preset)
	note(err)
	s.Fit, err = project.ParseFit(f.fit)
	note(err)
	s.Finish, err = project.ParseFinish(f.finish)
	note(err)
	s.Coupling, err = project.ParseCoupling(f.coupling)
	note(err)
	s.CouplingFeature, err = project.ParseFeature(f.feature)
	note(err)
	s.Border, err = project.ParseBorder(f.border)
	note(err)
	s.Loss, err = project.ParseLoss(f.loss)
	note(err)
	s.Flip, err = project.ParseFlip(f.flip)
	note(err)
	s.Precision, err = project.ParsePrecision(f.precision)
	note(err)
	s.Background, err = project.ParseColour(f.background)
	note(err)
	for _, dir := range []*string{&s.Source, &s.Target} {
		if *dir != "" && *dir != project.NoiseSource {
			if abs, err := filepath.Abs(*dir); err == nil {
				*dir = abs
			}
		}
	}
	note(s.Validate())
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	return nil
}

// projectBackend opens the backend that the command's --backend names or, where it was not given, the project's own.
func projectBackend(c *cobra.Command, out *output, p *project.Project) (*backend.Backend, error) {
	choice := p.Settings().Backend
	if flag := c.Flags().Lookup("backend"); flag.Changed {
		choice = flag.Value.String()
	}
	return openBackend(out, choice)
}

// openBackend opens a backend and says which, and why better ones were passed over.
func openBackend(out *output, choice string) (*backend.Backend, error) {
	be, passed, err := backend.Open(choice)
	if err != nil {
		if kind := backend.Kind(strings.ToLower(choice)); !slices.Contains(backend.Kinds(), kind) && !filepath.IsAbs(choice) {
			err = usageError{err} // no such name
		}
		return nil, err
	}
	for _, r := range passed {
		if r.Kind == backend.CPU {
			out.note("backend %s is not available: %s. %s", r.Name, r.Reason, r.Advice)
		}
	}
	out.note("computing on %s", be.Label)
	return be, nil
}

// devicesUsage makes an error of usage of one that says that --devices asks for what cannot be.
func devicesUsage(err error) error {
	var cannot *train.DevicesError
	if errors.As(err, &cannot) {
		return usageError{err}
	}
	return err
}

// previewEvery is the time between previews, which the window shows of any project; they take about a hundredth of it.
const previewEvery = time.Minute

// trainProject trains and reports.
func trainProject(ctx context.Context, out *output, p *project.Project, be *backend.Backend, devices int, autosave time.Duration) error {
	result, err := train.Run(ctx, train.Options{
		Project: p, Backend: be, Devices: devices, Autosave: autosave, Previews: previewEvery,
		Watch: func(e train.Event) { reportTraining(out, e) },
	})
	if err != nil {
		return devicesUsage(err)
	}
	out.event(map[string]any{"event": "done", "project": p.Dir(), "rounds": result.Rounds, "seconds": result.Seconds})
	out.result("done in %s: %s", roundTime(result.Seconds), p.Dir())
	return nil
}

func reportTraining(out *output, e train.Event) {
	switch e.Kind {
	case train.StepEvent:
		out.event(map[string]any{
			"event": "step", "round": e.Round, "step": e.Step, "steps": e.Steps, "loss": e.Loss,
			"images_per_second": e.ImagesPerSecond, "eta_seconds": e.ETA.Seconds(), "elapsed_seconds": e.Elapsed.Seconds(), "phase": e.Phase,
		})
		if e.Phase == "training" {
			out.progress("round "+e.Round, e.Step, e.Steps, fmt.Sprintf("loss %.4f, %.0f images/s, %s left", e.Loss, e.ImagesPerSecond, roundTime(e.ETA.Seconds())))
		} else {
			out.progress(e.Phase, e.Done, e.Total, "")
		}
	case train.PhaseEvent:
		out.event(map[string]any{"event": "phase", "phase": e.Phase, "done": e.Done, "total": e.Total, "elapsed_seconds": e.Elapsed.Seconds()})
		out.progress(e.Phase, e.Done, e.Total, "")
	case train.NoteEvent:
		out.event(map[string]any{"event": "note", "message": e.Message})
		out.note("%s", e.Message)
	case train.RoundEvent:
		m := e.Report.Measurements
		line := map[string]any{
			"event": "round", "round": e.Round, "steps": e.Report.Steps, "images": e.Report.Images, "seconds": e.Report.Seconds,
			"straightness": m["straightness"], "cost": m["cost"], "distance": variants(m, "kid"), "swd": variants(m, "swd"),
			"distance_reverse": variants(m, "kid_reverse"), "round_trip": variants(m, "round_trip"),
			"accepted": variants(m, "accepted"), "accepted_target": m["accepted_target"], "preservation": variants(m, "preservation"), "sheet": e.Sheet,
		}
		addYardsticks(line, m)
		out.event(line)
		out.note("round %s: %s", e.Round, inWords(m))
		if e.Sheet != "" {
			out.note("contact sheet: %s", e.Sheet)
		}
	}
}

// addYardsticks adds what a round's distances are to be read by, as far as it was measured.
func addYardsticks(line map[string]any, m project.Measurements) {
	for key, name := range map[string]string{
		"kid_source": "distance_source", "swd_source": "swd_source", "kid_colour": "distance_colour", "swd_colour": "swd_colour",
		"balanced_accuracy": "balanced_accuracy",
	} {
		if v, ok := m[key]; ok {
			line[name] = v
		}
	}
}

// inWords tells a round's measurements.
func inWords(m project.Measurements) string {
	text := ""
	if s, ok := m["straightness"]; ok {
		text = fmt.Sprintf("straightness %.4f, ", s)
	}
	text += fmt.Sprintf("transport cost %.3f, distance to the target %s", m["cost"], list(m, "kid"))
	if v, ok := m["kid_source"]; ok {
		text += fmt.Sprintf(" (source %.3f", v)
		if v, ok := m["kid_colour"]; ok {
			text += fmt.Sprintf(", with its colours matched %.3f", v)
		}
		text += ")"
	}
	if v, ok := m["balanced_accuracy"]; ok {
		text += fmt.Sprintf(", measured by a classifier of balanced accuracy %.2f", v)
	}
	text += fmt.Sprintf(", accepted as target %s (real %.2f)", list(m, "accepted"), m["accepted_target"])
	if kept := list(m, "preservation"); kept != "" {
		text += ", layout kept " + kept
	}
	if trip := list(m, "round_trip"); trip != "" {
		text += ", there and back within " + trip + " steps (of 255)"
	}
	return text
}

// variants collects the measurements named key/k by k.
func variants(m project.Measurements, key string) map[string]any {
	out := map[string]any{}
	for name, v := range m {
		if k, ok := strings.CutPrefix(name, key+"/"); ok {
			out[k] = v
		}
	}
	return out
}

// list writes the measurements named key/k as "v (k steps), ...".
func list(m project.Measurements, key string) string {
	type item struct {
		steps int
		v     float64
	}
	var items []item
	for name, v := range m {
		if k, ok := strings.CutPrefix(name, key+"/"); ok {
			var n int
			if _, err := fmt.Sscan(k, &n); err == nil {
				items = append(items, item{n, v})
			}
		}
	}
	sort.Slice(items, func(i, j int) bool { return items[i].steps < items[j].steps })
	var parts []string
	for _, i := range items {
		parts = append(parts, fmt.Sprintf("%.3f at %d", i.v, i.steps))
	}
	return strings.Join(parts, ", ")
}

func roundTime(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

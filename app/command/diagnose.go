package command

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

type diagnoseFlags struct {
	project, round, out, board string
	overwrite                  bool
}

func newDiagnose(out *output) *cobra.Command {
	f := &diagnoseFlags{}
	c := &cobra.Command{
		Use:   "diagnose --project DIR [--round NAME] [--out DIR] [--tensorboard DIR]",
		Short: "Look into the finished rounds of a project",
		Long: "Measure, on held-out images, the loss by time, the gradient by layer, what averaging the weights did, whether outputs\n" +
			"copy training images, and how far each round keeps the guarantees of rectified flow: S, V, their identity with the fall\n" +
			"of the transport cost, four costs, the marginals, the bound. With --out, everything is written as CSV and PNG; with\n" +
			"--tensorboard, it is exported together with the training's history.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, out) },
	}
	flags := c.Flags()
	flags.StringVar(&f.project, "project", "", "project folder")
	flags.StringVar(&f.round, "round", "all", "round to look into, such as 1-flow, or all")
	flags.StringVar(&f.out, "out", "", "folder for the tables and figures, made if need be")
	flags.StringVar(&f.board, "tensorboard", "", "folder for the event files, one folder a round, made if need be")
	flags.String("backend", "", backend.Choices)
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace files that are already there")
	return c
}

func (f *diagnoseFlags) run(c *cobra.Command, out *output) error {
	if f.project == "" {
		return usagef("diagnose needs a project folder: --project DIR")
	}
	if f.round == "all" {
		f.round = ""
	}
	p, err := project.OpenReadOnly(f.project)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := f.room(p); err != nil { // before the work, not after it
		return err
	}
	be, err := projectBackend(c, out, p)
	if err != nil {
		return err
	}
	defer be.Close()
	var rounds []*train.Diagnosis
	err = train.Diagnose(c.Context(), train.Options{Project: p, Backend: be, Watch: func(e train.Event) {
		switch e.Kind {
		case train.PhaseEvent:
			out.progress(e.Phase, e.Done, e.Total, "")
		case train.NoteEvent:
			out.note("%s", e.Message)
		}
	}}, f.round, func(g *train.Diagnosis) {
		rounds = append(rounds, g)
		diagnosisEvents(out, g)
		for _, line := range diagnosisTable(g) {
			out.result("%s", line)
		}
	})
	if err != nil {
		return err
	}
	return f.write(out, p, rounds)
}

// diagnosisDocument is a file that --out makes.
type diagnosisDocument struct {
	name  string
	write func(w io.Writer) error
}

func diagnosisDocuments(rounds []*train.Diagnosis) []diagnosisDocument {
	out := []diagnosisDocument{
		{"measurements.csv", func(w io.Writer) error { return train.WriteMeasurements(w, rounds) }},
		{"nearest.csv", func(w io.Writer) error { return train.WriteNearest(w, rounds) }},
		{"diagnose.png", func(w io.Writer) error { return train.ChartsOf(rounds).WritePNG(w) }},
	}
	for _, g := range rounds {
		out = append(out, diagnosisDocument{g.Round + "-nearest.png", func(w io.Writer) error { return g.Sheet.WritePNG(w) }})
	}
	return out
}

// room makes the output folders and sees that nothing in them is in the way.
func (f *diagnoseFlags) room(p *project.Project) error {
	found, err := p.Rounds()
	if err != nil {
		return err
	}
	var rounds []*train.Diagnosis
	for _, r := range found {
		if r.Finished && (f.round == "" || f.round == r.Name) {
			rounds = append(rounds, &train.Diagnosis{Round: r.Name})
		}
	}
	for _, folder := range []struct {
		flag, dir string
		names     []string
	}{{"out", f.out, documentNames(rounds)}, {"tensorboard", f.board, train.BoardFiles(p)}} {
		if folder.dir == "" {
			continue
		}
		if f.overwrite {
			folder.names = nil
		}
		err := inTheWay(project.Vacant(folder.dir, folder.names), fmt.Sprintf("name another folder with --%s, or give --overwrite", folder.flag))
		if err != nil {
			return err
		}
	}
	return nil
}

func documentNames(rounds []*train.Diagnosis) (names []string) {
	for _, d := range diagnosisDocuments(rounds) {
		names = append(names, d.name)
	}
	return names
}

func (f *diagnoseFlags) write(out *output, p *project.Project, rounds []*train.Diagnosis) error {
	done := map[string]any{"event": "done", "project": p.Dir()}
	if f.out != "" {
		for _, d := range diagnosisDocuments(rounds) {
			if err := project.WriteFile(filepath.Join(f.out, d.name), d.write); err != nil {
				return err
			}
		}
		out.result("tables and figures: %s", f.out)
		done["out"] = f.out
	}
	if f.board != "" {
		if err := train.WriteBoard(p, f.board, rounds); err != nil {
			return err
		}
		out.result("history and diagnosis for TensorBoard: %s", f.board)
		done["tensorboard"] = f.board
	}
	out.event(done)
	return nil
}

// diagnosisTable is a diagnosis for a person to read.
func diagnosisTable(g *train.Diagnosis) []string {
	lines := []string{fmt.Sprintf("round %s: %d held-out images; Euler steps of the paths: %d, of quick outputs: %d", g.Round, g.Images, g.PathSteps, g.FewSteps)}
	add := func(format string, args ...any) { lines = append(lines, "  "+fmt.Sprintf(format, args...)) }
	row := func(name string, of func(l train.LossAt) string) {
		text := fmt.Sprintf("%-16s", name)
		for _, l := range g.Loss {
			text += fmt.Sprintf(" %8s", of(l))
		}
		add("%s", text)
	}
	row("loss, t", func(l train.LossAt) string { return fmt.Sprintf("%.2f", (l.From+l.To)/2) })
	row("  held out", func(l train.LossAt) string { return fmt.Sprintf("%.4f", l.HeldOut.Mean) })
	row("  its error", func(l train.LossAt) string { return fmt.Sprintf("%.4f", l.HeldOut.SE) })
	row("  training", func(l train.LossAt) string { return fmt.Sprintf("%.4f", l.Training.Mean) })
	i := g.Identity
	add("S %s, V %s, fall of the cost %s", interval(i.Straightness), interval(i.Crossing), interval(i.Drop))
	if g.Kind.EveryTime() {
		add("S + V less the fall of the cost %s; S + V %.4f, bound E‖X1−X0‖²/%d %.4f", interval(i.Gap), i.Straightness.Mean+i.Crossing.Mean, g.Number, g.Bound)
	}
	var costs []string
	for _, c := range train.Costs {
		costs = append(costs, fmt.Sprintf("%s %.4f → %s", c.Name, c.Of(g.Before).Mean, interval(c.Of(g.After))))
	}
	add("cost %s", strings.Join(costs, ", "))
	for _, space := range spaces {
		var at []string
		for k, t := range train.MarginalTimes {
			at = append(at, fmt.Sprintf("%.3f (t %g)", space.of(g.Marginal[k]).Distance, t))
		}
		add("marginals, √ energy distance of %s: %s; noise %.3f", space.name, strings.Join(at, ", "), space.of(g.Marginal[4]).Noise)
		add("  from what it learnt %.3f, quick outputs from the target %.3f", space.of(g.Own).Distance, space.of(g.Few).Distance)
	}
	byRatio := slices.SortedFunc(slices.Values(slices.DeleteFunc(slices.Clone(g.Layers), func(l train.Layer) bool { return l.Weight == 0 })), func(a, b train.Layer) int {
		return cmp.Compare(b.Gradient/b.Weight, a.Gradient/a.Weight)
	})
	for _, end := range []struct {
		name  string
		which []train.Layer
	}{{"most", byRatio[:min(3, len(byRatio))]}, {"least", byRatio[max(0, len(byRatio)-3):]}} {
		var of []string
		for _, l := range end.which {
			of = append(of, fmt.Sprintf("%s %.2g", l.Name, l.Gradient/l.Weight))
		}
		add("gradient by weight norm, %s: %s", end.name, strings.Join(of, ", "))
	}
	if a := g.Average; a != nil {
		add("averaged weights: the weights as trained are %.4f of their norm away, distance to the target %s, theirs %s", a.Apart, interval(a.Averaged), interval(a.Raw))
	} else {
		add("averaged weights: those as trained were not kept, so there is nothing to compare them with")
	}
	for _, by := range []struct {
		name string
		c    measure.Closeness
	}{{"features", g.Nearest.Features}, {"pixels", g.Nearest.Pixels}} {
		add("nearest training image by %s: %.3f, of unseen real images %.3f; ratio %.2f, nearer than 95 %% of these: %.0f %%", by.name, by.c.Outputs, by.c.Real, by.c.Ratio, 100*by.c.Nearer)
	}
	return lines
}

var spaces = []struct {
	name string
	of   func(train.Distances) measure.Energy
}{
	{"features", func(d train.Distances) measure.Energy { return d.Features }},
	{"pixels", func(d train.Distances) measure.Energy { return d.Pixels }},
}

// interval is a mean with half its 95 % interval.
func interval(e measure.Estimate) string { return fmt.Sprintf("%.4f ± %.4f", e.Mean, 1.96*e.SE) }

// diagnosisEvents prints the JSON lines of a diagnosis.
func diagnosisEvents(out *output, g *train.Diagnosis) {
	for _, l := range g.Loss {
		out.event(map[string]any{
			"event": "diagnose_loss", "round": g.Round, "from": l.From, "to": l.To, "images": l.HeldOut.N,
			"loss": l.HeldOut.Mean, "loss_se": l.HeldOut.SE, "loss_training": l.Training.Mean, "loss_training_se": l.Training.SE,
		})
	}
	for _, l := range g.Layers {
		out.event(map[string]any{
			"event": "diagnose_layer", "round": g.Round, "layer": l.Name, "values": l.Values,
			"gradient_norm": l.Gradient, "weight_norm": l.Weight, "apart": l.Apart,
		})
	}
	for _, n := range g.Nearest.Outputs {
		for by, m := range []train.Match{n.Features, n.Pixels} {
			out.event(map[string]any{
				"event": "diagnose_nearest", "round": g.Round, "source": n.Name, "by": [...]string{"features", "pixels"}[by],
				"nearest": m.Name, "mirrored": m.Mirrored, "distance": m.Distance,
			})
		}
	}
	cost := func(c measure.Cost) (values, spread map[string]any) {
		values, spread = map[string]any{}, map[string]any{}
		for _, k := range train.Costs {
			values[k.Name], spread[k.Name] = k.Of(c).Mean, 1.96*k.Of(c).SE
		}
		return values, spread
	}
	before, beforeSpread := cost(g.Before)
	after, afterSpread := cost(g.After)
	i := g.Identity
	event := map[string]any{
		"event": "diagnose_round", "round": g.Round, "images": g.Images, "path_steps": g.PathSteps, "few_steps": g.FewSteps,
		"straightness": i.Straightness.Mean, "straightness_se": i.Straightness.SE, "crossing": i.Crossing.Mean, "crossing_se": i.Crossing.SE,
		"cost_drop": i.Drop.Mean, "cost_drop_se": i.Drop.SE, "identity_gap": i.Gap.Mean, "identity_gap_se": i.Gap.SE, "bound": g.Bound,
		"cost_before": before, "cost_before_ci95": beforeSpread, "cost": after, "cost_ci95": afterSpread,
		"weights_apart": math.NaN(), "distance_averaged": math.NaN(), "distance_raw": math.NaN(),
	}
	if a := g.Average; a != nil {
		event["weights_apart"], event["distance_averaged"], event["distance_raw"] = a.Apart, a.Averaged.Mean, a.Raw.Mean
	}
	for _, space := range spaces {
		marginal, squared, errors := map[string]any{}, map[string]any{}, map[string]any{}
		for k, t := range train.MarginalTimes {
			e, at := space.of(g.Marginal[k]), fmt.Sprintf("%.2f", t)
			marginal[at], squared[at], errors[at] = e.Distance, e.Squared.Mean, e.Squared.SE
		}
		event[space.name] = map[string]any{
			"marginal": marginal, "marginal_energy": squared, "marginal_energy_se": errors, "marginal_noise": space.of(g.Marginal[4]).Noise,
			"accumulated_error": space.of(g.Marginal[4]).Distance, "own_error": space.of(g.Own).Distance, "few_steps": space.of(g.Few).Distance,
		}
	}
	event["nearest"] = map[string]any{}
	for name, c := range map[string]measure.Closeness{"features": g.Nearest.Features, "pixels": g.Nearest.Pixels} {
		event["nearest"].(map[string]any)[name] = map[string]any{"outputs": c.Outputs, "real": c.Real, "ratio": c.Ratio, "nearer": c.Nearer}
	}
	out.event(event)
}

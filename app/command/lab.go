package command

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/plane"
	"github.com/straightway-app/straightway/engine/project"
)

type labFlags struct {
	source, target, out, distil, solver  string
	exact                                string
	rounds, steps, points, updates, seed int
	distilSteps                          int
	overwrite                            bool
}

func newLab(out *output) *cobra.Command {
	f := &labFlags{}
	c := &cobra.Command{
		Use:   "lab [--source SHAPE --target SHAPE --rounds K --out DIR]",
		Short: "Watch and measure rectified flow between two shapes in the plane",
		Long: "Train a small network to flow from one shape to another, straighten it round after round, and measure what the\n" +
			"theorems speak of: straightness S, crossing V, their identity with the fall of the transport cost, the marginals.\n" +
			"A SHAPE is one of " + strings.Join(plane.Names(), ", ") + ",\n" +
			"a picture whose dark pixels count, or \"" + plane.PointsPrefix + "x,y x,y …\" with coordinates from -2 to 2.\n" +
			"With --out, measurements and points are written as CSV, lines, paths and charts as PNG and SVG, the flow as an animated GIF.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, out) },
	}
	flags := c.Flags()
	flags.StringVar(&f.source, "source", "crossing", "shape to start from")
	flags.StringVar(&f.target, "target", "crossing", "shape to flow to")
	flags.StringVar(&f.exact, "exact", plane.NoReference.String(), "first follow the velocity of round 1 in closed form: kernel, nearest (line) or none")
	flags.IntVar(&f.rounds, "rounds", 3, "rounds: the first flow and its reflows")
	flags.StringVar(&f.distil, "distil", "", "also distil these rounds, such as 1,2 (alone: all rounds)")
	flags.Lookup("distil").NoOptDefVal = "all"
	flags.IntVar(&f.distilSteps, "distil-steps", 1, "Euler steps that a distillation is made for")
	flags.StringVar(&f.out, "out", "", "folder for the figures and tables, made if need be")
	flags.StringVar(&f.solver, "solver", flow.ByHeun.String(), "euler, midpoint, heun, rk4 or rk45")
	flags.IntVar(&f.steps, "steps", 32, "steps of the solver, N in the results; also compared are 1, 2 and 4 Euler steps")
	flags.IntVar(&f.points, "points", 4096, "particles that are measured, 64 or more")
	flags.IntVar(&f.updates, "updates", 0, "updates of the network in round 1, three fifths of them in a reflow (0: 2000)")
	flags.IntVar(&f.seed, "seed", 1, "seed of everything random")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace files that are already there")
	return c
}

// options checks the flags.
func (f *labFlags) options() (plane.Options, error) {
	o := plane.Options{Rounds: f.rounds, DistilSteps: f.distilSteps, Steps: f.steps, Points: f.points, Updates: f.updates, Seed: uint64(f.seed)}
	for _, least := range []struct {
		name       string
		value, min int
	}{{"rounds", f.rounds, 1}, {"distil-steps", f.distilSteps, 1}, {"steps", f.steps, 1}, {"points", f.points, 64}, {"updates", f.updates, 0}, {"seed", f.seed, 0}} {
		if least.value < least.min {
			return o, usagef("--%s %d: at least %d is needed", least.name, least.value, least.min)
		}
	}
	var err error
	if o.Source, err = plane.Parse(f.source, plane.Source); err != nil {
		return o, usagef("--source: %w", err)
	}
	if o.Target, err = plane.Parse(f.target, plane.Target); err != nil {
		return o, usagef("--target: %w", err)
	}
	if o.Reference, err = plane.ParseReference(f.exact); err != nil {
		return o, usagef("--exact: %w", err)
	}
	if o.Solver, err = flow.ParseSolver(f.solver); err != nil {
		return o, usagef("--solver: %w", err)
	}
	if f.distilSteps > 1 && f.distil == "" {
		return o, usagef("--distil-steps %d: nothing is distilled: name the rounds too, such as --distil=1,2, or --distil alone for all", f.distilSteps)
	}
	for text := range strings.SplitSeq(f.distil, ",") {
		switch text {
		case "":
			continue
		case "all":
			for k := range f.rounds {
				o.Distil = append(o.Distil, k+1)
			}
			continue
		}
		k, err := strconv.Atoi(text)
		if err != nil || k < 1 || k > f.rounds {
			return o, usagef("--distil %s: give numbers of rounds from 1 to %d, such as --distil=1,2, or --distil alone for all", f.distil, f.rounds)
		}
		o.Distil = append(o.Distil, k)
	}
	return o, nil
}

func (f *labFlags) run(c *cobra.Command, out *output) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := f.room(o); err != nil { // before the work, not after it
			return err
		}
	}
	out.note("from %s to %s: S and V as ‖·‖², distances as energy distances (√)", o.Source.Name, o.Target.Name)
	row := func(r *plane.Round) {
		off := "-"
		if r.Number < 2 && r.Kind != plane.Distil {
			off = fmt.Sprintf("%.1f %%", 100*r.Gap.Value/r.CostDrop.Value)
		}
		out.note("%-10s %9.4f %9.4f %9.4f %8s %9.4f %9.4f %9.4f", r.Name(), r.Straightness.Value, r.Crossing.Value, r.CostDrop.Value,
			off, r.After.L2Squared.Value, r.Marginal[4].Value, r.Measurements.Fewer[1].Value)
	}
	out.note("%-10s %9s %9s %9s %8s %9s %9s %9s", "round", "S", "V", "drop", "S+V off", "cost ‖·‖²", fmt.Sprintf("%d steps", o.Steps), "1 step")
	began := 0.
	o.Progress = func(p plane.Progress) {
		if p.Finished == nil {
			out.progress(fmt.Sprintf("%d-%s", p.Round, p.Kind), p.Done, p.Total, fmt.Sprintf("loss %.3f", p.Loss))
			return
		}
		if p.Kind == plane.Flow {
			began = p.Finished.Before.L2Squared.Value
		}
		out.event(labEvent(p.Finished, began))
		row(p.Finished)
	}
	result, err := plane.Run(c.Context(), o)
	if err != nil {
		return err
	}
	best := slices.MinFunc(result.Rounds, func(a, b *plane.Round) int {
		return cmp.Compare(a.Measurements.Fewer[1].Value, b.Measurements.Fewer[1].Value)
	})
	out.result("one step is best after %s: %.4f from the target, where %.4f is the noise of two samples of %d points",
		best.Name(), best.Measurements.Fewer[1].Value, best.Measurements.Fewer[1].Noise, f.points)
	if f.out == "" {
		return nil
	}
	return f.write(out, result)
}

// labEvent is the JSON line of a round; independent is the cost of the independent coupling.
func labEvent(r *plane.Round, independent float64) map[string]any {
	cost := func(c plane.Cost) (values, spread map[string]any) {
		values, spread = map[string]any{}, map[string]any{}
		for name, e := range map[string]plane.Estimate{"l1": c.L1, "l2": c.L2, "l2sq": c.L2Squared, "huber": c.Huber} {
			values[name], spread[name] = e.Value, 1.96*e.SE
		}
		return values, spread
	}
	marginal, squared, errors := map[string]any{}, map[string]any{}, map[string]any{}
	for i, t := range plane.MarginalTimes {
		key := fmt.Sprintf("%.2f", t)
		marginal[key], squared[key], errors[key] = r.Marginal[i].Value, r.Marginal[i].Squared.Value, r.Marginal[i].Squared.SE
	}
	steps, stepsSquared := map[string]any{}, map[string]any{}
	for n, d := range r.Measurements.Fewer {
		steps[strconv.Itoa(n)], stepsSquared[strconv.Itoa(n)] = d.Value, d.Squared.Value
	}
	after, afterSpread := cost(r.After)
	before, _ := cost(r.Before)
	event := map[string]any{
		"event": "round", "round": r.Number, "kind": string(r.Kind), "seconds": r.Seconds, "updates": r.Updates, "loss": r.Loss,
		"straightness": r.Straightness.Value, "straightness_se": r.Straightness.SE,
		"crossing": r.Crossing.Value, "crossing_se": r.Crossing.SE,
		"cost": after, "cost_ci95": afterSpread, "cost_before": before,
		"cost_optimal": r.Optimal, "cost_excess": r.Excess,
		"cost_drop": r.CostDrop.Value, "cost_drop_se": r.CostDrop.SE, "identity_gap": r.Gap.Value, "identity_gap_se": r.Gap.SE,
		"marginal": marginal, "marginal_noise": r.Marginal[4].Noise, "marginal_energy": squared, "marginal_energy_se": errors,
		"marginal_one_step": r.Measurements.Fewer[1].Value, "marginal_steps": steps, "marginal_steps_energy": stepsSquared,
		"own_error": r.Own.Value, "accumulated_error": r.Marginal[4].Value,
	}
	if r.Kind == plane.Closed {
		event["event"] = "exact" // not a round that the run has made
	} else {
		event["rk45_evaluations"] = r.Evaluations
		event["bound"] = independent / float64(r.Number)
	}
	return event
}

// room makes the output folder and sees that nothing in it is in the way.
func (f *labFlags) room(o plane.Options) error {
	names := o.Files()
	if f.overwrite {
		names = nil
	}
	return inTheWay(project.Vacant(f.out, names), "name another folder with --out, or give --overwrite")
}

func (f *labFlags) write(out *output, result *plane.Result) error {
	if err := result.Write(f.out, f.overwrite); err != nil {
		return inTheWay(err, "name another folder with --out, or give --overwrite")
	}
	out.result("figures, points and measurements: %s", f.out)
	out.event(map[string]any{"event": "done", "out": f.out})
	return nil
}

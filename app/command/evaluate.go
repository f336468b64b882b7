package command

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

func newEvaluate(out *output) *cobra.Command {
	var directory, source, reference, round, sheet string
	var steps int
	var solverName string
	var tolerance float64
	var reverse bool
	c := &cobra.Command{
		Use:   "evaluate --project DIR [--source DIR --reference DIR]",
		Short: "Measure a trained project",
		Long: "With --source and --reference, translate the source images and compare each with the reference of the same\n" +
			"file name: L1 (0–255), PSNR (dB) and SSIM at the model's size. Without, measure distances on the held-out images.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if directory == "" {
				return usagef("evaluate needs a project folder: --project DIR")
			}
			if (source == "") != (reference == "") {
				return usagef("give both --source and --reference for pairs, or neither for the held-out images")
			}
			if reverse && source == "" {
				return usagef("--reverse is for pairs: without them both directions are measured anyhow")
			}
			if steps < 1 {
				return usagef("--steps %d: at least 1 is needed", steps)
			}
			solver, err := parseSolver(c.Flags(), solverName, &steps, tolerance)
			if err != nil {
				return err
			}
			p, err := project.OpenReadOnly(directory)
			if err != nil {
				return err
			}
			defer p.Close()
			be, err := projectBackend(c, out, p)
			if err != nil {
				return err
			}
			defer be.Close()
			if source == "" {
				how := train.Look{Solver: solver, Tolerance: tolerance}
				if c.Flags().Changed("steps") || solver.Adaptive() {
					how.Counts = []int{steps}
				}
				report, err := train.EvaluateHeldOut(c.Context(), train.Options{Project: p, Backend: be, Watch: func(e train.Event) {
					if e.Kind == train.PhaseEvent {
						out.progress(e.Phase, e.Done, e.Total, "")
					}
				}}, round, how)
				if err != nil {
					return err
				}
				m := report.Measurements
				line := map[string]any{
					"event": "evaluate", "round": report.Round, "straightness": m["straightness"], "cost": m["cost"],
					"distance": variants(m, "kid"), "swd": variants(m, "swd"),
					"distance_reverse": variants(m, "kid_reverse"), "accepted": variants(m, "accepted"), "accepted_target": m["accepted_target"],
					"preservation": variants(m, "preservation"), "round_trip": variants(m, "round_trip"), "solver": solver.String(), "nfe": variants(m, "nfe"),
				}
				addYardsticks(line, m)
				out.event(line)
				out.result("round %s: %s", report.Round, inWords(m))
				if doubt := train.Doubt(m); doubt != "" {
					out.note("%s", doubt)
				}
				return nil
			}
			r, err := train.EvaluatePairs(c.Context(), train.PairOptions{
				Project: p, Backend: be, Source: source, Reference: reference,
				Use:      model.Use{Round: round, Steps: steps, Reverse: reverse, Solver: solver, Tolerance: tolerance},
				Progress: func(phase string, done, total int) { out.progress(phase, done, total, "") },
			})
			if err != nil {
				return err
			}
			for _, name := range r.Missing {
				out.note("%s has no partner in %s and was left out", filepath.Join(source, name), reference)
			}
			line := map[string]any{"event": "evaluate", "round": r.Round, "steps": r.Steps, "pairs": r.Pairs, "l1": r.L1, "psnr": r.PSNR, "ssim": r.SSIM, "missing": len(r.Missing), "backend": be.Label, "solver": solver.String(), "nfe": r.NFE, "reverse": reverse}
			if sheet != "" {
				if err := writeSheet(sheet, r.Sheet); err != nil {
					return err
				}
				line["sheet"] = sheet
			}
			out.event(line)
			out.result("round %s, %s, %d pairs: L1 %.2f of 255, PSNR %.2f dB, SSIM %.3f", r.Round, effort(r.Steps, solver, r.NFE), r.Pairs, r.L1, r.PSNR, r.SSIM)
			return nil
		},
	}
	flags := c.Flags()
	flags.StringVar(&directory, "project", "", "project folder")
	flags.StringVar(&source, "source", "", "folder of source images of pairs")
	flags.StringVar(&reference, "reference", "", "folder of their right answers, with the same file names")
	flags.IntVar(&steps, "steps", 1, "steps of the solver; held-out images are measured at 1, 4 and N where it is not given")
	solverFlags(flags, &solverName, &tolerance)
	flags.BoolVar(&reverse, "reverse", false, "of pairs: from target to source; --source is then the folder of targets")
	flags.StringVar(&round, "round", "", "round to use, such as 1-flow (default: the last)")
	flags.StringVar(&sheet, "sheet", "", "write a contact sheet (PNG) of pairs to this file")
	flags.String("backend", "", backend.Choices)
	return c
}

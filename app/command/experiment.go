package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

func newExperiment(out *output) *cobra.Command {
	var directory, dir, source, reference, sheet string
	var updates int
	c := &cobra.Command{
		Use:   "experiment --project DIR --out DIR",
		Short: "Reflow against distillation, on a project of your own",
		Long: "Spend the same number of updates in a reflow, in a distillation of round 1, and half of them in a reflow and the\n" +
			"other half in its distillation, and compare one step of each on held-out images. The project is only read; each arm\n" +
			"is a project of its own in the folder --out. Interrupted, the same command goes on.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case directory == "":
				return usagef("experiment needs a project folder: --project DIR")
			case dir == "":
				return usagef("experiment needs a folder for its arms: --out DIR")
			case updates < 0:
				return usagef("--updates %d: give a positive number, or 0 for what the preset gives a reflow and a distillation together", updates)
			case (source == "") != (reference == ""):
				return usagef("give both --source and --reference for pairs, or neither")
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
			x, err := train.RunExperiment(c.Context(), train.ExperimentOptions{
				Project: p, Backend: be, Dir: dir, Updates: updates, Source: source, Reference: reference,
				Watch: func(arm string, e train.Event) {
					switch e.Kind {
					case train.StepEvent:
						out.progress(arm+" "+e.Round, e.Step, e.Steps, fmt.Sprintf("loss %.4f", e.Loss))
					case train.PhaseEvent:
						out.progress(arm+": "+e.Phase, e.Done, e.Total, "")
					}
				},
			})
			if err != nil {
				return err
			}
			pairs := source != ""
			header := fmt.Sprintf("%-14s %-10s %8s %9s %9s %10s %9s %9s", "arm", "round", "updates", "KID", "SWD", "accepted", "layout", "S")
			if pairs {
				header += fmt.Sprintf(" %7s", "L1")
			}
			out.result("%s", header)
			for _, o := range x.Outcomes {
				m := o.Report.Measurements
				line := fmt.Sprintf("%-14s %-10s %8d %9.4f %9.2f %10.2f %9.3f %9.4f", o.Name, o.Round, o.Updates, m["kid/1"], m["swd/1"], m["accepted/1"], m["preservation/1"], m["straightness"])
				event := map[string]any{
					"event": "arm", "arm": o.Name, "round": o.Round, "updates": o.Updates, "distance": m["kid/1"], "swd": m["swd/1"],
					"accepted": m["accepted/1"], "preservation": m["preservation/1"], "straightness": m["straightness"], "seconds": o.Report.Seconds,
				}
				if pairs {
					line += fmt.Sprintf(" %7.2f", o.Pairs.L1)
					event["l1"], event["psnr"], event["ssim"], event["pairs"] = o.Pairs.L1, o.Pairs.PSNR, o.Pairs.SSIM, o.Pairs.Pairs
				}
				out.result("%s", line)
				out.event(event)
			}
			out.result("all of one step, on held-out images: KID and SWD to the target (less is nearer), the share taken for targets (real: %.2f), how well edges are kept (1: all)", x.Outcomes[0].Report.Measurements["accepted_target"])
			if sheet != "" {
				if err := writeSheet(sheet, x.Sheet); err != nil {
					return err
				}
			}
			out.event(map[string]any{"event": "done", "updates": x.Updates, "out": dir, "sheet": sheet})
			return nil
		},
	}
	flags := c.Flags()
	flags.StringVar(&directory, "project", "", "project folder with a finished round 1")
	flags.StringVar(&dir, "out", "", "folder for the arms, made if need be")
	flags.IntVar(&updates, "updates", 0, "updates of each arm (0: what the preset gives a reflow and a distillation together)")
	flags.StringVar(&source, "source", "", "folder of source images of pairs, to measure L1 as well")
	flags.StringVar(&reference, "reference", "", "folder of their right answers, with the same file names")
	flags.StringVar(&sheet, "sheet", "", "write a contact sheet (PNG) to this file")
	flags.String("backend", "", backend.Choices)
	return c
}

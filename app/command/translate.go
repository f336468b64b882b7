package command

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/translate"
)

type translateFlags struct {
	project, out, round, size, format, shard string
	steps, quality                           int
	solver                                   string
	tolerance                                float64
	reverse, recursive, overwrite            bool
}

func newTranslate(out *output) *cobra.Command {
	f := &translateFlags{}
	c := &cobra.Command{
		Use:   "translate --project DIR --out DIR PATH...",
		Short: "Translate images and folders of images",
		Long: "Translate files and folders with a trained project, by one network evaluation each unless --steps says more.\n" +
			"What is already there and complete is skipped; nothing is overwritten unless --overwrite says so.\n" +
			"An interrupted export goes on when the same command is given again.\n\n" +
			"--shard i/n does the i-th of n shares of the job, counted from 0, for n processes on one or many machines that are\n" +
			"given the same command but for i. In a SLURM array 0-3 that is --shard $SLURM_ARRAY_TASK_ID/4; in an indexed job of\n" +
			"Kubernetes with completions: 4, --shard $(JOB_COMPLETION_INDEX)/4. The folders should not change meanwhile.",
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, out, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.project, "project", "", "project folder")
	flags.StringVar(&f.out, "out", "", "folder for the translations, made if need be")
	flags.IntVar(&f.steps, "steps", 1, "steps of the solver; with euler they are the network evaluations per image")
	solverFlags(flags, &f.solver, &f.tolerance)
	flags.BoolVar(&f.reverse, "reverse", false, "from target to source")
	flags.BoolVar(&f.recursive, "recursive", false, "go into the folders inside the given folders, and keep their structure")
	flags.StringVar(&f.size, "size", translate.Original.String(), "original (the source's own size, detail and alpha) or model (the bare result)")
	flags.StringVar(&f.round, "round", "", "round to use, such as 2-reflow (default: the last; with --reverse the last that knows the way back)")
	flags.StringVar(&f.format, "format", "png", "png or jpeg")
	flags.IntVar(&f.quality, "quality", 92, "quality of JPEG, 1 to 100")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace files that are already there")
	flags.StringVar(&f.shard, "shard", "", "do only share i of n, i from 0 to n-1, such as 0/4")
	flags.String("backend", "", backend.Choices)
	return c
}

func (f *translateFlags) run(c *cobra.Command, out *output, paths []string) error {
	switch {
	case f.project == "":
		return usagef("translate needs a project folder: --project DIR")
	case f.out == "":
		return usagef("translate needs a folder to write to: --out DIR")
	case len(paths) == 0:
		return usagef("translate needs files or folders to translate")
	case f.steps < 1:
		return usagef("--steps %d: at least 1 is needed", f.steps)
	case f.quality < 1 || f.quality > 100:
		return usagef("--quality %d: choose 1 to 100", f.quality)
	}
	solver, err := parseSolver(c.Flags(), f.solver, &f.steps, f.tolerance)
	if err != nil {
		return err
	}
	size, err := translate.ParseSizeMode(f.size)
	if err != nil {
		return usageError{err}
	}
	format, err := translate.ParseFormat(f.format)
	if err != nil {
		return usageError{err}
	}
	var shard translate.Shard
	if c.Flags().Changed("shard") {
		if shard, err = translate.ParseShard(f.shard); err != nil {
			return usagef("--shard: %w", err)
		}
	}
	p, err := project.OpenReadOnly(f.project)
	if err != nil {
		return err
	}
	defer p.Close()
	if p.Settings().FromNoise() && !f.reverse {
		return fmt.Errorf("%s makes images from noise and has no source to translate from: use generate", f.project)
	}
	be, err := projectBackend(c, out, p)
	if err != nil {
		return err
	}
	defer be.Close()
	net, round, settings, err := model.OpenTranslator(p, be, model.Use{Round: f.round, Steps: f.steps, Reverse: f.reverse, Batch: batchFor(paths), Solver: solver, Tolerance: f.tolerance})
	if err != nil {
		return err
	}
	defer net.Close()
	fit, err := datasets.ParseFit(p.Settings().Fit.String())
	if err != nil {
		return err
	}
	summary, err := translate.Run(c.Context(), net, paths, f.out, translate.Options{
		Size: size, Fit: fit, Background: p.Settings().Background.NRGBA(), GreyStays: p.GreyStays(f.reverse),
		Format: format, Quality: f.quality, Overwrite: f.overwrite, Recursive: f.recursive, Shard: shard, Settings: settings,
		Progress: func(e translate.Event) {
			line := map[string]any{"event": "image", "input": e.Input, "output": e.Output, "seconds": e.Seconds}
			if e.Err != nil {
				line = map[string]any{"event": "image", "input": e.Input, "error": e.Err.Error()}
				text := e.Err.Error()
				if !strings.Contains(text, e.Input) {
					text = e.Input + ": " + text
				}
				out.note("%s", text)
			}
			if e.Skipped {
				line["skipped"] = true
			}
			out.event(line)
			out.progress("translating", e.Done, e.Total, "")
		},
	})
	if err != nil {
		return err
	}
	done := map[string]any{
		"event": "done", "translated": summary.Done, "skipped": summary.Skipped, "ignored": summary.Ignored, "failed": summary.Failed,
		"seconds": summary.Seconds, "backend": be.Label, "out": f.out, "round": round, "steps": f.steps, "reverse": f.reverse,
		"solver": solver.String(), "nfe": net.NFE(),
	}
	share := ""
	if f.shard != "" {
		done["shard"], share = shard.String(), "share "+shard.String()+": "
	}
	out.event(done)
	out.result("%s%d translated by round %s in %s, %d already there, %d failed, %d no images, in %s: %s",
		share, summary.Done, round, effort(f.steps, solver, net.NFE()), summary.Skipped, summary.Failed, summary.Ignored, roundTime(summary.Seconds), f.out)
	if summary.Failed > 0 {
		return errSomeFailed
	}
	return nil
}

// batchFor is the number of images to run together: a program for one image computes a single file soonest.
func batchFor(paths []string) int {
	if len(paths) == 1 {
		if info, err := os.Stat(paths[0]); err == nil && !info.IsDir() {
			return 1
		}
	}
	return 0
}

package command

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/datasets/demo"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

func newDemo(out *output) *cobra.Command {
	var directory, choice string
	settings := project.Default()
	settings.Program = Version
	c := &cobra.Command{
		Use:   "demo [--out DIR]",
		Short: "Train on the built-in domains and show what comes out",
		Long: "Lay the built-in domains (colour emoji and their line art) into a folder, train on them, and draw a contact sheet of\n" +
			"one-step translations of pictures that were never trained on, beside the right answers.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			source, target, testSource, testReference, err := demo.Extract(filepath.Join(directory, "domains"))
			if err != nil {
				return err
			}
			out.note("built-in domains: %s → %s", source, target)
			for to, from := range map[*string]string{&settings.Source: source, &settings.Target: target} {
				if *to, err = filepath.Abs(from); err != nil {
					return err
				}
			}
			at := filepath.Join(directory, "project")
			p, begun, err := makeProject(out, at, settings)
			if err != nil {
				return err
			}
			defer p.Close()
			if has := p.Settings(); begun && (has.Size != settings.Size || has.Steps != settings.Steps) {
				return fmt.Errorf("%s holds a demo of --size %d --steps %d: go on with it by giving these, or name another folder with --out", directory, has.Size, has.Steps)
			}
			be, err := openBackend(out, choice)
			if err != nil {
				return err
			}
			defer be.Close()
			if err := trainProject(c.Context(), out, p, be, 1, 0); err != nil {
				return err
			}
			result, err := train.EvaluatePairs(c.Context(), train.PairOptions{
				Project: p, Backend: be, Source: testSource, Reference: testReference,
				Progress: func(phase string, done, total int) { out.progress(phase, done, total, "") },
			})
			if err != nil {
				return err
			}
			sheet := filepath.Join(directory, "sheet.png")
			if err := writeSheet(sheet, result.Sheet); err != nil {
				return err
			}
			out.event(map[string]any{"event": "evaluate", "round": result.Round, "steps": 1, "pairs": result.Pairs, "l1": result.L1, "psnr": result.PSNR, "ssim": result.SSIM, "sheet": sheet})
			out.result("one network evaluation per image, %d pictures never seen in training: L1 %.1f of 255, SSIM %.2f", result.Pairs, result.L1, result.SSIM)
			out.result("contact sheet: %s", sheet)
			return nil
		},
	}
	c.Flags().StringVar(&directory, "out", "straightway-demo", "folder for the domains, the project and the contact sheet")
	c.Flags().StringVar(&choice, "backend", backend.Auto, backend.Choices)
	c.Flags().IntVar(&settings.Size, "size", settings.Size, "side of the images in pixels: 32 or 64")
	c.Flags().IntVar(&settings.Steps, "steps", 0, "training steps of the first round (0: the preset's)")
	c.PreRunE = func(*cobra.Command, []string) error {
		if settings.Size != 32 && settings.Size != 64 {
			return usageError{errors.New("the built-in pictures are 64×64: choose --size 32 or 64")}
		}
		return nil
	}
	return c
}

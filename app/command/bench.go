package command

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
	"github.com/straightway-app/straightway/engine/translate"
)

// benchCase is one thing that is measured.
type benchCase struct {
	name, unit string
	run        func(ctx context.Context, b *bench) (value float64, more map[string]any, err error)
}

type bench struct {
	be        *backend.Backend
	precision project.Precision
	devices   int // that share the batches of training
	steps     int
}

// benchBatch is the batch of the network benchmarks at a size, as in bench/.
func benchBatch(size int) int { return max(1, 32*32*32/(size*size)*max(1, size/32)) }

func benchCases() []benchCase {
	var cases []benchCase
	for _, size := range []int{32, 64} {
		cases = append(cases,
			benchCase{fmt.Sprintf("train/%dpx", size), "images/s", func(_ context.Context, b *bench) (float64, map[string]any, error) {
				v, compile, err := train.BenchTraining(b.be, b.devices, train.BenchNetwork(size), model.Lowering(b.be, b.precision), benchBatch(size), b.steps)
				return v, map[string]any{"batch": benchBatch(size), "devices": b.devices, "compile_seconds": compile.Seconds()}, devicesUsage(err)
			}},
			benchCase{fmt.Sprintf("translate/%dpx", size), "images/s", func(_ context.Context, b *bench) (float64, map[string]any, error) {
				v, compile, err := train.BenchTranslation(b.be, train.BenchNetwork(size), model.Lowering(b.be, b.precision), benchBatch(size), b.steps)
				return v, map[string]any{"batch": benchBatch(size), "compile_seconds": compile.Seconds()}, err
			}})
	}
	cases = append(cases,
		benchCase{"ingest/jpeg-1024x768", "images/s", benchIngest},
		benchCase{"export/original-256", "images/s", benchExport})
	return append(cases, benchPipelines()...)
}

func newBench(out *output) *cobra.Command {
	var filter, choice, precision string
	var steps, devices int
	var names []string
	for _, k := range benchCases() {
		names = append(names, k.name)
	}
	c := &cobra.Command{
		Use:   "bench [--filter NAME]",
		Short: "Measure training, translation, ingest and export on this machine",
		Long:  "Measure training, translation, ingest and export on this machine. What there is to measure:\n\n  " + strings.Join(names, "\n  "),
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := project.ParsePrecision(precision)
			if err != nil {
				return usageError{err}
			}
			if steps < 1 {
				return usagef("--steps %d: at least 1 is needed", steps)
			}
			if err := checkDevices(devices); err != nil {
				return err
			}
			var chosen []benchCase
			for _, k := range benchCases() {
				if strings.Contains(k.name, filter) {
					chosen = append(chosen, k)
				}
			}
			if chosen == nil {
				return usagef("no benchmark's name contains %q: there are %s", filter, strings.Join(names, ", "))
			}
			be, err := openBackend(out, choice)
			if err != nil {
				return err
			}
			defer be.Close()
			b := &bench{be: be, precision: p, devices: devices, steps: steps}
			for _, k := range chosen {
				if err := c.Context().Err(); err != nil {
					return err
				}
				out.progress(k.name, 0, 0, "")
				v, more, err := k.run(c.Context(), b)
				if err != nil {
					return fmt.Errorf("benchmark %s: %w", k.name, err)
				}
				line := map[string]any{"event": "bench", "name": k.name, "value": v, "unit": k.unit, "backend": be.Label, "precision": p.String()}
				for key, x := range more {
					line[key] = x
				}
				out.event(line)
				out.result("%-24s %10.1f %s (%s)", k.name, v, k.unit, be.Label)
			}
			return nil
		},
	}
	c.Flags().StringVar(&filter, "filter", "", "only benchmarks whose name contains this")
	c.Flags().StringVar(&choice, "backend", backend.Auto, backend.Choices)
	c.Flags().StringVar(&precision, "precision", project.PrecisionAuto.String(), "auto, f32 or bf16")
	c.Flags().IntVar(&devices, "devices", 1, "devices of the backend that share the batches of train/...")
	c.Flags().IntVar(&steps, "steps", 10, "repetitions, the fastest counts")
	return c
}

// benchPhotograph is a picture with detail everywhere, so that a codec has its usual work.
func benchPhotograph(w, h int) *image.NRGBA {
	rng := rand.New(rand.NewPCG(1, 2))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			n := rng.IntN(24)
			img.SetNRGBA(x, y, color.NRGBA{uint8((x*255/w + n) & 255), uint8((y*255/h + n) & 255), uint8((x ^ y) & 127), 255})
		}
	}
	return img
}

// writePhotographs writes n different JPEG files.
func writePhotographs(dir string, n, w, h int) error {
	img := benchPhotograph(w, h)
	for i := range n {
		img.SetNRGBA(i%w, i/w, color.NRGBA{255, uint8(i), 0, 255})
		var buf bytes.Buffer
		if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 90}); err != nil {
			return err
		}
		buf.WriteString(fmt.Sprint(i)) // after the end marker: other bytes, the same picture
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.jpg", i)), buf.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func benchIngest(ctx context.Context, _ *bench) (float64, map[string]any, error) {
	const n = 100
	dir, err := os.MkdirTemp("", "straightway-bench-")
	if err != nil {
		return 0, nil, err
	}
	defer os.RemoveAll(dir)
	if err := writePhotographs(dir, n, 1024, 768); err != nil {
		return 0, nil, err
	}
	began := time.Now()
	set, err := datasets.Open(ctx, dir, "", datasets.Options{Size: 64, KeepDuplicates: true})
	if err != nil {
		return 0, nil, err
	}
	took := time.Since(began)
	return float64(n) / took.Seconds(), map[string]any{"files": n}, set.Close()
}

// benchExport translates files of 256×256 to their own size with the benchmark's network at 32 px.
func benchExport(ctx context.Context, b *bench) (float64, map[string]any, error) {
	const n = 200
	dir, err := os.MkdirTemp("", "straightway-bench-")
	if err != nil {
		return 0, nil, err
	}
	defer os.RemoveAll(dir)
	in := filepath.Join(dir, "in")
	if err := os.Mkdir(in, 0o755); err != nil {
		return 0, nil, err
	}
	if err := writePhotographs(in, n, 256, 256); err != nil {
		return 0, nil, err
	}
	net := train.BenchNetwork(32)
	s, err := model.NewSampler(b.be, net, model.Lowering(b.be, b.precision), benchBatch(32))
	if err != nil {
		return 0, nil, err
	}
	defer s.Close()
	m := s.With(model.NewWeights(net.Table().Init(1)))
	if _, err := m.Velocity(make([]float32, benchBatch(32)*32*32*3), 0); err != nil { // compiles
		return 0, nil, err
	}
	began := time.Now()
	summary, err := translate.Run(ctx, model.NewTranslator(m, model.Use{Steps: 1}), []string{in}, filepath.Join(dir, "out"), translate.Options{})
	if err != nil {
		return 0, nil, err
	}
	if summary.Done != n {
		return 0, nil, fmt.Errorf("%d of %d files were written", summary.Done, n)
	}
	return float64(n) / time.Since(began).Seconds(), map[string]any{"files": n}, nil
}

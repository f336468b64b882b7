package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
	"github.com/straightway-app/straightway/engine/translate"
)

// benchPipelines are the benchmarks of what surrounds the network: files in, files out.
func benchPipelines() []benchCase {
	return []benchCase{
		{"ingest/jpeg-12mp", "images/s", benchPhotographs},
		// Before what deletes a hundred thousand files: for minutes after, ext4 looks at each of their inodes before it makes a
		// file.
		{"translate/2000-files", "images/s", benchManyFiles},
		{"scan/100000-files", "files/s", benchScan},
		{"train/100000-images", "images/s", benchManyImages},
	}
}

// inTemporary gives work a folder that is removed afterwards, apart from those of other cases.
func inTemporary(work func(dir string) (float64, map[string]any, error)) (float64, map[string]any, error) {
	dir, err := os.MkdirTemp("", "straightway-bench-")
	if err != nil {
		return 0, nil, err
	}
	defer os.RemoveAll(dir)
	spread(dir)
	own, err := os.MkdirTemp(dir, "case-") // the place is chosen by the name
	if err != nil {
		return 0, nil, err
	}
	return work(own)
}

// benchPhotographs makes squares of 64 px of photographs of 12 megapixels.
func benchPhotographs(ctx context.Context, _ *bench) (float64, map[string]any, error) {
	const n = 24
	return inTemporary(func(dir string) (float64, map[string]any, error) {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, softPhotograph(4000, 3000), &jpeg.Options{Quality: 90}); err != nil {
			return 0, nil, err
		}
		for i := range n {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.jpg", i)), file.Bytes(), 0o644); err != nil {
				return 0, nil, err
			}
		}
		memory := resetPeak()
		began := time.Now()
		set, err := datasets.Open(ctx, dir, "", datasets.Options{Size: 64, KeepDuplicates: true})
		if err != nil {
			return 0, nil, err
		}
		rate := n / time.Since(began).Seconds()
		return rate, memory.into(map[string]any{"files": n, "file_bytes": file.Len()}), set.Close()
	})
}

// softPhotograph has soft shapes of several sizes and a little grain, and makes JPEG files as large as a camera does.
func softPhotograph(w, h int) *image.RGBA {
	rng := rand.New(rand.NewPCG(3, 4))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	var across, down [3][]float64
	for c := range 3 {
		across[c], down[c] = softLine(rng, w), softLine(rng, h)
	}
	for y := range h {
		row := img.Pix[y*img.Stride:]
		for x := range w {
			grain := float64(rng.Uint32()&15 + rng.Uint32()&15)
			for c := range 3 {
				row[4*x+c] = uint8(min(max(112+across[c][x]+down[c][y]+across[c][(x+y)%w]/2+grain, 0), 255))
			}
			row[4*x+3] = 255
		}
	}
	return img
}

// softLine is a sum of waves of random lengths and phases.
func softLine(rng *rand.Rand, n int) []float64 {
	line := make([]float64, n)
	for k := range 8 {
		length, phase := 2000/math.Pow(2, float64(k))*(1+rng.Float64()), 6*rng.Float64()
		for i := range line {
			line[i] += 40 / float64(k+2) * math.Sin(float64(i)/length*6+phase)
		}
	}
	return line
}

// benchScan lists and opens a folder of 100,000 small pictures and opens it once more from the cache.
func benchScan(ctx context.Context, _ *bench) (float64, map[string]any, error) {
	const n, size = 100_000, 64
	return inTemporary(func(dir string) (float64, map[string]any, error) {
		in := filepath.Join(dir, "in")
		if err := writeSmall(in, n); err != nil {
			return 0, nil, err
		}
		memory := resetPeak()
		began := time.Now()
		found := 0
		err := datasets.Walk(ctx, in, true, func(string) error {
			found++
			return nil
		}, nil)
		if err != nil {
			return 0, nil, err
		}
		more := memory.into(map[string]any{"files": n, "list_files_per_second": float64(found) / time.Since(began).Seconds()})
		more["list_peak_rss_mib"] = more["peak_rss_mib"]
		o := datasets.Options{Size: size, KeepDuplicates: true}
		began = time.Now()
		set, err := datasets.Open(ctx, in, filepath.Join(dir, "cache"), o)
		if err != nil {
			return 0, nil, err
		}
		rate := float64(set.Len()) / time.Since(began).Seconds()
		if err := set.Close(); err != nil {
			return 0, nil, err
		}
		began = time.Now()
		if set, err = datasets.Open(ctx, in, filepath.Join(dir, "cache"), o); err != nil {
			return 0, nil, err
		}
		more["reopen_files_per_second"] = float64(set.Len()) / time.Since(began).Seconds()
		more["set_mib"] = float64(set.Len()*size*size*3) / (1 << 20)
		return rate, memory.into(more), set.Close()
	})
}

// benchManyImages trains between two folders of 50,000 small pictures at 64 px, for a few steps: from the scan to the
// measurement of round 1. What it may hold at most are the bytes of the images and 1 GiB.
func benchManyImages(ctx context.Context, b *bench) (float64, map[string]any, error) {
	const n, size, steps = 50_000, 64, 20
	return inTemporary(func(dir string) (float64, map[string]any, error) {
		settings := project.Default()
		settings.Source, settings.Target = filepath.Join(dir, "source"), filepath.Join(dir, "target")
		settings.Size, settings.Steps, settings.Rounds, settings.Finish = size, steps, 1, project.FinishNone
		for _, folder := range []string{settings.Source, settings.Target} {
			if err := writeSmall(folder, n); err != nil {
				return 0, nil, err
			}
		}
		p, err := project.Create(filepath.Join(dir, "project"), settings)
		if err != nil {
			return 0, nil, err
		}
		defer p.Close()
		memory := resetPeak()
		began, rate := time.Now(), 0.
		var first time.Duration
		_, err = train.Run(ctx, train.Options{Project: p, Backend: b.be, Watch: func(e train.Event) {
			if e.Kind == train.StepEvent && e.Step > 0 {
				if first == 0 {
					first = time.Since(began)
				}
				rate = e.ImagesPerSecond
			}
		}})
		if err != nil {
			return 0, nil, err
		}
		more := memory.into(map[string]any{"images": 2 * n, "size": size, "steps": steps, "first_step_seconds": first.Seconds(), "seconds": time.Since(began).Seconds()})
		allowed := float64(2*n*size*size*3)/(1<<20) + 1024
		more["allowed_mib"] = allowed
		if top, ok := more["peak_rss_mib"].(float64); ok {
			more["of_allowed"] = top / allowed
		}
		return rate, more, nil
	})
}

// writeSmall writes n different PNG files of 16×16 pixels, a thousand to a folder.
func writeSmall(dir string, n int) error {
	img := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	var file bytes.Buffer
	for i := range n {
		folder := filepath.Join(dir, strconv.Itoa(i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
		}
		img.SetNRGBA(i%16, i/16%16, color.NRGBA{uint8(i), uint8(i >> 8), uint8(i >> 16), 255})
		file.Reset()
		if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&file, img); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, strconv.Itoa(i)+".png"), file.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// benchManyFiles translates files of 128×128 to their own size with the benchmark's network at 64 px. The bare network
// is measured before and after, on as many images together.
func benchManyFiles(ctx context.Context, b *bench) (float64, map[string]any, error) {
	const n, size = 2000, 64
	return inTemporary(func(dir string) (float64, map[string]any, error) {
		in := filepath.Join(dir, "in")
		if err := writeDrawings(in, n); err != nil {
			return 0, nil, err
		}
		net, batch := train.BenchNetwork(size), benchBatch(size)
		s, err := model.NewSampler(b.be, net, model.Lowering(b.be, b.precision), batch)
		if err != nil {
			return 0, nil, err
		}
		defer s.Close()
		m := s.With(model.NewWeights(net.Table().Init(1)))
		x := make([]float32, batch*size*size*3)
		if _, err := m.Velocity(x, 0); err != nil { // compiles
			return 0, nil, err
		}
		bare := time.Duration(0)
		alone := func() error {
			began := time.Now()
			for range n / 2 / batch {
				if _, err := m.Velocity(x, 0); err != nil {
					return err
				}
			}
			bare += time.Since(began)
			return ctx.Err()
		}
		if err := alone(); err != nil {
			return 0, nil, err
		}
		memory := resetPeak()
		began := time.Now()
		summary, err := translate.Run(ctx, model.NewTranslator(m, model.Use{Steps: 1}), []string{in}, filepath.Join(dir, "out"), translate.Options{})
		if err != nil {
			return 0, nil, err
		}
		rate := n / time.Since(began).Seconds()
		more := memory.into(map[string]any{"files": n, "batch": batch})
		if summary.Done != n {
			return 0, nil, fmt.Errorf("%d of %d files were written", summary.Done, n)
		}
		if err := alone(); err != nil {
			return 0, nil, err
		}
		network := float64(n/2/batch*batch*2) / bare.Seconds()
		more["network_images_per_second"], more["ratio"] = network, rate/network
		return rate, more, nil
	})
}

// writeDrawings writes n drawings of a few coloured discs on white, as PNG files of 128×128 pixels. They are on the disk when
// it returns, or the system would write them while something is measured.
func writeDrawings(dir string, n int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, 128, 128))
		for k := range img.Pix {
			img.Pix[k] = 255
		}
		for range 6 {
			cx, cy, r := rng.IntN(128), rng.IntN(128), 8+rng.IntN(30)
			c := color.RGBA{uint8(rng.Uint32()), uint8(rng.Uint32()), uint8(rng.Uint32()), 255}
			for y := max(0, cy-r); y < min(128, cy+r); y++ {
				for x := max(0, cx-r); x < min(128, cx+r); x++ {
					if (x-cx)*(x-cx)+(y-cy)*(y-cy) < r*r {
						img.SetRGBA(x, y, c)
					}
				}
			}
		}
		var file bytes.Buffer
		if err := png.Encode(&file, img); err != nil {
			return err
		}
		if err := writeToDisk(filepath.Join(dir, fmt.Sprintf("%04d.png", i)), file.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func writeToDisk(name string, data []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// peak is the resident memory that Linux counts for this process, in MiB.
type peak struct{ before float64 }

// resetPeak lets the count of the peak begin anew.
func resetPeak() peak {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // where that fails the peak is that of all before
	return peak{residentMiB("VmRSS:")}
}

// into adds what the process held at first and at most since; elsewhere than on Linux, nothing.
func (p peak) into(line map[string]any) map[string]any {
	if p.before > 0 {
		line["rss_before_mib"], line["peak_rss_mib"] = p.before, residentMiB("VmHWM:")
	}
	return line
}

func residentMiB(field string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), field)
	words := strings.Fields(rest)
	if len(words) == 0 {
		return 0
	}
	kib, _ := strconv.ParseFloat(words[0], 64)
	return kib / 1024
}

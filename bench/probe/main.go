// Command probe measures one part of the program alone, at sizes that `straightway bench` does not have:
//
//	probe network [-size 32] [-base 32] [-batch 32] [-steps 10] [-precision f32] [-backend cpu] [-only train]
//	probe folder [-size 64] DIR
//
// The first times training steps and one-step translation of the benchmark's network (train.BenchNetwork) and prints a
// line of JSON for each, the second opens a folder of images as training does, without a cache from before. The event
// and its fields are those of `straightway bench --json`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
	"github.com/straightway-app/straightway/engine/unet"
)

func main() {
	err := errors.New("usage: probe network|folder [flags]")
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "network":
			err = network(os.Args[2:])
		case "folder":
			err = folder(os.Args[2:])
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func network(args []string) error {
	flags := flag.NewFlagSet("probe network", flag.ExitOnError)
	size := flags.Int("size", 32, "side of the images in pixels")
	base := flags.Int("base", 32, "channels at full resolution")
	batch := flags.Int("batch", 32, "images a step")
	steps := flags.Int("steps", 10, "repetitions, the fastest counts")
	only := flags.String("only", "", "train or translate; both unless said")
	wanted := flags.String("precision", project.PrecisionAuto.String(), "auto, f32 or bf16")
	choice := flags.String("backend", backend.Auto, backend.Choices)
	_ = flags.Parse(args)
	precision, err := project.ParsePrecision(*wanted)
	if err != nil {
		return err
	}
	net := train.BenchNetwork(*size)
	net.Base = *base
	if err := net.Validate(); err != nil {
		return err
	}
	be, _, err := backend.Open(*choice)
	if err != nil {
		return err
	}
	defer be.Close()
	measures := map[string]func(*backend.Backend, unet.Config, layer.Lowering, int, int) (float64, time.Duration, error){
		"train": func(be *backend.Backend, net unet.Config, how layer.Lowering, batch, n int) (float64, time.Duration, error) {
			return train.BenchTraining(be, 1, net, how, batch, n)
		},
		"translate": train.BenchTranslation,
	}
	for _, name := range []string{"train", "translate"} {
		if *only != "" && *only != name {
			continue
		}
		perSecond, compile, err := measures[name](be, net, model.Lowering(be, precision), *batch, *steps)
		if err != nil {
			return fmt.Errorf("%s at %d px with %d channels: %w", name, *size, *base, err)
		}
		tell(map[string]any{
			"name": name, "value": perSecond, "unit": "images/s", "batch": *batch, "compile_seconds": compile.Seconds(),
			"backend": be.Label, "precision": precision.String(),
		})
	}
	return nil
}

func folder(args []string) error {
	flags := flag.NewFlagSet("probe folder", flag.ExitOnError)
	size := flags.Int("size", 64, "side of the squares in pixels")
	_ = flags.Parse(args)
	if flags.NArg() != 1 {
		return errors.New("probe folder needs one folder of images")
	}
	began := time.Now()
	set, err := datasets.Open(context.Background(), flags.Arg(0), "", datasets.Options{Size: *size, KeepDuplicates: true})
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	tell(map[string]any{"name": "folder", "value": float64(set.Len()) / took, "unit": "images/s", "files": set.Len(), "seconds": took})
	return set.Close()
}

func tell(line map[string]any) {
	line["event"] = "bench"
	out, err := json.Marshal(line)
	if err != nil { // numbers and strings only
		panic(err)
	}
	fmt.Println(string(out))
}

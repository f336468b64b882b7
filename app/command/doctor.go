package command

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/direct"
)

func newDoctor(out *output) *cobra.Command {
	var install string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Tell which backends work here, why others do not, and what to do",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if install != "" {
				return installPlugin(c, out, install)
			}
			system := backend.Describe(".")
			system.Version = Version
			line := fields(system)
			line["kernels"], line["tiles"] = direct.Available(), direct.Tiled()
			out.event(line)
			out.result("Straightway %s on %s, %s, %d cores, %s memory", Version, system.OS, system.Processor, system.Cores, bytesText(system.Memory))
			if system.GPU != "" {
				out.result("GPU: %s, %s, driver %s", system.GPU, bytesText(system.GPUMemory), system.GPUDriver)
			}
			if system.Disk > 0 {
				out.result("disk here: %s free of %s", bytesText(system.DiskFree), bytesText(system.Disk))
			}
			if direct.Available() {
				out.result("kernels: this processor has AVX2 and FMA, so that cpu and go compute the networks without compiling")
			} else {
				out.result("kernels: none for this processor or this build (x86-64 with AVX2 and FMA, built with GOEXPERIMENT=simd): cpu and go compute in graphs, slower")
			}
			if direct.Tiled() {
				out.result("tiles: it has AMX too, so that --precision bf16 is the faster one there")
			}
			for _, r := range backend.Survey(c.Context()) {
				out.event(fields(r))
				if r.Available {
					out.result("✓ %-5s %s, %s, %s %s", r.Name, r.Device, devicesText(r), r.Version, r.Path)
					continue
				}
				out.result("✗ %-5s %s", r.Name, r.Reason)
				if r.Advice != "" {
					out.result("        → %s", r.Advice)
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&install, "install", "", "install a backend's plugin: cuda or cpu")
	return c
}

// devicesText tells how many devices a backend has. Those of the processor share it.
func devicesText(r backend.Report) string {
	switch {
	case r.Devices == 1:
		return "1 device"
	case r.Kind == backend.CPU:
		return fmt.Sprintf("%d virtual devices", r.Devices)
	}
	return fmt.Sprintf("%d devices", r.Devices)
}

func installPlugin(c *cobra.Command, out *output, which string) error {
	kind := backend.Kind(which)
	if kind != backend.CUDA && kind != backend.CPU {
		return usagef("--install %q: choose cuda or cpu", which)
	}
	err := backend.Install(c.Context(), kind, func(done, total int64, what string) {
		out.progress(what, int(done>>20), int(total>>20), "MiB")
	})
	if err != nil {
		return err
	}
	out.event(map[string]any{"event": "installed", "name": which})
	out.result("installed: %s", which)
	return nil
}

// fields turns a struct into the fields of a JSON line.
func fields(v any) map[string]any {
	data, err := json.Marshal(v)
	m := map[string]any{}
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return map[string]any{"event": "error", "error": err.Error()}
	}
	return m
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	default:
		return fmt.Sprintf("%d MiB", n>>20)
	}
}

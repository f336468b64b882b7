// Package backend finds, opens and describes the engines that GoMLX can compute on: an NVIDIA GPU through the CUDA
// plugin of XLA, the processor through the CPU plugin of XLA, and the pure Go backend, which is always there.
//
// [Open] tries them in that order and returns the first that really works, with a [Report] for each one passed over;
// [Survey] tries them all and is what `doctor` prints. An XLA plugin is a shared library of some 200 MB that runs
// inside the process, and a damaged one kills it. So each file is first checked for completeness ([checkLibrary])
// and then opened and made to compute in a child process; only what has worked there is loaded here. No failure of a
// backend ends the program: it becomes a named [*Error] with its cause and the next step.
//
// Two side effects of importing the package: the C allocator is set up for XLA before main starts (malloc_linux.go),
// and a process that was started as a probe child answers and exits (probe.go).
package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
)

// Kind names one of the engines.
type Kind string

// The kinds, in the order in which [Open] tries them.
const (
	CUDA Kind = "cuda" // XLA on an NVIDIA GPU
	CPU  Kind = "cpu"  // XLA on the processor
	Go   Kind = "go"   // pure Go, always there
)

// Auto is the choice that lets [Open] take the first backend that works.
const Auto = "auto"

// Kinds lists all kinds in the order in which they are tried.
func Kinds() []Kind { return []Kind{CUDA, CPU, Go} }

// Choices is the text that explains what [Open] accepts, for the help of --backend.
const Choices = "auto, cuda, cpu, go, or the absolute path of a PJRT plugin"

// Backend is an open engine.
//
// GoMLX compares backends by identity when it decides whether a tensor may be used, so pass Compute itself to it,
// never something wrapped around it; that is why Backend does not implement compute.Backend.
type Backend struct {
	Compute compute.Backend

	Kind    Kind
	Label   string // "xla:cuda", "xla:cpu" or "go": the name used in JSON output and reports
	Path    string // plugin file; empty for pure Go
	Version string // what the engine says about itself, for example "PJRT C API v0.112"
	Devices int    // how many devices it can address; for the CPU plugin they may be virtual
}

// String returns the label.
func (b *Backend) String() string { return b.Label }

// Close frees the engine. Tensors still needed must have been brought to local memory (ToLocal) before.
func (b *Backend) Close() {
	if b != nil && b.Compute != nil && !b.Compute.IsFinalized() {
		b.Compute.Finalize()
	}
}

// IsXLA reports whether graphs are compiled by XLA, which takes seconds for each new shape, rather than interpreted.
func (b *Backend) IsXLA() bool { return b.Kind != Go }

// NativeConv reports whether the backend's own convolution is the fast one. It is on XLA; pure Go computes it
// naively (1.2 GFLOP/s measured), and nine shifted matmuls, summed, reach 14–26 GFLOP/s there.
func (b *Backend) NativeConv() bool { return b.IsXLA() }

// ProductGradient reports whether a matrix product beats the backend's own weight gradient of a convolution. It does
// on XLA's CPU compiler alone: cuDNN's is fast.
func (b *Backend) ProductGradient() bool { return b.Kind == CPU }

// ResidentData reports whether the images should be uploaded once and gathered by index inside the graph. It halves
// the cost of a batch on XLA (0.14 ms against 0.27 ms measured); on pure Go, batches made on the host are faster.
func (b *Backend) ResidentData() bool { return b.IsXLA() }

// ComputeDType is the type in which a network should compute, whatever the type of its weights: bfloat16 on CUDA,
// which has matrix units for it, float32 elsewhere.
func (b *Backend) ComputeDType() dtypes.DType {
	if b.Kind == CUDA {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}

// Memory returns the bytes in use and in total of the memory the backend computes in: that of the first GPU for
// CUDA, otherwise the machine's, limited by the control group this process runs in. ok is false where the system
// does not say.
func (b *Backend) Memory() (used, total int64, ok bool) {
	if b.Kind == CUDA {
		gpu, found := nvidiaGPU()
		return gpu.used, gpu.total, found
	}
	total, available, ok := systemMemory()
	return total - available, total, ok
}

// Open opens the backend that choice names: "auto" (or ""), "cuda", "cpu", "go", or the absolute path of a PJRT
// plugin. Automatic choice takes the first kind that works and never fails where pure Go does not; a backend that is
// asked for by name is never replaced by another one.
//
// The reports are one for each kind that was passed over on the way, in order, with the reason and what to do. The
// error is an [*Error].
func Open(choice string) (*Backend, []Report, error) {
	candidates, err := parseChoice(choice)
	if err != nil {
		return nil, nil, err
	}
	var passedOver []Report
	for _, candidate := range candidates {
		report := examine(candidate)
		if report.Available {
			b, err := open(report.Kind, report.Path)
			if err == nil {
				return b, passedOver, nil
			}
			report.fail(err)
		}
		passedOver = append(passedOver, report)
	}
	last := passedOver[len(passedOver)-1]
	return nil, passedOver, &Error{Name: last.Name, Cause: last.Reason, Cure: last.Advice}
}

// candidate is a kind to look for, or one plugin file that the user named.
type candidate struct {
	kind Kind
	path string // given by the user; empty: search
}

// parseChoice turns the text of --backend into what to try.
func parseChoice(choice string) ([]candidate, error) {
	choice = strings.TrimSpace(choice)
	name := strings.ToLower(choice)
	switch Kind(name) {
	case "", Auto:
		return []candidate{{kind: CUDA}, {kind: CPU}, {kind: Go}}, nil
	case CUDA, CPU, Go:
		return []candidate{{kind: Kind(name)}}, nil
	}
	if filepath.IsAbs(choice) {
		return []candidate{{kind: kindOfFile(choice), path: filepath.Clean(choice)}}, nil
	}
	cure := "use one of: " + Choices
	if strings.ContainsRune(choice, filepath.Separator) || strings.HasSuffix(choice, pluginSuffix) {
		cure = "give the plugin's absolute path, or use one of: auto, cuda, cpu, go"
	}
	return nil, &Error{Name: choice, Cause: "there is no backend of this name", Cure: cure}
}

// opening serialises the loading of plugins: GoMLX keeps global state while it does.
var opening sync.Mutex

// open opens a backend in this process, with every panic turned into an error here, once.
func open(kind Kind, path string) (b *Backend, err error) {
	opening.Lock()
	defer opening.Unlock()
	defer func() {
		if r := recover(); r != nil {
			b, err = nil, fmt.Errorf("opening backend %s: %v", kind, r)
		}
	}()
	if kind == Go {
		// The parallel executor of compute v0.1.3 deadlocks in about one run of three on two cores.
		engine, err := gobackend.New("ops_sequential")
		if err != nil {
			return nil, fmt.Errorf("opening backend go: %w", err)
		}
		return &Backend{Compute: engine, Kind: Go, Label: string(Go), Version: runtime.Version(), Devices: 1}, nil
	}

	quietGoMLX()
	xla.EnableAutoInstall(false) // nothing is downloaded unless the user asks: see Install
	config, cleanup, err := pluginConfig(kind, path)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	if kind == CUDA {
		prepareCUDA(path)
	}
	// xla.New rather than compute.New: the latter reads GOMLX_BACKEND, panics on a name it does not know, and can
	// return a backend together with an error.
	engine, err := xla.New(config)
	if err != nil {
		return nil, fmt.Errorf("opening plugin %s: %w", path, err)
	}
	if engine.NumDevices() == 0 {
		engine.Finalize()
		return nil, fmt.Errorf("opening plugin %s: it has no device to compute on", path)
	}
	b = &Backend{Compute: engine, Kind: kind, Label: "xla:" + string(kind), Path: path, Devices: engine.NumDevices()}
	if plugin, err := pjrt.GetPlugin(strings.SplitN(config, ",", 2)[0]); err == nil {
		major, minor := plugin.Version()
		b.Version = fmt.Sprintf("PJRT C API v%d.%d", major, minor)
	}
	return b, nil
}

// pluginConfig is the configuration string that makes GoMLX load exactly this file.
//
// The path is always absolute: looking a plugin up by name makes go-xla v0.4.1 load every candidate file in turn, and
// a bad one among them ends the process. It recognises CUDA and CPU plugins by these words anywhere in the path, so
// what depends on them is said outright: memory shared with the host on the CPU (it saves a copy of every input), no
// preallocation of most of the GPU's memory on CUDA. A CPU plugin whose path contains "cuda" or a comma is opened
// through a link under a plain name, which cleanup removes once it is loaded.
func pluginConfig(kind Kind, path string) (config string, cleanup func(), err error) {
	cleanup = func() {}
	if kind == CUDA {
		if strings.Contains(path, ",") {
			return "", cleanup, fmt.Errorf("opening plugin %s: its path has a comma in it, which GoMLX cannot express: move it to another folder", path)
		}
		return path + ",noshared_buffers,preallocate=false", cleanup, nil
	}
	if strings.Contains(path, ",") || pjrt.IsCUDAName(path) {
		dir, err := os.MkdirTemp("", "straightway-plugin-")
		if err != nil {
			return "", cleanup, fmt.Errorf("opening plugin %s: %w", path, err)
		}
		cleanup = func() { _ = os.RemoveAll(dir) }
		link := filepath.Join(dir, "pjrt_c_api_cpu_plugin"+pluginSuffix)
		if err := os.Symlink(path, link); err != nil {
			cleanup()
			return "", func() {}, fmt.Errorf("opening plugin %s: %w", path, err)
		}
		path = link
	}
	return path + ",shared_buffers", cleanup, nil
}

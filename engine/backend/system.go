package backend

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// System describes the machine and the program, for `doctor`.
type System struct {
	Event       string            `json:"event"` // always "system"
	OS          string            `json:"os"`    // "linux/amd64"
	Release     string            `json:"release,omitempty"`
	Processor   string            `json:"processor,omitempty"`
	Cores       int               `json:"cores"`            // that this process may use
	Memory      int64             `json:"memory,omitempty"` // bytes
	MemoryFree  int64             `json:"memory_free,omitempty"`
	Disk        int64             `json:"disk,omitempty"` // bytes, where dir lies
	DiskFree    int64             `json:"disk_free,omitempty"`
	GPU         string            `json:"gpu,omitempty"`
	GPUMemory   int64             `json:"gpu_memory,omitempty"`
	GPUDriver   string            `json:"gpu_driver,omitempty"`
	Go          string            `json:"go"`
	Experiments string            `json:"go_experiments,omitempty"` // "simd" is worth a factor of five to the Go backend
	Version     string            `json:"version,omitempty"`        // of this program
	Modules     map[string]string `json:"modules"`                  // the libraries that compute, with their versions
	HeapKept    bool              `json:"heap_kept"`                // see HeapKept
}

// Describe gathers what is known about the machine; dir is the folder whose disk matters. What the system does not
// tell is left at zero.
func Describe(dir string) System {
	s := System{
		Event: "system", OS: runtime.GOOS + "/" + runtime.GOARCH, Release: release(), Processor: processorName(),
		Cores: runtime.GOMAXPROCS(0), Go: goVersion(), Modules: map[string]string{}, HeapKept: HeapKept(),
	}
	s.Memory, s.MemoryFree, _ = systemMemory()
	s.Disk, s.DiskFree = diskSpace(dir)
	if gpu, found := nvidiaGPU(); found {
		s.GPU, s.GPUMemory, s.GPUDriver = gpu.name, gpu.total, gpu.driver
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		s.Version = info.Main.Version
		for _, setting := range info.Settings {
			if setting.Key == "GOEXPERIMENT" {
				s.Experiments = setting.Value
			}
		}
		for _, module := range info.Deps {
			switch module.Path {
			case "github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla":
				s.Modules[module.Path] = module.Version
			}
		}
	}
	return s
}

func goVersion() string { return runtime.Version() }

// field returns the value of the first line "key: value" or "key=value" of a file of the system.
func field(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
		if name, value, ok := strings.Cut(lines.Text(), "="); ok && strings.TrimSpace(name) == key {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

func release() string { return field("/etc/os-release", "PRETTY_NAME") }

func processorName() string {
	if name := field("/proc/cpuinfo", "model name"); name != "" {
		return name
	}
	return runtime.GOARCH
}

// systemMemory is the machine's memory and how much of it can still be taken, in bytes, both limited by the control
// group (version 1 or 2) this process runs in.
func systemMemory() (total, available int64, ok bool) {
	kilobytes := func(key string) int64 {
		number, _, _ := strings.Cut(field("/proc/meminfo", key), " ")
		n, _ := strconv.ParseInt(number, 10, 64)
		return n << 10
	}
	total, available = kilobytes("MemTotal"), kilobytes("MemAvailable")
	if total == 0 {
		return 0, 0, false
	}
	for _, group := range [][2]string{
		{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
		{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"},
	} {
		if limit := number(group[0]); limit > 0 && limit < total {
			total = limit
			available = min(available, max(0, limit-number(group[1])))
		}
	}
	return total, available, true
}

// number reads a file that holds one number; anything else is 0.
func number(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// existing is the nearest folder above dir that exists, dir itself included.
func existing(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "/"
	}
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

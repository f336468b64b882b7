//go:build linux && cgo

package backend

// #cgo LDFLAGS: -ldl
/*
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// keep loads a library for as long as the process lives, so that a plugin that asks for it by its name finds it.
static int keep(const char *path) { return dlopen(path, RTLD_LAZY | RTLD_LOCAL) != NULL; }

// The part of NVIDIA's management library (NVML, documented in nvml.h) that is needed to describe one GPU. It comes
// with the driver and is loaded when asked for, so that nothing here depends on it.
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { char name[96], driver[80]; memory mem; } gpu;

static int describe(const char *uuid, unsigned index, gpu *out) {
	memset(out, 0, sizeof *out);
	void *lib = dlopen("libnvidia-ml.so.1", RTLD_LAZY | RTLD_LOCAL), *device = NULL;
	if (!lib) return 0;
	int (*init)(void) = dlsym(lib, "nvmlInit_v2"), (*done)(void) = dlsym(lib, "nvmlShutdown");
	int (*by_index)(unsigned, void **) = dlsym(lib, "nvmlDeviceGetHandleByIndex_v2");
	int (*by_uuid)(const char *, void **) = dlsym(lib, "nvmlDeviceGetHandleByUUID");
	int (*name)(void *, char *, unsigned) = dlsym(lib, "nvmlDeviceGetName");
	int (*driver)(char *, unsigned) = dlsym(lib, "nvmlSystemGetDriverVersion");
	int (*mem)(void *, memory *) = dlsym(lib, "nvmlDeviceGetMemoryInfo");
	int ok = 0;
	if (init && done && by_index && by_uuid && name && driver && mem && init() == 0) {
		ok = (*uuid ? by_uuid(uuid, &device) : by_index(index, &device)) == 0 && mem(device, &out->mem) == 0;
		if (ok) {
			name(device, out->name, sizeof out->name);
			driver(out->driver, sizeof out->driver);
		}
		done();
	}
	dlclose(lib);
	return ok;
}

static int loadable(const char *name) {
	void *lib = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
	if (lib) dlclose(lib);
	return lib != NULL;
}
*/
import "C"

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"
)

// gpuState describes a GPU: its name, its driver and its memory in bytes.
type gpuState struct {
	name, driver string
	used, total  int64
}

// nvidiaGPU describes the first GPU that CUDA_VISIBLE_DEVICES leaves visible, which is the one computed on.
func nvidiaGPU() (gpuState, bool) {
	var uuid string
	var index uint64
	if list, set := os.LookupEnv("CUDA_VISIBLE_DEVICES"); set {
		first, _, _ := strings.Cut(list, ",")
		first = strings.TrimSpace(first)
		var err error
		if index, err = strconv.ParseUint(first, 10, 32); err != nil {
			if !strings.HasPrefix(first, "GPU-") && !strings.HasPrefix(first, "MIG-") {
				return gpuState{}, false // hidden on purpose
			}
			uuid, index = first, 0
		}
	}
	name := C.CString(uuid)
	defer C.free(unsafe.Pointer(name))
	var gpu C.gpu
	if C.describe(name, C.unsigned(index), &gpu) == 0 {
		return gpuState{}, false
	}
	return gpuState{C.GoString(&gpu.name[0]), C.GoString(&gpu.driver[0]), int64(gpu.mem.used), int64(gpu.mem.total)}, true
}

// missingDriver says what CUDA lacks on this machine before any plugin comes into it; both are empty where the driver
// is there.
func missingDriver() (reason, advice string) {
	device := false
	for _, pattern := range []string{"/dev/nvidia[0-9]*", "/dev/nvidiactl", "/dev/dxg", "/proc/driver/nvidia/version"} {
		matches, _ := filepath.Glob(pattern)
		device = device || len(matches) > 0
	}
	library := C.CString("libcuda.so.1")
	defer C.free(unsafe.Pointer(library))
	driver := C.loadable(library) != 0
	switch {
	case !device && !driver:
		return "no NVIDIA GPU: this machine has neither its device files nor its driver",
			"nothing to do without an NVIDIA GPU; with one, install NVIDIA's driver until nvidia-smi lists it, then run: straightway doctor --install cuda"
	case !device:
		return "NVIDIA's driver library is installed, but no GPU is visible (no /dev/nvidia*)",
			"load the driver (nvidia-smi tells what it lacks); in a container, start it with the GPU passed through"
	case !driver:
		return "there is an NVIDIA GPU, but its driver library libcuda.so.1 cannot be loaded",
			"install NVIDIA's driver, or pass it through to this container, until nvidia-smi works"
	}
	return "", ""
}

// cudaLibraries are the libraries that XLA loads by name while it computes, in an order in which each finds those it
// needs itself. The jax wheels load the same ones.
var cudaLibraries = []string{
	"libcudart.so.*", "libnvJitLink.so.*", "libnvrtc.so.*", "libcublasLt.so.*", "libcublas.so.*", "libnccl.so.*", "libcupti.so.*",
	"libcusparse.so.*", "libcusolver.so.*", "libcufft.so.*", "libnvshmem_host.so.*", "libcudnn.so.*",
}

// prepareCUDA makes NVIDIA's libraries that were installed beside a plugin known to this process, and tells XLA where
// its assembler lies. A process cannot change its own LD_LIBRARY_PATH, so the libraries are loaded here by their
// paths; a plugin that has none beside it uses the system's CUDA.
func prepareCUDA(plugin string) {
	root := nvidiaFolder(plugin)
	if root == "" {
		return
	}
	generation := "cu13"
	if strings.Contains(plugin, "cuda12") || !isDir(filepath.Join(root, "cu13")) {
		generation = "cuda_nvcc"
	}
	for _, library := range cudaLibraries {
		for _, pattern := range []string{filepath.Join("cu13", "lib"), filepath.Join("*", "lib")} {
			if pattern == filepath.Join("cu13", "lib") && generation != "cu13" {
				continue
			}
			matches, _ := filepath.Glob(filepath.Join(root, pattern, library))
			if len(matches) == 0 {
				continue
			}
			path := C.CString(matches[0])
			C.keep(path)
			C.free(unsafe.Pointer(path))
			break
		}
	}
	const flag = "--xla_gpu_cuda_data_dir="
	if flags := os.Getenv("XLA_FLAGS"); !strings.Contains(flags, flag) {
		_ = os.Setenv("XLA_FLAGS", strings.TrimSpace(flags+" "+flag+filepath.Join(root, generation)))
	}
}

// nvidiaFolder is the folder "nvidia" that belongs to a plugin: beside its folder in Python's site-packages
// (site-packages/nvidia for site-packages/jax_plugins/xla_cuda13/plugin) or the plugin's own, as GoMLX installs it.
func nvidiaFolder(plugin string) string {
	dir := filepath.Dir(plugin)
	for _, candidate := range []string{filepath.Join(dir, "..", "..", "nvidia"), filepath.Join(dir, "..", "nvidia"), filepath.Join(dir, "nvidia")} {
		if isDir(candidate) {
			return filepath.Clean(candidate)
		}
	}
	return ""
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

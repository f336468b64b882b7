//go:build !linux || !cgo

package backend

// gpuState describes a GPU: its name, its driver and its memory in bytes.
type gpuState struct {
	name, driver string
	used, total  int64
}

func nvidiaGPU() (gpuState, bool) { return gpuState{}, false }

func missingDriver() (reason, advice string) {
	return "the CUDA plugin of XLA exists for Linux only", "use the CPU or the pure Go backend on this system"
}

func prepareCUDA(string) {}

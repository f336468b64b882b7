//go:build !(amd64 && goexperiment.simd)

package direct

import "github.com/straightway-app/straightway/engine/unet"

// Fits is false.
func Fits(unet.Config) bool { return false }

// Tiled is false.
func Tiled() bool { return false }

// Halves is false.
func Halves(unet.Config) bool { return false }

// Net cannot be made where Fits is false.
type Net struct{}

// New cannot be called where Fits is false.
func New(unet.Config, bool, bool) *Net { panic("direct: no kernels for this processor") }

// Set is never called.
func (*Net) Set([]float32) {}

// Kept is never called.
func (*Net) Kept() int64 { return 0 }

// Release is never called.
func (*Net) Release() {}

// Memory is never called.
func Memory(unet.Config, bool, int) int64 { return 0 }

// Velocity is never called.
func (*Net) Velocity(_, _ []float32) []float32 { return nil }

// Trace is never made.
type Trace struct{}

// Learn is never called.
func (*Net) Learn(_, _ []float32) ([]float32, *Trace) { return nil, nil }

// Back is never called.
func (*Trace) Back(_, _ []float32) {}

// Free is never called.
func (*Trace) Free() {}

// Available is false: the kernels are written for x86-64, and for a build with GOEXPERIMENT=simd.
func Available() bool { return false }

// Stack cannot be made where Available is false.
type Stack struct{}

// StackLayer describes a layer of one.
type StackLayer struct{ K, In, Out, Stride int }

// NewStack cannot be called where Available is false.
func NewStack([]StackLayer, float32, bool) *Stack { panic("direct: no kernels for this processor") }

// Set is never called.
func (*Stack) Set(_, _ [][]float32) {}

// Release is never called.
func (*Stack) Release() {}

// Width is never called.
func (*Stack) Width(int) int { return 0 }

// StackRun is never made.
type StackRun struct{}

// Run is never called.
func (*Stack) Run([]float32, int, int) *StackRun { return nil }

// Out is never called.
func (*StackRun) Out(int) []float32 { return nil }

// StackGradient asks for gradients.
type StackGradient struct {
	D, Weights, Biases [][]float32
	Input              []float32
}

// Back is never called.
func (*StackRun) Back(StackGradient) {}

// Free is never called.
func (*StackRun) Free() {}

func gemm(_ []float32, _ int, _ []float32, _, _ int, _ []float32, _, _, _, _ int, _ bool) {}

func squareplus([]float32) int { return 0 }

func squareplusBack(_, _ []float32) int { return 0 }

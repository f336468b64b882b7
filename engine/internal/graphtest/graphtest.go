// Package graphtest runs graphs in tests: the pure Go backend, one call that gives host values, and a comparison.
package graphtest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// GoBackend is the pure Go backend, closed at the end of the test.
func GoBackend(t testing.TB) compute.Backend {
	t.Helper()
	be, err := gobackend.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(be.Finalize)
	return be
}

// Program compiles f; the result runs it and returns the float32 values of its outputs.
func Program(t testing.TB, be compute.Backend, f func(in []*Node) []*Node) func(args ...any) [][]float32 {
	t.Helper()
	exec, err := NewExec(be, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(exec.Finalize)
	return func(args ...any) [][]float32 {
		t.Helper()
		out, err := exec.Call(args...)
		if err != nil {
			t.Fatal(err)
		}
		var flat [][]float32
		for _, o := range out {
			flat = append(flat, tensors.MustCopyFlatData[float32](o))
		}
		return flat
	}
}

// Call compiles f and runs it once.
func Call(t testing.TB, be compute.Backend, f func(in []*Node) []*Node, args ...any) [][]float32 {
	t.Helper()
	return Program(t, be, f)(args...)
}

// Near fails unless |got − want| ≤ tolerance·(1 + |want|) for every value.
func Near(t testing.TB, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= tolerance*(1+math.Abs(float64(want[i])))) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

// Normal draws n values from N(0, 1).
func Normal(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

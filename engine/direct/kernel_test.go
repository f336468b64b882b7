//go:build amd64 && goexperiment.simd

package direct

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Both forms of the product's kernel add up in one order, so that a network gives the same bits with AVX-512 and without.
func TestBothKernelsGiveTheSameBits(t *testing.T) {
	if !avx512 {
		t.Skip("this processor has no AVX-512")
	}
	rng := rand.New(rand.NewPCG(4, 1))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	for _, k := range []int{1, 2, 7, 32, 96} {
		for add := range 2 {
			a, b := random(6*k), random(16*k)
			narrow := random(6 * 20)
			wide := slices.Clone(narrow)
			narrow6x16(k, &a[0], 4*k, 4, &b[0], 64, &narrow[0], 80, add)
			wide6x16(k, &a[0], 4*k, 4, &b[0], 64, &wide[0], 80, add)
			if !slices.Equal(narrow, wide) {
				t.Errorf("k %d, add %d: other bits", k, add)
			}
		}
	}
}

func BenchmarkKernel(b *testing.B) {
	for _, k := range []int{32, 64, 128} {
		rows := 48
		a, w, c := make([]float32, rows*k+slack), make([]float32, k*16+slack), make([]float32, rows*16+slack)
		b.Run(fmt.Sprintf("k%d", k), func(b *testing.B) {
			for b.Loop() {
				for r := 0; r < rows; r += 6 {
					kernel6x16(k, &a[r*k], 4*k, 4, &w[0], 64, &c[r*16], 64, 0)
				}
			}
			b.ReportMetric(float64(b.N)*float64(rows*k*16*2)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
	x := make([]float32, 48*48*32)
	v := make([]float32, 36*apart(48*32))
	var half halfway
	f := &framed{n: 1, h: 32, w: 32, c: 32, v: x}
	b.Run("input", func(b *testing.B) {
		for b.Loop() {
			transformTiles(v, apart(48*32), f, 0, 48, &half)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/48/4, "ns/tile-octet")
	})
	var tile [16][lanes]float32
	b.Run("output", func(b *testing.B) {
		for b.Loop() {
			for t := range 48 {
				outputTransform(&tile, &v[t*16], apart(48*16), &half)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/48, "ns/tile-octet")
	})
	b.Run("adjoint", func(b *testing.B) {
		for b.Loop() {
			for t := range 48 {
				adjointTransform(&v[t*8], apart(48*8), &x[t*8], 34*32, 32, &half)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/48, "ns/tile-octet")
	})
	b.Run("silu", func(b *testing.B) {
		for b.Loop() {
			activateRow(&v[0], &x[0], &x[0], &x[0], 32, 32, true)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32/4, "ns/octet")
	})
}

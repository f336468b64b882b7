//go:build amd64 && goexperiment.simd

package direct

import (
	"fmt"
	"testing"
)

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

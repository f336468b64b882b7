//go:build amd64 && goexperiment.simd

package direct

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// All forms of the product's kernel add up in one order, so that a network gives the same bits with AVX-512 and without.
func TestAllKernelsGiveTheSameBits(t *testing.T) {
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
	const rows, columns = 24, 40 // as many rows as both make of whole tiles
	for _, k := range []int{1, 2, 7, 32, 96} {
		for add := range 2 {
			a, b := random(rows*k), random(32*k)
			narrow := random(rows * columns)
			wide, wider := slices.Clone(narrow), slices.Clone(narrow)
			for r := 0; r < rows; r += 6 {
				for q := 0; q < 32; q += panel {
					narrow6x16(k, &a[r*k], 4*k, 4, &b[q], 128, &narrow[r*columns+q], 4*columns, add)
				}
			}
			for r := 0; r < rows; r += 8 {
				for q := 0; q < 32; q += panel {
					wide8x16(k, &a[r*k], 4*k, 4, &b[q], 128, &wide[r*columns+q], 4*columns, add)
				}
				wide8x32(k, &a[r*k], 4*k, 4, &b[0], 128, &wider[r*columns], 4*columns, add, 64, 64)
			}
			if !slices.Equal(narrow, wide) || !slices.Equal(narrow, wider) {
				t.Errorf("k %d, add %d: other bits", k, add)
			}
		}
	}
}

// Sixteen channels at once are, bit for bit, what eight at once are.
func TestSixteenChannelsAreTwiceEight(t *testing.T) {
	if !avx512 {
		t.Skip("this processor has no AVX-512")
	}
	defer func() { avx512 = true }()
	const c, pixels = 48, 36
	rng := rand.New(rand.NewPCG(4, 2))
	random := make([]float32, 8*places*c)
	for i := range random {
		random[i] = float32(rng.NormFloat64())
	}
	var half halfway
	for name, compute := range map[string]func(to, from []float32){
		"inputTransform":   func(to, from []float32) { inputTransform(&to[0], c, &from[0], 6*c, c, half.place()) },
		"adjointTransform": func(to, from []float32) { adjointTransform(&to[0], c, &from[0], 6*c, c, half.place()) },
		"outputTransform": func(to, from []float32) {
			outputTransform(&to[0], nil, &from[0], c, panel, &from[5], 4*c, c, 4, 4, half.place())
			outputTransform(&to[2000], &from[7], &from[0], c, panel, &from[5], 3*c, c, 2, 3, half.place())
		},
		"filterTransform": func(to, from []float32) { filterTransform(&to[0], panel, &from[0], panel, half.place()) },
		"filterAdjoint":   func(to, from []float32) { filterAdjoint(&to[0], panel, &from[0], panel, half.place()) },
		"activateRow": func(to, from []float32) {
			activateRow(&to[0], &from[0], &from[5], &from[6], pixels, c, true)
			activateRow(&to[pixels*c], &from[0], &from[5], &from[6], pixels, c, false)
		},
		"activateBack": func(to, from []float32) {
			copy(to, from[9:])
			activateBack(&to[0], &from[0], &from[5], &from[6], &to[pixels*c], &to[pixels*c+c], pixels, c, true)
		},
		"spread": func(to, from []float32) {
			copy(to, from[9:])
			spread(&to[0], &from[0], &from[1], &from[5], &from[6], &from[7], pixels, c, true)
		},
		"sums": func(to, from []float32) { sums(&to[0], &to[c], &from[0], pixels, c) },
	} {
		eight, sixteen := make([]float32, len(random)), make([]float32, len(random))
		avx512 = false
		compute(eight, random)
		avx512 = true
		compute(sixteen, random)
		if !slices.Equal(eight, sixteen) {
			t.Errorf("%s gives other bits", name)
		}
	}
}

func BenchmarkKernel(b *testing.B) {
	for _, k := range []int{32, 64, 128} {
		rows := 48
		a, w, c := make([]float32, rows*k+slack), make([]float32, k*32+slack), make([]float32, rows*32+slack)
		b.Run(fmt.Sprintf("k%d", k), func(b *testing.B) {
			for b.Loop() {
				for r := 0; r < rows; r += tall {
					product(k, &a[r*k], 4*k, 4, &w[0], 128, &c[r*32], 128, 0, 2, 64, 64)
				}
			}
			b.ReportMetric(float64(b.N)*float64(rows*k*32*2)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
	x := make([]float32, 48*48*32)
	v := make([]float32, 36*apart(48*32))
	var half halfway
	f := &framed{n: 1, h: 32, w: 32, c: 32, v: x}
	each := func(b *testing.B, n int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/octet")
	}
	b.Run("input", func(b *testing.B) {
		for b.Loop() {
			transformTiles(v, apart(48*32), f, 0, 48, half.place())
		}
		each(b, 48*4)
	})
	b.Run("output", func(b *testing.B) {
		for b.Loop() {
			for t := range 48 {
				outputTransform(&x[t*32], nil, &v[t*16], apart(48*32), 48*16, &x[0], 32*32, 32, 4, 4, half.place())
			}
		}
		each(b, 48*4)
	})
	b.Run("adjoint", func(b *testing.B) {
		for b.Loop() {
			for t := range 48 {
				adjointTransform(&v[t*32], apart(48*32), &x[t*32], 34*32, 32, half.place())
			}
		}
		each(b, 48*4)
	})
	b.Run("silu", func(b *testing.B) {
		for b.Loop() {
			activateRow(&v[0], &x[0], &x[0], &x[0], 32, 32, true)
		}
		each(b, 32*4)
	})
	b.Run("siluBack", func(b *testing.B) {
		for b.Loop() {
			activateBack(&v[0], &x[0], &x[0], &x[0], &x[40000], &x[41000], 32, 32, true)
		}
		each(b, 32*4)
	})
}

//go:build amd64 && goexperiment.simd

package direct

import (
	"math/rand/v2"
	"testing"
)

// Whole numbers that bfloat16 holds are convolved, and their weight gradient is added up, without any rounding: a tile
// convolution and its gradient are, to the bit, the sums that define them.
func TestTilesAddUpExactly(t *testing.T) {
	if !tiled {
		t.Skip("this processor has no tiles")
	}
	rng := rand.New(rand.NewPCG(4, 3))
	whole := func(n int) []float32 {
		x := make([]float32, n+slack)
		for i := range x {
			x[i] = float32(rng.IntN(9) - 4)
		}
		return x
	}
	for _, s := range []struct{ n, h, w, ci, co int }{{2, 16, 16, 32, 32}, {3, 8, 8, 64, 32}, {1, 32, 32, 32, 96}, {3, 6, 6, 32, 64}, {2, 4, 4, 96, 32}, {1, 2, 2, 32, 32}, {2, 40, 40, 32, 32}} {
		p := (&Net{learning: true, half: true, team: newCrew(), mem: pool{free: map[int][][]float32{}}}).newPass(s.n, true)
		c := &conv{ci: s.ci, co: s.co, half: true}
		c.make(9, true)
		w, x, dy, add, bias := whole(9*s.ci*s.co), whole(s.n*s.h*s.w*s.ci), whole(s.n*s.h*s.w*s.co), whole(s.n*s.h*s.w*s.co), whole(s.co)
		c.forward.set(p.team, w, s.ci, s.co, false)
		c.back.set(p.team, w, s.ci, s.co, true)
		fx, fy := p.frame(x, s.h, s.w, s.ci, true), p.frame(dy, s.h, s.w, s.co, true)
		y, dx, dw := make([]float32, s.n*s.h*s.w*s.co), make([]float32, s.n*s.h*s.w*s.ci), make([]float32, 9*s.ci*s.co)
		p.convolve(c.forward, fx, bias, add, y)
		p.convolve(c.back, fy, p.nothing(), nil, dx)
		p.weightGradient(c, fx, fy)
		c.collect(p.team, dw)

		wantY, wantX, wantW := make([]float32, len(y)), make([]float32, len(dx)), make([]float32, len(dw))
		for k := range wantY {
			wantY[k] = add[k] + bias[k%s.co]
		}
		for i := range s.n {
			for py := range s.h {
				for px := range s.w {
					for tap := range 9 {
						qy, qx := py+tap/3-1, px+tap%3-1
						if qy < 0 || qy >= s.h || qx < 0 || qx >= s.w {
							continue
						}
						to, from := ((i*s.h+py)*s.w+px)*s.co, ((i*s.h+qy)*s.w+qx)*s.ci
						for a := range s.ci {
							for b := range s.co {
								at := (tap*s.ci+a)*s.co + b
								wantY[to+b] += x[from+a] * w[at]
								wantX[from+a] += dy[to+b] * w[at]
								wantW[at] += dy[to+b] * x[from+a]
							}
						}
					}
				}
			}
		}
		for name, v := range map[string][2][]float32{"the convolution": {y, wantY}, "the gradient by the input": {dx, wantX}, "the gradient by the weights": {dw, wantW}} {
			wrong := 0
			for k := range v[0] {
				if v[0][k] != v[1][k] {
					if wrong++; wrong == 1 {
						t.Errorf("%+v: value %d of %s is %g, not %g", s, k, name, v[0][k], v[1][k])
					}
				}
			}
			if wrong > 0 {
				t.Errorf("%+v: %d of %d values of %s are wrong", s, wrong, len(v[0]), name)
			}
		}
	}
}

package plane

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// Estimate is a value with its standard error.
type Estimate struct{ Value, SE float64 }

// Interval is the normal 95 % confidence interval.
func (e Estimate) Interval() (low, high float64) { return e.Value - 1.96*e.SE, e.Value + 1.96*e.SE }

// mean is the mean of independent samples.
func mean(samples []float64) Estimate {
	n, sum, squares := float64(len(samples)), 0., 0.
	for _, v := range samples {
		sum += v
	}
	m := sum / n
	for _, v := range samples {
		squares += (v - m) * (v - m)
	}
	return Estimate{m, math.Sqrt(squares / max(n-1, 1) / n)}
}

// energy compares the distributions behind two samples of points: E = 2E‖X−Y‖ − E‖X−X′‖ − E‖Y−Y′‖ (Székely and Rizzo
// 2013, "Energy statistics"), which is 0 only for equal distributions.
type energy struct {
	// Squared estimates E without bias, so that it may be negative where the distributions agree. Its error is from the
	// first term of Hoeffding's decomposition.
	Squared Estimate
	// Distance is √E of the two samples themselves, which is a metric and never negative; Noise is what it is on average
	// for two samples of these sizes from one distribution.
	Distance, Noise float64
}

// energyBetween takes n·m + n² + m² distances.
func energyBetween(x, y []float32) energy {
	n, m := len(x)/2, len(y)/2
	xy, yx, xx, yy := make([]float64, n), make([]float64, m), make([]float64, n), make([]float64, m)
	parallel(n, func(i int) { xy[i], xx[i] = sumDistances(x, i, y), sumDistances(x, i, x) })
	parallel(m, func(j int) { yx[j], yy[j] = sumDistances(y, j, x), sumDistances(y, j, y) })
	fx, fy := make([]float64, n), make([]float64, m) // each point's part in E
	var between, withinX, withinY float64
	N, M := float64(n), float64(m)
	for i := range fx {
		fx[i] = 2 * (xy[i]/M - xx[i]/(N-1))
		between += xy[i] / (N * M)
		withinX += xx[i] / (N * (N - 1))
	}
	for j := range fy {
		fy[j] = 2 * (yx[j]/N - yy[j]/(M-1))
		withinY += yy[j] / (M * (M - 1))
	}
	e := energy{Squared: Estimate{2*between - withinX - withinY, math.Hypot(mean(fx).SE, mean(fy).SE)}}
	bias := withinX/N + withinY/M // of taking the samples for the distributions
	e.Distance = math.Sqrt(max(0, e.Squared.Value+bias))
	e.Noise = math.Sqrt(bias)
	return e
}

func sumDistances(x []float32, i int, y []float32) float64 {
	a, b, sum := x[2*i], x[2*i+1], 0.
	for j := 0; j+1 < len(y); j += 2 {
		dx, dy := a-y[j], b-y[j+1]
		sum += math.Sqrt(float64(dx*dx + dy*dy))
	}
	return sum
}

// parallel calls work(i) for i from 0 to n−1 on all cores; every i writes to its own place.
func parallel(n int, work func(i int)) {
	const stretch = 64
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n/stretch+1, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for {
				to := int(next.Add(stretch))
				for i := to - stretch; i < min(to, n); i++ {
					work(i)
				}
				if to >= n {
					return
				}
			}
		})
	}
	group.Wait()
}

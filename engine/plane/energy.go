package plane

import (
	"math"

	"github.com/straightway-app/straightway/engine/direct"
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

// parallel calls work(i) for i from 0 to n−1 on all cores; every i writes to its own place.
func parallel(n int, work func(i int)) {
	const stretch = 64
	direct.Each((n+stretch-1)/stretch, func(k int) {
		for i := k * stretch; i < min(n, (k+1)*stretch); i++ {
			work(i)
		}
	})
}

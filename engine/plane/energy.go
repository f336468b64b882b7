package plane

import (
	"math"

	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/measure"
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

// energyBetween is measure.EnergyDistance of two samples of two points or more.
func energyBetween(x, y []float32) energy {
	points := func(flat []float32) measure.Matrix { return measure.Matrix{Rows: len(flat) / 2, Cols: 2, Data: flat} }
	e, err := measure.EnergyDistance(points(x), points(y))
	if err != nil {
		panic(err) // fewer points than Options allow
	}
	return energy{Squared: Estimate{e.Squared.Mean, e.Squared.SE}, Distance: e.Distance, Noise: e.Noise}
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

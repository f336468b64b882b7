package measure

import (
	"fmt"
	"math"

	"github.com/straightway-app/straightway/engine/direct"
)

// Energy is the energy distance 2E‖X−Y‖ − E‖X−X′‖ − E‖Y−Y′‖ of the
// distributions behind two sets of vectors (Székely and Rizzo 2013, "Energy
// statistics", equation 5), which is 0 only where they agree. Norms are
// Euclidean, in the units of the vectors.
type Energy struct {
	// Squared estimates it without bias: sets of one distribution give 0 on
	// average and may give less. Its error is from the first term of
	// Hoeffding's decomposition, too small where two distributions are nearly
	// the same.
	Squared Estimate
	// Distance is the root of the energy distance of the two sets themselves,
	// which is a metric and never negative; Noise is what it is on average for
	// two sets of these sizes from one distribution. Nothing can be told apart
	// below it.
	Distance, Noise float64

	parts [2][]float64 // what each vector of either set has part in Squared
}

// Farther is how much larger the energy distance a is than b, where both are of the same set y, and the other sets are
// what became of the same vectors in two ways, such as the ends of two flows from the same starts. Nearly all of their
// luck is then the same, and the difference is known far better than either. Without their sets, as from a file, the
// errors count as independent.
func (a Energy) Farther(b Energy) Estimate {
	d := Estimate{a.Squared.Mean - b.Squared.Mean, math.Hypot(a.Squared.SE, b.Squared.SE), min(a.Squared.N, b.Squared.N)}
	if a.parts[0] == nil || len(a.parts[0]) != len(b.parts[0]) || len(a.parts[1]) != len(b.parts[1]) {
		return d
	}
	d.SE = 0
	for side, parts := range a.parts {
		differences := make([]float64, len(parts))
		for i, v := range parts {
			differences[i] = v - b.parts[side][i]
		}
		d.SE = math.Hypot(d.SE, estimate(differences).SE)
	}
	return d
}

// Scaled is the energy distance in another unit, of which factor are one of the present: it is in proportion to the norm.
func (e Energy) Scaled(factor float64) Energy {
	e.Squared.Mean *= factor
	e.Squared.SE *= factor
	e.Distance *= math.Sqrt(factor)
	e.Noise *= math.Sqrt(factor)
	for side, parts := range e.parts {
		e.parts[side] = make([]float64, len(parts))
		for i, v := range parts {
			e.parts[side][i] = factor * v
		}
	}
	return e
}

// EnergyDistance compares two sets of two vectors or more. It takes
// n·m + n² + m² norms.
func EnergyDistance(x, y Matrix) (Energy, error) {
	if err := checkSets(x, y, 2); err != nil {
		return Energy{}, fmt.Errorf("energy distance: %w", err)
	}
	n, m := float64(x.Rows), float64(y.Rows)
	partX, between, withinX := energyParts(x, y)
	partY, _, withinY := energyParts(y, x)
	bias := withinX/n + withinY/m // of taking the sets for the distributions
	squared := 2*between - withinX - withinY
	return Energy{
		Squared:  Estimate{squared, math.Hypot(estimate(partX).SE, estimate(partY).SE), min(x.Rows, y.Rows)},
		Distance: math.Sqrt(max(0, squared+bias)),
		Noise:    math.Sqrt(bias),
		parts:    [2][]float64{partX, partY},
	}, nil
}

// energyParts returns what each vector of x has part in the energy distance
// from y, E‖X−Y‖, and E‖X−X′‖ without bias.
func energyParts(x, y Matrix) (parts []float64, between, within float64) {
	n, m := float64(x.Rows), float64(y.Rows)
	toY, toX := make([]float64, x.Rows), make([]float64, x.Rows)
	direct.Each(x.Rows, func(i int) { toY[i], toX[i] = sumDistances(x.Row(i), y), sumDistances(x.Row(i), x) })
	parts = make([]float64, x.Rows)
	for i := range parts {
		parts[i] = 2 * (toY[i]/m - toX[i]/(n-1))
		between += toY[i] / (n * m)
		within += toX[i] / (n * (n - 1))
	}
	return parts, between, within
}

// sumDistances adds up the distances of a from every vector of y.
func sumDistances(a []float32, y Matrix) float64 {
	var sum float64
	if y.Cols == 2 { // points in the plane, which come by the thousand: two sums, because one waits for itself
		var odd float64
		points := y.Data
		for ; len(points) >= 4; points = points[4:] {
			dx, dy, ex, ey := a[0]-points[0], a[1]-points[1], a[0]-points[2], a[1]-points[3]
			sum += float64(float32(math.Sqrt(float64(dx*dx + dy*dy))))
			odd += float64(float32(math.Sqrt(float64(ex*ex + ey*ey))))
		}
		if len(points) == 2 {
			sum += math.Hypot(float64(a[0]-points[0]), float64(a[1]-points[1]))
		}
		return sum + odd
	}
	for j := range y.Rows {
		sum += math.Sqrt(squaredDistance(a, y.Row(j), math.Inf(1)))
	}
	return sum
}

// squaredDistance returns ‖a − b‖², or something above the limit as soon as it
// is known to be above it.
func squaredDistance(a, b []float32, limit float64) float64 {
	const stretch = 64
	var sum float64
	b = b[:len(a)]
	for at := 0; at < len(a) && sum <= limit; at += stretch {
		end := min(len(a), at+stretch)
		var part float32
		for i, v := range a[at:end] {
			d := v - b[at+i]
			part += d * d
		}
		sum += float64(part)
	}
	return sum
}

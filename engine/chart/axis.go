package chart

import "math"

// axis maps the values from low to high to places on the paper; on a logarithmic one low and high are exponents of ten.
type axis struct {
	low, high float64
	log       bool
	from, to  float64 // places of low and high
}

// empty is an axis that holds nothing yet.
func empty(log bool) axis { return axis{low: math.Inf(1), high: math.Inf(-1), log: log} }

// at is the place of a value; what lies beyond the axis is at its nearer end.
func (a axis) at(v float64) float64 {
	if a.log {
		v = math.Log10(max(v, 1e-300))
	}
	share := min(max((v-a.low)/(a.high-a.low), 0), 1)
	return a.from + (a.to-a.from)*share
}

// holds says whether a value can be shown at all.
func (a axis) holds(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.log || v > 0) }

// include widens the axis.
func (a *axis) include(v float64) {
	if !a.holds(v) {
		return
	}
	if a.log {
		v = math.Log10(v)
	}
	a.low, a.high = min(a.low, v), max(a.high, v)
}

// settle gives an axis that is empty or has one value some breadth.
func (a *axis) settle() {
	if a.low > a.high {
		a.low, a.high = 0, 1
	}
	if a.high-a.low < 1e-12*max(1, math.Abs(a.high)) {
		a.low, a.high = a.low-.5, a.high+.5
	}
}

// ticks are round values on the axis: 1, 2 or 5 times a power of ten apart, or on a logarithmic one powers of ten, and
// between a few of them 2 and 5.
func (a axis) ticks() (values []float64) {
	if a.log {
		digits := []float64{1}
		if a.high-a.low < 2 {
			digits = []float64{1, 2, 5}
		}
		for decade := math.Floor(a.low); decade <= a.high; decade++ {
			for _, d := range digits {
				if e := decade + math.Log10(d); e >= a.low && e <= a.high {
					values = append(values, math.Pow(10, e))
				}
			}
		}
		if len(values) > 1 {
			return values
		}
		return axis{low: math.Pow(10, a.low), high: math.Pow(10, a.high)}.ticks()
	}
	const about = 5
	step := math.Pow(10, math.Floor(math.Log10((a.high-a.low)/about)))
	for _, f := range []float64{2, 2.5, 2} { // 1 → 2 → 5 → 10
		if (a.high-a.low)/step > 1.5*about {
			step *= f
		}
	}
	for k := int(math.Ceil(a.low/step - 1e-9)); float64(k)*step <= a.high+1e-9*step; k++ {
		values = append(values, float64(k)*step)
	}
	return values
}

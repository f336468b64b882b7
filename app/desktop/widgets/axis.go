//go:build !headless

package widgets

import (
	"math"
	"strconv"
	"strings"
)

// axis maps values to [0, length] in pixels, from low to high, linearly or by the logarithm.
type axis struct {
	low, high float64
	length    float64
	log       bool
}

// at returns a value's place in pixels.
func (a axis) at(v float64) float64 {
	if a.log {
		return a.length * math.Log(v/a.low) / math.Log(a.high/a.low)
	}
	return a.length * (v - a.low) / (a.high - a.low)
}

// value returns what stands at a place in pixels.
func (a axis) value(at float64) float64 {
	if a.log {
		return a.low * math.Pow(a.high/a.low, at/a.length)
	}
	return a.low + (a.high-a.low)*at/a.length
}

// shows says whether a value can be drawn on the axis, inside or outside the range.
func (a axis) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.log || v > 0)
}

// ticks returns about n round values in the axis' range.
func (a axis) ticks(n int) []float64 {
	if a.log {
		return logTicks(a.low, a.high, n)
	}
	return niceTicks(a.low, a.high, n)
}

// niceTicks returns the multiples in [low, high] of the step 1, 2 or 5 times a power of ten that gives at most n, and
// at least about n/2.5, of them.
func niceTicks(low, high float64, n int) []float64 {
	span := high - low
	if !(span > 0) || math.IsInf(span, 0) || n < 1 {
		return nil
	}
	step := niceStep(span / float64(n))
	var ticks []float64
	const slack = 1e-9 // of a step, for ends that are multiples but for rounding
	for k := math.Ceil(low/step - slack); k <= high/step+slack; k++ {
		ticks = append(ticks, k*step)
	}
	return ticks
}

// niceStep returns the smallest 1, 2 or 5 times a power of ten that is not below the given step.
func niceStep(step float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= step*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// logTicks returns powers of ten, thinned to at most n; over fewer than two decades also 2 and 5 times them; and where
// these are fewer than three, what a linear axis has.
func logTicks(low, high float64, n int) []float64 {
	first, last := int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
	inside := math.Floor(math.Log10(high)+1e-9) - math.Ceil(math.Log10(low)-1e-9) + 1 // powers of ten in the range
	every := max(1, int(math.Ceil(inside/float64(max(1, n)))))
	digits := []float64{1}
	if math.Log10(high/low) < 2 {
		digits = []float64{1, 2, 5}
	}
	var ticks []float64
	for e := first; e <= last; e++ {
		if e%every != 0 {
			continue
		}
		for _, d := range digits {
			if v := d * math.Pow(10, float64(e)); v >= low*(1-1e-9) && v <= high*(1+1e-9) {
				ticks = append(ticks, v)
			}
		}
	}
	if len(ticks) < 3 && high/low < 100 {
		return niceTicks(low, high, n)
	}
	return ticks
}

// formatTick writes a tick's value with the digits that tell it from its neighbours: 1500, 20k, 0.05, 1e-6.
func formatTick(v float64) string {
	size := math.Abs(v)
	switch {
	case v == 0 || size < 1e-15:
		return "0"
	case size >= 1e9 || size < 1e-4:
		return trimExponent(strconv.FormatFloat(v, 'e', -1, 64))
	case size >= 1e6:
		return round(v/1e6) + "M"
	case size >= 1e4:
		return round(v/1e3) + "k"
	}
	return round(v)
}

// round writes a value with up to six significant digits, which hides the rounding of multiples.
func round(v float64) string {
	text := strconv.FormatFloat(v, 'g', 6, 64)
	if strings.Contains(text, "e") {
		text = strconv.FormatFloat(v, 'f', -1, 64)
	}
	return text
}

// formatValue writes a measured value with four significant digits.
func formatValue(v float64) string {
	size := math.Abs(v)
	if v != 0 && (size >= 1e6 || size < 1e-4) {
		return trimExponent(strconv.FormatFloat(v, 'e', 3, 64))
	}
	if size >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// trimExponent turns 1.5e-06 into 1.5e-6, and 1e+09 into 1e9.
func trimExponent(text string) string {
	mantissa, exponent, found := strings.Cut(text, "e")
	if !found {
		return text
	}
	sign := ""
	if exponent[0] == '-' {
		sign = "-"
	}
	digits := strings.TrimLeft(exponent[1:], "0")
	if digits == "" {
		return mantissa
	}
	return mantissa + "e" + sign + digits
}

package measure

import (
	"fmt"
	"math"
)

// ColourMap replaces every level of every channel by another: the best that
// can be done about a domain without looking at what an image shows, and so
// the yardstick that a translation has to beat. Fit it on the training images
// and apply it to the held-out ones.
type ColourMap [3][256]uint8

// MatchMoments returns the map that gives each channel of source, over the
// whole set, the mean and the standard deviation of target's (Reinhard et al.
// 2001, in RGB). Both are RGB bytes of any number of images.
func MatchMoments(source, target []uint8) (*ColourMap, error) {
	from, to, err := histograms(source, target)
	if err != nil {
		return nil, err
	}
	var m ColourMap
	for c := range m {
		fromMean, fromDeviation := moments(from[c])
		toMean, toDeviation := moments(to[c])
		gain := 0.
		if fromDeviation > 0 {
			gain = toDeviation / fromDeviation
		}
		for v := range m[c] {
			m[c][v] = toByte(toMean + gain*(float64(v)-fromMean))
		}
	}
	return &m, nil
}

// MatchHistograms returns the map that gives each channel of source, over the
// whole set, target's distribution as nearly as a map can: the optimal
// transport between the histograms, where a level that would have to be split
// goes to the mean of its parts. A level that source lacks goes where the
// levels around it go.
func MatchHistograms(source, target []uint8) (*ColourMap, error) {
	from, to, err := histograms(source, target)
	if err != nil {
		return nil, err
	}
	var m ColourMap
	for c := range m {
		below := 0. // the share of source under the present level
		for v := range m[c] {
			share := from[c][v]
			m[c][v] = toByte(meanQuantile(to[c], below, below+share))
			below += share
		}
	}
	return &m, nil
}

// Apply returns the mapped RGB bytes.
func (m *ColourMap) Apply(pix []uint8) []uint8 {
	out := make([]uint8, len(pix))
	for i, v := range pix {
		out[i] = m[i%3][v]
	}
	return out
}

type histogram [256]float64 // shares, which add up to 1

func histograms(source, target []uint8) (from, to [3]histogram, err error) {
	for _, set := range []struct {
		name string
		pix  []uint8
		into *[3]histogram
	}{{"source", source, &from}, {"target", target, &to}} {
		if len(set.pix) == 0 || len(set.pix)%3 != 0 {
			return from, to, fmt.Errorf("matching colours: the %s has %d bytes, which are no RGB pixels", set.name, len(set.pix))
		}
		share := 3 / float64(len(set.pix))
		var counts [3][256]int
		for i, v := range set.pix {
			counts[i%3][v]++
		}
		for c := range counts {
			for v, n := range counts[c] {
				set.into[c][v] = float64(n) * share
			}
		}
	}
	return from, to, nil
}

func moments(h histogram) (mean, deviation float64) {
	for v, share := range h {
		mean += share * float64(v)
	}
	for v, share := range h {
		deviation += share * (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, math.Sqrt(deviation)
}

// meanQuantile returns the mean of a histogram's quantile function between two
// probabilities, or its value there if they are equal.
func meanQuantile(h histogram, low, high float64) float64 {
	const tiny = 1e-9 // shares are sums of fractions
	var below, weight, sum float64
	last := 0
	for v, share := range h {
		if share == 0 {
			continue
		}
		last = v
		overlap := min(high, below+share) - max(low, below)
		if overlap > tiny {
			weight += overlap
			sum += overlap * float64(v)
		}
		below += share
		if weight == 0 && below >= high-tiny {
			return float64(v)
		}
	}
	if weight == 0 {
		return float64(last)
	}
	return sum / weight
}

func toByte(v float64) uint8 { return uint8(math.Round(min(max(v, 0), 255))) }

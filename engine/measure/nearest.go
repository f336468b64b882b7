package measure

import (
	"fmt"
	"math"
	"slices"

	"github.com/straightway-app/straightway/engine/direct"
)

// Neighbour is the nearest of a list of candidates.
type Neighbour struct {
	Index    int     // in the order in which the candidates were shown; −1 before the first
	Distance float64 // root of the mean square difference
}

// Search finds the nearest candidate of each of a few vectors. Candidates are
// shown in parts, so that a large set need not be in memory at once.
type Search struct {
	Best    []Neighbour // one a vector
	vectors Matrix
	shown   int
}

// NewSearch begins a search for the rows of vectors.
func NewSearch(vectors Matrix) (*Search, error) {
	if err := vectors.check("vectors"); err != nil {
		return nil, fmt.Errorf("nearest neighbours: %w", err)
	}
	s := &Search{vectors: vectors, Best: make([]Neighbour, vectors.Rows)}
	for i := range s.Best {
		s.Best[i] = Neighbour{-1, math.Inf(1)}
	}
	return s, nil
}

// Show compares the next candidates, one a row. Of equally near ones the first
// stays.
func (s *Search) Show(candidates Matrix) error {
	if err := checkSets(s.vectors, candidates, 1); err != nil {
		return fmt.Errorf("nearest neighbours: %w", err)
	}
	d := float64(s.vectors.Cols)
	direct.Each(s.vectors.Rows, func(i int) {
		limit := s.Best[i].Distance * s.Best[i].Distance * d
		for j := range candidates.Rows {
			if square := squaredDistance(s.vectors.Row(i), candidates.Row(j), limit); square < limit {
				limit = square
				s.Best[i] = Neighbour{s.shown + j, math.Sqrt(square / d)}
			}
		}
	})
	s.shown += candidates.Rows
	return nil
}

// Closeness tells whether outputs repeat training images: how near they come to
// their nearest one, compared with how near real images come that were not
// trained on.
type Closeness struct {
	Outputs, Real float64 // median distances
	// Ratio is Outputs / Real: about 1 where outputs are no nearer to the
	// training images than unseen real images are, towards 0 where they copy.
	Ratio float64
	// Nearer is the share of outputs that are nearer than 95 % of the real
	// images: .05 where the two are alike, towards 1 where outputs copy.
	Nearer float64
}

// CompareCloseness compares the nearest neighbours of outputs and of real
// images, at least one of each, among the same candidates.
func CompareCloseness(outputs, real []Neighbour) (Closeness, error) {
	if len(outputs) == 0 || len(real) == 0 {
		return Closeness{}, fmt.Errorf("comparing the neighbours of %d outputs with those of %d real images: each needs one at least", len(outputs), len(real))
	}
	sorted := func(of []Neighbour) []float64 {
		d := make([]float64, len(of))
		for i, n := range of {
			d[i] = n.Distance
		}
		slices.Sort(d)
		return d
	}
	a, b := sorted(outputs), sorted(real)
	c := Closeness{Outputs: quantile(a, .5), Real: quantile(b, .5)}
	c.Ratio = c.Outputs / c.Real
	near := quantile(b, .05)
	for _, d := range a {
		if d < near {
			c.Nearer += 1 / float64(len(a))
		}
	}
	return c, nil
}

// quantile interpolates between sorted values.
func quantile(sorted []float64, q float64) float64 {
	place := q * float64(len(sorted)-1)
	k := int(place)
	if k+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[k] + (place-float64(k))*(sorted[k+1]-sorted[k])
}

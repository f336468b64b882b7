package train

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/straightway-app/straightway/engine/measure"
)

// Measured is one number of a diagnosis.
type Measured struct {
	Name  string
	At    string // the time, layer or space that it is about; may be empty
	Value float64
	SE    float64 // standard error; NaN where it has none
}

// Measurements lists everything in a diagnosis that is a number. Numbers that a kind of round does not have are left
// out.
func (g *Diagnosis) Measurements() (out []Measured) {
	put := func(name, at string, v, se float64) {
		if !math.IsNaN(v) {
			out = append(out, Measured{name, at, v, se})
		}
	}
	estimate := func(name, at string, e measure.Estimate) { put(name, at, e.Mean, e.SE) }
	plain := func(name, at string, v float64) { put(name, at, v, math.NaN()) }
	for _, l := range g.Loss {
		estimate("loss", l.Place(), l.HeldOut)
		estimate("loss_training", l.Place(), l.Training)
	}
	estimate("straightness", "", g.Identity.Straightness)
	estimate("crossing", "", g.Identity.Crossing)
	estimate("cost_drop", "", g.Identity.Drop)
	estimate("identity_gap", "", g.Identity.Gap)
	plain("bound", "", g.Bound)
	for _, c := range Costs {
		estimate("cost_before", c.Name, c.Of(g.Before))
		estimate("cost_after", c.Name, c.Of(g.After))
	}
	distances := func(name, at string, d Distances) {
		for _, space := range []struct {
			name string
			e    measure.Energy
		}{{"pixels", d.Pixels}, {"features", d.Features}} {
			estimate(name+"_energy_"+space.name, at, space.e.Squared)
			plain(name+"_distance_"+space.name, at, space.e.Distance)
			plain(name+"_noise_"+space.name, at, space.e.Noise)
		}
	}
	for i, t := range MarginalTimes {
		distances("marginal", fmt.Sprintf("%.2f", t), g.Marginal[i])
	}
	distances("own", "", g.Own)
	distances("few_steps", strconv.Itoa(g.FewSteps), g.Few)
	if g.Average != nil {
		plain("weights_apart", "", g.Average.Apart)
		estimate("kid", "averaged", g.Average.Averaged)
		estimate("kid", "raw", g.Average.Raw)
	}
	for _, space := range []struct {
		name string
		c    measure.Closeness
	}{{"features", g.Nearest.Features}, {"pixels", g.Nearest.Pixels}} {
		plain("nearest_ratio", space.name, space.c.Ratio)
		plain("nearest_output", space.name, space.c.Outputs)
		plain("nearest_real", space.name, space.c.Real)
		plain("nearest_nearer", space.name, space.c.Nearer)
	}
	for _, l := range g.Layers {
		plain("gradient_norm", l.Name, l.Gradient)
		plain("weight_norm", l.Name, l.Weight)
		plain("layer_apart", l.Name, l.Apart)
	}
	return out
}

// Place names the time, such as "0.10-0.20", or "0.00" for t = 0 alone.
func (l LossAt) Place() string {
	if l.From == l.To {
		return fmt.Sprintf("%.2f", l.From)
	}
	return fmt.Sprintf("%.2f-%.2f", l.From, l.To)
}

// Costs are the four transport costs by the names that they have in results.
var Costs = []struct {
	Name string
	Of   func(measure.Cost) measure.Estimate
}{
	{"l1", func(c measure.Cost) measure.Estimate { return c.L1 }},
	{"l2", func(c measure.Cost) measure.Estimate { return c.L2 }},
	{"l2sq", func(c measure.Cost) measure.Estimate { return c.L2Squared }},
	{"huber", func(c measure.Cost) measure.Estimate { return c.Huber }},
}

// WriteMeasurements writes one line of CSV for every number of every round.
func WriteMeasurements(w io.Writer, rounds []*Diagnosis) error {
	out := csv.NewWriter(w)
	// The writer keeps the first error for the end.
	_ = out.Write([]string{"round", "measurement", "at", "value", "standard_error"})
	for _, g := range rounds {
		for _, m := range g.Measurements() {
			_ = out.Write([]string{g.Round, m.Name, m.At, number6(m.Value), number6(m.SE)})
		}
	}
	out.Flush()
	return out.Error()
}

// WriteNearest writes one line of CSV for every output, and every held-out target, of every round and both ways to
// compare.
func WriteNearest(w io.Writer, rounds []*Diagnosis) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"round", "what", "name", "by", "nearest", "mirrored", "distance"})
	for _, g := range rounds {
		put := func(what string, found []Found) {
			for _, f := range found {
				for by, m := range []Match{f.Features, f.Pixels} {
					_ = out.Write([]string{g.Round, what, f.Name, [...]string{"features", "pixels"}[by], m.Name, strconv.FormatBool(m.Mirrored), number6(m.Distance)})
				}
			}
		}
		put("output", g.Nearest.Outputs)
		put("real", g.Nearest.Real)
	}
	out.Flush()
	return out.Error()
}

// number6 has six digits; a number that is not there is an empty field.
func number6(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

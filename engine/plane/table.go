package plane

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// WritePoints writes a round's particles as CSV: number, partner (x1, y1) in the coupling learnt from, and the places at
// MarginalTimes.
func (r *Round) WritePoints(w io.Writer) error {
	out := csv.NewWriter(w)
	head := []string{"particle", "partner_x", "partner_y"}
	var states [][]float32
	for _, t := range MarginalTimes {
		head = append(head, fmt.Sprintf("x_%.2f", t), fmt.Sprintf("y_%.2f", t))
		states = append(states, r.At(t))
	}
	if err := out.Write(head); err != nil {
		return err
	}
	number := func(v float32) string { return strconv.FormatFloat(float64(v), 'g', 6, 32) }
	for i := range len(r.X1) / 2 {
		line := []string{strconv.Itoa(i), number(r.X1[2*i]), number(r.X1[2*i+1])}
		for _, s := range states {
			line = append(line, number(s[2*i]), number(s[2*i+1]))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// WriteMeasurements writes one line of CSV for every measurement of every round: its name, value and standard error.
func (r *Result) WriteMeasurements(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"round", "kind", "measurement", "value", "standard_error"}); err != nil {
		return err
	}
	for _, k := range r.all() {
		put := func(name string, e Estimate) {
			// The writer keeps the first error for the end.
			_ = out.Write([]string{strconv.Itoa(k.Number), string(k.Kind), name, strconv.FormatFloat(e.Value, 'g', 6, 64), strconv.FormatFloat(e.SE, 'g', 3, 64)})
		}
		put("straightness", k.Straightness)
		put("crossing", k.Crossing)
		put("cost_drop", k.CostDrop)
		put("identity_gap", k.Gap)
		if k.Kind != Closed {
			put("bound", Estimate{Value: r.Independent() / float64(k.Number)})
		}
		for _, c := range []struct {
			name string
			cost Cost
		}{{"before", k.Before}, {"after", k.After}} {
			put("cost_l1_"+c.name, c.cost.L1)
			put("cost_l2_"+c.name, c.cost.L2)
			put("cost_l2sq_"+c.name, c.cost.L2Squared)
			put("cost_huber_"+c.name, c.cost.Huber)
		}
		put("cost_l2sq_optimal", Estimate{Value: k.Optimal})
		put("cost_l2sq_excess", Estimate{Value: k.Excess})
		for i, t := range MarginalTimes {
			put(fmt.Sprintf("energy_t%.2f", t), k.Marginal[i].Squared)
			put(fmt.Sprintf("distance_t%.2f", t), Estimate{Value: k.Marginal[i].Value})
		}
		put("distance_noise", Estimate{Value: k.Marginal[4].Noise})
		put("energy_own_round", k.Own.Squared)
		for _, steps := range slices.Sorted(maps.Keys(k.Measurements.Fewer)) {
			d := k.Measurements.Fewer[steps]
			put(fmt.Sprintf("energy_%d_steps", steps), d.Squared)
			put(fmt.Sprintf("distance_%d_steps", steps), Estimate{Value: d.Value})
		}
		if k.Kind != Closed {
			put("rk45_evaluations", Estimate{Value: float64(k.Evaluations)})
		}
	}
	out.Flush()
	return out.Error()
}

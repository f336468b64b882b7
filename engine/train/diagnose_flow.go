package train

import (
	"context"
	"math"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/model"
)

// LossAt is E‖(X1 − X0) − v(Xt, t)‖² for t from From to To, which may be one time: on pairs of held-out images, and on
// pairs that the round learnt from. Where the first is much larger, the round knows its images by heart.
type LossAt struct {
	From, To          float64
	HeldOut, Training measure.Estimate
}

// lossBins is the number of equal stretches of time, besides t = 0, in which the loss is looked at.
const lossBins = 10

// times are the stretches of time that a round is looked at in: for a finish the times that it was trained at.
func (g *Diagnosis) times() (out []LossAt) {
	if !g.Kind.EveryTime() {
		for i := range g.FewSteps {
			t := float64(i) / float64(g.FewSteps)
			out = append(out, LossAt{From: t, To: t})
		}
		return out
	}
	out = append(out, LossAt{})
	for k := range lossBins {
		out = append(out, LossAt{From: float64(k) / lossBins, To: float64(k+1) / lossBins})
	}
	return out
}

// lossByTime fills in the loss and returns the crossing term of the held-out pairs, one value an image: the mean loss
// over time. (t = 0 by itself takes no time; it is there because one step is all its.)
func (d *diagnoser) lossByTime(m *model.Model, g *Diagnosis, held, seen samples) (crossing []float64, err error) {
	crossing = make([]float64, held.n)
	g.Loss = g.times()
	weight := 1 / float64(len(g.Loss))
	if g.Kind.EveryTime() {
		weight = 1. / lossBins
	}
	for k := range g.Loss {
		at := &g.Loss[k]
		values, err := d.lossOf(m, held, at.From, at.To)
		if err != nil {
			return nil, err
		}
		at.HeldOut = measure.Mean(values)
		if at.From < at.To || !g.Kind.EveryTime() {
			for i, v := range values {
				crossing[i] += weight * v
			}
		}
		if values, err = d.lossOf(m, seen, at.From, at.To); err != nil {
			return nil, err
		}
		at.Training = measure.Mean(values)
	}
	return crossing, nil
}

// lossOf is the loss of each pair at one time between two. The images that run together share their time; these times
// are spread evenly.
func (d *diagnoser) lossOf(m *model.Model, s samples, from, to float64) ([]float64, error) {
	out := make([]float64, 0, s.n)
	parts := (s.n + m.Batch - 1) / m.Batch
	for k := range parts {
		x0, x1 := d.cut(s.x0, m.Batch, k), d.cut(s.x1, m.Batch, k)
		t := from + (to-from)*(float64(k)+.5)/float64(parts)
		v, err := m.Velocity(between(x0, x1, t), t)
		if err != nil {
			return nil, err
		}
		loss, err := measure.Departure(measure.Trajectory{N: len(x0) / d.pixels(), X0: x0, X1: x1, Velocities: [][]float32{v}})
		if err != nil {
			return nil, err
		}
		out = append(out, loss...)
	}
	return out, nil
}

func (d *diagnoser) pixels() int { return d.settings.Size * d.settings.Size * 3 }

// cut is the k-th part of images taken n at a time.
func (d *diagnoser) cut(x []float32, n, k int) []float32 {
	n *= d.pixels()
	return x[k*n : min(len(x), (k+1)*n)]
}

// between is the place at time t on straight lines.
func between(a, b []float32, t float64) []float32 {
	out := make([]float32, len(a))
	for i := range a {
		out[i] = a[i] + float32(t)*(b[i]-a[i])
	}
	return out
}

// guarantees fills in what the theorems speak of.
func (d *diagnoser) guarantees(ctx context.Context, m *model.Model, g *Diagnosis, held, seen samples, crossing []float64) error {
	places, departure, err := d.walk(ctx, m, held.x0, g.PathSteps)
	if err != nil {
		return err
	}
	ends := places[len(places)-1]
	if g.Identity, err = measure.CheckIdentity(departure, crossing, held.x0, held.x1, ends); err != nil {
		return err
	}
	g.Bound = d.first / float64(g.Number)
	if !g.Kind.EveryTime() {
		g.Bound, g.Identity.Gap = math.NaN(), measure.Estimate{Mean: math.NaN(), SE: math.NaN(), N: held.n}
	}
	if g.Before, err = measure.TransportCost(held.n, held.x0, held.x1); err != nil {
		return err
	}
	if g.After, err = measure.TransportCost(held.n, held.x0, ends); err != nil {
		return err
	}
	for i, t := range MarginalTimes {
		reference := d.heldTarget
		if t < 1 {
			reference = between(seen.x0, seen.x1, t)
		}
		if g.Marginal[i], err = d.distances(ctx, places[i], reference); err != nil {
			return err
		}
	}
	g.Own, err = d.distances(ctx, ends, seen.x1)
	return err
}

// walk carries images along the round's own paths, in so many Euler steps. It returns where they are at MarginalTimes
// and what each departs from its straight line, ∫‖(Z1 − Z0) − v(Zt, t)‖²dt.
func (d *diagnoser) walk(ctx context.Context, m *model.Model, x0 []float32, steps int) (places [len(MarginalTimes)][]float32, departure []float64, err error) {
	for k := 0; k*m.Batch*d.pixels() < len(x0); k++ {
		part := d.cut(x0, m.Batch, k)
		path := measure.Trajectory{N: len(part) / d.pixels(), X0: part}
		var states [][]float32
		path.X1, err = flow.Euler(ctx, m.Velocity, part, flow.Forward(steps), func(_ int, z, v []float32) {
			states = append(states, append([]float32(nil), z...))
			path.Velocities = append(path.Velocities, append([]float32(nil), v...))
		})
		if err != nil {
			return places, nil, err
		}
		states = append(states, path.X1)
		values, err := measure.Departure(path)
		if err != nil {
			return places, nil, err
		}
		departure = append(departure, values...)
		for i, t := range MarginalTimes {
			place := t * float64(steps)
			at := min(int(place), steps-1)
			places[i] = append(places[i], between(states[at], states[at+1], place-float64(at))...)
		}
	}
	return places, departure, nil
}

// energyPerValue is the energy distance with the root of the mean square difference as its norm, so that image sizes
// and numbers of features compare.
func energyPerValue(x, y measure.Matrix) (measure.Energy, error) {
	e, err := measure.EnergyDistance(x, y)
	return e.Scaled(1 / math.Sqrt(float64(x.Cols))), err
}

package plane

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/straightway-app/straightway/engine/flow"
)

// Reference is a velocity in closed form that the trained velocity of round 1 can be held against: Exact, of the lines
// from every one of a few source points to every one of as many target points.
type Reference int

// The references.
const (
	NoReference Reference = iota
	Kernel                // the mean of the lines near by, weighted by a Gaussian: what round 1 approximates
	Nearest               // the nearest line alone, kept to by nearly every particle: these lines learnt by heart
)

var referenceNames = [...]string{"none", "kernel", "nearest"}

// String is the reference's name.
func (r Reference) String() string { return referenceNames[r] }

// ParseReference finds a reference by its name.
func ParseReference(name string) (Reference, error) {
	if i := slices.Index(referenceNames[:], name); i >= 0 {
		return Reference(i), nil
	}
	return 0, fmt.Errorf("%q is no velocity in closed form: choose one of %s", name, strings.Join(referenceNames[:], ", "))
}

// The lines of a reference: so many points of each shape, every one with every other. More would take seconds to follow.
const (
	referencePoints    = 64
	referenceBandwidth = .15 // of the kernel, about the breadth of the named shapes' thin parts
	referenceMoved     = 1024
)

// velocity is the reference between two shapes.
func (r Reference) velocity(source, target Shape) velocity {
	x0, x1 := Product(source.Sample(referencePoints, 2), target.Sample(referencePoints, 3))
	bandwidth := referenceBandwidth
	if r == Nearest {
		bandwidth = 0
	}
	return exact(x0, x1, bandwidth)
}

// Follow moves particles from t = 0 to 1 along a reference in so many steps of Heun, and returns where they are at the
// steps+1 times. Its time grows with the particles and the steps.
func (r Reference) Follow(ctx context.Context, source, target Shape, x0 []float32, steps int) ([][]float32, error) {
	path, _, err := walk(ctx, r.velocity(source, target).field(), x0, flow.ByHeun, steps)
	return path, err
}

// reference measures the flow in closed form as a round is measured, on the first of the particles; nil for none.
func (l *lab) reference(ctx context.Context) (*Round, error) {
	if l.Reference == NoReference {
		return nil, nil
	}
	few := *l
	few.Points = min(l.Points, referenceMoved)
	few.start = l.start[:2*few.Points]
	r := &Round{Kind: Closed, X1: l.partners[:2*few.Points]}
	began := time.Now()
	if err := few.measure(ctx, r, l.Reference.velocity(l.Source, l.Target), l.freshX0, l.fresh); err != nil {
		return nil, err
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

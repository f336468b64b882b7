package flow

import (
	"context"
	"fmt"
	"strings"
)

// Velocity evaluates v(x, t) for a batch of states laid one after another; the result has the length of x, which stays as
// it is. One call is one network evaluation (NFE) for every state of the batch.
type Velocity func(x []float32, t float64) ([]float32, error)

// Counted is v with a count of its evaluations.
func Counted(v Velocity, evaluations *int) Velocity {
	return func(x []float32, t float64) ([]float32, error) {
		*evaluations++
		return v(x, t)
	}
}

// Path is the way from one time to another: 0 → 1 translates source to target, 1 → 0 target to source.
type Path struct {
	From, To float64
	// Steps is the number of equal steps. For RK45 it sets the first step to be tried, (To − From)/Steps, and 0 lets
	// RK45 choose that as well.
	Steps int
	// Relative and Absolute are the tolerances of RK45, which the others do not read: an error of a step may be
	// Absolute + Relative·|z|. 0 means DefaultRelative and DefaultAbsolute.
	Relative, Absolute float64
}

// Forward goes from source to target in n steps.
func Forward(n int) Path { return Path{From: 0, To: 1, Steps: n} }

// Backward goes from target to source in n steps.
func Backward(n int) Path { return Path{From: 1, To: 0, Steps: n} }

// Watch sees the velocity at the start of every step before the step is taken: the step's number, the state and
// v. It may keep neither slice.
type Watch = func(step int, z, v []float32)

// Method solves dZ/dt = v(Z, t) along a path that starts at x, and returns the state at its end. x is not changed;
// watch may be nil. It fails with what v or ctx fails with, and on a path that cannot be walked. Every solver of
// this package has this signature.
type Method func(ctx context.Context, v Velocity, x []float32, p Path, watch Watch) ([]float32, error)

// Solver names a method.
type Solver int

// The solvers, by the order of their error in the step: 1, 2, 2, 4 and 5.
const (
	ByEuler Solver = iota
	ByMidpoint
	ByHeun
	ByRK4
	ByRK45
)

var solverNames = [...]string{"euler", "midpoint", "heun", "rk4", "rk45"}

// Solvers lists all of them.
func Solvers() []Solver { return []Solver{ByEuler, ByMidpoint, ByHeun, ByRK4, ByRK45} }

// String is the solver's name as ParseSolver reads it.
func (s Solver) String() string {
	if s < 0 || int(s) >= len(solverNames) {
		return fmt.Sprintf("Solver(%d)", int(s))
	}
	return solverNames[s]
}

// ParseSolver is the inverse of String; capitals do not matter.
func ParseSolver(name string) (Solver, error) {
	for i, n := range solverNames {
		if strings.EqualFold(n, strings.TrimSpace(name)) {
			return Solver(i), nil
		}
	}
	return 0, fmt.Errorf("there is no solver %q: choose one of %s", name, strings.Join(solverNames[:], ", "))
}

// Method is the function behind the name.
func (s Solver) Method() Method {
	return [...]Method{Euler, Midpoint, Heun, RK4, RK45}[s]
}

// Order is the power of the step by which the error at the end of a path falls.
func (s Solver) Order() int { return [...]int{1, 2, 2, 4, 5}[s] }

// Adaptive reports whether the solver chooses its steps by tolerance.
func (s Solver) Adaptive() bool { return s == ByRK45 }

// Solve solves along the path and also returns the number of evaluations of v.
func (s Solver) Solve(ctx context.Context, v Velocity, x []float32, p Path) (z []float32, evaluations int, err error) {
	z, err = s.Method()(ctx, Counted(v, &evaluations), x, p, nil)
	return z, evaluations, err
}

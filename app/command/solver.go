package command

import (
	"fmt"
	"math"

	"github.com/spf13/pflag"

	"github.com/straightway-app/straightway/engine/flow"
)

// solverFlags are the flags of a command that solves the ODE of the flow.
func solverFlags(flags *pflag.FlagSet, solver *string, tolerance *float64) {
	flags.StringVar(solver, "solver", flow.ByEuler.String(), "euler, midpoint, heun, rk4, or rk45, which chooses its steps by --tolerance")
	flags.Float64Var(tolerance, "tolerance", 0, fmt.Sprintf("relative tolerance of rk45, 0.000001 to 0.5 (0: %g)", flow.DefaultRelative))
}

// parseSolver checks what solverFlags read. RK45 chooses its first step itself where no number of steps was given.
func parseSolver(flags *pflag.FlagSet, name string, steps *int, tolerance float64) (flow.Solver, error) {
	s, err := flow.ParseSolver(name)
	switch {
	case err != nil:
		return 0, usagef("--solver: %w", err)
	case tolerance != 0 && !s.Adaptive():
		return 0, usagef("--tolerance is for --solver rk45: %s takes --steps", s)
	case tolerance != 0 && !(tolerance >= 1e-6 && tolerance <= .5) || math.IsNaN(tolerance):
		return 0, usagef("--tolerance %g: choose 0.000001 to 0.5", tolerance)
	}
	if s.Adaptive() && !flags.Changed("steps") {
		*steps = 0
	}
	return s, nil
}

// effort says how a flow was solved.
func effort(steps int, s flow.Solver, nfe float64) string {
	if s == flow.ByEuler {
		return stepCount(steps)
	}
	if s.Adaptive() {
		return fmt.Sprintf("%.0f network evaluations of %s", nfe, s)
	}
	return fmt.Sprintf("%s of %s, %.0f network evaluations", stepCount(steps), s, nfe)
}

func stepCount(n int) string {
	if n == 1 {
		return "1 step"
	}
	return fmt.Sprintf("%d steps", n)
}

package studio

import "github.com/straightway-app/straightway/engine/project"

// Clash is a setting that another one leaves no room for.
type Clash int

// The settings that exclude one another, as project.Settings.Validate has it.
const (
	BothWaysWithoutFinish Clash = iota // the finish learns both ways, and there is none
	BothWaysFromNoise                  // a generator goes back by its flow and reflow rounds
	StepsWithoutDistil                 // only distil learns more than one step
	RegisteredNoise                    // there are no source images to register
)

// Agreeing is settings without what other choices leave no room for, and what was left out: so that a choice that was
// made before another need not be found and undone.
func Agreeing(s project.Settings) (project.Settings, []Clash) {
	var out []Clash
	if s.BothWays && s.FromNoise() {
		s.BothWays, out = false, append(out, BothWaysFromNoise)
	}
	if s.BothWays && s.Finish == project.FinishNone {
		s.BothWays, out = false, append(out, BothWaysWithoutFinish)
	}
	if s.DistilSteps > 1 && s.Finish != project.FinishDistil {
		s.DistilSteps, out = 0, append(out, StepsWithoutDistil)
	}
	if s.FromNoise() && s.Coupling == project.CouplingRegistered {
		s.Coupling, out = project.CouplingAuto, append(out, RegisteredNoise)
	}
	return s, out
}

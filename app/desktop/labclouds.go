//go:build !headless

package desktop

import (
	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/plane"
)

// showClouds makes the panels anew where what they show is another.
func (s *labScreen) showClouds(st studio.LabState) {
	settings := s.settings // of the run to be, before there is one
	if st.Pairs[0] != nil {
		settings = st.Settings
	}
	pairs := st.Pairs
	if pairs[0] == nil {
		pairs = [2][]float32{st.Ends[0].Sample, st.Ends[1].Sample}
	}
	view := labView{
		rounds: len(st.Rounds), steps: s.steps, reference: s.reference, behind: s.behind, exact: st.Exact != nil,
		running: st.State == studio.Running || st.State == studio.Stopping, settings: settings,
	}
	if view.running && st.Now.Total > 0 {
		view.round = labTitle(st.Now.Round, st.Now.Kind)
	}
	if view.rounds > 0 {
		view.last = st.Rounds[view.rounds-1]
	}
	if pairs[0] != nil {
		view.source = &pairs[0][0]
	}
	if pairs[1] != nil {
		view.target = &pairs[1][0]
	}
	if view == s.drawn {
		return
	}
	s.drawn = view
	s.clouds.SetClouds(s.panels(st, settings, pairs, view.round))
}

// panels are the random pairs, the closed form, and the rounds of the plan; current names the one that is being trained.
func (s *labScreen) panels(st studio.LabState, settings studio.LabSettings, pairs [2][]float32, current string) []widgets.Cloud {
	ghost := pairs[1]
	lines := widgets.Cloud{
		Title: tr("Random pairs"), Note: tr("straight, and crossing"), Ghost: ghost,
		Explanation: tr("Each source point goes straight to a target point drawn at random. The lines cross, and where they do, no single velocity fits: a flow cannot move like this."),
	}
	if pairs[0] != nil && pairs[1] != nil {
		lines.Path = pairs[:]
	}
	exact := widgets.Cloud{
		Title: tr("Exact flow"), Note: tr("closed form"), Ghost: ghost, Path: st.Exact[studio.References[s.reference]],
		Explanation: tr("The velocity from its definition, without a network: at each point the mean direction of all lines that pass near. Particles turn off where lines would cross. Round 1 learns to do the same."),
	}
	if studio.References[s.reference] == plane.Nearest {
		exact.Explanation = tr("The velocity of the nearest line alone: what the definition comes to for these few lines and no others. Nearly every particle keeps to one line, and goes across where the line does: the lines are learnt by heart. A network does better because it is smooth.")
	}
	if exact.Path == nil {
		exact.Note = tr("not yet")
	}
	s.trace(&lines, lines.Path)
	s.trace(&exact, lines.Path)
	clouds := []widgets.Cloud{lines, exact}
	for _, p := range labPlan(settings) {
		c := widgets.Cloud{Title: labTitle(p.number, p.kind), Note: tr("not yet"), Ghost: ghost, Explanation: stageExplanation(p)}
		if c.Title == current {
			c.Note = tr("learning…")
		}
		for _, r := range st.Rounds {
			if r.Number != p.number || r.Kind != p.kind {
				continue
			}
			c.Note = tr("S %.3f · 1 step %.3f", r.Straightness.Value, r.Measurements.Fewer[1].Value)
			c.Path = r.Path
			if polygon, ok := r.Polygons[s.steps]; ok {
				c.Path = polygon
			}
			s.trace(&c, [][]float32{r.Path[0], r.X1})
		}
		clouds = append(clouds, c)
	}
	return clouds
}

// trace sets what is drawn behind the particles of a panel, which learnt from these pairs.
func (s *labScreen) trace(c *widgets.Cloud, pairs [][]float32) {
	switch {
	case c.Path == nil:
	case s.behind == behindPaths:
		c.Tracks = c.Path
	case s.behind == behindPairs:
		c.Tracks = pairs
	}
}

// stageExplanation says what a round is.
func stageExplanation(p labStage) string {
	switch p.kind {
	case plane.Flow:
		return tr("Round 1: a small network has learnt the mean direction of the random lines. Where they cross, its paths bend and pair the points anew. S measures how much they bend; 1 step is the distance from the target after a single straight step.")
	case plane.Reflow:
		return tr("A reflow learns from the pairs that the round before has made. These hardly cross any more, so that its paths are nearly straight, and one step goes as far as many.")
	}
	return tr("A distillation learns the single step from start to end of the round's pairs. It copies the pairs and does not improve them: where the paths were bent, the copy is blurred.")
}

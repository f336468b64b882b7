//go:build !headless

package desktop

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/translate"
)

// solverNames are the solvers' names, which are people's.
var solverNames = map[flow.Solver]string{flow.ByEuler: "Euler", flow.ByMidpoint: "Midpoint", flow.ByHeun: "Heun", flow.ByRK4: "RK4", flow.ByRK45: "RK45"}

// mostSteps is the most network evaluations that can be asked for: more change nothing that can be seen.
const mostSteps = 1000

// chosenWay is how pictures are to be translated.
type chosenWay struct {
	Round   string // empty: the last that knows the way
	Steps   int
	Reverse bool
	Size    translate.SizeMode
	Solver  flow.Solver
}

// steps is the number of steps that the solver is given: one that chooses its own is given none.
func (c chosenWay) steps() int {
	if c.Solver.Adaptive() {
		return 0
	}
	return c.Steps
}

// way is the controls for a chosenWay, with the finished rounds of the open project. Translating, generating and
// exporting share it.
type way struct {
	at      chosenWay
	rounds  []project.Round // those that can be used, in order: finished ones, and one that is not as it was saved last
	project project.Settings
	changed func() // the choice or the rounds are others now

	a       *App
	start   func(func()) // runs work on a goroutine of its own
	filling bool         // controls are set by the program, not by a person
	asked   bool
	version int
	read    time.Time // when the rounds were read last

	steps                  *widget.SelectEntry
	round, direction, size *explainedSelect
	solver                 *explainedSelect
	common                 []fyne.CanvasObject // controls with their labels: steps, solver and round
	groups                 []fyne.CanvasObject // all of them
}

func newWay(a *App, at chosenWay, changed func()) *way {
	w := &way{a: a, at: at, changed: changed, start: func(work func()) { go work() }, filling: true}
	w.at.Steps = max(1, at.Steps)
	w.steps = widget.NewSelectEntry([]string{"1", "4", "16", "64"})
	w.steps.Validator = func(s string) error { _, err := parseSteps(s); return err }
	w.steps.SetText(strconv.Itoa(w.at.Steps))
	w.steps.OnChanged = func(s string) {
		if n, err := parseSteps(s); err == nil {
			w.set(func(c *chosenWay) { c.Steps = n })
		}
	}
	w.round = choice([]string{tr("Last round")}, 0, tr("Which round is used. A later round is straighter: it needs fewer steps. One that is not finished is used as it was saved last."), func(i int) {
		w.set(func(c *chosenWay) {
			c.Round = ""
			if i > 0 && i <= len(w.rounds) {
				c.Round = w.rounds[i-1].Name
			}
		})
	})
	w.direction = choice([]string{tr("Source → target"), tr("Target → source")}, map[bool]int{true: 1}[at.Reverse],
		tr("Which domain the image is from. The way back is run by the last round that knows it."), func(i int) {
			w.set(func(c *chosenWay) { c.Reverse = i == 1 })
		})
	w.size = choice([]string{tr("Original size"), tr("Model size")}, int(at.Size),
		tr("Original size keeps the size, the transparency and the fine detail of the image. Model size is the bare result of the network."), func(i int) {
			w.set(func(c *chosenWay) { c.Size = translate.SizeMode(i) })
		})
	var solvers []string
	for _, s := range flow.Solvers() {
		solvers = append(solvers, solverNames[s])
	}
	w.solver = choice(solvers, int(at.Solver), tr("How the flow is followed. Euler needs one network evaluation a step; Heun and Midpoint two, RK4 four, for less error in each. RK45 takes as many steps as its tolerance of 0.001 asks for. After reflow, one step of Euler is enough."), func(i int) {
		w.set(func(c *chosenWay) { c.Solver = flow.Solver(i) })
		w.setEnabled(w.trained())
	})
	w.common = []fyne.CanvasObject{
		labelled(tr("Steps"), tr("Steps of the solver for the whole way: choose or type any number"), sized(13, w.steps)),
		whole(w.solver),
		labelled(tr("Round"), "", whole(w.round)),
	}
	w.groups = append(w.common[:len(w.common):len(w.common)], whole(w.direction), whole(w.size))
	w.filling = false
	return w
}

// labelled puts a caption before a control.
func labelled(text, explanation string, control fyne.CanvasObject) fyne.CanvasObject {
	l := tip.NewLabel(text)
	if explanation != "" {
		l.SetToolTip(explanation)
	}
	return container.NewBorder(nil, nil, l, nil, control)
}

func parseSteps(s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 1 || n > mostSteps {
		return 0, errors.New(tr("a number from 1 to %d", mostSteps))
	}
	return n, nil
}

// set changes the choice for a person.
func (w *way) set(change func(*chosenWay)) {
	if w.filling {
		return
	}
	before := w.at
	change(&w.at)
	if w.at != before {
		w.changed()
	}
}

// setSteps chooses a number of steps for a person who has not.
func (w *way) setSteps(n int) {
	w.filling = true
	w.at.Steps = n
	w.steps.SetText(strconv.Itoa(n))
	w.filling = false
}

// refresh reads the rounds again where the project has changed, and every second while training may save one.
func (w *way) refresh() {
	p, version := w.a.studio.Project()
	same := w.asked && version == w.version
	if same && (!w.a.studio.Training.Busy() || time.Since(w.read) < time.Second) {
		return
	}
	w.asked, w.version, w.read = true, version, time.Now()
	if p == nil {
		w.take(nil, project.Settings{})
		return
	}
	settings := p.Settings()
	w.start(func() {
		rounds, err := p.Rounds()
		fyne.Do(func() {
			w.a.fail(tr("The rounds of the project could not be read"), err)
			rounds = usable(rounds)
			if version == w.version && !(same && slices.EqualFunc(rounds, w.rounds, alike)) {
				w.take(rounds, settings)
			}
		})
	})
}

// usable are the rounds that can be used.
func usable(rounds []project.Round) []project.Round {
	return slices.DeleteFunc(slices.Clone(rounds), func(r project.Round) bool { return !r.Finished && r.Saved.IsZero() })
}

// alike says whether a person sees no difference between two rounds.
func alike(a, b project.Round) bool { return a.Name == b.Name && a.Finished == b.Finished }

// take shows the usable rounds of a project.
func (w *way) take(rounds []project.Round, s project.Settings) {
	w.rounds, w.project = rounds, s
	names, at := []string{tr("Last round")}, 0
	for i, r := range w.rounds {
		name := roundTitle(r.Name)
		if !r.Finished {
			name = tr("%s, unfinished", name)
		}
		names = append(names, name)
		if r.Name == w.at.Round {
			at = i + 1
		}
	}
	if at == 0 {
		w.at.Round = ""
	}
	model := tr("Model size")
	if s.Size > 0 {
		model = tr("Model size (%d px)", s.Size)
	}
	w.filling = true
	w.round.SetOptions(names)
	w.round.SetSelectedIndex(at)
	w.size.SetOptions([]string{tr("Original size"), model})
	w.size.SetSelectedIndex(int(w.at.Size))
	w.filling = false
	w.changed()
}

// trained says whether there is a round to translate with.
func (w *way) trained() bool { return len(w.rounds) > 0 }

// setEnabled enables or disables the controls.
func (w *way) setEnabled(on bool) {
	for _, d := range []fyne.Disableable{w.solver, w.round, w.direction, w.size} {
		setEnabled(d, on)
	}
	setEnabled(w.steps, on && !w.at.Solver.Adaptive())
}

// effective is the round that the choice leads to. One that is not finished is the last only where there is no other.
func (w *way) effective() (r project.Round, ok bool) {
	for _, x := range w.rounds {
		if w.at.Round == x.Name || w.at.Round == "" && (!w.at.Reverse || w.project.KnowsTheWayBack(x.Kind)) && (x.Finished || !ok) {
			r, ok = x, true
		}
	}
	return r, ok
}

// name is that by which the studio finds the effective round.
func (w *way) name() string {
	if r, ok := w.effective(); ok && !r.Finished {
		return r.Name
	}
	return w.at.Round
}

// note says what a person should know about the choice; it is empty where there is nothing to say.
func (w *way) note() string {
	r, ok := w.effective()
	switch {
	case !ok:
		return ""
	case !r.Finished:
		return tr("%s is not finished: this is how far it was when it was saved last.", roundTitle(r.Name))
	case r.Kind.EveryTime():
		return ""
	case w.at.Reverse && w.project.FromNoise():
		return tr("%s knows only the step from noise, so the way back shows nothing sensible. Choose the last round or an earlier one.", roundTitle(r.Name))
	case w.at.Reverse && !w.project.BothWays:
		return tr("%s knows only the step from source to target, so the way back shows nothing sensible. Choose the last round or an earlier one.", roundTitle(r.Name))
	case w.at.Solver != flow.ByEuler:
		return tr("%s was trained for steps of Euler alone. Choose Euler, or an earlier round.", roundTitle(r.Name))
	case w.at.Steps == w.project.FinishSteps(r.Kind):
		return ""
	case w.project.FinishSteps(r.Kind) > 1:
		return tr("%s was trained for %d steps: other numbers do not make it better.", roundTitle(r.Name), w.project.FinishSteps(r.Kind))
	case w.at.Steps > 1:
		return tr("%s was trained for one step from the source: more steps do not make it better. Choose 1 step, or an earlier round.", roundTitle(r.Name))
	}
	return ""
}

// nothingTrained explains why controls rest, and leads to where that can be changed.
type nothingTrained struct {
	a     *App
	text  *widget.Label
	there *tip.Button
	to    int // the screen that it leads to
	root  fyne.CanvasObject
}

func newNothingTrained(a *App) *nothingTrained {
	n := &nothingTrained{a: a, text: wrapped("")}
	n.text.Importance = widget.HighImportance
	n.there = button("", theme.NavigateBackIcon(), "", func() { a.open(n.to) })
	n.root = container.NewBorder(nil, nil, nil, container.NewCenter(n.there), n.text)
	n.refresh()
	return n
}

// refresh says what is missing now: a person may have come from a training that has just begun.
func (n *nothingTrained) refresh() (changed bool) {
	text, name, explanation, to := tr("Nothing is trained yet. Open a project with a finished round, or choose two folders and train one."), tr("Domains"), tr("Choose two folders or open a project"), 0
	if p, _ := n.a.studio.Project(); p != nil {
		text, name, explanation, to = tr("The project has learnt nothing yet: start its training."), tr("Train"), tr("Start the training or watch it"), 1
		if n.a.studio.Training.Busy() {
			text = tr("The first round is being trained. It can be used here once it is saved: by the autosave, or at once when you pause.")
		}
	}
	if text == n.text.Text {
		return false
	}
	n.to = to
	n.text.SetText(text)
	n.there.SetToolTip(explanation)
	n.there.SetText(name)
	return true
}

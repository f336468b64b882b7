//go:build !headless

package desktop

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/plane"
	"github.com/straightway-app/straightway/engine/project"
)

// What is drawn behind the particles.
const (
	behindPaths = iota
	behindPairs
	behindNothing
)

// labScreen is the laboratory: two shapes in the plane, the rounds between them as moving particles, and what is measured
// of them.
type labScreen struct {
	a        *App
	state    func() studio.LabState // of the studio, unless a test sets it
	every    func(pause time.Duration, step func() bool)
	settings studio.LabSettings
	ends     [2]*labEnd

	run, export *tip.Button
	distil      []*tip.Check
	status      *widget.Label
	bar         *widget.ProgressBar
	busy        fyne.CanvasObject // the bar with its room
	clouds      *widgets.Clouds
	player      *labPlayer
	steps       int // Euler steps that are shown; 0: the paths
	reference   int // of studio.References
	behind      int
	charts      chartBook
	charted     []*plane.Round // that the charts show
	advice      *widget.Label
	root        fyne.CanvasObject

	version int
	drawn   labView
	writing bool   // an export goes on
	written string // the folder that was exported to
	failure error  // that was told
}

// labView is what the panels depend on: they are made anew where it changes.
type labView struct {
	rounds, steps, behind int
	reference             int
	last                  *plane.Round
	exact, running        bool
	round                 string
	source, target        *float32 // first coordinates of the samples
	settings              studio.LabSettings
}

func newLabScreen(a *App) *labScreen {
	s := &labScreen{a: a, state: a.studio.Lab.State, settings: studio.DefaultLab(), version: -1}
	s.every = s.ticking
	s.player = newLabPlayer(s)
	if old := a.lab; old != nil { // of another language or look: what was chosen stays
		s.state, s.every, s.settings, s.steps, s.reference, s.behind, s.written = old.state, old.every, old.settings, old.steps, old.reference, old.behind, old.written
		s.player.adopt(old.player)
		s.charts.page = old.charts.page
		old.player.playing = false
	}
	return s
}

func (s *labScreen) name() (string, fyne.KeyName) { return tr("Lab"), fyne.KeyL }

func (s *labScreen) build() fyne.CanvasObject {
	if s.root != nil {
		return s.root
	}
	s.ends[0] = newLabEnd(s, plane.Source, tr("Source"), tr("Where particles start, coloured by place. Drag to draw your own shape, or drop a picture: its dark pixels count. By keyboard: arrow keys and Enter."))
	s.ends[1] = newLabEnd(s, plane.Target, tr("Target"), tr("Where particles ought to arrive. Drag to draw your own shape, or drop a picture: its dark pixels count. By keyboard: arrow keys and Enter."))
	s.status = widget.NewLabel("")
	s.status.Truncation = fyne.TextTruncateEllipsis
	s.bar = widget.NewProgressBar()
	slim := s.a.slim(s.bar)
	s.clouds = widgets.NewClouds()
	s.clouds.OnTypedKey = s.typed
	s.advice = wrapped("")
	progress := container.NewBorder(nil, nil, nil, sized(36, container.NewVBox(layout.NewSpacer(), slim, layout.NewSpacer())), s.status)
	s.busy = progress.Objects[1]
	left := container.NewGridWithRows(2, s.ends[0].root, s.ends[1].root)
	flow := container.NewBorder(nil, s.player.build(s.viewControls()), nil, nil, s.clouds)
	right := container.NewVSplit(flow, s.charts.build(labPages(s.charted)))
	right.SetOffset(.55)
	s.clouds.OnAlone = func(alone bool) { // which wants the room of the measurements
		setShown(s.charts.root, !alone)
		right.Refresh()
	}
	body := container.NewBorder(nil, nil, left, nil, right)
	// It scrolls only where a large scale meets a small window.
	s.root = scrolled(newPage(body, s.runControls(), progress, body, s.advice))
	return s.root
}

// runControls are what a run is set up and begun with.
func (s *labScreen) runControls() fyne.CanvasObject {
	preset := choice([]string{tr("Quick look"), tr("Full")}, int(s.settings.Preset),
		tr("Quick look: %d updates of the network and %d particles, seconds a round. Full: %d and %d, so that measurements are finer.",
			studio.LabSettings{}.Updates(), studio.LabSettings{}.Points(), studio.LabSettings{Preset: studio.LabFull}.Updates(), studio.LabSettings{Preset: studio.LabFull}.Points()),
		func(i int) { s.set(func(t *studio.LabSettings) { t.Preset = studio.LabPreset(i) }) })
	rounds := choice([]string{tr("Flow only"), tr("1 reflow"), tr("2 reflows"), tr("3 reflows")}, s.settings.Rounds-1,
		tr("Round 1 learns from random pairs. Each reflow learns from the pairs that the round before makes, and goes straighter."),
		func(i int) { s.set(func(t *studio.LabSettings) { t.Rounds = i + 1 }) })
	s.distil = nil
	boxes := container.NewHBox()
	for i := range studio.MostLabRounds {
		c := check(fmt.Sprint(i+1), s.settings.Distil[i], tr("Also distil round %d: a network learns only the one step from start to end of its pairs. It copies the pairs, it does not improve them.", i+1),
			func(on bool) { s.set(func(t *studio.LabSettings) { t.Distil[i] = on }) })
		setShown(c, i < s.settings.Rounds)
		s.distil = append(s.distil, c)
		boxes.Add(c)
	}
	swap := button("", theme.NewThemedResource(swapIcon), tr("Swap source and target"), func() { s.a.studio.Lab.Swap(); s.refresh() })
	s.run = button(tr("Run"), theme.MediaPlayIcon(), tr("Train the rounds from the source to the target, and measure them. Nothing leaves this screen until you export it."), s.toggleRun)
	s.run.Importance = widget.HighImportance
	s.export = button(tr("Export…"), theme.DocumentSaveIcon(), tr("Write figures (PNG, SVG), the moving particles (GIF), and every measurement and point (CSV) into a folder"), s.chooseOut)
	return newRow(swap, labelled(tr("Preset"), "", whole(preset)), labelled(tr("Rounds"), "", whole(rounds)),
		labelled(tr("Distil round"), tr("A distillation copies the pairs of a round into one step. Beside the reflow it shows why straight comes first."), boxes), s.run, s.export)
}

// viewControls choose what the panels show.
func (s *labScreen) viewControls() fyne.CanvasObject {
	names := []string{tr("%d steps", studio.LabSteps)}
	counts := []int{0, 4, 2, 1}
	for _, n := range counts[1:] {
		if n == 1 {
			names = append(names, tr("1 step"))
		} else {
			names = append(names, tr("%d steps", n))
		}
	}
	steps := choice(names, slices.Index(counts, s.steps), tr("How many evaluations of the velocity the particles are moved with. Straight paths end in the same place with one; bent ones do not."), func(i int) {
		s.steps = counts[i]
		s.refresh()
	})
	behind := choice([]string{tr("With paths"), tr("With pairs"), tr("Particles only")}, s.behind, tr("Drawn behind the particles: the paths that they take, or the straight lines between the pairs that the round learnt from."), func(i int) {
		s.behind = i
		s.refresh()
	})
	exact := choice([]string{tr("Kernel"), tr("Nearest line")}, s.reference, tr("Exact flow: follow the mean of the lines near by (kernel), which is what round 1 learns, or the nearest line alone, which is learning the lines by heart."), s.setReference)
	return newRow(whole(steps), whole(behind), whole(exact))
}

// setReference chooses the closed form, by its place among studio.References.
func (s *labScreen) setReference(i int) {
	s.reference = i
	s.refresh()
}

// set changes the settings of the next run.
func (s *labScreen) set(change func(*studio.LabSettings)) {
	change(&s.settings)
	for i, c := range s.distil {
		setShown(c, i < s.settings.Rounds)
	}
	s.version = -1
	s.refresh()
}

func (s *labScreen) shown() {
	s.version = -1
	s.player.animate()
}

// dropped takes a picture as the shape of the panel under the pointer, and else as the target; two at once are both.
func (s *labScreen) dropped(at fyne.Position, paths []string) {
	switch {
	case len(paths) > 1:
		for i := range s.ends {
			s.ends[i].take(studio.LabShape{Picture: paths[i]})
		}
	case len(paths) == 1 && s.ends[0].contains(at):
		s.ends[0].take(studio.LabShape{Picture: paths[0]})
	case len(paths) == 1:
		s.ends[1].take(studio.LabShape{Picture: paths[0]})
	}
}

// typed answers keys that the focused part has no use for.
func (s *labScreen) typed(k *fyne.KeyEvent) {
	if k.Name == fyne.KeySpace {
		s.player.toggle()
	}
}

// toggleRun starts or stops.
func (s *labScreen) toggleRun() {
	lab := s.a.studio.Lab
	if lab.Busy() {
		lab.Stop()
	} else {
		s.written = ""
		s.player.wake()
		s.a.fail(tr("The laboratory could not start"), lab.Start(s.settings))
	}
	s.refresh()
}

func (s *labScreen) chooseOut() {
	s.a.chooseFolder(tr("Write the figures to"), func(dir string) { s.write(dir, false) })
}

// write exports in the background; where files are in the way, it asks.
func (s *labScreen) write(dir string, overwrite bool) {
	s.writing, s.version = true, -1
	s.refresh()
	go func() {
		err := s.a.studio.Lab.Export(dir, overwrite)
		fyne.Do(func() {
			s.writing, s.version = false, -1
			switch {
			case errors.Is(err, project.ErrTaken):
				s.a.confirm(tr("Replace existing files?"), tr("%s holds files of another run. Those of the same names are replaced.", dir),
					tr("Replace"), tr("Cancel"), func() { s.write(dir, true) })
			case err != nil:
				s.a.fail(tr("The figures could not be written"), err)
			default:
				s.written = dir
			}
			s.refresh()
		})
	}()
}

func (s *labScreen) refresh() {
	if s.root == nil {
		return
	}
	st := s.state()
	s.showClouds(st)
	if s.version == st.Version {
		return
	}
	s.version = st.Version
	for i, e := range s.ends {
		e.show(st.Ends[i])
	}
	s.showState(st)
	if n := len(st.Rounds); n != len(s.charted) || n > 0 && st.Rounds[0] != s.charted[0] {
		s.charted = st.Rounds
		s.charts.show(labPages(s.charted))
	}
	setText(s.advice, labAdvice(studio.AdviseLab(st.Rounds)))
	if st.Err != nil && st.Err != s.failure {
		s.a.fail(tr("The laboratory failed"), st.Err)
	}
	s.failure = st.Err
}

// showState says what goes on.
func (s *labScreen) showState(st studio.LabState) {
	text := tr("Choose, draw or drop a source and a target, then press Run.")
	fraction := 0.
	switch {
	case st.State == studio.Running && st.Now.Total == 0:
		text = tr("Computing the exact flow…")
	case st.State == studio.Running && st.Now.Finished != nil:
		text, fraction = tr("%s: making pairs for the next round…", labTitle(st.Now.Round, st.Now.Kind)), labDone(st)
	case st.State == studio.Running && st.Now.Done == st.Now.Total:
		text, fraction = tr("%s: measuring…", labTitle(st.Now.Round, st.Now.Kind)), labDone(st)
	case st.State == studio.Running:
		text, fraction = tr("%s: update %d of %d, loss %.3f", labTitle(st.Now.Round, st.Now.Kind), st.Now.Done, st.Now.Total, st.Now.Loss), labDone(st)
	case st.State == studio.Stopping:
		text = tr("Stopping…")
	case s.writing:
		text = tr("Writing…")
	case st.Stale:
		text = tr("The shapes have changed: press Run to see them flow.")
	case s.written != "":
		text = tr("Written to %s", shortPath(s.written))
	case st.State == studio.Finished:
		seconds := 0.
		for _, r := range st.Rounds {
			seconds += r.Seconds
		}
		text = tr("Done in %s. Tap a panel to see it large.", roundTime(seconds))
	case st.State == studio.Failed:
		text = upperFirst(told(st.Err.Error()))
	case len(st.Rounds) > 0:
		text = tr("Stopped. The finished rounds stay.")
	}
	setText(s.status, text)
	if s.bar.Value != fraction {
		s.bar.SetValue(fraction)
	}
	busy := st.State == studio.Running || st.State == studio.Stopping
	setShown(s.busy, busy)
	label, symbol := tr("Run"), theme.MediaPlayIcon()
	if busy {
		label, symbol = tr("Stop"), theme.MediaStopIcon()
	}
	if s.run.Text != label {
		s.run.SetText(label)
		s.run.SetIcon(symbol)
	}
	setEnabled(s.run, st.State != studio.Stopping && (busy || st.Ready()))
	setEnabled(s.export, len(st.Rounds) > 0 && !busy && !s.writing)
}

// labDone is the part of all updates of a run that is done.
func labDone(st studio.LabState) float64 {
	done, total := 0., 0.
	for _, p := range labPlan(st.Settings) {
		updates := 1. // of round 1; plane.Options say how many the others get
		switch p.kind {
		case plane.Reflow:
			updates = .6
		case plane.Distil:
			updates = .05
		}
		total += updates
		finished := slices.ContainsFunc(st.Rounds, func(r *plane.Round) bool { return r.Number == p.number && r.Kind == p.kind })
		switch {
		case finished:
			done += updates
		case p.number == st.Now.Round && p.kind == st.Now.Kind:
			done += updates * float64(st.Now.Done) / float64(max(1, st.Now.Total))
		}
	}
	return done / total
}

// labStage is a round that a run makes.
type labStage struct {
	number int
	kind   plane.Kind
}

// labPlan are the rounds of a run in their order.
func labPlan(t studio.LabSettings) []labStage {
	var plan []labStage
	for k := 1; k <= t.Rounds; k++ {
		kind := plane.Reflow
		if k == 1 {
			kind = plane.Flow
		}
		plan = append(plan, labStage{k, kind})
		if t.Distil[k-1] {
			plan = append(plan, labStage{k, plane.Distil})
		}
	}
	return plan
}

// labTitle is a round's name as a person reads it.
func labTitle(number int, kind plane.Kind) string {
	switch {
	case kind == plane.Distil:
		return tr("Distil %d", number)
	case number > 1:
		return tr("Reflow %d", number-1)
	}
	return tr("Flow")
}

// ticking calls step on the UI goroutine again and again until it returns false or the window closes.
func (s *labScreen) ticking(pause time.Duration, step func() bool) {
	go func() {
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for more := true; more; {
			select {
			case <-s.a.stopped:
				return
			case <-ticker.C:
				fyne.DoAndWait(func() { more = step() })
			}
		}
	}()
}

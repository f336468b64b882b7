//go:build !headless

package desktop

import (
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

// trainScreen shows a run and steers it.
type trainScreen struct {
	app *App

	root       fyne.CanvasObject
	rail       *widgets.Rail
	railNow    []widgets.Stage
	state      *widget.Label
	numbers    *widget.Label
	bar        *widget.ProgressBar
	barRow     fyne.CanvasObject // it with its look
	run        *tip.Button       // start, pause, continue
	stop       *tip.Button
	more       *tip.Button
	measures   *tip.Button      // shows the guarantees in place of the progress
	promises   *trainGuarantees // these
	split      fyne.CanvasObject
	body       *fyne.Container // either
	promised   bool            // the guarantees are in front
	plot       *widgets.Plot
	bars       *widgets.Bars
	unmeasured *widget.Label // in their place
	advice     *widget.Label
	preview    *widgets.ImageTable
	what       *widget.Label // the preview shows
	moment     *widget.Slider
	when       *widget.Label
	follow     bool // the slider follows the newest preview
	setting    bool // the slider is moved by the program
	notes      *widget.Label
	version    int
	drawn      studio.RunState // state of the run when the screen was drawn last
	losses     int
	previews   int
	rounds     string
	ticks      int
	was        studio.RunState // for the notification at the end
	logY       bool
	noise      bool // the project generates
}

func newTrainScreen(a *App) *trainScreen {
	s := &trainScreen{app: a, follow: true, version: -1, previews: -1, logY: true}
	if a.train != nil {
		s.was, s.logY, s.promised = a.train.was, a.train.logY, a.train.promised
	}
	s.promises = newTrainGuarantees(a)
	if a.train != nil {
		s.promises.state, s.promises.book.page = a.train.promises.state, a.train.promises.book.page
	}
	return s
}

func (s *trainScreen) name() (string, fyne.KeyName) { return tr("Train"), fyne.KeyR }

func (s *trainScreen) build() fyne.CanvasObject {
	if s.root != nil {
		return s.root
	}
	s.rail = widgets.NewRail()
	s.rail.OnTapped = s.tapStage
	s.rail.Hide() // until there is a project
	s.state = heading("")
	s.state.Wrapping = fyne.TextWrapWord
	s.numbers = widget.NewLabel("")
	s.numbers.Wrapping = fyne.TextWrapWord
	s.bar = widget.NewProgressBar()
	s.barRow = s.app.slim(s.bar)
	s.barRow.Hide()
	s.run = button(tr("Start"), theme.MediaPlayIcon(), tr("Start or go on exactly where training stopped; while it runs, pause it (Space)"), s.toggle)
	s.run.Importance = widget.HighImportance
	s.stop = button(tr("Stop and save"), theme.MediaStopIcon(), tr("Save everything and end the run; Continue goes on from the same step, also after a restart"), s.app.studio.Training.Stop)
	s.more = button(tr("More"), theme.MenuIcon(), tr("Add a reflow round, make another finish, restore a saved round"), s.showMore)
	s.measures = button("", theme.NewThemedResource(chartIcon), tr("What the theory promises of the rounds, measured on held-out images: marginals, costs, straightness, the bound"), func() { s.setPromised(!s.promised) })
	s.plot = widgets.NewPlot()
	s.plot.SetAxisNames(tr("step"), tr("loss"))
	s.plot.SetHint(tr("The loss of every step appears here"))
	s.plot.SetLogY(s.logY)
	logarithmic := check(tr("Log scale"), s.logY, tr("Show the loss on a logarithmic scale"), func(on bool) { s.logY = on; s.plot.SetLogY(on) })
	s.bars = widgets.NewBars()
	s.unmeasured = quiet(tr("What was measured after each round appears here"))
	s.unmeasured.Alignment = fyne.TextAlignCenter
	s.advice = wrapped("")
	s.preview = widgets.NewImageTable()
	s.when = widget.NewLabel("")
	s.moment = widget.NewSlider(0, 1)
	s.moment.Step = 1
	s.moment.OnChanged = func(v float64) {
		if !s.setting {
			s.follow = v >= s.moment.Max
			s.showPreview(int(v))
		}
	}
	s.notes = quiet("")
	buttons := newRow(s.measures, s.run, s.stop, s.more)
	words := container.New(layout.NewCustomPaddedVBoxLayout(-theme.InnerPadding()), s.state, s.numbers)
	head := container.New(&besideOrBelow{}, sized(34, words), buttons)
	loss := container.NewBorder(container.NewBorder(nil, nil, heading(tr("Loss")), logarithmic), nil, nil, nil, s.plot)
	measured := container.NewBorder(heading(tr("By round, on held-out images")), nil, nil, nil, container.NewStack(s.bars, container.NewVBox(layout.NewSpacer(), s.unmeasured, layout.NewSpacer())))
	left := container.NewVSplit(loss, measured)
	left.SetOffset(.56)
	s.what = heading(tr("Held-out images"))
	right := container.NewBorder(container.NewBorder(nil, nil, s.what, s.when), s.moment, nil, nil, s.preview)
	split := container.NewHSplit(left, right)
	split.SetOffset(.5)
	s.split, s.body = split, container.NewStack()
	s.promises.build()
	// It scrolls only where a large scale meets a small window.
	s.root = scrolled(newPage(s.body, s.rail, head, s.barRow, s.body, s.advice, s.notes))
	s.setPromised(s.promised)
	return s.root
}

// setPromised brings the guarantees or the progress to the front.
func (s *trainScreen) setPromised(on bool) {
	s.promised = on
	light(&s.measures.Button, on, widget.MediumImportance)
	s.body.Objects = []fyne.CanvasObject{s.split}
	if on {
		s.body.Objects = []fyne.CanvasObject{s.promises.root}
	}
	setShown(s.advice, !on) // the page has advice of its own
	s.body.Refresh()
	s.version = -1
}

func (s *trainScreen) shown() { s.version = -1 }

func (s *trainScreen) dropped(_ fyne.Position, paths []string) {
	if len(paths) > 0 { // a picture dropped on this screen is meant for the next
		s.app.open(2)
		s.app.results.dropped(fyne.Position{}, paths[:1])
	}
}

// toggle starts, pauses or continues.
func (s *trainScreen) toggle() {
	t := s.app.studio.Training
	switch t.State().State {
	case studio.Running:
		t.Pause()
	case studio.Paused:
		t.Continue()
	default:
		s.app.fail(tr("Training could not start"), t.Start())
	}
	s.refresh()
}

// togglePause answers the space bar.
func (s *trainScreen) togglePause() {
	switch t := s.app.studio.Training; t.State().State {
	case studio.Running:
		t.Pause()
	case studio.Paused:
		t.Continue()
	}
}

// How often a run is drawn, in ticks of a tenth of a second. Any change draws the whole window anew, for which a software
// display takes time from the cores that train. What a person does shows at once.
const (
	textsEvery = 10
	plotEvery  = 30 // the loss, and the memory in use
)

// noneKept stands for the number of previews of a project that was trained without them.
const noneKept = -2

func (s *trainScreen) refresh() {
	st := s.app.studio.Training.State()
	if s.promised {
		s.promises.refresh(slices.ContainsFunc(st.Rounds, func(r project.Round) bool { return r.Finished }))
	}
	s.ticks++
	soon := s.version < 0 || st.State != s.drawn
	if !soon && (s.ticks%textsEvery != 0 || s.version == st.Version && s.ticks%plotEvery != 0) {
		return
	}
	s.version, s.drawn = st.Version, st.State
	p, _ := s.app.studio.Project()
	if noise := s.app.fromNoise(); noise != s.noise {
		s.noise, s.previews = noise, -1
	}
	s.showState(p, st)
	s.showRail(st)
	if soon || s.ticks%plotEvery == 0 {
		s.showLoss(st)
	}
	s.showRounds(st)
	shown := len(st.Previews)
	if shown == 0 && len(st.Rounds) > 0 && st.State != studio.Running {
		shown = noneKept
	}
	if s.previews != shown {
		s.previews = shown
		s.setting = true
		s.moment.Max = float64(max(1, s.previews-1))
		if s.follow || s.moment.Value > s.moment.Max {
			s.moment.SetValue(s.moment.Max)
		}
		s.moment.Refresh()
		s.setting = false
		s.showPreview(int(s.moment.Value))
	}
	if n := len(st.Notes); n > 0 {
		if text := upperFirst(told(st.Notes[n-1])); text != s.notes.Text {
			s.notes.SetText(text)
			s.notes.Show()
			s.root.Refresh() // it may take another number of lines
		}
	}
	setShown(s.notes, len(st.Notes) > 0)
}

func (s *trainScreen) showState(p *project.Project, st studio.TrainingState) {
	e := st.Event
	text, numbers := "", ""
	fraction := 0.0
	switch {
	case p == nil:
		text, numbers = tr("No project is open"), tr("Choose two folders on the Domains screen and press Train.")
	case st.State == studio.Running && e.Phase == "training":
		text = tr("%s: step %d of %d", roundTitle(e.Round), e.Step, e.Steps)
		fraction = float64(e.Step) / float64(max(1, e.Steps))
	case st.State == studio.Running:
		text = upperFirst(phaseName(e.Phase))
		if e.Total == 0 {
			text += "…" // a bar that runs to and fro would keep a software display busy, and with it the cores that compile
		} else {
			fraction = float64(e.Done) / float64(e.Total)
			text += fmt.Sprintf(" %d/%d", e.Done, e.Total)
		}
	case st.State == studio.Paused:
		text = tr("Paused in %s at step %d. The model stays loaded: you can translate and export.", roundTitle(e.Round), e.Step)
		if s.noise {
			text = tr("Paused in %s at step %d. The model stays loaded: you can generate.", roundTitle(e.Round), e.Step)
		}
		fraction = float64(e.Step) / float64(max(1, e.Steps))
	case st.State == studio.Stopping:
		text = tr("Saving…")
	case st.State == studio.Finished:
		text, fraction = tr("Trained. Open the Translate screen, or drop an image here."), 1
		if s.noise {
			text = tr("Trained. Open the Generate screen.")
		}
	case st.State == studio.Failed:
		text = tr("Training failed")
		if st.Err != nil {
			numbers, _, _ = strings.Cut(upperFirst(told(st.Err.Error())), "\n") // all of it is in the dialog
		}
	default:
		text = tr("Ready. Continue goes on exactly where training stopped.")
		if !begun(st) {
			text = tr("Ready to start.")
		}
	}
	if numbers == "" && (st.State == studio.Running || st.State == studio.Paused) {
		numbers = s.figures(e)
	}
	height := func() float32 {
		if !s.numbers.Visible() {
			return s.state.MinSize().Height
		}
		return s.state.MinSize().Height + s.numbers.MinSize().Height
	}
	before := height()
	setText(s.state, text)
	setText(s.numbers, numbers)
	setShown(s.numbers, numbers != "") // no blank line
	if height() != before {            // another number of lines
		s.root.Refresh()
	}
	if s.bar.Value != fraction {
		s.bar.SetValue(fraction)
	}
	if busy := st.State == studio.Running || st.State == studio.Paused || st.State == studio.Stopping; busy != s.barRow.Visible() {
		setShown(s.barRow, busy)
		s.root.Refresh() // the room is shared anew
	}
	label, symbol := tr("Start"), theme.MediaPlayIcon()
	switch {
	case st.State == studio.Running:
		label, symbol = tr("Pause"), theme.MediaPauseIcon()
	case st.State == studio.Paused, begun(st):
		label = tr("Continue")
	}
	if s.run.Text != label {
		s.run.SetText(label)
		s.run.SetIcon(symbol)
		s.root.Refresh() // it needs another width
	}
	setEnabled(s.run, p != nil && st.State != studio.Stopping && st.State != studio.Finished)
	setEnabled(s.stop, st.State == studio.Running || st.State == studio.Paused)
	setEnabled(s.more, p != nil)
}

// begun reports whether there is something to continue.
func begun(st studio.TrainingState) bool { return len(st.Rounds) > 0 || len(st.Losses) > 0 }

// figures are speed, time left, loss and memory.
func (s *trainScreen) figures(e train.Event) string {
	var parts []string
	if e.ImagesPerSecond > 0 {
		parts = append(parts, tr("%.0f images/s", e.ImagesPerSecond))
	}
	if e.ETA > 0 {
		parts = append(parts, tr("%s left for all rounds", span(e.ETA)))
	}
	if e.Loss > 0 {
		parts = append(parts, tr("loss %.4f", e.Loss))
	}
	if used, total, ok := s.app.studio.Compute.Memory(); ok {
		parts = append(parts, tr("memory %s of %s", amount(used), amount(total)))
	}
	return strings.Join(parts, " · ")
}

// The beginnings of the phases in which a round's network makes the pairs of the next, forwards and backwards.
const (
	carrying     = "carrying images along the flow of "
	carryingBack = "carrying targets back along the flow of "
)

// phaseName is a phase of the engine in the present language.
func phaseName(phase string) string {
	if phase == "" {
		phase = "starting"
	}
	if round, ok := strings.CutPrefix(phase, carrying); ok {
		return tr("making pairs by %s", roundTitle(round))
	}
	if round, ok := strings.CutPrefix(phase, carryingBack); ok {
		return tr("making pairs for the way back by %s", roundTitle(round))
	}
	return tr(phase)
}

func (s *trainScreen) showRail(st studio.TrainingState) {
	var stages []widgets.Stage
	for _, name := range st.Plan {
		g := widgets.Stage{Name: roundTitle(name)}
		for _, r := range st.Rounds {
			if r.Name == name && r.Finished {
				g.State = widgets.StageDone
				g.Detail = tr("%d steps", r.Report.Steps)
			}
		}
		if st.Event.Round == name && g.State != widgets.StageDone {
			switch st.State {
			case studio.Running, studio.Paused, studio.Stopping:
				g.State = widgets.StageCurrent
				g.Progress = float64(st.Event.Step) / float64(max(1, st.Event.Steps))
				g.Detail = fmt.Sprintf("%d/%d", st.Event.Step, st.Event.Steps)
			case studio.Failed:
				g.State = widgets.StageFailed
			}
		}
		stages = append(stages, g)
	}
	same := len(stages) == len(s.railNow)
	for i := range stages {
		same = same && stages[i] == s.railNow[i]
	}
	if !same {
		s.railNow = stages
		s.rail.SetStages(stages)
		if len(stages) > 0 != s.rail.Visible() {
			setShown(s.rail, len(stages) > 0)
			s.root.Refresh()
		}
	}
}

func (s *trainScreen) showLoss(st studio.TrainingState) {
	n := 0
	for _, l := range st.Losses {
		n += len(l.Points)
	}
	if n == s.losses {
		return
	}
	s.losses = n
	var series []widgets.Series
	var markers []widgets.Marker
	at := 0.0
	for _, l := range st.Losses {
		line := widgets.Series{Name: roundTitle(l.Round)}
		markers = append(markers, widgets.Marker{X: at, Label: roundTitle(l.Round)})
		end := at
		for _, p := range l.Points {
			end = at + float64(p.Step)
			line.X, line.Y = append(line.X, end), append(line.Y, p.Loss)
		}
		at = end
		series = append(series, line)
	}
	s.plot.SetSeries(series)
	s.plot.SetMarkers(markers)
}

func (s *trainScreen) showRounds(st studio.TrainingState) {
	var groups []widgets.BarGroup
	key := ""
	for _, r := range st.Rounds {
		if !r.Finished {
			continue
		}
		m := r.Report.Measurements
		key += r.Name + r.Report.FinishedAt.String()
		groups = append(groups, widgets.BarGroup{Label: roundTitle(r.Name), Values: []widgets.BarValue{
			{Name: tr("Straightness S"), Value: measured(m, "straightness")},
			{Name: tr("Transport cost"), Value: measured(m, "cost")},
			{Name: tr("KID, 1 step"), Value: measured(m, "kid/1")},
		}})
	}
	if key == s.rounds && key != "" {
		return
	}
	s.rounds = key
	s.bars.SetGroups(groups)
	setShown(s.unmeasured, len(groups) == 0)
	text := adviceText(studio.Advise(st.Rounds))
	if round, n, v, ok := studio.RoundTrip(st.Rounds); ok {
		text += "\n" + roundTripText(round, n, v, s.noise)
	}
	setText(s.advice, text)
}

// measured is a measurement, NaN where it was not taken: no bar is drawn then.
func measured(m project.Measurements, key string) float64 {
	if v, ok := m[key]; ok {
		return v
	}
	return math.NaN()
}

// roundTripText says how well a round goes back where it came from.
func roundTripText(round string, steps int, v float64, noise bool) string {
	if noise {
		return tr("%s takes held-out images to their noise and back within %.1f of 255 in %d steps each way.", roundTitle(round), v, steps)
	}
	return tr("%s takes held-out images to the target and back within %.1f of 255 in %d steps each way.", roundTitle(round), v, steps)
}

// adviceText says what to do next and why.
func adviceText(a studio.Advice) string {
	switch a.Kind {
	case studio.AdviseReflow:
		return tr("Advice: one more reflow. One step is at KID %.2f from the target, many steps at %.2f; S is %.4f, so the paths still bend.", a.One, a.Many, a.Straightness)
	case studio.AdviseFinish:
		return tr("Advice: finish (distil or refine). The paths are straight, S %.4f; one step reaches KID %.2f, many steps %.2f.", a.Straightness, a.One, a.Many)
	case studio.AdviseStop:
		return tr("Advice: stop here. One step reaches KID %.2f; further rounds would add their errors.", a.One)
	case studio.AdviseRestore:
		return tr("Advice: restore %s. One step was at KID %.2f there and is at %.2f now.", roundTitle(a.Better), a.Before, a.One)
	}
	return tr("After the first round, advice about the next one stands here. Small S means straight paths; KID is the distance to the target, smaller is nearer.")
}

func (s *trainScreen) showPreview(i int) {
	source, what := tr("Source"), tr("Held-out images")
	if s.noise {
		source, what = tr("Noise"), tr("From the same noise")
	}
	setText(s.what, what)
	st := s.app.studio.Training.State()
	previews := st.Previews
	setShown(s.moment, len(previews) > 1)
	if len(previews) == 0 {
		none := tr("The first preview comes some seconds after training begins")
		if len(st.Rounds) > 0 && st.State != studio.Running {
			none = tr("None was kept of the training until now")
		}
		setText(s.when, none)
		s.preview.SetTable(nil, nil)
		return
	}
	p := previews[max(0, min(i, len(previews)-1))]
	setText(s.when, tr("%s, step %d", roundTitle(p.Round), p.Step))
	columns := []string{source, tr("1 step"), tr("4 steps"), tr("%d steps", p.Many), tr("Target")}
	var rows [][]image.Image
	for _, row := range p.Cells {
		var cells []image.Image
		for _, c := range row {
			cells = append(cells, c)
		}
		rows = append(rows, cells)
		columns = columns[:max(4, min(len(columns), len(row)))]
	}
	s.preview.SetTable(columns, rows)
}

// watchEnd keeps the screen awake while a run goes on, and tells about its end also where the window is not in front.
func (s *trainScreen) watchEnd() {
	st := s.app.studio.Training.State()
	if st.State == s.was {
		return
	}
	was := s.was
	s.was = st.State
	if d := s.app.fyne.Driver(); d != nil {
		d.SetDisableScreenBlanking(st.State == studio.Running)
	}
	if was != studio.Running && was != studio.Stopping {
		return
	}
	switch st.State {
	case studio.Finished:
		ready := tr("The translator is ready: one step an image.")
		if s.app.fromNoise() {
			ready = tr("The generator is ready.")
		}
		s.app.fyne.SendNotification(fyne.NewNotification(tr("Training is done"), ready))
	case studio.Failed:
		s.app.fyne.SendNotification(fyne.NewNotification(tr("Training failed"), told(st.Err.Error())))
		s.app.show(explain(tr("Training failed"), st.Err))
	}
}

// tapStage shows what was measured in a round.
func (s *trainScreen) tapStage(i int) {
	st := s.app.studio.Training.State()
	if i < 0 || i >= len(st.Plan) {
		return
	}
	for _, r := range st.Rounds {
		if r.Name == st.Plan[i] && r.Finished {
			s.showMeasurements(r)
		}
	}
}

// showMore offers what can be done with the rounds.
func (s *trainScreen) showMore() {
	t := s.app.studio.Training
	st := t.State()
	still := !t.Busy()
	item := func(text string, on bool, do func()) *fyne.MenuItem {
		m := fyne.NewMenuItem(text, do)
		m.Disabled = !on
		return m
	}
	then := func(change func() error) func() {
		return func() {
			go func() {
				err := change()
				if err == nil {
					err = t.Start()
				}
				s.app.fail(tr("The rounds could not be changed"), err)
			}()
		}
	}
	items := []*fyne.MenuItem{
		item(tr("Add a reflow round"), still, then(t.AddReflow)),
		item(tr("Finish by distilling"), still, then(func() error { return t.Finish(project.FinishDistil) })),
		item(tr("Finish by refining"), still, then(func() error { return t.Finish(project.FinishRefine) })),
		fyne.NewMenuItemSeparator(),
	}
	for _, r := range st.Rounds {
		if r.Finished {
			items = append(items, item(tr("Measurements of %s…", roundTitle(r.Name)), true, func() { s.showMeasurements(r) }))
		}
	}
	for i, r := range st.Rounds {
		if r.Finished && i < len(st.Rounds)-1 {
			items = append(items, item(tr("Restore %s…", roundTitle(r.Name)), still, func() { s.restore(r.Name) }))
		}
	}
	s.app.menuUnder(s.more, items)
}

func (s *trainScreen) restore(round string) {
	s.app.confirm(tr("Restore %s?", roundTitle(round)),
		tr("It becomes the last round. Later rounds are moved to the folder set-aside of the project and are not deleted."),
		tr("Restore"), tr("Cancel"), func() {
			go func() {
				_, err := s.app.studio.Training.Restore(round)
				s.app.fail(tr("The round could not be restored"), err)
			}()
		})
}

// showMeasurements lists everything that was measured at the end of a round.
func (s *trainScreen) showMeasurements(r project.Round) {
	m := r.Report.Measurements
	counts := studio.StepsOf(m, "kid")
	table := [][]string{{""}}
	for _, n := range counts {
		head := tr("%d steps", n)
		if n == 1 {
			head = tr("1 step")
		}
		table[0] = append(table[0], head)
	}
	for _, line := range []struct{ name, key, format string }{
		{tr("KID to the target"), "kid", "%.3f"},
		{tr("Sliced Wasserstein to the target"), "swd", "%.2f"},
		{tr("Taken for the target"), "accepted", "%.2f"},
		{tr("Layout kept"), "preservation", "%.3f"},
		{tr("KID to the source, backwards"), "kid_reverse", "%.3f"},
		{tr("There and back, of 255"), "round_trip", "%.1f"},
		{tr("Deviation of the noise found"), "inverted_std", "%.2f"},
	} {
		row, any := []string{line.name}, false
		for _, n := range counts {
			text := ""
			if v, ok := m[fmt.Sprintf("%s/%d", line.key, n)]; ok {
				text, any = fmt.Sprintf(line.format, v), true
			}
			row = append(row, text)
		}
		if any {
			table = append(table, row)
		}
	}
	grid := container.NewHBox()
	for x := range table[0] {
		column := container.NewVBox()
		for y, line := range table {
			l := widget.NewLabel(line[x])
			l.TextStyle.Bold = y == 0
			if x > 0 {
				l.Alignment = fyne.TextAlignTrailing
			}
			column.Add(l)
		}
		grid.Add(column)
	}
	text := tr("%d steps, %d images, %s of training. Straightness S %.4f, transport cost %.3f.",
		r.Report.Steps, r.Report.Images, roundTime(r.Report.Seconds), m["straightness"], m["cost"])
	if v, ok := m["kid_source"]; ok {
		text += tr(" The source itself is at KID %.2f.", v)
	}
	if v, ok := m["kid_colour"]; ok {
		text += tr(" With its colours matched to the target's it is at %.2f.", v)
	}
	if v, ok := m["balanced_accuracy"]; ok {
		text += tr(" The classifier that measures has a balanced accuracy of %.2f on held-out images.", v)
	}
	if v, ok := m["accepted_target"]; ok {
		text += tr(" Of real target images %.2f are taken for the target.", v)
	}
	if _, ok := m["inverted_std/1"]; ok {
		text += tr(" The noise that target images come from has deviation 1 where the flow is exact.")
	}
	inside := container.NewVScroll(container.NewVBox(wrapped(text), grid))
	d := dialog.NewCustomWithoutButtons(roundTitle(r.Name), inside, s.app.window)
	d.SetButtons([]fyne.CanvasObject{
		widget.NewButton(tr("Copy"), func() {
			var b strings.Builder
			for _, line := range table {
				fmt.Fprintln(&b, strings.Join(line, "\t"))
			}
			s.app.fyne.Clipboard().SetContent(text + "\n" + b.String())
		}), primary(tr("Close"), d.Hide),
	})
	s.app.showWhole(d, inside, 720)
}

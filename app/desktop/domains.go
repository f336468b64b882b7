//go:build !headless

package desktop

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
)

// domainsScreen is where two folders become a project.
type domainsScreen struct {
	app      *App
	cards    [2]*domainCard
	settings project.Settings
	dir      string // the folder that the user chose for the project; empty: a suggested one
	asked    string // for what the estimate was asked last
	askedAt  time.Time

	suggested    string // folder for the project
	suggestedFor [3]int // versions of the project and the domains that it was suggested for

	root      fyne.CanvasObject
	swap      *tip.Button
	swapWhy   string // its explanation
	warnings  *fyne.Container
	warned    string
	choices   *fyne.Container
	opened    *widget.Label
	openedRow *fyne.Container // it and the buttons
	estimate  *widget.Label
	folder    *widget.Label
	folderRow fyne.CanvasObject
	train     *tip.Button
	starting  bool // Train was pressed
	sawBusy   bool
	sawOpen   *project.Project
}

func newDomainsScreen(a *App) *domainsScreen {
	s := &domainsScreen{app: a, settings: project.Default()}
	s.settings.Program = version
	s.settings.Precision = a.studio.Preferences.Choices().Precision
	if a.domains != nil { // the language was switched: what was chosen stays
		s.settings, s.dir = a.domains.settings, a.domains.dir
	}
	return s
}

func (s *domainsScreen) name() (string, fyne.KeyName) { return tr("Domains"), fyne.KeyD }

func (s *domainsScreen) build() fyne.CanvasObject {
	if s.root != nil {
		return s.root
	}
	s.cards[0] = newDomainCard(s, 0, tr("Source: images to start from"))
	s.cards[1] = newDomainCard(s, 1, tr("Target: images to arrive at"))
	s.swap = button("", theme.NewThemedResource(swapIcon), tr("Swap source and target"), func() { s.change(s.app.studio.Swap) })
	for i, c := range s.cards { // what stands below the path is at one height in both
		c.head.Layout.(*lineBeside).like = []*fyne.Container{s.cards[1-i].head}
	}
	cards := container.New(&pairLayout{}, s.cards[0].frame, container.NewCenter(s.swap), s.cards[1].frame)
	s.warnings = container.NewVBox()
	s.opened = widget.NewLabel("")
	s.opened.Truncation = fyne.TextTruncateEllipsis
	s.openedRow = container.New(&lineBeside{after: true}, s.opened, container.NewHBox())
	s.estimate = widget.NewLabel("")
	s.folder = widget.NewLabel("")
	s.folder.Truncation = fyne.TextTruncateEllipsis
	s.folderRow = container.NewBorder(nil, nil, widget.NewLabel(tr("Project folder:")), button(tr("Change…"), nil, tr("Keep the project in another folder. It holds the trained model and everything measured."), func() {
		s.app.chooseFolder(tr("A folder for the project"), func(dir string) { s.dir = dir })
	}), s.folder)
	s.train = button(tr("Train"), theme.MediaPlayIcon(), tr("Make the project and start training. You can pause or stop at any time; nothing is lost."), s.start)
	s.train.Importance = widget.HighImportance
	s.choices = container.NewStack()
	s.buildChoices()
	demo := button(tr("Try the demo"), theme.ColorPaletteIcon(), tr("Use the built-in pictures: colour emoji and line drawings"), func() {
		s.change(func() { go func() { s.app.fail(tr("The demo pictures could not be laid out"), s.app.studio.Demo()) }() })
	})
	open := button(tr("Open project…"), theme.FolderOpenIcon(), tr("Open a project folder (Ctrl+O)"), s.app.chooseProject)
	var recent *tip.Button
	recent = button(tr("Recent"), theme.HistoryIcon(), tr("Projects that were open lately"), func() { s.showRecent(recent) })
	fresh := button(tr("New"), theme.DocumentCreateIcon(), tr("Close this project and start a new one (Ctrl+N)"), s.app.newProject)
	s.openedRow.Objects[1] = newRow(fresh, open, recent, demo)
	begin := container.NewBorder(nil, nil, s.estimate, container.NewGridWrap(fyne.NewSize(180*s.scale(), s.train.MinSize().Height), s.train))
	// It scrolls only where a large scale meets a small window.
	s.root = scrolled(newPage(cards, s.openedRow, cards, s.warnings, s.choices, s.folderRow, begin))
	return s.root
}

func (s *domainsScreen) scale() float32 {
	if c := s.app.studio.Preferences.Choices().Scale; c > 0 {
		return c
	}
	return 1
}

// buildChoices makes the controls of a new project.
func (s *domainsScreen) buildChoices() {
	t := &s.settings
	presets := []project.Preset{project.PresetQuick, project.PresetBalanced, project.PresetQuality}
	preset := choice([]string{tr("Quick"), tr("Balanced"), tr("Quality")}, slices.Index(presets, t.Preset), tr("Quick: a small network, good for a first look. Balanced: four times the steps. Quality: a large network, for a GPU or a night."), func(i int) { t.Preset = presets[i] })
	var sizes []string
	for _, n := range project.Sizes {
		sizes = append(sizes, tr("%d px", n))
	}
	size := choice(sizes, slices.Index(project.Sizes, t.Size), tr("Side of the square that the network sees. Results are brought back to each picture's own size."), func(i int) { t.Size = project.Sizes[i] })
	rounds := choice([]string{tr("Flow only"), tr("1 reflow"), tr("2 reflows"), tr("3 reflows")}, t.Rounds-1, tr("A reflow straightens the paths, so that one step is enough. One is usual; each further one adds a little error."), func(i int) { t.Rounds = i + 1 })
	finishes := []project.Finish{project.FinishNone, project.FinishDistil, project.FinishRefine}
	finish := choice([]string{tr("No finish"), tr("Distil"), tr("Refine")}, slices.Index(finishes, t.Finish), tr("The last round learns the one step itself. Distil regresses it; Refine adds a critic and is sharper."), func(i int) { t.Finish = finishes[i] })
	steps := widget.NewEntry()
	steps.SetPlaceHolder(tr("preset"))
	if t.Steps > 0 {
		steps.SetText(fmt.Sprint(t.Steps))
	}
	steps.OnChanged = func(text string) {
		n := 0
		if _, err := fmt.Sscan(text, &n); err == nil && n > 0 && n < 1e7 {
			t.Steps = n
		} else {
			t.Steps = 0
		}
	}
	more := button(tr("More…"), theme.MoreHorizontalIcon(), tr("Fit, mirroring, background, seed and the ways to pair"), s.showMore)
	s.choices.Objects = []fyne.CanvasObject{newRow(
		labelled(tr("Preset"), "", whole(preset)), labelled(tr("Size"), "", whole(size)), labelled(tr("Rounds"), "", whole(rounds)), labelled(tr("Finish"), "", whole(finish)),
		labelled(tr("Steps"), "", container.NewGridWrap(fyne.NewSize(84*s.scale(), steps.MinSize().Height), steps)), more)}
	s.choices.Refresh()
}

func (s *domainsScreen) shown() {}

func (s *domainsScreen) refresh() {
	p, version := s.app.studio.Project()
	busy := s.app.studio.Training.Busy()
	for _, c := range s.cards {
		c.refresh()
	}
	if p != s.sawOpen || busy != s.sawBusy {
		s.sawOpen, s.sawBusy = p, busy
		if p != nil {
			s.settings = p.Settings()
		}
		s.buildChoices()
	}
	noise := s.app.studio.Domains[0].State().Noise
	setEnabled(s.swap, p == nil && !noise)
	why := tr("Swap source and target")
	if noise {
		why = tr("Noise can only be the source: there is nothing to swap")
	}
	if why != s.swapWhy {
		s.swapWhy = why
		s.swap.SetToolTip(why)
	}
	setShown(s.choices, p == nil)
	setShown(s.folderRow, p == nil)
	a, b := s.app.studio.Domains[0].State(), s.app.studio.Domains[1].State()
	warnings := studio.Check(a, b, s.settings.Size, minimumImages)
	var left []studio.Clash
	if p == nil {
		_, left = s.plan()
	}
	s.warn(warnings, left, a, b)
	if p != nil {
		t := p.Settings()
		s.sayOpened(tr("%s: %s, %d px", shortPath(p.Dir()), presetName(t.Preset), t.Size))
		setText(s.estimate, "")
		s.setTrain(tr("Go to training"), true)
		return
	}
	opened := tr("A new project: choose or drop two folders of images")
	if noise {
		opened = tr("A new generator: choose or drop the target, a folder of images")
	}
	ready := a.Path != "" && b.Path != "" && a.Err == nil && b.Err == nil && !a.Scanning && !b.Scanning
	if ready {
		opened = tr("A new project: press Train when the settings suit you")
	}
	s.sayOpened(opened)
	dir := s.dir
	if ready && dir == "" {
		if seen := [3]int{version, a.Version, b.Version}; seen != s.suggestedFor {
			s.suggestedFor, s.suggested = seen, s.app.studio.SuggestDir()
		}
		dir = s.suggested
	}
	folder := shortPath(dir)
	s.folder.Importance = widget.MediumImportance
	if dir == "" {
		folder, s.folder.Importance = tr("it is named when both folders are chosen"), widget.LowImportance
	}
	setText(s.folder, folder)
	if s.starting {
		s.setTrain(tr("Starting…"), false)
		return
	}
	s.setTrain(tr("Train"), ready && !slices.ContainsFunc(warnings, studio.Warning.Blocks))
	s.showEstimate(ready)
}

// sayOpened says which project is open, on a line of its own where the text is too long to stand beside the buttons.
func (s *domainsScreen) sayOpened(text string) {
	if s.opened.Text != text {
		s.opened.SetText(text)
		s.root.Refresh()
	}
}

func (s *domainsScreen) setTrain(text string, enabled bool) {
	if s.train.Text != text {
		s.train.SetText(text)
	}
	setEnabled(s.train, enabled)
}

// showEstimate says how long training would take. A measurement begins when nothing was changed for a moment.
func (s *domainsScreen) showEstimate(ready bool) {
	if !ready {
		setText(s.estimate, "")
		return
	}
	settings, _ := s.plan()
	key := fmt.Sprint(settings.Preset, settings.Size, settings.FromNoise())
	if key != s.asked {
		s.asked, s.askedAt = key, time.Now()
	}
	if time.Since(s.askedAt) < time.Second {
		return
	}
	e := s.app.studio.Estimator.Ask(settings)
	switch {
	case e.Known:
		setText(s.estimate, tr("About %s on this machine", span(e.Time)))
	case e.Err != nil:
		setText(s.estimate, tr("The time could not be measured"))
	case e.Measuring:
		setText(s.estimate, tr("Measuring how fast this machine trains…"))
	default:
		setText(s.estimate, "")
	}
}

// plan is the settings of the project to be, and the choices that others leave no room for.
func (s *domainsScreen) plan() (project.Settings, []studio.Clash) {
	t := s.settings
	t.Source, t.Target = s.app.studio.Domains[0].Path(), s.app.studio.Domains[1].Path()
	return studio.Agreeing(t)
}

// change does something to the domains; where a project is open, it is closed first, if the user agrees.
func (s *domainsScreen) change(do func()) {
	p, _ := s.app.studio.Project()
	if p == nil {
		do()
		s.dir = ""
		return
	}
	s.app.confirm(tr("Start a new project?"),
		tr("The folders of a project cannot be changed, for its model was trained on them. %s is kept and can be opened again under Recent.", p.Dir()),
		tr("New project"), tr("Cancel"), func() {
			s.app.closeProject(func() {
				do()
				s.dir = ""
			})
		})
}

// choose takes a folder into a card. A file stands for the folder that it is in, a project folder is opened.
func (s *domainsScreen) choose(i int, path string) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		path = filepath.Dir(path)
	}
	if _, err := os.Stat(filepath.Join(path, "project.json")); err == nil {
		s.app.openProject(path)
		return
	}
	s.change(func() { s.app.studio.Domains[i].Choose(path) })
}

// dropped takes folders into the card under the pointer; two at once go to both.
func (s *domainsScreen) dropped(at fyne.Position, paths []string) {
	if len(paths) == 2 {
		s.change(func() {
			for i, path := range paths {
				s.app.studio.Domains[i].Choose(path)
			}
		})
		return
	}
	if len(paths) == 0 {
		return
	}
	for i, c := range s.cards {
		if c.frame.Contains(at) {
			s.choose(i, paths[0])
			return
		}
	}
	for i := range s.cards { // beside the cards: the first that is empty
		if s.app.studio.Domains[i].Path() == "" {
			s.choose(i, paths[0])
			return
		}
	}
	nearest := 0
	if at.X > s.app.body.Size().Width/2 {
		nearest = 1
	}
	s.choose(nearest, paths[0])
}

// start makes the project and trains, or goes to the training of the open one.
func (s *domainsScreen) start() {
	if p, _ := s.app.studio.Project(); p != nil {
		s.app.open(1)
		return
	}
	dir := s.dir
	if dir == "" {
		dir = s.app.studio.SuggestDir()
	}
	settings, _ := s.plan()
	s.starting = true // a measurement of the speed ends first, which may take a while
	go func() {
		s.app.studio.Estimator.Stop()
		err := s.app.studio.Create(dir, settings)
		if err == nil {
			err = s.app.studio.Training.Start()
		}
		fyne.Do(func() {
			s.starting = false
			if err != nil {
				s.app.show(explain(tr("Training could not start"), err))
				return
			}
			s.dir = ""
			s.app.open(1)
		})
	}()
}

// showRecent lists the projects that were open lately.
func (s *domainsScreen) showRecent(under fyne.CanvasObject) {
	var items []*fyne.MenuItem
	for _, dir := range s.app.studio.Preferences.Choices().Recent {
		items = append(items, fyne.NewMenuItem(shortPath(dir), func() { s.app.openProject(dir) }))
	}
	if len(items) == 0 {
		none := fyne.NewMenuItem(tr("No project yet"), nil)
		none.Disabled = true
		items = append(items, none)
	}
	s.app.menuUnder(under, items)
}

func shortPath(dir string) string {
	if home, err := os.UserHomeDir(); err == nil {
		if rest, ok := strings.CutPrefix(dir, home+string(filepath.Separator)); ok {
			return "~" + string(filepath.Separator) + rest
		}
	}
	return dir
}

func presetName(p project.Preset) string {
	switch p {
	case project.PresetBalanced:
		return tr("Balanced")
	case project.PresetQuality:
		return tr("Quality")
	}
	return tr("Quick")
}

// domainCard shows one folder.
type domainCard struct {
	screen  *domainsScreen
	index   int
	title   string
	frame   *widgets.DropFrame
	thumbs  *widgets.Thumbs
	path    *widget.Label
	count   *widget.Label
	details *tip.Button
	bar     *widget.ProgressBar
	empty   *fyne.Container
	noise   *tip.Check // of the source only: nil in the target's card
	words   *widget.Label
	head    *fyne.Container // the path beside the buttons
	page    *fyne.Container
	before  string // the folder that noise took the place of
	version int
}

func newDomainCard(s *domainsScreen, index int, title string) *domainCard {
	c := &domainCard{screen: s, index: index, title: title, version: -1}
	d := s.app.studio.Domains[index]
	c.thumbs = widgets.NewThumbs(func(i int) (image.Image, error) {
		img, _, ok := d.Thumbnail(i)
		if !ok {
			return nil, fmt.Errorf("the folder was closed")
		}
		return img, nil
	}, 72)
	c.path = widget.NewLabel("")
	c.path.Truncation = fyne.TextTruncateEllipsis
	c.count = widget.NewLabel("")
	c.count.Truncation = fyne.TextTruncateEllipsis
	c.details = button(tr("Skipped…"), theme.WarningIcon(), tr("Files that were passed over, and why"), c.showSkipped)
	c.bar = widget.NewProgressBar()
	hint := widget.NewLabelWithStyle(tr("Drop a folder here, or press Choose…"), fyne.TextAlignCenter, fyne.TextStyle{})
	hint.Wrapping = fyne.TextWrapWord
	hint.Importance = widget.LowImportance
	symbol := container.NewGridWrap(fyne.NewSquareSize(3*theme.TextSize()), widget.NewIcon(theme.NewDisabledResource(theme.FolderOpenIcon())))
	c.empty = container.New(layout.NewCustomPaddedVBoxLayout(theme.Padding()), layout.NewSpacer(), container.NewCenter(symbol), hint, layout.NewSpacer())
	choose := button(tr("Choose…"), theme.FolderOpenIcon(), tr("Choose a folder of images; folders inside it count too"), func() {
		s.app.chooseFolder(title, func(path string) { s.choose(index, path) })
	})
	buttons := newRow(choose)
	if index == 0 {
		c.noise = check(tr("Noise"), false, tr("Learn to make pictures like the target's from nothing but noise: no source folder is needed"), c.chooseNoise)
		buttons = newRow(c.noise, choose)
	}
	c.words = wrapped(tr("The source is noise: the project will be a generator. It learns from the target folder alone to make new pictures like those in it."))
	c.words.Hide()
	pictures := container.NewStack(c.thumbs, c.empty)
	c.head = container.New(&lineBeside{}, c.path, buttons)
	c.page = newPage(pictures, c.head, pictures, c.bar, c.words, container.NewBorder(nil, nil, nil, c.details, c.count))
	c.frame = widgets.NewDropFrame(title, c.page)
	return c
}

// chooseNoise makes noise the source, or the folder that was it before.
func (c *domainCard) chooseNoise(on bool) {
	s := c.screen
	d := s.app.studio.Domains[c.index]
	if on == d.State().Noise { // the program set the check
		return
	}
	if p, _ := s.app.studio.Project(); p != nil { // which asks first, and may be refused
		c.noise.SetChecked(!on)
	}
	s.change(func() {
		if on {
			c.before = d.Path()
			d.Choose(project.NoiseSource)
		} else {
			d.Choose(c.before)
		}
	})
}

func (c *domainCard) refresh() {
	st := c.screen.app.studio.Domains[c.index].State()
	if st.Version == c.version {
		return
	}
	c.version = st.Version
	path := shortPath(st.Path)
	if st.Noise {
		path = ""
	}
	c.head.Layout.(*lineBeside).path = path
	setText(c.path, path)
	title := c.title
	if st.Noise {
		title = tr("Source: noise")
	}
	c.frame.SetTitle(title)
	if c.noise != nil {
		c.noise.SetChecked(st.Noise)
	}
	setShown(c.words, st.Noise)
	defer func() {
		for _, card := range c.screen.cards {
			card.page.Refresh()
		}
	}()
	setShown(c.empty, st.Path == "")
	setShown(c.bar, st.Scanning)
	setShown(c.details, len(st.Skipped) > 0)
	shown := st.Images
	if st.Noise {
		shown = studio.NoiseThumbnails
	}
	c.thumbs.SetCount(shown)
	setShown(c.thumbs, shown > 0)
	c.count.Importance = widget.MediumImportance
	switch {
	case st.Path == "", st.Noise:
		setText(c.count, "")
	case st.Scanning:
		c.bar.Max = float64(max(1, st.Total))
		c.bar.SetValue(float64(st.Done))
		setText(c.count, tr("Looking through the folder…"))
	case st.Err != nil:
		c.count.Importance = widget.DangerImportance
		setText(c.count, upperFirst(told(st.Err.Error())))
	default:
		text := tr("%d images", st.Images)
		if n := len(st.Skipped) - st.Duplicates; n > 0 {
			text += tr(" · %d skipped", n)
		}
		if st.Duplicates == 1 {
			text += tr(" · 1 duplicate")
		} else if st.Duplicates > 1 {
			text += tr(" · %d duplicates", st.Duplicates)
		}
		if st.Shape.Side > 0 {
			text += tr(" · about %d px", st.Shape.Side)
		}
		setText(c.count, text)
	}
	c.count.Refresh()
}

// showSkipped lists the files that were passed over.
func (c *domainCard) showSkipped() {
	skipped := c.screen.app.studio.Domains[c.index].State().Skipped
	list := widget.NewList(func() int { return len(skipped) }, func() fyne.CanvasObject {
		name := heading("")
		name.Truncation = fyne.TextTruncateEllipsis
		reason := widget.NewLabel("")
		reason.Truncation = fyne.TextTruncateEllipsis
		return container.NewVBox(name, reason)
	}, func(i widget.ListItemID, o fyne.CanvasObject) {
		box := o.(*fyne.Container)
		box.Objects[0].(*widget.Label).SetText(skipped[i].Path)
		box.Objects[1].(*widget.Label).SetText(told(skipped[i].Kind.String() + ": " + skipped[i].Reason))
	})
	var all strings.Builder
	for _, s := range skipped {
		fmt.Fprintf(&all, "%s\t%s\t%s\n", s.Path, told(s.Kind.String()), told(s.Reason))
	}
	a := c.screen.app
	d := dialog.NewCustomWithoutButtons(tr("%d files were passed over", len(skipped)), list, a.window)
	d.SetButtons([]fyne.CanvasObject{
		a.copyButton(all.String()), primary(tr("Close"), d.Hide),
	})
	d.Show()
	size := a.window.Canvas().Size()
	d.Resize(fyne.NewSize(size.Width*.8, size.Height*.8))
}

// pairLayout puts two equal cards beside a narrow thing in the middle.
type pairLayout struct{}

func (*pairLayout) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, m, b := o[0].MinSize(), o[1].MinSize(), o[2].MinSize()
	return fyne.NewSize(2*max(a.Width, b.Width)+m.Width+2*theme.Padding(), max(a.Height, m.Height, b.Height))
}

func (*pairLayout) Layout(o []fyne.CanvasObject, size fyne.Size) {
	m, gap := o[1].MinSize().Width, theme.Padding()
	w := (size.Width - m - 2*gap) / 2
	for i, x := range []float32{0, w + gap, w + m + 2*gap} {
		o[i].Move(fyne.NewPos(x, 0))
		o[i].Resize(fyne.NewSize(w, size.Height))
	}
	o[1].Resize(fyne.NewSize(m, size.Height))
}

// swapIcon is two arrows, one each way.
var swapIcon = fyne.NewStaticResource("swap.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"><path fill="#000" d="M7 11H21V9H7V6L2 10l5 4zM17 13H3v2h14v3l5-4-5-4z"/></svg>`))

//go:build !headless

package desktop

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/engine/project"
)

const (
	mostPictures = 256 // of the grid: what is more the command line makes
	onTheWay     = 8   // pictures from one seed to another
	mostRandom   = 1e6 // seeds that the die throws: short enough to be remembered
)

// made is a picture with its names: for the file, and for a person.
type made struct {
	file, title string
	img         *image.NRGBA // nil while it is being made
}

// generateSeeds shows a grid of pictures, one a seed; the chosen one large; and the way from the one chosen before to
// it.
type generateSeeds struct {
	s         *generateScreen
	way       *way
	stale     bool // the choice changed while another view was in front
	suggested int  // steps, while nobody has chosen others; 0 before a project

	first    uint64
	count    int
	pictures []made
	chosen   int           // in the grid
	ends     [2]int        // in the grid, of the way between two; equal where there is none
	between  []made        // on this way
	large    made          // the picture that is shown large, of either
	grid     *latest       // work on the pictures
	wayThere *latest       // and on the way
	seed     *widget.Entry // of the first picture
	number   *widget.SelectEntry

	cells, wayCells         []*pictureCell
	mosaic, strip           *fyne.Container
	view                    *widgets.ImageTable
	note                    *widget.Label
	wayTitle                *widget.Label
	dice, save, copy, all   *tip.Button
	allBetween              *tip.Button
	stripScroll, gridScroll *container.Scroll
	root                    *fyne.Container
}

func newGenerateSeeds(s *generateScreen) *generateSeeds {
	g := &generateSeeds{s: s, first: 1, count: 16}
	g.grid, g.wayThere = newLatest(s.showBusy), newLatest(s.showBusy)
	var at chosenWay
	if old := s.a.gen; old != nil {
		g.first, g.count, g.suggested, at = old.seeds.first, old.seeds.count, old.seeds.suggested, old.seeds.way.at
	}
	g.way = newWay(s.a, at, func() { g.changed() })
	g.make()
	return g
}

func (g *generateSeeds) make() {
	s := g.s
	g.seed = widget.NewEntry()
	g.seed.Validator = func(text string) error { _, err := parseSeed(text); return err }
	g.seed.SetText(strconv.FormatUint(g.first, 10))
	g.seed.OnChanged = func(text string) {
		if n, err := parseSeed(text); err == nil && n != g.first {
			g.first = n
			g.renew()
			g.changed()
		}
	}
	g.dice = button("", theme.NewThemedResource(diceIcon), tr("Another seed, by chance"), func() { g.seed.SetText(strconv.Itoa(1 + rand.IntN(mostRandom))) })
	g.number = widget.NewSelectEntry([]string{"4", "16", "36", "64"})
	g.number.Validator = func(text string) error { _, err := parseCount(text); return err }
	g.number.SetText(strconv.Itoa(g.count))
	g.number.OnChanged = func(text string) {
		if n, err := parseCount(text); err == nil && n != g.count {
			g.count = n
			g.renew()
			g.changed()
		}
	}
	g.save = button(tr("Save as…"), theme.DocumentSaveIcon(), tr("Save the picture that is shown large, as PNG or JPEG"), func() { s.desk().save(g.large.img, g.large.file) })
	g.copy = button(tr("Copy"), theme.ContentCopyIcon(), tr("Copy the picture that is shown large to the clipboard"), func() { s.desk().copy(g.large.img) })
	g.all = button(tr("Save all…"), theme.FolderNewIcon(), tr("Save every picture of the grid as PNG into a folder, named by its seed"), func() { s.saveAll(g.pictures) })
	row := []fyne.CanvasObject{
		s.viewButtons(), container.NewBorder(nil, nil, nil, g.dice, labelled(tr("Seed"), tr("Seed of the first picture; the others follow it. The same seed and round give the same picture."), sized(15, g.seed))),
		labelled(tr("Count"), tr("How many pictures: choose or type any number up to %d", mostPictures), sized(13, g.number)),
	}
	row = append(append(row, g.way.common...), g.save, g.copy, g.all)
	g.note = quiet("")
	g.note.Importance = widget.HighImportance
	g.note.Hide()
	g.mosaic = container.New(&mosaic{})
	g.gridScroll = container.NewVScroll(g.mosaic)
	g.view = widgets.NewImageTable()
	split := container.NewHSplit(g.gridScroll, g.view)
	split.SetOffset(.62)
	g.wayTitle = widget.NewLabel("")
	g.wayTitle.Truncation = fyne.TextTruncateEllipsis
	g.allBetween = button(tr("Save all…"), theme.FolderNewIcon(), tr("Save the pictures on the way as PNG into a folder"), func() { s.saveAll(g.between) })
	g.strip = container.NewHBox()
	for i := range onTheWay {
		c := newPictureCell("", "", 1, 5, func() { g.enlarge(g.between[i]); g.markWay(i) })
		g.wayCells = append(g.wayCells, c)
		g.strip.Add(c)
	}
	g.stripScroll = container.NewHScroll(g.strip)
	head := container.NewBorder(nil, nil, nil, g.allBetween, g.wayTitle)
	g.root = newPage(split, newRow(row...), g.note, split, head, g.stripScroll)
	g.renew()
}

func parseCount(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 || n > mostPictures {
		return 0, errors.New(tr("a number from 1 to %d", mostPictures))
	}
	return n, nil
}

// renew begins another grid: the pictures that were there are of other seeds.
func (g *generateSeeds) renew() {
	g.grid.stop()
	g.pictures, g.chosen = make([]made, g.count), 0
	for i := range g.pictures {
		seed := g.first + uint64(i)
		g.pictures[i] = made{file: fmt.Sprintf("seed-%d.png", seed), title: tr("Seed %d", seed)}
	}
	for len(g.cells) < g.count {
		i := len(g.cells)
		g.cells = append(g.cells, newPictureCell("", " ", 1, 4, func() { g.choose(i) }))
	}
	g.cells = g.cells[:g.count]
	g.mosaic.Objects = nil
	for i, c := range g.cells {
		c.clear()
		c.rename(g.pictures[i].title, strconv.FormatUint(g.first+uint64(i), 10))
		c.choose(i == 0)
		g.mosaic.Objects = append(g.mosaic.Objects, c)
	}
	g.mosaic.Refresh()
	g.gridScroll.ScrollToTop()
	g.enlarge(g.pictures[0])
	g.setEnds(0, 0)
}

// forget drops the pictures of another project.
func (g *generateSeeds) forget() {
	g.suggested = 0
	g.renew()
}

// suggestedSteps are enough for a first look at a round: what a finish was trained for, more where paths bend.
func suggestedSteps(s project.Settings, r project.Round) int {
	switch {
	case r.Kind == project.KindFlow:
		return 16
	case r.Kind.EveryTime():
		return 4
	}
	return s.FinishSteps(r.Kind)
}

// changed makes the pictures anew by the present choice.
func (g *generateSeeds) changed() {
	if g.root == nil {
		return
	}
	trained := g.way.trained()
	if r, ok := g.way.effective(); ok && (g.suggested == 0 || g.way.at.Steps == g.suggested) {
		g.suggested = suggestedSteps(g.way.project, r)
		g.way.setSteps(g.suggested)
	}
	g.way.setEnabled(trained)
	for _, d := range []fyne.Disableable{g.seed, g.dice, g.number} {
		setEnabled(d, trained)
	}
	note := g.way.note()
	setText(g.note, note)
	setShown(g.note, note != "")
	g.enable()
	g.root.Refresh()
	g.s.showTrained(trained)
	g.stale = true
	if !g.s.fromImage {
		g.catchUp()
	}
}

// catchUp makes what the choice asks for and is not there.
func (g *generateSeeds) catchUp() {
	if !g.stale {
		return
	}
	g.stale = false
	if !g.way.trained() {
		g.grid.stop()
		g.wayThere.stop()
		return
	}
	g.makeGrid()
	g.makeWay()
}

func (g *generateSeeds) makeGrid() {
	first, count, r, pictures := g.first, g.count, g.way.request(), g.pictures
	g.grid.ask(settleTime, func(ctx context.Context) func() {
		fyne.Do(func() { g.s.say(tr("Generating…")) })
		took, err := g.s.generator.Pictures(ctx, first, count, r, func(i int, img *image.NRGBA) {
			fyne.Do(func() {
				if ctx.Err() != nil {
					return
				}
				old := pictures[i].img
				pictures[i].img = img
				g.cells[i].set(false, img)
				if g.large.file == pictures[i].file && g.large.img == old {
					g.enlarge(pictures[i])
				}
				g.enable()
			})
		})
		return func() {
			if err != nil {
				g.s.failed(tr("The pictures could not be generated"), err)
				return
			}
			text := tr("%d pictures", count)
			if count == 1 {
				text = tr("1 picture")
			}
			g.s.say(text + " · " + effort(took))
		}
	})
}

// choose shows a picture of the grid large, and the way to it from the one before.
func (g *generateSeeds) choose(i int) {
	before := g.chosen
	g.chosen = i
	for k, c := range g.cells {
		c.choose(k == i)
	}
	g.markWay(-1)
	g.enlarge(g.pictures[i])
	if before != i {
		g.setEnds(before, i)
		if g.way.trained() {
			g.makeWay()
		}
	}
}

// setEnds begins another way, from one picture of the grid to another.
func (g *generateSeeds) setEnds(from, to int) {
	g.wayThere.stop()
	g.ends, g.between = [2]int{from, to}, nil
	text := tr("Click a second picture to see the way from the one to the other.")
	if from != to {
		a, b := g.first+uint64(from), g.first+uint64(to)
		text = tr("On the way from seed %d to seed %d", a, b)
		for i := range onTheWay {
			g.between = append(g.between, made{file: fmt.Sprintf("between-%d-%d-%03d.png", a, b, i+1), title: tr("%d of %d from seed %d to seed %d", i+1, onTheWay, a, b)})
		}
	}
	setText(g.wayTitle, text)
	for i, c := range g.wayCells {
		c.clear()
		c.choose(false)
		if from != to {
			c.rename(g.between[i].title, "")
		}
	}
	setShown(g.stripScroll, from != to)
	setShown(g.allBetween, from != to)
	g.enable()
	if g.root != nil {
		g.root.Refresh()
	}
}

// makeWay makes the pictures between two.
func (g *generateSeeds) makeWay() {
	if g.ends[0] == g.ends[1] {
		return
	}
	from, to, r, between := g.first+uint64(g.ends[0]), g.first+uint64(g.ends[1]), g.way.request(), g.between
	g.wayThere.ask(settleTime, func(ctx context.Context) func() {
		_, err := g.s.generator.Between(ctx, from, to, onTheWay, r, func(i int, img *image.NRGBA) {
			fyne.Do(func() {
				if ctx.Err() != nil {
					return
				}
				old := between[i].img
				between[i].img = img
				g.wayCells[i].set(false, img)
				if g.large.file == between[i].file && g.large.img == old {
					g.enlarge(between[i])
				}
				g.enable()
			})
		})
		return func() {
			if err != nil {
				g.s.failed(tr("The way between two seeds could not be made"), err)
			}
		}
	})
}

// markWay marks a picture on the way as chosen; −1 marks none.
func (g *generateSeeds) markWay(i int) {
	for k, c := range g.wayCells {
		c.choose(k == i)
	}
	if i >= 0 {
		for _, c := range g.cells {
			c.choose(false)
		}
	}
}

// enlarge shows a picture large.
func (g *generateSeeds) enlarge(m made) {
	g.large = m
	var rows [][]image.Image
	if m.img != nil {
		rows = [][]image.Image{{m.img}}
	}
	g.view.SetTable([]string{m.title}, rows)
	g.enable()
}

// enable says which buttons have an effect.
func (g *generateSeeds) enable() {
	setEnabled(g.save, g.large.img != nil)
	setEnabled(g.copy, g.large.img != nil)
	setEnabled(g.all, complete(g.pictures))
	setEnabled(g.allBetween, complete(g.between))
}

// diceIcon is a die that shows five.
var diceIcon = fyne.NewStaticResource("dice.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"><path fill="#000" fill-rule="evenodd" d="M5 3h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zm0 2v14h14V5zM8 6.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zm8 0a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zm-4 4a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zm-4 4a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zm8 0a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z"/></svg>`))

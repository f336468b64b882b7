//go:build !headless

package desktop

import (
	"fmt"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/train"
)

const minimumImages = train.MinimumImages

// warn says in plain words what looks wrong with the two folders together, and which choices have no effect.
func (s *domainsScreen) warn(warnings []studio.Warning, left []studio.Clash, a, b studio.DomainState) {
	var lines []string
	for _, w := range warnings {
		lines = append(lines, s.warning(w, a, b))
	}
	for _, c := range left {
		lines = append(lines, s.clash(c))
	}
	if text := strings.Join(lines, "\n"); text != s.warned {
		s.warned = text
		s.warnings.RemoveAll()
		for _, line := range lines {
			l := wrapped(line)
			l.Importance = widget.WarningImportance
			s.warnings.Add(container.NewBorder(nil, nil, widget.NewIcon(theme.NewWarningThemedResource(theme.WarningIcon())), nil, l))
		}
		s.root.Refresh() // the cards give room, or get it back
	}
}

func (s *domainsScreen) warning(w studio.Warning, a, b studio.DomainState) string {
	switch w {
	case studio.TooFewSource:
		return tr("The source has %d usable images, and training needs at least %d: add images to the folder or choose another one.", a.Images, minimumImages)
	case studio.TooFewTarget:
		return tr("The target has %d usable images, and training needs at least %d: add images to the folder or choose another one.", b.Images, minimumImages)
	case studio.FewSource:
		return tr("The source has only %d images. A few hundred or more give a translator that also works on new pictures.", a.Images)
	case studio.FewTarget:
		if a.Noise {
			return tr("The target has only %d images, which a generator learns by heart. A thousand or more give pictures of its own.", b.Images)
		}
		return tr("The target has only %d images. A few hundred or more give a translator that also works on new pictures.", b.Images)
	case studio.SameFolder:
		return tr("Source and target are the same folder: choose two different ones, there is nothing to learn from one.")
	case studio.DifferentFraming:
		return tr("One folder shows subjects on a plain ground, the other fills the whole picture. Translations keep the layout, so crop or cut out one of them to match.")
	case studio.DifferentAspect:
		return tr("The pictures have very different shapes (width to height %.2f and %.2f). They are cropped to squares; check in the thumbnails that the subject stays inside.", a.Shape.Aspect, b.Shape.Aspect)
	case studio.SmallerThanModel:
		return tr("Half of the pictures are smaller than %d px and will be enlarged. A smaller size learns as much, faster.", s.settings.Size)
	case studio.VeryUnequalCounts:
		return tr("One folder has %d images, the other %d. The smaller one decides how varied the result is.", a.Images, b.Images)
	}
	return fmt.Sprint(w)
}

// clash says which choice has no effect, and why.
func (s *domainsScreen) clash(c studio.Clash) string {
	switch c {
	case studio.BothWaysWithoutFinish:
		return tr("Both ways has no effect: the finish learns them, and there is none. Flow and reflow rounds know both ways anyhow.")
	case studio.BothWaysFromNoise:
		return tr("Both ways has no effect: a generator goes back to noise by its flow and reflow rounds.")
	case studio.StepsWithoutDistil:
		return tr("Distil steps have no effect: only the finish Distil learns more than one step.")
	case studio.RegisteredNoise:
		return tr("The registered coupling has no effect: it needs source images, and the source is noise.")
	}
	return fmt.Sprint(c)
}

// showMore shows the settings that few people change.
func (s *domainsScreen) showMore() {
	t := s.settings
	fit := selection([]string{tr("Crop to a square"), tr("Pad to a square"), tr("Stretch to a square")}, int(t.Fit), func(i int) { t.Fit = project.Fit(i) })
	background := selection([]string{tr("White"), tr("Grey"), tr("Black")}, map[project.Colour]int{{255, 255, 255}: 0, {128, 128, 128}: 1, {}: 2}[t.Background], func(i int) {
		t.Background = []project.Colour{{255, 255, 255}, {128, 128, 128}, {}}[i]
	})
	flip := selection([]string{tr("By itself"), tr("On"), tr("Off")}, int(t.Flip), func(i int) { t.Flip = project.Flip(i) })
	coupling := selection([]string{tr("By itself"), tr("Registered, over all images"), tr("Optimal transport in minibatches"), tr("Independent")}, int(t.Coupling), func(i int) { t.Coupling = project.Coupling(i) })
	feature := selection([]string{tr("By itself"), tr("Edges"), tr("Pixels"), tr("Brightness")}, int(t.CouplingFeature), func(i int) { t.CouplingFeature = project.Feature(i) })
	loss := selection([]string{tr("Pixels and features"), tr("Pixels only")}, int(t.Loss), func(i int) { t.Loss = project.Loss(i) })
	number := func(text string, valid func(string) error) *dialogEntry {
		e := newDialogEntry()
		e.SetText(text)
		e.Validator = valid
		return e
	}
	inRange := func(lo, hi float64) func(string) error {
		return func(text string) error {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || v < lo || v > hi {
				return fmt.Errorf("%s", tr("a number from %g to %g", lo, hi))
			}
			return nil
		}
	}
	border := selection([]string{tr("Zeros"), tr("Its pixels repeated"), tr("By itself")}, int(t.Border), func(i int) { t.Border = project.Border(i) })
	fromNoise := s.app.studio.Domains[0].State().Noise
	pairing, likeness, comparing := tr("How images of both folders are paired for the first round"), tr("What makes two images alike; by itself it is measured"), tr("Features keep lines sharp; pixels alone is the textbook's")
	if fromNoise {
		pairing, likeness, comparing = tr("How noise is paired with images; by itself at random"), tr("Between two folders only"), tr("From noise, pixels alone are compared")
		feature.Disable()
		loss.Disable()
		border.Disable()
	}
	hint := tr("The finish learns the step from target to source too")
	switch {
	case fromNoise:
		hint = tr("Between two folders only: a generator goes back by its flow")
	case t.Finish == project.FinishNone:
		hint = tr("Needs a finish: choose Distil or Refine first")
	}
	bothWays := newDialogCheck(t.BothWays, func(on bool) { t.BothWays = on })
	setEnabled(bothWays, !fromNoise && t.Finish != project.FinishNone || t.BothWays) // what is on can be put off
	distilHint := tr("In how many steps the finish translates: 1 to 16; 1 is usual")
	distil := number(fmt.Sprint(max(1, t.DistilSteps)), inRange(1, 16))
	if t.Finish != project.FinishDistil {
		distilHint = tr("With the finish Distil only")
		setEnabled(distil, t.DistilSteps > 1)
	}
	noise, noiseHint := number(fmt.Sprint(t.BridgeNoise), inRange(0, 1)), tr("0 to 1; 0.1 is usual")
	if fromNoise {
		noiseHint = tr("Between two folders only")
		noise.Disable()
	}
	seed := number(fmt.Sprint(t.Seed), inRange(0, 1e15))
	batch := number(fmt.Sprint(t.Batch), inRange(0, 4096))
	form := widget.NewForm(
		formItem(tr("Fit"), tr("How a picture becomes square"), fit),
		formItem(tr("Background"), tr("Under transparent parts and beside padded pictures"), background),
		formItem(tr("Mirrored images"), tr("Off for text, maps and hands; by itself it is measured"), flip),
		formItem(tr("Coupling"), pairing, coupling),
		formItem(tr("Paired by"), likeness, feature),
		formItem(tr("Loss"), comparing, loss),
		formItem(tr("Beyond the border"), tr("What the network sees there; zeros can draw a frame; by itself it is measured"), border),
		formItem(tr("Both ways"), hint, bothWays),
		formItem(tr("Distil steps"), distilHint, distil),
		formItem(tr("Bridge noise"), noiseHint, noise),
		formItem(tr("Batch"), tr("Images a step; 0 is the preset's"), batch),
		formItem(tr("Seed"), tr("The same seed gives the same result on one backend"), seed),
	)
	inside := scrolled(form)
	d := dialog.NewCustomWithoutButtons(tr("More settings of the new project"), inside, s.app.window)
	apply := primary(tr("Apply"), func() {
		t.BridgeNoise, _ = strconv.ParseFloat(noise.Text, 64) // validated, or Apply is disabled
		n, _ := strconv.ParseFloat(seed.Text, 64)
		t.Seed = uint64(n)
		n, _ = strconv.ParseFloat(batch.Text, 64)
		t.Batch = int(n)
		n, _ = strconv.ParseFloat(distil.Text, 64)
		t.DistilSteps = int(n)
		s.settings = t
		d.Hide()
	})
	form.SetOnValidationChanged(func(err error) { setEnabled(apply, err == nil) })
	d.SetButtons([]fyne.CanvasObject{widget.NewButton(tr("Cancel"), d.Hide), apply})
	s.app.showWhole(d, inside, 640)
}

//go:build !headless

package desktop

import (
	"errors"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/engine/translate"
)

// exportOptions are the choices of an export, as the command translate has them.
type exportOptions struct {
	s                    *exportScreen
	way                  *way
	format               translate.Format
	quality              int
	recursive, overwrite bool

	formats           *explainedSelect
	qualities         *widget.Entry
	recurses, replace *tip.Check
	lossy             fyne.CanvasObject // what only JPEG has
	note              *widget.Label
	root              *fyne.Container
}

func newExportOptions(s *exportScreen) *exportOptions {
	o := &exportOptions{s: s, quality: savedQuality}
	o.make(chosenWay{})
	return o
}

// adopt takes the choices of another language's or look's screen.
func (o *exportOptions) adopt(old *exportOptions) {
	o.format, o.quality, o.recursive, o.overwrite = old.format, old.quality, old.recursive, old.overwrite
	o.make(old.way.at)
}

func (o *exportOptions) make(at chosenWay) {
	o.way = newWay(o.s.a, at, o.wayChanged)
	o.formats = choice([]string{"PNG", "JPEG"}, int(o.format), tr("PNG keeps every pixel and the transparency. JPEG is smaller."), func(i int) {
		o.format = translate.Format(i)
		setShown(o.lossy, o.format == translate.JPEG)
		o.s.changed()
	})
	o.qualities = widget.NewEntry()
	o.qualities.SetText(strconv.Itoa(o.quality))
	o.qualities.Validator = func(s string) error { _, err := parseQuality(s); return err }
	o.qualities.OnChanged = func(s string) {
		if q, err := parseQuality(s); err == nil {
			o.quality = q
		}
		o.s.changed()
	}
	o.lossy = labelled(tr("JPEG quality"), tr("Of JPEG, 1 to 100: higher is better and larger"), sized(11, o.qualities))
	setShown(o.lossy, o.format == translate.JPEG)
	o.recurses = check(tr("Folders inside folders too"), o.recursive, tr("Go into the folders inside the given folders, and keep their structure"), func(on bool) {
		o.recursive = on
		o.s.inputs.set(o.s.inputs.list)
	})
	o.replace = check(tr("Replace existing files"), o.overwrite, tr("Otherwise a file that is there is never touched: it is skipped if this export wrote it, and reported if not"), func(on bool) { o.overwrite = on })
	o.note = quiet("")
	o.note.Importance = widget.HighImportance
	o.note.Hide()
	rows := append([]fyne.CanvasObject{}, o.way.groups...)
	rows = append(rows, whole(o.formats), o.lossy)
	o.root = newPage(nil, newRow(rows...), o.note, newRow(o.recurses, o.replace))
}

func parseQuality(s string) (int, error) {
	q, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || q < 1 || q > 100 {
		return 0, errors.New(tr("a number from 1 to %d", 100))
	}
	return q, nil
}

// valid says whether every entry can be used as it stands.
func (o *exportOptions) valid() bool {
	_, steps := parseSteps(o.way.steps.Text)
	_, quality := parseQuality(o.qualities.Text)
	return steps == nil && (quality == nil || o.format != translate.JPEG)
}

func (o *exportOptions) wayChanged() {
	note := o.way.note()
	setText(o.note, note)
	setShown(o.note, note != "")
	o.s.changed()
}

// setEnabled enables or disables what needs a trained round.
func (o *exportOptions) setEnabled(on bool) { o.way.setEnabled(on) }

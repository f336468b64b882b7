//go:build !headless

package desktop

import (
	"errors"
	"image"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/translate"
)

// exportCounts counts the files by what became of them.
type exportCounts struct{ done, there, failed, ignored int }

// text is what became of the files, and in which time; what did not occur is left out.
func (c exportCounts) text(took time.Duration) string {
	parts := []string{tr("%d exported", c.done)}
	if c.there > 0 {
		parts = append(parts, tr("%d already there", c.there))
	}
	if c.failed > 0 {
		parts = append(parts, tr("%d failed", c.failed))
	}
	if c.ignored > 0 {
		parts = append(parts, tr("%d that are no images", c.ignored))
	}
	long := span(took)
	if took < 3*time.Second {
		long = moment(took)
	}
	return strings.Join(append(parts, tr("in %s", long)), " · ")
}

// exportTable shows what became of each file, in the order in which they were finished. It follows the newest as long
// as its end is in sight. Only the rows in sight have widgets and pictures.
type exportTable struct {
	s      *exportScreen
	rows   []translate.Event
	counts exportCounts
	bad    []int // rows that failed
	only   bool  // show those alone

	list   *widget.List
	filter *tip.Check
	shown  map[int]*eventRow // rows by what they show; some are out of sight
	thumbs *thumbnails
	root   fyne.CanvasObject
}

func newExportTable(s *exportScreen) *exportTable {
	t := &exportTable{s: s, shown: map[int]*eventRow{}}
	t.thumbs = newThumbnails(
		func(path string) bool {
			first, last := t.inSight()
			for i, r := range t.shown {
				if r.path == path && i >= first && i <= last {
					return true
				}
			}
			return false
		},
		func(path string) {
			for _, r := range t.shown {
				if r.path == path {
					r.setPicture(t.thumbs.get(path))
				}
			}
		})
	t.list = widget.NewList(t.length, func() fyne.CanvasObject { return newEventRow() }, t.update)
	t.list.OnSelected = func(i widget.ListItemID) {
		t.list.UnselectAll() // so that it can be tapped again
		t.tap(t.event(i))
	}
	t.filter = check(tr("Failed only"), false, tr("Show only the files that failed"), func(on bool) {
		t.only = on
		t.list.ScrollToTop()
		t.list.Refresh()
	})
	head := newEventRow()
	head.name.SetText(tr("File"))
	head.status.SetText(tr("Status"))
	head.seconds.SetText(tr("Time"))
	head.detail.SetText(tr("Result"))
	for _, l := range []*widget.Label{head.name, head.status, head.seconds, head.detail} {
		l.TextStyle.Bold = true
		l.Refresh()
	}
	top := container.NewVBox(container.New(&columns{heading: true}, head.objects()...), widget.NewSeparator())
	t.root = container.NewBorder(top, nil, nil, nil, container.New(tallList{}, t.list))
	return t
}

func (t *exportTable) length() int {
	if t.only {
		return len(t.bad)
	}
	return len(t.rows)
}

func (t *exportTable) event(i int) translate.Event {
	if t.only {
		i = t.bad[i]
	}
	return t.rows[i]
}

// clear forgets the rows of an export that another one follows.
func (t *exportTable) clear() {
	t.rows, t.bad, t.counts = nil, nil, exportCounts{}
	t.thumbs.forget()
	t.list.ScrollToTop()
	t.list.Refresh()
}

// take shows what has been finished since.
func (t *exportTable) take(st studio.ExportState) {
	if len(st.Rows) < len(t.rows) {
		t.clear()
	}
	if len(st.Rows) == len(t.rows) {
		return
	}
	following := t.atEnd()
	for i := len(t.rows); i < len(st.Rows); i++ {
		switch e := st.Rows[i]; {
		case e.Skipped && e.Err != nil:
			t.counts.ignored++
		case e.Skipped:
			t.counts.there++
		case e.Err != nil:
			t.counts.failed++
			t.bad = append(t.bad, i)
		default:
			t.counts.done++
		}
	}
	t.rows = st.Rows
	t.list.Refresh()
	if following {
		t.list.ScrollToBottom()
	}
}

// mostRows are remembered before those out of sight are forgotten.
const mostRows = 100

// show remembers which row shows what.
func (t *exportTable) show(i int, r *eventRow) {
	if t.shown[r.index] == r {
		delete(t.shown, r.index)
	}
	r.index = i
	t.shown[i] = r
	if len(t.shown) > mostRows {
		first, last := t.inSight()
		maps.DeleteFunc(t.shown, func(k int, _ *eventRow) bool { return k != i && (k < first || k > last) })
	}
}

// inSight is the range of rows that can be seen, and one more at either end.
func (t *exportTable) inSight() (first, last int) {
	row := eventHeight() + theme.Padding()
	offset := t.list.GetScrollOffset()
	return int(offset/row) - 1, int((offset+t.list.Size().Height)/row) + 1
}

// atEnd says whether the last row is in sight.
func (t *exportTable) atEnd() bool {
	row := eventHeight() + theme.Padding()
	return t.list.GetScrollOffset()+t.list.Size().Height >= float32(t.length())*row-row
}

// tap shows all of an error, or the file that was written.
func (t *exportTable) tap(e translate.Event) {
	switch {
	case e.Err != nil:
		t.s.a.show(explain(tr("%s was not exported", baseName(e.Input)), e.Err))
	case e.Output != "":
		t.s.show(e.Output)
	}
}

func (t *exportTable) update(i widget.ListItemID, o fyne.CanvasObject) {
	r, e := o.(*eventRow), t.event(i)
	status, importance, detail := tr("Done"), widget.MediumImportance, filepath.Base(e.Output)
	switch {
	case e.Skipped && e.Err != nil:
		status, importance, detail = tr("No image"), widget.LowImportance, reason(e.Err)
	case e.Skipped:
		status, importance = tr("Already there"), widget.LowImportance
	case e.Err != nil:
		status, importance, detail = tr("Failed"), widget.DangerImportance, reason(e.Err)
	}
	seconds := ""
	if e.Seconds > 0 && !e.Skipped {
		seconds = moment(time.Duration(e.Seconds * float64(time.Second)))
	}
	setText(r.name, baseName(e.Input))
	if r.status.Text != status || r.status.Importance != importance {
		r.status.Importance = importance
		r.status.SetText(status)
	}
	setText(r.seconds, seconds)
	setText(r.detail, detail)
	path := e.Output
	if path == "" && !e.Skipped {
		path = e.Input
	}
	t.show(i, r)
	r.path = path
	r.setPicture(t.thumbs.get(path))
}

// reason is an error without the file's name, which stands beside it; a tap shows the whole.
func reason(err error) string {
	var file *datasets.FileError
	var exists *translate.ExistsError
	var path *fs.PathError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return tr("The disk is full: free some space, then retry what failed")
	case errors.Is(err, translate.ErrFolderGone):
		return told(translate.ErrFolderGone.Error())
	case errors.As(err, &file):
		return told(file.Reason)
	case errors.As(err, &exists):
		return told(exists.Reason)
	case errors.As(err, &path):
		return told(path.Err.Error())
	}
	return told(err.Error())
}

// eventRow is a row of the table.
type eventRow struct {
	widget.BaseWidget
	index                         int    // of what it shows
	path                          string // of its picture
	back                          *canvas.Rectangle
	picture                       *canvas.Image
	name, status, seconds, detail *widget.Label
}

func newEventRow() *eventRow {
	r := &eventRow{
		back: canvas.NewRectangle(nil), picture: &canvas.Image{FillMode: canvas.ImageFillContain, ScaleMode: canvas.ImageScaleFastest},
		name: widget.NewLabel(""), status: widget.NewLabel(""), seconds: widget.NewLabel(""), detail: widget.NewLabel(""),
	}
	for _, l := range []*widget.Label{r.name, r.status, r.seconds, r.detail} {
		l.Truncation = fyne.TextTruncateEllipsis
	}
	r.seconds.Alignment = fyne.TextAlignTrailing
	r.back.CornerRadius = theme.Size(theme.SizeNameSelectionRadius)
	r.ExtendBaseWidget(r)
	return r
}

func (r *eventRow) objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{container.NewStack(r.back, r.picture), r.name, r.status, r.seconds, r.detail}
}

// setPicture shows the file's picture, or a plain square.
func (r *eventRow) setPicture(img image.Image) {
	if r.picture.Image != img {
		r.picture.Image = img
		r.picture.Refresh()
	}
	c := theme.Color(theme.ColorNameInputBackground)
	if r.back.FillColor != c {
		r.back.FillColor = c
		r.back.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (r *eventRow) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(container.New(&columns{}, r.objects()...))
}

// eventHeight is the height of a row.
func eventHeight() float32 { return theme.TextSize() * 2.8 }

// columns lays out a row: picture, file, status, time, and what is left for the rest. Where that is too little to read,
// time and rest are left out: a tap shows them.
type columns struct{ heading bool }

// MinSize implements fyne.Layout.
func (c *columns) MinSize([]fyne.CanvasObject) fyne.Size {
	height := eventHeight()
	if c.heading {
		height = theme.TextSize() * 2
	}
	return fyne.NewSize(theme.TextSize()*14, height)
}

// Layout implements fyne.Layout.
func (c *columns) Layout(o []fyne.CanvasObject, size fyne.Size) {
	letter, side := theme.TextSize(), eventHeight()
	status, seconds := letter*7.5, letter*5
	rest := size.Width - side - status - seconds
	widths := []float32{side, rest * .42, status, seconds, rest * .58}
	whole := rest > 14*letter
	if !whole {
		widths = []float32{side, max(0, size.Width-side-status), status, 0, 0}
	}
	setShown(o[3], whole)
	setShown(o[4], whole)
	var x float32
	for i, w := range widths {
		height := size.Height
		if i > 0 { // a label is as high as its text: in the middle
			height = o[i].MinSize().Height
		}
		o[i].Move(fyne.NewPos(x, (size.Height-height)/2))
		o[i].Resize(fyne.NewSize(w, height))
		x += w
	}
}

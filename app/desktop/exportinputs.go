//go:build !headless

package desktop

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/desktop/widgets"
	"github.com/straightway-app/straightway/datasets"
)

// exportInput is a file or folder to export.
type exportInput struct {
	path   string
	folder bool
	images int   // in the folder, by their endings; −1 while they are counted
	err    error // why they could not be counted
}

// exportInputs is the list of what to export.
type exportInputs struct {
	s      *exportScreen
	list   []*exportInput
	cancel context.CancelFunc // of the counting

	rows  *widget.List
	empty *widget.Label // what to do while there is nothing
	total *widget.Label
	clear *tip.Button
	frame *widgets.DropFrame
}

func newExportInputs(s *exportScreen) *exportInputs {
	n := &exportInputs{s: s, cancel: func() {}}
	n.rows = widget.NewList(func() int { return len(n.list) }, n.newRow, n.update)
	n.rows.OnSelected = func(i widget.ListItemID) {
		n.rows.UnselectAll()
		s.show(n.list[i].path)
	}
	file := button(tr("Add file…"), theme.FileImageIcon(), tr("Add an image; drop any number here"), func() { s.a.chooseImage(func(path string) { n.add(path) }) })
	folder := button(tr("Add folder…"), theme.FolderNewIcon(), tr("Add all images of a folder"), func() {
		s.a.chooseFolder(tr("Translate the images of"), func(path string) { n.add(path) })
	})
	n.clear = button(tr("Clear"), theme.ContentClearIcon(), tr("Take everything off the list; no file is touched"), func() { n.set(nil) })
	n.total = quiet("")
	n.empty = widget.NewLabelWithStyle(tr("Drop files and folders here."), fyne.TextAlignCenter, fyne.TextStyle{})
	n.empty.Wrapping, n.empty.Importance = fyne.TextWrapWord, widget.LowImportance
	tall := container.New(tallList{}, container.NewStack(n.rows, container.NewVBox(layout.NewSpacer(), n.empty, layout.NewSpacer())))
	n.frame = widgets.NewDropFrame(tr("Inputs"), newPage(tall, newRow(file, folder, n.clear), tall, n.total))
	n.count()
	return n
}

// tallList gives a list the height of some rows.
type tallList struct{}

// MinSize implements fyne.Layout.
func (tallList) MinSize(o []fyne.CanvasObject) fyne.Size {
	least := o[0].MinSize()
	return fyne.NewSize(least.Width, max(least.Height, theme.TextSize()*6))
}

// Layout implements fyne.Layout.
func (tallList) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (n *exportInputs) adopt(old *exportInputs) {
	old.cancel()
	n.set(old.list)
}

// paths is what is on the list.
func (n *exportInputs) paths() []string {
	var paths []string
	for _, in := range n.list {
		paths = append(paths, in.path)
	}
	return paths
}

// add puts files and folders on the list that are not there yet.
func (n *exportInputs) add(paths ...string) {
	list := slices.Clone(n.list)
	for _, path := range paths {
		path = filepath.Clean(path)
		if slices.ContainsFunc(list, func(in *exportInput) bool { return in.path == path }) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			n.s.a.fail(tr("%s could not be added", baseName(path)), err)
			continue
		}
		list = append(list, &exportInput{path: path, folder: info.IsDir()})
	}
	n.set(list)
}

func (n *exportInputs) set(list []*exportInput) {
	n.list = list
	n.count()
	n.rows.Refresh()
	n.s.changed()
}

// count counts the images in the folders, in the background.
func (n *exportInputs) count() {
	n.cancel()
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	recursive := n.s.options != nil && n.s.options.recursive
	for _, in := range n.list {
		in.images, in.err = 1, nil
		if in.folder {
			in.images = -1
			path := in.path
			n.s.start(func() {
				images := 0
				err := datasets.Walk(ctx, path, recursive, func(found string) error {
					if hasImageEnding(found) {
						images++
					}
					return nil
				}, nil)
				fyne.Do(func() {
					if ctx.Err() == nil {
						in.images, in.err = images, err
						n.rows.Refresh()
						n.tell()
					}
				})
			})
		}
	}
	n.tell()
}

// tell says how much there is.
func (n *exportInputs) tell() {
	images, counting := 0, false
	for _, in := range n.list {
		images += max(0, in.images)
		counting = counting || in.images < 0
	}
	text := tr("Inputs: %d · images: %d", len(n.list), images)
	switch {
	case len(n.list) == 0:
		text = ""
	case counting:
		text = tr("Inputs: %d · counting…", len(n.list))
	}
	setText(n.total, text)
	setShown(n.empty, text == "")
	setEnabled(n.clear, len(n.list) > 0)
}

// inputRow is a row of the list.
type inputRow struct {
	widget.BaseWidget
	row     *fyne.Container
	symbol  *widget.Icon
	name    *tip.Label
	count   *widget.Label
	remove  *tip.Button
	removed func() // takes it off the list
}

func (n *exportInputs) newRow() fyne.CanvasObject {
	r := &inputRow{symbol: widget.NewIcon(nil), name: tip.NewLabel(""), count: widget.NewLabel("")}
	r.name.Truncation = fyne.TextTruncateEllipsis
	r.count.Importance = widget.LowImportance
	r.remove = button("", theme.DeleteIcon(), tr("Take this off the list; the file stays"), func() { r.removed() })
	r.remove.Importance = widget.LowImportance
	r.row = container.NewBorder(nil, nil, r.symbol, container.NewHBox(r.count, r.remove), r.name)
	r.ExtendBaseWidget(r)
	return r
}

// CreateRenderer implements fyne.Widget.
func (r *inputRow) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(r.row)
}

func (n *exportInputs) update(i widget.ListItemID, o fyne.CanvasObject) {
	r, in := o.(*inputRow), n.list[i]
	symbol, count := theme.FileImageIcon(), ""
	if in.folder {
		symbol = theme.FolderIcon()
		switch {
		case in.err != nil:
			count = tr("unreadable")
		case in.images < 0:
			count = "…"
		case in.images == 1:
			count = tr("1 image")
		default:
			count = tr("%d images", in.images)
		}
	}
	r.symbol.SetResource(symbol)
	if name := baseName(in.path); r.name.Text != name {
		r.name.SetText(name)
	}
	r.name.SetToolTip(in.path)
	if r.count.Text != count {
		r.count.SetText(count)
		r.row.Refresh() // it may need another width
	}
	r.removed = func() {
		n.set(slices.DeleteFunc(slices.Clone(n.list), func(x *exportInput) bool { return x == in }))
	}
}

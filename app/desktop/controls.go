//go:build !headless

package desktop

import (
	"fmt"
	"path/filepath"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"
)

// button is a button with an explanation that shows when the pointer rests on it.
func button(text string, symbol fyne.Resource, explanation string, tapped func()) *tip.Button {
	b := tip.NewButtonWithIcon(text, symbol, nil)
	b.OnTapped = func() {
		b.ToolTipWidgetExtend.MouseOut() // it has done its work, and would lie over what the button brings
		tapped()
	}
	b.SetToolTip(explanation)
	return b
}

// choice is a selection with an explanation. Names are shown, in the present language; chosen gets the index.
func choice(names []string, at int, explanation string, chosen func(int)) *explainedSelect {
	s := &explainedSelect{}
	s.ExtendBaseWidget(s)
	s.SetOptions(names)
	s.SetSelectedIndex(at)
	s.OnChanged = func(string) { chosen(s.SelectedIndex()) }
	s.SetToolTip(explanation)
	return s
}

// explainedSelect is a selection whose explanation goes when it opens.
type explainedSelect struct{ tip.Select }

// Tapped implements fyne.Tappable.
func (s *explainedSelect) Tapped(e *fyne.PointEvent) {
	s.ToolTipWidgetExtend.MouseOut()
	s.Select.Tapped(e)
}

// selection is a choice inside a dialog, where explanations have no room of their own.
func selection(names []string, at int, chosen func(int)) *dialogSelect {
	w := &dialogSelect{}
	w.ExtendBaseWidget(w)
	w.SetOptions(names)
	w.SetSelectedIndex(max(0, at))
	w.OnChanged = func(string) { chosen(w.SelectedIndex()) }
	return w
}

// escaped hands Escape to the window, which closes the dialog in front: a control that has the keyboard would keep it.
func escaped(o fyne.CanvasObject, k *fyne.KeyEvent) bool {
	c := fyne.CurrentApp().Driver().CanvasForObject(o)
	if k.Name != fyne.KeyEscape || c == nil || c.OnTypedKey() == nil {
		return false
	}
	c.OnTypedKey()(k)
	return true
}

// dialogSelect is a selection inside a dialog.
type dialogSelect struct{ widget.Select }

// TypedKey implements fyne.Focusable.
func (s *dialogSelect) TypedKey(k *fyne.KeyEvent) {
	if !escaped(s, k) {
		s.Select.TypedKey(k)
	}
}

// dialogEntry is a line to type in inside a dialog.
type dialogEntry struct{ widget.Entry }

func newDialogEntry() *dialogEntry {
	e := &dialogEntry{}
	e.Wrapping = fyne.TextWrapOff
	e.ExtendBaseWidget(e)
	return e
}

// TypedKey implements fyne.Focusable.
func (e *dialogEntry) TypedKey(k *fyne.KeyEvent) {
	if !escaped(e, k) {
		e.Entry.TypedKey(k)
	}
}

// dialogCheck is a check box inside a dialog.
type dialogCheck struct{ widget.Check }

func newDialogCheck(on bool, changed func(bool)) *dialogCheck {
	c := &dialogCheck{}
	c.Checked, c.OnChanged = on, changed
	c.ExtendBaseWidget(c)
	return c
}

// TypedKey implements fyne.Focusable.
func (c *dialogCheck) TypedKey(k *fyne.KeyEvent) {
	if !escaped(c, k) {
		c.Check.TypedKey(k)
	}
}

// formItem is a line of a form, with a hint below its control.
func formItem(text, hint string, o fyne.CanvasObject) *widget.FormItem {
	f := widget.NewFormItem(text, o)
	f.HintText = hint
	return f
}

// light shows which of some buttons is the chosen one; the others look otherwise.
func light(b *widget.Button, chosen bool, otherwise widget.Importance) {
	importance := otherwise
	if chosen {
		importance = widget.HighImportance
	}
	if b.Importance != importance {
		b.Importance = importance
		b.Refresh()
	}
}

// copyButton puts a text on the clipboard.
func (a *App) copyButton(text string) *widget.Button {
	return widget.NewButton(tr("Copy"), func() { a.fyne.Clipboard().SetContent(text) })
}

// menuUnder shows a menu under a control.
func (a *App) menuUnder(o fyne.CanvasObject, items []*fyne.MenuItem) {
	at := a.fyne.Driver().AbsolutePositionForObject(o)
	widget.ShowPopUpMenuAtPosition(fyne.NewMenu("", items...), a.window.Canvas(), at.AddXY(0, o.Size().Height))
}

// check is a check box with an explanation.
func check(text string, on bool, explanation string, changed func(bool)) *tip.Check {
	c := tip.NewCheck(text, nil)
	c.SetChecked(on)
	c.OnChanged = changed
	c.SetToolTip(explanation)
	return c
}

// heading is a bold line.
func heading(text string) *widget.Label {
	return widget.NewLabelWithStyle(text, fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
}

// quiet is a line of lesser importance.
func quiet(text string) *widget.Label {
	l := widget.NewLabel(text)
	l.Importance = widget.LowImportance
	l.Wrapping = fyne.TextWrapWord
	return l
}

// setText changes a label only where its text is another: a refresh costs time.
func setText(l *widget.Label, text string) {
	if l.Text != text {
		l.SetText(text)
	}
}

// setShown shows or hides an object where that changes anything.
func setShown(o fyne.CanvasObject, shown bool) {
	if shown && !o.Visible() {
		o.Show()
	} else if !shown && o.Visible() {
		o.Hide()
	}
}

// setEnabled enables or disables a control where that changes anything.
func setEnabled(d fyne.Disableable, enabled bool) {
	if enabled && d.Disabled() {
		d.Enable()
	} else if !enabled && !d.Disabled() {
		d.Disable()
	}
}

func baseName(path string) string { return filepath.Base(path) }

// span is a length of time as a person says it.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d < 90*time.Second:
		return tr("%d s", int(d.Seconds()+.5))
	case d < 90*time.Minute:
		return tr("%d min", int(d.Minutes()+.5))
	case d < 48*time.Hour:
		return tr("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return tr("%d days", int(d.Hours()/24+.5))
}

// moment is the time that a single picture took.
func moment(d time.Duration) string {
	if d < 100*time.Millisecond {
		return tr("%d ms", max(1, d.Round(time.Millisecond).Milliseconds()))
	}
	return tr("%.2f s", d.Seconds())
}

// amount is an amount of memory.
func amount(n int64) string {
	const gib = 1 << 30
	if n >= gib {
		return fmt.Sprintf("%.1f GiB", float64(n)/gib)
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}

// roundTitle is the name of a round as a person reads it.
func roundTitle(name string) string {
	var k int
	var kind string
	if _, err := fmt.Sscanf(name, "%d-%s", &k, &kind); err != nil {
		return name
	}
	switch kind {
	case "flow":
		return tr("Flow")
	case "reflow":
		return tr("Reflow %d", k-1)
	case "distil":
		return tr("Distil")
	case "refine":
		return tr("Refine")
	}
	return name
}

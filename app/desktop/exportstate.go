//go:build !headless

package desktop

import (
	"fmt"

	"fyne.io/fyne/v2/theme"

	"github.com/straightway-app/straightway/app/studio"
)

// refresh draws where the export stands, as far as that has changed.
func (s *exportScreen) refresh() {
	s.options.way.refresh()
	if s.untaught.refresh() {
		s.left.Refresh()
	}
	st := s.state()
	s.showButtons(st)
	second := int64(st.Elapsed.Seconds())
	if st.Version == s.drawn && second == s.second && s.unchanged {
		return
	}
	s.table.take(st)
	s.showProgress(st)
	if st.State == studio.Failed && !s.failed {
		s.failed = true
		s.a.fail(tr("The export ended early"), st.Err)
	}
	s.drawn, s.second, s.unchanged = st.Version, second, true
}

// busy says whether an export is under way.
func busy(st studio.ExportState) bool {
	return st.State == studio.Running || st.State == studio.Paused || st.State == studio.Stopping
}

// showButtons enables what has an effect now.
func (s *exportScreen) showButtons(st studio.ExportState) {
	going, trained := busy(st), s.options.way.trained() && !s.options.way.project.FromNoise()
	setEnabled(s.begin, !going && trained && s.out != "" && len(s.inputs.list) > 0 && s.options.valid())
	setEnabled(s.pause, st.State == studio.Running || st.State == studio.Paused)
	setEnabled(s.stop, st.State == studio.Running || st.State == studio.Paused)
	setEnabled(s.retry, !going && trained && st.Failed > 0)
	setEnabled(s.folder, s.out != "" || st.Job.Out != "")
	s.options.setEnabled(trained)
	text, symbol := tr("Pause"), theme.MediaPauseIcon()
	if st.State == studio.Paused {
		text, symbol = tr("Continue"), theme.MediaPlayIcon()
	}
	if s.pause.Text != text {
		s.pause.Text, s.pause.Icon = text, symbol
		s.pause.Refresh()
		s.right.Refresh() // it needs another width
	}
	if shown := going && st.Queued; s.queued.Visible() != shown {
		setShown(s.queued, shown)
		s.right.Refresh()
	}
}

// showProgress says in numbers and words how far the export is.
func (s *exportScreen) showProgress(st studio.ExportState) {
	value := 0.
	if st.Total > 0 {
		value = float64(st.Done) / float64(st.Total)
	}
	if s.bar.Value != value {
		s.bar.SetValue(value)
	}
	if begun := st.State != studio.Idle || st.Total > 0; begun != s.barRow.Visible() {
		setShown(s.barRow, begun)
		s.right.Refresh() // the table takes the room
	}
	text := s.progressText(st)
	if s.status.Text != text {
		s.status.SetText(text)
		s.right.Refresh() // it may take another number of lines
	}
}

func (s *exportScreen) progressText(st studio.ExportState) string {
	if st.State == studio.Idle && st.Total == 0 {
		switch {
		case len(s.inputs.list) == 0:
			return tr("Add the files and folders to translate.")
		case s.out == "":
			return tr("Choose the folder to write to.")
		}
		return tr("Ready.")
	}
	c := s.table.counts
	if !busy(st) {
		text := c.text(st.Elapsed)
		switch st.State {
		case studio.Idle:
			return tr("Stopped:") + " " + text
		case studio.Failed:
			return tr("Ended early:") + " " + text
		}
		return tr("Done:") + " " + text
	}
	if st.Total == 0 {
		switch {
		case st.State == studio.Stopping:
			return tr("Stopping…")
		case st.State == studio.Paused:
			return tr("Paused before the first image.")
		case st.Queued:
			return tr("Waits until training pauses or ends.")
		}
		return tr("Looking through the inputs…")
	}
	text := tr("%d of %d", st.Done, st.Total)
	if r := st.Rate(); r > 0 {
		text += " · " + tr("%s images/s", fmt.Sprintf("%.3g", r))
	}
	if st.ETA > 0 {
		text += " · " + tr("%s left", span(st.ETA))
	}
	if st.Failed > 0 {
		text += " · " + tr("%d failed", st.Failed)
	}
	switch st.State {
	case studio.Paused:
		text = tr("Paused:") + " " + text
	case studio.Stopping:
		text = tr("Stopping:") + " " + text
	}
	return text
}

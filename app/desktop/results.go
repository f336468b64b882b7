//go:build !headless

package desktop

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// resultsScreen is what a trained round is used for: it translates pictures, or generates them where the source of the
// open project is noise.
type resultsScreen struct {
	a          *App
	generating bool
	root       *fyne.Container
}

func newResultsScreen(a *App) *resultsScreen {
	return &resultsScreen{a: a, root: container.NewStack()}
}

// fromNoise reports whether the open project generates.
func (a *App) fromNoise() bool {
	p, _ := a.studio.Project()
	return p != nil && p.Settings().FromNoise()
}

func (s *resultsScreen) name() (string, fyne.KeyName) {
	if s.a.fromNoise() {
		return tr("Generate"), fyne.KeyT
	}
	return tr("Translate"), fyne.KeyT
}

func (s *resultsScreen) build() fyne.CanvasObject {
	s.choose()
	return s.root
}

// choose brings the one that suits the project to the front.
func (s *resultsScreen) choose() {
	if now := s.a.fromNoise(); now == s.generating && len(s.root.Objects) > 0 {
		return
	}
	s.generating = s.a.fromNoise()
	content := s.a.trans.build()
	if s.generating {
		content = s.a.gen.build()
	}
	s.root.Objects = []fyne.CanvasObject{content}
	s.root.Refresh()
}

func (s *resultsScreen) shown() { s.refresh() }

func (s *resultsScreen) refresh() {
	s.choose()
	if s.generating {
		s.a.gen.refresh()
	} else {
		s.a.trans.refresh()
	}
}

func (s *resultsScreen) dropped(_ fyne.Position, paths []string) {
	s.choose()
	switch {
	case !s.generating:
		s.a.trans.openAll(paths)
	case len(paths) > 0:
		s.a.gen.image.load(paths[0])
	}
}

// paste takes what is on the clipboard.
func (s *resultsScreen) paste() {
	s.choose()
	if s.generating {
		s.a.gen.image.paste()
	} else {
		s.a.trans.paste()
	}
}

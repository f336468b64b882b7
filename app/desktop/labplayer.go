//go:build !headless

package desktop

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/straightway-app/straightway/app/studio"
)

// The animation: from t = 0 to 1 and a stand at either end, again and again while the laboratory runs, and a few times
// more: drawing it keeps a software display busy.
const (
	labPlays = 6
	labFrame = time.Second / 25
	labFlow  = 3 * time.Second
	labStand = 700 * time.Millisecond
)

// labPlayer moves the particles of the laboratory through the time t of the flow, by itself or by hand.
type labPlayer struct {
	s       *labScreen
	playing bool
	ticking bool
	plays   int           // since somebody asked for it, or a run ended
	rested  bool          // it stopped by itself
	at      time.Duration // in the animation
	seen    time.Time     // of the last frame; zero after a pause

	button *tip.Button
	slider *labSlider
	when   *widget.Label
	moving bool // the slider is moved by the program
}

func newLabPlayer(s *labScreen) *labPlayer { return &labPlayer{s: s, playing: true} }

// adopt goes on where the player of another language or look was.
func (p *labPlayer) adopt(old *labPlayer) { p.playing, p.at = old.playing, old.at }

// build makes the controls, with others to their right.
func (p *labPlayer) build(others fyne.CanvasObject) fyne.CanvasObject {
	p.button = button("", theme.MediaPauseIcon(), tr("Play or pause the animation (Space)"), p.toggle)
	p.slider = newLabSlider(p.s.typed)
	p.slider.OnChanged = func(v float64) {
		if !p.moving {
			p.pause()
			p.at = labStand + time.Duration(v*float64(labFlow))
			p.show()
		}
	}
	p.when = widget.NewLabel("t = 0.00")
	p.look()
	p.show()
	bar := container.NewBorder(nil, nil, p.button, p.when, sized(16, p.slider))
	return container.New(&besideOrBelow{}, bar, others)
}

// time is t, from 0 to 1.
func (p *labPlayer) time() float64 {
	return max(0, min(1, float64(p.at-labStand)/float64(labFlow)))
}

func (p *labPlayer) toggle() {
	if p.playing {
		p.pause()
		return
	}
	if p.time() == 1 {
		p.at = 0
	}
	p.playing, p.rested, p.plays = true, false, 0
	p.look()
	p.animate()
}

// wake plays on where the animation stopped by itself.
func (p *labPlayer) wake() {
	if p.rested {
		p.toggle()
	}
}

func (p *labPlayer) pause() {
	p.playing, p.rested = false, false
	p.look()
}

func (p *labPlayer) look() {
	symbol := theme.MediaPlayIcon()
	if p.playing {
		symbol = theme.MediaPauseIcon()
	}
	p.button.SetIcon(symbol)
}

// animate draws frames while the screen is in front and the animation plays.
func (p *labPlayer) animate() {
	if p.ticking || !p.playing || p.s.root == nil {
		return
	}
	p.ticking, p.seen = true, time.Time{}
	p.s.every(labFrame, func() bool {
		p.ticking = p.playing && !p.s.a.closing && p.s.a.screens[p.s.a.current] == screen(p.s)
		if p.ticking {
			p.step(time.Now())
		}
		return p.ticking
	})
}

// step goes on by the time since the last frame.
func (p *labPlayer) step(now time.Time) {
	if !p.seen.IsZero() {
		p.at += min(now.Sub(p.seen), 4*labFrame) // a stall is no jump
	}
	p.seen = now
	if p.at >= labFlow+2*labStand {
		p.at = 0
		p.plays++
		if p.s.state().State == studio.Running {
			p.plays = 0
		}
		if p.plays == labPlays {
			p.at = labStand + labFlow
			p.pause()
			p.rested = true
		}
	}
	p.show()
}

// show brings the screen to the present time.
func (p *labPlayer) show() {
	t := p.time()
	p.s.clouds.SetTime(t)
	setText(p.when, tr("t = %.2f", t))
	if p.slider.Value != t {
		p.moving = true
		p.slider.SetValue(t)
		p.moving = false
	}
}

// labSlider is a slider from 0 to 1 that hands on the keys that it has no use for.
type labSlider struct {
	widget.Slider
	others func(*fyne.KeyEvent)
}

func newLabSlider(others func(*fyne.KeyEvent)) *labSlider {
	s := &labSlider{others: others}
	s.Max, s.Step = 1, .01
	s.ExtendBaseWidget(s)
	return s
}

// TypedKey implements fyne.Focusable.
func (s *labSlider) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeySpace {
		s.others(k)
		return
	}
	s.Slider.TypedKey(k)
}

//go:build !headless

package desktop

import (
	"image/color"
	"math"
	"path/filepath"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/engine/measure"
	"github.com/straightway-app/straightway/engine/plane"
)

// openLab brings the laboratory to the front, as after a run of which the result is made up: no test waits for one.
func openLab(t *testing.T, a *App, rounds int) {
	t.Helper()
	st := a.studio.Lab.State()
	st.Settings = studio.LabSettings{Rounds: 3, Distil: [studio.MostLabRounds]bool{true, true}}
	st.Pairs = [2][]float32{st.Ends[0].Sample, st.Ends[1].Sample}
	st.State, st.Version = studio.Finished, 1000+rounds
	st.Exact = map[plane.Reference][][]float32{plane.Kernel: bent(st.Pairs[0], st.Pairs[1], .3), plane.Nearest: bent(st.Pairs[0], st.Pairs[1], .1)}
	for i, p := range labPlan(st.Settings)[:rounds] {
		far := math.Pow(.2, float64(p.number-1))
		r := &plane.Round{Number: p.number, Kind: p.kind, Seconds: 7, X1: st.Pairs[1], Path: bent(st.Pairs[0], st.Pairs[1], .4*far)}
		r.Straightness, r.Crossing, r.CostDrop = plane.Estimate{Value: 1.4 * far, SE: .02 * far}, plane.Estimate{Value: 2.1 * far, SE: .03 * far}, plane.Estimate{Value: 3.6 * far, SE: .05 * far}
		if p.kind == plane.Distil {
			r.Path = bent(st.Pairs[0], st.Pairs[1], 0)
		}
		near := func(v float64) plane.Distance {
			return plane.DistanceOf(measure.Energy{Distance: v, Noise: .028, Squared: measure.Estimate{Mean: v*v - .0008, SE: .0001}})
		}
		r.Polygons = map[int][][]float32{1: {st.Pairs[0], st.Pairs[1]}}
		r.Measurements.Fewer = map[int]plane.Distance{1: near(.03 + .6*far), 2: near(.03 + .3*far), 4: near(.03 + .1*far)}
		for k := range r.Marginal {
			r.Marginal[k] = near(.03 + .002*float64(i+k))
		}
		r.Own = near(.03)
		cost := func(v float64) plane.Cost {
			e := plane.Estimate{Value: v, SE: .02 * v}
			return plane.Cost{L1: e, L2: e, L2Squared: e, Huber: e}
		}
		r.Before, r.After = cost(4.2), cost(.7)
		st.Rounds = append(st.Rounds, r)
	}
	a.lab.state = func() studio.LabState { return st }
	a.lab.build()
	a.lab.player.at = labStand + labFlow/2
	a.lab.player.show()
	a.lab.clouds.SetInline()
	for _, e := range a.lab.ends {
		e.sketch.SetInline()
	}
	a.open(4)
}

// bent are ways from one set of points to another, which swerve by a part of their length.
func bent(x0, x1 []float32, part float64) [][]float32 {
	var path [][]float32
	for k := range 9 {
		t := float64(k) / 8
		state := make([]float32, len(x0))
		for i := 0; i < len(x0); i += 2 {
			swerve := part * math.Sin(math.Pi*t)
			dx, dy := float64(x1[i]-x0[i]), float64(x1[i+1]-x0[i+1])
			state[i], state[i+1] = x0[i]+float32(t*dx-swerve*dy), x0[i+1]+float32(t*dy+swerve*dx)
		}
		path = append(path, state)
	}
	return path
}

func TestLabPlaysPausesAndScrubs(t *testing.T) {
	a := shows[0].open(t)
	openLab(t, a, 5)
	p := a.lab.player
	if !p.playing || p.slider.Value != .5 {
		t.Fatalf("the animation opens playing, at %g", p.slider.Value)
	}
	now := time.Now()
	p.step(now)
	p.step(now.Add(60 * time.Millisecond))
	if v := p.slider.Value; v < .515 || v > .525 {
		t.Errorf("after 60 ms the particles are at t = %g", v)
	}
	a.window.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeySpace})
	if p.playing {
		t.Error("Space does not pause")
	}
	p.slider.SetValue(.25)
	if p.time() != .25 || p.when.Text != "t = 0.25" {
		t.Errorf("the slider moves to %g, %s", p.time(), p.when.Text)
	}
	p.slider.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	if !p.playing {
		t.Error("Space on the slider does not play")
	}
	a.lab.clouds.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	if p.playing {
		t.Error("Space on the panels does not pause")
	}
	for k := range 200 { // to the end and round again
		p.step(now.Add(time.Duration(k) * 50 * time.Millisecond))
	}
	if v := p.slider.Value; v < 0 || v > 1 {
		t.Errorf("t = %g", v)
	}
}

func TestLabAnimationRestsOnceNothingIsNewForAWhile(t *testing.T) {
	a := shows[0].open(t)
	openLab(t, a, 1)
	p, st := a.lab.player, a.lab.state()
	now := time.Now()
	minute := func() {
		for range 600 {
			now = now.Add(100 * time.Millisecond)
			p.step(now)
			if !p.playing {
				return
			}
		}
	}
	a.lab.state = func() studio.LabState { return studio.LabState{State: studio.Running, Ends: st.Ends, Pairs: st.Pairs} }
	if minute(); !p.playing {
		t.Error("it stops while the laboratory runs")
	}
	a.lab.state = func() studio.LabState { return st }
	if minute(); p.playing || p.time() != 1 {
		t.Errorf("after a minute at rest: playing %v, at t = %g", p.playing, p.time())
	}
	if p.wake(); !p.playing || p.time() != 0 {
		t.Errorf("a new run leaves it at t = %g, playing %v", p.time(), p.playing)
	}
	p.pause()
	if p.wake(); p.playing {
		t.Error("a new run moves what a person has stopped")
	}
}

func TestLabDrawsWhatThePointerAndTheKeysDraw(t *testing.T) {
	a := shows[0].open(t)
	a.open(4)
	a.settle()
	sketch := a.lab.ends[1].sketch
	middle := fyne.NewPos(sketch.Size().Width/2, sketch.Size().Height/2)
	sketch.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: middle.AddXY(20, 0)}, Dragged: fyne.NewDelta(20, 0)})
	sketch.DragEnd()
	drawn := a.studio.Lab.State().Ends[1].Shape.Drawn
	if len(drawn) < 10 || drawn[1] != 0 || drawn[0] < -.1 || drawn[len(drawn)-2] < .3 {
		t.Fatalf("a stroke to the right gives %v", drawn)
	}
	for _, key := range []fyne.KeyName{fyne.KeyUp, fyne.KeyReturn} {
		sketch.TypedKey(&fyne.KeyEvent{Name: key})
	}
	if now := a.studio.Lab.State().Ends[1].Shape.Drawn; len(now) != len(drawn)+2 || now[len(now)-1] <= 0 {
		t.Errorf("up and Enter give %v", now[len(drawn):])
	}
	a.lab.ends[1].setErasing(true)
	sketch.Tapped(&fyne.PointEvent{Position: middle})
	if now := a.studio.Lab.State().Ends[1].Shape.Drawn; len(now) >= len(drawn) {
		t.Error("the eraser has not erased")
	}
	if a.refresh(); a.lab.ends[1].pick.Selected != "Drawn by hand" {
		t.Errorf("the selection says %q", a.lab.ends[1].pick.Selected)
	}
}

func TestLabTakesADroppedPictureWhereItIsDropped(t *testing.T) {
	a := shows[0].open(t)
	a.open(4)
	a.settle()
	picture := filepath.Join(t.TempDir(), "ink.png")
	writePNG(t, picture, drawing(30, 30, color.NRGBA{A: 255}))
	at := a.fyne.Driver().AbsolutePositionForObject(a.lab.ends[0].sketch).AddXY(5, 5)
	for side, where := range []fyne.Position{at, fyne.NewPos(900, 300)} {
		a.lab.dropped(where, []string{picture})
		for deadline := time.Now().Add(time.Minute); a.studio.Lab.State().Ends[side].Loading && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		}
		if end := a.studio.Lab.State().Ends[side]; end.Shape.Picture != picture || end.Sample == nil {
			t.Errorf("side %d: %+v", side, end.Err)
		}
	}
}

func TestLabShowsEitherClosedForm(t *testing.T) {
	a := shows[0].open(t)
	openLab(t, a, 1)
	at := func() float32 {
		return a.lab.panels(a.lab.state(), a.lab.settings, a.lab.state().Pairs, "")[1].Path[4][0]
	}
	kernel := at()
	a.lab.setReference(1)
	if nearest := at(); nearest == kernel {
		t.Error("the nearest line leads where the kernel does")
	}
	a.lab.setReference(0)
	if at() != kernel {
		t.Error("the kernel does not come back")
	}
}

func TestLabAdviceNamesItsEvidence(t *testing.T) {
	a := shows[0].open(t)
	openLab(t, a, 1)
	if got, want := a.lab.advice.Text, "Advice: one more reflow. After Flow one step ends 0.630 from the target, 32 steps 0.038 (noise 0.028): S is 1.4000, so the paths still bend."; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

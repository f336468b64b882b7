//go:build !headless

package widgets

import (
	"image"
	"image/color"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// shownClouds are three panels of one particle each, which goes from the left to the right, without a goroutine.
func shownClouds(t *testing.T) *Clouds {
	t.Helper()
	test.NewTempApp(t)
	c := NewClouds()
	c.SetInline()
	way := [][]float32{{-2, 0}, {0, 1}, {2, 0}}
	c.SetClouds([]Cloud{{Title: "a", Path: way, Tracks: way}, {Title: "b", Path: way}, {Title: "c", Ghost: []float32{0, 0}}})
	test.NewTempWindow(t, c).Resize(fyne.NewSize(420, 240))
	return c
}

// inked is the mean place of the coloured pixels in a square, in the plane.
func inked(c *Clouds, panel int) (x, y float64, n int) {
	p := c.render.scene.panels[panel]
	img := c.render.picture.Image.(*image.RGBA)
	for j := p.square.Min.Y + 2; j < p.square.Max.Y-2; j++ {
		for i := p.square.Min.X + 2; i < p.square.Max.X-2; i++ {
			if q := img.RGBAAt(i, j); max(q.R, q.G, q.B)-min(q.R, q.G, q.B) > 25 {
				x, y, n = x+float64(i)+.5, y+float64(j)+.5, n+1
			}
		}
	}
	scale := float64(p.square.Dx()) / (2 * planeSpan)
	return (x/float64(n)-float64(p.square.Min.X))/scale - planeSpan, planeSpan - (y/float64(n)-float64(p.square.Min.Y))/scale, n
}

func TestCloudsMoveTheirParticles(t *testing.T) {
	c := shownClouds(t)
	for _, want := range []struct{ t, x, y float64 }{{.5, 0, 1}, {.75, 1, .5}, {1, 2, 0}, {0, -2, 0}} {
		c.SetTime(want.t)
		x, y, n := inked(c, 1)
		if max(x-want.x, want.x-x, y-want.y, want.y-y) > .08 || n < 3 {
			t.Errorf("at t = %g the particle is at (%.2f, %.2f), in %d pixels", want.t, x, y, n)
		}
	}
	if _, _, track := inked(c, 0); track < 60 {
		t.Errorf("the track behind a particle has %d pixels", track)
	}
	if _, _, n := inked(c, 2); n != 0 {
		t.Error("a panel without particles shows some")
	}
}

func TestATappedPanelIsShownAlone(t *testing.T) {
	c := shownClouds(t)
	var turns []bool
	c.OnAlone = func(alone bool) { turns = append(turns, alone) }
	small := c.render.boxes[1].side
	c.Tapped(&fyne.PointEvent{Position: c.render.boxes[1].plot.AddXY(5, 5)})
	if len(c.render.boxes) != 1 || c.render.boxes[0].side <= small || c.chosen != 1 {
		t.Errorf("%d panels, of %g", len(c.render.boxes), c.render.boxes[0].side)
	}
	for _, key := range []fyne.KeyName{fyne.KeyRight, fyne.KeyRight} {
		c.TypedKey(&fyne.KeyEvent{Name: key})
	}
	if c.chosen != 0 {
		t.Errorf("after the last comes the first, not %d", c.chosen)
	}
	c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if len(c.render.boxes) != 3 || len(turns) != 2 || !turns[0] || turns[1] {
		t.Errorf("%d panels, turned %v", len(c.render.boxes), turns)
	}
}

func TestPanelsShareTheRoom(t *testing.T) {
	for n := 1; n <= 10; n++ {
		size := fyne.NewSize(700, 240)
		boxes := arrange(n, size, 30, 8)
		for i, b := range boxes {
			if b.side < 60 || b.pos.X < -.1 || b.pos.X+b.size.Width > size.Width+.1 || b.pos.Y+b.size.Height > size.Height+.1 {
				t.Errorf("panel %d of %d is %+v", i, n, b)
			}
		}
	}
}

func TestThreadsAreAsDarkAsTheyAreBroad(t *testing.T) {
	for _, end := range [][2]float64{{30, 5}, {5, 30}, {30, 30}, {-20, 8}} {
		img := image.NewRGBA(image.Rect(0, 0, 100, 100))
		for i := range img.Pix {
			img.Pix[i] = 255
		}
		thread(img, img.Rect, 50, 50, 50+end[0], 50+end[1], .5, color.NRGBA{A: 255})
		ink := 0.
		for i := 0; i < len(img.Pix); i += 4 {
			ink += float64(255-img.Pix[i]) / 255
		}
		length := max(end[0], -end[0], end[1]) // in steps of the walk, each as broad as the slope makes it
		least, most := .95*length, 1.5*length
		if ink < least || ink > most {
			t.Errorf("a thread to %v has %.1f pixels of ink", end, ink)
		}
	}
}

// A driver lays a widget out whenever it finds an object in it that it has not seen: new texts at every layout would keep
// the screen busy in every frame.
func TestALayoutForTheSameSizeMakesNothingNew(t *testing.T) {
	test.NewTempApp(t)
	clouds, plot, bars, rail, table := NewClouds(), NewPlot(), NewBars(), NewRail(), NewImageTable()
	clouds.SetInline()
	plot.work.inline, table.work.inline = true, true
	clouds.SetClouds([]Cloud{{Title: "a"}})
	plot.SetSeries(lossSeries(20))
	bars.SetGroups(roundGroups())
	rail.SetStages([]Stage{{Name: "a", State: StageDone}, {Name: "b"}})
	table.SetTable([]string{"a", "b"}, [][]image.Image{{image.NewGray(image.Rect(0, 0, 8, 8)), image.NewGray(image.Rect(0, 0, 8, 8))}})
	for name, w := range map[string]fyne.Widget{"clouds": clouds, "plot": plot, "bars": bars, "rail": rail, "table": table} {
		r := test.WidgetRenderer(w)
		w.Resize(fyne.NewSize(500, 300))
		before := r.Objects()
		r.Layout(w.Size())
		if after := r.Objects(); len(before) < 2 || !slices.Equal(before, after) {
			t.Errorf("%s: another layout makes other objects", name)
		}
		places := func() (all []fyne.Position) {
			for _, o := range r.Objects() {
				all = append(all, o.Position())
			}
			return all
		}
		at := places()
		w.Resize(fyne.NewSize(400, 300))
		if slices.Equal(before, r.Objects()) && slices.Equal(at, places()) {
			t.Errorf("%s: another size moves nothing", name)
		}
	}
}

// The rail changes every second while training runs, and its objects stay the same as long as its stages do.
func TestTheRailKeepsItsObjects(t *testing.T) {
	test.NewTempApp(t)
	rail := NewRail()
	stages := []Stage{{Name: "Flow", State: StageDone, Detail: "60 steps"}, {Name: "Reflow", State: StageCurrent, Detail: "1/60", Progress: .5}}
	r := test.WidgetRenderer(rail)
	rail.Resize(fyne.NewSize(500, 100))
	rail.SetStages(stages)
	before := r.Objects()
	stages = slices.Clone(stages)
	stages[1].Detail, stages[1].Progress = "2/60", .6
	rail.SetStages(stages)
	if len(before) < 6 || !slices.Equal(before, r.Objects()) {
		t.Error("another step makes other objects")
	}
}

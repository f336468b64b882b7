//go:build !headless

package widgets

import (
	"bytes"
	"image/png"
	"math"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
)

func TestTicksAreRound(t *testing.T) {
	for _, c := range []struct {
		name string
		axis axis
		n    int
		want []string
	}{
		{"steps", axis{low: 0, high: 1000}, 5, []string{"0", "200", "400", "600", "800", "1000"}},
		{"thousands", axis{low: 0, high: 30000}, 6, []string{"0", "5000", "10k", "15k", "20k", "25k", "30k"}},
		{"fractions", axis{low: 0.02, high: 0.31}, 3, []string{"0.1", "0.2", "0.3"}},
		{"across zero", axis{low: -1.2, high: 1.1}, 5, []string{"-1", "-0.5", "0", "0.5", "1"}},
		{"decades", axis{low: 1e-6, high: 10, log: true}, 8, []string{"1e-6", "1e-5", "0.0001", "0.001", "0.01", "0.1", "1", "10"}},
		{"two digits", axis{low: 0.04, high: 1.1, log: true}, 5, []string{"0.05", "0.1", "0.2", "0.5", "1"}},
		{"within a digit", axis{low: 2.1, high: 2.9, log: true}, 4, []string{"2.2", "2.4", "2.6", "2.8"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, v := range c.axis.ticks(c.n) {
				got = append(got, formatTick(v))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("ticks %v, want %v", got, c.want)
			}
		})
	}
}

func TestValuesThatCannotBeShownLeaveGaps(t *testing.T) {
	x := axis{low: 0, high: 6, length: 600}
	xs, ys := []float64{0, 1, 2, 3, 4, 5, 6}, []float64{1, 2, 0, math.NaN(), 5, -1, 7}
	linear := polylines(xs, ys, x, axis{low: -1, high: 7, length: 100})
	if len(linear) != 2 {
		t.Errorf("one NaN made %d lines, want 2", len(linear))
	}
	logarithmic := polylines(xs, ys, x, axis{low: 0.5, high: 7, length: 100, log: true})
	if len(logarithmic) != 3 {
		t.Errorf("on a logarithmic axis there are %d lines, want 3: 1–2, 5 and 7", len(logarithmic))
	}
}

func TestLongSeriesKeepTheirSpikes(t *testing.T) {
	const n, width = 100_000, 500
	xs, ys := make([]float64, n), make([]float64, n)
	for i := range xs {
		xs[i] = float64(i)
	}
	ys[54_321] = 1
	lines := polylines(xs, ys, axis{high: n, length: width}, axis{high: 1, length: 100})
	if len(lines) != 1 || len(lines[0]) > 4*width+4 {
		t.Fatalf("%d points became %d lines, the first with %d points", n, len(lines), len(lines[0]))
	}
	if !slices.ContainsFunc(lines[0], func(p point) bool { return p.y == 0 }) {
		t.Error("a single high value has been lost")
	}
}

func shownPlot(t *testing.T) *Plot {
	t.Helper()
	test.NewTempApp(t)
	p := NewPlot()
	p.work.inline = true
	w := test.NewTempWindow(t, p)
	w.SetPadded(false)
	w.Resize(fyne.NewSize(500, 300))
	p.SetSeries([]Series{
		{Name: "loss", X: []float64{0, 10, 20, 30, 100}, Y: []float64{5, 4, 3, math.Inf(1), 1}},
		{Name: "rate", X: []float64{0, 25, 100}, Y: []float64{1, 2, 3}},
	})
	return p
}

func TestPointerReadsOnlyLinesThatAreThere(t *testing.T) {
	p := shownPlot(t)
	p.SetSeries([]Series{
		{Name: "first round", X: []float64{1, 10, 20}, Y: []float64{5, 4, 3}},
		{Name: "second round", X: []float64{21, 30}, Y: []float64{2, 1}},
	})
	if at, found := p.readings(12); at != 10 || len(found) != 1 || found[0].series != 0 {
		t.Errorf("at 12 read %v %v, want the first round alone, at 10", at, found)
	}
}

func TestPointerReadsTheNearestValues(t *testing.T) {
	p := shownPlot(t)
	at, found := p.readings(27)
	if at != 25 || len(found) != 2 || found[0].y != 3 || found[1].y != 2 {
		t.Errorf("at 27 read %v %v, want 25 with 3 (30 is not finite) and 2", at, found)
	}
	r := p.render
	p.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: r.pos.AddXY(r.area.Width*0.27, 50)}})
	if !r.box.Visible() || !near(r.hair.Position().X, r.pos.X+r.area.Width*0.25-0.5) {
		t.Errorf("the hairline is at %v, the box visible: %v", r.hair.Position().X, r.box.Visible())
	}
	p.MouseOut()
	if r.box.Visible() || len(r.readings) > 0 {
		t.Error("the readings stay when the pointer has gone")
	}
}

func TestPlotZoomsAndResets(t *testing.T) {
	p := shownPlot(t)
	r := p.render
	quarter := r.pos.AddXY(r.area.Width/4, 50)
	under := p.valueAt(quarter.X)
	p.Scrolled(scroll(quarter, 2))
	if got := p.valueAt(quarter.X); math.Abs(got-under) > 1e-3 {
		t.Errorf("under the pointer was %v, and is %v after zooming", under, got)
	}
	if low, high := p.rangeX(); high-low >= 100 {
		t.Errorf("the wheel did not zoom: %v–%v", low, high)
	}
	p.DoubleTapped(nil)
	p.Dragged(drag(r.pos.AddXY(r.area.Width*0.2, 0), r.area.Width*0.1, 0)) // from 10
	p.Dragged(drag(r.pos.AddXY(r.area.Width*0.5, 0), r.area.Width*0.3, 0)) // to 50
	p.DragEnd()
	if low, high := p.rangeX(); math.Abs(low-10) > 0.1 || math.Abs(high-50) > 0.1 {
		t.Errorf("dragging from 10 to 50 zoomed to %v–%v", low, high)
	}
	p.DoubleTapped(nil)
	if low, high := p.rangeX(); low != 0 || high != 100 {
		t.Errorf("a double tap left %v–%v", low, high)
	}
}

func TestPlotWritesPNG(t *testing.T) {
	p := shownPlot(t)
	var file bytes.Buffer
	if err := p.WritePNG(&file, 640, 360); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&file)
	if err != nil || img.Bounds().Dx() != 640 || img.Bounds().Dy() != 360 {
		t.Fatalf("wrote %v, %v", img.Bounds(), err)
	}
	colours := map[any]bool{}
	for y := range 360 {
		for x := range 640 {
			colours[img.At(x, y)] = true
		}
	}
	if len(colours) < 8 {
		t.Errorf("the file has only %d colours", len(colours))
	}
	if err := p.WritePNG(&file, 20, 20); err == nil {
		t.Error("a plot of 20×20 pixels was written without complaint")
	}
}

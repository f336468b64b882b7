//go:build !headless

package widgets

import (
	"errors"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"
)

func TestEveryMeasurementHasItsOwnScale(t *testing.T) {
	charts := barCharts([]BarGroup{
		{"a", []BarValue{{Name: "cost", Value: 100, Low: 80, High: 120}, {Name: "s", Value: 0.1}}},
		{"b", []BarValue{{Name: "cost", Value: 50}, {Name: "s", Value: -0.2}, {Name: "bad", Value: math.NaN()}}},
	})
	if len(charts) != 2 {
		t.Fatalf("%d charts, want 2: a name without finite values has none", len(charts))
	}
	if c := charts[0]; c.low != 0 || c.high != 120 || len(c.values) != 2 {
		t.Errorf("cost goes from %v to %v with %d bars, want 0 to 120 with 2", c.low, c.high, len(c.values))
	}
	if c := charts[1]; c.low != -0.2 || c.high != 0.1 {
		t.Errorf("s goes from %v to %v, want -0.2 to 0.1", c.low, c.high)
	}
}

func TestRailWrapsAndReportsTaps(t *testing.T) {
	test.NewTempApp(t)
	r := NewRail()
	var tapped []int
	r.OnTapped = func(i int) { tapped = append(tapped, i) }
	r.SetStages(stages())
	r.Resize(fyne.NewSize(800, 100))
	wide := r.MinSize().Height
	r.Resize(fyne.NewSize(320, 100))
	if narrow := r.MinSize().Height; narrow != 2*wide {
		t.Errorf("five stages in 320 need a height of %v, want twice %v", narrow, wide)
	}
	r.Tapped(&fyne.PointEvent{Position: fyne.NewPos(150, wide+10)}) // the second of the second row of three
	r.TypedKey(&fyne.KeyEvent{Name: fyne.KeyLeft})
	r.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	r.Tapped(&fyne.PointEvent{Position: fyne.NewPos(310, wide+10)}) // where there is none
	if !slices.Equal(tapped, []int{4, 3}) {
		t.Errorf("tapped %v, want 4 and 3", tapped)
	}
	if got := r.AccessibilityLabel(); got != "Reflow 1 2,410 of 6,000" {
		t.Errorf("the rail reads %q", got)
	}
}

func TestTableFillsItsRoomWithOneTextureAColumn(t *testing.T) {
	test.NewTempApp(t)
	table := NewImageTable()
	table.work.inline = true
	test.WidgetRenderer(table)
	table.Resize(fyne.NewSize(400, 300))
	var row, col int
	table.OnTapped = func(r, c int) { row, col = r, c }
	img := gradient(32, 32)
	table.SetTable([]string{"a", "b"}, [][]image.Image{{img, img}, {img, img}, {img, nil}})
	g := table.geometry(table.Size())
	if bottom := g.origin.Y + 3*g.cell.Height + 2*g.rowGap; math.Abs(float64(bottom-300)) > 0.1 {
		t.Errorf("three rows end at %v of 300", bottom)
	}
	if n := len(table.render.pictures); n != 2 {
		t.Errorf("%d textures for two columns", n)
	}
	picture := table.render.pictures[0]
	if size := picture.Image.Bounds().Size(); size != image.Pt(32, 3*32+2) || picture.ScaleMode != canvas.ImageScalePixels {
		t.Errorf("enlarged pictures were composed at %v, filter %v", size, picture.ScaleMode)
	}
	table.Tapped(&fyne.PointEvent{Position: g.origin.AddXY(g.cell.Width+g.colGap+3, g.cell.Height+g.rowGap+3)})
	if row != 1 || col != 1 {
		t.Errorf("tapped row %d, column %d; want 1, 1", row, col)
	}
	table.Resize(fyne.NewSize(40, 60))
	if size := table.render.pictures[0].Image.Bounds().Size(); size.X >= 32 {
		t.Errorf("reduced pictures were composed at %v", size)
	}
}

func TestThumbsLoadOnlyWhatIsVisibleAndNewestFirst(t *testing.T) {
	test.NewTempApp(t)
	var order []int
	thumbs := NewThumbs(func(i int) (image.Image, error) {
		order = append(order, i)
		if i == 1 {
			return nil, errors.New("broken.png is empty")
		}
		return gradient(300, 200), nil
	}, 100)
	var waiting []func()
	thumbs.Start = func(work func()) { waiting = append(waiting, work) }
	w := test.NewTempWindow(t, thumbs)
	w.Resize(fyne.NewSize(340, 300))
	thumbs.SetCount(10_000)
	if len(waiting) != 2 {
		t.Fatalf("%d pictures are loading, want 2 at a time", len(waiting))
	}
	finish := func() {
		for len(waiting) > 0 {
			work := waiting[0]
			waiting = waiting[1:]
			work()
		}
	}
	thumbs.grid.ScrollToOffset(50_000)
	finish()
	if len(order) < 6 || len(order) > 30 {
		t.Errorf("%d of 10000 pictures were loaded", len(order))
	}
	if len(thumbs.shown) > 40 {
		t.Errorf("%d cells for a window of about nine", len(thumbs.shown))
	}
	if order[2] < 100 {
		t.Errorf("after the two that were loading came %d, not what had come into sight", order[2])
	}
	thumbs.grid.ScrollToOffset(0)
	finish()
	for cell, i := range thumbs.shown {
		switch {
		case i == 1 && (!cell.failed.Visible() || cell.caption.Text != "broken.png is empty"):
			t.Errorf("the unreadable picture is captioned %q", cell.caption.Text)
		case i == 0 && cell.Visible() && (cell.picture.Image == nil || cell.picture.Image.Bounds().Dx() > 200):
			t.Error("the first picture is missing, or was not reduced")
		}
	}
	var tapped []int
	thumbs.OnTapped = func(i int) { tapped = append(tapped, i) }
	thumbs.grid.Select(3)
	thumbs.grid.Select(3)
	if !slices.Equal(tapped, []int{3, 3}) {
		t.Errorf("two taps reported %v", tapped)
	}
}

func TestRecentForgetsWhatWasNotUsedForLongest(t *testing.T) {
	r := NewRecent[int, string](2)
	r.Put(1, "a")
	r.Put(2, "b")
	r.Get(1)
	r.Put(3, "c")
	_, one := r.Get(1)
	_, two := r.Get(2)
	if !one || two {
		t.Errorf("1 kept: %v, 2 kept: %v; want only 1", one, two)
	}
}

func TestDropFrameKnowsItsPlaceInTheWindow(t *testing.T) {
	test.NewTempApp(t)
	left, right := NewDropFrame("Source", nil), NewDropFrame("Target", nil)
	w := test.NewTempWindow(t, container.NewWithoutLayout(left, right))
	w.SetPadded(false)
	w.Resize(fyne.NewSize(400, 200))
	for i, d := range []*DropFrame{left, right} {
		d.Move(fyne.NewPos(float32(i)*200, 20))
		d.Resize(fyne.NewSize(190, 100))
	}
	at := fyne.NewPos(250, 50)
	if left.Contains(at) || !right.Contains(at) || right.Contains(fyne.NewPos(250, 10)) {
		t.Error("a drop on the right frame is taken for another place")
	}
	right.Hide()
	if right.Contains(at) {
		t.Error("a hidden frame takes drops")
	}
}

func TestDashesCloseEvenly(t *testing.T) {
	outline := roundedOutline(200, 100, 1, 10)
	pieces := dashes(outline, 8, 6)
	for i, piece := range pieces {
		var length float64
		for k := 1; k < len(piece); k++ {
			length += math.Hypot(piece[k].x-piece[k-1].x, piece[k].y-piece[k-1].y)
		}
		if math.Abs(length-8) > 0.3 {
			t.Errorf("dash %d of %d is %.2f long", i, len(pieces), length)
		}
	}
	if len(pieces) < 35 {
		t.Errorf("only %d dashes around 200×100", len(pieces))
	}
}

func TestShortenFitsAndFadeFades(t *testing.T) {
	test.NewTempApp(t)
	text := shorten("a rather long file name.png", 80, "text", fyne.TextStyle{})
	if width := textSize(text, "text", fyne.TextStyle{}).Width; width > 80 || []rune(text)[len([]rune(text))-1] != '…' {
		t.Errorf("%q is %v wide", text, width)
	}
	first, second := shorten("Reflow 1", 45, "text", fyne.TextStyle{}), shorten("Reflow 2", 45, "text", fyne.TextStyle{})
	if first == second || !strings.HasPrefix(first, "R") || !strings.HasSuffix(first, "…1") {
		t.Errorf("two rounds are called %q and %q where there is no room", first, second)
	}
	if got := fade(color.NRGBA{1, 2, 3, 200}, 0.5).A; got != 100 {
		t.Errorf("half of 200 is %d", got)
	}
}

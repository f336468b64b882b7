package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/image/font/sfnt"
)

// A chart of rounds: a bound, and below it a line with bars.
func rounds(log bool, values ...float64) Chart {
	c := Chart{Title: "S + V of round k, E‖X1−X0‖²", Axis: "round k", Log: log, Lines: []Line{{Name: "bound: E|X1−X0|²/k", Colour: Grey, Dashed: true}, {Name: "S + V"}}}
	for i, v := range values {
		c.Places = append(c.Places, strconv.Itoa(i+1))
		c.Lines[0].Y = append(c.Lines[0].Y, 9/float64(i+1))
		c.Lines[1].Y, c.Lines[1].Error = append(c.Lines[1].Y, v), append(c.Lines[1].Error, v/5)
	}
	return c
}

// Whatever the values, every mark of a chart lies within it, and higher values lie higher.
func TestChartsAreDrawnWithinTheirFrame(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]Chart{
		"one":      rounds(false, 1),
		"falling":  rounds(true, 3, 1e-2, 1e-5, 1e-7),
		"equal":    rounds(true, .5, .5),
		"close":    rounds(true, .401, .4),
		"gaps":     rounds(false, 1, 0, nan),
		"gaps log": rounds(true, 1, 0, nan),
		"negative": {Title: "gap", Axis: "t", Lines: []Line{{Name: "gap", X: []float64{0, .25, 1}, Y: []float64{-.2, .1, -.05}, Error: []float64{.1, .1, .1}}}},
		"nothing":  {Title: "nothing yet", Axis: "t", Lines: []Line{{Name: "line"}}},
	} {
		var b bytes.Buffer
		if err := c.WriteSVG(&b, 600); err != nil {
			t.Fatal(err)
		}
		var heights []float64
		for d := xml.NewDecoder(&b); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			e, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			for _, a := range e.Attr {
				v, err := strconv.ParseFloat(a.Value, 64)
				switch a.Name.Local {
				case "x", "cx", "x1", "x2":
					if err != nil || !(v >= 0 && v <= standard) {
						t.Errorf("%s: <%s %s=%q>", name, e.Name.Local, a.Name.Local, a.Value)
					}
				case "y", "cy", "y1", "y2":
					if err != nil || !(v >= 0 && v <= c.height()) {
						t.Errorf("%s: <%s %s=%q>", name, e.Name.Local, a.Name.Local, a.Value)
					}
					if a.Name.Local == "cy" && v < plotBase {
						heights = append(heights, v)
					}
				}
			}
		}
		want := map[string]int{"one": 2, "falling": 4, "equal": 2, "close": 2, "gaps": 2, "gaps log": 1, "negative": 3}[name]
		if len(heights) != want {
			t.Errorf("%s has marks at %v, want %d", name, heights, want)
		}
		if name == "falling" && !(heights[0] < heights[1] && heights[1] < heights[2] && heights[2] < heights[3]) {
			t.Errorf("falling values lie at %v", heights)
		}
	}
}

func TestTicksAreRoundNumbers(t *testing.T) {
	for _, c := range []struct {
		axis axis
		want []float64
	}{
		{axis{low: 0, high: 1}, []float64{0, .2, .4, .6, .8, 1}},
		{axis{low: 0, high: .034}, []float64{0, .005, .01, .015, .02, .025, .03}},
		{axis{low: -3, high: 1, log: true}, []float64{.001, .01, .1, 1, 10}},
		{axis{low: 0, high: 1, log: true}, []float64{1, 2, 5, 10}},
		{axis{low: math.Log10(.3), high: math.Log10(.4), log: true}, []float64{.3, .32, .34, .36, .38, .4}},
	} {
		got := c.axis.ticks()
		if len(got) != len(c.want) {
			t.Errorf("%+v: %v, want %v", c.axis, got, c.want)
			continue
		}
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-9 {
				t.Errorf("%+v: tick %g, want %g", c.axis, got[i], c.want[i])
			}
		}
	}
}

// seen counts the pixels of each colour.
func seen(t *testing.T, b *bytes.Buffer) (image.Point, map[color.NRGBA]int) {
	t.Helper()
	img, err := png.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	colours := map[color.NRGBA]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			colours[color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)]++
		}
	}
	return img.Bounds().Size(), colours
}

// A chart shows each line in its colour and no other.
func TestAChartIsAPicture(t *testing.T) {
	var b bytes.Buffer
	c := rounds(true, 3, .1)
	c.Lines[1].Colour = 2
	if err := c.WritePNG(&b, 900); err != nil {
		t.Fatal(err)
	}
	size, colours := seen(t, &b)
	if size.X != 900 || size.Y != int(math.Round(1.5*c.height())) {
		t.Errorf("the picture is %v", size)
	}
	if colours[hues[2]] < 50 || colours[hues[Grey]] < 50 || colours[hues[0]] > 0 {
		t.Errorf("%d pixels of the line, %d of the bound, %d of a line that is not there", colours[hues[2]], colours[hues[Grey]], colours[hues[0]])
	}
}

func TestASheetHoldsItsCharts(t *testing.T) {
	var b bytes.Buffer
	long := Chart{Title: "nothing yet", Log: true, Lines: []Line{{Name: strings.Repeat("long name ", 20), X: []float64{0, 1}, Y: []float64{1, 2}, Colour: 3}}}
	if err := (Sheet{Columns: 2, Caption: "what it is about", Panels: []Chart{rounds(false, 1, 2), long, rounds(true, 1)}}).WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	size, colours := seen(t, &b)
	if size.X != 2*panelWidth || size.Y != int(2*long.height()+captionRoom) || colours[hues[0]] < 50 || colours[hues[3]] < 50 {
		t.Errorf("three charts make a picture of %v, with %d and %d pixels of two lines", size, colours[hues[0]], colours[hues[3]])
	}
	if err := (Sheet{}).WritePNG(&b); err == nil {
		t.Error("no charts were drawn")
	}
}

func TestTheFontHasWhatChartsSay(t *testing.T) {
	f, err := goFont()
	if err != nil {
		t.Fatal(err)
	}
	var buffer sfnt.Buffer
	for _, letter := range "S + V, E|X1−X0|²/k √ … |dx|" {
		if i, err := f.GlyphIndex(&buffer, letter); err != nil || i == 0 {
			t.Errorf("the font has no %q", letter)
		}
	}
}

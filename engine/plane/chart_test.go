package plane

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/image/font/sfnt"
)

// chartsOf are the charts of made-up rounds with these values of S, V being twice as much.
func chartsOf(straightness ...float64) map[string]Chart {
	r := &Result{}
	for i, s := range straightness {
		k := &Round{Number: i + 1, Kind: Reflow}
		if i == 0 {
			k.Kind = Flow
		}
		k.Straightness, k.Crossing = Estimate{s, s / 20}, Estimate{2 * s, s / 10}
		cost := func(v float64) Cost {
			return Cost{Estimate{v, v / 50}, Estimate{v, v / 50}, Estimate{v, v / 50}, Estimate{v, v / 50}}
		}
		k.Before, k.After = cost(8/float64(i+1)), cost(8/float64(i+2))
		for j := range k.Marginal {
			k.Marginal[j] = Distance{Value: .03 * float64(i+1), Noise: .025, Squared: Estimate{.001, .0002}}
		}
		r.Rounds = append(r.Rounds, k, &Round{Number: i + 1, Kind: Distil})
	}
	out := map[string]Chart{}
	for _, c := range r.Charts() {
		out[c.Name] = c
	}
	return out
}

func TestChartsHoldTheMeasurementsToTheirGuarantees(t *testing.T) {
	c := chartsOf(1, .04, .002)
	bound := c["bound"]
	if len(bound.Places) != 3 || bound.Lines[0].Values[1].Value != 4 || math.Abs(bound.Lines[1].Values[1].Value-.12) > 1e-9 {
		t.Errorf("the bound and S + V of round 2 are %v and %v over %v, want 8/2 and 0.12", bound.Lines[0].Values[1], bound.Lines[1].Values[1], bound.Places)
	}
	costs := c["costs"]
	if strings.Join(costs.Places, " ") != "independent 1 2 3" || len(costs.Lines) != 4 {
		t.Errorf("costs of %d functions at %v", len(costs.Lines), costs.Places)
	}
	if v := costs.Lines[3].Values; v[0].Value != 1 || v[3].Value != .25 || math.Abs(v[3].SE-.005) > 1e-9 {
		t.Errorf("the costs are %v of the first, want 1, ½, ⅓, ¼ with errors of a fiftieth", v)
	}
	marginals := c["marginals"]
	if len(marginals.Places) != 5 || len(marginals.Lines) != 4 || math.Abs(marginals.Lines[2].Values[4].SE-.0002/.12) > 1e-9 {
		t.Errorf("%d lines at %v, error %g", len(marginals.Lines), marginals.Places, marginals.Lines[2].Values[4].SE)
	}
}

// Whatever the values, every mark of a chart lies within it, and higher values lie higher.
func TestChartsAreDrawnWithinTheirFrame(t *testing.T) {
	letters, err := chartFont()
	if err != nil {
		t.Fatal(err)
	}
	var buffer sfnt.Buffer
	for _, straightness := range [][]float64{{1}, {3, 1e-2, 1e-5, 1e-7}, {.5, .5}, {1, 0, math.NaN()}} {
		for name, c := range chartsOf(straightness...) {
			var b bytes.Buffer
			if err := c.WriteSVG(&b, 600); err != nil {
				t.Fatal(err)
			}
			marks, heights, text := 0, []float64(nil), ""
			for d := xml.NewDecoder(&b); ; {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if s, ok := token.(xml.CharData); ok {
					text += strings.TrimSpace(string(s))
				}
				e, ok := token.(xml.StartElement)
				if !ok {
					continue
				}
				for _, a := range e.Attr {
					v, err := strconv.ParseFloat(a.Value, 64)
					switch a.Name.Local {
					case "x", "cx", "x1", "x2":
						if err != nil || !(v >= 0 && v <= layoutWidth) {
							t.Errorf("%s of S %v: <%s %s=%q>", name, straightness, e.Name.Local, a.Name.Local, a.Value)
						}
					case "y", "cy", "y1", "y2":
						if err != nil || !(v >= 0 && v <= c.height()) {
							t.Errorf("%s of S %v: <%s %s=%q>", name, straightness, e.Name.Local, a.Name.Local, a.Value)
						}
						if a.Name.Local == "cy" && v < plotBase {
							marks++
							heights = append(heights, v)
						}
					}
				}
			}
			if marks == 0 {
				t.Errorf("%s of S %v shows nothing", name, straightness)
			}
			if name == "bound" && len(straightness) == 4 && !(heights[0] < heights[1] && heights[1] < heights[2]) {
				t.Errorf("falling values lie at %v", heights)
			}
			for _, letter := range text {
				if i, err := letters.GlyphIndex(&buffer, letter); err != nil || i == 0 {
					t.Errorf("%s: the font has no %q", name, letter)
				}
			}
		}
	}
}

func TestAChartIsAPicture(t *testing.T) {
	var b bytes.Buffer
	c := chartsOf(1, .04)["costs"]
	if err := c.WritePNG(&b, 900); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if size := img.Bounds().Size(); size.X != 900 || size.Y != int(math.Round(1.5*c.height())) {
		t.Errorf("the picture is %v", size)
	}
	colours := map[[3]uint32]int{}
	for y := range img.Bounds().Dy() {
		for x := range 900 {
			r, g, b, _ := img.At(x, y).RGBA()
			colours[[3]uint32{r >> 8, g >> 8, b >> 8}]++
		}
	}
	for _, hue := range chartHues[:4] {
		if n := colours[[3]uint32{uint32(hue.R), uint32(hue.G), uint32(hue.B)}]; n < 50 {
			t.Errorf("%d pixels have the colour %v of a line", n, hue)
		}
	}
}

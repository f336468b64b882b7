package plane

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"image/gif"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
)

func shape(t *testing.T, name string, side Side) Shape {
	t.Helper()
	s, err := Parse(name, side)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A short run of the crossing example already shows what the theory says; the commands' long ones hold closer bars.
func TestARunShowsWhatTheTheorySays(t *testing.T) {
	var finished []string
	updates := 0
	result, err := Run(t.Context(), Options{
		Source: shape(t, "crossing", Source), Target: shape(t, "crossing", Target),
		Rounds: 2, Distil: []int{1}, DistilSteps: 2, Steps: 8, Points: 512, Updates: 240, Seed: 3,
		Progress: func(p Progress) {
			if p.Finished != nil {
				finished = append(finished, p.Finished.Name())
			} else {
				updates++
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(finished, " "); got != "1-flow 1-distil 2-reflow" || updates != 240+144+24 {
		t.Errorf("%d updates finished %q", updates, got)
	}
	one, distil, two := result.Rounds[0], result.Rounds[1], result.Rounds[2]
	if gap := one.Gap.Value / one.CostDrop.Value; gap < -.1 || gap > .1 {
		t.Errorf("S %.3f + V %.3f and the drop %.3f differ by %.3f", one.Straightness.Value, one.Crossing.Value, one.CostDrop.Value, gap)
	}
	if two.Straightness.Value > one.Straightness.Value/4 {
		t.Errorf("S is %.4f after a reflow and was %.4f", two.Straightness.Value, one.Straightness.Value)
	}
	if one.After.L2Squared.Value > one.Before.L2Squared.Value || two.After.L2Squared.Value > 1.05*one.After.L2Squared.Value {
		t.Errorf("the cost is %.3f, then %.3f, then %.3f", one.Before.L2Squared.Value, one.After.L2Squared.Value, two.After.L2Squared.Value)
	}
	if a, b := one.Measurements.Fewer[1].Value, two.Measurements.Fewer[1].Value; b > a/2 {
		t.Errorf("one step is %.3f from the target after a reflow, and %.3f before", b, a)
	}
	d := distil.Measurements.Fewer
	if len(distil.Path) != 3 || len(d) != 2 || distil.Evaluations != 2 || math.Abs(d[2].Value-distil.Marginal[4].Value) > 1e-6 {
		t.Errorf("a distillation for two steps takes %d, and is compared in %d", len(distil.Path)-1, len(d))
	}
	if few := one.Measurements.Fewer[2].Value; d[2].Value > few/2 {
		t.Errorf("two distilled steps are %.3f from the target, and two of the flow are %.3f", d[2].Value, few)
	}
	if distil.Straightness.Value <= 0 || distil.Straightness.Value > one.Straightness.Value/4 {
		t.Errorf("S of two distilled steps is %.4f, of the flow %.4f", distil.Straightness.Value, one.Straightness.Value)
	}
	if two.X1[5] != one.Path[8][5] || two.Path[0][5] != one.Path[0][5] {
		t.Error("the lines of round 2 must be the pairs of round 1, of the same particles")
	}

	t.Run("files", func(t *testing.T) { lookAtFiles(t, result) })
}

func lookAtFiles(t *testing.T, result *Result) {
	r := result.Rounds[0]
	var b bytes.Buffer
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.WritePoints(&b))
	lines, err := csv.NewReader(&b).ReadAll()
	must(err)
	if len(lines) != 513 || len(lines[0]) != 13 {
		t.Errorf("the points are %d lines of %d columns", len(lines), len(lines[0]))
	}
	b.Reset()
	must(result.WriteMeasurements(&b))
	if lines, err = csv.NewReader(&b).ReadAll(); err != nil || len(lines) < 3*20 {
		t.Errorf("%d measurements, %v", len(lines), err)
	}
	b.Reset()
	must(r.Paths(50).WriteSVG(&b, 300))
	polylines := 0
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		must(err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			polylines++
		}
	}
	if polylines != 50 {
		t.Errorf("the SVG has %d paths, want 50", polylines)
	}
	b.Reset()
	must(r.Lines(50).WritePNG(&b, 300))
	img, err := png.Decode(&b)
	must(err)
	dark := 0
	for y := range 300 {
		for x := range 300 {
			if r, _, _, _ := img.At(x, y).RGBA(); r < 0xf000 {
				dark++
			}
		}
	}
	if dark < 500 || dark > 45000 {
		t.Errorf("%d of 90000 pixels are drawn on", dark)
	}
	b.Reset()
	must(Film{Rounds: []*Round{r, result.Rounds[2]}, Most: 100, Side: 64, Frames: 5}.WriteGIF(&b))
	movie, err := gif.DecodeAll(&b)
	must(err)
	if len(movie.Image) != 5 || movie.Config.Width != 128 || bytes.Equal(movie.Image[0].Pix, movie.Image[4].Pix) {
		t.Errorf("the film has %d frames of width %d, which must move", len(movie.Image), movie.Config.Width)
	}
}

// In closed form, without training, particles of the crossing example turn off where the lines cross, where the mean of
// the lines near by leads them; the nearest line alone leads nearly as many across as the lines themselves.
func TestARunFollowsTheVelocityInClosedForm(t *testing.T) {
	across := map[Reference]float64{}
	for _, reference := range []Reference{Kernel, Nearest} {
		var told []string
		result, err := Run(t.Context(), Options{
			Source: shape(t, "crossing", Source), Target: shape(t, "crossing", Target), Reference: reference, Rounds: 1, Steps: 8, Points: 128, Updates: 6,
			Progress: func(p Progress) {
				if p.Finished != nil {
					told = append(told, p.Finished.Name())
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(told, " ") != "exact 1-flow" || len(result.Rounds) != 1 {
			t.Errorf("%v: finished %q", reference, told)
		}
		r := result.Exact
		start, end := r.Path[0], r.Path[8]
		for i := 1; i < len(end); i += 2 {
			if start[i]*end[i] < -.25 {
				across[reference] += 2 / float64(len(end))
			}
		}
		if gap := r.Gap.Value / r.CostDrop.Value; reference == Kernel && math.Abs(gap) > .3 {
			t.Errorf("S %.3f + V %.3f and the drop %.3f differ by %.2f", r.Straightness.Value, r.Crossing.Value, r.CostDrop.Value, gap)
		}
	}
	if across[Kernel] > .05 || across[Nearest] < .2 {
		t.Errorf("%.0f %% of the particles change sides by the kernel, %.0f %% by the nearest line", 100*across[Kernel], 100*across[Nearest])
	}
}

func TestARunStopsWhenItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	updates := 0
	_, err := Run(ctx, Options{
		Source: shape(t, "gaussian", Source), Target: shape(t, "rings", Target), Points: 64,
		Progress: func(Progress) { updates++; cancel() },
	})
	if !errors.Is(err, context.Canceled) || updates != 1 {
		t.Errorf("%d updates, then %v", updates, err)
	}
}

func TestARunSaysWhatIsWrongWithItsOptions(t *testing.T) {
	g := shape(t, "gaussian", Source)
	for want, o := range map[string]Options{
		"at least 64":       {Source: g, Target: g, Points: 3},
		"no round 5":        {Source: g, Target: g, Rounds: 2, Distil: []int{5}},
		"shape are needed":  {},
		"-1 solver steps":   {Source: g, Target: g, Steps: -1},
		"at least 6 are":    {Source: g, Target: g, Updates: 2},
		"-2 rounds: at lea": {Source: g, Target: g, Rounds: -2},
		"-1 steps of a dis": {Source: g, Target: g, DistilSteps: -1},
	} {
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, which does not say %q", err, want)
		}
	}
}

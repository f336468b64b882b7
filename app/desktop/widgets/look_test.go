//go:build !headless

package widgets

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// oneVariant is the default theme in light or dark, whatever the system prefers.
type oneVariant struct {
	fyne.Theme
	variant fyne.ThemeVariant
}

func (o oneVariant) Color(name fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	return o.Theme.Color(name, o.variant)
}

// gradient returns a picture in which every pixel differs.
func gradient(width, height int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, color.NRGBA{uint8(255 * x / width), uint8(255 * y / height), 128, 255})
		}
	}
	return img
}

// disks returns a picture with a circle, its colours inverted on demand.
func disks(side int, inverted bool) *image.NRGBA {
	img := gradient(side, side)
	for y := range side {
		for x := range side {
			c := img.NRGBAAt(x, y)
			if math.Hypot(float64(x-side/2), float64(y-side/2)) < float64(side)/3 {
				c.R, c.G = 240, 200
			}
			if inverted {
				c.R, c.G, c.B = 255-c.R, 255-c.G, 255-c.B
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

// lossSeries returns two noisy falling curves with a gap.
func lossSeries(n int) []Series {
	loss := Series{Name: "loss"}
	mean := Series{Name: "mean of 100"}
	for i := range n {
		x := float64(i * 10)
		y := 0.05 + 0.9*math.Exp(-float64(i)/float64(n)*6)
		noise := 0.25 * y * math.Sin(float64(i*i%97))
		if i > n/2 && i < n/2+n/20 {
			noise = math.NaN()
		}
		loss.X, loss.Y = append(loss.X, x), append(loss.Y, y+noise)
		mean.X, mean.Y = append(mean.X, x), append(mean.Y, y)
	}
	return []Series{loss, mean}
}

func roundGroups() []BarGroup {
	return []BarGroup{
		{"1-flow", []BarValue{{"straightness", 0.213, 0.19, 0.24}, {"cost", 0.81, 0, 0}, {"change in PSNR", -0.8, -1.1, -0.4}}},
		{"2-reflow", []BarValue{{"straightness", 0.041, 0.035, 0.05}, {"cost", 0.74, 0, 0}, {"change in PSNR", 1.3, 1, 1.6}}},
		{"3-refine", []BarValue{{"straightness", 0.0093, 0.008, 0.011}, {"cost", 0.75, 0, 0}, {"change in PSNR", 2.1, 1.7, 2.5}}},
	}
}

func stages() []Stage {
	return []Stage{
		{"Prepare", "1,204 images", StageDone, 1},
		{"Flow", "6,000 steps · 31 min", StageDone, 1},
		{"Reflow 1", "2,410 of 6,000", StageCurrent, 0.4},
		{"Refine", "", StagePending, 0},
		{"Measure", "not enough images", StageFailed, 0},
	}
}

// exhibits returns every widget with something in it, by name.
func exhibits() map[string]func() (fyne.CanvasObject, fyne.Size) {
	compare := func(mode CompareMode, zoom float32) func() (fyne.CanvasObject, fyne.Size) {
		return func() (fyne.CanvasObject, fyne.Size) {
			c := NewCompare()
			c.work.inline = true
			c.SetLabels("Before", "After · 1 step")
			c.SetHint("Drop an image here, paste it, or choose one.")
			c.SetMode(mode)
			c.SetImages(disks(64, false), disks(256, true))
			c.Resize(fyne.NewSize(500, 300))
			test.WidgetRenderer(c)
			c.Resize(fyne.NewSize(501, 300))
			if zoom > 0 {
				c.SetZoom(zoom)
			}
			c.FocusGained()
			return c, fyne.NewSize(500, 300)
		}
	}
	plot := func(logarithmic, hover bool) func() (fyne.CanvasObject, fyne.Size) {
		return func() (fyne.CanvasObject, fyne.Size) {
			p := NewPlot()
			p.work.inline = true
			test.WidgetRenderer(p)
			p.Resize(fyne.NewSize(600, 300))
			p.SetTitle("Loss")
			p.SetAxisNames("step", "mean squared error")
			p.SetSeries(lossSeries(3000))
			p.SetMarkers([]Marker{{0, "1-flow"}, {12000, "2-reflow"}, {24000, "3-refine"}})
			p.SetLogY(logarithmic)
			if hover {
				p.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(220, 100)}})
			}
			return p, fyne.NewSize(600, 300)
		}
	}
	return map[string]func() (fyne.CanvasObject, fyne.Size){
		"compare-slider": compare(CompareSlider, 0), "compare-side": compare(CompareSideBySide, 3),
		"compare-difference": compare(CompareDifference, 0),
		"compare-empty": func() (fyne.CanvasObject, fyne.Size) {
			c := NewCompare()
			c.SetHint("Drop an image here, paste it, or choose one.")
			return c, fyne.NewSize(400, 200)
		},
		"plot": plot(false, true), "plot-log": plot(true, false),
		"bars": func() (fyne.CanvasObject, fyne.Size) {
			b := NewBars()
			b.SetGroups(roundGroups())
			b.inside, b.hovered = true, fyne.NewPos(60, 60)
			return b, fyne.NewSize(620, 220)
		},
		"rail": func() (fyne.CanvasObject, fyne.Size) {
			r := NewRail()
			r.SetStages(stages())
			return r, fyne.NewSize(700, 100)
		},
		"rail-narrow": func() (fyne.CanvasObject, fyne.Size) {
			r := NewRail()
			r.SetStages(stages())
			r.chosen = 2
			r.FocusGained()
			return r, fyne.NewSize(320, 190)
		},
		"imagetable": func() (fyne.CanvasObject, fyne.Size) {
			t := NewImageTable()
			t.work.inline = true
			a, b := disks(32, false), disks(32, true)
			t.SetTable([]string{"Source", "1 step", "4 steps", "16 steps"},
				[][]image.Image{{a, b, b, b}, {b, a, a, nil}, {a, b, gradient(32, 16), a}})
			return t, fyne.NewSize(520, 400)
		},
		"thumbs": func() (fyne.CanvasObject, fyne.Size) {
			th := NewThumbs(func(i int) (image.Image, error) {
				if i == 4 {
					return nil, errors.New("not an image: unexpected end of file")
				}
				return gradient(100+20*i, 80), nil
			}, 96)
			var waiting []func()
			th.Start = func(work func()) { waiting = append(waiting, work) }
			th.SetCaption(func(i int) string { return fmt.Sprintf("photo-%03d.jpg", i) })
			th.SetCount(7)
			th.Resize(fyne.NewSize(340, 380))
			test.WidgetRenderer(th)
			th.Resize(fyne.NewSize(341, 380))
			for len(waiting) > 1 {
				work := waiting[0]
				waiting = waiting[1:]
				work()
			}
			return th, fyne.NewSize(340, 380)
		},
		"dropframe": func() (fyne.CanvasObject, fyne.Size) {
			return NewDropFrame("Source", widget.NewLabel("Drop a folder here, or choose one.")), fyne.NewSize(320, 160)
		},
		"dropframe-lit": func() (fyne.CanvasObject, fyne.Size) {
			d := NewDropFrame("Target", widget.NewLabel("Drop a folder here, or choose one."))
			d.SetHighlighted(true)
			return d, fyne.NewSize(320, 160)
		},
	}
}

// TestEveryWidgetIsDrawn draws every widget in light and dark, at single and double scale. With STRAIGHTWAY_LOOK set
// to a folder, the pictures are kept there to be looked at.
func TestEveryWidgetIsDrawn(t *testing.T) {
	for variantName, variant := range map[string]fyne.ThemeVariant{"light": theme.VariantLight, "dark": theme.VariantDark} {
		for name, exhibit := range exhibits() {
			t.Run(variantName+"/"+name, func(t *testing.T) {
				app := test.NewTempApp(t)
				app.Settings().SetTheme(oneVariant{theme.DefaultTheme(), variant})
				object, size := exhibit()
				w := test.NewTempWindow(t, object)
				w.SetPadded(false)
				if variant == theme.VariantDark {
					w.Canvas().(interface{ SetScale(float32) }).SetScale(2)
				}
				w.Resize(size)
				object.Refresh()
				img := w.Canvas().Capture()
				colours := map[color.Color]bool{}
				for y := range img.Bounds().Dy() {
					for x := range img.Bounds().Dx() {
						colours[img.At(x, y)] = true
					}
				}
				if len(colours) < 8 {
					t.Errorf("the widget shows only %d colours: it has not been drawn", len(colours))
				}
				if folder := os.Getenv("STRAIGHTWAY_LOOK"); folder != "" {
					keep(t, filepath.Join(folder, name+"-"+variantName+".png"), img)
				}
			})
		}
	}
}

func keep(t *testing.T, path string, img image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

package translate

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/datasets"
)

func TestIdentityGivesTheSourceBack(t *testing.T) {
	net := &fake{size: 32, batch: 4, f: same}
	for _, size := range []image.Point{{128, 128}, {200, 70}, {70, 301}, {31, 33}, {7, 5}, {1, 1}, {1, 300}, {8, 1200}, {32, 32}} {
		for _, fit := range []datasets.Fit{datasets.Crop, datasets.Pad, datasets.Stretch} {
			for _, alpha := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v %v alpha=%v", size, fit, alpha), func(t *testing.T) {
					src := noisy(1, size.X, size.Y, alpha)
					before := clone(src)
					out, err := Image(t.Context(), net, src, Options{Fit: fit, Background: color.NRGBA{200, 90, 30, 255}})
					if err != nil {
						t.Fatal(err)
					}
					if string(src.Pix) != string(before.Pix) {
						t.Error("the source was changed")
					}
					if out.Rect != src.Rect {
						t.Fatalf("the result is %v", out.Rect)
					}
					for i := range out.Pix {
						a := int(src.Pix[i|3])
						if i%4 == 3 && out.Pix[i] != src.Pix[i] {
							t.Fatalf("alpha %d became %d", src.Pix[i], out.Pix[i])
						}
						if d := (int(out.Pix[i]) - int(src.Pix[i])) * a; d > 255 || d < -255 {
							t.Fatalf("byte %d: %d became %d at alpha %d", i, src.Pix[i], out.Pix[i], a)
						}
					}
				})
			}
		}
	}
}

func TestInversionInvertsEveryPixel(t *testing.T) {
	net := &fake{size: 32, batch: 4, f: invert}
	for name, src := range map[string]*image.NRGBA{
		"opaque": noisy(2, 150, 100, false),
		// Grain finer than the canvas on a flat ground: only the fit of the
		// whole picture can know that it is to be inverted.
		"grain":                     grain(200),
		"transparent ground":        noisy(3, 128, 128, true),
		"half transparent all over": half(noisy(4, 128, 128, false)),
	} {
		t.Run(name, func(t *testing.T) {
			out, err := Image(t.Context(), net, src, Options{})
			if err != nil {
				t.Fatal(err)
			}
			want := throughNetwork(src, invert)
			if e := meanError(out, want); e > 1.5 {
				t.Errorf("mean error %.2f", e)
			}
		})
	}
}

// grain is a picture whose upper half alone varies at the canvas's scale, with
// fine grain all over.
func grain(side int) *image.NRGBA {
	rng := rand.New(rand.NewSource(5))
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			v := 100
			if y < side/2 {
				v = 40 + 150*x/side
			}
			v += rng.Intn(40)
			img.SetNRGBA(x, y, color.NRGBA{uint8(v), uint8(v), uint8(v), 255})
		}
	}
	return img
}

func half(img *image.NRGBA) *image.NRGBA {
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = 128
	}
	return img
}

// The canvas is translated by the exact answer, scaled down, and restored; the
// error against the answer at full size is compared with enlarging alone.
func TestRestoredDetail(t *testing.T) {
	const side, small = 128, 32
	recolour := func(f func([]float32) error) func(int64) (src, ref *image.NRGBA) {
		return func(seed int64) (*image.NRGBA, *image.NRGBA) {
			src, _ := drawing(seed, side, side)
			return src, throughNetwork(src, f)
		}
	}
	for _, c := range []struct {
		name   string
		pair   func(seed int64) (src, ref *image.NRGBA)
		noise  float64
		atMost float64 // of the error of enlarging alone
	}{
		{"colour to line art", func(s int64) (*image.NRGBA, *image.NRGBA) { return drawing(s, side, side) }, 0, 0.15},
		{"colour to line art with noise", func(s int64) (*image.NRGBA, *image.NRGBA) { return drawing(s, side, side) }, 0.3, 0.6},
		{"colour rotation", recolour(rotate), 0, 0.05},
		{"inversion", recolour(invert), 0, 0.05},
		{"curves", recolour(curves), 0, 0.5},
		// A network that misplaces lines is not made much worse.
		{"line art shifted by a canvas pixel", func(s int64) (*image.NRGBA, *image.NRGBA) {
			src, line := drawing(s, side, side)
			moved := image.NewNRGBA(line.Rect)
			for y := range side {
				for x := range side {
					moved.SetNRGBA(x, y, line.NRGBAAt(min(x+3, side-1), max(y-2, 0)))
				}
			}
			return src, moved
		}, 0, 1.08},
		{"line art of a different drawing", func(s int64) (*image.NRGBA, *image.NRGBA) {
			src, _ := drawing(s, side, side)
			_, line := drawing(s+1000, side, side)
			return src, line
		}, 0, 1.03},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewSource(1))
			var enlarged, restored float64
			for seed := range int64(8) {
				src, ref := c.pair(seed)
				l := newLayout(side, side, small, datasets.Crop)
				y := newCanvas(l, ref, datasets.White).colour
				noise := newPlane(small, small, 3)
				for i := range noise.pix {
					noise.pix[i] = float32(rng.NormFloat64() * c.noise)
				}
				for i, v := range noise.boxMean(1).pix { // deviation noise/3
					y.pix[i] += v
				}
				out := clone(src)
				restore(out, newCanvas(l, src, datasets.White), y, datasets.White, nil)
				restored += meanError(out, ref)
				bare := image.NewNRGBA(image.Rect(0, 0, small, small))
				for i := range small * small {
					bare.SetNRGBA(i%small, i/small, color.NRGBA{fromUnit(y.pix[3*i]), fromUnit(y.pix[3*i+1]), fromUnit(y.pix[3*i+2]), 255})
				}
				enlarged += meanError(datasets.Resize(bare, side, side), ref)
			}
			t.Logf("enlarged %.2f, restored %.2f", enlarged/8, restored/8)
			if restored > c.atMost*enlarged {
				t.Errorf("restored %.2f, enlarged alone %.2f: at most %.2f of it was expected", restored/8, enlarged/8, c.atMost)
			}
		})
	}
}

// A network that treats every tile a little differently must leave no edge
// where tiles meet.
func TestTilesMeetWithoutSeams(t *testing.T) {
	tile := 0
	net := &fake{size: 32, batch: 1, f: func(x []float32) error {
		shift := float32(0.15)
		if tile%2 == 1 {
			shift = -shift
		}
		tile++
		for i := range x {
			x[i] += shift // 38 grey levels from tile to tile
		}
		return nil
	}}
	const w, h = 400, 128
	for _, upright := range []bool{false, true} {
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		if upright {
			img = image.NewNRGBA(image.Rect(0, 0, h, w))
		}
		for i := range img.Pix {
			along := i / 4 % img.Rect.Dx()
			if upright {
				along = i / 4 / img.Rect.Dx()
			}
			img.Pix[i] = uint8(60 + 120*along/w)
			if i%4 == 3 {
				img.Pix[i] = 255
			}
		}
		tile = 0
		out, err := Image(t.Context(), net, img, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if tile < 3 {
			t.Fatalf("%d tiles", tile)
		}
		at := func(i int) int {
			if upright {
				return int(out.NRGBAAt(h/2, i).R)
			}
			return int(out.NRGBAAt(i, h/2).R)
		}
		low, high := 0, 0
		for i := range w - 1 {
			d := at(i+1) - at(i)
			low, high = min(low, d), max(high, d)
		}
		if low < -4 || high > 4 {
			t.Errorf("neighbours differ by %d to %d", low, high)
		}
		if at(10) == at(w-10)-120*(w-20)/w && tile%2 == 0 {
			t.Error("the tiles were not told apart")
		}
	}
}

func TestLayoutsCoverTheCanvas(t *testing.T) {
	for _, fit := range []datasets.Fit{datasets.Crop, datasets.Pad, datasets.Stretch} {
		for _, size := range []int{1, 8, 32, 256} {
			for _, p := range []image.Point{{1, 1}, {100, 100}, {108, 100}, {130, 100}, {100, 399}, {8, 4000}, {4000, 8}, {1, 2}} {
				l := newLayout(p.X, p.Y, size, fit)
				name := fmt.Sprintf("%v into %d, %v: canvas %d×%d, tiles %v", p, size, fit, l.w, l.h, l.tiles)
				covered := make([]bool, l.w*l.h)
				for _, at := range l.tiles {
					for y := max(at.Y, 0); y < min(at.Y+size, l.h); y++ {
						for x := max(at.X, 0); x < min(at.X+size, l.w); x++ {
							covered[y*l.w+x] = true
						}
					}
				}
				for _, c := range covered {
					if !c {
						t.Fatal(name, "is not covered")
					}
				}
				if len(l.tiles) > 6 && size >= 8 || len(l.tiles) > 1 && fit != datasets.Crop {
					t.Error(name)
				}
			}
		}
	}
}

func TestModelSizeIsTheBareSquare(t *testing.T) {
	src := noisy(6, 90, 60, true)
	for _, fit := range []datasets.Fit{datasets.Crop, datasets.Pad, datasets.Stretch} {
		out, err := Image(t.Context(), &fake{size: 16, batch: 1, f: same}, src, Options{Size: Model, Fit: fit})
		if err != nil {
			t.Fatal(err)
		}
		want := datasets.FitSquare(src, 16, fit, datasets.White)
		for i := range 16 * 16 {
			if p := out.Pix[4*i : 4*i+4]; string(p[:3]) != string(want[3*i:3*i+3]) || p[3] != 255 {
				t.Fatalf("%v: pixel %d is %v, want %v", fit, i, p, want[3*i:3*i+3])
			}
		}
	}
}

func TestSquareSourcesAreSeenAsInTraining(t *testing.T) {
	src := noisy(7, 100, 100, false)
	c := newCanvas(newLayout(100, 100, 32, datasets.Crop), src, datasets.White)
	got := c.cut(nil, 0)
	for i, b := range datasets.FitSquare(src, 32, datasets.Crop, datasets.White) {
		if got[i] != unit(b) {
			t.Fatalf("value %d is %v, training had %v", i, got[i], unit(b))
		}
	}
}

// The translation of a soft-edged shape on a transparent ground keeps no rim of
// the background that the network saw.
func TestSoftEdgesKeepNoRim(t *testing.T) {
	const side = 128
	src := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			d := math.Hypot(float64(x)-63.5, float64(y)-63.5) - 40
			src.SetNRGBA(x, y, color.NRGBA{40, 60, 160, uint8(255 * min(max(0.5-d/6, 0), 1))})
		}
	}
	out, err := Image(t.Context(), &fake{size: 32, batch: 1, f: rotate}, src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := throughNetwork(src, rotate)
	for i := 0; i < len(out.Pix); i += 4 {
		a := float64(src.Pix[i+3]) / 255
		for v := range 3 {
			if d := a * (float64(out.Pix[i+v]) - float64(want.Pix[i+v])); math.Abs(d) > 6 {
				t.Fatalf("pixel %d, alpha %.2f: %v, want %v", i/4, a, out.Pix[i:i+4], want.Pix[i:i+4])
			}
		}
	}
}

func TestImageOfASubimage(t *testing.T) {
	whole := noisy(8, 80, 60, false)
	part := whole.SubImage(image.Rect(11, 7, 71, 57)).(*image.NRGBA)
	out, err := Image(t.Context(), &fake{size: 32, batch: 2, f: same}, part, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if out.Rect != image.Rect(0, 0, 60, 50) || out.NRGBAAt(0, 0) != whole.NRGBAAt(11, 7) || out.NRGBAAt(59, 49) != whole.NRGBAAt(70, 56) {
		t.Errorf("%v %v", out.Rect, out.NRGBAAt(0, 0))
	}
}

func TestImageErrors(t *testing.T) {
	src := noisy(9, 40, 40, false)
	nan := &fake{size: 8, batch: 1, f: func(x []float32) error { x[5] = float32(math.NaN()); return nil }}
	for _, c := range []struct {
		name string
		net  Network
		src  *image.NRGBA
		o    Options
		want string
	}{
		{"no pixels", nan, image.NewNRGBA(image.Rectangle{}), Options{}, "no pixels"},
		{"not a number", nan, src, Options{}, "not a number"},
		{"not a number at model size", nan, src, Options{Size: Model}, "not a number"},
		{"network fails", &fake{size: 8, batch: 1, f: func([]float32) error { return fmt.Errorf("out of memory") }}, src, Options{}, "out of memory"},
		{"wrong shape", short{nan}, src, Options{}, "values for"},
		{"quality", nan, src, Options{Quality: 101}, "1 to 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Image(t.Context(), c.net, c.src, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

type short struct{ *fake }

func (short) Run(_ context.Context, x []float32, _ int) ([]float32, error) { return x[1:], nil }

func TestComparisonShowsThreePanels(t *testing.T) {
	src, _ := drawing(3, 128, 96)
	net := &fake{size: 32, batch: 1, f: rotate}
	out, err := Comparison(t.Context(), net, src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := throughNetwork(src, rotate)
	gap := (out.Rect.Dx() - 3*128) / 2
	panel := func(i int) *image.NRGBA {
		p := image.NewNRGBA(src.Rect)
		for y := range 96 {
			for x := range 128 {
				p.SetNRGBA(x, y, out.NRGBAAt(i*(128+gap)+x, y))
			}
		}
		return p
	}
	if string(panel(0).Pix) != string(src.Pix) {
		t.Error("the first panel is not the source")
	}
	if bare, full := meanError(panel(1), want), meanError(panel(2), want); full > bare/2 {
		t.Errorf("error %.2f restored, %.2f enlarged alone", full, bare)
	}
}

func BenchmarkRestore(b *testing.B) {
	for _, of := range []struct {
		name       string
		w, h, size int
	}{{"photograph", 4000, 3000, 128}, {"drawing", 128, 128, 64}} {
		b.Run(of.name, func(b *testing.B) {
			src := noisy(1, of.w, of.h, false)
			c := newCanvas(newLayout(of.w, of.h, of.size, datasets.Crop), src, datasets.White)
			img := clone(src)
			var memory room
			for b.Loop() {
				memory.reset()
				restore(img, c, c.colour, datasets.White, &memory)
			}
			b.ReportMetric(float64(of.w*of.h)/1e6*float64(b.N)/b.Elapsed().Seconds(), "Mpx/s")
		})
	}
}

// TestGreyStaysGrey translates by a network that gives everything a tint. A picture without colour is to have none
// where that is asked for, at its brightness; a coloured one is to be translated as ever, and the bare result left alone.
func TestGreyStaysGrey(t *testing.T) {
	net := &fake{size: 32, batch: 4, f: perPixel(func(r, g, b float32) (float32, float32, float32) { return .8*r - .1, .8 * g, .8*b + .1 })}
	coloured := noisy(1, 90, 60, true)
	grey := clone(coloured)
	for i := 0; i < len(grey.Pix); i += 4 {
		grey.Pix[i+1], grey.Pix[i+2] = grey.Pix[i], grey.Pix[i]
	}
	chroma := func(img *image.NRGBA) (most int) {
		for i := 0; i < len(img.Pix); i += 4 {
			p := img.Pix[i : i+3]
			most = max(most, int(max(p[0], p[1], p[2]))-int(min(p[0], p[1], p[2])))
		}
		return most
	}
	image := func(src *image.NRGBA, o Options) *image.NRGBA {
		out, err := Image(t.Context(), net, src, o)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	tinted, kept := image(grey, Options{}), image(grey, Options{GreyStays: true})
	if a, b := chroma(tinted), chroma(kept); a < 15 || b > 1 {
		t.Errorf("chroma %d where the network's tint is left, %d where grey stays", a, b)
	}
	var before, after float64
	for i := 0; i < len(kept.Pix); i += 4 {
		before += .299*float64(tinted.Pix[i]) + .587*float64(tinted.Pix[i+1]) + .114*float64(tinted.Pix[i+2])
		after += float64(kept.Pix[i])
	}
	if n := float64(len(kept.Pix) / 4); math.Abs(before-after)/n > 1.5 {
		t.Errorf("mean brightness %.1f became %.1f", before/n, after/n)
	}
	if string(image(coloured, Options{GreyStays: true}).Pix) != string(image(coloured, Options{}).Pix) {
		t.Error("a coloured picture is translated differently")
	}
	if bare := image(grey, Options{Size: Model, GreyStays: true}); chroma(bare) < 15 {
		t.Error("at the model's size the network's own result is to be seen")
	}
}

// TestRestoringInUsedMemory: what a room held before, be it not a number, has no part in the next picture.
func TestRestoringInUsedMemory(t *testing.T) {
	var used room
	for _, size := range [][3]int{{100, 70, 32}, {21, 50, 16}, {33, 33, 64}, {128, 128, 32}, {1, 5, 8}, {70, 100, 64}} {
		src := noisy(int64(size[0]), size[0], size[1], true)
		c := newCanvas(newLayout(size[0], size[1], size[2], datasets.Crop), src, datasets.White)
		y := newPlane(c.w, c.h, 3)
		for i, v := range c.colour.pix {
			y.pix[i] = v * v
		}
		want, got := clone(src), clone(src)
		restore(want, c, y, datasets.White, nil)
		used.reset()
		restore(got, c, y, datasets.White, &used)
		if string(got.Pix) != string(want.Pix) {
			t.Errorf("%v: another picture than in fresh memory", size)
		}
		for _, piece := range used.pieces {
			for i := range piece {
				piece[i] = float32(math.NaN())
			}
		}
	}
}

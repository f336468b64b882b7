package chart

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	strokes "github.com/straightway-app/straightway/engine/internal/ink"
)

// svgPaper collects elements of a document.
type svgPaper struct{ b bytes.Buffer }

// newSVGPaper makes a document of so many units that is shown width pixels broad.
func newSVGPaper(width int, broad, high float64) *svgPaper {
	p := &svgPaper{}
	fmt.Fprintf(&p.b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="sans-serif" fill="%s">`+"\n",
		width, high*float64(width)/broad, broad, high, strokes.Hex(letters))
	fmt.Fprintf(&p.b, `<rect width="%.0f" height="%.0f" fill="%s"/>`+"\n", broad, high, strokes.Hex(ground))
	return p
}

func (p *svgPaper) line(c color.NRGBA, width float64, dashed bool, ax, ay, bx, by float64) {
	dashes := ""
	if dashed {
		dashes = fmt.Sprintf(` stroke-dasharray="%d %d"`, dashOn, dashOff)
	}
	fmt.Fprintf(&p.b, `<line x1="%.2f" y1="%.2f" x2="%.2f" y2="%.2f" stroke="%s" stroke-width="%g"%s/>`+"\n", ax, ay, bx, by, strokes.Hex(c), width, dashes)
}

func (p *svgPaper) dot(c color.NRGBA, x, y, r float64) {
	fmt.Fprintf(&p.b, `<circle cx="%.2f" cy="%.2f" r="%g" fill="%s"/>`+"\n", x, y, r, strokes.Hex(c))
}

func (p *svgPaper) text(s string, x, y, size, align float64) {
	anchor := map[float64]string{0: "start", .5: "middle", 1: "end"}[align]
	fmt.Fprintf(&p.b, `<text x="%.2f" y="%.2f" font-size="%g" text-anchor="%s">%s</text>`+"\n", x, y, size, anchor, html.EscapeString(s))
}

func (p *svgPaper) write(w io.Writer) error {
	p.b.WriteString("</svg>\n")
	_, err := p.b.WriteTo(w)
	return err
}

// dashOn and dashOff are the lengths of dashes and of the gaps between them.
const dashOn, dashOff = 6, 4

// pixelPaper is a picture; scale is its pixels a unit.
type pixelPaper struct {
	img   *image.NRGBA
	scale float64
	faces map[float64]font.Face // by size
}

// goFont is Go Regular, by Bigelow & Holmes, which comes with golang.org/x/image.
var goFont = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(goregular.TTF) })

// face is the font at a size in pixels.
func face(size float64) (font.Face, error) {
	f, err := goFont()
	if err == nil {
		var out font.Face
		if out, err = opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull}); err == nil {
			return out, nil
		}
	}
	return nil, fmt.Errorf("preparing the charts' font: %w", err)
}

// shorten cuts text that is broader than so many units at this size of letters.
func shorten(text string, size, width float64) string {
	f, err := face(size)
	if err != nil {
		return text // the paper reports it
	}
	fits := func(s string) bool { return float64(font.MeasureString(f, s))/64 <= width }
	if fits(text) {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && !fits(string(runes)+"…") {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimRight(string(runes), " ") + "…"
}

// newPixelPaper makes a picture of so many units, each scale pixels long.
func newPixelPaper(scale, broad, high float64) (*pixelPaper, error) {
	p := &pixelPaper{scale: scale, faces: map[float64]font.Face{}}
	for _, size := range []float64{textSize, titleSize} {
		f, err := face(size * scale)
		if err != nil {
			return nil, err
		}
		p.faces[size] = f
	}
	p.img = image.NewNRGBA(image.Rect(0, 0, int(math.Round(broad*scale)), int(math.Round(high*scale))))
	draw.Draw(p.img, p.img.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
	return p, nil
}

func (p *pixelPaper) line(c color.NRGBA, width float64, dashed bool, ax, ay, bx, by float64) {
	ax, ay, bx, by = ax*p.scale, ay*p.scale, bx*p.scale, by*p.scale
	pen, length := strokes.NewPen(p.img), math.Hypot(bx-ax, by-ay)
	on, every := length, length
	if dashed {
		on, every = dashOn*p.scale, (dashOn+dashOff)*p.scale
	}
	for from := 0.; from < length; from += every {
		u, v := from/length, min(from+on, length)/length
		pen.Line(ax+u*(bx-ax), ay+u*(by-ay), ax+v*(bx-ax), ay+v*(by-ay), width*p.scale/2)
	}
	pen.Fill(c)
}

func (p *pixelPaper) dot(c color.NRGBA, x, y, r float64) {
	strokes.Dot(p.img, x*p.scale, y*p.scale, r*p.scale, c)
}

func (p *pixelPaper) text(s string, x, y, size, align float64) {
	d := font.Drawer{Dst: p.img, Src: image.NewUniform(letters), Face: p.faces[size]}
	left := x*p.scale - align*float64(d.MeasureString(s))/64
	d.Dot = fixed.P(int(math.Round(left)), int(math.Round(y*p.scale)))
	d.DrawString(s)
}

func (p *pixelPaper) write(w io.Writer) error {
	if err := png.Encode(w, p.img); err != nil {
		return fmt.Errorf("encoding a chart: %w", err)
	}
	return nil
}

package plane

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
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// svgPaper collects elements of a document.
type svgPaper struct{ b bytes.Buffer }

func newSVGPaper(width int, height float64) *svgPaper {
	p := &svgPaper{}
	fmt.Fprintf(&p.b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%.0f" viewBox="0 0 %d %.0f" font-family="sans-serif" fill="%s">`+"\n",
		width, height*float64(width)/layoutWidth, layoutWidth, height, hex(chartInk))
	fmt.Fprintf(&p.b, `<rect width="%d" height="%.0f" fill="%s"/>`+"\n", layoutWidth, height, hex(ground))
	return p
}

func (p *svgPaper) line(c color.NRGBA, width float64, dashed bool, ax, ay, bx, by float64) {
	dashes := ""
	if dashed {
		dashes = fmt.Sprintf(` stroke-dasharray="%d %d"`, dashOn, dashOff)
	}
	fmt.Fprintf(&p.b, `<line x1="%.2f" y1="%.2f" x2="%.2f" y2="%.2f" stroke="%s" stroke-width="%g"%s/>`+"\n", ax, ay, bx, by, hex(c), width, dashes)
}

func (p *svgPaper) dot(c color.NRGBA, x, y, r float64) {
	fmt.Fprintf(&p.b, `<circle cx="%.2f" cy="%.2f" r="%g" fill="%s"/>`+"\n", x, y, r, hex(c))
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

// chartFont is Go Regular, by Bigelow & Holmes, which comes with golang.org/x/image.
var chartFont = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(goregular.TTF) })

func newPixelPaper(width int, height float64) (*pixelPaper, error) {
	p := &pixelPaper{scale: float64(width) / layoutWidth, faces: map[float64]font.Face{}}
	letters, err := chartFont()
	if err != nil {
		return nil, fmt.Errorf("reading the charts' font: %w", err)
	}
	for _, size := range []float64{chartText, chartTitle} {
		if p.faces[size], err = opentype.NewFace(letters, &opentype.FaceOptions{Size: size * p.scale, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return nil, fmt.Errorf("preparing the charts' font: %w", err)
		}
	}
	p.img = image.NewNRGBA(image.Rect(0, 0, width, int(math.Round(height*p.scale))))
	draw.Draw(p.img, p.img.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
	return p, nil
}

func (p *pixelPaper) line(c color.NRGBA, width float64, dashed bool, ax, ay, bx, by float64) {
	ax, ay, bx, by = ax*p.scale, ay*p.scale, bx*p.scale, by*p.scale
	pen, length := newPen(p.img), math.Hypot(bx-ax, by-ay)
	on, every := length, length
	if dashed {
		on, every = dashOn*p.scale, (dashOn+dashOff)*p.scale
	}
	for from := 0.; from < length; from += every {
		u, v := from/length, min(from+on, length)/length
		pen.line(ax+u*(bx-ax), ay+u*(by-ay), ax+v*(bx-ax), ay+v*(by-ay), width*p.scale/2)
	}
	pen.fill(c)
}

func (p *pixelPaper) dot(c color.NRGBA, x, y, r float64) {
	dot(p.img, x*p.scale, y*p.scale, r*p.scale, c)
}

func (p *pixelPaper) text(s string, x, y, size, align float64) {
	d := font.Drawer{Dst: p.img, Src: image.NewUniform(chartInk), Face: p.faces[size]}
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

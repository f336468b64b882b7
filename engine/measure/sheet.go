package measure

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Sheet is a contact sheet: columns of images under their titles, the same row
// of every column showing the same example.
type Sheet struct {
	Columns []Column
	Size    int    // side of every image in pixels
	Caption string // a line below, wrapped where it must be; may be empty
	// Scale enlarges every pixel; 0 chooses the least that makes cells 96
	// pixels wide.
	Scale int
	// Blocks is into how many parts, side by side, the rows are folded; 0
	// chooses what comes nearest to the shape of a screen.
	Blocks int
}

// Column is one column of a sheet.
type Column struct {
	Title string
	// Images are Size×Size×3 RGB bytes, one a row. A nil image, or one that
	// is not there because other columns are longer, is drawn as an empty cell.
	Images [][]uint8
	Names  []string // written below the images, one a row; nil where there are none
}

const (
	sheetMargin   = 24
	sheetGap      = 6       // between cells
	sheetBlockGap = 28      // between blocks
	sheetShape    = 1.5     // width over height that Blocks = 0 aims at
	sheetCell     = 96      // least side of a cell that Scale = 0 aims at
	sheetLargest  = 1 << 27 // pixels
	sheetNameSize = 11      // of the letters below images, in pixels
)

var (
	sheetPaper   = color.RGBA{247, 247, 245, 255}
	sheetBorder  = color.RGBA{212, 212, 208, 255}
	sheetMissing = color.RGBA{236, 236, 233, 255}
	sheetFaint   = color.RGBA{176, 176, 172, 255}
	sheetTitle   = color.RGBA{38, 38, 42, 255}
	sheetCaption = color.RGBA{104, 104, 108, 255}
)

// WritePNG draws the sheet and encodes it.
func (s Sheet) WritePNG(w io.Writer) error {
	picture, err := s.Image()
	if err != nil {
		return err
	}
	return png.Encode(w, picture)
}

// Image draws the sheet.
func (s Sheet) Image() (*image.RGBA, error) {
	rows, err := s.check()
	if err != nil {
		return nil, err
	}
	if s.Scale == 0 {
		s.Scale = (sheetCell + s.Size - 1) / s.Size
	}
	cell := s.Size * s.Scale
	titleFace, err := face(&titleFont, cell)
	if err != nil {
		return nil, err
	}
	captionFace, err := face(&captionFont, cell)
	if err != nil {
		return nil, err
	}
	nameHeight := 0
	var nameFace font.Face
	for _, c := range s.Columns {
		if len(c.Names) > 0 {
			if nameFace, err = faceOf(&captionFont, sheetNameSize); err != nil {
				return nil, err
			}
			nameHeight = lineHeight(nameFace)
		}
	}
	titles := make([][]string, len(s.Columns))
	titleLines := 0
	for i, c := range s.Columns {
		titles[i] = wrap(titleFace, c.Title, cell, 2)
		titleLines = max(titleLines, len(titles[i]))
	}
	titleHeight := 0
	if titleLines > 0 {
		titleHeight = titleLines*lineHeight(titleFace) + 6
	}

	blockWidth := len(s.Columns)*(cell+sheetGap) - sheetGap
	size := func(blocks int) (width, height int) {
		down := (rows + blocks - 1) / blocks
		return blocks*(blockWidth+sheetBlockGap) - sheetBlockGap, titleHeight + down*(cell+nameHeight+sheetGap) - sheetGap
	}
	if s.Blocks == 0 {
		best := math.Inf(1)
		for blocks := 1; blocks <= rows; blocks++ {
			width, height := size(blocks)
			if miss := math.Abs(math.Log(float64(width) / float64(height) / sheetShape)); miss < best {
				best, s.Blocks = miss, blocks
			}
		}
	}
	s.Blocks = min(s.Blocks, rows)
	down := (rows + s.Blocks - 1) / s.Blocks
	s.Blocks = (rows + down - 1) / down // fold without an empty block at the end
	width, height := size(s.Blocks)
	caption := wrap(captionFace, s.Caption, width, 6)
	captionHeight := 0
	if len(caption) > 0 {
		captionHeight = len(caption)*lineHeight(captionFace) + 14
	}
	total := image.Rect(0, 0, width+2*sheetMargin, height+captionHeight+2*sheetMargin)
	if total.Dx()*total.Dy() > sheetLargest {
		return nil, fmt.Errorf("contact sheet: %d rows and %d columns of %d pixels make a picture of %d×%d: choose fewer rows or a smaller scale", rows, len(s.Columns), cell, total.Dx(), total.Dy())
	}

	picture := image.NewRGBA(total)
	fill(picture, total, sheetPaper)
	for block := range s.Blocks {
		left := sheetMargin + block*(blockWidth+sheetBlockGap)
		for i, column := range s.Columns {
			x := left + i*(cell+sheetGap)
			for l, line := range titles[i] {
				// Titles stand on the images, so the last line is the lowest.
				y := sheetMargin + (titleLines-len(titles[i])+l)*lineHeight(titleFace)
				write(picture, titleFace, sheetTitle, line, x+(cell-textWidth(titleFace, line))/2, y)
			}
			for r := range min(down, rows-block*down) {
				row := block*down + r
				at := image.Rect(x, 0, x+cell, cell).Add(image.Pt(0, sheetMargin+titleHeight+r*(cell+nameHeight+sheetGap)))
				fill(picture, at.Inset(-1), sheetBorder)
				if row < len(column.Names) {
					write(picture, nameFace, sheetCaption, shorten(nameFace, column.Names[row], cell), at.Min.X, at.Max.Y+1)
				}
				if row < len(column.Images) && len(column.Images[row]) > 0 {
					enlarge(picture, at, column.Images[row], s.Size, s.Scale)
					continue
				}
				fill(picture, at, sheetMissing)
				dash := image.Rect(-cell/12, -1, cell/12, 1).Add(at.Min.Add(at.Max).Div(2))
				fill(picture, dash, sheetFaint)
			}
		}
	}
	for l, line := range caption {
		y := total.Max.Y - sheetMargin - (len(caption)-l)*lineHeight(captionFace)
		write(picture, captionFace, sheetCaption, line, sheetMargin, y)
	}
	return picture, nil
}

// check returns the number of rows.
func (s Sheet) check() (rows int, err error) {
	if s.Size < 1 || s.Scale < 0 || s.Blocks < 0 {
		return 0, fmt.Errorf("contact sheet: size %d, scale %d and %d blocks are impossible", s.Size, s.Scale, s.Blocks)
	}
	for _, c := range s.Columns {
		rows = max(rows, len(c.Images))
		for i, pix := range c.Images {
			if len(pix) != 0 && len(pix) != s.Size*s.Size*3 {
				return 0, fmt.Errorf("contact sheet: image %d of column %q has %d bytes instead of %d×%d×3", i, c.Title, len(pix), s.Size, s.Size)
			}
		}
	}
	if rows == 0 {
		return 0, errors.New("contact sheet: there are no images to show")
	}
	return rows, nil
}

func fill(picture *image.RGBA, at image.Rectangle, c color.RGBA) {
	draw.Draw(picture, at, image.NewUniform(c), image.Point{}, draw.Src)
}

// enlarge draws an image with every pixel repeated scale times each way.
func enlarge(picture *image.RGBA, at image.Rectangle, pix []uint8, size, scale int) {
	for y := range size * scale {
		out := picture.Pix[picture.PixOffset(at.Min.X, at.Min.Y+y):]
		row := pix[y/scale*size*3:]
		for x := range size * scale {
			copy(out[4*x:4*x+3], row[x/scale*3:])
			out[4*x+3] = 255
		}
	}
}

// The Go fonts, by Bigelow & Holmes, come with golang.org/x/image.
var (
	titleFont   = lazyFont{data: gomedium.TTF}
	captionFont = lazyFont{data: goregular.TTF}
)

type lazyFont struct {
	data []byte
	once sync.Once
	font *opentype.Font
	err  error
}

// face returns a font at a size that suits the cells' width.
func face(f *lazyFont, cell int) (font.Face, error) {
	return faceOf(f, min(max(float64(cell)/8, 14), 20))
}

// faceOf returns a font at a size in pixels.
func faceOf(f *lazyFont, size float64) (font.Face, error) {
	f.once.Do(func() { f.font, f.err = opentype.Parse(f.data) })
	if f.err != nil {
		return nil, fmt.Errorf("contact sheet: %w", f.err)
	}
	return opentype.NewFace(f.font, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
}

func lineHeight(f font.Face) int { return f.Metrics().Height.Ceil() + 2 }

func textWidth(f font.Face, text string) int { return font.MeasureString(f, text).Ceil() }

// write draws a line of text whose top left corner is at x, y.
func write(picture *image.RGBA, f font.Face, c color.RGBA, text string, x, y int) {
	d := font.Drawer{
		Dst: picture, Src: image.NewUniform(c), Face: f,
		Dot: fixed.P(x, y+f.Metrics().Ascent.Ceil()),
	}
	d.DrawString(text)
}

// wrap breaks text at spaces into lines of at most width pixels. What does not
// fit, in width or in number of lines, ends in an ellipsis.
func wrap(f font.Face, text string, width, lines int) []string {
	words := strings.Fields(text)
	var out []string
	for len(words) > 0 {
		n := 1
		for n < len(words) && textWidth(f, strings.Join(words[:n+1], " ")) <= width {
			n++
		}
		if len(out) == lines-1 {
			n = len(words)
		}
		out = append(out, shorten(f, strings.Join(words[:n], " "), width))
		words = words[n:]
	}
	return out
}

func shorten(f font.Face, text string, width int) string {
	if textWidth(f, text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && textWidth(f, string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimRight(string(runes), " ") + "…"
}

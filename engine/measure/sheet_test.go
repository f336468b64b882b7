package measure

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"
)

// stamp is a size×size image of one colour.
func stamp(size int, c color.RGBA) []uint8 {
	return bytes.Repeat([]uint8{c.R, c.G, c.B}, size*size)
}

func TestSheetShowsEveryImageUnderItsTitle(t *testing.T) {
	red, green, blue := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}
	s := Sheet{
		Size: 8, Scale: 4, Blocks: 2, Caption: "A caption",
		Columns: []Column{
			{Title: "One", Images: [][]uint8{stamp(8, red), stamp(8, green), stamp(8, blue)}},
			{Title: "Two", Images: [][]uint8{stamp(8, blue), nil}},
		},
	}
	var file bytes.Buffer
	if err := s.WritePNG(&file); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&file)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[color.RGBA]int{}
	bounds := picture.Bounds()
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			counts[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)]++
		}
	}
	cell := 32 * 32
	if counts[red] != cell || counts[green] != cell || counts[blue] != 2*cell {
		t.Errorf("red %d, green %d, blue %d instead of %d, %d, %d", counts[red], counts[green], counts[blue], cell, cell, 2*cell)
	}
	if n := counts[sheetMissing] + counts[sheetFaint]; n != 2*cell {
		t.Errorf("empty cells take %d pixels instead of %d", n, 2*cell)
	}
	// The first block has two rows and the second one; each repeats the titles.
	dark := func(area image.Rectangle) (n int) {
		for y := area.Min.Y; y < area.Max.Y; y++ {
			for x := area.Min.X; x < area.Max.X; x++ {
				if r, _, _, _ := picture.At(x, y).RGBA(); r>>8 < 160 && picture.At(x, y) != blue && picture.At(x, y) != green {
					n++
				}
			}
		}
		return n
	}
	blockWidth := 2*32 + sheetGap
	if want := 2*sheetMargin + 2*blockWidth + sheetBlockGap; bounds.Dx() != want {
		t.Errorf("the sheet is %d wide instead of %d", bounds.Dx(), want)
	}
	for block := range 2 {
		for column := range 2 {
			x := sheetMargin + block*(blockWidth+sheetBlockGap) + column*(32+sheetGap)
			if n := dark(image.Rect(x, sheetMargin, x+32, sheetMargin+18)); n < 20 {
				t.Errorf("title %d of block %d has %d dark pixels", column, block, n)
			}
		}
	}
	if n := dark(image.Rect(0, bounds.Dy()-sheetMargin-20, bounds.Dx(), bounds.Dy()-sheetMargin)); n < 50 {
		t.Errorf("the caption has %d dark pixels", n)
	}
}

func TestSheetKeepsPixelsInPlace(t *testing.T) {
	pix := lcg(5*5*3, 9)
	picture, err := Sheet{Size: 5, Scale: 3, Columns: []Column{{Images: [][]uint8{pix}}}}.Image()
	if err != nil {
		t.Fatal(err)
	}
	for y := range 15 {
		for x := range 15 {
			p := pix[(y/3*5+x/3)*3:]
			if got := picture.RGBAAt(sheetMargin+x, sheetMargin+y); got != (color.RGBA{p[0], p[1], p[2], 255}) {
				t.Fatalf("pixel %d, %d is %v instead of %v", x, y, got, p[:3])
			}
		}
	}
}

func TestSheetFoldsManyRowsToTheShapeOfAScreen(t *testing.T) {
	for _, rows := range []int{6, 14, 40} {
		column := Column{Title: "x", Images: make([][]uint8, rows)}
		picture, err := Sheet{Size: 32, Columns: []Column{column, column, column}}.Image()
		if err != nil {
			t.Fatal(err)
		}
		size := picture.Bounds().Size()
		if shape := float64(size.X) / float64(size.Y); math.Abs(math.Log(shape/sheetShape)) > math.Log(1.8) {
			t.Errorf("%d rows make %v", rows, size)
		}
	}
}

func TestSheetRefusesWhatItCannotDraw(t *testing.T) {
	for _, c := range []struct {
		name  string
		sheet Sheet
		part  string
	}{
		{"nothing", Sheet{Size: 8, Columns: []Column{{Title: "x"}}}, "no images"},
		{"no size", Sheet{}, "size 0"},
		{"wrong length", Sheet{Size: 8, Columns: []Column{{Title: "out", Images: [][]uint8{nil, make([]uint8, 9)}}}}, `image 1 of column "out" has 9 bytes`},
		{"too large", Sheet{Size: 256, Scale: 8, Columns: []Column{{Title: "x", Images: make([][]uint8, 500)}}}, "fewer rows"},
	} {
		var file bytes.Buffer
		err := c.sheet.WritePNG(&file)
		if err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: %v, want %q", c.name, err, c.part)
		}
		if file.Len() != 0 {
			t.Errorf("%s: %d bytes were written", c.name, file.Len())
		}
	}
}

func TestTitlesAreWrappedAndShortened(t *testing.T) {
	f, err := face(&titleFont, 96)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text  string
		lines int
		end   string
	}{
		{"Source", 1, "Source"},
		{"after reflow, 1 step", 2, "step"},
		{"Donaudampfschifffahrtsgesellschaft", 1, "…"},
		{"a very long title that would need more than two lines", 2, "…"},
		{"  ", 0, ""},
	} {
		lines := wrap(f, c.text, 96, 2)
		if len(lines) != c.lines || c.lines > 0 && !strings.HasSuffix(lines[len(lines)-1], c.end) {
			t.Errorf("%q becomes %q", c.text, lines)
		}
		for _, line := range lines {
			if textWidth(f, line) > 96 {
				t.Errorf("%q is %d pixels wide", line, textWidth(f, line))
			}
		}
	}
}

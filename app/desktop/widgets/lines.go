//go:build !headless

package widgets

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"sort"

	"golang.org/x/image/vector"
)

// point is a place in a painted picture, in pixels from its upper left corner.
type point struct{ x, y float64 }

// polylines turns a series into the lines that a picture of the given height shows. xs ascend. A value that the axis
// cannot show ends a line. The points that fall into one column of pixels are reduced to the first, the smallest, the
// largest and the last, so a line has at most four points a column, however long the series is, and no spike is lost.
func polylines(xs, ys []float64, ax, ay axis) [][]point {
	n := min(len(xs), len(ys))
	from := max(0, sort.SearchFloat64s(xs[:n], ax.low)-1)
	to := min(n, sort.SearchFloat64s(xs[:n], ax.high)+2)

	var lines [][]point
	var line []point
	var column [4]point // first, smallest, largest, last
	var count int
	flush := func() {
		low, high := column[1], column[2]
		if low.x > high.x {
			low, high = high, low
		}
		for _, p := range [4]point{column[0], low, high, column[3]} {
			if count > 0 && (len(line) == 0 || line[len(line)-1] != p) {
				line = append(line, p)
			}
		}
		count = 0
	}
	end := func() {
		flush()
		if len(line) > 0 {
			lines = append(lines, line)
			line = nil
		}
	}
	for i := from; i < to; i++ {
		if !ay.shows(ys[i]) || math.IsNaN(xs[i]) || math.IsInf(xs[i], 0) {
			end()
			continue
		}
		p := point{ax.at(xs[i]), ay.length - ay.at(ys[i])}
		if count > 0 && math.Floor(p.x) != math.Floor(column[0].x) {
			flush()
		}
		if count == 0 {
			column = [4]point{p, p, p, p}
		}
		count++
		if p.y < column[1].y {
			column[1] = p
		}
		if p.y > column[2].y {
			column[2] = p
		}
		column[3] = p
	}
	end()
	return lines
}

// stroke draws lines of the given width in pixels, with round joints, antialiased. A line of one point is a dot.
func stroke(dst *image.RGBA, lines [][]point, width float64, c color.Color) {
	raster := vector.NewRasterizer(dst.Rect.Dx(), dst.Rect.Dy())
	half := width / 2
	for _, line := range lines {
		for i, p := range line {
			radius := half
			if len(line) == 1 {
				radius = width
			}
			disc(raster, p, radius)
			if i > 0 {
				segment(raster, line[i-1], p, half)
			}
		}
	}
	raster.Draw(dst, dst.Rect, image.NewUniform(c), image.Point{})
}

// segment adds the rectangle around a straight line. Its corners turn the same way whatever the direction, as disc's
// do, so that overlaps add up rather than cancel.
func segment(r *vector.Rasterizer, a, b point, half float64) {
	dx, dy := b.x-a.x, b.y-a.y
	length := math.Hypot(dx, dy)
	if length == 0 {
		return
	}
	nx, ny := -dy/length*half, dx/length*half
	polygon(r, point{a.x + nx, a.y + ny}, point{a.x - nx, a.y - ny}, point{b.x - nx, b.y - ny}, point{b.x + nx, b.y + ny})
}

// disc adds an octagon.
func disc(r *vector.Rasterizer, p point, radius float64) {
	var corners [8]point
	for i := range corners {
		sin, cos := math.Sincos(float64(i) * math.Pi / 4)
		corners[i] = point{p.x + radius*cos, p.y + radius*sin}
	}
	polygon(r, corners[:]...)
}

func polygon(r *vector.Rasterizer, corners ...point) {
	r.MoveTo(float32(corners[0].x), float32(corners[0].y))
	for _, p := range corners[1:] {
		r.LineTo(float32(p.x), float32(p.y))
	}
	r.ClosePath()
}

// fill paints a rectangle of whole pixels.
func fill(dst *image.RGBA, x0, y0, x1, y1 float64, c color.Color) {
	at := func(v float64) int { return int(math.Round(v)) }
	draw.Draw(dst, image.Rect(at(x0), at(y0), at(x1), at(y1)), image.NewUniform(c), image.Point{}, draw.Over)
}

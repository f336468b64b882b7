//go:build amd64 && goexperiment.simd

package direct

import "github.com/straightway-app/straightway/engine/unet"

// In bfloat16 a 3×3 convolution is not transformed: the processor's tiles multiply sixteen times as fast as its vectors do, and
// take a tile of sixteen neighbouring pixels from the framed images as it lies there, so that no copy is made for the nine
// taps. Sums are float32.

// Halves tells whether this processor and this network are such that a Net can compute in bfloat16. What has channels in other
// numbers than multiples of 32 computes in float32 all the same.
func Halves(c unet.Config) bool {
	lowest := c.Size >> (len(c.Mult) - 1)
	return tiled && Fits(c) && lowest%2 == 0
}

// Tiled tells whether this processor multiplies tiles of bfloat16, and the system lets the program use them.
func Tiled() bool { return tiled }

// halves tells whether what maps so many channels to so many does so in bfloat16.
func (n *Net) halves(ci, co int) bool { return n.half && ci%group == 0 && co%group == 0 }

// setTiles sets f.tiles from f.taps.
func (f *filter) setTiles(team crew) {
	wide, steps := f.panels*panel, f.area*f.ci/group
	team.each(steps, func(s int) {
		from := f.taps[s*group*wide:]
		for q := range f.co / group {
			to := f.tiles[(q*steps+s)*2*side*side:]
			for half := range 2 {
				o := q*group + half*side
				packRows(&to[half*side*side], &from[o], wide)
			}
		}
	})
}

// An image is divided among tiles of sixteen pixels that are neighbours in its frame: parts of its rows where those fill tiles;
// others are taken through the frame from row to row.

// sixteens is the number of tiles of an image.
func (f *framed) sixteens() int {
	if f.w%side == 0 {
		return f.h * f.w / side
	}
	return ((f.h-1)*f.cols() + f.w + side - 1) / side
}

// start is the place in the frame of what the first tap of tile k's first pixel sees.
func (f *framed) start(k int) int {
	if f.w%side == 0 {
		return k*side/f.w*f.cols() + k*side%f.w
	}
	return k * side
}

// inside calls do for the pixels of tile k that are not in the frame, as far as they are neighbours in the image: n of them
// from pixel px on, in the tile's rows from row on.
func (f *framed) inside(k int, do func(row, n, px int)) {
	for row, at := 0, f.start(k); row < side && at/f.cols() < f.h; {
		y, x := at/f.cols(), at%f.cols()
		if x < f.w {
			do(row, min(side-row, f.w-x), y*f.w+x)
		}
		row, at = row+f.cols()-x, at+f.cols()-x
	}
}

// tilesTogether is the number of tiles that one piece of work takes through a convolution.
const tilesTogether = 16

// source is packed images and a filter that they are seen through.
type source struct {
	*filter
	x *framed
}

// steps is, for each product of tiles with 32 channels of a tap, how far what it sees lies behind the tile's start, in bytes.
func (s source) steps() []int {
	first, wide := 0, 3
	if s.area == 1 {
		first, wide = s.x.cols()+1, 1
	}
	var all []int
	for tap := range s.area {
		for k := 0; k < s.ci; k += group {
			all = append(all, (first+tap/wide*s.x.cols()+tap%wide)*2*s.ci+2*k)
		}
	}
	return all
}

// convolveTiles is convolve for the sum of convolutions of packed images, all of one size, with as many output channels.
func (p *pass) convolveTiles(bias, add, y []float32, sources ...source) {
	x, co := sources[0].x, sources[0].co
	per := x.sixteens()
	total, size := x.n*per, tilesTogether
	if least := (total + int(p.team) - 1) / int(p.team); least < size {
		size = roundUp(least, 2)
	}
	var steps [2][]int
	for k, s := range sources {
		steps[k] = s.steps()
	}
	p.team.each((total+size-1)/size, func(b int) {
		first := b * size
		n := min(size, total-first)
		var starts [2][tilesTogether]int
		for q, s := range sources {
			for k := range n {
				starts[q][k] = ((first+k)/per*x.rows()*x.cols() + x.start((first+k)%per)) * 2 * s.ci
			}
			if n%2 == 1 {
				starts[q][n] = starts[q][n-1]
			}
		}
		sums := p.mem.take(tilesTogether * side * group)
		for o := 0; o < co; o += group {
			for q, s := range sources {
				count := len(steps[q])
				tileRows(&sums[0], &s.x.v[0], &starts[q][0], (n+1)/2, 2*s.ci, &steps[q][0], count, &s.tiles[o/group*count*2*side*side], q)
			}
			for k := range n {
				at := (first + k) / per * x.h * x.w
				x.inside((first+k)%per, func(row, n, px int) {
					to := (at+px)*co + o
					var plus *float32
					if add != nil {
						plus = &add[to]
					}
					addRows(&y[to], &sums[(k*side+row)*group], &bias[o], plus, n, co)
				})
			}
		}
		p.mem.back(sums)
	})
}

// slabs divides images, for a weight gradient, into bands of rows.
type slabs struct {
	rows, per int // of a band, and bands of an image
	pixels    int // of a band, with those that fill up a tile's pairs
	pitch     int // values of the gradient's pairs for one channel
	seen      int // values of the input's pairs for one column of taps, with those that a tile may read behind them
	columns   int // of taps
	first     int // row and column of taps
}

// slab is about the number of pixels of a band.
const slab = 1024

func newSlabs(x *framed, area int) slabs {
	s := slabs{rows: min(x.h, max(1, slab/x.w)), columns: 3}
	if area == 1 {
		s.columns, s.first = 1, 1
	}
	s.per = (x.h + s.rows - 1) / s.rows
	s.pixels = roundUp(s.rows*x.w, group)
	s.pitch = apart(s.pixels / 2)
	s.seen = (s.pixels/2 + x.w) * x.c
	return s
}

// weightGradientTiles is weightGradient for packed images: for each tap, Σ gradient·input over all pixels, in c.du
// [area][co][ci].
func (p *pass) weightGradientTiles(c *conv, x, dy *framed) {
	s := newSlabs(x, c.forward.area)
	bytes := 4 * (s.columns*s.seen + s.pitch*dy.c)
	total := x.n * s.per
	size := min(total, max(1, (1<<20)/bytes))
	seen, given := p.mem.take(size*s.columns*s.seen), p.mem.take(size*s.pitch*dy.c)
	blocks := x.c / group * (dy.c / group)
	for first := 0; first < total; first += size {
		n := min(size, total-first)
		rows, units := s.rows+2, s.pixels/group
		p.team.each(n*(rows+units), func(b int) {
			k, piece := b/(rows+units), b%(rows+units)
			if piece < rows {
				s.see(seen[k*s.columns*s.seen:], x, first+k, piece)
			} else {
				s.give(given[k*s.pitch*dy.c:], dy, first+k, piece-rows)
			}
		})
		add := min(first, 1)
		p.team.each(c.forward.area*blocks, func(b int) {
			tap, i, o := b/blocks, b%blocks%(x.c/group)*group, b%blocks/(x.c/group)*group
			column, row := tap%s.columns, tap/s.columns+s.first
			tileSums(&c.du[(tap*dy.c+o)*x.c+i], 4*x.c, &given[o*s.pitch], 4*s.pitch, 4*s.pitch*dy.c,
				&seen[column*s.seen+row*x.w/2*x.c+i], 4*x.c, 4*s.columns*s.seen, units, n, add)
		})
	}
	p.mem.back(seen, given)
}

// see sets a row's part of what the columns of taps see in band k, [columns][rows + 2, w/2][c] pairs of neighbouring pixels;
// row 0 is the one above the band.
func (s slabs) see(to []float32, x *framed, k, row int) {
	y, last := k%s.per*s.rows+row, min(s.rows, x.h-k%s.per*s.rows)
	size := x.w / 2 * x.c
	for column := range s.columns {
		line := to[column*s.seen+row*size:]
		if row < last+2 {
			besides(&line[0], &x.v[((k/s.per*x.rows()+y)*x.cols()+column+s.first)*x.px], x.w/2, x.c, x.px)
		} else {
			clear(line[:size])
		}
		if row == s.rows+1 {
			clear(to[column*s.seen+(row+1)*size : (column+1)*s.seen])
		}
	}
}

// give sets a unit of 32 pixels of band k of the gradient, [c][pixels/2] pairs of neighbouring pixels; those beyond the band
// are zero.
func (s slabs) give(to []float32, dy *framed, k, unit int) {
	image, top := k/s.per, k%s.per*s.rows
	inside := min(s.rows, dy.h-top) * dy.w
	var some [2 * side * side]float32
	for o := 0; o < dy.c; o += group {
		for i := range side {
			px := unit*group + 2*i
			row := some[i*group : (i+1)*group]
			if px >= inside {
				clear(row)
				continue
			}
			besides(&row[0], &dy.v[dy.row(image, top+px/dy.w)+px%dy.w*dy.px+o/2], 1, group, dy.px)
		}
		for half := range 2 {
			transpose16(&to[(o+half*side)*s.pitch+unit*side], 4*s.pitch, &some[half*side], 4*group)
		}
	}
}

// collectTiles is collect from weightGradientTiles.
func (c *conv) collectTiles(team crew, to []float32) {
	team.each(c.forward.area*c.ci/side, func(b int) {
		tap, i := b/(c.ci/side), b%(c.ci/side)*side
		var block [side * side]float32
		for o := 0; o < c.co; o += side {
			transpose16(&block[0], 4*side, &c.du[(tap*c.co+o)*c.ci+i], 4*c.ci)
			for k := range side {
				plus(&to[(tap*c.ci+i+k)*c.co+o], &block[k*side], side)
			}
		}
	})
}

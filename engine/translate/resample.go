package translate

import "math"

// A kernel weighs a source sample by its distance from the wanted position,
// in units of the coarser of the two pixel grids.
type kernel struct {
	support float64
	at      func(float64) float64
}

// catmullRom is the cubic with B = 0, C = 1/2 of Mitchell and Netravali,
// "Reconstruction filters in computer graphics", SIGGRAPH 1988: it passes
// through the samples, so that an image resampled to its own size is itself.
var catmullRom = kernel{2, func(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1:
		return (1.5*x-2.5)*x*x + 1
	case x < 2:
		return ((-0.5*x+2.5)*x-4)*x + 2
	}
	return 0
}}

// triangle is linear interpolation. It never overshoots.
var triangle = kernel{1, func(x float64) float64 { return math.Max(0, 1-math.Abs(x)) }}

// taps says, for every output sample along one axis, which source samples it
// is made of: weight[i·n+k], k < n, belongs to source sample start[i]+k. The
// weights of one output sample sum to 1.
type taps struct {
	n      int
	start  []int
	weight []float32
}

// of is the weights of output sample i.
func (t taps) of(i int) []float32 { return t.weight[i*t.n : i*t.n+t.n] }

// newTaps resamples src samples to dst samples that cover the same extent.
// Where that reduces the image the kernel is widened by the ratio, which
// keeps out aliases. The weight of samples beyond an end goes to the last one.
func newTaps(dst, src int, k kernel) taps {
	ratio := float64(src) / float64(dst)
	widen := math.Max(1, ratio)
	reach := k.support * widen
	n := min(int(math.Ceil(2*reach)), src) // the weight at the very reach is 0
	t := taps{n, make([]int, dst), make([]float32, dst*n)}
	w := make([]float64, n)
	for i := range dst {
		centre := (float64(i)+0.5)*ratio - 0.5
		from, to := int(math.Floor(centre-reach))+1, int(math.Ceil(centre+reach))-1
		first := min(max(from, 0), src-n)
		clear(w)
		var sum float64
		for j := from; j <= to; j++ {
			v := k.at((float64(j) - centre) / widen)
			w[min(max(j, 0), src-1)-first] += v
			sum += v
		}
		t.start[i] = first
		for j, v := range w {
			t.weight[i*n+j] = float32(v / sum)
		}
	}
	return t
}

// A plane is a small image in memory: h rows of w pixels of c interleaved
// float32 channels.
type plane struct {
	w, h, c int
	pix     []float32
}

func newPlane(w, h, c int) plane { return (*room)(nil).plane(w, h, c) }

// A room is memory for one picture after the other: what is taken from it is
// free again after reset, and is mostly of the same size then. A nil room gives
// new memory.
type room struct {
	pieces [][]float32
	taken  int
}

// reset makes all that was taken free. It is not to be used any more.
func (r *room) reset() {
	if r != nil {
		r.taken = 0
	}
}

// take returns n zeros.
func (r *room) take(n int) []float32 {
	piece := r.used(n)
	clear(piece)
	return piece
}

// used returns n values, whatever they are.
func (r *room) used(n int) []float32 {
	if r == nil {
		return make([]float32, n)
	}
	r.taken++
	if r.taken > len(r.pieces) {
		r.pieces = append(r.pieces, nil)
	}
	piece := &r.pieces[r.taken-1]
	if cap(*piece) < n {
		*piece = make([]float32, n)
	}
	return (*piece)[:n]
}

// plane takes a plane of zeros.
func (r *room) plane(w, h, c int) plane { return plane{w, h, c, r.take(w * h * c)} }

func (p plane) row(y int) []float32 { return p.pix[y*p.w*p.c : (y+1)*p.w*p.c] }

// planes are channels of a small image, each for itself, in rows with room for
// windows and vectors that reach over the ends.
type planes struct {
	w, h, stride int
	pix          []float32
}

// margin is how many values lie before each row and, at least, behind it. Rows are
// a whole number of it long, as it is the longest vector.
const margin = 16

func wholeVectors(n int) int { return (n + margin - 1) / margin * margin }

// planes takes n planes of zeros.
func (r *room) planes(w, h, n int) planes {
	p := r.usedPlanes(w, h, n)
	clear(p.pix)
	return p
}

// usedPlanes takes n planes of whatever there is.
func (r *room) usedPlanes(w, h, n int) planes {
	stride := margin + wholeVectors(w) + margin
	return planes{w, h, stride, r.used(stride * h * n)}
}

// row is row y of plane k, margins included.
func (p planes) row(k, y int) []float32 {
	return p.pix[(k*p.h+y)*p.stride:][:p.stride]
}

// split writes the three channels of an image to the planes from first on.
func (p planes) split(from plane, first int) {
	for y := range p.h {
		row := from.row(y)
		for c := range 3 {
			to := p.row(first+c, y)[margin:][:p.w]
			for x, i := 0, c; x < len(to); x, i = x+1, i+3 {
				to[x] = row[i]
			}
		}
	}
}

// An enlarger gives the rows of planes at another size, from the top to the
// bottom. Each of the planes' own rows is brought to the new width once; as many
// are kept as a row of the result is made of.
type enlarger struct {
	planes
	n     int // planes
	x, y  taps
	picks *picks
	width int       // of the result in whole vectors, the length of its rows
	rows  []float32 // y.n times n rows
	holds []int     // which rows of the planes these are
	mixed []float32
}

// newEnlarger enlarges the first n planes to w×h pixels.
func newEnlarger(p planes, n, w, h int, k kernel) enlarger {
	x := newTaps(w, p.w, k)
	return enlarger{planes: p, n: n, x: x, y: newTaps(h, p.h, k), picks: newPicks(x, p), width: wholeVectors(w)}
}

// withRows is e with rows of its own.
func (e enlarger) withRows(memory *room) *enlarger {
	size := e.n * e.width
	e.rows, e.mixed, e.holds = memory.take(e.y.n*size), memory.used(size), make([]int, e.y.n)
	for i := range e.holds {
		e.holds[i] = -1
	}
	return &e
}

// row is row y of the result, until the next is asked for: a row of each plane.
func (e *enlarger) row(y int) []float32 {
	weights := e.y.of(y)
	for k := 0; k < len(weights); k += 2 {
		a, v := e.wide(e.y.start[y]+k), weights[k]
		b, w := a, float32(0)
		if k+1 < len(weights) {
			b, w = e.wide(e.y.start[y]+k+1), weights[k+1]
		}
		mixRows(e.mixed, a, b, v, w, k > 0)
	}
	return e.mixed
}

// wide is one of the planes' own rows at the new width, of each plane.
func (e *enlarger) wide(row int) []float32 {
	size, i := len(e.mixed), row%e.y.n
	wide := e.rows[i*size:][:size]
	if e.holds[i] != row {
		e.holds[i] = row
		enlargeRows(wide, e.planes, e.n, row, e.x, e.picks)
	}
	return wide
}

// enlargeRowsByPixels is enlargeRows for any processor.
func enlargeRowsByPixels(dst []float32, from planes, n, row int, t taps) {
	for c := range n {
		src, to := from.row(c, row)[margin:], dst[len(dst)/n*c:]
		for x, start := range t.start {
			var sum float32
			for k, w := range t.of(x) {
				sum += w * src[start+k]
			}
			to[x] = sum
		}
	}
}

// mixRowsByPixels sets dst to v times a and w times b, or adds them.
func mixRowsByPixels(dst, a, b []float32, v, w float32, add bool) {
	for i := range dst {
		mixed := v*a[i] + w*b[i]
		if add {
			mixed += dst[i]
		}
		dst[i] = mixed
	}
}

// boxMean replaces every sample by the mean over the (2r+1)² window around
// it, cut off at the border. Its cost does not depend on r.
func (p plane) boxMean(r int) plane {
	across, out := newPlane(p.w, p.h, p.c), newPlane(p.w, p.h, p.c)
	for y := range p.h {
		slidingMeans(across.row(y), p.row(y), p.w, p.c, r)
	}
	slidingMeans(out.pix, across.pix, p.h, p.w*p.c, r)
	return out
}

// slidingMeans is boxMean along n groups of c samples, each sample with those
// at its place in the other groups.
func slidingMeans(dst, src []float32, n, c, r int) {
	sums := make([]float64, c)
	for i := range min(r, n) {
		for k, v := range src[i*c:][:len(sums)] {
			sums[k] += float64(v)
		}
	}
	for i := range n {
		if in := i + r; in < n {
			for k, v := range src[in*c:][:len(sums)] {
				sums[k] += float64(v)
			}
		}
		if out := i - r - 1; out >= 0 {
			for k, v := range src[out*c:][:len(sums)] {
				sums[k] -= float64(v)
			}
		}
		share := 1 / float64(min(i+r, n-1)-max(i-r, 0)+1)
		to := dst[i*c:][:len(sums)]
		for k, v := range sums {
			to[k] = float32(v * share)
		}
	}
}

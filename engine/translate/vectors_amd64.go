//go:build amd64 && goexperiment.simd

package translate

import (
	"simd/archsimd"
)

// Wide and scalar arithmetic must not take turns within a loop: Go writes scalars, zeros and copies of structs in the
// older encoding, and where the upper halves of the registers are in use every turn costs some hundred cycles on Intel's
// processors. So constants are made before a loop, and ClearAVXUpperBits stands where scalar code goes on.

// vectors tells whether this processor has what the code below is written in: AVX2 and FMA. The same is done, pixel by
// pixel, by gainsByPixels, enlargeRowsByPixels and restorer.byPixels, which say what each step means.
var vectors = archsimd.X86.AVX2() && archsimd.X86.FMA()

// What works on vectors of eight values or, where the processor can, of sixteen. What is computed for a pixel is the same.
var (
	lanes = lanes8

	addRow, fitRow, addFits, meanFits, trustRow = addRow8, fitRow8, addFits8, meanFits8, trustRow8
	mixByVectors, enlargeByVectors, restoreRow  = mix8, enlarge8, restoreRow8
)

func init() {
	if archsimd.X86.AVX512() {
		lanes = lanes16
		addRow, fitRow, addFits, meanFits, trustRow = addRow16, fitRow16, addFits16, meanFits16, trustRow16
		mixByVectors, enlargeByVectors, restoreRow = mix16, enlarge16, restoreRow16
	}
}

// mixRows sets dst, a whole number of vectors, to v times a and w times b, or adds them.
func mixRows(dst, a, b []float32, v, w float32, add bool) {
	if vectors {
		mixByVectors(dst, a, b, v, w, add)
	} else {
		mixRowsByPixels(dst, a, b, v, w, add)
	}
}

// sumByVectors is sumByPixels for four pixels at once. What lies behind the rows is zero.
func sumByVectors(both planes) (sum [moments]float64) {
	pix, plane := both.pix, both.h*both.stride
	var a, b, c, aa, ab, ac, bb, bc, cc archsimd.Float64x4
	for row := range both.h {
		for at := row*both.stride + margin; at < row*both.stride+margin+both.w; at += 4 {
			s0, s1, s2 := wide(pix, at), wide(pix, at+plane), wide(pix, at+2*plane)
			a, b, c = a.Add(s0), b.Add(s1), c.Add(s2)
			aa, ab, ac = s0.MulAdd(s0, aa), s0.MulAdd(s1, ab), s0.MulAdd(s2, ac)
			bb, bc, cc = s1.MulAdd(s1, bb), s1.MulAdd(s2, bc), s2.MulAdd(s2, cc)
		}
	}
	into(sum[atS:], a, b, c)
	into(sum[atSS:], aa, ab, ac, bb, bc, cc)
	for v := range 3 {
		var y, ay, by, cy, yy archsimd.Float64x4
		for row := range both.h {
			for at := row*both.stride + margin; at < row*both.stride+margin+both.w; at += 4 {
				of := wide(pix, at+(3+v)*plane)
				y, yy = y.Add(of), of.MulAdd(of, yy)
				ay, by, cy = of.MulAdd(wide(pix, at), ay), of.MulAdd(wide(pix, at+plane), by), of.MulAdd(wide(pix, at+2*plane), cy)
			}
		}
		into(sum[atY+v:], y)
		into(sum[atSY+v:], ay)
		into(sum[atSY+3+v:], by)
		into(sum[atSY+6+v:], cy)
		into(sum[atYY+v:], yy)
	}
	archsimd.ClearAVXUpperBits()
	return sum
}

// wide is four values of s, from place i on.
func wide(s []float32, i int) archsimd.Float64x4 {
	return archsimd.LoadFloat32x4((*[4]float32)(s[i:])).ConvertToFloat64()
}

// into sets sums to the sums of what the vectors hold.
func into(sums []float64, vectors ...archsimd.Float64x4) {
	for i, v := range vectors {
		var parts [4]float64
		v.Store(&parts)
		sums[i] = parts[0] + parts[1] + parts[2] + parts[3]
	}
}

// filterByVectors is filterByBytes for as many of the first bytes of the row as fill vectors. It gives their number.
func (e *pngEncoder) filterByVectors(channels, size int, sums *[3]int) int {
	zero := archsimd.BroadcastUint8x32(0)
	var none, sub, up archsimd.Uint64x4
	add := func(sum archsimd.Uint64x4, v archsimd.Uint8x32) archsimd.Uint64x4 {
		return sum.Add(v.Min(zero.Sub(v)).SumAbsDiff(zero).AsUint64x4())
	}
	i := 0
	for ; i+32 <= size; i += 32 {
		v := archsimd.LoadUint8x32Slice(e.row[lead+i:])
		left := v.Sub(archsimd.LoadUint8x32Slice(e.row[lead+i-channels:]))
		above := v.Sub(archsimd.LoadUint8x32Slice(e.prev[lead+i:]))
		left.StoreSlice(e.sub[1+i:])
		above.StoreSlice(e.up[1+i:])
		none, sub, up = add(none, v), add(sub, left), add(up, above)
	}
	for k, sum := range [...]archsimd.Uint64x4{filterNone: none, filterSub: sub, filterUp: up} {
		var parts [4]uint64
		sum.Store(&parts)
		sums[k] = int(parts[0] + parts[1] + parts[2] + parts[3])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

// gainsByVectors is gains for as many pixels at once as a vector holds.
func gainsByVectors(both planes, whole linear, memory *room) planes {
	w, h := both.w, both.h
	level, other := memory.usedPlanes(w, h, 10), memory.usedPlanes(w, h, 10) // g, and what it leaves unexplained
	for k := range 10 {
		v := whole.unexplained
		if k < 9 {
			v = whole.g[k]
		}
		first := level.row(k, 0)[margin:][:w]
		for x := range first {
			first[x] = v
		}
		for row := 1; row < h; row++ {
			copy(level.row(k, row)[margin:], first)
		}
	}
	share := memory.planes(w, 1, 1).pix
	for _, r := range windows {
		for x := range w {
			share[margin+x] = 1 / float32(min(x+r, w-1)-max(x-r, 0)+1)
		}
		fitWindows(both, level, r, share, memory)
		meanWindows(level, other, r, share, memory)
		level, other = other, level
	}
	for row := range h {
		trustRow(level, row)
	}
	return level
}

// fitWindows fits every pixel's window anew, starting from the fit that level holds of it. share is 1 over the number
// of columns of a window.
func fitWindows(values, level planes, r int, share []float32, memory *room) {
	columns := memory.planes(values.w, 1, moments)
	add := func(row int, sign float64) {
		addRow(columns.pix, columns.stride, values.pix, values.h*values.stride, row*values.stride, values.w, float32(sign))
	}
	eachSum(values.h, r, add, func(row, rows int) {
		fitRow(columns, level, row, r, 1/float32(rows), share)
	})
}

// meanWindows writes to out the mean of in over the (2r+1)² window around every pixel, cut off at the border.
func meanWindows(in, out planes, r int, share []float32, memory *room) {
	columns := memory.planes(in.w, 1, 10)
	add := func(row int, sign float64) {
		addFits(columns, in, row, float32(sign))
		for k := range 10 {
			clear(columns.row(k, 0)[margin+in.w : margin+wholeVectors(in.w)]) // fits of pixels that are not there
		}
	}
	eachSum(in.h, r, add, func(row, rows int) {
		meanFits(columns, out, row, r, 1/float32(rows), share)
	})
}

// picks are taps in the order in which vectors need them: for each vector of results the place in the row where the two
// vectors begin of which it picks, and for each tap, of which there is an even number, which of their values it picks, and
// the weights.
type picks struct {
	n      int
	from   []int
	index  []uint32
	weight []float32
}

// newPicks arranges the taps for rows of the planes. There are none where a result needs values that lie too far apart.
func newPicks(t taps, rows planes) *picks {
	p := &picks{n: (t.n + 1) / 2 * 2}
	size := len(t.start)
	for x := 0; x < size; x += lanes {
		last := min(x+lanes, size) - 1
		from := min(margin+t.start[x], rows.stride-2*lanes)
		if margin+t.start[last]+t.n > from+2*lanes {
			return nil
		}
		p.from = append(p.from, from)
		for k := range p.n {
			for i := x; i < x+lanes; i++ {
				switch {
				case i > last:
					p.index, p.weight = append(p.index, 0), append(p.weight, 0)
				case k == t.n: // one more, of no weight
					p.index, p.weight = append(p.index, uint32(margin+t.start[i]-from)), append(p.weight, 0)
				default:
					p.index, p.weight = append(p.index, uint32(margin+t.start[i]+k-from)), append(p.weight, t.weight[i*t.n+k])
				}
			}
		}
	}
	return p
}

// enlargeRows writes to dst row by row the row of n planes, at another width.
func enlargeRows(dst []float32, from planes, n, row int, t taps, p *picks) {
	if vectors && p != nil {
		enlargeByVectors(dst, from.pix[row*from.stride:], n, from.h*from.stride, p)
	} else {
		enlargeRowsByPixels(dst, from, n, row, t)
	}
}

// pick8 picks values of a and, from index 8 on, of b.
func pick8(a, b archsimd.Float32x8, index archsimd.Uint32x8) archsimd.Float32x8 {
	return a.Permute(index).Merge(b.Permute(index), index.AsInt32x8().Less(archsimd.BroadcastInt32x8(8)))
}

// pick16 picks values of a and, from index 16 on, of b.
func pick16(a, b archsimd.Float32x16, index archsimd.Uint32x16) archsimd.Float32x16 {
	return a.ConcatPermute(b, index)
}

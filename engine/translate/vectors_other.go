//go:build !(amd64 && goexperiment.simd)

package translate

// vectors is false: the vector code is for x86-64, and for a build with GOEXPERIMENT=simd.
const vectors = false

func (*pngEncoder) filterByVectors(int, int, *[3]int) int {
	panic("translate: no vectors for this processor")
}

func sumByVectors(planes) [moments]float64 {
	panic("translate: no vectors for this processor")
}

func gainsByVectors(planes, linear, *room) planes {
	panic("translate: no vectors for this processor")
}

func restoreRow([]byte, []float32, []float32, [3]float32, [3]float32) int {
	panic("translate: no vectors for this processor")
}

type picks struct{}

func newPicks(taps, planes) *picks { return nil }

func enlargeRows(dst []float32, from planes, n, row int, t taps, _ *picks) {
	enlargeRowsByPixels(dst, from, n, row, t)
}

func mixRows(dst, a, b []float32, v, w float32, add bool) { mixRowsByPixels(dst, a, b, v, w, add) }

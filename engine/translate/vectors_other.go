//go:build !(amd64 && goexperiment.simd)

package translate

// vectors is false: the vector code is for x86-64, and for a build with GOEXPERIMENT=simd.
const vectors = false

func gainsByVectors(plane, plane, linear, *room) plane {
	panic("translate: no vectors for this processor")
}

// mixRows sets dst to the sum of rows of p, weight[k] times row first+k.
func mixRows(dst []float32, p plane, first int, weight []float32) {
	mixRowsByPixels(dst, p, first, weight, 0)
}

func (*restorer) rowByVectors([]uint8, []float32, []float32) {
	panic("translate: no vectors for this processor")
}

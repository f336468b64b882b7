//go:build !(amd64 && goexperiment.simd)

package translate

// vectors is false: the vector code is for x86-64, and for a build with GOEXPERIMENT=simd.
const vectors = false

// addScaled adds w·src to dst.
func addScaled(dst, src []float32, w float32) { addScaledByPixels(dst, src, w) }

func gainsByVectors(plane, plane, linear, *room) plane {
	panic("translate: no vectors for this processor")
}

// mixRows sets dst to the sum of rows of p, weight[k] times row first+k.
func mixRows(dst []float32, p plane, first int, weight []float32) {
	mixRowsByPixels(dst, p, first, weight)
}

func (*restorer) rowByVectors([]uint8, []float32, []float32) {
	panic("translate: no vectors for this processor")
}

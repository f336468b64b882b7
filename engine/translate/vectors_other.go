//go:build !(amd64 && goexperiment.simd)

package translate

// vectors is false: the vector code is for x86-64, and for a build with GOEXPERIMENT=simd.
const vectors = false

// addScaled adds w·src to dst.
func addScaled(dst, src []float32, w float32) { addScaledByPixels(dst, src, w) }

func gainsByVectors(plane, plane, linear) plane { panic("translate: no vectors for this processor") }

func (*restorer) rowByVectors([]uint8, []float32, []float32, []float32) {
	panic("translate: no vectors for this processor")
}

package model

import "math/rand/v2"

// Random returns the generator of one number of one purpose: a pure function of its arguments, so that a resumed run
// draws what an uninterrupted one would, and what is drawn for one purpose is drawn for no other.
func Random(seed uint64, purpose string, number int) *rand.Rand {
	h := seed ^ 0xcbf29ce484222325
	for _, c := range []byte(purpose) {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return rand.New(rand.NewPCG(h, uint64(number)))
}

// AppendNoise appends n values of N(0, 1), an image of noise that follows from its seed, purpose and number, so that
// nobody has to keep it.
func AppendNoise(dst []float32, seed uint64, purpose string, number, n int) []float32 {
	rng := Random(seed, purpose, number)
	for range n {
		dst = append(dst, float32(rng.NormFloat64()))
	}
	return dst
}

// AppendUnit appends bytes as values in [-1,1]: x/127.5 − 1.
func AppendUnit(dst []float32, b []byte) []float32 {
	for _, v := range b {
		dst = append(dst, float32(v)/127.5-1)
	}
	return dst
}

// Bytes clips values to [-1,1] and rounds them to bytes, the inverse of AppendUnit.
func Bytes(x []float32) []byte {
	out := make([]byte, len(x))
	for i, v := range x {
		out[i] = byte(max(0, min(255, (v+1)*127.5+.5)))
	}
	return out
}

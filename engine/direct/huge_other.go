//go:build amd64 && goexperiment.simd && !linux

package direct

// inHugePages is s as it is: this system is not asked.
func inHugePages(s []float32) []float32 { return s }

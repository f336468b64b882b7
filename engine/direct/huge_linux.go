//go:build amd64 && goexperiment.simd

package direct

import (
	"syscall"
	"unsafe"
)

// hugePage is the size in bytes of the pages that the system is asked for.
const hugePage = 2 << 20

// inHugePages asks the system for huge pages where s lies in memory that was not touched yet: one fault in place of 512,
// and fewer misses when it is read. That it is refused changes nothing but the time.
func inHugePages(s []float32) []float32 {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), 4*cap(s))
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(bytes)))) & (hugePage - 1)
	if whole := (len(bytes) - skip) &^ (hugePage - 1); whole > 0 {
		_ = syscall.Madvise(bytes[skip:skip+whole], syscall.MADV_HUGEPAGE)
	}
	return s
}

//go:build !linux || !cgo

package backend

// HeapKept reports whether the C allocator was told at start-up to keep freed memory in the heap. Only glibc needs it.
func HeapKept() bool { return false }

package studio

import (
	"runtime"
	"syscall"
)

// niceness of everything that computes: the window, which needs little, goes before it, so that it answers at once
// also while training has both cores at work.
const niceness = 10

// yieldToWindow gives the calling goroutine a thread of its own that is scheduled after the window's. Threads that C
// code starts from it, such as XLA's pools, inherit that. The thread ends with the goroutine.
func yieldToWindow() {
	runtime.LockOSThread()
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceness) // a thread; raising niceness is always allowed
}

//go:build !linux

package studio

// yieldToWindow does nothing where a thread has no priority of its own that children inherit.
func yieldToWindow() {}

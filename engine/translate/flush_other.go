//go:build !linux

package translate

// openFlush gives nothing: every file is brought to the disk by itself.
func openFlush(string) (flush, done func() error) { return nil, func() error { return nil } }

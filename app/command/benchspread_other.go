//go:build !linux

package command

// spread does nothing here.
func spread(string) {}

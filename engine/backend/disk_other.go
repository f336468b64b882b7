//go:build !linux && !darwin

package backend

// diskSpace is not known on this system.
func diskSpace(string) (total, free int64) { return 0, 0 }

//go:build linux || darwin

package backend

import "syscall"

// diskSpace is the size of the file system that holds dir and what this user may still write to it, in bytes.
func diskSpace(dir string) (total, free int64) {
	var stat syscall.Statfs_t
	if syscall.Statfs(existing(dir), &stat) != nil {
		return 0, 0
	}
	return int64(stat.Blocks) * int64(stat.Bsize), int64(stat.Bavail) * int64(stat.Bsize)
}

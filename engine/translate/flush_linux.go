package translate

import (
	"os"

	"golang.org/x/sys/unix"
)

// flushes are the file systems on which one call is known to bring all files to the disk. Others, such as those of programs
// (FUSE), take the call and may do nothing.
var flushes = map[int64]bool{
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.F2FS_SUPER_MAGIC: true,
	unix.OVERLAYFS_SUPER_MAGIC: true, unix.TMPFS_MAGIC: true,
}

// openFlush gives what brings all that was written to dir's file system to the disk, or nil.
func openFlush(dir string) (flush, done func() error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, func() error { return nil }
	}
	var of unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &of) != nil || !flushes[int64(of.Type)] {
		return nil, f.Close
	}
	return func() error { return unix.Syncfs(int(f.Fd())) }, f.Close
}

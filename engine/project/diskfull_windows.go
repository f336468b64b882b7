package project

import (
	"errors"
	"syscall"
)

// isDiskFull reports whether err means that no space is left:
// ERROR_HANDLE_DISK_FULL (39) or ERROR_DISK_FULL (112).
func isDiskFull(err error) bool {
	return errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
}

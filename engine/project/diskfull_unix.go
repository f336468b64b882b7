//go:build !windows

package project

import (
	"errors"
	"syscall"
)

// isDiskFull reports whether err means that no space, or no quota, is left.
func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

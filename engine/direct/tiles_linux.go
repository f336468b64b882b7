//go:build amd64 && goexperiment.simd

package direct

import (
	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// tiled tells whether the processor multiplies tiles of bfloat16 (AMX) and the system, when asked as it wants to be (Linux,
// Documentation/arch/x86/xstate.rst), lets this process.
var tiled = func() bool {
	const requestPermission, tileData = 0x1023, 18
	if !avx512 || !cpu.X86.HasAMXTile || !cpu.X86.HasAMXBF16 {
		return false
	}
	_, _, errno := unix.RawSyscall(unix.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return errno == 0
}()

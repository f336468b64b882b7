package backend

import (
	"io"
	"os"
	"strings"
	"sync"

	"k8s.io/klog/v2"
)

// Error says why a backend could not be had and what to do about it.
type Error struct {
	Name  string // the backend or the name that was asked for
	Cause string
	Cure  string
}

// Error gives the cause and the cure in one line.
func (e *Error) Error() string {
	text := "backend " + e.Name + ": " + e.Cause
	if e.Cure != "" {
		text += "; " + e.Cure
	}
	return text
}

// outOfMemory lists what the engines say when memory runs out: PJRT's status name and code, XLA's allocators, CUDA's
// and cuDNN's status names, and the system.
var outOfMemory = []string{
	"resource_exhausted", "resource exhausted", "pjrt error (code=8)", "out of memory", "out_of_memory",
	"failed to allocate", "cannot allocate memory", "alloc_failed", "bad_alloc", "exceeds the available memory",
}

// IsOutOfMemory reports whether err says that the device or the machine had too little memory, so that a smaller batch
// or image size may succeed.
func IsOutOfMemory(err error) bool {
	if err == nil {
		return false
	}
	text := strings.ToLower(err.Error())
	for _, sign := range outOfMemory {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// verboseEnv, when set to anything, lets GoMLX and XLA write their own log to standard error.
const verboseEnv = "STRAIGHTWAY_BACKEND_LOG"

// quietGoMLX silences the log of GoMLX: what it says about plugins is in the errors too, and there it has an order.
var quietGoMLX = sync.OnceFunc(func() {
	if os.Getenv(verboseEnv) == "" {
		klog.LogToStderr(false)
		klog.SetOutput(io.Discard)
	}
})

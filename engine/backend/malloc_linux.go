//go:build linux && cgo

package backend

// XLA's CPU client takes the temporary memory of every execution from malloc and gives it back afterwards. With
// glibc's defaults blocks of this size are mapped from the system, faulted in page by page and unmapped, on every
// training step: 60,000 page faults a step for the 32 px U-Net at batch 32, and a fifth of the time. Kept in the heap
// they cost a hundredth of that.
//
// It has to be set before a second thread exists, because glibc gives each thread that finds the first arena busy an
// arena of its own, where large blocks cannot grow: mallopt called from main changed nothing (60,500 faults a step,
// measured), called from a constructor it does what the variables MALLOC_MMAP_MAX_, MALLOC_TRIM_THRESHOLD_ and
// MALLOC_ARENA_MAX in the environment do, without touching the environment of this process or of its children.
//
// A user who sets one of these variables, or GLIBC_TUNABLES for malloc, is left in charge; STRAIGHTWAY_MALLOC=default
// keeps glibc's defaults.

/*
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>

static int straightway_malloc_set;

__attribute__((constructor)) static void straightway_keep_heap(void) {
	const char *choice = getenv("STRAIGHTWAY_MALLOC"), *tunables = getenv("GLIBC_TUNABLES");
	if ((choice && !strcmp(choice, "default")) || (tunables && strstr(tunables, "glibc.malloc.")) ||
	    getenv("MALLOC_MMAP_MAX_") || getenv("MALLOC_TRIM_THRESHOLD_") || getenv("MALLOC_ARENA_MAX") ||
	    getenv("MALLOC_MMAP_THRESHOLD_") || getenv("MALLOC_TOP_PAD_"))
		return;
	straightway_malloc_set = mallopt(M_ARENA_MAX, 1) && mallopt(M_MMAP_MAX, 0) && mallopt(M_TRIM_THRESHOLD, -1);
}
#else
static int straightway_malloc_set;
#endif
static int straightway_malloc(void) { return straightway_malloc_set; }
*/
import "C"

// HeapKept reports whether the C allocator was told at start-up to keep freed memory in the heap.
func HeapKept() bool { return C.straightway_malloc() != 0 }

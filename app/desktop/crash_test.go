//go:build !headless

package desktop

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// crashHere is the folder in which a child of the test below is to crash.
const crashHere = "STRAIGHTWAY_TEST_CRASH"

func TestAPanicLeavesAReportForTheNextStart(t *testing.T) {
	if dir := os.Getenv(crashHere); dir != "" {
		if _, _, err := catchCrashes(dir); err != nil {
			t.Fatal(err)
		}
		go func() { panic("on purpose") }()
		time.Sleep(time.Minute)
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), crashHere+"="+dir)
	if out, err := child.CombinedOutput(); err == nil {
		t.Fatalf("the child did not crash: %s", out)
	}
	report, kept, err := catchCrashes(dir)
	if err != nil || !strings.Contains(report, "panic: on purpose") || !strings.Contains(report, "Straightway "+version) {
		t.Fatalf("the report is %q (%v)", report, err)
	}
	if data, err := os.ReadFile(kept); err != nil || string(data) != report {
		t.Errorf("the report kept in %q is %q (%v)", kept, data, err)
	}
	if again, _, err := catchCrashes(dir); again != "" || err != nil {
		t.Errorf("the report is offered again: %q (%v)", again, err)
	}
}

func TestADisplayThatCannotBeOpenedIsAnError(t *testing.T) {
	broken := func() { panic("NotInitialized: The GLFW library is not initialized") }
	if err := opening(broken, func() bool { return false }); !errors.Is(err, ErrNoDisplay) || !strings.Contains(err.Error(), "GLFW") {
		t.Errorf("the error is %v", err)
	}
	if err := opening(func() {}, func() bool { return true }); err != nil {
		t.Errorf("a window that was closed is an error: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a panic of a window that was open is lost")
		}
	}()
	_ = opening(broken, func() bool { return true })
}

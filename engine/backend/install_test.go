package backend

import (
	"archive/zip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The set-up script and the program install the same file.
func TestSetupPinsTheSamePlugin(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("..", "..", "scripts", "setup"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pin := range []string{cpuWheel, cpuWheelSHA256, cpuPluginFile} {
		if !strings.Contains(string(script), pin) {
			t.Errorf("scripts/setup does not contain %s", pin)
		}
	}
}

// fakePython puts a python3 on the PATH that behaves as the shell script says, and makes sure that nothing else is
// reached: what asks the network is sent to a port where nobody listens.
func fakePython(t *testing.T, script string) (library string) {
	t.Helper()
	home := hide(t)
	bin := filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	library, err := userLibrary()
	if err != nil {
		t.Fatal(err)
	}
	return library
}

// unchanged checks that an installation left nothing behind but its lock.
func unchanged(t *testing.T, library string) {
	t.Helper()
	entries, err := os.ReadDir(library)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != ".straightway-install.lock" {
			t.Errorf("%s was left behind", entry.Name())
		}
	}
}

func TestFailedInstallationLeavesNothing(t *testing.T) {
	if report := examine(candidate{kind: CPU}); report.Available && strings.HasPrefix(report.Path, "/usr") {
		t.Log("this machine has a plugin for all users: installing again does nothing")
	}
	cases := map[string]struct{ script, want string }{
		"pip says no":    {"echo 'ERROR: No matching distribution found' >&2; exit 1", "No matching distribution found"},
		"pip is missing": {"echo 'python3: No module named pip' >&2; exit 1", "No module named pip"},
		"another file": {
			`while [ $# -gt 0 ]; do if [ "$1" = --dest ]; then echo wrong >"$2/plugin.whl"; exit 0; fi; shift; done; exit 1`,
			"checksum",
		},
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		cases = nil // there the wheel is not tried
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			library := fakePython(t, c.script)
			err := Install(context.Background(), CPU, nil)
			if examine(candidate{kind: CPU}).Available {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var named *Error
			if !errors.As(err, &named) || named.Cure == "" || !strings.Contains(named.Cause, c.want) {
				t.Fatalf("%v does not say %q", err, c.want)
			}
			unchanged(t, library)
		})
	}
}

func TestInterruptedInstallationLeavesNothing(t *testing.T) {
	library := fakePython(t, "exec sleep 60")
	if examine(candidate{kind: CPU}).Available {
		return // a plugin for all users: there is nothing to interrupt
	}
	leftover := filepath.Join(library, ".straightway-install-123", "half")
	if err := os.MkdirAll(leftover, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
	defer cancel()
	told := 0
	err := Install(ctx, CPU, func(int64, int64, string) { told++ })
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("%v", err)
	}
	if told == 0 && runtime.GOOS == "linux" {
		t.Error("no progress was told")
	}
	unchanged(t, library)
}

func TestInstallRefusesOtherNames(t *testing.T) {
	if err := Install(context.Background(), "tpu", nil); err == nil || !strings.Contains(err.Error(), "use cpu or cuda") {
		t.Errorf("%v", err)
	}
	if err := Install(context.Background(), Go, nil); err != nil {
		t.Error(err)
	}
}

func TestInstallCUDAWithoutDriverSaysSo(t *testing.T) {
	hide(t)
	reason, advice := missingDriver()
	if reason == "" {
		return // a machine with a GPU: installing would begin
	}
	err := Install(context.Background(), CUDA, nil)
	var named *Error
	if !errors.As(err, &named) || !strings.Contains(named.Cause, reason) || named.Cure != advice {
		t.Errorf("%v", err)
	}
}

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "a.whl")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("plugin ", 10000)
	w := zip.NewWriter(f)
	for _, name := range []string{"package/__init__.py", "package/" + cpuPluginFile} {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	var done, total int64
	progress := func(d, n int64, _ string) { done, total = d, n }
	target := filepath.Join(dir, "out.so")
	if err := unpack(context.Background(), archive, cpuPluginFile, target, progress); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != content || done != int64(len(content)) || total != done {
		t.Errorf("unpacked %d bytes, told %d of %d, %v", len(got), done, total, err)
	}
	if err := unpack(context.Background(), archive, "absent.so", filepath.Join(dir, "x"), progress); err == nil {
		t.Error("unpacked what is not there")
	}
	bytes, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	bytes[strings.LastIndex(string(bytes), "plugin plugin")] ^= 1
	if err := os.WriteFile(archive, bytes, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unpack(context.Background(), archive, cpuPluginFile, filepath.Join(dir, "flipped.so"), progress); err == nil {
		t.Error("a flipped bit went unnoticed")
	}
}

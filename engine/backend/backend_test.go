package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
)

// heapQuestion makes a process of the test binary say how its allocator was set up.
const heapQuestion = "STRAIGHTWAY_TEST_HEAP"

func TestMain(m *testing.M) {
	if os.Getenv(heapQuestion) != "" {
		fmt.Println("heap kept:", HeapKept())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hide leaves the test with no plugin of the user's own and no Python.
func hide(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONUSERBASE", "GOMLX_BACKEND", "PJRT_PLUGIN_LIBRARY_PATH", "LD_LIBRARY_PATH"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	t.Chdir(home)
	return home
}

// compile makes a shared library of C source, standing in for a plugin that behaves in some bad way.
func compile(t *testing.T, file, source string) string {
	t.Helper()
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "gcc"
	}
	text := filepath.Join(t.TempDir(), "plugin.c")
	if err := os.WriteFile(text, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(compiler, "-shared", "-fPIC", "-o", file, text).CombinedOutput(); err != nil {
		t.Fatalf("compiling a test library: %v\n%s", err, output)
	}
	return file
}

// badPlugins makes one file of every kind of damage, with what the error must say.
func badPlugins(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole := compile(t, filepath.Join(dir, "whole.so"), "char filling[1 << 20] = {1}; void *GetPjrtApi(void) { return 0; }")
	bytes, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	swapped := slices.Clone(bytes)
	swapped[18], swapped[19] = 0xf3, 0 // e_machine: RISC-V
	return map[string]string{
		filepath.Join(dir, "absent.so"):          "does not exist",
		dir:                                      "not a regular file",
		file("empty.so", nil):                    "is empty",
		file("text.so", []byte("not a library")): "not a shared library",
		file("header.so", bytes[:40]):            "cut short",
		file("half.so", bytes[:len(bytes)/2]):    "cut short",
		file("most.so", bytes[:len(bytes)-100]):  "cut short",
		file("riscv.so", swapped):                "another processor",
		whole:                                    "whole.so",
		compile(t, filepath.Join(dir, "other.so"), "int f(void) { return 1; }"):                                                                                                "GetPjrtApi",
		compile(t, filepath.Join(dir, "missing.so"), "extern int nowhere(void); void *GetPjrtApi(void) { return nowhere() ? (void *)1 : 0; }"):                                 "missing.so",
		compile(t, filepath.Join(dir, "crash.so"), "#include <signal.h>\nvoid *GetPjrtApi(void) { raise(SIGBUS); return 0; }"):                                                 "crashed the process that tried it",
		compile(t, filepath.Join(dir, "exit.so"), "#include <unistd.h>\nvoid *GetPjrtApi(void) { _exit(0); }"):                                                                 "ended the process",
		compile(t, filepath.Join(dir, "early.so"), "#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { abort(); }\nvoid *GetPjrtApi(void) { return 0; }"): "crashed the process that tried it",
	}
}

func TestBadPluginGivesNamedErrorAndNoCrash(t *testing.T) {
	for path, want := range badPlugins(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b, reports, err := Open(path)
			if err == nil {
				b.Close()
				t.Fatal("it was opened")
			}
			var named *Error
			if !errors.As(err, &named) || named.Cause == "" || named.Cure == "" {
				t.Fatalf("no cause or no cure in %#v", err)
			}
			if !strings.Contains(named.Cause, want) || !strings.Contains(named.Cause, path) {
				t.Errorf("the cause %q names not the file or not %q", named.Cause, want)
			}
			if len(reports) != 1 || reports[0].Available {
				t.Errorf("reports %+v", reports)
			}
		})
	}
}

// A damaged plugin in a folder that is searched costs that plugin, not the program.
func TestAutoPassesOverDamagedPlugin(t *testing.T) {
	home := hide(t)
	folder := filepath.Join(home, ".local", "lib", "go-xla")
	if runtime.GOOS == "darwin" {
		folder = filepath.Join(home, "Library", "Application Support", "go-xla")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	plugin := filepath.Join(folder, "pjrt_c_api_cpu_plugin"+pluginSuffix)
	if err := os.WriteFile(plugin, []byte("\x7fELF\x02\x01\x01"), 0o755); err != nil {
		t.Fatal(err)
	}
	if found := findPlugins(CPU); len(found) == 0 || found[0] != plugin {
		t.Fatalf("found %q, want first %q", found, plugin)
	}
	_, _, err := Open("cpu")
	if reports := Survey(context.Background()); reports[1].Available != (err == nil) {
		t.Errorf("the survey says %+v, opening says %v", reports[1], err)
	}
	if err != nil && !strings.Contains(err.Error(), plugin) {
		t.Errorf("%q does not name %s", err, plugin)
	}
}

// Automatic choice opens the first kind that the survey calls available, and reports exactly those before it.
func TestAutoTakesTheFirstThatWorks(t *testing.T) {
	for _, state := range []string{"as the machine is", "without plugins of the user"} {
		t.Run(state, func(t *testing.T) {
			if state != "as the machine is" {
				hide(t)
			}
			survey := Survey(context.Background())
			if len(survey) != 3 || survey[0].Kind != CUDA || survey[1].Kind != CPU || survey[2].Kind != Go || !survey[2].Available {
				t.Fatalf("survey %+v", survey)
			}
			first := slices.IndexFunc(survey, func(r Report) bool { return r.Available })
			for _, choice := range []string{"auto", "", "AUTO"} {
				b, passedOver, err := Open(choice)
				if err != nil {
					t.Fatal(err)
				}
				if b.Kind != survey[first].Kind || len(passedOver) != first {
					t.Errorf("%q opened %s past %+v, the survey's first is %s", choice, b, passedOver, survey[first].Kind)
				}
				for _, r := range passedOver {
					if r.Available || r.Reason == "" || r.Advice == "" {
						t.Errorf("passed over without saying why or what to do: %+v", r)
					}
				}
				b.Close()
			}
		})
	}
}

func TestUnknownNames(t *testing.T) {
	for name, cure := range map[string]string{"nosuch": "use one of", "xla": "use one of", "./plugin.so": "absolute path", "plugin.so": "absolute path"} {
		_, _, err := Open(name)
		var named *Error
		if !errors.As(err, &named) || named.Name != name || !strings.Contains(named.Cure, cure) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Every backend this machine has opens by its name, computes, and opens again after it was closed.
func TestAvailableBackendsCompute(t *testing.T) {
	for _, report := range Survey(context.Background()) {
		if !report.Available {
			continue
		}
		t.Run(report.Name, func(t *testing.T) {
			for range 2 {
				b, passedOver, err := Open(report.Name)
				if err != nil {
					t.Fatal(err)
				}
				if err := tryOut(b.Compute); err != nil {
					t.Error(err)
				}
				want := map[Kind]string{CUDA: "xla:cuda", CPU: "xla:cpu", Go: "go"}[report.Kind]
				if b.Label != want || b.String() != want || b.Kind != report.Kind || len(passedOver) != 0 || b.Devices != report.Devices || b.Version == "" {
					t.Errorf("opened %+v past %+v for %+v", b, passedOver, report)
				}
				if xla := report.Kind != Go; b.NativeConv() != xla || b.ResidentData() != xla || b.IsXLA() != xla {
					t.Error("the wrong lowering for", b)
				}
				if bf16 := b.ComputeDType() == dtypes.BFloat16; bf16 != (report.Kind == CUDA) {
					t.Error("computes in", b.ComputeDType())
				}
				if used, total, ok := b.Memory(); !ok || used < 0 || total <= used {
					t.Errorf("memory %d of %d, %v", used, total, ok)
				}
				b.Close()
				b.Close()
				if !b.Compute.IsFinalized() {
					t.Error("not closed")
				}
			}
			if report.Kind == CPU {
				b, _, err := Open(report.Path)
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close()
				if !b.Compute.HasSharedBuffers() {
					t.Error("inputs are copied: no shared buffers")
				}
				// The same file under a name that GoMLX takes for CUDA.
				link := filepath.Join(t.TempDir(), "cuda,1", "pjrt_c_api_cpu_plugin.so")
				if err := errors.Join(os.Mkdir(filepath.Dir(link), 0o755), os.Symlink(report.Path, link)); err != nil {
					t.Fatal(err)
				}
				odd, _, err := Open(link)
				if err != nil {
					t.Fatal(err)
				}
				defer odd.Close()
				if odd.Label != "xla:cpu" || !odd.Compute.HasSharedBuffers() {
					t.Errorf("%+v", odd)
				}
			}
		})
	}
}

func TestCUDAIsFoundInPythonPackages(t *testing.T) {
	home := hide(t)
	environment := filepath.Join(home, "environment")
	t.Setenv("VIRTUAL_ENV", environment)
	site := filepath.Join(environment, "lib", "python3.11", "site-packages")
	var want []string
	for _, generation := range []string{"xla_cuda13", "xla_cuda12"} {
		plugin := filepath.Join(site, "jax_plugins", generation, "xla_cuda_plugin.so")
		if err := errors.Join(os.MkdirAll(filepath.Dir(plugin), 0o755), os.WriteFile(plugin, []byte(generation), 0o644)); err != nil {
			t.Fatal(err)
		}
		want = append(want, plugin)
	}
	libraries := filepath.Join(site, "nvidia")
	if err := os.Mkdir(libraries, 0o755); err != nil {
		t.Fatal(err)
	}
	found := findPlugins(CUDA)
	if pluginSuffix == ".so" && (len(found) < 2 || !slices.Equal(found[:2], want)) {
		t.Errorf("found %q, want first %q", found, want)
	}
	for _, plugin := range want {
		if kindOfFile(plugin) != CUDA {
			t.Errorf("%s is not taken for CUDA", plugin)
		}
		if runtime.GOOS == "linux" && nvidiaFolder(plugin) != libraries {
			t.Errorf("%s: libraries in %q, want %q", plugin, nvidiaFolder(plugin), libraries)
		}
	}
}

func TestSearchOrder(t *testing.T) {
	home := hide(t)
	make := func(name string) string {
		path := filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name), 0o644)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	user := make(".local/lib/go-xla/pjrt_c_api_cpu_plugin.so")
	old := make(".local/lib/go-xla/pjrt_c_api_cpu_v0.83.1_plugin.so")
	named := make("named/pjrt_c_api_cpu_plugin.so")
	listed := make("listed/pjrt_c_api_cpu_plugin.so")
	library := make("libraries/pjrt_c_api_cpu_plugin.so")
	make("libraries/pjrt_c_api_cuda_plugin.so")
	t.Setenv("GOMLX_BACKEND", "xla:"+named+",shared_buffers")
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", "relative:"+filepath.Dir(listed))
	t.Setenv("LD_LIBRARY_PATH", filepath.Dir(library))
	want := []string{named, listed, user, old, library}
	if found := findPlugins(CPU); runtime.GOOS == "linux" && (len(found) < len(want) || !slices.Equal(found[:len(want)], want)) {
		t.Errorf("found %q, want first %q", found, want)
	}
}

func TestIsOutOfMemory(t *testing.T) {
	for text, want := range map[string]bool{
		"PJRT error (code=8): RESOURCE_EXHAUSTED: Out of memory while trying to allocate 17179869184 bytes.": true,
		"CUDA_ERROR_OUT_OF_MEMORY: out of memory":                                                            true,
		"execution: CUBLAS_STATUS_ALLOC_FAILED":                                                              true,
		"fork/exec: cannot allocate memory":                                                                  true,
		"PJRT error (code=9): No visible GPU devices.":                                                       false,
		"shapes (2, 3) and (4) do not match":                                                                 false,
	} {
		if got := IsOutOfMemory(fmt.Errorf("training: %w", errors.New(text))); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if IsOutOfMemory(nil) {
		t.Error("no error counts as one")
	}
}

// The allocator is set up before main in every program that has this package, unless the user set it up; children get
// nothing of it in their environment.
func TestHeapIsKept(t *testing.T) {
	cases := map[string]string{"": "true", "STRAIGHTWAY_MALLOC=default": "false", "MALLOC_ARENA_MAX=2": "false", "GLIBC_TUNABLES=glibc.malloc.arena_max=2": "false"}
	for variable, want := range cases {
		child := exec.Command(os.Args[0])
		for _, setting := range os.Environ() {
			if !strings.HasPrefix(setting, "MALLOC_") && !strings.HasPrefix(setting, "GLIBC_TUNABLES=") && !strings.HasPrefix(setting, "STRAIGHTWAY_MALLOC=") {
				child.Env = append(child.Env, setting)
			}
		}
		child.Env = append(child.Env, heapQuestion+"=1", variable)
		output, err := child.Output()
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "linux" {
			want = "false"
		}
		if got := strings.TrimSpace(string(output)); got != "heap kept: "+want {
			t.Errorf("with %q: %q, want %s", variable, got, want)
		}
	}
}

func TestReportsAreOneJSONLine(t *testing.T) {
	line, err := json.Marshal(Report{Event: "backend", Name: "cuda", Kind: CUDA, Reason: "why", Advice: "what"})
	if want := `{"event":"backend","name":"cuda","kind":"cuda","available":false,"reason":"why","advice":"what"}`; err != nil || string(line) != want {
		t.Errorf("%s, %v", line, err)
	}
}

func TestDescribe(t *testing.T) {
	s := Describe(filepath.Join(t.TempDir(), "not", "there", "yet"))
	if s.Event != "system" || s.Cores < 1 || s.Go != runtime.Version() || s.OS != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("%+v", s)
	}
	if runtime.GOOS == "linux" && (s.Memory <= 0 || s.MemoryFree <= 0 || s.MemoryFree > s.Memory || s.Disk <= 0 || s.DiskFree > s.Disk || s.Release == "") {
		t.Errorf("%+v", s)
	}
}

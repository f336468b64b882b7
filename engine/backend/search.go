package backend

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// pluginSuffix is the ending of a plugin's file name on this system.
var pluginSuffix = func() string {
	switch runtime.GOOS {
	case "darwin":
		return ".dylib"
	case "windows":
		return ".dll"
	}
	return ".so"
}()

// pluginPatterns are the file names under which each kind of plugin is published: first as GoMLX installs it, then as
// it lies in the jax wheels.
var pluginPatterns = map[Kind][]string{
	CPU:  {"pjrt_c_api_cpu_plugin", "pjrt_c_api_cpu_*_plugin", "pjrt-plugin-cpu", "pjrt_plugin_cpu"},
	CUDA: {"pjrt_c_api_cuda_plugin", "pjrt_c_api_cuda*_plugin", "pjrt-plugin-cuda*", "pjrt_plugin_cuda*", "xla_cuda_plugin"},
}

// kindOfFile tells the kind of a plugin by its file name and the folder it lies in.
func kindOfFile(path string) Kind {
	for _, part := range []string{filepath.Base(path), filepath.Base(filepath.Dir(path))} {
		part = strings.ToLower(part)
		for _, word := range []string{"cuda", "nvidia", "gpu"} {
			if strings.Contains(part, word) {
				return CUDA
			}
		}
		if strings.Contains(part, "cpu") {
			return CPU
		}
	}
	return CPU
}

// findPlugins lists the plugin files of a kind, best first, each once. It only looks: nothing is opened.
func findPlugins(kind Kind) []string {
	var found []string
	add := func(path string) {
		info, err := os.Stat(path)
		if err != nil || info.IsDir() {
			return
		}
		if !slices.ContainsFunc(found, func(other string) bool { return sameFile(other, path) }) {
			found = append(found, path)
		}
	}
	if path := pluginFromEnv(kind); path != "" {
		add(path)
	}
	for _, dir := range pluginDirs() {
		for _, pattern := range pluginPatterns[kind] {
			matches, _ := filepath.Glob(filepath.Join(dir, pattern+pluginSuffix))
			slices.Sort(matches)
			for _, path := range slices.Backward(matches) { // the newest version of several
				add(path)
			}
		}
	}
	if kind == CUDA {
		for _, dir := range sitePackages() {
			for _, pattern := range []string{"xla_cuda13/xla_cuda_plugin.so", "xla_cuda12/xla_cuda_plugin.so", "xla_cuda*/*plugin.so"} {
				matches, _ := filepath.Glob(filepath.Join(dir, "jax_plugins", pattern))
				for _, path := range matches {
					add(path)
				}
			}
		}
	}
	return found
}

func sameFile(a, b string) bool {
	ia, erra := os.Stat(a)
	ib, errb := os.Stat(b)
	return a == b || erra == nil && errb == nil && os.SameFile(ia, ib)
}

// pluginFromEnv is the file that GOMLX_BACKEND names, if it is an absolute path of this kind ("xla:/dir/plugin.so").
func pluginFromEnv(kind Kind) string {
	name, rest, _ := strings.Cut(os.Getenv("GOMLX_BACKEND"), ":")
	path, _, _ := strings.Cut(rest, ",")
	if slices.Contains([]string{"xla", "stablehlo", "hlo", "shlo"}, name) && filepath.IsAbs(path) && kindOfFile(path) == kind {
		return path
	}
	return ""
}

// pluginDirs are the folders in which plugins are looked for: beside the executable, then those of GoMLX in its order
// (go-xla, pjrt/dynamiclib_posix.go): PJRT_PLUGIN_LIBRARY_PATH, the user's, the system's, LD_LIBRARY_PATH, the linker's.
func pluginDirs() []string {
	var dirs []string
	if executable, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(executable); err == nil {
			executable = real
		}
		bin := filepath.Dir(executable)
		dirs = append(dirs, bin, filepath.Join(bin, "lib"), filepath.Join(filepath.Dir(bin), "lib"), filepath.Join(filepath.Dir(bin), "lib", "go-xla"))
	}
	dirs = append(dirs, absolute(filepath.SplitList(os.Getenv("PJRT_PLUGIN_LIBRARY_PATH")))...)
	if lib, err := userLibrary(); err == nil {
		dirs = append(dirs, lib, filepath.Join(lib, "nvidia"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".local", "lib", "gomlx", "pjrt"))
	}
	dirs = append(dirs, "/usr/local/lib/go-xla", "/usr/local/lib/go-xla/nvidia", "/usr/local/lib/gomlx/pjrt")
	dirs = append(dirs, absolute(filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")))...)
	dirs = append(dirs, absolute(filepath.SplitList(os.Getenv("DYLD_LIBRARY_PATH")))...)
	return append(dirs, linkerDirs("/etc/ld.so.conf", 3)...)
}

func absolute(paths []string) []string {
	return slices.DeleteFunc(paths, func(path string) bool { return !filepath.IsAbs(path) })
}

// linkerDirs reads the folders named in ld.so.conf and the files it includes, depth levels deep.
func linkerDirs(file string, depth int) []string {
	f, err := os.Open(file)
	if err != nil || depth == 0 {
		return nil
	}
	defer f.Close()
	var dirs []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		line = strings.TrimSpace(line)
		if pattern, ok := strings.CutPrefix(line, "include"); ok {
			pattern = strings.TrimSpace(pattern)
			if !filepath.IsAbs(pattern) {
				pattern = filepath.Join(filepath.Dir(file), pattern)
			}
			files, _ := filepath.Glob(pattern)
			for _, included := range files {
				dirs = append(dirs, linkerDirs(included, depth-1)...)
			}
		} else if filepath.IsAbs(line) {
			dirs = append(dirs, line)
		}
	}
	return dirs
}

// sitePackages lists the folders in which Python keeps installed packages: those of the active environment, of
// environments beside the working folder, of the user and of the system. Only where none of them holds jax plugins is
// an interpreter asked.
func sitePackages() []string {
	var roots []string // a Python prefix: packages lie in lib/python3.X/site-packages below it
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONUSERBASE"} {
		if dir := os.Getenv(name); filepath.IsAbs(dir) {
			roots = append(roots, dir)
		}
	}
	if dir, err := os.Getwd(); err == nil {
		roots = append(roots, filepath.Join(dir, ".venv"), filepath.Join(dir, "venv"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		roots = append(roots, filepath.Join(home, ".local"), filepath.Join(home, ".venv"), filepath.Join(home, "venv"),
			filepath.Join(home, "miniconda3"), filepath.Join(home, "anaconda3"), filepath.Join(home, "miniforge3"))
		environments, _ := filepath.Glob(filepath.Join(home, ".pyenv", "versions", "*"))
		roots = append(roots, environments...)
	}
	roots = append(roots, "/usr/local", "/usr", "/opt/venv", "/opt/conda")
	dirs := absolute(filepath.SplitList(os.Getenv("PYTHONPATH")))
	for _, root := range roots {
		for _, pattern := range []string{"lib/python3*/site-packages", "lib64/python3*/site-packages", "lib/python3*/dist-packages", "lib/python3/dist-packages"} {
			matches, _ := filepath.Glob(filepath.Join(root, pattern))
			dirs = append(dirs, matches...)
		}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "jax_plugins")); err == nil {
			return dirs
		}
	}
	return append(dirs, askPython()...)
}

// askPython asks the interpreter on the PATH for its package folders. It answers in some 20 ms; a broken one is given
// up after three seconds.
func askPython() []string {
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, python, "-c", "import sys\nfor p in sys.path: print(p)")
	command.WaitDelay = time.Second
	output, err := command.Output()
	if err != nil {
		return nil
	}
	return absolute(strings.Split(strings.TrimSpace(string(output)), "\n"))
}

// userLibrary is the folder of the user's own plugins, where GoMLX looks first and [Install] installs.
func userLibrary() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "go-xla"), nil
	case "windows":
		return filepath.Join(home, "AppData", "Local", "go-xla"), nil
	}
	return filepath.Join(home, ".local", "lib", "go-xla"), nil
}

package backend

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/gomlx/go-xla/installer"
	"github.com/gomlx/go-xla/pjrt"
)

// The XLA CPU plugin for Linux on amd64: a Python wheel that holds this one library, pinned by checksum. scripts/setup
// installs the same file.
const (
	cpuWheel       = "lammps-jax-pjrt-cpu==0.11.2"
	cpuWheelSHA256 = "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1"
	cpuWheelSize   = 62711338
	cpuPluginFile  = "pjrt_c_api_cpu_plugin.so"
)

// cudaWheels are what the CUDA plugin needs on Linux, by CUDA generation: the plugin itself, pinned, and NVIDIA's
// libraries within the bounds that the plugin's own wheel names. pip checks the checksum of every file against its
// index. CUDA 13 needs NVIDIA's driver 580 or newer.
var cudaWheels = map[string][]string{
	"cuda13": {
		"jax-cuda13-pjrt==0.10.2", "nvidia-cublas>=13.0.0.19,<14", "nvidia-cuda-cupti>=13.0.48,<14",
		"nvidia-cuda-nvcc>=13.0.48,<14", "nvidia-cuda-runtime>=13.0.48,<14", "nvidia-cuda-nvrtc>=13.0.48,<14",
		"nvidia-cudnn-cu13>=9.12.0.46,<10", "nvidia-cufft>=12.0.0.15,<13", "nvidia-cusolver>=12.0.3.29,<13",
		"nvidia-cusparse>=12.6.2.49,<13", "nvidia-nccl-cu13>=2.27.7,<3", "nvidia-nvjitlink>=13.0.39,<14",
		"nvidia-nvshmem-cu13>=3.3.20,<4", "nvidia-nvvm>=13.0.48,<14", "nvidia-cuda-crt>=13.0.48,<14",
	},
	"cuda12": {
		"jax-cuda12-pjrt==0.10.2", "nvidia-cublas-cu12>=12.1.3.1,<13", "nvidia-cuda-cupti-cu12>=12.1.105,<13",
		"nvidia-cuda-nvcc-cu12>=12.6.85,<13", "nvidia-cuda-runtime-cu12>=12.1.105,<13", "nvidia-cuda-nvrtc-cu12>=12.1.55,<13",
		"nvidia-cudnn-cu12>=9.8,<10", "nvidia-cufft-cu12>=11.0.2.54,<12", "nvidia-cusolver-cu12>=11.4.5.107,<12",
		"nvidia-cusparse-cu12>=12.1.0.106,<13", "nvidia-nccl-cu12>=2.18.1,<3", "nvidia-nvjitlink-cu12>=12.1.105,<13",
		"nvidia-nvshmem-cu12>=3.2.5,<4",
	},
}

// spaceFor is the disk space an installation takes while it runs, download included.
var spaceFor = map[Kind]int64{CPU: 300 << 20, CUDA: 8 << 30}

// Progress is told how far an installation is: bytes done and in all (0 where the total is not known) and what is
// being done. It is called from one goroutine at a time.
type Progress func(done, total int64, what string)

// Install installs the plugin of a kind for this user, in the folder where GoMLX looks first. Everything happens in a
// hidden folder beside it; only what was fetched whole, matches its checksum and loads is renamed into place, so an
// installation that fails or is interrupted at any moment leaves what was there before. What an earlier interrupted
// one left in the hidden folder is removed.
//
// The CPU plugin is a pinned wheel fetched by pip (Linux on amd64), elsewhere and where pip fails GoMLX's own
// installer. The CUDA plugin comes from GoMLX's installer and, where that cannot reach its source, from pip. A plugin
// that is there and works is kept. The error is an [*Error].
func Install(ctx context.Context, kind Kind, progress Progress) error {
	fail := func(err error, cure string) error {
		if ctx.Err() != nil {
			err, cure = errors.New("the installation was interrupted; nothing was changed"), "run it again to start over"
		}
		return &Error{Name: string(kind), Cause: "installing: " + err.Error(), Cure: cure}
	}
	if progress == nil {
		progress = func(int64, int64, string) {}
	}
	if kind == Go {
		progress(1, 1, "the pure Go backend is part of the program")
		return nil
	}
	if kind != CPU && kind != CUDA {
		return &Error{Name: string(kind), Cause: "there is no backend of this name to install", Cure: "use cpu or cuda"}
	}
	if report := examine(candidate{kind: kind}); report.Available {
		progress(1, 1, "already there: "+report.Path)
		return nil
	}
	if kind == CUDA {
		if reason, advice := missingDriver(); reason != "" {
			return fail(errors.New(reason), advice)
		}
	}
	library, err := userLibrary()
	if err != nil {
		return fail(err, "set HOME to a folder you may write to")
	}
	if err := os.MkdirAll(library, 0o755); err != nil {
		return fail(err, "make this folder writable")
	}
	if _, free := diskSpace(library); free > 0 && free < spaceFor[kind] {
		return fail(fmt.Errorf("%s has %d MB free, and it takes about %d MB", library, free>>20, spaceFor[kind]>>20), "make room on this disk")
	}
	lock := flock.New(filepath.Join(library, ".straightway-install.lock"))
	if locked, err := lock.TryLock(); err != nil || !locked {
		return fail(fmt.Errorf("another installation is running in %s", library), "wait until it is done")
	}
	defer func() { _ = lock.Unlock() }()
	if leftovers, _ := filepath.Glob(filepath.Join(library, ".straightway-install-*")); leftovers != nil {
		for _, dir := range leftovers {
			_ = os.RemoveAll(dir)
		}
	}
	staging, err := os.MkdirTemp(library, ".straightway-install-")
	if err != nil {
		return fail(err, "make this folder writable")
	}
	defer func() { _ = os.RemoveAll(staging) }()

	var failures []string
	for _, route := range routes(kind) {
		dir := filepath.Join(staging, route.name)
		if err = os.MkdirAll(dir, 0o755); err == nil {
			if err = route.fetch(ctx, dir, progress); err == nil {
				if err = place(kind, dir, library); err == nil {
					return nil
				}
			}
		}
		if ctx.Err() != nil {
			return fail(ctx.Err(), "")
		}
		failures = append(failures, "by "+route.name+": "+err.Error())
		_ = os.RemoveAll(dir)
	}
	return fail(errors.New(strings.Join(failures, "; ")), "check the network connection and that python3 with pip is installed (Debian: apt-get install python3-pip), "+
		"or put the plugin into "+library+" by hand; until then --backend go works without it")
}

// route is one way to fetch a plugin: it leaves it in dir, in the layout of GoMLX's folder.
type route struct {
	name  string
	fetch func(ctx context.Context, dir string, progress Progress) error
}

func routes(kind Kind) []route {
	gomlx := route{"GoMLX's installer", func(ctx context.Context, dir string, progress Progress) error {
		return runInstaller(ctx, kind, dir, progress)
	}}
	pip := route{"pip", fetchCPU}
	if kind == CUDA {
		pip.fetch = fetchCUDA
		return []route{gomlx, pip}
	}
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		return []route{pip, gomlx}
	}
	return []route{gomlx}
}

// place checks a fetched plugin by loading it and moves it into the library folder by renaming.
func place(kind Kind, dir, library string) error {
	if kind == CPU {
		matches, _ := filepath.Glob(filepath.Join(dir, "pjrt_c_api_cpu*_plugin"+pluginSuffix))
		if len(matches) == 0 {
			return errors.New("what was fetched holds no CPU plugin")
		}
		file, err := filepath.EvalSymlinks(matches[0])
		if err != nil {
			return err
		}
		if _, err := examineFile(CPU, file); err != nil {
			return err
		}
		if err := syncFile(file); err != nil {
			return err
		}
		return os.Rename(file, filepath.Join(library, "pjrt_c_api_cpu_plugin"+pluginSuffix))
	}
	tree := filepath.Join(dir, "nvidia")
	plugin := filepath.Join(tree, installer.NVIDIAPJRTPluginFileName)
	if err := linkAssembler(tree); err != nil {
		return err
	}
	if _, err := examineFile(CUDA, plugin); err != nil {
		return err
	}
	if err := syncFile(plugin); err != nil {
		return err
	}
	final := filepath.Join(library, "nvidia")
	if err := os.Rename(final, filepath.Join(dir, "replaced")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(tree, final)
}

// linkAssembler puts a relative link to CUDA's assembler where XLA looks for it, in place of the absolute one that
// GoMLX's installer leaves and that a rename breaks.
func linkAssembler(tree string) error {
	for _, home := range []string{"cu13", "cuda_nvcc"} {
		if _, err := os.Stat(filepath.Join(tree, home, "bin", "ptxas")); err != nil {
			continue
		}
		if err := os.MkdirAll(filepath.Join(tree, "bin"), 0o755); err != nil {
			return err
		}
		link := filepath.Join(tree, "bin", "ptxas")
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return os.Symlink(filepath.Join("..", home, "bin", "ptxas"), link)
	}
	return nil
}

func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// fetchCPU fetches the pinned wheel of the CPU plugin and unpacks it.
func fetchCPU(ctx context.Context, dir string, progress Progress) error {
	requirements := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(requirements, []byte(cpuWheel+" --hash=sha256:"+cpuWheelSHA256+"\n"), 0o644); err != nil {
		return err
	}
	err := pip(ctx, dir, cpuWheelSize, progress, "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", dir, "-r", requirements)
	if err != nil {
		return err
	}
	wheels, _ := filepath.Glob(filepath.Join(dir, "*.whl"))
	if len(wheels) != 1 {
		return fmt.Errorf("pip left %d wheels instead of one", len(wheels))
	}
	if err := checkSHA256(wheels[0], cpuWheelSHA256); err != nil {
		return err
	}
	return unpack(ctx, wheels[0], cpuPluginFile, filepath.Join(dir, cpuPluginFile), progress)
}

// fetchCUDA has pip install the plugin and NVIDIA's libraries into a folder of their own and arranges them as GoMLX
// does: everything in nvidia/, the plugin among the libraries it looks for at ../nvidia.
func fetchCUDA(ctx context.Context, dir string, progress Progress) error {
	generation := cudaGeneration()
	packages := filepath.Join(dir, "packages")
	arguments := []string{"--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-compile", "--target", packages}
	if err := pip(ctx, dir, 0, progress, "install", append(arguments, cudaWheels[generation]...)...); err != nil {
		return err
	}
	tree := filepath.Join(dir, "nvidia")
	if err := os.Rename(filepath.Join(packages, "nvidia"), tree); err != nil {
		return err
	}
	return os.Rename(filepath.Join(packages, "jax_plugins", "xla_"+generation, "xla_cuda_plugin.so"), filepath.Join(tree, installer.NVIDIAPJRTPluginFileName))
}

// cudaGeneration is the newest CUDA whose programs the installed driver runs: 13 from driver 580 on, else 12.
func cudaGeneration() string {
	gpu, _ := nvidiaGPU()
	var major int
	if _, err := fmt.Sscanf(gpu.driver, "%d", &major); err == nil && major < 580 {
		return "cuda12"
	}
	return "cuda13"
}

var pipLine = regexp.MustCompile(`(?m)^\s*(Downloading|Using cached|Installing|Collecting)\s+(\S+)`)

// pip runs a command of pip with its temporary files in dir and reports how much of total it has fetched.
func pip(ctx context.Context, dir string, total int64, progress Progress, command string, arguments ...string) error {
	python, err := exec.LookPath("python3")
	if err != nil {
		return errors.New("python3 is not installed")
	}
	common := []string{"-m", "pip", command, "--disable-pip-version-check", "--no-input", "--no-cache-dir", "--progress-bar=off"}
	child := exec.CommandContext(ctx, python, append(common, arguments...)...)
	child.Env = append(os.Environ(), "TMPDIR="+dir, "PYTHONUNBUFFERED=1")
	output, err := watch(child, dir, total, progress)
	if err != nil {
		return errors.New(lastError(output, err))
	}
	return nil
}

// runInstaller has GoMLX's installer fetch a plugin into dir. It runs in a child process, because it can be cancelled
// only by ending it and because it writes to standard output.
func runInstaller(ctx context.Context, kind Kind, dir string, progress Progress) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, executable)
	command.Env = append(os.Environ(), installEnv+"="+string(kind)+":"+dir, "TMPDIR="+dir, "XDG_CACHE_HOME="+dir)
	output, err := watch(command, dir, 0, progress)
	if err != nil {
		return errors.New(lastError(output, err))
	}
	return nil
}

// installEnv, set to "kind:folder", makes a process of this program run GoMLX's installer and exit.
const installEnv = "STRAIGHTWAY_BACKEND_INSTALL"

func init() {
	task, ok := os.LookupEnv(installEnv)
	if !ok {
		return
	}
	kind, dir, _ := strings.Cut(task, ":")
	var err error
	if Kind(kind) == CUDA {
		err = installer.CudaInstall(cudaGeneration(), "latest", dir, false, installer.Quiet)
	} else {
		err = installer.CPUInstall(runtime.GOOS+"_"+runtime.GOARCH, pjrt.DefaultCPUVersion, dir, false, installer.Quiet)
	}
	if err != nil {
		message, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Fprintln(os.Stderr, "error:", message)
		os.Exit(1)
	}
	os.Exit(0)
}

// watch runs a command and, four times a second, reports how many bytes lie in dir and what the command said last.
func watch(command *exec.Cmd, dir string, total int64, progress Progress) (output string, err error) {
	var text bytes.Buffer
	reader, writer := io.Pipe()
	command.Stdout, command.Stderr = writer, writer
	command.WaitDelay = 5 * time.Second
	if err := command.Start(); err != nil {
		return "", err
	}
	done := make(chan error, 1)
	go func() {
		err := command.Wait()
		_ = writer.Close()
		done <- err
	}()
	lines := make(chan string)
	go func() {
		defer close(lines)
		buffer := make([]byte, 4096)
		for {
			n, err := reader.Read(buffer)
			if n > 0 {
				lines <- string(buffer[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	what, tick := "starting", time.NewTicker(250*time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case part, more := <-lines:
			if !more {
				return text.String(), <-done
			}
			text.WriteString(part)
			if said := pipLine.FindAllStringSubmatch(part, -1); said != nil {
				last := said[len(said)-1]
				what = strings.ToLower(last[1]) + " " + path.Base(last[2])
			}
		case <-tick.C:
			size := folderSize(dir)
			if total > 0 {
				size = min(size, total)
			}
			progress(size, total, what)
		}
	}
}

func folderSize(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

// lastError is the line in which a command says what went wrong.
func lastError(output string, err error) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if _, message, ok := strings.Cut(lines[i], "rror: "); ok && strings.TrimSpace(message) != "" {
			return strings.TrimSpace(message)
		}
		if message, ok := strings.CutPrefix(lines[i], "ERROR: "); ok {
			return message
		}
	}
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}

// checkSHA256 compares a file with its checksum.
func checkSHA256(name, want string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if got := hexSum(sum); got != want {
		return fmt.Errorf("%s has the checksum %s instead of %s: it is not the file that was asked for", filepath.Base(name), got, want)
	}
	return nil
}

func hexSum(sum hash.Hash) string { return hex.EncodeToString(sum.Sum(nil)) }

// unpack takes one file, named without its folder, out of a zip archive.
func unpack(ctx context.Context, archive, name, target string, progress Progress) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", archive, err)
	}
	defer reader.Close()
	for _, entry := range reader.File {
		if path.Base(entry.Name) != name {
			continue
		}
		in, err := entry.Open()
		if err != nil {
			return fmt.Errorf("unpacking %s: %w", archive, err)
		}
		defer in.Close()
		out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
		if err != nil {
			return err
		}
		total := int64(entry.UncompressedSize64)
		for done := int64(0); done < total; {
			n, err := io.CopyN(out, in, min(8<<20, total-done))
			done += n
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				_ = out.Close()
				return fmt.Errorf("unpacking %s: %w", archive, err)
			}
			progress(done, total, "unpacking "+name)
		}
		// The archive's own checksum is compared on reading past the end.
		if _, err := in.Read(make([]byte, 1)); err != io.EOF {
			_ = out.Close()
			return fmt.Errorf("unpacking %s: %w", archive, zip.ErrChecksum)
		}
		return out.Close()
	}
	return fmt.Errorf("unpacking %s: it holds no %s", archive, name)
}

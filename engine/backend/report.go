package backend

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
)

// Report says of one backend whether it works, and if not why and how to get it. Its JSON form is one line of
// `doctor --json`.
type Report struct {
	Event     string `json:"event"` // always "backend"
	Name      string `json:"name"`  // "cuda", "cpu", "go"
	Kind      Kind   `json:"kind"`
	Available bool   `json:"available"`
	Path      string `json:"path,omitempty"`    // the plugin that works, or the first one found
	Version   string `json:"version,omitempty"` // of the plugin's interface, or of Go
	Device    string `json:"device,omitempty"`  // what the engine computes on
	Devices   int    `json:"devices,omitempty"`
	Reason    string `json:"reason,omitempty"` // why it is not available
	Advice    string `json:"advice,omitempty"` // what to do about it
}

// Survey examines all kinds, in the order in which [Open] tries them, and says of each what it found. Plugins are
// opened in child processes, so it takes a fraction of a second for the CPU and some seconds for a GPU, and leaves
// this process as it was. A cancelled ctx gives the reports made so far.
func Survey(ctx context.Context) []Report {
	var reports []Report
	for _, kind := range Kinds() {
		if ctx.Err() != nil {
			break
		}
		reports = append(reports, examine(candidate{kind: kind}))
	}
	return reports
}

// examine finds out whether a backend works: pure Go always does, a plugin if a child process can compute with it.
// Of several files of a kind the first that works is taken.
func examine(c candidate) Report {
	report := Report{Event: "backend", Name: string(c.kind), Kind: c.kind}
	if c.kind == Go {
		report.Available, report.Devices = true, 1
		report.Device, report.Version = processorName(), goVersion()
		return report
	}
	files := []string{c.path}
	if c.path == "" {
		files = findPlugins(c.kind)
	}
	if len(files) == 0 {
		report.Reason, report.Advice = notFound(c.kind)
		return report
	}
	if c.kind == CUDA {
		if reason, advice := missingDriver(); reason != "" {
			report.Path, report.Reason, report.Advice = files[0], reason, advice
			return report
		}
	}
	var reasons []string
	for _, path := range files {
		answer, err := examineFile(c.kind, path)
		if err == nil {
			report.Available, report.Path = true, path
			report.Version, report.Device, report.Devices = answer.Version, answer.Device, answer.Devices
			return report
		}
		if report.Path == "" {
			report.Path, report.Advice = path, adviceFor(c, path, err)
		}
		reasons = append(reasons, err.Error())
	}
	report.Reason = strings.Join(reasons, "; ")
	return report
}

// examined remembers how a plugin file fared, so that opening one after a survey does not start another child.
var examined sync.Map // of fileVersion → result

type fileVersion struct {
	kind Kind
	path string
	size int64
	time int64
}

type result struct {
	answer probeAnswer
	err    error
}

func examineFile(kind Kind, path string) (probeAnswer, error) {
	info, err := os.Stat(path)
	if err != nil {
		if os.IsNotExist(err) {
			return probeAnswer{}, fmt.Errorf("%s does not exist", path)
		}
		return probeAnswer{}, err
	}
	key := fileVersion{kind, path, info.Size(), info.ModTime().UnixNano()}
	if known, ok := examined.Load(key); ok {
		r := known.(result)
		return r.answer, r.err
	}
	var r result
	if r.err = checkLibrary(path); r.err == nil {
		r.answer, r.err = probe(kind, path)
	}
	examined.Store(key, r)
	return r.answer, r.err
}

// fail turns a report of an available backend into one of an unavailable one.
func (r *Report) fail(err error) {
	r.Available, r.Reason = false, err.Error()
	r.Advice = adviceFor(candidate{kind: r.Kind}, r.Path, err)
}

// notFound says why there is nothing to try, and what to do.
func notFound(kind Kind) (reason, advice string) {
	if kind == CUDA {
		if reason, advice := missingDriver(); reason != "" {
			return reason, advice
		}
		return "this machine has an NVIDIA driver, but no CUDA plugin was found in the folders of GoMLX or of Python",
			"run: straightway doctor --install cuda (about 2 GB), or: pip install \"jax[cuda13]\""
	}
	dir, err := userLibrary()
	if err != nil {
		dir = "the folder of GoMLX"
	}
	return "the XLA CPU plugin pjrt_c_api_cpu_plugin" + pluginSuffix + " was not found in " + dir + " or the other folders where GoMLX looks",
		"run: straightway doctor --install cpu (about 60 MB)"
}

// adviceFor says what to do about a plugin that is there and does not work.
func adviceFor(c candidate, path string, err error) string {
	text := strings.ToLower(err.Error())
	switch {
	case c.path != "" && strings.Contains(text, "not exist"):
		return "check the path, or use --backend auto"
	case c.path != "":
		return "name another plugin, or use --backend auto"
	case IsOutOfMemory(err):
		return "free memory on the device (nvidia-smi shows who uses it) and try again"
	case c.kind == CUDA && (strings.Contains(text, "no visible gpu") || strings.Contains(text, "cuda_error_no_device")):
		return "check that nvidia-smi lists a GPU and that CUDA_VISIBLE_DEVICES does not hide it"
	case c.kind == CUDA && strings.Contains(text, "insufficient"):
		return "update the NVIDIA driver, or install a plugin for an older CUDA: pip install \"jax[cuda12]\""
	case strings.Contains(text, "permission denied"):
		return "make " + path + " readable for this user"
	}
	return fmt.Sprintf("replace the file: straightway doctor --install %s", c.kind)
}

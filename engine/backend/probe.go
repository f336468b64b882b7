package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// probeEnv, set to "kind:path", makes a process of this program open that plugin, compute with it, say how it went in
// one line on standard output and exit. Only probe sets it.
const probeEnv = "STRAIGHTWAY_BACKEND_PROBE"

// probeAnswer is what the child says.
type probeAnswer struct {
	Version string `json:"version"`
	Device  string `json:"device"`
	Devices int    `json:"devices"`
	Error   string `json:"error"`
}

const answerMark = "straightway-probe:"

// init answers in place of the program when it was started as a probe. It stands in init so that every program that
// uses the package can be its own child, test binaries too.
func init() {
	task, ok := os.LookupEnv(probeEnv)
	if !ok {
		return
	}
	kind, path, _ := strings.Cut(task, ":")
	var answer probeAnswer
	if b, err := open(Kind(kind), path); err != nil {
		answer.Error = err.Error()
	} else if err := tryOut(b.Compute); err != nil {
		answer.Error = err.Error()
	} else {
		answer = probeAnswer{Version: b.Version, Device: b.Compute.DeviceDescription(0), Devices: b.Devices}
	}
	line, err := json.Marshal(answer)
	if err != nil {
		os.Exit(1)
	}
	fmt.Println("\n" + answerMark + string(line))
	os.Exit(0) // without Close: a plugin must not get the chance to fail after it has answered
}

// tryOut compiles and runs a convolution and a matrix product, which is where a plugin fails whose libraries
// (cuDNN, cuBLAS, the assembler of CUDA) are missing.
func tryOut(engine compute.Backend) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("computing: %v", r)
		}
	}()
	exec, err := graph.NewExec(engine, func(x, w *graph.Node) *graph.Node {
		y := graph.Convolve(x, w).PadSame().Done()
		m := graph.Reshape(y, 16, 8)
		return graph.ReduceAllSum(graph.Dot(m, graph.Transpose(m, 0, 1)).MatMul())
	})
	if err != nil {
		return fmt.Errorf("computing: %w", err)
	}
	x := make([]float32, 1*4*4*8)
	w := make([]float32, 3*3*8*8)
	for i := range x {
		x[i] = 1
	}
	for i := range w {
		w[i] = 1
	}
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(x, 1, 4, 4, 8), tensors.FromFlatDataAndDimensions(w, 3, 3, 8, 8))
	if err != nil {
		return fmt.Errorf("computing: %w", err)
	}
	// Each output of the convolution is 8·n, n the number of the 3×3 neighbours inside the 4×4 image: their sum is
	// 8·100, and the sum of all products of two rows of 8 equal values is 8·800².
	const want = 8 * 800 * 800
	if got, ok := out[0].Value().(float32); !ok || got < 0.98*want || got > 1.02*want {
		return fmt.Errorf("computing: a test product came out as %v instead of %d", out[0].Value(), int(want))
	}
	return nil
}

// probeTimeout bounds a probe: opening the CPU plugin takes 0.1 s and CUDA some seconds, so that this much means a
// hang.
const probeTimeout = 2 * time.Minute

// probe opens a plugin in a child process and returns what it says. Whatever the plugin does there, this process only
// gets an error.
func probe(kind Kind, path string) (probeAnswer, error) {
	executable, err := os.Executable()
	if err != nil {
		return probeAnswer{}, fmt.Errorf("testing plugin %s: %w", path, err)
	}
	if _, err := os.Stat("/proc/self/exe"); err == nil {
		executable = "/proc/self/exe" // the running program, even if its file was replaced meanwhile
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	child := exec.CommandContext(ctx, executable)
	child.Env = append(os.Environ(), probeEnv+"="+string(kind)+":"+path)
	child.Stdout, child.Stderr = &stdout, &stderr
	child.WaitDelay = 5 * time.Second
	err = child.Run()

	if i := strings.LastIndex(stdout.String(), answerMark); i >= 0 {
		var answer probeAnswer
		line, _, _ := strings.Cut(stdout.String()[i+len(answerMark):], "\n")
		if json.Unmarshal([]byte(line), &answer) == nil {
			if answer.Error != "" {
				return probeAnswer{}, errors.New(tidy(answer.Error, path))
			}
			return answer, nil
		}
	}
	switch {
	case ctx.Err() != nil:
		return probeAnswer{}, fmt.Errorf("%s did not answer within %v", path, probeTimeout)
	case err == nil:
		return probeAnswer{}, fmt.Errorf("%s ended the process that tried it", path)
	}
	return probeAnswer{}, fmt.Errorf("%s crashed the process that tried it (%s)", path, crash(err, stderr.String()))
}

var signalName = regexp.MustCompile(`SIG[A-Z]+`)

// crash names the signal that ended a child, or its exit status.
func crash(err error, stderr string) string {
	if name := signalName.FindString(stderr); name != "" {
		return name
	}
	return err.Error()
}

// tidy shortens a message of GoMLX and PJRT to its first line and names the file once, in front.
func tidy(message, path string) string {
	message, _, _ = strings.Cut(strings.TrimSpace(message), "\n")
	if i := strings.Index(message, "PJRT error"); i >= 0 {
		message = message[i:]
	}
	if runes := []rune(message); len(runes) > 400 {
		message = string(runes[:400]) + "…"
	}
	if strings.Contains(message, path) {
		return message
	}
	return path + ": " + message
}

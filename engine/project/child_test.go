package project

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Some tests need a second process. It is this test binary, started with
// childVariable set to the name of a part and childDir to a project folder.
const (
	childVariable = "STRAIGHTWAY_TEST_CHILD"
	childDir      = "STRAIGHTWAY_TEST_DIR"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	switch os.Getenv(childVariable) {
	case "":
		os.Exit(m.Run())
	case "hold":
		childHold(dir)
	case "save":
		childSave(dir)
	case "create as nobody":
		childCreateAsNobody(dir)
	}
}

type child struct {
	*exec.Cmd
	out *bufio.Scanner
}

func startChild(t *testing.T, part, dir string) child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+part, childDir+"="+dir)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return child{cmd, bufio.NewScanner(pipe)}
}

// kill is SIGKILL, and waits for the end.
func (c child) kill(t *testing.T) {
	t.Helper()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()
}

func childFail(err error) {
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
}

// childHold holds the lock until it is killed.
func childHold(dir string) {
	_, err := Open(dir)
	childFail(err)
	fmt.Println("holding")
	time.Sleep(time.Hour)
}

// childSave trains in its way: from the latest checkpoint on, every step is
// saved and added to the history, and now and then settings and model are
// written, until it is killed. It prints a step once that is safely on disk.
func childSave(dir string) {
	p, err := Open(dir)
	childFail(err)
	c, _, err := p.LoadLatest("1-flow")
	if err != nil {
		c = checkpointAt(0)
	}
	childFail(p.Resumed("1-flow", c.Step))
	saver := p.NewSaver("1-flow")
	for step := c.Step + 1; ; step++ {
		_, err := saver.TrySave(func() (Checkpoint, error) { return checkpointAt(step), nil })
		childFail(err)
		childFail(p.Append(Entry{Kind: "step", Round: "1-flow", Step: step}))
		s := p.Settings()
		s.Batch = int(step%4096) + 1
		childFail(p.SaveSettings(s))
		childFail(saver.Flush())
		childFail(p.FinishRound("2-reflow", checkpointAt(step).Tensors, nil, RoundReport{Steps: step}))
		fmt.Println(step)
	}
}

// checkpointAt is a checkpoint whose every value tells its step.
func checkpointAt(step int64) Checkpoint {
	weights, state := make([]float32, 40_000), make([]uint64, 1000)
	for i := range weights {
		weights[i] = float32(step)
	}
	for i := range state {
		state[i] = uint64(step)
	}
	return Checkpoint{
		Step:    step,
		Tensors: []Tensor{NewTensor("state", []int{1000}, state), NewTensor("weights", []int{200, 200}, weights)},
		Meta:    map[string]string{"position": strconv.FormatInt(3*step, 10)},
	}
}

// checkConsistent fails unless c is exactly what checkpointAt made.
func checkConsistent(t *testing.T, c Checkpoint) {
	t.Helper()
	want := checkpointAt(c.Step)
	if c.Meta["position"] != want.Meta["position"] {
		t.Errorf("step %d has position %s", c.Step, c.Meta["position"])
	}
	checkTensors(t, c.Tensors, want.Tensors)
}

func checkTensors(t *testing.T, got, want []Tensor) {
	t.Helper()
	byName := map[string]Tensor{}
	for _, tensor := range got {
		byName[tensor.Name] = tensor
	}
	if len(byName) != len(want) {
		t.Fatalf("there are %d tensors instead of %d", len(byName), len(want))
	}
	for _, w := range want {
		g := byName[w.Name]
		if g.DType != w.DType || fmt.Sprint(g.Shape) != fmt.Sprint(w.Shape) || string(g.Data) != string(w.Data) {
			t.Fatalf("tensor %s came back changed", w.Name)
		}
	}
}

func mention(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("there is no error; it should mention %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not mention %q: %v", part, err)
		}
	}
}

func testSettings() Settings {
	s := Default()
	s.Source, s.Target = absolute("photos"), absolute("drawings")
	return s
}

func newProject(t *testing.T) *Project {
	t.Helper()
	p, err := Create(t.TempDir(), testSettings())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

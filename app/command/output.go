package command

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// output is where a command's results and progress go.
type output struct {
	json           bool
	stdout, stderr io.Writer

	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	phase string
	said  time.Time
}

// event prints one JSON line, when JSON was asked for. Numbers that are not finite become null.
func (o *output) event(v map[string]any) {
	if !o.json {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	line, err := json.Marshal(finite(v))
	if err != nil {
		line = []byte(fmt.Sprintf(`{"event":"error","error":%q}`, err))
	}
	_, _ = o.stdout.Write(append(line, '\n')) // a reader that went away is no reason to lose the work
}

func finite(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = finite(x)
		}
		return out
	}
	return v
}

// result prints a line for a person, when JSON was not asked for.
func (o *output) result(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
	if !o.json {
		fmt.Fprintf(o.stdout, format+"\n", args...)
	}
}

// note prints a line for a person on standard error.
func (o *output) note(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
	fmt.Fprintf(o.stderr, format+"\n", args...)
}

// progress shows how far a phase is: a bar on a terminal, now and then a line elsewhere. A total of 0 means unknown.
func (o *output) progress(phase string, done, total int, detail string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !isTerminal(o.stderr) {
		if o.phase != phase || time.Since(o.said) > 10*time.Second {
			o.phase, o.said = phase, time.Now()
			fmt.Fprintln(o.stderr, strings.TrimSpace(phase+count(done, total)+" "+detail))
		}
		return
	}
	if o.phase != phase || o.bar == nil {
		o.clear()
		size := total
		if size <= 0 {
			size = -1
		}
		o.phase = phase
		o.bar = progressbar.NewOptions(size, progressbar.OptionSetWriter(o.stderr), progressbar.OptionSetWidth(24),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(false), progressbar.OptionSetPredictTime(false),
			progressbar.OptionThrottle(100*time.Millisecond))
	}
	o.bar.Describe(strings.TrimSpace(phase + count(done, total) + " " + detail))
	_ = o.bar.Set(done) // the bar's errors are about the terminal
}

func count(done, total int) string {
	if total <= 0 {
		return ""
	}
	return fmt.Sprintf(" %d/%d", done, total)
}

// clear takes the bar off the terminal; the caller holds the lock.
func (o *output) clear() {
	if o.bar != nil {
		_ = o.bar.Clear()
		o.bar = nil
	}
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

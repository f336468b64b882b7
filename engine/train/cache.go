package train

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/project"
)

// What is computed before the steps of a round begin is kept in the project's cache, half-way states included, so
// that a kill costs at most an autosave interval of it too. The cache may be deleted at any time: everything in it
// comes out the same when it is computed again.

// keep writes a file of the cache and tells whether it is there. It only saves time, so a failure is a note.
func (r *run) keep(name string, write func(path string) error) bool {
	dir, err := r.Project.CacheDir() // made anew where it was deleted meanwhile
	if err == nil {
		err = write(filepath.Join(dir, name))
	}
	if err != nil {
		r.out.note("the cache could not be written, training goes on without it: " + err.Error())
	}
	return err == nil
}

// drop removes the files of the cache whose names begin so. A leftover does no harm.
func (r *run) drop(prefix string) {
	entries, _ := os.ReadDir(r.cache)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			_ = os.Remove(filepath.Join(r.cache, e.Name()))
		}
	}
}

// keepVector keeps a vector; cachedVector reads it, nil where it is missing, damaged or, with size ≥ 0, of another size.
func keepVector[T project.Element](r *run, name string, v []T) bool {
	return r.keep(name, func(path string) error {
		return project.WriteSafetensors(path, []project.Tensor{project.NewTensor("vector", []int{len(v)}, v)}, nil)
	})
}

func cachedVector[T project.Element](r *run, name string, size int) []T {
	f, err := project.ReadSafetensors(filepath.Join(r.cache, name))
	if err != nil || !f.Verified {
		return nil
	}
	t, err := f.Tensor("vector")
	if err != nil {
		return nil
	}
	v, err := project.Values[T](t)
	if err != nil || size >= 0 && len(v) != size {
		return nil
	}
	return v
}

// halfway keeps the state of a learner on its way.
type halfway struct {
	*run
	name  string
	saved time.Time
}

// load goes back to the state that was kept, if any, and returns the steps made.
func (h *halfway) load(l *learner) int {
	h.saved = time.Now()
	f, err := project.ReadSafetensors(filepath.Join(h.cache, h.name))
	if err != nil || !f.Verified {
		return 0
	}
	step, err := strconv.Atoi(f.Meta["step"])
	if err != nil || l.restore(f.Tensors, step) != nil {
		return 0
	}
	return step
}

// save keeps the state where the last time is an autosave interval ago, or at once.
func (h *halfway) save(l *learner, atOnce bool) {
	if !atOnce && time.Since(h.saved) < h.Autosave {
		return
	}
	h.saved = time.Now()
	h.keep(h.name, func(path string) error {
		state, err := l.tensors()
		if err != nil {
			return err
		}
		return project.WriteSafetensors(path, state, map[string]string{"step": strconv.Itoa(l.step)})
	})
}

// cachedCoupling reads a coupling of the two training sets; nil where it is missing or does not fit them.
func (r *run) cachedCoupling(name string) *flow.Coupling {
	var c flow.Coupling
	data, err := os.ReadFile(filepath.Join(r.cache, name))
	if err != nil || json.Unmarshal(data, &c) != nil || !r.fits(&c) {
		return nil
	}
	return &c
}

func (r *run) keepCoupling(name string, c *flow.Coupling) {
	r.keep(name, func(path string) error {
		data, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("describing the coupling: %w", err)
		}
		return project.WriteFile(path, func(w io.Writer) error { _, err := w.Write(data); return err })
	})
}

package translate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/straightway-app/straightway/datasets"
)

// A job is one input file and the place of its output.
type job struct {
	input  string      // as shown
	abs    string      // absolute, links to folders resolved: identifies the input
	out    string      // relative to the output folder, forward slashes
	walked bool        // found in a folder, not named by the user
	info   os.FileInfo // of the input, when it was read
}

// naming gives outputs their names. An input below a given folder keeps its
// path below the output folder; a file that was named itself goes to the top.
// With .png to be written, photo.jpg becomes the first of
//
//	photo.png, photo.jpg.png, photo.jpg.2.png, photo.jpg.3.png, …
//
// that belongs to no other input, now or in the journal; upper and lower case
// count as the same, since they are on many disks. An input that the journal
// knows keeps its name, so names do not depend on where an earlier run broke off.
// Nor do they depend on how much of a job other shares have written: what the
// first input in the list finds free, a later one of the same job never has.
type naming struct {
	ext   string            // of the format, with the dot
	owner map[string]string // lower-case out -> abs
	known map[string]string // abs -> out, with this ext
}

func newNaming(ext string, past []entry) *naming {
	n := &naming{ext: ext, owner: map[string]string{}, known: map[string]string{}}
	for _, e := range past {
		n.owner[strings.ToLower(string(e.Out))] = string(e.In)
		if path.Ext(string(e.Out)) == ext {
			n.known[string(e.In)] = string(e.Out)
		}
	}
	return n
}

// choose names the output of the input abs whose path below its root is rel.
func (n *naming) choose(abs, rel string) string {
	dir, name := path.Split(rel)
	stem := strings.TrimSuffix(name, path.Ext(name))
	if stem == "" { // all of ".png" is the name
		stem = name
	}
	candidate := func(i int) string {
		switch i {
		case 0:
			return dir + stem + n.ext
		case 1:
			return dir + name + n.ext
		}
		return dir + name + "." + strconv.Itoa(i) + n.ext
	}
	// The name of an earlier run, if it is one that this run could give.
	if out, ok := n.known[abs]; ok && n.owner[strings.ToLower(out)] == abs {
		number := strings.TrimSuffix(strings.TrimPrefix(out, dir+name+"."), n.ext)
		_, err := strconv.Atoi(number)
		if out == candidate(0) || out == candidate(1) || (err == nil && out == dir+name+"."+number+n.ext) {
			n.owner[strings.ToLower(out)] = abs
			return out
		}
	}
	for i := 0; ; i++ {
		out := candidate(i)
		key := strings.ToLower(out)
		if owner, taken := n.owner[key]; !taken || owner == abs {
			n.owner[key] = abs
			return out
		}
	}
}

// A queue is what Run is going to do, and what it already knows it cannot.
type queue struct {
	jobs   []*job
	failed []Event
	inputs map[string]bool // absolute paths of all inputs, of every share
}

// newQueue lists the inputs and names their outputs. Below a folder that holds
// the output folder, the latter is left out, and so is whatever the journal
// knows as an output: an export does not feed itself. All inputs are named, and
// then those of other shares are left out. What cannot be listed fails in every
// share: no process knows what it would have held, and another machine may see it.
func newQueue(ctx context.Context, inputs []string, outDir string, names *naming, isOutput func(abs string) bool, o Options) (queue, error) {
	q := queue{inputs: map[string]bool{}}
	add := func(shown, abs, rel string, walked bool) {
		if q.inputs[abs] {
			return
		}
		q.inputs[abs] = true
		out := names.choose(abs, rel)
		if o.Shard.has(rel) {
			q.jobs = append(q.jobs, &job{input: shown, abs: abs, out: out, walked: walked})
		}
	}
	fail := func(input string, err error) {
		q.failed = append(q.failed, Event{Input: input, Err: err})
	}
	for _, input := range inputs {
		info, err := os.Stat(input)
		if err != nil {
			var pe *os.PathError
			if errors.As(err, &pe) {
				err = pe.Err
			}
			fail(input, fmt.Errorf("%s: cannot be found or opened (%w): check the path", input, err))
			continue
		}
		if !info.IsDir() {
			abs, err := resolve(filepath.Dir(input))
			if err != nil {
				fail(input, err)
				continue
			}
			abs = filepath.Join(abs, filepath.Base(input))
			if isOutput(abs) {
				fail(input, fmt.Errorf("%s: is an output of this export: choose another output folder to translate it once more", input))
				continue
			}
			add(input, abs, filepath.Base(input), false)
			continue
		}
		root, err := resolve(input)
		if err != nil {
			fail(input, err)
			continue
		}
		if root == outDir {
			return queue{}, fmt.Errorf("the output folder %s is an input folder too: choose another one, for example %s", input, filepath.Join(input, "translated"))
		}
		avoid := ""
		if within(outDir, root) {
			avoid = outDir
		}
		err = datasets.Walk(ctx, input, o.Recursive, func(file string) error {
			rel, err := filepath.Rel(input, file)
			if err != nil {
				return err
			}
			abs := filepath.Join(root, rel)
			if (avoid == "" || !within(abs, avoid)) && !isOutput(abs) {
				add(file, abs, filepath.ToSlash(rel), true)
			}
			return nil
		}, func(s datasets.Skipped) {
			if s.Kind == datasets.Unreadable {
				file := filepath.Join(input, filepath.FromSlash(s.Path))
				fail(file, fmt.Errorf("%s: %s", file, s.Reason))
			}
		})
		if ctx.Err() != nil {
			return queue{}, ctx.Err()
		}
		if err != nil {
			fail(input, err)
		}
	}
	return q, nil
}

// resolve gives the absolute path of a folder, without links in it.
func resolve(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the folder %s: %w", dir, err)
	}
	abs, err = filepath.EvalSymlinks(abs)
	if err != nil {
		return "", fmt.Errorf("find the folder %s: %w", dir, err)
	}
	return abs, nil
}

// within reports whether file is dir or below it; both are absolute.
func within(file, dir string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

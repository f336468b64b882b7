package translate

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// inputsToShare are 62 pictures in two folders, of which many want one name.
func inputsToShare(t *testing.T) []string {
	t.Helper()
	one, two := t.TempDir(), t.TempDir()
	for i := range 20 {
		writePNG(t, filepath.Join(one, fmt.Sprintf("shot.%04d.png", i)), noisy(int64(i), 16, 16, false))
		writePNG(t, filepath.Join(one, "sub", fmt.Sprintf("%02d.jpg", i)), noisy(int64(i), 16, 17, false))
		writePNG(t, filepath.Join(two, "sub", fmt.Sprintf("%02d.PNG", i)), noisy(int64(i), 17, 16, false))
	}
	writePNG(t, filepath.Join(one, "a.dat"), noisy(1, 18, 16, false))
	writePNG(t, filepath.Join(two, "a.png"), noisy(2, 19, 16, false))
	return []string{one, two}
}

// outputsOf gives the outputs by their inputs.
func outputsOf(t *testing.T, events map[string]Event) map[string]string {
	t.Helper()
	m := map[string]string{}
	for in, e := range events {
		if e.Err != nil {
			t.Error(e.Err)
		}
		m[in] = e.Output
	}
	return m
}

// However many shares there are, and whichever comes first, together they make
// what the whole job makes, under the same names, and nothing twice. A share
// that runs again, the whole job, and a job split otherwise find it complete.
func TestSharesMakeTheWholeJobOnce(t *testing.T) {
	inputs := inputsToShare(t)
	whole := t.TempDir()
	_, events := exporting(t, identityNet(), inputs, whole, Options{Recursive: true})
	want := map[string]string{}
	for in, out := range outputsOf(t, events) {
		want[in] = strings.TrimPrefix(out, whole)
	}
	for _, n := range []int{1, 2, 4, 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			out := t.TempDir()
			got := map[string]string{}
			for i := range n {
				o := Options{Recursive: true, Shard: Shard{(i + n/2) % n, n}} // the first is not always the first
				sum, events := exporting(t, identityNet(), inputs, out, o)
				if fair := float64(len(want)) / float64(n); float64(sum.Done) < fair/4 || float64(sum.Done) > 3*fair {
					t.Errorf("share %s has %d of %d inputs", o.Shard, sum.Done, len(want))
				}
				for in, name := range outputsOf(t, events) {
					if _, twice := got[in]; twice {
						t.Errorf("%s is in two shares", in)
					}
					got[in] = strings.TrimPrefix(name, out)
				}
				again, _ := exporting(t, identityNet(), inputs, out, o)
				wantCounts(t, again, 0, sum.Done, 0, 0)
			}
			if !maps.Equal(got, want) {
				t.Errorf("shares made\n%v\nthe whole job\n%v", got, want)
			}
			if list := files(t, out); len(list) != len(want) {
				t.Errorf("%d files, want %d", len(list), len(want))
			}
			for _, o := range []Options{{Shard: Shard{1, 3}}, {}} {
				o.Recursive = true
				sum, events := exporting(t, identityNet(), inputs, out, o)
				wantCounts(t, sum, 0, len(events), 0, 0)
			}
		})
	}
}

// What others have made, and files that come or go, do not move an input to
// another share. And inputs that want one name are in one share, so that a name
// is not given twice even if one process sees an input that another did not.
func TestAnInputStaysInItsShare(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	share := func(i int) map[string]string {
		_, events := exporting(t, identityNet(), []string{in}, out, Options{Shard: Shard{i, 2}})
		return outputsOf(t, events)
	}
	for i := range 12 {
		writePNG(t, filepath.Join(in, fmt.Sprintf("%02d.png", i)), noisy(int64(i), 16, 16, false))
	}
	first := share(0)
	for i := range 12 {
		writePNG(t, filepath.Join(in, fmt.Sprintf("%02d.bmp", i)), noisy(int64(i), 17, 16, false)) // sorts before the .png
	}
	second := share(1)
	for name := range first {
		if second[name] != "" {
			t.Errorf("%s is in both shares", name)
		}
	}
	if len(first)+len(second) != 12+len(second)/2 {
		t.Errorf("the first share had %d of the old inputs, the second has %d of old and new", len(first), len(second))
	}
	all := share(0)
	maps.Copy(all, second)
	names := slices.Sorted(maps.Values(all))
	if len(all) != 24 || len(slices.Compact(names)) != 24 {
		t.Errorf("24 inputs became %v", all)
	}
	for name, at := range first {
		if all[name] != at {
			t.Errorf("%s went to %s, and later to %s", name, at, all[name])
		}
	}
}

func TestInputsThatWantOneName(t *testing.T) {
	for rel, want := range map[string]string{
		"d/A.png": "d/a", "d/a.jpg": "d/a", "d/a.jpg.png": "d/a", "d/a.jpg.12.png": "d/a", "d/a.jpg.2": "d/a", "d/a": "d/a",
		"shot.0001.png": "shot.0001", "shot.0002.png": "shot.0002", "v1.2": "v1.2", "2.png": "2", "d.png/7": "d.png/7", ".png": "",
	} {
		if got := contest(rel); got != want {
			t.Errorf("%s is taken for %q, want %q", rel, got, want)
		}
	}
}

func TestParseShard(t *testing.T) {
	for _, text := range []string{"0/1", "0/4", "3/4"} {
		if s, err := ParseShard(text); err != nil || s.String() != text {
			t.Errorf("%s became %s, %v", text, s, err)
		}
	}
	for text, want := range map[string]string{
		"4/4": "choose 0/4 to 3/4", "-1/4": "choose 0/4 to 3/4", "0/0": "give i/n", "0/-1": "give i/n",
		"": "give i/n", "/4": "give i/n", "1": "give i/n", "1/": "give i/n", "1/2/3": "give i/n", "a/b": "give i/n",
	} {
		if s, err := ParseShard(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q became %s, %v; want %q", text, s, err, want)
		}
	}
	for _, s := range []Shard{{2, 2}, {1, 0}, {0, -1}} {
		if _, err := Run(t.Context(), identityNet(), []string{t.TempDir()}, t.TempDir(), Options{Shard: s}); err == nil {
			t.Errorf("%#v ran", s)
		}
	}
}

// A share runs beside the others of its job, and beside nothing else.
func TestWhatRunsBesideAShare(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	for i := range 8 {
		writePNG(t, filepath.Join(in, fmt.Sprintf("%d.png", i)), noisy(int64(i), 16, 16, false))
	}
	beside := func(s Shard) string {
		if _, err := Run(t.Context(), identityNet(), []string{in}, out, Options{Shard: s}); err != nil {
			return err.Error()
		}
		return ""
	}
	if err := beside(Shard{0, 5}); err != "" { // is over, and disturbs nobody
		t.Fatal(err)
	}
	net := identityNet()
	net.batch = 8
	net.f = func([]float32) error {
		net.f = same
		for s, want := range map[Shard]string{
			{0, 3}: "", {1, 3}: "another process is at work on share 1/3", {0, 5}: "share 1/3 of another export", {}: "another export",
		} {
			if err := beside(s); (want == "") != (err == "") || !strings.Contains(err, want) {
				t.Errorf("beside 1/3, %q: %q, want %q", s, err, want)
			}
		}
		return nil
	}
	exporting(t, net, []string{in}, out, Options{Shard: Shard{1, 3}})
	net.f = func([]float32) error {
		net.f = same
		if err := beside(Shard{1, 3}); !strings.Contains(err, "another export") {
			t.Errorf("beside the whole job: %q", err)
		}
		return nil
	}
	sum, _ := exporting(t, net, []string{in}, out, Options{Overwrite: true})
	wantCounts(t, sum, 8, 0, 0, 0)
	if _, err := Run(t.Context(), identityNet(), []string{filepath.Join(out, "0.png")}, out, Options{Shard: Shard{0, 2}}); err == nil || !strings.Contains(err.Error(), "inside the output folder") {
		t.Errorf("an input in the output folder: %v", err)
	}
}

// Of all journals' lines for an output, the one counts that tells of the file.
func TestTheLastToWriteAnOutputCounts(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	for i := range 6 {
		writePNG(t, filepath.Join(in, fmt.Sprintf("%d.png", i)), noisy(int64(i), 16, 16, false))
	}
	shares := func(settings string) {
		for i := range 2 {
			exporting(t, identityNet(), []string{in}, out, Options{Settings: settings, Overwrite: true, Shard: Shard{i, 2}})
		}
	}
	whole := func(settings string) {
		exporting(t, identityNet(), []string{in}, out, Options{Settings: settings, Overwrite: true})
	}
	for i, write := range []func(string){shares, whole, shares} { // the same bytes each time
		write(fmt.Sprint(i))
		for settings := range 3 {
			sum, _ := exporting(t, identityNet(), []string{in}, out, Options{Settings: fmt.Sprint(settings)})
			if settings == i {
				wantCounts(t, sum, 0, 6, 0, 0)
			} else {
				wantCounts(t, sum, 0, 0, 0, 6)
			}
		}
	}
}

// What cannot be found every share says: one machine may lack what another has.
func TestEveryShareMissesAnInput(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for i := range 2 {
		sum, _ := exporting(t, identityNet(), []string{missing}, t.TempDir(), Options{Shard: Shard{i, 2}})
		wantCounts(t, sum, 0, 0, 0, 1)
	}
}

// The answer of a file server to the link may be lost after it was made.
func TestALinkThatIsThereAlready(t *testing.T) {
	dir := t.TempDir()
	temp, name, other := filepath.Join(dir, "1"), filepath.Join(dir, "a.png"), filepath.Join(dir, "b.png")
	for _, f := range []string{temp, other} {
		if err := os.WriteFile(f, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := moveNew(temp, other); err == nil {
		t.Error("a foreign file was replaced")
	}
	if err := os.Link(temp, name); err != nil {
		t.Fatal(err)
	}
	if err := moveNew(temp, name); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(temp); err == nil {
		t.Error("the file has two names")
	}
}

// Four processes share a job in one folder and one of them is killed. The
// others are done all the same, the one is when it is started again, and
// nothing is made twice, lost, or left for the whole job.
func TestAKilledShareResumes(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	const n = 240
	for i := range n {
		ext := []string{"png", "jpg"}[i%2] // two of each name
		writePNG(t, filepath.Join(in, fmt.Sprint(i%3), fmt.Sprintf("%03d.%s", i/6, ext)), noisy(int64(i), 24, 20, false))
	}
	start := func(i int) (*exec.Cmd, *bytes.Buffer) {
		said := new(bytes.Buffer)
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+in+string(os.PathListSeparator)+out, fmt.Sprintf("%s=%d/4", childShard, i))
		child.Stdout, child.Stderr = said, said
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		return child, said
	}
	lines := func(i int) int {
		data, _ := os.ReadFile(filepath.Join(out, stateDir, shardsDir, Shard{i, 4}.folder(), "journal")) // not there yet: none
		return bytes.Count(data, []byte("\n"))
	}
	const victim = 2
	var shares [4]*exec.Cmd
	var said [4]*bytes.Buffer
	for i := range shares {
		shares[i], said[i] = start(i)
	}
	for deadline := time.Now().Add(time.Minute); lines(victim) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the share does not get on")
		}
	}
	if err := shares[victim].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for i, child := range shares {
		if err := child.Wait(); (err == nil) != (i != victim) {
			t.Fatalf("share %d: %v: %s", i, err, said[i])
		}
	}
	written := map[string]time.Time{}
	look := func() int {
		list, err := filepath.Glob(filepath.Join(out, "*", "*.png"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			info, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			if first, ok := written[f]; ok && !first.Equal(info.ModTime()) {
				t.Errorf("%s was written twice", f)
			}
			written[f] = info.ModTime()
		}
		return len(list)
	}
	if got := look(); got == n {
		t.Fatal("the share was done before it was killed")
	}
	again, words := start(victim)
	if err := again.Wait(); err != nil {
		t.Fatalf("%v: %s", err, words)
	}
	if got := look(); got != n {
		t.Errorf("%d files, want %d", got, n)
	}
	for f := range written {
		readPNG(t, f) // whole
	}
	net := identityNet()
	sum, _ := exporting(t, net, []string{in}, out, Options{Recursive: true})
	wantCounts(t, sum, 0, n, 0, 0)
	if net.calls.Load() != 0 {
		t.Error("the network ran though all was done")
	}
	files(t, out)
}

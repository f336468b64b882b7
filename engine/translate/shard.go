package translate

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// A Shard is one of Count shares of a job. Processes that are given the same
// inputs and one output folder, each with another Index, do the whole job
// between them, at the same time or one after the other. The zero value is the
// whole job.
type Shard struct {
	Index int // 0 to Count−1
	Count int
}

// String gives what ParseShard takes, such as 0/4; of the zero value, nothing.
func (s Shard) String() string {
	if s == (Shard{}) {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// ParseShard reads a share such as 0/4, the first of four.
func ParseShard(text string) (Shard, error) {
	index, count, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(count)
	if err != nil || err2 != nil || n < 1 {
		return Shard{}, fmt.Errorf("%q is not a share of a job: give i/n, such as 0/4 for the first of four", text)
	}
	s := Shard{i, n}
	return s, s.check()
}

// check finds a share that does not exist.
func (s Shard) check() error {
	if s != (Shard{}) && (s.Index < 0 || s.Index >= s.Count) {
		return fmt.Errorf("there is no share %s: shares are counted from 0, so choose 0/%d to %d/%d", s, s.Count, s.Count-1, s.Count)
	}
	return nil
}

// split reports whether there are other shares.
func (s Shard) split() bool { return s.Count > 1 }

// folder names the folder of the share's own state.
func (s Shard) folder() string { return fmt.Sprintf("%d%s", s.Index, s.siblings()) }

// siblings is how the folders of all shares of such a job end.
func (s Shard) siblings() string { return fmt.Sprintf("-of-%d", s.Count) }

// has reports whether the input whose path below its root is rel belongs to
// the share.
//
// The input's name decides, by a hash, and nothing else. Processes of a job
// array start minutes or days apart and never speak to each other: by its
// place in the list an input would change hands whenever a file is added or
// removed before it, and be done twice or not at all. The path below the root
// is the same wherever a machine has the folder. The price is that shares are
// equal only on average: of 10,000 inputs in four shares, each gets 2,500 ± 43.
func (s Shard) has(rel string) bool {
	if !s.split() {
		return true
	}
	sum := sha256.Sum256([]byte(contest(rel)))
	return binary.BigEndian.Uint64(sum[:])%uint64(s.Count) == uint64(s.Index)
}

// contest is what inputs have in common that might want one name for their
// outputs (naming): a.jpg, A.png and a.jpg.2.png all give "a". So they are in
// one share, and one process decides between them, even if it is the first to
// see one of them. What this leaves out, such as a photo.dat that is an image,
// is decided by all processes alike from the list of all inputs.
func contest(rel string) string {
	dir, name := path.Split(strings.ToLower(rel))
	for {
		// naming puts numbers behind the ending of an image only.
		if rest, ok := strings.CutSuffix(strings.TrimRight(name, "0123456789"), "."); ok && rest != name && imageName(rest) {
			name = rest
		}
		if !imageName(name) {
			return dir + name
		}
		name = strings.TrimSuffix(name, path.Ext(name))
	}
}

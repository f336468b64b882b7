package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// The held-out share: a tenth of the pictures, at least 8 so that a distance
// between distributions can be estimated, and never more than half.
const (
	heldOutOf  = 10
	heldAtLess = 8
)

// Split chooses which pictures are trained on and which are held out for
// measuring and previews; both lists are ascending and together they are all.
//
// Each picture draws a number from its own content (see identifyContent) and the seed, and
// those with the smallest numbers are held out. So the choice depends neither
// on names nor on the order of the folder, is the same at every size and fit,
// and hardly changes when pictures are added or removed: each one that comes or
// goes can move at most one other, or two where the tenth grows by one.
func (s *Set) Split(seed uint64) (train, held []int) {
	n := s.Len()
	draws := make([][sha256.Size]byte, n)
	order := make([]int, n)
	for i, id := range s.content {
		draws[i] = sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, seed), id[:]...))
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return bytes.Compare(draws[a][:], draws[b][:]) })
	k := min(max((n+heldOutOf/2)/heldOutOf, heldAtLess), n/2)
	held, train = order[:k:k], order[k:]
	slices.Sort(held)
	slices.Sort(train)
	return train, held
}

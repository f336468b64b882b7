package datasets

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// squares is a set of n random 4×4 pictures, of which equal seeds share the
// first ones.
func squares(n int, seed uint64) *Set {
	rng := rand.New(rand.NewPCG(seed, 1))
	pixels := make([]byte, n*4*4*3)
	for i := range pixels {
		pixels[i] = byte(rng.Uint32())
	}
	return FromPixels(4, nil, pixels)
}

// heldContent is the content of the held-out pictures.
func heldContent(s *Set, seed uint64) map[identity]bool {
	_, held := s.Split(seed)
	m := map[identity]bool{}
	for _, i := range held {
		m[s.content[i]] = true
	}
	return m
}

func TestASplitIsAPartitionOfTheRightSize(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 0, 2: 1, 9: 4, 16: 8, 17: 8, 50: 8, 84: 8, 85: 9, 200: 20, 1234: 123} {
		train, held := squares(n, 3).Split(7)
		if len(held) != want {
			t.Errorf("of %d, %d are held out, want %d", n, len(held), want)
		}
		if !slices.IsSorted(train) || !slices.IsSorted(held) {
			t.Errorf("of %d: not ascending", n)
		}
		all := append(slices.Clone(train), held...)
		slices.Sort(all)
		for i, got := range all {
			if got != i {
				t.Fatalf("of %d: %v", n, all)
			}
		}
		if len(all) != n {
			t.Errorf("of %d, %d are left", n, len(all))
		}
	}
}

func TestASplitFollowsTheContentNotTheOrder(t *testing.T) {
	s := squares(300, 3)
	one := 4 * 4 * 3
	order := rand.New(rand.NewPCG(9, 9)).Perm(300)
	var shuffled []byte
	for _, i := range order {
		shuffled = append(shuffled, s.Pixels()[i*one:(i+1)*one]...)
	}
	a, b := heldContent(s, 5), heldContent(FromPixels(4, nil, shuffled), 5)
	for id := range a {
		if !b[id] {
			t.Fatal("another order holds out other pictures")
		}
	}
	if c := heldContent(s, 6); len(c) != len(a) || sharedBy(a, c) > 15 {
		t.Errorf("another seed shares %d of %d", sharedBy(a, c), len(a))
	}
}

func sharedBy(a, b map[identity]bool) (n int) {
	for id := range a {
		if b[id] {
			n++
		}
	}
	return n
}

func TestAddingAPictureMovesAtMostTwoOthers(t *testing.T) {
	for n := 20; n < 220; n++ {
		before, after := heldContent(squares(n, 3), 5), heldContent(squares(n+1, 3), 5)
		if lost := len(before) - sharedBy(before, after); lost > 1 {
			t.Errorf("from %d to %d pictures: %d left the held-out ones", n, n+1, lost)
		}
		if came := len(after) - sharedBy(before, after); came > 2 {
			t.Errorf("from %d to %d pictures: %d joined the held-out ones", n, n+1, came)
		}
	}
}

func TestTheSameFilesAreHeldOutAtEverySizeAndFit(t *testing.T) {
	folder := pictures(t, 100)
	names := func(o Options) (out []string) {
		s := mustOpen(t, folder, t.TempDir(), o)
		_, held := s.Split(1)
		for _, i := range held {
			out = append(out, s.Name(i))
		}
		return out
	}
	small := names(Options{Size: 8})
	if len(small) != 10 {
		t.Errorf("%d held out of 100", len(small))
	}
	if large := names(Options{Size: 32, Fit: Stretch}); !slices.Equal(small, large) {
		t.Errorf("%v at 8 px, %v at 32 px", small, large)
	}
}

func TestFromPixelsNumbersThePictures(t *testing.T) {
	s := squares(12, 1)
	if s.Len() != 12 || s.Name(11) != "11" || s.Size() != 4 || s.Close() != nil {
		t.Errorf("%d pictures, the last is %q", s.Len(), s.Name(11))
	}
	if same, other := squares(12, 1), squares(12, 2); s.Hash() != same.Hash() || s.Hash() == other.Hash() {
		t.Error("the hash does not follow the pixels")
	}
	defer func() {
		if recover() == nil {
			t.Error("half a picture was taken")
		}
	}()
	FromPixels(4, nil, make([]byte, 47))
}

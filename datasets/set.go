package datasets

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image/color"
	"runtime"
	"strconv"
	"strings"
)

// MinImages is the fewest pictures that a domain can sensibly be trained on:
// 8 to learn from and 8 to measure by.
const MinImages = 16

// Options says how Open makes a set of a folder.
type Options struct {
	// Size is the side of the squares, in pixels, 1…1024. There is no default.
	Size int
	// Fit says how a picture becomes square. The zero value is Crop.
	Fit Fit
	// Background shows through transparency and beside padded pictures; it is
	// taken as opaque. The zero value, or any with alpha 0, means White.
	Background color.NRGBA
	// Flat leaves the folders inside the folder alone. The zero value takes
	// them in.
	Flat bool
	// KeepDuplicates keeps pictures that equal an earlier one. The zero value
	// passes over them: they would count twice in training, and one of them
	// might be held out while the other is trained on.
	KeepDuplicates bool
	// Limits bounds what is decoded; see there for its zero value.
	Limits Limits
	// Workers is how many files are worked on at once. Zero: one for each core.
	Workers int
	// Progress, if set, is told after each file, in order and from one
	// goroutine, how many of the total are done and the name of the last one.
	// It is not called where the cache answers for the whole folder.
	Progress func(done, total int, name string)
}

func (o Options) withDefaults() (Options, error) {
	if o.Size < 1 || o.Size > 1024 {
		return o, fmt.Errorf("a picture size of %d pixels is not possible: choose 1 to 1024", o.Size)
	}
	if int(o.Fit) >= len(fitNames) {
		return o, fmt.Errorf("%v is not a way to fit a picture into a square: choose %s", o.Fit, strings.Join(fitNames[:], ", "))
	}
	if o.Background.A == 0 {
		o.Background = White
	}
	o.Background.A = 255
	o.Limits = o.Limits.withDefaults(DefaultMinSide)
	if o.Workers <= 0 {
		o.Workers = min(runtime.NumCPU(), runtime.GOMAXPROCS(0))
	}
	if o.Progress == nil {
		o.Progress = func(int, int, string) {}
	}
	return o, nil
}

// identity is the first half of a SHA-256 sum or, of JPEG code and of whole files,
// of which there are megabytes, XXH3's 128 bits: enough to tell any number of
// pictures apart.
type identity [16]byte

func identify(b []byte) identity {
	sum := sha256.Sum256(b)
	return identity(sum[:16])
}

// Set is the usable pictures of a folder as squares of one size. It never
// changes and may be read from many goroutines until Close.
type Set struct {
	root    string
	size    int
	pixels  []byte
	names   []string
	content []identity // of each picture's pixels or code, whatever its size and fit here
	squares []identity // of each square
	skipped []Skipped
	decoded int
	total   int // files looked at, hidden ones not counted
	close   func() error
}

// FromPixels makes a set of pixels that are in memory already: N squares of
// size×size×3 bytes, one after the other. Names may be nil, which numbers them;
// otherwise there must be one for each square. It panics where the lengths do
// not agree, since that is a mistake in the program. The set keeps both slices.
func FromPixels(size int, names []string, pixels []byte) *Set {
	one := size * size * 3
	if size < 1 || len(pixels)%one != 0 || names != nil && len(names) != len(pixels)/one {
		panic(fmt.Sprintf("datasets.FromPixels: %d bytes and %d names are not squares of %d×%d×3", len(pixels), len(names), size, size))
	}
	s := &Set{size: size, pixels: pixels, names: names, squares: make([]identity, len(pixels)/one)}
	if names == nil {
		s.names = make([]string, len(s.squares))
		for i := range s.names {
			s.names[i] = strconv.Itoa(i)
		}
	}
	for i := range s.squares {
		s.squares[i] = identify(s.Image(i))
	}
	s.content, s.total = s.squares, len(s.squares)
	return s
}

// Len is the number N of pictures.
func (s *Set) Len() int { return len(s.squares) }

// Size is the side S of each picture in pixels.
func (s *Set) Size() int { return s.size }

// Pixels is all pictures, N×S×S×3 bytes, RGB in 0…255, in the order of their
// names. It is a read-only mapping of the cache file: writing to it crashes the
// program, as does reading it after Close.
func (s *Set) Pixels() []byte { return s.pixels }

// Image is picture i, S×S×3 bytes; see Pixels.
func (s *Set) Image(i int) []byte {
	one := s.size * s.size * 3
	return s.pixels[i*one : (i+1)*one : (i+1)*one]
}

// Name is the path of picture i relative to the folder, with forward slashes.
func (s *Set) Name(i int) string { return s.names[i] }

// Root is the folder that the set was made of, or empty.
func (s *Set) Root() string { return s.root }

// Skipped lists what was passed over, and why: hidden and special files first,
// then the others in the order of their names.
func (s *Set) Skipped() []Skipped { return s.skipped }

// Duplicates counts the pictures passed over because they equal another.
func (s *Set) Duplicates() int {
	n := 0
	for _, skip := range s.skipped {
		if skip.Kind == Duplicate {
			n++
		}
	}
	return n
}

// Decoded is how many files had to be decoded to open the set; the rest came
// from the cache.
func (s *Set) Decoded() int { return s.decoded }

// Hash is a key for whatever is computed from the pictures: it depends on the
// pixels of every picture, their order and their size, and on nothing else.
func (s *Set) Hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d pictures of %d px\n", s.Len(), s.size)
	for _, id := range s.squares {
		h.Write(id[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Close gives the mapping back. The pixels must not be used afterwards.
func (s *Set) Close() error {
	closing := s.close
	s.close, s.pixels = nil, nil
	if closing == nil {
		return nil
	}
	return closing()
}

// Check returns an error that says what is wrong with the folder, what was
// passed over and what helps, if the set has fewer than minimum pictures.
func (s *Set) Check(minimum int) error {
	if s.Len() >= minimum {
		return nil
	}
	const cure = "add PNG, JPEG, GIF, BMP, TIFF or WebP pictures, or choose another folder"
	if s.total == 0 && len(s.skipped) == 0 {
		return fmt.Errorf("the folder %s is empty, where at least %d pictures are needed: %s", s.root, minimum, cure)
	}
	what := fmt.Sprintf("%d usable pictures", s.Len())
	if s.Len() == 1 {
		what = "1 usable picture"
	}
	if len(s.skipped) == 0 {
		return fmt.Errorf("the folder %s holds %s, where at least %d are needed: %s", s.root, what, minimum, cure)
	}
	// The most common reasons first, with one file for each as an example.
	var counts [Duplicate + 1]int
	var example [Duplicate + 1]Skipped
	for _, skip := range s.skipped {
		if counts[skip.Kind] == 0 {
			example[skip.Kind] = skip
		}
		counts[skip.Kind]++
	}
	var reasons []string
	for {
		most := Kind(0)
		for k, n := range counts {
			if n > counts[most] {
				most = Kind(k)
			}
		}
		if counts[most] == 0 {
			break
		}
		reasons = append(reasons, fmt.Sprintf("%d %v (%s: %s)", counts[most], most, example[most].Path, example[most].Reason))
		counts[most] = 0
	}
	return fmt.Errorf("the folder %s holds %s, where at least %d are needed; passed over: %s: %s",
		s.root, what, minimum, strings.Join(reasons, "; "), cure)
}

package studio

import (
	"context"
	"image"
	"path/filepath"
	"slices"
	"sync"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/generate"
	"github.com/straightway-app/straightway/engine/project"
)

// thumbnailSize is the side in pixels at which the domains are looked at before training.
const thumbnailSize = 64

// Domain is one of the two folders, looked through in the background.
type Domain struct {
	cache string

	mu    sync.Mutex
	path  string
	work  *background
	state DomainState
	set   *datasets.Set
}

// DomainState says what is known of a folder.
type DomainState struct {
	Path        string
	Noise       bool // the source is N(0, I), not a folder
	Scanning    bool
	Done, Total int // while scanning
	Err         error
	Images      int // usable pictures
	Skipped     []datasets.Skipped
	Duplicates  int
	Shape       Shape
	Version     int // changes with every other field
}

// Shape is what the pictures of a domain look like on the whole.
type Shape struct {
	Aspect float64 // median width / height of a sample; 0 while unknown
	Side   int     // median of the shorter side in pixels
	Border float64 // mean share of the square's border that has one plain colour, 0 … 1: high for subjects on a plain ground
}

func newDomain(cache string) *Domain { return &Domain{cache: cache} }

// Path is the chosen folder, "noise", or empty.
func (d *Domain) Path() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.path
}

// State returns what is known by now.
func (d *Domain) State() DomainState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// Clear forgets the folder.
func (d *Domain) Clear() { d.Choose("") }

// Choose looks through a folder in place of the present one. It returns at once.
func (d *Domain) Choose(path string) {
	if path != "" && path != project.NoiseSource {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
	}
	d.mu.Lock()
	old, set, version := d.work, d.set, d.state.Version+1
	d.path, d.set, d.work = path, nil, nil
	d.state = DomainState{Path: path, Noise: path == project.NoiseSource, Version: version}
	if old != nil {
		old.stop()
	}
	if path == "" || path == project.NoiseSource {
		d.mu.Unlock()
		d.release(old, set)
		return
	}
	d.state.Scanning = true
	d.work = start(func(ctx context.Context) {
		d.release(old, set)
		d.scan(ctx, path)
	})
	d.mu.Unlock()
}

// release waits for the work on the folder before and frees its pictures. A picture is only read under the lock.
func (d *Domain) release(old *background, set *datasets.Set) {
	old.end()
	if set != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		_ = set.Close() // a mapping of a cache file that was only read
	}
}

// change changes the state if the folder is still the chosen one.
func (d *Domain) change(ctx context.Context, f func(s *DomainState)) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	f(&d.state)
	d.state.Version++
	return true
}

func (d *Domain) scan(ctx context.Context, path string) {
	set, err := datasets.Open(ctx, path, filepath.Join(d.cache, "thumbnails"), datasets.Options{
		Size: thumbnailSize, Fit: datasets.Crop, Background: datasets.White,
		Progress: func(done, total int, _ string) {
			d.change(ctx, func(s *DomainState) { s.Done, s.Total = done, total })
		},
	})
	if err != nil {
		d.change(ctx, func(s *DomainState) { s.Scanning, s.Err = false, err })
		return
	}
	shape := shapeOf(set)
	if !d.change(ctx, func(s *DomainState) {
		d.set = set
		s.Scanning, s.Images, s.Skipped, s.Duplicates, s.Shape = false, set.Len(), set.Skipped(), set.Duplicates(), shape
	}) {
		_ = set.Close()
	}
}

// NoiseThumbnails is how many pictures of noise there are to look at.
const NoiseThumbnails = 24

// Thumbnail is the i-th picture, cropped to a square of 64 px, and its path below the folder. Noise has pictures too,
// without a path.
func (d *Domain) Thumbnail(i int) (img image.Image, name string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state.Noise && i >= 0 && i < NoiseThumbnails {
		return noisePicture(generate.Noise(uint64(i), thumbnailSize), thumbnailSize), "", true
	}
	if d.set == nil || i < 0 || i >= d.set.Len() {
		return nil, "", false
	}
	return datasets.Picture(thumbnailSize, d.set.Image(i)), d.set.Name(i), true
}

// shapeSample is how many files are measured for the shape.
const shapeSample = 200

func shapeOf(set *datasets.Set) Shape {
	if set.Len() == 0 {
		return Shape{}
	}
	var aspects []float64
	var sides []int
	var plain float64
	n := min(shapeSample, set.Len())
	for k := range n {
		i := k * set.Len() / n
		plain += plainBorder(set.Image(i))
		if w, h, err := datasets.Dimensions(filepath.Join(set.Root(), filepath.FromSlash(set.Name(i)))); err == nil && w > 0 && h > 0 {
			aspects = append(aspects, float64(w)/float64(h))
			sides = append(sides, min(w, h))
		}
	}
	s := Shape{Border: plain / float64(n)}
	if len(aspects) > 0 {
		slices.Sort(aspects)
		slices.Sort(sides)
		s.Aspect, s.Side = aspects[len(aspects)/2], sides[len(sides)/2]
	}
	return s
}

// plainBorder is the share of the border's pixels within 12 levels of the border's median colour.
func plainBorder(rgb []byte) float64 {
	const s = thumbnailSize
	var at []int
	for i := range s {
		at = append(at, i, (s-1)*s+i, i*s, i*s+s-1)
	}
	var median [3]int
	for c := range 3 {
		var v []int
		for _, p := range at {
			v = append(v, int(rgb[3*p+c]))
		}
		slices.Sort(v)
		median[c] = v[len(v)/2]
	}
	near := 0
	for _, p := range at {
		ok := true
		for c := range 3 {
			diff := int(rgb[3*p+c]) - median[c]
			ok = ok && diff <= 12 && diff >= -12
		}
		if ok {
			near++
		}
	}
	return float64(near) / float64(len(at))
}

// Warning is a reason to look at the domains again before hours are spent.
type Warning int

// The warnings.
const (
	TooFewSource Warning = iota // less than train.MinimumImages: training refuses
	TooFewTarget
	FewSource // less than 100: learns them by heart
	FewTarget
	DifferentFraming  // one has subjects on a plain ground, the other full pictures
	DifferentAspect   // wide against tall
	SmallerThanModel  // the pictures have fewer pixels than the model
	VeryUnequalCounts // more than 20 to 1
	SameFolder
)

// Blocks reports whether training refuses the domains.
func (w Warning) Blocks() bool { return w == TooFewSource || w == TooFewTarget || w == SameFolder }

// Check looks at both domains for a model of size pixels.
func Check(a, b DomainState, size, minimum int) []Warning {
	var out []Warning
	add := func(when bool, w Warning) {
		if when {
			out = append(out, w)
		}
	}
	known := func(s DomainState) bool { return s.Path != "" && !s.Noise && !s.Scanning && s.Err == nil }
	add(known(a) && a.Images < minimum, TooFewSource)
	add(known(b) && b.Images < minimum, TooFewTarget)
	add(known(a) && a.Images >= minimum && a.Images < 100, FewSource)
	add(known(b) && b.Images >= minimum && b.Images < 100, FewTarget)
	add(a.Path != "" && a.Path == b.Path, SameFolder)
	small := func(s DomainState) bool { return known(s) && s.Shape.Side > 0 && s.Shape.Side < size }
	add(small(a) || small(b), SmallerThanModel)
	if known(a) && known(b) && a.Images > 0 && b.Images > 0 {
		add(max(a.Shape.Border, b.Shape.Border) > .85 && min(a.Shape.Border, b.Shape.Border) < .5, DifferentFraming)
		r := a.Shape.Aspect / b.Shape.Aspect
		add(a.Shape.Aspect > 0 && b.Shape.Aspect > 0 && (r > 1.6 || r < 1/1.6), DifferentAspect)
		add(max(a.Images, b.Images) > 20*min(a.Images, b.Images), VeryUnequalCounts)
	}
	return out
}

package flow

import (
	"fmt"
	"math"
)

// Feature is what the coupling compares images by.
type Feature int

// The features of the registered coupling, each a map of CoupleSize×CoupleSize pixels.
const (
	Pixels Feature = iota // red, green and blue
	Luma                  // brightness: .299 R + .587 G + .114 B
	Edges                 // magnitude of the brightness gradient
)

// Features are all of them, in the order in which they are tried.
var Features = []Feature{Edges, Pixels, Luma}

func (f Feature) String() string {
	switch f {
	case Pixels:
		return "pixels"
	case Luma:
		return "luma"
	case Edges:
		return "edge"
	}
	return fmt.Sprintf("Feature(%d)", int(f))
}

// ParseFeature reads a feature's name.
func ParseFeature(s string) (Feature, error) {
	for _, f := range Features {
		if f.String() == s {
			return f, nil
		}
	}
	return 0, fmt.Errorf("coupling feature %q: choose edge, pixels or luma", s)
}

// CoupleSize is the side in pixels at which images are compared; larger images are averaged down to it.
const CoupleSize = 32

// planes is a stack of channel maps of one image, each side×side.
type planes struct {
	side, channels int
	v              []float32 // channel after channel
}

// shrink averages an image (S×S×3 bytes) down to at most CoupleSize and maps it to [-1,1].
func shrink(img []byte, size int) planes {
	f := max(1, size/CoupleSize)
	side := size / f
	p := planes{side, 3, make([]float32, 3*side*side)}
	inv := 1 / (127.5 * float32(f*f))
	for y := range side {
		for x := range side {
			var sum [3]int
			for dy := range f {
				row := img[((y*f+dy)*size+x*f)*3:]
				for dx := range f {
					for c := range 3 {
						sum[c] += int(row[dx*3+c])
					}
				}
			}
			for c := range 3 {
				p.v[(c*side+y)*side+x] = float32(sum[c])*inv - 1
			}
		}
	}
	return p
}

func (p planes) at(c, y, x int) float32 { return p.v[(c*p.side+y)*p.side+x] }

func (p planes) luma() planes {
	n := p.side * p.side
	q := planes{p.side, 1, make([]float32, n)}
	for i := range n {
		q.v[i] = .299*p.v[i] + .587*p.v[n+i] + .114*p.v[2*n+i]
	}
	return q
}

// edges is √(∂x² + ∂y² + 10⁻⁶) by central differences, the border repeated.
func (p planes) edges() planes {
	l := p
	if p.channels != 1 {
		l = p.luma()
	}
	s := l.side
	q := planes{s, 1, make([]float32, s*s)}
	clamp := func(i int) int { return max(0, min(s-1, i)) }
	for y := range s {
		for x := range s {
			gx := (l.at(0, y, clamp(x+1)) - l.at(0, y, clamp(x-1))) / 2
			gy := (l.at(0, clamp(y+1), x) - l.at(0, clamp(y-1), x)) / 2
			q.v[y*s+x] = float32(math.Sqrt(float64(gx*gx+gy*gy) + 1e-6))
		}
	}
	return q
}

func (f Feature) of(p planes) planes {
	switch f {
	case Luma:
		return p.luma()
	case Edges:
		return p.edges()
	}
	return p
}

// Move is a flip and a shift that lays one image over another: first mirrored left to right where Flip is set, then
// the pixel at (y, x) is read at (y+DY, x+DX), reflected at the border. DY and DX are pixels of the model's size.
type Move struct {
	Flip   bool
	DY, DX int
}

func (p planes) moved(m Move) planes {
	q := planes{p.side, p.channels, make([]float32, len(p.v))}
	for c := range p.channels {
		for y := range p.side {
			sy := fold(y+m.DY, p.side)
			for x := range p.side {
				sx := fold(x+m.DX, p.side)
				if m.Flip {
					sx = p.side - 1 - sx
				}
				q.v[(c*p.side+y)*p.side+x] = p.at(c, sy, sx)
			}
		}
	}
	return q
}

// fold reflects an index in (−n, 2n−1) into [0, n) without repeating the border.
func fold(i, n int) int {
	if i < 0 {
		i = -i
	}
	if i >= n {
		i = 2*(n-1) - i
	}
	return i
}

// Apply moves an image of S×S×3 bytes.
func (m Move) Apply(img []byte, size int) []byte {
	out := make([]byte, len(img))
	for y := range size {
		sy := fold(y+m.DY, size)
		for x := range size {
			sx := fold(x+m.DX, size)
			if m.Flip {
				sx = size - 1 - sx
			}
			copy(out[(y*size+x)*3:(y*size+x)*3+3], img[(sy*size+sx)*3:])
		}
	}
	return out
}

// PixelFeatures are the images of two sets averaged down to a few pixels, for couplings that compare many of them.
type PixelFeatures struct{ sides [2][][]float32 }

// NewPixelFeatures averages every image down to 8×8 pixels.
func NewPixelFeatures(source, target Images) *PixelFeatures {
	f := &PixelFeatures{}
	for side, set := range []Images{source, target} {
		f.sides[side] = make([][]float32, set.Len())
		for i := range f.sides[side] {
			f.sides[side][i] = halved(halved(shrink(set.Image(i), set.Size()))).v
		}
	}
	return f
}

// Of is the feature of image i of side 0 (source) or 1 (target).
func (f *PixelFeatures) Of(side, i int) []float32 { return f.sides[side][i] }

func halved(p planes) planes {
	s := p.side / 2
	q := planes{s, p.channels, make([]float32, p.channels*s*s)}
	for c := range p.channels {
		for y := range s {
			for x := range s {
				q.v[(c*s+y)*s+x] = (p.at(c, 2*y, 2*x) + p.at(c, 2*y, 2*x+1) + p.at(c, 2*y+1, 2*x) + p.at(c, 2*y+1, 2*x+1)) / 4
			}
		}
	}
	return q
}

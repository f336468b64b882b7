package datasets

import (
	"bufio"
	"bytes"
	"errors"
	"image"
	"io"
	"sync"

	"github.com/zeebo/xxh3"

	"github.com/straightway-app/straightway/datasets/internal/turbojpeg"
)

// Photographs are decoded at a half, a quarter or an eighth of their size where that leaves enough for the square that
// is wanted of them: the inverse transform of JPEG then makes only these pixels, which takes a sixth of the time. At an
// eighth a pixel is the mean of its block of 8×8. Area means make the square of it. What the decoder of reduced sizes
// refuses, or only remarks on, is left to the ordinary one, so that both take the same files.

// spare is how many times the pixels of the square a reduced picture has at least along each side: area means of two
// pixels or more see to it that nothing aliases.
const spare = 2

// target is the square that a picture is decoded for.
type target struct {
	size int
	fit  Fit
}

// denominator is 8, 4, 2 or 1: at one in so many of its size a picture of w×h pixels still has spare pixels for each
// pixel of the square.
func (t target) denominator(w, h int) int {
	from, to := t.fit.Frame(w, h, t.size)
	for _, n := range []int{8, 4, 2} {
		if from.Dx()/n >= spare*to.Dx() && from.Dy()/n >= spare*to.Dy() {
			return n
		}
	}
	return 1
}

// tryReduced decodes a file for a square, if that is possible with fewer pixels than all. Otherwise the result is nil;
// else read is the file in memory, and release gives back what both have of the memory budget.
func tryReduced(src *io.SectionReader, f facts, c image.Config, lim Limits, whom *target) (d *Decoded, read *io.SectionReader, release func()) {
	if whom == nil || !f.reducible || !turbojpeg.Available() {
		return nil, nil, nil
	}
	n := whom.denominator(c.Width, c.Height)
	// The file, the picture, and of a progressive file the coefficients, two bytes each of three components.
	need := src.Size() + reducedBytes(c.Width, c.Height, n)
	if f.progressive {
		need += 3 * 2 * int64(c.Width) * int64(c.Height)
	}
	if n == 1 || need > lim.MaxMemory {
		return nil, nil, nil
	}
	release = memory.acquire(need)
	data := held(src)
	if data == nil {
		var back func()
		data, back = borrow(&codes, src.Size())
		accounted := release
		release = func() {
			back()
			accounted()
		}
		if n, _ := src.ReadAt(data, 0); n < len(data) { // the ordinary way says why
			release()
			return nil, nil, nil
		}
	}
	d, err := decodeReduced(data, f, c.Width, c.Height, n, *whom)
	if err != nil {
		release()
		return nil, nil, nil
	}
	return d, inMemory(data), release
}

// codes are pieces of memory that held the code of large photographs, one for each that is read at a time: to the system a
// new one of some megabytes costs a thirtieth of what decoding does.
var codes sync.Pool

// pixels are pieces of memory that held what was decoded of them.
var pixels sync.Pool

// borrow returns n bytes of a pool, whatever is in them, until back is called.
func borrow(pool *sync.Pool, n int64) (b []byte, back func()) {
	p, ok := pool.Get().(*[]byte)
	if !ok || int64(cap(*p)) < n {
		fresh := make([]byte, n)
		p = &fresh
	}
	return (*p)[:n], func() { pool.Put(p) }
}

// reducedBytes is what a picture of w×h pixels takes at most at one in denominator of its size.
func reducedBytes(w, h, denominator int) int64 {
	return 4 * int64(w/denominator+1) * int64(h/denominator+1)
}

// decodeReduced decodes a JPEG file of w×h pixels at one in denominator of its size, and scales the part that is shown
// in the target's square to the size that it has there. Its error means no more than that the file is to be decoded in
// the ordinary way.
func decodeReduced(data []byte, f facts, w, h, denominator int, t target) (*Decoded, error) {
	memory, back := borrow(&pixels, reducedBytes(w, h, denominator))
	defer back()
	img, err := turbojpeg.Decode(data, w, h, denominator, memory)
	if err != nil {
		return nil, err
	}
	part, to := t.fit.Frame(w, h, t.size)
	small := areaMeans(img, part, denominator, to.Dx(), to.Dy())
	return &Decoded{Image: turnUpright(small, f.orientation), Format: codecs.jpeg.name, Orientation: f.orientation}, nil
}

// areaMeans scales a part of an opaque picture down to w×h pixels, each the mean of the area that it covers, of which
// pixels at the edge count in proportion. The part is in pixels of the whole picture, of which img has one in denominator
// along each side.
func areaMeans(img *image.NRGBA, part image.Rectangle, denominator, w, h int) *image.NRGBA {
	columns := areas(part.Min.X, part.Dx(), denominator, w)
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	sums := make([]float32, 3*w)
	for y, rows := range areas(part.Min.Y, part.Dy(), denominator, h) {
		clear(sums)
		for j, down := range rows.weights {
			line := img.Pix[(rows.first+j)*img.Stride:]
			for x, c := range columns {
				var r, g, b float32
				for i, across := range c.weights {
					p := line[4*(c.first+i) : 4*(c.first+i)+3]
					r += across * float32(p[0])
					g += across * float32(p[1])
					b += across * float32(p[2])
				}
				sum := sums[3*x : 3*x+3]
				sum[0] += down * r
				sum[1] += down * g
				sum[2] += down * b
			}
		}
		for x := range w {
			p := out.Pix[y*out.Stride+4*x:]
			for c, v := range sums[3*x : 3*x+3] {
				p[c] = uint8(v + 0.5)
			}
			p[3] = 255
		}
	}
	return out
}

// area is a run of pixels along one axis, and how much of the mean each has.
type area struct {
	first   int
	weights []float32 // their sum is 1
}

// areas cuts length pixels from start on into n equal areas, in units of denominator pixels.
func areas(start, length, denominator, n int) []area {
	out := make([]area, n)
	for i := range out {
		from := (float64(start) + float64(length)*float64(i)/float64(n)) / float64(denominator)
		to := (float64(start) + float64(length)*float64(i+1)/float64(n)) / float64(denominator)
		out[i].first = int(from)
		for k := int(from); float64(k) < to; k++ {
			covered := min(to, float64(k+1)) - max(from, float64(k))
			out[i].weights = append(out[i].weights, float32(covered/(to-from)))
		}
	}
	return out
}

// identifyJPEG tells JPEG files apart by what is decoded: the orientation and all segments but those of applications
// and comments, up to the end of the image (ITU-T T.81, annex B). So what a program has written about a picture changes
// nothing, and the size at which it is decoded does not either.
func identifyJPEG(src *io.SectionReader, orientation int) (identity, error) {
	h := xxh3.New() // a photograph has megabytes of code: SHA-256 would take a fifteenth of the time of reading it
	h.Write([]byte{byte(orientation)})
	start := src.Size()
	for at, marker := range jpegSegments(src) {
		if marker.kind == 0xda {
			start = at
			break
		}
		if marker.kind < 0xe0 { // application segments are 0xe0 to 0xef, a comment is 0xfe
			if _, err := io.Copy(h, io.NewSectionReader(src, at, 2+marker.length)); err != nil {
				return identity{}, err
			}
		}
	}
	end := []byte{0xff, 0xd9}
	if rest := held(src); rest != nil {
		rest = rest[start:]
		if n := bytes.Index(rest, end); n >= 0 {
			rest = rest[:n+len(end)]
		}
		h.Write(rest)
		return h.Sum128().Bytes(), nil
	}
	r := bufio.NewReaderSize(io.NewSectionReader(src, start, src.Size()-start), 64<<10)
	for last := []byte(nil); ; {
		piece, err := r.ReadSlice(end[1])
		h.Write(piece)
		if bytes.HasSuffix(piece, end) || len(piece) == 1 && bytes.HasSuffix(last, end[:1]) && piece[0] == end[1] {
			break
		}
		last = append(last[:0], piece[max(0, len(piece)-1):]...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if err != io.EOF {
				return identity{}, err
			}
			break
		}
	}
	return h.Sum128().Bytes(), nil
}

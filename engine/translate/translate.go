package translate

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/straightway-app/straightway/datasets"
)

// Network maps a batch of model-size images along the flow. Which round, which
// direction and how many steps was settled when it was opened. It is safe for
// use by several goroutines.
type Network interface {
	// Size is the side S of the images, in pixels.
	Size() int
	// Batch is the number of images that are best run together; a smaller
	// batch is padded by the network itself.
	Batch() int
	// Run translates n images: x holds n×S×S×3 values in [-1, 1], rows from
	// the top, channels red, green, blue. The result has the same shape.
	Run(ctx context.Context, x []float32, n int) ([]float32, error)
}

// SizeMode says how large the result is.
type SizeMode uint8

const (
	// Original gives the source's own size, with its detail and its alpha.
	// It is the zero value.
	Original SizeMode = iota
	// Model gives the S×S result of the network as it is, opaque, of the
	// square that the fit makes of the source.
	Model
)

// String gives the name that ParseSizeMode takes.
func (m SizeMode) String() string {
	if m == Model {
		return "model"
	}
	return "original"
}

// ParseSizeMode finds the mode of that name.
func ParseSizeMode(name string) (SizeMode, error) {
	switch name {
	case "original":
		return Original, nil
	case "model":
		return Model, nil
	}
	return 0, fmt.Errorf("%q is not a size to write: choose original or model", name)
}

// Options of Run and Image. The zero value translates to the source's own size
// and writes PNG. Image looks at Size, Fit, Background and GreyStays only.
type Options struct {
	Size SizeMode
	// Fit is how pictures become squares, as in training. With Original,
	// Crop cuts nothing off: it covers the picture with tiles.
	Fit datasets.Fit
	// Background is what the network sees behind transparent parts and what a
	// JPEG file shows there. It is taken as opaque; alpha 0 means white.
	Background color.NRGBA
	// GreyStays takes, with Original, the colour from the translation of a
	// source without any (datasets.Grey): a network that saw few such invents
	// a tint for it.
	GreyStays bool
	// Format is the format of the files written.
	Format Format
	// Quality is that of JPEG, 1 to 100. Zero: 92.
	Quality int
	// Overwrite replaces existing outputs. Otherwise an existing file is
	// never touched: it is skipped if this very export wrote it, and an error
	// for its input if not. A file that is an input is never replaced.
	Overwrite bool
	// Recursive goes into the folders below an input folder.
	Recursive bool
	// Shard leaves the inputs of other shares to other processes. What is
	// there already counts as done whichever share, or the whole job, made it.
	Shard Shard
	// Settings names what the network was opened with: project, round and its
	// state, steps, direction. An output written with other settings does not
	// count as done.
	Settings string
	// Workers is how many files are read at a time; four times as many are written.
	// Zero: one for every core.
	Workers int
	// MaxBytes bounds the memory of the pictures in the pipeline. A larger
	// picture goes through alone. What the decoders need for themselves on
	// the way is bounded by package datasets. Zero: DefaultMaxBytes.
	MaxBytes int64
	// Progress, if set, hears about every input once, from one goroutine at a
	// time, in the order in which they are finished.
	Progress func(Event)
}

// DefaultMaxBytes is 192 MiB: three photographs of 12 megapixels, or ten
// pictures of 1024×1024 at a network of 256 px. With datasets.DefaultMaxMemory
// for the decoders at work it stays below 1 GiB.
const DefaultMaxBytes = 192 << 20

// An Event says what became of one input.
type Event struct {
	Input  string // as it was given, or found below a folder as it was given
	Output string // the file written or found complete; empty if there is none
	// Seconds is the work spent on the input: reading, its share of the
	// network's batch, writing. Work on other inputs went on meanwhile.
	Seconds float64
	// Skipped: there was nothing to do. Without Err the output was complete
	// already; with Err the file, found in a folder, is not an image.
	Skipped bool
	// Err is why the input failed, in words for its owner.
	Err error
	// Done of Total inputs are finished.
	Done, Total int
}

// Summary counts the inputs by what became of them.
type Summary struct {
	Done    int // written
	Skipped int // complete already
	Ignored int // found in a folder, but not images
	Failed  int
	Seconds float64 // wall time
}

func (o Options) withDefaults() (Options, error) {
	if o.Background.A == 0 {
		o.Background = datasets.White
	}
	o.Background.A = 255
	if o.Quality == 0 {
		o.Quality = 92
	}
	if o.Quality < 1 || o.Quality > 100 {
		return o, fmt.Errorf("JPEG quality %d: choose 1 to 100", o.Quality)
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	return o, o.Shard.check()
}

// Image translates one picture, which is left as it is.
func Image(ctx context.Context, net Network, src *image.NRGBA, o Options) (*image.NRGBA, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if src.Rect.Empty() {
		return nil, errors.New("translate: the picture has no pixels")
	}
	img := image.NewNRGBA(image.Rect(0, 0, src.Rect.Dx(), src.Rect.Dy()))
	for y := range img.Rect.Dy() {
		copy(img.Pix[y*img.Stride:(y+1)*img.Stride], src.Pix[src.PixOffset(src.Rect.Min.X, src.Rect.Min.Y+y):])
	}
	p := newPicture(img, net.Size(), o)
	for tiles := range slices.Chunk(p.tiles, max(1, net.Batch())) {
		x, n := slices.Concat(tiles...), len(tiles)
		y, err := runNetwork(ctx, net, x, n)
		if err != nil {
			return nil, err
		}
		for i := range tiles {
			tiles[i] = y[i*len(y)/n : (i+1)*len(y)/n]
		}
	}
	return p.result(o, nil)
}

// runNetwork runs net and checks the shape of what it gives.
func runNetwork(ctx context.Context, net Network, x []float32, n int) ([]float32, error) {
	y, err := net.Run(ctx, x, n)
	if err != nil {
		return nil, fmt.Errorf("run the network on %d image(s): %w", n, err)
	}
	if len(y) != len(x) {
		return nil, fmt.Errorf("the network gave %d values for %d: this is a fault of the program, please report it", len(y), len(x))
	}
	return y, nil
}

// A picture is one source on its way through the network.
type picture struct {
	img    *image.NRGBA // the source; nil with Model
	canvas canvas
	// tiles holds S·S·3 values each: what goes into the network, replaced one
	// by one by what comes out.
	tiles [][]float32
	grey  bool // the source has no colour, and its translation is to have none

	// What the pipeline keeps beside it.
	job  *job
	held int64        // bytes of the budget
	left atomic.Int64 // tiles that are not translated yet

	mu    sync.Mutex // of what follows, for the tiles may be in several batches
	spent time.Duration
	err   error
}

// took adds to the time that the picture took.
func (p *picture) took(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spent += d
}

// fail keeps the first error of the picture.
func (p *picture) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}

// newPicture scales img and cuts its tiles. It keeps img only where the result
// will have its size.
func newPicture(img *image.NRGBA, size int, o Options) *picture {
	if o.Size == Model {
		square := datasets.FitSquare(img, size, o.Fit, o.Background)
		tile := make([]float32, len(square))
		for i, b := range square {
			tile[i] = unit(b)
		}
		return &picture{canvas: canvas{layout: layout{size: size}}, tiles: [][]float32{tile}}
	}
	p := &picture{img: img}
	p.canvas = newCanvas(newLayout(img.Rect.Dx(), img.Rect.Dy(), size, o.Fit), img, o.Background)
	for i := range p.canvas.tiles {
		p.tiles = append(p.tiles, p.canvas.cut(make([]float32, 0, size*size*3), i))
	}
	p.grey = o.GreyStays && !slices.ContainsFunc(p.tiles, func(tile []float32) bool {
		bytes := make([]byte, len(tile))
		for i, v := range tile {
			bytes[i] = fromUnit(v)
		}
		return !datasets.Grey(bytes)
	})
	return p
}

// luma gives the channels of S·S·3 values their brightness (ITU-R BT.601).
func luma(tile []float32) {
	for i := 0; i < len(tile); i += 3 {
		y := .299*tile[i] + .587*tile[i+1] + .114*tile[i+2]
		tile[i], tile[i+1], tile[i+2] = y, y, y
	}
}

// result makes the picture to be written, in place of the source's pixels.
// memory is for what it takes meanwhile.
func (p *picture) result(o Options, memory *room) (*image.NRGBA, error) {
	memory.reset()
	for _, t := range p.tiles {
		for _, v := range t {
			if v-v != 0 { // NaN or infinite
				return nil, errors.New("the network gave a value that is not a number: choose an earlier round, or train on with a lower rate")
			}
		}
		if p.grey {
			luma(t)
		}
	}
	if o.Size == Original {
		restore(p.img, p.canvas, p.canvas.join(p.tiles, memory), o.Background, memory)
		return p.img, nil
	}
	out := image.NewNRGBA(image.Rect(0, 0, p.canvas.size, p.canvas.size))
	for i := range p.canvas.size * p.canvas.size {
		for v := range 3 {
			out.Pix[4*i+v] = fromUnit(p.tiles[0][3*i+v])
		}
		out.Pix[4*i+3] = 255
	}
	return out, nil
}

package translate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/image/tiff"

	"github.com/straightway-app/straightway/datasets"
)

// Run translates files and folders into outDir, which is made if need be.
//
// Every input is heard of in Options.Progress; one that fails does not stop
// the rest and counts in the Summary. The error is nil unless the export could
// not start or ctx was cancelled, and then every output is either whole or not
// there. Running again with the same arguments goes on where it stopped.
// Several processes may run at once, each with its own Options.Shard.
func Run(ctx context.Context, net Network, inputs []string, outDir string, o Options) (Summary, error) {
	return run(ctx, net, inputs, outDir, o, nil)
}

// run is Run; watch, if set, gets the budget before the work begins.
func run(ctx context.Context, net Network, inputs []string, outDir string, o Options, watch func(*budget)) (_ Summary, err error) {
	start := time.Now()
	o, err = o.withDefaults()
	if err != nil {
		return Summary{}, err
	}
	if len(inputs) == 0 {
		return Summary{}, errors.New("nothing to translate: name at least one file or folder")
	}
	if err := os.MkdirAll(outDir, 0o777); err != nil {
		return Summary{}, fmt.Errorf("the output folder %s cannot be made: choose another one, or change the permissions of the folder it is in: %w", outDir, err)
	}
	dir, err := resolve(outDir)
	if err != nil {
		return Summary{}, err
	}
	for _, input := range inputs { // before a journal is put there
		root, err := resolve(input)
		switch {
		case err != nil: // will be said of the input
		case root == dir:
			return Summary{}, fmt.Errorf("the output folder %s is an input folder too: choose another one, for example %s", outDir, filepath.Join(outDir, "translated"))
		case o.Shard.split() && within(root, dir): // and what another share writes now looks like an input
			return Summary{}, fmt.Errorf("%s is inside the output folder %s, where other shares of the job write: choose another output folder", input, outDir)
		}
	}
	log, err := openJournal(dir, o.Shard)
	if err != nil {
		return Summary{}, err
	}
	defer func() {
		if e := log.close(); e != nil {
			err = errors.Join(err, fmt.Errorf("close the journal of the output folder %s: %w", outDir, e))
		}
	}()
	isOutput := func(abs string) bool {
		rel, err := filepath.Rel(dir, abs)
		_, known := log.past[filepath.ToSlash(rel)]
		return err == nil && known
	}
	q, err := newQueue(ctx, inputs, dir, newNaming(o.Format.ext(), log.order), isOutput, o)
	if err != nil {
		return Summary{}, err
	}
	x := &export{net: net, options: o, budget: newBudget(o.MaxBytes)}
	flush, done := openFlush(log.dir)
	defer done()
	x.out = &outputs{dir: dir, journal: log, options: o, hash: settingsHash(o), inputs: q.inputs, flush: flush}
	if watch != nil {
		watch(x.budget)
	}
	sum := x.run(ctx, q)
	sum.Seconds = time.Since(start).Seconds()
	return sum, ctx.Err()
}

// An export is a Run under way. Its pictures pass through
//
//	jobs → read (Workers) → network (abreast) → write (Workers × writersOf) → keep → events
//
// over channels. What bounds the memory is not the length of the channels but
// the budget: a reader takes the bytes of a picture before it decodes it, and
// the writer gives them back. The network waits for full batches, unless a
// reader waits for bytes of which half are with pictures that wait for the
// network: then those must move on.
type export struct {
	net     Network
	options Options
	budget  *budget
	out     *outputs
}

// run works off the queue and counts.
func (x *export) run(ctx context.Context, q queue) Summary {
	workers := x.options.Workers
	if workers <= 0 {
		workers = min(runtime.NumCPU(), runtime.GOMAXPROCS(0))
	}
	jobs := make(chan *job)
	batch := max(1, x.net.Batch())
	read := make(chan *picture, batch)
	ran := make(chan *picture, abreast*batch) // or a batch that is through would wait for writers that wait for the disk
	whole := make(chan *output, 1<<14)        // much, so that nobody waits while the disk is busy with other programs' files
	events := make(chan Event, workers)

	go func() {
		defer close(jobs)
		for _, e := range q.failed {
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
		for _, j := range q.jobs {
			select {
			case jobs <- j:
			case <-ctx.Done():
				return
			}
		}
	}()
	var readers, writers sync.WaitGroup
	for range workers {
		readers.Go(func() {
			for j := range jobs {
				if ctx.Err() != nil {
					return
				}
				p, event := x.read(ctx, j)
				if p != nil {
					read <- p
				} else if ctx.Err() == nil {
					events <- event
				}
			}
		})
	}
	for range writersOf * workers {
		writers.Go(func() {
			var memory writing
			for p := range ran {
				if out, event := x.write(ctx, p, &memory); out != nil {
					whole <- out
				} else if ctx.Err() == nil {
					events <- event
				}
			}
		})
	}
	go func() {
		readers.Wait()
		close(read)
	}()
	var keeper sync.WaitGroup
	keeper.Go(func() {
		for group := nextGroup(whole); group != nil; group = nextGroup(whole) {
			for _, event := range x.keep(group) {
				events <- event
			}
		}
	})
	go func() {
		x.network(ctx, read, ran)
		close(ran)
		writers.Wait()
		close(whole)
		keeper.Wait()
		// The feeder sends events too, and is done once jobs is closed.
		for range jobs {
		}
		close(events)
	}()

	var sum Summary
	total := len(q.jobs) + len(q.failed)
	for e := range events {
		switch {
		case e.Skipped && e.Err != nil:
			sum.Ignored++
		case e.Skipped:
			sum.Skipped++
		case e.Err != nil:
			sum.Failed++
		default:
			sum.Done++
		}
		e.Done, e.Total = sum.Done+sum.Skipped+sum.Ignored+sum.Failed, total
		if x.options.Progress != nil {
			x.options.Progress(e)
		}
	}
	return sum
}

// read turns a job into a picture, or else into its event.
func (x *export) read(ctx context.Context, j *job) (*picture, Event) {
	start := time.Now()
	over := func(err error) (*picture, Event) {
		return nil, Event{Input: j.input, Seconds: time.Since(start).Seconds(), Err: err}
	}
	info, err := os.Stat(j.abs)
	if err == nil {
		j.info = info
		done, err := x.out.check(j, info)
		if err != nil {
			return over(err)
		}
		if done {
			return nil, Event{Input: j.input, Output: x.out.path(j), Skipped: true, Seconds: time.Since(start).Seconds()}
		}
	} // else DecodeFile has the right words
	held, err := x.budget.acquire(ctx, x.need(j.abs, info))
	if err != nil {
		return over(err)
	}
	start = time.Now()
	d, err := datasets.DecodeFile(j.abs, datasets.Limits{})
	if err != nil {
		x.budget.release(held)
		var fe *datasets.FileError
		if errors.As(err, &fe) {
			if fe.Kind == datasets.NotImage && j.walked && !imageName(j.input) {
				return nil, Event{Input: j.input, Skipped: true, Err: err}
			}
			shown := *fe
			shown.Path = j.input
			err = &shown
		}
		return over(err)
	}
	p := newPicture(d.Image, x.net.Size(), x.options)
	p.job, p.held = j, held
	if p.img == nil { // only the tile is left
		rest := min(held, int64(8*len(p.tiles[0])))
		x.budget.release(held - rest)
		p.held = rest
	}
	p.spent = time.Since(start)
	return p, Event{}
}

// need estimates the bytes that the picture in the file will hold in the
// pipeline: its pixels, its canvas (source and translation with what restore
// needs, 230 bytes a pixel, see gains, and 230 a column for each core, see
// enlarger) and its tiles.
func (x *export) need(name string, info fs.FileInfo) int64 {
	size := x.net.Size()
	w, h := headerSize(name, info)
	if w <= 0 || h <= 0 { // not readable as it seems; DecodeFile will say so
		w, h = size, size
	}
	l := newLayout(w, h, size, x.options.Fit)
	return 4*int64(w)*int64(h) + 230*int64(l.w)*int64(l.h) + 500*int64(w) + 24*int64(len(l.tiles))*int64(size)*int64(size)
}

// headerSize is the size that the header of an image file tells, or zero. The
// limits are checked by the decoder proper.
func headerSize(name string, info fs.FileInfo) (w, h int) {
	if info == nil || !info.Mode().IsRegular() {
		return 0, 0
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	defer func() {
		if recover() != nil { // a decoder that a damaged file confused
			w, h = 0, 0
		}
	}()
	magic := make([]byte, 4)
	if _, err := f.ReadAt(magic, 0); err != nil {
		return 0, 0
	}
	var config image.Config
	if m := string(magic); m == "II*\x00" || m == "MM\x00*" {
		config, err = tiff.DecodeConfig(f) // of a stream it would keep a copy
	} else {
		config, _, err = image.DecodeConfig(f)
	}
	if err != nil || int64(config.Width)*int64(config.Height) > datasets.DefaultMaxPixels {
		return 0, 0
	}
	return config.Width, config.Height
}

// imageName reports whether the ending of a name promises an image.
func imageName(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp":
		return true
	}
	return false
}

// abreast is how many batches the network runs at a time: the kernels of one
// wait for the last piece of every operation, and the other uses those moments.
const abreast = 2

// network gathers tiles into batches, has them run, and passes pictures on when
// their last tile is translated.
func (x *export) network(ctx context.Context, in <-chan *picture, out chan<- *picture) {
	batches := make(chan []tile)
	var runners sync.WaitGroup
	for range abreast {
		runners.Go(func() {
			for b := range batches {
				x.runBatch(ctx, b)
				for _, t := range b {
					if t.left.Add(-1) == 0 {
						out <- t.picture
					}
				}
			}
		})
	}
	batch := max(1, x.net.Batch())
	var waiting []tile // for a batch
	var held int64     // by their pictures
	for in != nil || len(waiting) > 0 {
		if len(waiting) < batch && in != nil {
			select {
			case p, ok := <-in:
				if !ok {
					in = nil
					break
				}
				p.left.Store(int64(len(p.tiles)))
				for i := range p.tiles {
					waiting = append(waiting, tile{p, i})
				}
				held += p.held
			case <-x.budget.starved:
			}
			if len(waiting) < batch && in != nil && (len(in) > 0 || !x.budget.stuck(held)) {
				continue
			}
		}
		if len(waiting) == 0 {
			continue
		}
		n := min(len(waiting), batch)
		for _, t := range waiting[:n] {
			if t.i == len(t.tiles)-1 {
				held -= t.held
			}
		}
		batches <- waiting[:n:n]
		waiting = waiting[n:]
	}
	close(batches)
	runners.Wait()
}

// A tile is one of a picture's.
type tile struct {
	*picture
	i int
}

// runBatch translates tiles. If the batch fails they are tried one by one, so
// that only those at fault fail.
func (x *export) runBatch(ctx context.Context, tiles []tile) {
	start := time.Now()
	input := make([]float32, 0, len(tiles)*len(tiles[0].tiles[tiles[0].i]))
	for _, t := range tiles {
		input = append(input, t.tiles[t.i]...)
	}
	n := len(tiles)
	side := len(input) / n
	var result []float32
	err := ctx.Err()
	if err == nil {
		result, err = runNetwork(ctx, x.net, input, n)
	}
	for i, t := range tiles {
		switch {
		case err == nil:
			// A copy, or the last tile would keep the whole batch in memory.
			copy(t.tiles[t.i], result[i*side:(i+1)*side])
		case n == 1 || ctx.Err() != nil:
			t.fail(err)
		default:
			single, err := runNetwork(ctx, x.net, input[i*side:(i+1)*side], 1)
			if err != nil {
				t.fail(err)
			} else {
				copy(t.tiles[t.i], single)
			}
		}
	}
	share := time.Since(start) / time.Duration(n)
	for _, t := range tiles {
		t.took(share)
	}
}

// heavy is the size of a picture after which the collector is called: waiting
// for it to come by itself could let the next one be added to it.
const heavy = 64 << 20

// writersOf is how many writers there are for every reader: where each brings its
// files to the disk, most of them wait for it.
const writersOf = 4

// writing is what a writer keeps from one picture to the next.
type writing struct {
	room   room
	png    pngEncoder
	buffer *bufio.Writer
}

// write finishes a picture and writes it to a file that is still to be kept. Its
// event is for the case that this fails. Once ctx is cancelled it does nothing.
func (x *export) write(ctx context.Context, p *picture, memory *writing) (*output, Event) {
	start := time.Now()
	held := p.held
	defer func() {
		*p = picture{}
		if held >= heavy {
			memory.room = room{}
			runtime.GC()
		}
		x.budget.release(held)
	}()
	var out *output
	err := p.err
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	var img *image.NRGBA
	if err == nil {
		img, err = p.result(x.options, &memory.room)
	}
	if err == nil {
		out, err = x.out.write(p.job, p.job.info, img, memory)
	}
	spent := p.spent + time.Since(start)
	if err != nil {
		return nil, Event{Input: p.job.input, Seconds: spent.Seconds(), Err: named(p.job.input, err)}
	}
	out.spent = spent
	return out, Event{}
}

// patience is how long outputs are gathered that are brought to the disk and
// named together.
const patience = 200 * time.Millisecond

// nextGroup is what comes within patience of the next output; nothing when the
// channel is closed.
func nextGroup(whole <-chan *output) (group []*output) {
	first, ok := <-whole
	if !ok {
		return nil
	}
	group = append(group, first)
	for enough := time.After(patience); ; {
		select {
		case next, ok := <-whole:
			if !ok {
				return group
			}
			group = append(group, next)
		case <-enough:
			return group
		}
	}
}

// keep names outputs and tells what became of each.
func (x *export) keep(group []*output) (events []Event) {
	for i, err := range x.out.keep(group) {
		out := group[i]
		e := Event{Input: out.job.input, Seconds: out.spent.Seconds()}
		if err == nil {
			e.Output = x.out.path(out.job)
		} else {
			e.Err = named(out.job.input, err)
		}
		events = append(events, e)
	}
	return events
}

// named puts the input in front of an error that does not name a file.
func named(input string, err error) error {
	var exists *ExistsError
	if errors.As(err, &exists) || errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%s: %w", input, err)
}

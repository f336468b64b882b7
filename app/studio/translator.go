package studio

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"time"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/translate"
)

// Request says how one picture is to be translated.
type Request struct {
	Round   string // empty: the last finished one, or with Reverse the last of them that knows the way back
	Steps   int    // network evaluations for the whole way
	Reverse bool
	At      float64 // how far along the way to go: 0 is the picture itself, 1 the translation
	Size    translate.SizeMode

	Solver    flow.Solver
	Tolerance float64 // of an adaptive solver; 0 means its own
}

// use is the request as the network takes it.
func (r Request) use() model.Use {
	return model.Use{Round: r.Round, Steps: r.Steps, Reverse: r.Reverse, Batch: 1, Until: min(1, r.At), Solver: r.Solver, Tolerance: r.Tolerance}
}

// Result is a translated picture and what it took.
type Result struct {
	Image       *image.NRGBA
	Round       string        // that translated it; empty where the picture itself was asked for
	Evaluations int           // of the network; a picture that is not square takes those for each of its tiles
	Elapsed     time.Duration // from the moment at which the network was free
}

// Translator translates single pictures with the rounds of the open project. Rounds stay loaded once they were used.
type Translator struct {
	studio *Studio
	mu     sync.Mutex // held while the network runs
	open   map[loadedAs]opened
}

// loadedAs is what a round was asked for by: its name, or none for the last or the last that knows the way back; and how
// many pictures it computes together.
type loadedAs struct {
	round string
	back  bool
	batch int
	saved time.Time // of a round that is not finished: which save of it
}

// opened is a round that is loaded.
type opened struct {
	*model.Model
	round string
}

// Forget frees the loaded rounds: those on disk have changed.
func (t *Translator) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
}

// forget does it; the caller holds the lock.
func (t *Translator) forget() {
	for _, m := range t.open {
		m.Close()
	}
	t.open = nil
}

// ErrNothingTrained is returned where no round of the open project is finished yet.
var ErrNothingTrained = errors.New("nothing is trained yet: open a project with a finished round, or train one")

// errClosed is a cancellation: whoever closed the project asks anew.
var errClosed = fmt.Errorf("the project was closed before the picture was translated: %w", context.Canceled)

// Image translates a picture. It waits for the backend, and for the network where another picture is under way.
func (t *Translator) Image(ctx context.Context, img image.Image, r Request) (Result, error) {
	src := toNRGBA(img)
	if r.At <= 0 && r.Size == translate.Original {
		return Result{Image: src}, nil
	}
	p, _ := t.studio.Project()
	if p == nil {
		return Result{}, ErrNothingTrained
	}
	o, err := pictureOptions(p, r.Reverse)
	if err != nil {
		return Result{}, err
	}
	o.Size = r.Size
	if r.At <= 0 {
		size := p.Settings().Size
		return Result{Image: datasets.Picture(size, datasets.FitSquare(src, size, o.Fit, o.Background))}, nil
	}
	loaded, began, err := t.turn(ctx, p, r.use())
	if err != nil {
		return Result{}, err
	}
	defer t.mu.Unlock()
	net := model.NewTranslator(loaded.Model, r.use())
	out := Result{Round: loaded.round}
	out.Image, err = translate.Image(ctx, net, src, o)
	out.Evaluations, out.Elapsed = net.Evaluations(), time.Since(began)
	return out, err
}

// turn waits for the backend and for the network, and loads the round of p that u names. Without an error the caller
// has the lock to give back; began is when the network was free.
func (t *Translator) turn(ctx context.Context, p *project.Project, u model.Use) (o opened, began time.Time, err error) {
	be, err := t.lock()
	if err != nil {
		return opened{}, began, err
	}
	began = time.Now()
	if err = ctx.Err(); err == nil { // or another request came meanwhile
		if now, _ := t.studio.Project(); now != p {
			err = errClosed
		} else {
			o, err = t.round(p, be, u)
		}
	}
	if err != nil {
		t.mu.Unlock()
	}
	return o, began, err
}

// lock waits for the backend and for the network, and takes the lock while that backend is the open one.
func (t *Translator) lock() (*backend.Backend, error) {
	for {
		be, err := t.studio.Compute.Wait()
		if err != nil {
			return nil, err
		}
		t.mu.Lock()
		if t.studio.Compute.State().Backend == be {
			return be, nil
		}
		t.mu.Unlock() // another one is being opened
	}
}

// round loads the round that u names, or finds it loaded; the caller holds the lock.
func (t *Translator) round(p *project.Project, be *backend.Backend, u model.Use) (opened, error) {
	saved, err := savedAt(p, u.Round)
	if err != nil {
		return opened{}, err
	}
	key := loadedAs{u.Round, u.Round == "" && u.Reverse, u.Batch, saved}
	if net, ok := t.open[key]; ok {
		return net, nil
	}
	for other, m := range t.open {
		if other.round == u.Round && !other.saved.Equal(saved) { // training has gone on since
			m.Close()
			delete(t.open, other)
		}
	}
	net, round, _, err := model.OpenTranslator(p, be, u)
	if err != nil {
		return opened{}, err
	}
	if t.open == nil {
		t.open = map[loadedAs]opened{}
	}
	t.open[key] = opened{net.Model, round}
	return t.open[key], nil
}

// savedAt is when a round that is not finished was saved last.
func savedAt(p *project.Project, round string) (time.Time, error) {
	if round == "" {
		return time.Time{}, nil
	}
	rounds, err := p.Rounds()
	for _, r := range rounds {
		if r.Name == round {
			return r.Saved, nil
		}
	}
	return time.Time{}, err
}

// pictureOptions are the options of translate that a project decides.
func pictureOptions(p *project.Project, reverse bool) (translate.Options, error) {
	s := p.Settings()
	fit, err := datasets.ParseFit(s.Fit.String())
	return translate.Options{Fit: fit, Background: s.Background.NRGBA(), GreyStays: p.GreyStays(reverse)}, err
}

package studio

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
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
	Round   string // empty: the last, or with Reverse the last that knows the way back
	Steps   int    // network evaluations for the whole way
	Reverse bool
	At      float64 // how far along the way to go: 0 is the picture itself, 1 the translation
	Size    translate.SizeMode
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
	open   map[string]opened
}

// opened is a round that is loaded.
type opened struct {
	model.Translator
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
	o, err := pictureOptions(p.Settings())
	if err != nil {
		return Result{}, err
	}
	o.Size = r.Size
	if r.At <= 0 {
		size := p.Settings().Size
		return Result{Image: square(size, datasets.FitSquare(src, size, o.Fit, o.Background))}, nil
	}
	be, err := t.lock()
	if err != nil {
		return Result{}, err
	}
	defer t.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Result{}, err // another request came meanwhile
	}
	if now, _ := t.studio.Project(); now != p {
		return Result{}, errClosed
	}
	began := time.Now()
	net, err := t.round(p, be, r)
	if err != nil {
		return Result{}, err
	}
	steps := max(1, int(math.Ceil(float64(r.Steps)*r.At)))
	net.Path = flow.Path{From: 0, To: r.At, Steps: steps}
	if r.Reverse {
		net.Path = flow.Path{From: 1, To: 1 - r.At, Steps: steps}
	}
	out := Result{Round: net.round}
	out.Image, err = translate.Image(ctx, counted{net.Translator, &out.Evaluations}, src, o)
	out.Elapsed = time.Since(began)
	return out, err
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

// round loads the round that a request names, or finds it loaded; the caller holds the lock.
func (t *Translator) round(p *project.Project, be *backend.Backend, r Request) (opened, error) {
	key := r.Round
	if key == "" && r.Reverse {
		key = "reverse"
	}
	if net, ok := t.open[key]; ok {
		return net, nil
	}
	net, round, _, err := model.OpenTranslator(p, be, model.Use{Round: r.Round, Steps: r.Steps, Reverse: r.Reverse, Batch: 1})
	if err != nil {
		return opened{}, err
	}
	if t.open == nil {
		t.open = map[string]opened{}
	}
	t.open[key] = opened{net, round}
	return t.open[key], nil
}

// counted is a network that counts its evaluations.
type counted struct {
	model.Translator
	evaluations *int
}

func (c counted) Run(ctx context.Context, x []float32, n int) ([]float32, error) {
	*c.evaluations += c.Path.Steps
	return c.Translator.Run(ctx, x, n)
}

// pictureOptions are the options of translate that a project's settings decide.
func pictureOptions(s project.Settings) (translate.Options, error) {
	fit, err := datasets.ParseFit(s.Fit.String())
	return translate.Options{Fit: fit, Background: s.Background.NRGBA()}, err
}

package train

import (
	"context"
	"fmt"
	"time"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/critic"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/model"
	"github.com/straightway-app/straightway/engine/unet"
)

// BenchNetwork is the network of the speed comparisons: the U-Net of bench/, 2.03 million parameters.
func BenchNetwork(size int) unet.Config {
	return unet.Config{Size: size, Base: 32, Mult: []int{1, 2, 4}, Blocks: 1}
}

// BenchTraining measures whole training steps of the plain flow loss (gather, gradient, clipping, Adam, EMA) and
// returns the images a second of the fastest of n, after two that do not count. The batch is shared by so many devices.
func BenchTraining(be *backend.Backend, devices int, net unet.Config, how layer.Lowering, batch, n int) (perSecond float64, compile time.Duration, err error) {
	return benchTraining(context.Background(), be, devices, net, how, batch, n, false)
}

// benchTraining is BenchTraining with or without the feature loss.
func benchTraining(ctx context.Context, be *backend.Backend, devices int, net unet.Config, how layer.Lowering, batch, n int, features bool) (perSecond float64, compile time.Duration, err error) {
	on, err := newMesh(be, devices, batch)
	if err != nil {
		return 0, 0, err
	}
	defer on.close()
	program, err := newFlowProgram(be, on, net, how, features)
	if err != nil {
		return 0, 0, err
	}
	defer program.close()
	l, err := newLearner(be, on, "network", adam{beta1: .9, beta2: .99, epsilon: 1e-8, clip: 1}, net.Table().Init(1))
	if err != nil {
		return 0, 0, err
	}
	defer l.close()
	rng := random(1, "bench", 0)
	pixels := make([]byte, 4*batch*net.Size*net.Size*3)
	for i := range pixels {
		pixels[i] = byte(rng.Uint32())
	}
	shelf := newShelf(be, memory{net.Size, pixels})
	defer shelf.close()
	all := make([]int, 4*batch)
	for i := range all {
		all[i] = i
	}
	pairs := &independent{all, all, 1}
	judge := vector([]float32{0})
	if features {
		judge = vector(critic.Classifier{}.Table().Init(1))
	}
	defer judge.MustFinalizeAll()
	best := time.Duration(0)
	for step := range n + 2 {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		began := time.Now()
		d := newDraw(random(1, "bench", step), pairs.pairs(step, batch), uniform, 1, 2, true)
		grad, stats, err := program.call(l.w, l.zero, shelf, shelf, d, judge, flowKnobs{feature: .1, noise: .1, share: 1})
		if err != nil {
			return 0, 0, err
		}
		err = l.update(grad, stats, rate{learning: 1e-3, average: .99})
		grad.MustFinalizeAll()
		stats.MustFinalizeAll()
		if err != nil {
			return 0, 0, err
		}
		if _, err := l.readTally(); err != nil { // waits for the device
			return 0, 0, err
		}
		took := time.Since(began)
		if step == 0 {
			compile = took
		}
		if step >= 2 && (best == 0 || took < best) {
			best = took
		}
	}
	return float64(batch) / best.Seconds(), compile, nil
}

// BenchTranslation measures one-step translation of whole batches, upload and download included, and returns the
// images a second of the fastest of n.
func BenchTranslation(be *backend.Backend, net unet.Config, how layer.Lowering, batch, n int) (perSecond float64, compile time.Duration, err error) {
	s, err := model.NewSampler(be, net, how, batch)
	if err != nil {
		return 0, 0, err
	}
	defer s.Close()
	m := s.With(model.NewWeights(net.Table().Init(1)))
	x := make([]float32, batch*net.Size*net.Size*3)
	rng := random(1, "bench", 1)
	for i := range x {
		x[i] = 2*rng.Float32() - 1
	}
	best := time.Duration(0)
	for k := range n + 2 {
		began := time.Now()
		if _, err := m.Velocity(x, 0); err != nil {
			return 0, 0, fmt.Errorf("translating: %w", err)
		}
		took := time.Since(began)
		if k == 0 {
			compile = took
		}
		if k >= 2 && (best == 0 || took < best) {
			best = took
		}
	}
	return float64(batch) / best.Seconds(), compile, nil
}

package train

import (
	"fmt"
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/critic"
	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/internal/graphtest"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/project"
	"github.com/straightway-app/straightway/engine/unet"
)

// The programs compute the same by the kernels and by the graph: losses and gradients of a flow round with feature loss
// and bridge noise, of a reflow round without, of refine for one way and for both, of a batch in two parts.
func TestKernelsAndGraphAgree(t *testing.T) {
	net := unet.Config{Size: 8, Base: 8, Mult: []int{1, 2}, Blocks: 1, Mix: true}
	if !direct.Fits(net) {
		t.Skip("this build or this processor has no kernels")
	}
	be, _, err := backend.Open(string(backend.Go))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(be.Close)
	const n = 4
	rng := random(1, "kernels", 0)
	flat := net.Table().Init(1)
	for i := range flat {
		flat[i] += .1 * float32(rng.NormFloat64())
	}
	pixels := make([]byte, 8*net.Size*net.Size*3)
	for i := range pixels {
		pixels[i] = byte(rng.Uint32())
	}
	set := newShelf(be, memory{net.Size, pixels})
	t.Cleanup(set.close)
	pairs := &independent{[]int{0, 1, 2, 3}, []int{4, 5, 6, 7}, 1}
	near := func(what string, got, want *tensors.Tensor) {
		t.Helper()
		g, w := tensors.MustCopyFlatData[float32](got), tensors.MustCopyFlatData[float32](want)
		var off, all float64
		for i := range w {
			off += float64(g[i]-w[i]) * float64(g[i]-w[i])
			all += float64(w[i]) * float64(w[i])
		}
		if e := math.Sqrt(off / all); all == 0 || !(e < 1e-3) {
			t.Errorf("%s: off by %.2g of its size", what, e)
		}
	}
	w, zero := vector(flat), vector(make([]float32, len(flat)))
	for _, k := range []flowKnobs{{feature: .1, noise: .1, share: 1}, {share: .5}} {
		judge := vector(critic.Classifier{}.Table().Init(2))
		var grads, stats []*tensors.Tensor
		for _, how := range []layer.Lowering{{}, {Kernels: true}} {
			p, err := newFlowProgram(be, nil, net, how, true)
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			d := newDraw(random(1, "kernels", 1), pairs.pairs(1, n), uniform, 1, 1, true)
			g, s, err := p.call(w, zero, set, set, d, judge, k)
			if err != nil {
				t.Fatal(err)
			}
			again, _, err := p.call(w, g, set, set, d, judge, k) // added to what is there
			if err != nil {
				t.Fatal(err)
			}
			grads, stats = append(grads, again), append(stats, s)
		}
		near("the flow's loss", stats[1], stats[0])
		near("the flow's gradient", grads[1], grads[0])
	}
	for _, patch := range []critic.Patch{{Width: 8}, {Width: 8, Ways: true}} {
		var out []refineResult
		for _, how := range []layer.Lowering{{}, {Kernels: true}} {
			p, err := newRefineProgram(be, nil, net, patch, how, Recipe{TeacherLoss: .5, CriticWeight: .05})
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			d := newDraw(random(1, "kernels", 2), pairs.pairs(2, n), start, 1, 1, true)
			moves := d.moves[:2]
			if patch.Ways {
				d.t[1], d.t[3] = 1, 1
			}
			wc := patch.Table().Init(3)
			r, err := p.call(w, zero, vector(wc), vector(make([]float32, len(wc))), vector(patch.Singular(4)), set, set, set, d,
				[]int32{3, 4, 5, 6}, [2][][]int32{moves[0], moves[1]}, .5)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, r)
		}
		near("refine's losses", out[1].stats, out[0].stats)
		near("the power iteration", out[1].singular, out[0].singular)
		near("the network's gradient", out[1].grad, out[0].grad)
		near("the critic's gradient", out[1].criticGrad, out[0].criticGrad)
	}
}

// A crop shows the pixels that the whole image, moved and mirrored in the graph, shows at its place.
func TestCropsShowWhatBatchesShow(t *testing.T) {
	const size, side = 8, 5
	be, _, err := backend.Open(string(backend.Go))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(be.Close)
	rng := random(1, "crops", 0)
	pixels := make([]byte, size*size*3)
	for i := range pixels {
		pixels[i] = byte(rng.Uint32())
	}
	batch, err := NewExec(be.Compute, func(in []*Node) *Node {
		return flow.Batch(in[0], flow.Draw{Index: in[1], Register: in[2], Augment: in[3]})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer batch.Finalize()
	for _, move := range [][]int32{{0, 0, 0}, {1, 0, 0}, {0, 2, -3}, {1, -2, 3}} {
		out, err := batch.Call(tensors.FromFlatDataAndDimensions(pixels, 1, size, size, 3), []int32{0}, [][]int32{{0, 0, 0}}, [][]int32{move})
		if err != nil {
			t.Fatal(err)
		}
		whole := tensors.MustCopyFlatData[float32](out[0])
		for _, at := range [][2]int{{0, 0}, {3, 1}} {
			var want []float32
			for y := range side {
				o := ((at[0]+y)*size + at[1]) * 3
				want = append(want, whole[o:o+side*3]...)
			}
			graphtest.Near(t, fmt.Sprint("crop at ", at, " moved by ", move), appendCrop(nil, pixels, size, side, at[0], at[1], move), want, 1e-6)
		}
	}
}

// TestTheFirstStepsOfALargeNetworkAreSmall: a quarter of quality's batch while its rate is small, the whole one
// afterwards, in trials of speed, in later rounds and where somebody chose the batch.
func TestTheFirstStepsOfALargeNetworkAreSmall(t *testing.T) {
	settings := project.Default()
	settings.Preset = project.PresetQuality
	images := func(settings project.Settings, kind project.RoundKind, step int, trial bool) int {
		t.Helper()
		recipe, err := NewRecipe(settings)
		if err != nil {
			t.Fatal(err)
		}
		r := &run{recipe: recipe, settings: settings}
		r.how.Kernels = true
		return (&roundState{run: r, kind: kind, stage: recipe.Stage(kind), step: step, trial: trial}).batch()
	}
	chosen := settings
	chosen.Batch = 48
	first := 64 // of a graph, and so where there are no kernels
	if direct.Available() {
		first = 16
	}
	for _, c := range []struct {
		settings project.Settings
		kind     project.RoundKind
		step     int
		trial    bool
		want     int
	}{
		{settings, project.KindFlow, 0, false, first},
		{settings, project.KindFlow, plainSteps - 1, false, first},
		{settings, project.KindFlow, plainSteps, false, 64},
		{settings, project.KindFlow, 0, true, 64},
		{settings, project.KindReflow, 0, false, 64},
		{chosen, project.KindFlow, 0, false, 48},
		{project.Default(), project.KindFlow, 0, false, 32},
	} {
		if got := images(c.settings, c.kind, c.step, c.trial); got != c.want {
			t.Errorf("%s of %s, batch %d, step %d, trial %v: %d images, want %d", c.kind, c.settings.Preset, c.settings.Batch, c.step, c.trial, got, c.want)
		}
	}
}

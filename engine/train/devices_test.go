package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/project"
)

// The XLA CPU plugin has virtual devices, which share the processor: they compute what several GPUs would.

func virtualDevices(t *testing.T) *backend.Backend {
	t.Helper()
	be, _, err := backend.Open("cpu")
	if err != nil {
		t.Skip("only XLA has several devices on this machine: ", err)
	}
	t.Cleanup(be.Close)
	if be.Devices < 4 {
		t.Fatalf("%s has %d devices", be.Path, be.Devices)
	}
	return be
}

// plain are settings for a flow of batches that up to four devices can share, for which nothing but the steps has to be
// compiled.
func plain(s *project.Settings) {
	one(s)
	s.Batch, s.Coupling, s.Flip, s.Loss = 8, project.CouplingIndependent, project.FlipOff, project.LossPixel
}

// checkClose fails unless every tensor of a round's newest checkpoint is the same in two projects, to a part of its
// norm. Parameters without an effect are left out, such as biases before a normalisation of single channels: their
// gradient is rounding alone, which Adam makes whole steps of.
func checkClose(t *testing.T, got, want *project.Project, round string, limit float64) {
	t.Helper()
	g, _, err := got.LoadLatest(round)
	if err != nil {
		t.Fatal(err)
	}
	w, _, err := want.LoadLatest(round)
	if err != nil {
		t.Fatal(err)
	}
	if g.Step != w.Step || len(g.Tensors) != len(w.Tensors) || len(w.Tensors) < 4 {
		t.Fatalf("step %d with %d tensors instead of step %d with %d", g.Step, len(g.Tensors), w.Step, len(w.Tensors))
	}
	for _, tensor := range w.Tensors {
		a, b := values(t, got, round, tensor.Name), values(t, want, round, tensor.Name)
		var squares []float32 // of the gradient
		if network, _, _ := strings.Cut(tensor.Name, "."); tensor.Name != "critic.singular" {
			squares = values(t, want, round, network+".moment2")
		}
		var apart, norm float64
		for i := range b {
			if squares != nil && squares[i] < 1e-16 {
				continue
			}
			apart += math.Pow(float64(a[i]-b[i]), 2)
			norm += float64(b[i]) * float64(b[i])
		}
		if norm == 0 || !(math.Sqrt(apart) <= limit*math.Sqrt(norm)) {
			t.Errorf("%s is %.3g of its norm %.3g away", tensor.Name, math.Sqrt(apart/norm), math.Sqrt(norm))
		}
		t.Logf("%s: %.2g", tensor.Name, math.Sqrt(apart/norm))
	}
}

func TestDevicesThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct {
		name, message      string
		devices, of, batch int
	}{
		{"one", "", 1, 1, 7},
		{"none given", "", 0, 1, 7},
		{"as many as there are", "", 4, 4, 8},
		{"only one there", "--devices 2: backend xla:cuda has 1 device: leave --devices out, or choose another backend: straightway doctor tells how many devices each has", 2, 1, 8},
		{"too few there", "--devices 8: backend xla:cuda has 4 devices: give at most 4", 8, 4, 8},
		{"an unequal batch", "--devices 3: a batch of 32 images cannot be divided into 3 equal parts: use 1, 2 or 4 devices, or train with another --batch", 3, 4, 32},
		{"a batch of a prime", "--devices 2: a batch of 7 images cannot be divided into 2 equal parts: use 1 device, or train with another --batch", 2, 4, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := newMesh(&backend.Backend{Label: "xla:cuda", Devices: c.of}, c.devices, c.batch)
			if err == nil && m.count() != max(1, c.devices) {
				t.Errorf("%d devices", m.count())
			}
			var cannot *DevicesError
			if got := fmt.Sprint(err); errors.As(err, &cannot) != (c.message != "") || err != nil && got != c.message {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestPartsOfABatchAreSharedEqually(t *testing.T) {
	four, err := newMesh(&backend.Backend{Devices: 4}, 4, 24)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		on   *mesh
		want []int
	}{
		{nil, []int{24, 12, 6, 3, 2, 1}},
		{four, []int{24, 12, 8, 4}},
	} {
		got := []int{24}
		for n := 24; n > c.on.count(); {
			n = c.on.half(n)
			got = append(got, n)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("on %d devices a batch shrinks by %d instead of %d", c.on.count(), got, c.want)
		}
	}
}

func TestSeveralDevicesLearnWhatOneDoes(t *testing.T) {
	be := virtualDevices(t)
	f := folders(t)
	for _, c := range []struct {
		name, round string
		devices     []int
		change      func(*project.Settings)
	}{
		{"flow", "1-flow", []int{1, 2, 4}, func(s *project.Settings) { s.Loss = project.LossFeature }},
		{"flow from noise", "1-flow", []int{1, 4}, func(s *project.Settings) { s.Source = project.NoiseSource }},
		{"refine, both ways", "2-refine", []int{1, 2, 4}, func(s *project.Settings) { s.Finish, s.BothWays = project.FinishRefine, true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var alone *project.Project
			for _, n := range c.devices {
				settings := tiny(f, plain)
				c.change(&settings)
				p := newProject(t, settings)
				o := testOptions(t, p, 4)
				if c.round != "1-flow" {
					finishFlow(t, o)
				}
				o.Backend, o.Devices, o.hooks.graph = be, n, true
				d := makeSteps(t, o)
				if alone == nil {
					alone = p
					continue
				}
				mention(t, d.notes(), fmt.Sprintf("training on %d devices", n))
				checkClose(t, p, alone, c.round, 3e-5) // four devices' sums of float32, and what four steps of Adam make of them
			}
		})
	}
}

func TestARunGoesOnWithAnotherNumberOfDevices(t *testing.T) {
	be := virtualDevices(t)
	f := folders(t)
	options := func(p *project.Project, devices int) Options {
		o := testOptions(t, p, 6)
		o.Backend, o.Devices, o.hooks.graph = be, devices, true
		return o
	}
	whole := newProject(t, tiny(f, plain))
	makeSteps(t, options(whole, 1))

	parts := newProject(t, tiny(f, plain))
	for i, devices := range []int{2, 1} {
		until := 2 * (i + 1)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		o := options(parts, devices)
		o.Watch = func(e Event) {
			if e.Step == until {
				cancel()
			}
		}
		if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		if step, _ := state(t, parts, "1-flow"); step != int64(until) {
			t.Fatalf("interrupted at step %d instead of %d", step, until)
		}
		parts = reopen(t, parts)
	}
	makeSteps(t, options(parts, 2))
	checkClose(t, parts, whole, "1-flow", 1e-5)
}

package train

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/straightway-app/straightway/engine/flow"
)

func list(n int) []couple {
	out := make([]couple, n)
	for i := range out {
		out[i] = couple{a: int32(i), b: int32(n - i), moveB: flow.Move{Flip: i%2 == 0, DX: i % 3}}
	}
	return out
}

func indices(n, from int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	return out
}

// line places image i of the sources at i and image i of the targets at i+.5.
func line(side, i int) []float32 { return []float32{float32(i) + .5*float32(side)} }

func pairings(seed uint64) map[string]pairing {
	plain := independent{indices(50, 3), indices(40, 5), seed}
	return map[string]pairing{
		"listed":      &listed{list: list(23), seed: seed},
		"independent": &plain,
		"minibatch":   &minibatch{plain: &plain, feature: line, pool: 16},
		"noise":       &fromNoise{indices(40, 5), seed},
		"both":        &both{&listed{list: list(23), seed: seed}, &listed{list: list(11), seed: seed + 1}},
	}
}

func TestDrawsDependOnlyOnSeedRoundAndStep(t *testing.T) {
	for name, p := range pairings(1) {
		at := func(p pairing, seed uint64, round string, step int) draw {
			return newDraw(random(seed, round, step), p.pairs(step, 4), ends, 1, 2, true)
		}
		var forward []draw
		for step := range 30 {
			forward = append(forward, at(p, 1, "1-flow", step))
		}
		again := pairings(1)[name]
		for _, step := range []int{29, 3, 17, 3, 0, 28, 1} { // a resumed run begins anywhere
			if got := at(again, 1, "1-flow", step); !reflect.DeepEqual(got, forward[step]) {
				t.Errorf("%s: step %d is drawn differently when it comes first", name, step)
			}
		}
		for i, d := range forward[1:] {
			if reflect.DeepEqual(d, forward[i]) {
				t.Errorf("%s: steps %d and %d are drawn alike", name, i, i+1)
			}
		}
		if reflect.DeepEqual(at(again, 1, "2-reflow", 3).t, forward[3].t) {
			t.Errorf("%s: two rounds are drawn alike", name)
		}
		other := at(pairings(2)[name], 2, "1-flow", 3)
		if reflect.DeepEqual(other.t, forward[3].t) || reflect.DeepEqual(other.indexA, forward[3].indexA) {
			t.Errorf("%s: two seeds are drawn alike", name)
		}
	}
}

func TestAListIsGoneThroughOnceAnEpoch(t *testing.T) {
	l := &listed{list: list(23), seed: 1}
	var all []couple
	for step := 0; len(all) < 3*23; step++ {
		all = append(all, l.pairs(step, 5)...)
	}
	for epoch := range 3 {
		seen := map[int32]int{}
		for _, p := range all[epoch*23 : (epoch+1)*23] {
			seen[p.a]++
			if p != l.list[p.a] {
				t.Fatalf("a pair was taken apart: %v", p)
			}
		}
		if len(seen) != 23 {
			t.Errorf("epoch %d holds %d of 23 pairs", epoch, len(seen))
		}
	}
	if slices.Equal(all[:23], all[23:46]) {
		t.Error("two epochs have one order")
	}
}

func TestAMinibatchCouplesNearerImages(t *testing.T) {
	cost := map[string]float64{}
	all := pairings(1)
	for _, name := range []string{"minibatch", "independent"} {
		p := all[name]
		for step := range 40 {
			for _, c := range p.pairs(step, 4) {
				d := line(0, int(c.a))[0] - line(1, int(c.b))[0]
				cost[name] += float64(d * d)
				if c.a < 3 || c.a >= 53 || c.b < 5 || c.b >= 45 {
					t.Fatalf("%s: pair %v is not of the training images", name, c)
				}
			}
		}
	}
	if !(cost["minibatch"] < .3*cost["independent"]) {
		t.Errorf("costs %v", cost)
	}
}

// TestTimes compares the times that are drawn with their density by Pearson's chi square. The share of a reflow that
// begins at t = 0 exactly is counted apart.
func TestTimes(t *testing.T) {
	const a, bins = 4.0, 20
	integral := map[times]func(x float64) float64{
		uniform: func(x float64) float64 { return x },
		middle:  func(x float64) float64 { return math.Erfc(-math.Log(x/(1-x))/math.Sqrt2) / 2 },
		ends: func(x float64) float64 {
			return (math.Expm1(a*x) + math.Exp(a) - math.Exp(a*(1-x))) / (2 * math.Expm1(a))
		},
	}
	for how, F := range integral {
		var count [bins]float64
		total, atStart := 0.0, 0.0
		for step := range 500 {
			d := newDraw(random(1, "times", step), list(32), how, 1, 0, false)
			for _, x := range d.t {
				if x < 0 || x > 1 {
					t.Fatalf("t = %v", x)
				}
				if x == 0 {
					atStart++
					continue
				}
				count[min(bins-1, int(float64(x)*bins))]++
				total++
			}
		}
		if share := atStart / (atStart + total); how == ends && math.Abs(share-startShare) > .015 || how != ends && share > .001 {
			t.Errorf("times %d: %.3f of them are 0", how, share)
		}
		square := 0.0
		for i, n := range count {
			want := total * (F(float64(i+1)/bins) - F(float64(i)/bins))
			square += (n - want) * (n - want) / want
		}
		if square > 43.8 { // of 19 degrees of freedom, exceeded once in a thousand
			t.Errorf("times %d: chi square %.1f, counts %v", how, square, count)
		}
		if middle := count[bins/2]; how == ends && (count[0] < 3*middle || count[bins-1] < 3*middle) {
			t.Errorf("not U-shaped: %v", count)
		}
	}
	for _, x := range newDraw(random(1, "times", 0), list(32), start, 1, 0, false).t {
		if x != 0 {
			t.Fatalf("t = %v at the start", x)
		}
	}
}

func TestAugmentationKeepsToItsLimits(t *testing.T) {
	seen := map[[3]int32]bool{}
	for step := range 400 {
		d := newDraw(random(1, "moves", step), list(8), uniform, 1, 1, step%2 == 0)
		for i, m := range d.moves[2] {
			if m[1] < -1 || m[1] > 1 || m[2] < -1 || m[2] > 1 || m[0] != 0 && step%2 != 0 {
				t.Fatalf("moved by %v", m)
			}
			seen[[3]int32(m)] = true
			if want := moveRow(list(8)[i].moveB); !slices.Equal(d.moves[1][i], want) {
				t.Fatalf("registered by %v instead of %v", d.moves[1][i], want)
			}
		}
	}
	if len(seen) != 2*3*3 {
		t.Errorf("%d of 18 moves were drawn", len(seen))
	}
}

func TestAPartOfADrawIsThatPart(t *testing.T) {
	d := newDraw(random(1, "part", 0), list(6), uniform, 1, 2, true)
	p := d.slice(2, 5)
	if !slices.Equal(p.indexA, d.indexA[2:5]) || !slices.Equal(p.indexB, d.indexB[2:5]) || !slices.Equal(p.t, d.t[2:5]) || !reflect.DeepEqual(p.moves[2], d.moves[2][2:5]) {
		t.Errorf("%+v of %+v", p, d)
	}
	if slices.Equal(p.noise, d.slice(0, 2).noise) {
		t.Error("two parts of a batch get the same noise")
	}
	if !slices.Equal(d.slice(0, 6).noise, d.noise) {
		t.Error("an undivided batch gets other noise")
	}
}

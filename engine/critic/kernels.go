package critic

import (
	"math"

	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/layer"
)

// What the two networks compute in a graph, by package direct on the processor. Vectors of parameters, gradients and
// states of the power iteration lie as for the graph; images are [n,side,side,3] unless said otherwise.

// stacked are a network's convolutions as kernels, and where their parameters lie in a vector.
type stacked struct {
	*direct.Stack
	layers  []direct.StackLayer
	weights []int
	biases  []int
}

func newStacked(table layer.Table, layers []direct.StackLayer, slope float32, linear bool) stacked {
	s := stacked{Stack: direct.NewStack(layers, slope, linear), layers: layers}
	at := 0
	for i := range layers { // weight and bias of each convolution come first in both tables
		s.weights, s.biases = append(s.weights, at), append(s.biases, at+table[2*i].Size())
		at += table[2*i].Size() + table[2*i+1].Size()
	}
	return s
}

func (s stacked) weight(flat []float32, i int) []float32 { return flat[s.weights[i]:s.biases[i]] }
func (s stacked) bias(flat []float32, i int) []float32 {
	return flat[s.biases[i] : s.biases[i]+s.layers[i].Out]
}

func (s stacked) each(flat []float32) (weights, biases [][]float32) {
	for i := range s.layers {
		weights, biases = append(weights, s.weight(flat, i)), append(biases, s.bias(flat, i))
	}
	return weights, biases
}

// ClassifierKernels is the classifier with parameters.
type ClassifierKernels struct {
	stacked
	flat []float32
}

// NewKernels is the classifier by kernels; direct.Available must hold.
func (c Classifier) NewKernels() *ClassifierKernels {
	var layers []direct.StackLayer
	for _, l := range c.levels() {
		layers = append(layers, direct.StackLayer{K: 3, In: l.in, Out: l.out, Stride: l.stride})
	}
	return &ClassifierKernels{stacked: newStacked(c.Table(), layers, 0.1, false)}
}

// Set takes the parameters.
func (k *ClassifierKernels) Set(flat []float32) {
	k.flat = flat
	k.Stack.Set(k.each(flat))
}

// FeatureLoss is flow.FeatureLoss of the classifier's layers at xt for a residual, found by a step of probe along it, and
// its gradient by the residual.
func (k *ClassifierKernels) FeatureLoss(xt, residual []float32, n, side int, probe float32) (loss float64, gradient []float32) {
	moved := make([]float32, len(xt))
	for i, r := range residual {
		moved[i] = xt[i] + probe*r
	}
	base := k.Run(xt, n, side)
	defer base.Free()
	run := k.Run(moved, n, side)
	defer run.Free()
	d := make([][]float32, len(k.layers))
	for i := range d {
		a, b := base.Out(i), run.Out(i)
		d[i] = make([]float32, len(a), len(a)+16)
		scale := 2 / (probe * probe * float32(len(a)))
		sum := 0.
		for j, v := range b {
			e := v - a[j]
			sum += float64(e * e)
			d[i][j] = scale * e
		}
		loss += sum / float64(probe*probe) / float64(len(a))
	}
	gradient = make([]float32, len(xt))
	run.Back(direct.StackGradient{D: d, Input: gradient})
	for i := range gradient {
		gradient[i] *= probe
	}
	return loss, gradient
}

// mean averages the last layer over the pixels of each image: [n, 64].
func (k *ClassifierKernels) mean(run *direct.StackRun, n int) []float32 {
	last := len(k.layers) - 1
	return pixelMean(run.Out(last), n, k.Width(last))
}

func pixelMean(h []float32, n, width int) []float32 {
	out := make([]float32, n*width)
	per := len(h) / n
	for i := range n {
		sum := make([]float64, width)
		for at := i * per; at < (i+1)*per; at += width {
			for j, v := range h[at : at+width] {
				sum[j] += float64(v)
			}
		}
		for j, s := range sum {
			out[i*width+j] = float32(s / float64(per/width))
		}
	}
	return out
}

// logits are the verdicts on the means of the last layer.
func (k *ClassifierKernels) logits(mean []float32, n int) []float32 {
	width := len(mean) / n
	at := k.biases[len(k.biases)-1] + k.layers[len(k.layers)-1].Out
	weight, bias := k.flat[at:at+width], k.flat[at+width]
	out := make([]float32, n)
	for i := range out {
		sum := float64(bias)
		for j, w := range weight {
			sum += float64(w) * float64(mean[i*width+j])
		}
		out[i] = float32(sum)
	}
	return out
}

// Gradient is the cross-entropy of images with labels (0 source, 1 target) and its gradient by the parameters.
func (k *ClassifierKernels) Gradient(x, labels []float32, n, side int) (loss float64, gradient []float32) {
	run := k.Run(x, n, side)
	defer run.Free()
	mean := k.mean(run, n)
	width := len(mean) / n
	last := len(k.layers) - 1
	gradient = make([]float32, len(k.flat))
	at := k.biases[last] + k.layers[last].Out
	d := make([][]float32, len(k.layers))
	out := run.Out(last)
	d[last] = make([]float32, len(out), len(out)+16)
	per := len(out) / n
	for i, z := range k.logits(mean, n) {
		y := labels[i]
		loss += (math.Max(float64(z), 0) - float64(z*y) + math.Log1p(math.Exp(-math.Abs(float64(z))))) / float64(n)
		dz := float32((1/(1+math.Exp(-float64(z))) - float64(y)) / float64(n))
		gradient[at+width] += dz
		for j := range width {
			gradient[at+j] += dz * mean[i*width+j]
		}
		for o := i * per; o < (i+1)*per; o += width {
			for j := range width {
				d[last][o+j] = dz * k.flat[at+j] * float32(width) / float32(per)
			}
		}
	}
	weights, biases := k.each(gradient)
	run.Back(direct.StackGradient{D: d, Weights: weights, Biases: biases})
	return loss, gradient
}

// Look returns the features of each image, FeatureSize of them, and the verdicts.
func (k *ClassifierKernels) Look(x []float32, n, side int) (features [][]float32, logits []float32) {
	run := k.Run(x, n, side)
	defer run.Free()
	features = make([][]float32, n)
	for i := range k.layers {
		h, width := run.Out(i), k.Width(i)
		mean := pixelMean(h, n, width)
		per := len(h) / n
		for img := range n {
			sum := make([]float64, width)
			m := mean[img*width : (img+1)*width]
			for at := img * per; at < (img+1)*per; at += width {
				for j, v := range h[at : at+width] {
					e := float64(v - m[j])
					sum[j] += e * e
				}
			}
			features[img] = append(features[img], m...)
			for _, s := range sum {
				features[img] = append(features[img], float32(math.Sqrt(s/float64(per/width)+1e-8)))
			}
		}
	}
	return features, k.logits(k.mean(run, n), n)
}

// PatchKernels is the patch critic with parameters.
type PatchKernels struct {
	stacked
	flat  []float32
	sigma []float64   // largest singular value of each convolution, as estimated
	u, v  [][]float64 // the vectors of the estimate
	fixed [][]float32 // weights divided by it
}

// NewKernels is the critic by kernels; direct.Available must hold.
func (c Patch) NewKernels() *PatchKernels {
	var layers []direct.StackLayer
	for _, k := range c.convs() {
		layers = append(layers, direct.StackLayer{K: k.k, In: k.ci, Out: k.co, Stride: k.stride})
	}
	return &PatchKernels{stacked: newStacked(c.Table(), layers, 0.2, true)}
}

// Set takes the parameters and makes one step of the power iteration from singular; it returns its next state.
func (k *PatchKernels) Set(flat, singular []float32) (next []float32) {
	k.flat, k.sigma, k.u, k.v, k.fixed = flat, nil, nil, nil, nil
	at := 0
	var biases [][]float32
	for i, l := range k.layers {
		m := k.weight(flat, i) // [K·K·In, Out]
		u, v := make([]float64, l.Out), make([]float64, len(m)/l.Out)
		for j := range u {
			u[j] = float64(singular[at+j])
		}
		at += l.Out
		for r := range v {
			for j, w := range m[r*l.Out : (r+1)*l.Out] {
				v[r] += float64(w) * u[j]
			}
		}
		normalise(v)
		clear(u)
		for r := range v {
			for j, w := range m[r*l.Out : (r+1)*l.Out] {
				u[j] += float64(w) * v[r]
			}
		}
		normalise(u)
		sigma := 0.
		for r := range v {
			for j, w := range m[r*l.Out : (r+1)*l.Out] {
				sigma += v[r] * float64(w) * u[j]
			}
		}
		fixed := make([]float32, len(m))
		for j, w := range m {
			fixed[j] = float32(float64(w) / sigma)
		}
		k.sigma, k.u, k.v, k.fixed = append(k.sigma, sigma), append(k.u, u), append(k.v, v), append(k.fixed, fixed)
		biases = append(biases, k.bias(flat, i))
		for _, x := range u {
			next = append(next, float32(x))
		}
	}
	k.Stack.Set(k.fixed, biases)
	return next
}

func normalise(x []float64) {
	sum := 0.
	for _, v := range x {
		sum += v * v
	}
	for i := range x {
		x[i] /= math.Sqrt(sum) + 1e-12
	}
}

// Verdict is the mean score of images [n,side,side,In] and its gradient by them.
func (k *PatchKernels) Verdict(x []float32, n, side int) (verdict float64, gradient []float32) {
	run := k.Run(x, n, side)
	defer run.Free()
	d, scores := k.scores(run)
	for i := 0; i < len(d); i += k.width() {
		verdict += float64(scores[i]) / float64(len(d)/k.width())
		d[i] = 1 / float32(len(d)/k.width())
	}
	gradient = make([]float32, len(x))
	run.Back(direct.StackGradient{D: k.last(d), Input: gradient})
	return verdict, gradient
}

// Hinge is the critic's loss, the mean of max(0, 1 − score) over real images and of max(0, 1 + score) over as many false
// ones, and its gradient by the parameters; x holds both, the real ones first.
func (k *PatchKernels) Hinge(x []float32, n, side int) (loss float64, gradient []float32) {
	run := k.Run(x, 2*n, side)
	defer run.Free()
	d, scores := k.scores(run)
	half := len(d) / 2
	count := float64(half / k.width())
	for i := 0; i < len(d); i += k.width() {
		sign := 1.
		if i < half {
			sign = -1
		}
		if miss := 1 + sign*float64(scores[i]); miss > 0 {
			loss += miss / count
			d[i] = float32(sign / count)
		}
	}
	gradient = make([]float32, len(k.flat))
	weights, biases := k.each(gradient)
	run.Back(direct.StackGradient{D: k.last(d), Weights: weights, Biases: biases})
	for i, l := range k.layers { // from the divided weights to the weights
		dot := 0.
		for j, g := range weights[i] {
			dot += float64(g) * float64(k.fixed[i][j])
		}
		for r, v := range k.v[i] {
			for j, u := range k.u[i] {
				g := &weights[i][r*l.Out+j]
				*g = float32((float64(*g) - dot*v*u) / k.sigma[i])
			}
		}
	}
	return loss, gradient
}

func (k *PatchKernels) width() int { return k.Width(len(k.layers) - 1) }

// scores are the last layer's output, of which every width-th value is a score, and zeros for the gradient by it.
func (k *PatchKernels) scores(run *direct.StackRun) (d, scores []float32) {
	scores = run.Out(len(k.layers) - 1)
	return make([]float32, len(scores), len(scores)+16), scores
}

// last is a gradient by the last layer alone.
func (k *PatchKernels) last(d []float32) [][]float32 {
	all := make([][]float32, len(k.layers))
	all[len(all)-1] = d
	return all
}

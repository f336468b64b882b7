// Package critic holds the small networks that look at images for the trainer: a classifier of the two domains,
// whose layers are the features of the feature loss and of the measurements, and the patch critic of the refine
// finish. Each is a table of parts and a function that builds its graph; both are trained by engine/train.
package critic

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/straightway-app/straightway/engine/layer"
)

const classifierWidth = 16

// Classifier tells source (logit < 0) from target (logit > 0). The zero value is the classifier of the feature loss.
type Classifier struct {
	// Deeper is the number of further levels, each of half the resolution of the one before and as many channels as
	// the last. Without them a feature sees nine pixels by nine, with two thirty-three: enough for a whole image of 32.
	Deeper int
}

// classifierLevel is a convolution of side 3.
type classifierLevel struct {
	name            string
	in, out, stride int
}

func (c Classifier) levels() []classifierLevel {
	const w = classifierWidth
	out := []classifierLevel{{"conv0", 3, w, 1}, {"conv1", w, 2 * w, 2}, {"conv2", 2 * w, 4 * w, 2}}
	for i := range c.Deeper {
		out = append(out, classifierLevel{fmt.Sprintf("conv%d", 3+i), 4 * w, 4 * w, 2})
	}
	return out
}

// Table lists the classifier's parameters.
func (c Classifier) Table() layer.Table {
	var t layer.Table
	levels := c.levels()
	for _, l := range levels {
		t = t.Conv(l.name, 3, l.in, l.out, layer.Uniform)
	}
	return t.Dense("logit", levels[len(levels)-1].out, 1, layer.Uniform)
}

// Layers are the activations of x [B,S,S,3] at full, half and quarter resolution, with 16, 32 and 64 channels, and of the
// deeper levels.
func (c Classifier) Layers(p *layer.Params, x *Node) []*Node {
	var out []*Node
	for _, l := range c.levels() {
		x = leaky(p.Conv(l.name, x, l.stride), 0.1)
		out = append(out, x)
	}
	return out
}

// Logit is the verdict on each image, [B].
func (c Classifier) Logit(p *layer.Params, layers []*Node) *Node {
	return Reshape(p.Dense("logit", meanPixels(layers[len(layers)-1])), -1)
}

// FeatureSize is the length of a row of Features.
func (c Classifier) FeatureSize() (n int) {
	for _, l := range c.levels() {
		n += 2 * l.out
	}
	return n
}

// Features describe each image by the mean and the standard deviation over pixels of every channel of every layer:
// [B, FeatureSize()] float32.
func (Classifier) Features(layers []*Node) *Node {
	var parts []*Node
	for _, h := range layers {
		h = ConvertDType(h, dtypes.Float32)
		mean := meanPixels(h)
		d := h.Shape().Dimensions
		centred := Sub(h, Reshape(mean, d[0], 1, 1, d[3]))
		parts = append(parts, mean, Sqrt(AddScalar(meanPixels(Mul(centred, centred)), 1e-8)))
	}
	return Concatenate(parts, -1)
}

// Energy is the variance over the pixels of an image of what a layer's channels give, averaged over the channels and over
// the images whose Features are given, and summed over the layers.
func (c Classifier) Energy(features [][]float32) (energy float64) {
	for _, f := range features {
		at := 0
		for _, l := range c.levels() {
			for _, deviation := range f[at+l.out : at+2*l.out] {
				energy += float64(deviation) * float64(deviation) / float64(l.out*len(features))
			}
			at += 2 * l.out
		}
	}
	return energy
}

// Loss is the binary cross-entropy of logits [B] with labels [B] (0 source, 1 target).
func (Classifier) Loss(logits, labels *Node) *Node {
	// max(z,0) − z·y + log(1 + e^{−|z|})
	z := logits
	return ReduceAllMean(Add(Sub(MaxScalar(z, 0.0), Mul(z, labels)), Log1P(Exp(Neg(Abs(z))))))
}

func leaky(x *Node, slope float64) *Node { return Max(x, MulScalar(x, slope)) }

func meanPixels(x *Node) *Node { return ReduceMean(ReduceMean(x, 2), 1) }

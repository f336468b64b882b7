// Package critic holds the small networks that look at images for the trainer: a classifier of the two domains,
// whose layers are the features of the feature loss and of the measurements, and the patch critic of the refine
// finish. Each is a table of parts and a function that builds its graph; both are trained by engine/train.
package critic

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/straightway-app/straightway/engine/layer"
)

const classifierWidth = 16

// Classifier tells source (logit < 0) from target (logit > 0).
type Classifier struct{}

// Table lists the classifier's parameters.
func (Classifier) Table() layer.Table {
	const w = classifierWidth
	return layer.Table{}.
		Conv("conv0", 3, 3, w, layer.Uniform).
		Conv("conv1", 3, w, 2*w, layer.Uniform).
		Conv("conv2", 3, 2*w, 4*w, layer.Uniform).
		Dense("logit", 4*w, 1, layer.Uniform)
}

// Layers are the activations of x [B,S,S,3] at full, half and quarter resolution, with 16, 32 and 64 channels.
func (Classifier) Layers(p *layer.Params, x *Node) []*Node {
	var out []*Node
	for i, name := range []string{"conv0", "conv1", "conv2"} {
		x = leaky(p.Conv(name, x, min(2, 1+i)), 0.1)
		out = append(out, x)
	}
	return out
}

// Logit is the verdict on each image, [B].
func (c Classifier) Logit(p *layer.Params, layers []*Node) *Node {
	return Reshape(p.Dense("logit", meanPixels(layers[len(layers)-1])), -1)
}

// FeatureSize is the length of a row of Features.
const FeatureSize = 2 * 7 * classifierWidth

// Features describe each image by the mean and the standard deviation over pixels of every channel of every layer:
// [B, FeatureSize] float32.
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
func (Classifier) Energy(features [][]float32) (energy float64) {
	for _, f := range features {
		for width, at := classifierWidth, 0; at < len(f); width, at = 2*width, at+2*width {
			for _, deviation := range f[at+width : at+2*width] {
				energy += float64(deviation) * float64(deviation) / float64(width*len(features))
			}
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

package train

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/critic"
	"github.com/straightway-app/straightway/engine/direct"
	"github.com/straightway-app/straightway/engine/layer"
	"github.com/straightway-app/straightway/engine/model"
)

func toFloat(x *Node) *Node { return ConvertDType(x, dtypes.Float32) }

// classifyBatch is the number of images of each domain in a step of a classifier's training, classifyNoise the
// largest standard deviation of the noise that keeps it from looking at single pixel values.
const (
	classifyBatch = 32
	classifyNoise = .15
	classifyRate  = 2e-3
)

// classifySide is the side in pixels of what a classifier is taught on, so that teaching takes hardly longer at 256 px
// than at 32.
const classifySide = 32

// sight is how a domain classifier looks at images.
type sight struct {
	net   critic.Classifier
	whole bool // larger images are shrunk to classifySide; otherwise crops of that side teach it, and it looks at all pixels
}

// The two classifiers. That of the feature loss judges textures. That of the measurements has to tell the domains apart
// whatever they are: where images are larger than what it sees, crops of faces say nothing of whose they are (women → men
// at 64 px: nine pixels of crops tell .55 of held-out photographs right, of shrunken images .73, and the two deeper
// levels .91; docs/recipe.md, "The measurements").
var (
	lossSight    = sight{}
	measureSight = sight{net: critic.Classifier{Deeper: 2}, whole: true}
)

// see is what it looks at of images of size pixels, and the side of that.
func (s sight) see(x []float32, size int) ([]float32, int) {
	if !s.whole || size <= classifySide {
		return x, size
	}
	return shrunk(x, size, classifySide), classifySide
}

// shrunk are images of size pixels by the means of equal squares, of side pixels.
func shrunk(x []float32, size, side int) []float32 {
	by := size / side
	out := make([]float32, len(x)/(by*by))
	share := 1 / float32(by*by)
	for i := range len(x) / (size * 3) { // rows of all images
		to := out[i/by*side*3:][:side*3]
		for j, v := range x[i*size*3 : (i+1)*size*3] {
			to[j/3/by*3+j%3] += v * share
		}
	}
	return out
}

// classifyProgram is the gradient of the cross-entropy of a domain classifier.
type classifyProgram struct {
	exec    *Exec                     // nil where the kernels compute
	kernels *critic.ClassifierKernels // nil where the graph does
}

func newClassifyProgram(be *backend.Backend, how layer.Lowering, c critic.Classifier) (*classifyProgram, error) {
	if how.Kernels && direct.Available() {
		return &classifyProgram{kernels: c.NewKernels()}, nil
	}
	table := c.Table()
	exec, err := NewExec(be.Compute, func(in []*Node) []*Node {
		p := table.Bind(in[0], how)
		loss := c.Loss(c.Logit(p, c.Layers(p, in[1])), in[2])
		return []*Node{p.Gradient(loss), Reshape(loss, 1)}
	})
	return &classifyProgram{exec: exec}, err
}

func (c *classifyProgram) close() {
	if c.exec != nil {
		c.exec.Finalize()
	}
}

// run is the gradient by the parameters w, and the loss, on images x [B,side,side,3] with labels [B].
func (c *classifyProgram) run(w *tensors.Tensor, x, labels []float32, side int) (grad, stats *tensors.Tensor, err error) {
	if c.kernels != nil {
		flat, err := tensors.CopyFlatData[float32](w)
		if err != nil {
			return nil, nil, fmt.Errorf("copying the classifier: %w", err)
		}
		c.kernels.Set(flat)
		loss, gradient := c.kernels.Gradient(x, labels, len(labels), side)
		return vector(gradient), vector([]float32{float32(loss)}), nil
	}
	images := tensors.FromFlatDataAndDimensions(x, len(labels), side, side, 3)
	defer images.MustFinalizeAll()
	out, err := model.Call(c.exec, w, images, labels)
	if err != nil {
		return nil, nil, err
	}
	return out[0], out[1], nil
}

// classifyExamples draws a batch: as many images of both domains, cropped or shrunk, mirrored where that is allowed, with
// noise of each image's own level.
func (r *run) classifyExamples(rng *rand.Rand, eyes sight, other images, training []int) (x, labels []float32, side int) {
	size := r.settings.Size
	side = min(classifySide, size)
	add := func(set images, index []int, label float32) {
		for range classifyBatch {
			pixels := set.Image(index[rng.IntN(len(index))])
			move := augmentation(rng, r.recipe.Shift, r.flip)
			if eyes.whole {
				seen, _ := eyes.see(appendCrop(nil, pixels, size, size, 0, 0, move), size)
				x = append(x, seen...)
			} else {
				room := size - side
				x = appendCrop(x, pixels, size, side, rng.IntN(room+1), rng.IntN(room+1), move)
			}
			level := classifyNoise * rng.Float64()
			for i := len(x) - side*side*3; i < len(x); i++ {
				x[i] += float32(level * rng.NormFloat64())
			}
			labels = append(labels, label)
		}
	}
	add(other, training, 0)
	add(r.target, r.trainB, 1)
	return x, labels, side
}

// appendCrop appends a crop of side pixels at (top, left) of an image, moved and mirrored as flow.Batch does it.
func appendCrop(x []float32, pixels []byte, size, side, top, left int, move []int32) []float32 {
	reflect := func(i int) int {
		if i < 0 {
			i = -i
		}
		if i >= size {
			i = 2*(size-1) - i
		}
		return i
	}
	for y := top; y < top+side; y++ {
		row := reflect(y + int(move[1]))
		for c := left; c < left+side; c++ {
			column := reflect(c + int(move[2]))
			if move[0] == 1 {
				column = size - 1 - column
			}
			at := (row*size + column) * 3
			for _, b := range pixels[at : at+3] {
				x = append(x, float32(b)/127.5-1)
			}
		}
	}
	return x
}

// trainClassifier teaches a classifier of the two domains, or of target images and damaged copies of them where the
// source is noise, and returns its parameters.
func (r *run) trainClassifier(ctx context.Context, how layer.Lowering, eyes sight, seed uint64, name string, progress func(done, total int)) ([]float32, error) {
	steps := r.recipe.ClassifySteps
	program, err := newClassifyProgram(r.Backend, how, eyes.net)
	if err != nil {
		return nil, fmt.Errorf("preparing the domain classifier: %w", err)
	}
	defer program.close()
	l, err := newLearner(r.Backend, nil, "domain classifier", adam{beta1: .9, beta2: .999, epsilon: 1e-8}, eyes.net.Table().Init(seed))
	if err != nil {
		return nil, err
	}
	defer l.close()
	var other images
	training := r.trainA
	if r.noise == nil {
		other = r.source
	} else { // told from noise, a picture need have no more than edges
		copies := damaged(part{r.target, r.trainB}, seed)
		other, training = copies, nil
		for i := range copies.Len() {
			training = append(training, i)
		}
	}
	half := halfway{run: r, name: name}
	for step := half.load(l); step < steps; step++ {
		if err := ctx.Err(); err != nil {
			half.save(l, true)
			return nil, err
		}
		rng := random(seed, "classifier", step)
		x, labels, side := r.classifyExamples(rng, eyes, other, training)
		grad, stats, err := program.run(l.w, x, labels, side)
		if err != nil {
			return nil, fmt.Errorf("training the domain classifier: %w", err)
		}
		err = l.update(grad, stats, rate{learning: classifyRate})
		grad.MustFinalizeAll()
		stats.MustFinalizeAll()
		if err != nil {
			return nil, err
		}
		half.save(l, false)
		progress(step+1, steps)
	}
	w, err := tensors.CopyFlatData[float32](l.w)
	if err != nil {
		return nil, fmt.Errorf("copying the domain classifier: %w", err)
	}
	half.drop(name)
	return w, nil
}

// featureStrength is how strongly the features of the loss's classifier answer to images, as scaleOfFeatures measures it,
// that the recipe's weight of the feature loss goes with. Left as they are taught, classifiers of different seeds answer at
// 66 to 133, and the flow's L1 on colour → line art follows: 10.35 at 133, 9.54 at 80, 9.35 at 33 (seed 1).
const featureStrength = 33

// scaleOfFeatures is what the feature loss is multiplied by so that every classifier counts alike. The strength is the
// variance of the layers' activations over the pixels of an image, summed over the layers, divided by that of the images'
// own values: to the first order what a residual as large as an image's contrast makes of the loss.
func (r *run) scaleOfFeatures(classifier []float32) (float64, error) {
	const most = 64
	var x []float32
	for _, side := range []part{{r.source, r.trainA}, {r.target, r.trainB}} {
		x = append(x, unitPixels(part{side.images, side.index[:min(most, len(side.index))]})...)
	}
	eye, err := newJudge(r.Backend, r.how.InFloat32(), lossSight, append([]float32(nil), classifier...), r.settings.Size, r.lookBatch())
	if err != nil {
		return 0, err
	}
	defer eye.close()
	features, _, err := eye.look(x)
	if err != nil {
		return 0, err
	}
	strength, own := lossSight.net.Energy(features), 0.
	pixels := len(x) / len(features)
	for i := range features {
		var sum, squares float64
		for _, v := range x[i*pixels : (i+1)*pixels] {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		mean := sum / float64(pixels)
		own += (squares/float64(pixels) - mean*mean) / float64(len(features))
	}
	if !(own > 0 && strength > 0) { // images of one colour
		return 1, nil
	}
	return featureStrength * own / strength, nil
}

// judge looks at images through a trained classifier: their features for KID and whether it takes them for targets.
type judge struct {
	exec    *Exec                     // nil where the kernels compute
	kernels *critic.ClassifierKernels // nil where the graph does
	weights *tensors.Tensor
	eyes    sight
	batch   int
	size    int
}

func newJudge(be *backend.Backend, how layer.Lowering, eyes sight, weights []float32, size, batch int) (*judge, error) {
	c := eyes.net
	if how.Kernels && direct.Available() {
		k := c.NewKernels()
		k.Set(weights)
		return &judge{kernels: k, eyes: eyes, batch: batch, size: size}, nil
	}
	table := c.Table()
	exec, err := NewExec(be.Compute, func(in []*Node) []*Node {
		p := table.Bind(in[0], how)
		layers := c.Layers(p, in[1])
		return []*Node{c.Features(layers), c.Logit(p, layers)}
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the features of the measurements: %w", err)
	}
	return &judge{exec: exec.WithName("features"), weights: vector(weights), eyes: eyes, batch: batch, size: size}, nil
}

func (j *judge) close() {
	if j.kernels != nil {
		return
	}
	j.exec.Finalize()
	j.weights.MustFinalizeAll()
}

// look returns for n images (S×S×3 in [-1,1]) their features, row after row, and the share taken for targets.
func (j *judge) look(x []float32) (features [][]float32, accepted float64, err error) {
	x, side := j.eyes.see(x, j.size)
	pixels := side * side * 3
	total := len(x) / pixels
	taken := 0
	for at := 0; at < total; at += j.batch {
		n := min(j.batch, total-at)
		if j.kernels != nil {
			f, logits := j.kernels.Look(x[at*pixels:(at+n)*pixels], n, side)
			features = append(features, f...)
			for _, z := range logits {
				if z > 0 {
					taken++
				}
			}
			continue
		}
		in := make([]float32, j.batch*pixels)
		copy(in, x[at*pixels:(at+n)*pixels])
		t := tensors.FromFlatDataAndDimensions(in, j.batch, side, side, 3)
		out, err := model.Call(j.exec, j.weights, t)
		t.MustFinalizeAll()
		if err != nil {
			return nil, 0, fmt.Errorf("computing features: %w", err)
		}
		f := tensors.MustCopyFlatData[float32](out[0])
		logit := tensors.MustCopyFlatData[float32](out[1])
		out[0].MustFinalizeAll()
		out[1].MustFinalizeAll()
		width := len(f) / j.batch
		for i := range n {
			features = append(features, f[i*width:(i+1)*width])
			if logit[i] > 0 {
				taken++
			}
		}
	}
	return features, float64(taken) / float64(max(1, total)), nil
}

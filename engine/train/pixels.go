package train

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/flow"
	"github.com/straightway-app/straightway/engine/model"
)

// images is a set that batches are drawn from: N images of S×S×3 bytes.
type images interface {
	flow.Images
	Pixels() []byte // all images one after another
}

// shelf hands a set's pixels to the training programs: the whole set where it may stay on the device (uploaded
// once), else a tensor with just the images of the batch. The programs gather by index either way.
type shelf struct {
	set      images
	resident *tensors.Tensor
	noise    *noise // the set, where it is that
}

// residentLimit is the size in bytes up to which a set stays on a device that is the host itself.
const residentLimit = 256 << 20

func newShelf(be *backend.Backend, set images) *shelf {
	s := &shelf{set: set}
	if n, ok := set.(noise); ok {
		s.noise = &n
		return s
	}
	limit := int64(residentLimit)
	if be.Kind == backend.CUDA {
		limit = 8 << 30
	}
	if be.ResidentData() && int64(set.Len())*int64(set.Size()*set.Size()*3) <= limit {
		n := set.Size()
		s.resident = tensors.FromFlatDataAndDimensions(set.Pixels(), set.Len(), n, n, 3)
	}
	return s
}

// batch returns the pixels [N,S,S,3] uint8 and the indices into them for a batch; done frees what is only for it. Noise
// comes as the batch itself, [B,S,S,3] float32.
func (s *shelf) batch(index []int32) (pixels *tensors.Tensor, at []int32, done func()) {
	if s.resident != nil {
		return s.resident, index, func() {}
	}
	n := s.set.Size()
	if s.noise != nil {
		flat := make([]float32, 0, len(index)*n*n*3)
		for _, i := range index {
			flat = s.noise.append(flat, int(i))
		}
		t := tensors.FromFlatDataAndDimensions(flat, len(index), n, n, 3)
		return t, index, func() { t.MustFinalizeAll() }
	}
	flat := make([]byte, 0, len(index)*n*n*3)
	at = make([]int32, len(index))
	for k, i := range index {
		flat = append(flat, s.set.Image(int(i))...)
		at[k] = int32(k)
	}
	t := tensors.FromFlatDataAndDimensions(flat, len(index), n, n, 3)
	return t, at, func() { t.MustFinalizeAll() }
}

func (s *shelf) close() {
	if s.resident != nil {
		s.resident.MustFinalizeAll()
	}
}

// memory is a set of images in host memory.
type memory struct {
	size   int
	pixels []byte
}

func (m memory) Len() int           { return len(m.pixels) / (m.size * m.size * 3) }
func (m memory) Size() int          { return m.size }
func (m memory) Pixels() []byte     { return m.pixels }
func (m memory) Image(i int) []byte { n := m.size * m.size * 3; return m.pixels[i*n : (i+1)*n] }

// noise is N(0, I) as a set of images without end; see model.AppendNoise.
type noise struct {
	size    int
	purpose string
	seed    uint64
}

func (n noise) Len() int       { return math.MaxInt32 }
func (n noise) Size() int      { return n.size }
func (n noise) Pixels() []byte { return nil } // there is no end of them

// Image is what can be shown of the i-th: the values in [-1,1].
func (n noise) Image(i int) []byte { return model.Bytes(n.append(nil, i)) }

func (n noise) append(dst []float32, i int) []float32 {
	return model.AppendNoise(dst, n.seed, n.purpose, i, n.size*n.size*3)
}

// joined is two sets one after the other.
type joined struct{ first, second images }

func (j joined) Len() int       { return j.first.Len() + j.second.Len() }
func (j joined) Size() int      { return j.first.Size() }
func (j joined) Pixels() []byte { return slices.Concat(j.first.Pixels(), j.second.Pixels()) }

func (j joined) Image(i int) []byte {
	if n := j.first.Len(); i >= n {
		return j.second.Image(i - n)
	}
	return j.first.Image(i)
}

// part is a set seen through a list of indices: the training or the held-out images.
type part struct {
	images
	index []int
}

func (p part) Len() int           { return len(p.index) }
func (p part) Image(i int) []byte { return p.images.Image(p.index[i]) }

// random is model.Random.
func random(seed uint64, purpose string, step int) *rand.Rand {
	return model.Random(seed, purpose, step)
}

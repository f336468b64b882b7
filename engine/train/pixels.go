package train

import (
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/flow"
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
}

// residentLimit is the size in bytes up to which a set stays on a device that is the host itself.
const residentLimit = 256 << 20

func newShelf(be *backend.Backend, set images) *shelf {
	s := &shelf{set: set}
	limit := int64(residentLimit)
	if be.Kind == backend.CUDA {
		limit = 8 << 30
	}
	if be.ResidentData() && int64(len(set.Pixels())) <= limit {
		n := set.Size()
		s.resident = tensors.FromFlatDataAndDimensions(set.Pixels(), set.Len(), n, n, 3)
	}
	return s
}

// batch returns the pixels [N,S,S,3] uint8 and the indices into them for a batch; done frees what is only for it.
func (s *shelf) batch(index []int32) (pixels *tensors.Tensor, at []int32, done func()) {
	if s.resident != nil {
		return s.resident, index, func() {}
	}
	n := s.set.Size()
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

// part is a set seen through a list of indices: the training or the held-out images.
type part struct {
	images
	index []int
}

func (p part) Len() int           { return len(p.index) }
func (p part) Image(i int) []byte { return p.images.Image(p.index[i]) }

// random returns the generator of one step of one purpose: a pure function of its arguments, so that a resumed run
// draws what an uninterrupted one would.
func random(seed uint64, purpose string, step int) *rand.Rand {
	h := seed ^ 0xcbf29ce484222325
	for _, c := range []byte(purpose) {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return rand.New(rand.NewPCG(h, uint64(step)))
}

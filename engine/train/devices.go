package train

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/dtensor"

	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/model"
)

// DevicesError says why training cannot use as many devices as it was asked to.
type DevicesError struct {
	Devices     int
	Cause, Cure string
}

// Error gives the cause and the cure in one line.
func (e *DevicesError) Error() string {
	return fmt.Sprintf("--devices %d: %s: %s", e.Devices, e.Cause, e.Cure)
}

// mesh is the devices of a training that has more than one; a nil mesh is the first device alone. Each of them holds
// the whole state and all resident images, and computes an equal part of the batch.
//
// A program is written for the whole batch all the same: XLA divides it, and adds up over the devices what the
// gradient adds up over the batch. So the noise, the losses and the weights are those of one device, to rounding.
//
// A tensor of the first device stands for its copies on the others: the rest of this package handles that one as it
// does without a mesh, and the copies go when it has gone. One goroutine at a time may use a mesh.
type mesh struct {
	be      compute.Backend
	devices *distributed.DeviceMesh
	copies  map[*tensors.Tensor][]*tensors.Tensor // on the second and further devices
}

// newMesh takes the first n devices of a backend for batches of a size; less than 2 are no mesh. The error is a
// [*DevicesError] where there are too few devices or the batch cannot be divided equally.
func newMesh(be *backend.Backend, n, batch int) (*mesh, error) {
	switch {
	case n < 2:
		return nil, nil
	case n > be.Devices && be.Devices == 1:
		return nil, &DevicesError{n, fmt.Sprintf("backend %s has 1 device", be.Label), "leave --devices out, or choose another backend: straightway doctor tells how many devices each has"}
	case n > be.Devices:
		return nil, &DevicesError{n, fmt.Sprintf("backend %s has %d devices", be.Label, be.Devices), fmt.Sprintf("give at most %d", be.Devices)}
	case batch%n != 0:
		return nil, &DevicesError{n, fmt.Sprintf("a batch of %d images cannot be divided into %d equal parts", batch, n), fmt.Sprintf("use %s, or train with another --batch", divisors(batch, be.Devices))}
	}
	devices, err := distributed.NewDeviceMesh([]int{n}, []string{batchAxis})
	if err != nil {
		return nil, fmt.Errorf("arranging %d devices: %w", n, err)
	}
	return &mesh{be.Compute, devices, map[*tensors.Tensor][]*tensors.Tensor{}}, nil
}

// batchAxis is the name of a mesh's one axis.
const batchAxis = "batch"

// divisors lists the numbers of devices up to a limit that divide n: "1, 2 or 4 devices".
func divisors(n, most int) string {
	var all []string
	for k := 1; k <= min(n, most); k++ {
		if n%k == 0 {
			all = append(all, strconv.Itoa(k))
		}
	}
	if len(all) == 1 {
		return "1 device"
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1] + " devices"
}

// count is the number of devices.
func (m *mesh) count() int {
	if m == nil {
		return 1
	}
	return m.devices.NumDevices()
}

// half is about half of a part of a batch, rounded up to what the devices can share equally.
func (m *mesh) half(images int) int {
	n := m.count()
	return ((images+1)/2 + n - 1) / n * n
}

func (m *mesh) close() {
	if m == nil {
		return
	}
	for t := range m.copies {
		m.drop(t)
	}
}

// drop frees a tensor's copies.
func (m *mesh) drop(t *tensors.Tensor) {
	for _, c := range m.copies[t] {
		c.MustFinalizeAll()
	}
	delete(m.copies, t)
}

// tidy frees the copies of tensors that have been freed.
func (m *mesh) tidy() {
	for t := range m.copies {
		if !t.Ok() {
			m.drop(t)
		}
	}
}

// everywhere returns a tensor followed by its copies, which are made at its first use.
func (m *mesh) everywhere(t *tensors.Tensor) ([]*tensors.Tensor, error) {
	if _, ok := m.copies[t]; !ok {
		for d := 1; d < m.count(); d++ {
			c, err := t.OnDeviceClone(m.be, compute.DeviceNum(d))
			if err != nil {
				m.drop(t)
				return nil, fmt.Errorf("copying %s to device %d: %w", t.Shape(), d, err)
			}
			m.copies[t] = append(m.copies[t], c)
		}
	}
	return append([]*tensors.Tensor{t}, m.copies[t]...), nil
}

// program is a compiled computation on one device or on those of a mesh.
type program struct {
	*Exec
	mesh  *mesh
	specs []*distributed.ShardingSpec // of the inputs, where there is a mesh
}

// newProgram prepares a computation of so many inputs; compiling happens at its first call. cut names the axis of the
// batch of those inputs that are divided among the devices of a mesh. All results are whole on each device.
func newProgram(be *backend.Backend, m *mesh, name string, inputs int, cut map[int]int, graph func([]*Node) []*Node) (*program, error) {
	exec, err := NewExec(be.Compute, graph)
	if err != nil {
		return nil, err
	}
	p := &program{Exec: exec.WithName(name), mesh: m}
	if m == nil {
		return p, nil
	}
	whole := distributed.NewReplicatedShardingSpec(m.devices)
	for i := range inputs {
		spec := whole
		if axis, ok := cut[i]; ok {
			b := distributed.BuildSpec(m.devices)
			for range axis {
				b.R()
			}
			if spec, err = b.S(batchAxis).Done(); err != nil {
				return nil, err
			}
		}
		p.specs = append(p.specs, spec)
	}
	exec.AutoSharding(m.devices).WithInputShardingSpecs(p.specs...).WithOutputShardingSpecs(whole)
	return p, nil
}

// call runs the program. Tensors are whole on each device; values of Go are divided as newProgram was told.
func (p *program) call(args ...any) ([]*tensors.Tensor, error) {
	if p.mesh == nil {
		return model.Call(p.Exec, args...)
	}
	p.mesh.tidy()
	n := p.mesh.count()
	all := make([]any, n*len(args)) // those of the first device, then those of the second, …
	for i, arg := range args {
		shards, free, err := p.spread(i, arg)
		if err != nil {
			return nil, err
		}
		defer free()
		for d, s := range shards {
			all[d*len(args)+i] = s
		}
	}
	out, err := model.Call(p.Exec, all...)
	if err != nil {
		return nil, err
	}
	k := len(out) / n
	for i := range k {
		for d := 1; d < n; d++ {
			p.mesh.copies[out[i]] = append(p.mesh.copies[out[i]], out[d*k+i])
		}
	}
	return out[:k], nil
}

// spread gives each device its part of argument i, or a copy; free frees what is only for this call.
func (p *program) spread(i int, arg any) (shards []*tensors.Tensor, free func(), err error) {
	if t, ok := arg.(*tensors.Tensor); ok {
		shards, err = p.mesh.everywhere(t)
		return shards, func() {}, err
	}
	t, err := tensors.FromAnyValue(arg)
	if err != nil {
		return nil, nil, err
	}
	defer t.MustFinalizeAll()
	parts, err := dtensor.ShardTensor(p.specs[i], t)
	if err != nil {
		return nil, nil, fmt.Errorf("dividing %s among %d devices: %w", t.Shape(), p.mesh.count(), err)
	}
	return parts.Shards(), func() { _ = parts.Finalize() }, nil
}

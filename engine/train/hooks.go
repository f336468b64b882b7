package train

// hooks let the tests of this package make a run small and make things go wrong. The zero value does nothing.
type hooks struct {
	recipe  func(*Recipe) // changes the recipe
	few     int           // held-out images that are looked at, images that flow together, directions of a distance
	careful bool          // the loss is read after every step
	graph   bool          // networks are computed in graphs, not by the kernels
	// spoil is called before each gradient of so many images: it may poison its numbers or make it fail.
	spoil func(round string, step, images int) (poison bool, err error)
	// read is called before the losses are read.
	read func(round string, step int) error
}

// limit is n, or the few that a test wants.
func (h hooks) limit(n int) int {
	if h.few > 0 {
		return min(n, h.few)
	}
	return n
}

// Package layer holds the few building blocks that the networks of Straightway are made of: a flat parameter
// vector with named parts, convolutions lowered as each backend wants them, group normalisation folded to one
// affine map, and SiLU with a cheap gradient.
//
// A network's parameters are one float32 vector. Its parts are cut out of the vector when the graph is built, and
// the gradient comes back as one vector too, so that the optimiser, the moving average, a checkpoint and a
// snapshot are each a single tensor. A training step is then a pure function of tensors that nobody changes:
// a failed step loses nothing and a preview may read the weights while the next step runs.
//
// Images are NHWC. Graph-building functions panic with an error, as GoMLX's do; whoever builds the program
// turns that into an error value once.
package layer

// Package train runs the stages of rectified flow over a project: coupling and flow, reflow rounds, and the finish
// that makes one step enough. It measures each round on held-out images, saves itself so that a kill costs at most
// the last interval, and goes on exactly where it stood.
//
// Everything random in a step is a function of the project's seed, the round and the step's number, and the state of
// a round is a handful of tensors, so that a run that was interrupted and one that was not end with the same numbers.
//
// Run publishes immutable events; whoever watches them draws or prints and is never called for anything else.
package train

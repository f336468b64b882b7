// Package translate sends pictures through a trained network and gives them
// back at their own size: one of them (Image) or a queue of files and folders
// (Run).
//
// The network takes squares of a fixed, mostly small side S. A picture is
// scaled to a canvas whose shorter side is S, the canvas is covered by tiles
// (canvas.go), the tiles are translated and joined, and the change is carried
// over to every pixel of the source by a guided filter (detail.go), which
// leaves the source's detail where it belongs to the translation. Transparency
// comes from the source (restore.go). With SizeModel nothing of that happens
// and the bare S×S translation is the result.
//
// Run is a pipeline of three stages that work at the same time: reading,
// network, writing (pipeline.go). Memory is bounded by the bytes of the
// pictures in it, not by their number (budget.go). What is written where is
// decided beforehand (names.go), files appear under their names only when they
// are whole (output.go), and a journal in the output folder tells a later run
// what is done (journal.go). Several processes can share a job (shard.go).
package translate

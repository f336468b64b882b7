// Package plane is rectified flow in two dimensions, where every claim about it can be seen and measured in seconds:
// particles flow from one shape to another, round after round, and each round comes with the quantities that the
// theorems of Liu, Gong and Liu 2022 (arXiv 2209.03003) speak of.
//
//   - [Shape] is a distribution of points: [Parse] knows the named ones, [FromPicture] and [FromPoints] make others.
//   - [Run] trains the rounds, by the products of engine/direct, and returns a [Result] of [Round] values: particle paths and
//     [Measurements], which nobody changes afterwards. Its progress callback receives each round as it is finished.
//   - [Exact] is the closed-form velocity of a finite coupling, beside which a trained one can be held: [Reference].
//   - [Result.Charts] are the diagrams of the guarantees, which engine/chart draws. [Figure], [Film] and the CSV writers
//     of [Round] and [Result] turn rounds into files; [Result.Write] makes all of them in a folder.
//
// Points are float32 coordinates laid one after another, x before y; n points are 2n values. Lengths are those of the
// named shapes, which fill the square [−2, 2]². Squared norms are over both coordinates. The package knows no screen.
package plane

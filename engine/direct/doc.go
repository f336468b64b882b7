// Package direct evaluates the velocity network and its gradient on the processor by kernels of its own: no program is
// compiled, so that the first image and the first training step come at once, and there is no library to install.
//
// What makes it fast: 3×3 convolutions by Winograd's F(4×4, 3×3) (Lavin and Gray 2015, arXiv 1509.09308), which take a
// quarter of the multiplications, with transforms and products on tiles that stay in the cache; the weight gradient in
// the same transformed space; normalisation, time conditioning and SiLU in one pass over memory, as in package layer.
// In bfloat16 the tiles of AMX do without transforms (half.go). The kernels need AVX2 and FMA, and use AVX-512 where there
// is some. They are Go with vector intrinsics, but for the product's inner loop, for the transforms with AVX-512, and for
// tiles, which are assembly.
//
// Activations lie as NHWC float32; what a convolution in bfloat16 sees is packed. Results do not depend on the number of
// cores, bit for bit. They differ from those of the graph that package unet builds by rounding: some 10⁻⁶ of the values'
// size, in the gradient some 10⁻⁵; in bfloat16 by less than 10⁻² and 2·10⁻².
package direct

// Prepare, where it is set before the first evaluation, is called first on each goroutine that helps with evaluations and with Each;
// it may give the goroutine a thread and that a priority.
var Prepare func()

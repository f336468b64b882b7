// Package measure turns images, features and trajectories into the numbers by
// which rounds of rectified flow are compared.
//
//   - pairs of images that ought to be equal: [L1], [PSNR], [SSIM], [ComparePair]
//   - two sets that ought to have one distribution: [KID], [SlicedWasserstein],
//     [EnergyDistance]
//   - the flow itself: [TransportCost], [Straightness], [Crossing], and the
//     identity that joins them, [CheckIdentity]
//   - whether outputs repeat training images: [Search], [CompareCloseness]
//   - how much of the source's layout an output keeps: [EdgeCorrelation]
//
// and what reports put beside them: a yardstick, [ColourMap], and pictures,
// [Sheet].
//
// Images are RGB, rows of height × width × 3, either uint8 or float32 in
// [−1, 1] with x = u8/127.5 − 1; see [Images]. Everything is computed on the
// host, on all cores, and gives the same result for the same seed whatever the
// number of cores.
package measure

//go:build amd64 && goexperiment.simd && !linux

package direct

// tiled is false: how other systems lend a processor's tiles is not written.
const tiled = false

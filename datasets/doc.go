// Package datasets turns a folder of image files into one array of equal
// squares that a network can be trained on.
//
// The way in has five steps, one file of this package each:
//
//	walk.go    lists the candidate files of a folder, in a fixed order
//	decode.go  turns one file into upright pixels with straight alpha
//	fit.go     makes a size×size RGB square of those pixels
//	cache.go   keeps the squares of a whole folder in one mapped file
//	split.go   sets a tenth of them aside, never to be trained on
//
// A file that cannot be used is passed over with a reason and never stops the
// rest. Nothing is believed about a file but its content: the format is sniffed
// from the first bytes, and the size is read from the header and checked
// against the Limits before a single pixel is decoded.
//
// Pixels are sRGB bytes throughout, resampled as they are (without linearising,
// like the tools whose outputs the training recipe was tuned on); embedded
// colour profiles are ignored.
package datasets

package datasets

// What an image without colour may have of it: bytes between its channels, on the mean and at any pixel. A grey JPEG
// that was saved as a coloured one has two or three on the mean.
const (
	greyMean = 4
	greyMost = 16
)

// Grey tells whether an image of RGB bytes has no colour: its channels are alike but for what compression leaves.
func Grey(rgb []byte) bool {
	sum := 0
	for i := 0; i+2 < len(rgb); i += 3 {
		r, g, b := rgb[i], rgb[i+1], rgb[i+2]
		chroma := int(max(r, g, b) - min(r, g, b))
		if chroma > greyMost {
			return false
		}
		sum += chroma
	}
	return sum <= greyMean*len(rgb)/3
}

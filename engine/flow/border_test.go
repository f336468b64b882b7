package flow

import (
	"math"
	"testing"
)

// Only the outermost pixels count: their spread is that of a known distribution, whatever is inside.
func TestBorderSpread(t *testing.T) {
	const size = 8
	picture := func(border, inside float64) []byte {
		return drawn(size, func(y, x int) [3]float64 {
			if y == 0 || x == 0 || y == size-1 || x == size-1 {
				return [3]float64{border, border, 40}
			}
			return [3]float64{inside, 255 - inside, inside}
		})
	}
	if got := BorderSpread(album{size: size, list: [][]byte{picture(250, 0), picture(250, 255)}}); got > 1e-6 {
		t.Errorf("one colour around all pictures has a spread of %g", got)
	}
	// Two of three channels are half the time 50 below and half the time 50 above their mean.
	got := BorderSpread(album{size: size, list: [][]byte{picture(100, 0), picture(200, 0)}})
	if want := 50 * math.Sqrt(2./3); math.Abs(got-want) > 1e-6 {
		t.Errorf("spread %g, want %g", got, want)
	}
}

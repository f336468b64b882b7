package datasets

import "testing"

func TestGrey(t *testing.T) {
	page := make([]byte, 3*100) // white paper
	for i := range page {
		page[i] = 255
	}
	with := func(n int, r, g, b byte) []byte {
		out := append([]byte(nil), page...)
		for i := range n {
			copy(out[3*i:], []byte{r, g, b})
		}
		return out
	}
	for name, c := range map[string]struct {
		rgb  []byte
		want bool
	}{
		"white":                        {page, true},
		"what compression leaves":      {with(100, 100, 102, 101), true},
		"sepia":                        {with(100, 110, 104, 98), false},
		"one coloured dot on a page":   {with(1, 255, 0, 0), false},
		"a few pixels beside the rest": {with(5, 200, 208, 203), true},
	} {
		if got := Grey(c.rgb); got != c.want {
			t.Errorf("%s: grey is %v", name, got)
		}
	}
}

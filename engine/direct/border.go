//go:build amd64 && goexperiment.simd

package direct

// beyond fills the frames of images, where the network's convolutions see the pixels at the border beyond it too.
func (p *pass) beyond(f *framed) {
	if !p.config.Repeat {
		return
	}
	c, pitch := f.px, f.cols()*f.px
	p.team.each(p.n, func(i int) {
		for y := range f.h {
			o := f.row(i, y)
			copy(f.v[o-c:o], f.v[o:o+c])
			copy(f.v[o+f.w*c:o+(f.w+1)*c], f.v[o+(f.w-1)*c:])
		}
		first, last := f.row(i, 0)-c, f.row(i, f.h-1)-c
		copy(f.v[first-pitch:first-pitch+(f.w+2)*c], f.v[first:])
		copy(f.v[last+pitch:last+pitch+(f.w+2)*c], f.v[last:])
	})
}

// convolveBack sets dx to the gradient by the input of c, for the gradient dy by its output.
func (p *pass) convolveBack(c *conv, dy *framed, dx []float32) {
	p.convolve(c.back, dy, p.nothing(), nil, dx)
	if !p.config.Repeat {
		return
	}
	// What the filter says of the places beyond the border goes to the pixels that stood there. Beyond the upper and the
	// lower border, from corner to corner, that is a product with the three pixels of the nearest row; beyond the others,
	// with those of the nearest column.
	f, h, w := c.back, dy.h, dy.w
	wide := f.panels * panel
	tap := func(y, x int) []float32 { return f.taps[(3*y+x)*f.ci*wide:] }
	p.team.each(p.n, func(i int) {
		sum, line := p.mem.take(max(w+2, h)*wide), p.mem.take(max(w+4, h+2)*f.ci)
		add := func(y, x, k int) { plus(&dx[((i*h+y)*w+x)*f.co], &sum[k*wide], f.co) }
		for _, side := range []struct{ y, tap int }{{0, 2}, {h - 1, 0}} {
			dy.line(line, dy.row(i, side.y)-2*dy.px, dy.px, w+4)
			gemm(sum, wide, line, f.ci, 1, tap(side.tap, 0), wide, w+2, wide, 3*f.ci, false)
			for k := range w + 2 {
				add(side.y, min(max(k-1, 0), w-1), k)
			}
		}
		for _, side := range []struct{ x, tap int }{{0, 2}, {w - 1, 0}} {
			dy.line(line, dy.row(i, -1)+side.x*dy.px, dy.cols()*dy.px, h+2)
			for y := range 3 {
				gemm(sum, wide, line[y*f.ci:], f.ci, 1, tap(y, side.tap), wide, h, wide, f.ci, y > 0)
			}
			for k := range h {
				add(k, side.x, k)
			}
		}
		p.mem.back(sum, line)
	})
}

// line sets to to n pixels of a frame, from the place at on, next values apart.
func (f *framed) line(to []float32, at, next, n int) {
	for k := range n {
		from := f.v[at+k*next : at+k*next+f.px]
		if f.packed() {
			unpack(&to[k*f.c], &from[0], f.c)
		} else {
			copy(to[k*f.c:], from)
		}
	}
}

package translate

import (
	"context"
	"fmt"
	"image"
	"image/draw"

	"github.com/straightway-app/straightway/datasets"
)

// Comparison shows side by side, with a white gap, what restoring does: the
// source on the background, the network's own result enlarged by Catmull-Rom
// interpolation, and the result of Image with its detail carried over. Fit is
// taken as Stretch, so that all three show the same. The documentation's
// picture is made with it.
func Comparison(ctx context.Context, net Network, src *image.NRGBA, o Options) (*image.NRGBA, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	o.Fit = datasets.Stretch
	o.Size = Model
	bare, err := Image(ctx, net, src, o)
	if err != nil {
		return nil, fmt.Errorf("translate without detail: %w", err)
	}
	o.Size = Original
	full, err := Image(ctx, net, src, o)
	if err != nil {
		return nil, fmt.Errorf("translate with detail: %w", err)
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	gap := max(2, w/32)
	out := image.NewNRGBA(image.Rect(0, 0, 3*w+2*gap, h))
	draw.Draw(out, out.Rect, image.NewUniform(datasets.White), image.Point{}, draw.Src)
	for i, panel := range []*image.NRGBA{src, datasets.Resize(bare, w, h), full} {
		at := image.Rect(0, 0, w, h).Add(image.Pt(i*(w+gap), 0))
		draw.Draw(out, at, image.NewUniform(o.Background), image.Point{}, draw.Src)
		draw.Draw(out, at, panel, panel.Rect.Min, draw.Over)
	}
	return out, nil
}

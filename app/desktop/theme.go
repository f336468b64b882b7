//go:build !headless

package desktop

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/straightway-app/straightway/assets"
)

// look is the window's theme: Fyne's with our font, our accent and a scale.
type look struct {
	fyne.Theme
	variant string  // "light", "dark" or empty for the system's
	scale   float32 // of all sizes
}

var (
	regular = fyne.NewStaticResource("StraightwaySans-Regular.otf", assets.FontRegular)
	bold    = fyne.NewStaticResource("StraightwaySans-Bold.otf", assets.FontBold)
	icon    = fyne.NewStaticResource("straightway.png", assets.Icon)
)

func newLook(variant string, scale float32) *look {
	if scale <= 0 {
		scale = 1
	}
	return &look{theme.DefaultTheme(), variant, scale}
}

func (l *look) Font(s fyne.TextStyle) fyne.Resource {
	switch {
	case s.Monospace, s.Symbol:
		return l.Theme.Font(s)
	case s.Bold:
		return bold
	}
	return regular
}

func (l *look) Size(n fyne.ThemeSizeName) float32 {
	size := l.Theme.Size(n)
	if n == theme.SizeNameModalBlurRadius {
		return 0 // a software display blurs for a second, in every frame while a dialog is open
	}
	if n == theme.SizeNameInputRadius || n == theme.SizeNameSelectionRadius {
		size = 6
	}
	return size * l.scale
}

// The accents: teal of the icon's squares, darker on white so that text on it keeps a contrast of 4.5.
var (
	accentLight = color.NRGBA{0x0f, 0x76, 0x6e, 0xff}
	accentDark  = color.NRGBA{0x2d, 0xb9, 0xa8, 0xff}
)

func (l *look) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	switch l.variant {
	case "light":
		v = theme.VariantLight
	case "dark":
		v = theme.VariantDark
	}
	accent := accentLight
	if v == theme.VariantDark {
		accent = accentDark
	}
	switch n {
	case theme.ColorNamePrimary, theme.ColorNameHyperlink:
		return accent
	case theme.ColorNameFocus: // it is laid over grey controls and over those in the accent, and must show on both
		if v == theme.VariantDark {
			return color.NRGBA{0x8a, 0xec, 0xdd, 0x70}
		}
		return color.NRGBA{0x00, 0x3d, 0x38, 0x60}
	case theme.ColorNameSelection:
		accent.A = 0x50
		return accent
	case theme.ColorNameForegroundOnPrimary:
		if v == theme.VariantDark {
			return color.NRGBA{0x08, 0x1c, 0x1a, 0xff}
		}
		return color.White
	case theme.ColorNameSuccess:
		if v == theme.VariantDark {
			return color.NRGBA{0x3f, 0xb9, 0x50, 0xff}
		}
		return color.NRGBA{0x1a, 0x7f, 0x37, 0xff}
	case theme.ColorNameDisabled, theme.ColorNamePlaceHolder: // Fyne's own are too faint to read
		if v == theme.VariantDark {
			return color.NRGBA{0x8b, 0x94, 0x9e, 0xff}
		}
		return color.NRGBA{0x6b, 0x72, 0x80, 0xff}
	case theme.ColorNameInputBorder: // so that an empty check box can be seen
		if v == theme.VariantDark {
			return color.NRGBA{0x6e, 0x76, 0x81, 0xff}
		}
		return color.NRGBA{0x8c, 0x95, 0x9f, 0xff}
	case theme.ColorNameBackground:
		if v == theme.VariantDark {
			return color.NRGBA{0x16, 0x1b, 0x22, 0xff}
		}
		return color.NRGBA{0xfa, 0xfb, 0xfc, 0xff}
	}
	return l.Theme.Color(n, v)
}

// slim makes a progress bar a line without words: what stands beside it says how far it is, and words on it are hard to
// read on the part that is not done.
func (a *App) slim(bar *widget.ProgressBar) fyne.CanvasObject {
	bar.TextFormatter = func() string { return "" }
	return container.NewThemeOverride(bar, slimLook{a.fyne.Settings().Theme()})
}

// slimLook makes a progress bar half as high as a line of small print.
type slimLook struct{ fyne.Theme }

func (l slimLook) Size(n fyne.ThemeSizeName) float32 {
	switch n {
	case theme.SizeNameText:
		return l.Theme.Size(theme.SizeNameCaptionText) / 2
	case theme.SizeNameInnerPadding:
		return l.Theme.Size(theme.SizeNameInnerPadding) / 4
	}
	return l.Theme.Size(n)
}

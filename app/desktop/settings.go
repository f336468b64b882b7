//go:build !headless

package desktop

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"github.com/straightway-app/straightway/app/studio"
	"github.com/straightway-app/straightway/assets"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/project"
)

func roundTime(seconds float64) string { return span(time.Duration(seconds * float64(time.Second))) }

// showSettings shows the preferences; each takes effect at once and is saved.
func (a *App) showSettings() {
	c := a.studio.Preferences.Choices()
	change := func(f func(c *studio.Choices)) {
		a.studio.Preferences.Set(f)
		go func() { a.fail(tr("The preferences could not be saved"), a.studio.Preferences.Save()) }()
	}
	var d *dialog.CustomDialog
	again := func() { // the dialog itself changes too
		d.Hide()
		a.rebuild()
		a.showSettings()
	}
	codes, names := []string{""}, []string{tr("The system's")}
	for _, l := range Languages {
		codes, names = append(codes, l.Code), append(names, l.Name)
	}
	language := selection(names, slices.Index(codes, c.Language), func(i int) {
		change(func(c *studio.Choices) { c.Language = codes[i] })
		again()
	})
	themes := []string{"", "light", "dark"}
	look := selection([]string{tr("The system's"), tr("Light"), tr("Dark")}, slices.Index(themes, c.Theme), func(i int) {
		change(func(c *studio.Choices) { c.Theme = themes[i] })
		a.applyLook()
	})
	scales := []float32{.85, 1, 1.25, 1.5, 2}
	scaleNames, at := []string{}, 1
	for i, v := range scales {
		scaleNames = append(scaleNames, fmt.Sprintf("%.0f %%", v*100))
		if v == c.Scale {
			at = i
		}
	}
	scale := selection(scaleNames, at, func(i int) {
		change(func(c *studio.Choices) { c.Scale = scales[i] })
		again()
	})
	kinds := []string{"", "cuda", "cpu", "go"}
	engine := selection([]string{tr("The best that works"), "CUDA", "XLA CPU", tr("Pure Go")}, slices.Index(kinds, c.Backend), func(i int) {
		if a.studio.Training.Busy() || a.studio.Exporter.Busy() {
			a.fail(tr("The backend cannot be changed now"), studio.ErrBusy)
			return
		}
		change(func(c *studio.Choices) { c.Backend = kinds[i] })
		go a.studio.UseBackend(kinds[i])
	})
	precision := selection([]string{tr("By itself: bf16 on CUDA, f32 elsewhere"), "f32", "bf16"}, int(c.Precision), func(i int) {
		change(func(c *studio.Choices) { c.Precision = project.Precision(i) })
		a.domains.settings.Precision = project.Precision(i)
	})
	seconds := []int{10, 30, 60, 300}
	autosaveNames, at := []string{}, 1
	for i, v := range seconds {
		autosaveNames = append(autosaveNames, span(time.Duration(v)*time.Second))
		if v == c.Autosave {
			at = i
		}
	}
	autosave := selection(autosaveNames, at, func(i int) { change(func(c *studio.Choices) { c.Autosave = seconds[i] }) })
	form := widget.NewForm(
		formItem(tr("Language"), tr("Switched at once"), language),
		formItem(tr("Theme"), "", look),
		formItem(tr("Scale"), tr("Of text and controls"), scale),
		formItem(tr("Backend"), a.backendLine(), engine),
		formItem(tr("Precision"), tr("Of new projects; the weights are always f32"), precision),
		formItem(tr("Autosave"), tr("What a power cut can cost, at the most"), autosave),
	)
	inside := scrolled(form)
	d = dialog.NewCustomWithoutButtons(tr("Settings"), inside, a.window)
	d.SetButtons([]fyne.CanvasObject{widget.NewButton(tr("Backends…"), func() { d.Hide(); a.showBackend() }), primary(tr("Close"), func() { d.Hide() })})
	a.showWhole(d, inside, 640)
}

// backendLine says what computes and how much memory it has.
func (a *App) backendLine() string {
	c := a.studio.Compute.State()
	if c.Backend == nil {
		if c.Err != nil {
			return told(c.Err.Error())
		}
		return tr("Opening the backend…")
	}
	if used, total, ok := a.studio.Compute.Memory(); ok {
		return tr("%s; memory %s of %s", backendName(c.Backend.Label), amount(used), amount(total))
	}
	return backendName(c.Backend.Label)
}

// showBackend explains what computes, and why better backends were passed over.
func (a *App) showBackend() {
	c := a.studio.Compute.State()
	body := container.NewVBox()
	var text strings.Builder
	line := func(l *widget.Label) {
		l.Wrapping = fyne.TextWrapWord
		l.Selectable = true
		body.Add(l)
		fmt.Fprintln(&text, l.Text)
	}
	switch {
	case c.Backend != nil:
		line(heading(tr("Computing on %s", backendName(c.Backend.Label))))
		line(widget.NewLabel(a.backendLine()))
		if c.Backend.Path != "" {
			line(quiet(fmt.Sprintf("%s, %s", c.Backend.Version, c.Backend.Path)))
		}
	case c.Err != nil:
		line(heading(tr("No backend could be opened")))
		line(widget.NewLabel(upperFirst(told(c.Err.Error()))))
	default:
		line(heading(tr("Opening the backend…")))
	}
	missing := false
	for _, r := range c.Passed {
		line(heading(tr("%s is not used", backendName(r.Name))))
		line(widget.NewLabel(upperFirst(told(r.Reason))))
		line(quiet(upperFirst(told(r.Advice))))
		missing = missing || r.Kind == backend.CPU
	}
	inside := scrolled(body)
	d := dialog.NewCustomWithoutButtons(tr("Backend"), inside, a.window)
	buttons := []fyne.CanvasObject{a.copyButton(text.String())}
	if missing {
		buttons = append(buttons, widget.NewButton(tr("Install XLA CPU (about 60 MB)"), func() { d.Hide(); a.install(backend.CPU) }))
	}
	d.SetButtons(append(buttons, primary(tr("Close"), d.Hide)))
	a.showWhole(d, inside, 640)
}

// showHelp explains the way through the program, the shortcuts, and where its parts come from.
func (a *App) showHelp() {
	way := wrapped(tr("1. Domains: choose or drop two folders of images.\n2. Train: the flow is learnt, straightened by reflow and finished. Watch one step become as good as many.\n3. Translate: drop, paste or open an image; drag the divider to compare.\n4. Export: whole folders, with one network evaluation an image.\n5. Lab: the same flow between two shapes that you draw, where everything can be seen and measured in seconds."))
	help := []fyne.CanvasObject{way, heading(tr("Keyboard"))}
	for _, k := range [][2]string{
		{"Ctrl+D · Ctrl+R · Ctrl+T · Ctrl+E · Ctrl+L", tr("Domains, Train, Translate, Export, Lab")},
		{"Ctrl+O", tr("Open a project")},
		{"Ctrl+N", tr("New project")},
		{"Ctrl+V", tr("Paste an image to translate")},
		{tr("Space"), tr("Pause and continue training; in the lab, the animation")},
		{"Ctrl+,", tr("Settings")},
		{"Ctrl+Q", tr("Close")},
		{"F1", tr("This help")},
		{tr("Escape"), tr("Close the dialog in front")},
	} {
		help = append(help, container.NewGridWithColumns(2, wrapped(k[0]), wrapped(k[1]))) // in lines of their own where they wrap
	}
	about := wrapped(tr("Straightway %s, %s, %s/%s. Apache License 2.0.\nRectified flow: Liu, Gong and Liu, 2022, arXiv 2209.03003.\nBuilt with Fyne (BSD), GoMLX (Apache 2.0), imaging (MIT), sqweek/dialog (ISC) and OpenXLA (Apache 2.0).\nDemo pictures: OpenMoji, CC BY-SA 4.0. Font: a part of Noto Sans CJK SC, SIL Open Font License.", version, runtime.Version(), runtime.GOOS, runtime.GOARCH))
	license := widget.NewLabel(assets.FontLicense)
	license.Wrapping = fyne.TextWrapWord
	tabs := container.NewAppTabs(
		container.NewTabItem(tr("Help"), scrolled(newPage(nil, help...))),
		container.NewTabItem(tr("About"), scrolled(about)),
		container.NewTabItem(tr("Font licence"), scrolled(license)),
	)
	d := dialog.NewCustomWithoutButtons("Straightway", tabs, a.window)
	d.SetButtons([]fyne.CanvasObject{primary(tr("Close"), d.Hide)})
	d.Show()
	size := a.window.Canvas().Size()
	scale := max(1, a.studio.Preferences.Choices().Scale)
	d.Resize(fyne.NewSize(min(680*scale, size.Width-40), min(540*scale, size.Height-40)))
}

// install fetches a backend's plugin, with progress, and opens it.
func (a *App) install(kind backend.Kind) {
	ctx, cancel := context.WithCancel(context.Background())
	bar := widget.NewProgressBar()
	what := widget.NewLabel("")
	what.Truncation = fyne.TextTruncateEllipsis
	d := dialog.NewCustomWithoutButtons(tr("Installing a backend"), container.NewVBox(what, bar), a.window)
	d.SetButtons([]fyne.CanvasObject{widget.NewButton(tr("Cancel"), cancel)})
	d.Show()
	d.Resize(fyne.NewSize(420, d.MinSize().Height))
	go func() {
		defer cancel()
		var shown time.Time
		err := backend.Install(ctx, kind, func(done, total int64, step string) {
			if time.Since(shown) < 100*time.Millisecond && done < total {
				return
			}
			shown = time.Now()
			fyne.Do(func() {
				setText(what, step)
				bar.Max = float64(max(1, total))
				bar.SetValue(float64(done))
			})
		})
		fyne.Do(d.Hide)
		if err == nil {
			a.studio.UseBackend(a.studio.Preferences.Choices().Backend)
		} else if ctx.Err() == nil {
			a.fail(tr("The backend could not be installed"), err)
		}
	}()
}

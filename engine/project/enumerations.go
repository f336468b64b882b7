package project

import (
	"fmt"
	"strings"
)

// This file is the one place where the named choices of a project are listed,
// printed and parsed. Every type implements encoding.TextMarshaler and
// encoding.TextUnmarshaler, so that JSON files and command-line flags use the
// same names and give the same errors.

// Preset chooses the size of the network and the length of training.
type Preset uint8

// The presets, from fastest to best. The zero value is PresetQuick.
const (
	PresetQuick Preset = iota
	PresetBalanced
	PresetQuality
)

// Fit says how an image that is not square is made square.
type Fit uint8

// The zero value is FitCrop.
const (
	FitCrop    Fit = iota // cut the longer side, keep the centre
	FitPad                // fill up with the background colour
	FitStretch            // change the aspect ratio
)

// Finish is the last stage, after which one step is all the network does.
type Finish uint8

// The zero value is FinishNone.
const (
	FinishNone   Finish = iota // stop after the last reflow round
	FinishDistil               // regress the pairs of the last round at t = 0
	FinishRefine               // distil with a small critic; sharper
)

// Coupling says how source and target images are paired in round 1.
type Coupling uint8

// The zero value is CouplingAuto.
const (
	CouplingAuto        Coupling = iota // registered for images, independent for noise
	CouplingRegistered                  // data-set-wide assignment, minimised over flip and small shifts
	CouplingMinibatch                   // optimal assignment inside each batch
	CouplingIndependent                 // at random
)

// Feature is the representation in which a coupling compares two images.
type Feature uint8

// The zero value is FeatureAuto.
const (
	FeatureAuto   Feature = iota // measured on the data, without labels
	FeatureEdge                  // magnitude of the luma gradient
	FeaturePixels                // the colours themselves
	FeatureLuma                  // brightness only
)

// Loss is the distance in which the velocity is regressed.
type Loss uint8

// The zero value is LossFeature.
const (
	LossFeature Loss = iota // pixels plus the features of a small classifier
	LossPixel               // mean square over the pixels only
)

// Border is what the network's convolutions see beyond the border of an image.
type Border uint8

// The zero value is BorderZeros, which projects of before there was a choice have.
const (
	BorderZeros    Border = iota // nothing: until the network has learnt what that does, it draws a frame
	BorderRepeated               // the pixels at the border once more
	BorderAuto                   // zeros where the images of a domain end in one colour, else repeated
)

// Flip says whether training mirrors images at random.
type Flip uint8

// The zero value is FlipAuto.
const (
	FlipAuto Flip = iota
	FlipOn
	FlipOff
)

// Precision is the arithmetic of the network; weights are always float32.
type Precision uint8

// The zero value is PrecisionAuto.
const (
	PrecisionAuto Precision = iota // bf16 on CUDA, f32 elsewhere
	PrecisionF32
	PrecisionBF16
)

// RoundKind is what a round trains.
type RoundKind uint8

// The kinds, in the order in which they may follow one another.
const (
	KindFlow   RoundKind = iota // round 1: the coupling chosen in the settings
	KindReflow                  // pairs from the previous round's own ODE
	KindDistil                  // one step, by regression
	KindRefine                  // one step, with a critic
)

var (
	presetNames    = []string{"quick", "balanced", "quality"}
	fitNames       = []string{"crop", "pad", "stretch"}
	finishNames    = []string{"none", "distil", "refine"}
	couplingNames  = []string{"auto", "registered", "minibatch", "independent"}
	featureNames   = []string{"auto", "edge", "pixels", "luma"}
	lossNames      = []string{"feature", "pixel"}
	borderNames    = []string{"zeros", "repeated", "auto"}
	flipNames      = []string{"auto", "on", "off"}
	precisionNames = []string{"auto", "f32", "bf16"}
	kindNames      = []string{"flow", "reflow", "distil", "refine"}
)

func nameOf[E ~uint8](names []string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("unknown(%d)", e)
}

func textOf[E ~uint8](setting string, names []string, e E) ([]byte, error) {
	if int(e) >= len(names) {
		return nil, fmt.Errorf("%s has the unknown value %d: choose one of %s", setting, e, strings.Join(names, ", "))
	}
	return []byte(names[e]), nil
}

func parse[E ~uint8](setting string, names []string, text string) (E, error) {
	for i, name := range names {
		if strings.EqualFold(strings.TrimSpace(text), name) {
			return E(i), nil
		}
	}
	return 0, fmt.Errorf("%s %q is not known: choose one of %s", setting, text, strings.Join(names, ", "))
}

func assign[E ~uint8](e *E, setting string, names []string, text []byte) error {
	v, err := parse[E](setting, names, string(text))
	if err == nil {
		*e = v
	}
	return err
}

// String returns the name used in files and on the command line.
func (e Preset) String() string { return nameOf(presetNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e Preset) MarshalText() ([]byte, error) { return textOf("preset", presetNames, e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Preset) UnmarshalText(text []byte) error { return assign(e, "preset", presetNames, text) }

// ParsePreset is the inverse of String; its error lists the valid names.
func ParsePreset(text string) (Preset, error) { return parse[Preset]("preset", presetNames, text) }

// String returns the name used in files and on the command line.
func (e Fit) String() string { return nameOf(fitNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e Fit) MarshalText() ([]byte, error) { return textOf("fit", fitNames, e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Fit) UnmarshalText(text []byte) error { return assign(e, "fit", fitNames, text) }

// ParseFit is the inverse of String; its error lists the valid names.
func ParseFit(text string) (Fit, error) { return parse[Fit]("fit", fitNames, text) }

// String returns the name used in files and on the command line.
func (e Finish) String() string { return nameOf(finishNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e Finish) MarshalText() ([]byte, error) { return textOf("finish", finishNames, e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Finish) UnmarshalText(text []byte) error { return assign(e, "finish", finishNames, text) }

// ParseFinish is the inverse of String; its error lists the valid names.
func ParseFinish(text string) (Finish, error) { return parse[Finish]("finish", finishNames, text) }

// String returns the name used in files and on the command line.
func (e Coupling) String() string { return nameOf(couplingNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e Coupling) MarshalText() ([]byte, error) { return textOf("coupling", couplingNames, e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Coupling) UnmarshalText(text []byte) error {
	return assign(e, "coupling", couplingNames, text)
}

// ParseCoupling is the inverse of String; its error lists the valid names.
func ParseCoupling(text string) (Coupling, error) {
	return parse[Coupling]("coupling", couplingNames, text)
}

// String returns the name used in files and on the command line.
func (e Feature) String() string { return nameOf(featureNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e Feature) MarshalText() ([]byte, error) { return textOf("coupling feature", featureNames, e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Feature) UnmarshalText(text []byte) error {
	return assign(e, "coupling feature", featureNames, text)
}

// ParseFeature is the inverse of String; its error lists the valid names.
func ParseFeature(text string) (Feature, error) {
	return parse[Feature]("coupling feature", featureNames, text)
}

// String returns the name used in files and on the command line.
func (e Border) String() string { return nameOf(borderNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e Border) MarshalText() ([]byte, error) { return textOf("border", borderNames, e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Border) UnmarshalText(text []byte) error { return assign(e, "border", borderNames, text) }

// ParseBorder is the inverse of String; its error lists the valid names.
func ParseBorder(text string) (Border, error) { return parse[Border]("border", borderNames, text) }

// String returns the name used in files and on the command line.
func (e Loss) String() string { return nameOf(lossNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e Loss) MarshalText() ([]byte, error) { return textOf("loss", lossNames, e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Loss) UnmarshalText(text []byte) error { return assign(e, "loss", lossNames, text) }

// ParseLoss is the inverse of String; its error lists the valid names.
func ParseLoss(text string) (Loss, error) { return parse[Loss]("loss", lossNames, text) }

// String returns the name used in files and on the command line.
func (e Flip) String() string { return nameOf(flipNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e Flip) MarshalText() ([]byte, error) { return textOf("flip", flipNames, e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Flip) UnmarshalText(text []byte) error { return assign(e, "flip", flipNames, text) }

// ParseFlip is the inverse of String; its error lists the valid names.
func ParseFlip(text string) (Flip, error) { return parse[Flip]("flip", flipNames, text) }

// String returns the name used in files and on the command line.
func (e Precision) String() string { return nameOf(precisionNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e Precision) MarshalText() ([]byte, error) { return textOf("precision", precisionNames, e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Precision) UnmarshalText(text []byte) error {
	return assign(e, "precision", precisionNames, text)
}

// ParsePrecision is the inverse of String; its error lists the valid names.
func ParsePrecision(text string) (Precision, error) {
	return parse[Precision]("precision", precisionNames, text)
}

// String returns the name used in folder names and on the command line.
func (e RoundKind) String() string { return nameOf(kindNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e RoundKind) MarshalText() ([]byte, error) { return textOf("kind of round", kindNames, e) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *RoundKind) UnmarshalText(text []byte) error {
	return assign(e, "kind of round", kindNames, text)
}

// EveryTime reports whether a round of this kind learnt the velocity at every t, and so also from target to
// source: a finish knows only the step from t = 0.
func (e RoundKind) EveryTime() bool { return e == KindFlow || e == KindReflow }

// ParseRoundKind is the inverse of String; its error lists the valid names.
func ParseRoundKind(text string) (RoundKind, error) {
	return parse[RoundKind]("kind of round", kindNames, text)
}

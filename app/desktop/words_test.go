//go:build !headless

package desktop

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// phases are what train.Event.Phase says, which the Train screen translates as it comes: no call names them.
var phases = []string{
	"starting", "training", "compiling", "measuring", "measuring the speed",
	"reading the source images", "reading the target images", "coupling source and target images",
	"teaching the classifier of the loss", "teaching the classifier of the measure",
}

// said is every text that the window's sources give to tr, with the places.
func said(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string][]string{}
	set := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "tr" {
				return true
			}
			at := set.Position(call.Pos()).String()
			text, ok := literal(call.Args[0])
			if !ok {
				if phase, ok := call.Args[0].(*ast.Ident); !ok || phase.Name != "phase" {
					t.Errorf("%s: tr is given no literal text: no test can tell whether it is translated", at)
				}
				return true
			}
			texts[text] = append(texts[text], at)
			if verbs := len(verbs(text)); verbs != len(call.Args)-1 {
				t.Errorf("%s: %d arguments for %q", at, len(call.Args)-1, text)
			}
			return true
		})
	}
	return texts
}

// literal is the text of a string literal, or of several that are added up.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		a, ok := literal(e.X)
		b, more := literal(e.Y)
		return a + b, ok && more
	}
	return "", false
}

var verb = regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]+)?([a-zA-Z])`)

// verbs are the letters of a format's verbs, in order.
func verbs(format string) []string {
	var out []string
	for _, m := range verb.FindAllStringSubmatch(strings.ReplaceAll(format, "%%", ""), -1) {
		out = append(out, m[1])
	}
	return out
}

func TestEveryTextIsTranslated(t *testing.T) {
	texts := said(t)
	for _, l := range Languages {
		if l.Code == "en" {
			continue
		}
		d := dictionary(l.Code)
		for _, text := range slices.Sorted(maps.Keys(texts)) {
			if d[text] == "" {
				t.Errorf("%s has no translation of %q (%s)", l.Code, text, texts[text][0])
			}
		}
		for _, phase := range phases {
			if d[phase] == "" {
				t.Errorf("%s has no translation of the phase %q", l.Code, phase)
			}
		}
		for text, translation := range d {
			if texts[text] == nil && !slices.Contains(phases, text) {
				t.Errorf("%s translates %q, which nothing says", l.Code, text)
			}
			if a, b := verbs(text), verbs(translation); fmt.Sprint(a) != fmt.Sprint(b) {
				t.Errorf("%s: %q has the verbs %v, its translation %v", l.Code, text, a, b)
			}
			if strings.HasPrefix(text, " ") != strings.HasPrefix(translation, " ") {
				t.Errorf("%s: %q and %q do not begin alike", l.Code, text, translation)
			}
		}
	}
}

// TestThePhasesAreThoseOfTheEngine reads what engine/train calls its phases.
func TestThePhasesAreThoseOfTheEngine(t *testing.T) {
	speak("en")
	files, err := filepath.Glob("../../engine/train/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("the engine's sources are not there", err)
	}
	var source strings.Builder
	for _, file := range files {
		if data, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		} else if name := filepath.Base(file); !strings.HasSuffix(name, "_test.go") && name != "diagnose.go" { // a command's alone
			source.Write(data)
		}
	}
	for _, call := range regexp.MustCompile(`(?:\.phase\(|\tphase := |Phase: |Phase = |purpose, path, phase :?= [^\n]*, |makePairs\([^"]*)"([^"%]+)"`).FindAllStringSubmatch(source.String(), -1) {
		known := slices.ContainsFunc(phases, func(p string) bool { return strings.HasPrefix(p, call[1]) })
		if !known && call[1] != carrying && call[1] != carryingBack {
			t.Errorf("the engine says %q, which the window does not know", call[1])
		}
	}
	if got := phaseName(carrying + "2-reflow"); got != "making pairs by Reflow 1" {
		t.Errorf("making pairs is called %q", got)
	}
	if got := phaseName(carryingBack + "2-reflow"); got != "making pairs for the way back by Reflow 1" {
		t.Errorf("making pairs backwards is called %q", got)
	}
}

//go:build !headless

package desktop

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/straightway-app/straightway/datasets"
	"github.com/straightway-app/straightway/engine/backend"
	"github.com/straightway-app/straightway/engine/project"
)

// commandsOnly are the parts of the engine that the window does not use, and pictures and programs' input made of text.
var commandsOnly = regexp.MustCompile(`^engine/(internal|measure|chart|onnx|tensorboard)/|^engine/train/(diagnose|experiment|evaluate|bench)|` +
	`^engine/plane/(chart|figure|film|write)|demo/generate\.go$|^engine/backend/(search|system)\.go$`)

// unsaid are the engine's texts that are no sentences: titles of pictures, phases (which tr translates), keys, what other
// programs say, and formats that only put two sentences together.
var unsaid = []string{
	"%s", "%s: %s", "%s; %s", "%s %s", "%s (%s)", "%s %s %s %s", "%s %s%s", " %s %.2f", "%s of %s: %s", "tensor %s: %s",
	"auto, cuda, cpu, go, or the absolute path of a PJRT plugin", "PJRT C API v%d.%d", "PJRT error",
	"resource exhausted", "pjrt error (code=8)", "out of memory", "failed to allocate", "cannot allocate memory",
	"exceeds the available memory", "not exist", "no visible gpu", "permission denied", "system volume information",
	"%s --hash=sha256:%s\n", "(?m)^\\s*(Downloading|Using cached|Installing|Collecting)\\s+(\\S+)",
	"steps=%d reverse=%t", "%sx,y x,y …", "%q %s %s %s %s %d", "%q %d %s %s %s %s %+v", "%d pictures of %d px\n", "%s %s %d px %s",
	"round %s: held-out images, %d px", "adaptive steps", "1 step", "%d steps", "flow gradient", "refine gradient", "%s real", "held out",
	"carrying images along the flow of ", "carrying targets back along the flow of ", "measuring the speed",
	"reading the %s images", "teaching the classifier of the %s", "coupling source and target images",
	"%d GiB", "%d MiB", "%d KiB", "Demo pictures", "%s to %s", "%s %d",
}

// fill makes verbs that are filled in with any text the same.
var fill = regexp.MustCompile(`%[vw]`)

// engineSays is every text of two words or more in the sources of the engine and of the studio, with one of its places.
func engineSays(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	say := func(text, file string) {
		texts[fill.ReplaceAllString(strings.TrimPrefix(text, "; "), "%s")] = file
	}
	for _, root := range []string{"engine", "datasets", "app/studio"} {
		err := filepath.WalkDir(filepath.Join("../..", root), func(path string, e fs.DirEntry, err error) error {
			file := filepath.ToSlash(strings.TrimPrefix(path, filepath.FromSlash("../../")))
			if err != nil || e.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || commandsOnly.MatchString(file) {
				return err
			}
			tree, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ImportSpec, *ast.Field:
					return false
				case *ast.CallExpr:
					if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "panic" {
						return false // of the program's own faults
					} else if ok && f.Name == "explain" {
						doing, _ := added(n.Args[0])
						say(doing+" %s", file)
						return false
					}
				case ast.Expr:
					if text, ok := added(n); ok {
						if strings.Contains(strings.TrimSpace(text), " ") {
							say(text, file)
						}
						return false
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

// added is the text of literals that are added up, with %s for everything else; ok is false without any literal.
func added(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			return literal(e)
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			a, ok := added(e.X)
			b, more := added(e.Y)
			return a + b, ok || more
		}
	}
	return "%s", false
}

func TestEverythingThatTheEngineSaysIsTranslated(t *testing.T) {
	texts := engineSays(t)
	for _, l := range Languages {
		if l.Code == "en" {
			continue
		}
		engine, system := engineWords(l.Code)
		for _, text := range slices.Sorted(maps.Keys(texts)) {
			if engine[text] == "" && !slices.Contains(unsaid, text) {
				t.Errorf("%s has no translation of %q (%s)", l.Code, text, texts[text])
			}
		}
		for text, translation := range engine {
			if strings.Contains(text, " ") && texts[text] == "" {
				t.Errorf("%s translates %q, which the engine does not say", l.Code, text)
			}
			if translation == system[text] {
				t.Errorf("%s translates %q twice", l.Code, text)
			}
		}
		maps.Copy(engine, system)
		for text, translation := range engine {
			values := len(anyVerb.FindAllString(text, -1))
			taken := make([]int, values)
			next := 0
			for _, m := range place.FindAllStringSubmatch(translation, -1) {
				i := next
				if m[1] != "" {
					i = int(m[1][0] - '1')
				} else {
					next++
				}
				if i < values {
					taken[i]++
				}
			}
			if slices.ContainsFunc(taken, func(n int) bool { return n != 1 }) || len(place.FindAllString(translation, -1)) != values {
				t.Errorf("%s: %q does not take each value of %q once", l.Code, translation, text)
			}
		}
	}
}

// TestErrorsAreToldInChinese takes errors as they come, wrapped and joined.
func TestErrorsAreToldInChinese(t *testing.T) {
	speak("zh-CN")
	defer speak("en")
	dir := t.TempDir()
	_, notProject := project.Open(dir)
	if err := os.WriteFile(filepath.Join(dir, "project.json"), []byte(`{"schema": 1000, "program": "9.1"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	_, newer := project.Open(dir)
	if err := os.WriteFile(filepath.Join(dir, "project.json"), []byte(`{"schema": `), 0o666); err != nil {
		t.Fatal(err)
	}
	_, damaged := project.Open(dir)
	_, missing := datasets.DecodeFile(filepath.Join(dir, "none.png"), datasets.Limits{})
	full := fmt.Errorf("round %s, step %d: %w", "2-reflow", 7, errors.Join(
		fmt.Errorf("saving a checkpoint of round %s: %w", "2-reflow", &fs.PathError{Op: "write", Path: "/a b/c", Err: syscall.ENOSPC}),
		errors.New("the device had not enough memory")))
	for _, c := range []struct {
		err  error
		want []string
	}{
		{notProject, []string{"不是 Straightway 项目：文件夹 " + dir + " 中没有 project.json：请选择 Straightway 创建的文件夹"}},
		{newer, []string{"项目由更新版本的 Straightway 写成：", "格式版本为 1000", "请安装 Straightway 9.1 或更高版本"}},
		{damaged, []string{"设置文件 " + filepath.Join(dir, "project.json") + " 无法使用：JSON 意外结束：请手动改正"}},
		{missing, []string{"none.png：不存在：请检查路径"}},
		{full, []string{"重流 1第 7 步：保存重流 1的检查点：写入 /a b/c：磁盘已满\n设备内存不足"}},
		{
			&backend.Error{Name: "cuda", Cause: "the CUDA plugin of XLA exists for Linux only", Cure: "use the CPU or the pure Go backend on this system"},
			[]string{"后端 cuda：XLA 的 CUDA 插件只有 Linux 版；在此系统上请使用 CPU 或纯 Go 后端"},
		},
		{errors.New("some library: said \"things\""), []string{"some library：said \"things\""}},
	} {
		got := told(c.err.Error())
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%q is told as %q, without %q", c.err, got, want)
			}
		}
	}
	gone := errors.New("the project's folder is gone")
	twice := errors.Join(fmt.Errorf("what round %s learnt since the last autosave could not be saved: %w", "1-flow", gone), gone)
	if got := told(twice.Error()); got != "流自上次自动保存以来学到的内容无法保存：项目文件夹不见了" {
		t.Errorf("what is said twice is told as %q", got)
	}
	speak("en")
	if got, want := told(twice.Error()), "what round 1-flow learnt since the last autosave could not be saved: the project's folder is gone"; got != want {
		t.Errorf("what is said twice is told as %q", got)
	}
	if got := told(full.Error()); got != full.Error() {
		t.Errorf("in English it is told as %q", got)
	}
}

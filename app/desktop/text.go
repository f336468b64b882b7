//go:build !headless

package desktop

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/straightway-app/straightway/assets"
)

// Languages are the codes of the languages that the window speaks, with their own names.
var Languages = []struct{ Code, Name string }{{"en", "English"}, {"zh-CN", "简体中文"}}

// words are the translations of the present language by the English text; empty for English. Only the UI goroutine
// changes and reads it.
var (
	words    map[string]string
	language string // its code
)

// speak switches to a language; an empty code means the system's.
func speak(code string) {
	if code == "" {
		code = systemLanguage()
	}
	words, language, theirs = dictionary(code), code, nil
}

// systemLanguage is the language that the environment asks for, as far as the window speaks it.
func systemLanguage() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(strings.ToLower(v), "zh") {
				return "zh-CN"
			}
			return "en"
		}
	}
	return "en"
}

// dictionary reads a translation that is part of the program; English needs none.
func dictionary(code string) map[string]string {
	data, err := assets.Translations.ReadFile("translations/" + code + ".json")
	if err != nil {
		return nil
	}
	var d map[string]string
	if err := json.Unmarshal(data, &d); err != nil {
		panic(fmt.Errorf("the translation %s inside the program: %w", code, err)) // a test reads every one
	}
	return d
}

// tr is a text in the present language, with its arguments filled in as by fmt.Sprintf.
func tr(text string, args ...any) string {
	if t, ok := words[text]; ok {
		text = t
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

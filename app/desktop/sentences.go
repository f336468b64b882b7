//go:build !headless

package desktop

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/straightway-app/straightway/assets"
	"github.com/straightway-app/straightway/engine/project"
)

// sentences turn what the engine says – errors, remarks, reasons for files that were passed over – into another
// language. The engine speaks English only, for the command line and for reports. Each of its formats has a translated
// one in assets/translations/engine, by which its sentences are recognised here; what a format was filled in with is
// translated in turn. A test sees to it that no format is left out.
type sentences struct {
	patterns []*pattern
	known    map[string]string // what was translated already
}

// pattern recognises the sentences of one format.
type pattern struct {
	literal string // the longest part between two verbs: what lacks it need not be looked at closer
	weight  int    // letters outside of verbs
	expr    string
	match   *regexp.Regexp // of expr, once it was needed
	to      string
}

// anyVerb finds the verbs of the engine's formats.
var anyVerb = regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]+)?([a-zA-Z])`)

// place finds where a translated format is filled in: with the next value, or with the one of a number from 1.
var place = regexp.MustCompile(`%(?:\[([1-9])\])?s`)

// newPattern makes the pattern of a format without %%.
func newPattern(format, to string) *pattern {
	p := &pattern{to: to}
	var expr strings.Builder
	at := 0
	text := func(s string) {
		expr.WriteString(regexp.QuoteMeta(s))
		p.weight += len(s)
		if len(s) > len(p.literal) {
			p.literal = s
		}
	}
	for _, m := range anyVerb.FindAllStringSubmatchIndex(format, -1) {
		text(format[at:m[0]])
		at = m[1]
		switch format[m[2]:m[3]] {
		case "d":
			expr.WriteString(`(-?\d+)`)
		case "g", "f":
			expr.WriteString(`([-+.\deE]+|NaN|[-+]Inf)`)
		case "q":
			expr.WriteString(`("(?:[^"\\]|\\.)*")`)
		default:
			expr.WriteString(`(.+?)`)
		}
	}
	text(format[at:])
	p.expr = `^(?s:` + expr.String() + `)$`
	return p
}

// find returns what the format was filled in with; nil where the text is not of the format.
func (p *pattern) find(text string) []string {
	if !strings.Contains(text, p.literal) {
		return nil
	}
	if p.match == nil {
		p.match = regexp.MustCompile(p.expr)
	}
	return p.match.FindStringSubmatch(text)
}

// newSentences makes the recogniser from translations by format. Where several formats fit, the one that says most counts.
func newSentences(translations map[string]string) *sentences {
	s := &sentences{known: map[string]string{}}
	for format, to := range translations {
		s.patterns = append(s.patterns, newPattern(format, to))
	}
	slices.SortFunc(s.patterns, func(a, b *pattern) int { return cmp.Or(b.weight-a.weight, cmp.Compare(a.expr, b.expr)) })
	return s
}

// say is a sentence of the engine's in the present language; lines, as joined errors have them, one by one, and without
// those that an earlier one holds.
func (s *sentences) say(text string) string {
	if said, ok := s.known[text]; ok {
		return said
	}
	if len(s.known) > 1000 {
		clear(s.known)
	}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if len(s.patterns) > 0 {
			line = s.line(line, 0)
		}
		if !slices.ContainsFunc(lines, func(before string) bool { return strings.Contains(before, line) }) {
			lines = append(lines, line)
		}
	}
	said := strings.Join(lines, "\n")
	s.known[text] = said
	return said
}

// line translates one sentence, or its parts where it is not known as a whole.
func (s *sentences) line(text string, depth int) string {
	if depth > 12 {
		return text
	}
	for _, p := range s.patterns {
		if m := p.find(text); m != nil {
			return p.fill(m[1:], func(part string) string { return s.line(part, depth+1) })
		}
	}
	if _, _, err := project.ParseRoundName(text); err == nil {
		return roundTitle(text)
	}
	for _, between := range []struct{ from, to string }{{"; ", "；"}, {": ", "："}} {
		if a, b, ok := strings.Cut(text, between.from); ok {
			return s.line(a, depth+1) + between.to + s.line(b, depth+1)
		}
	}
	return text
}

// fill puts values into the translated format.
func (p *pattern) fill(values []string, translate func(string) string) string {
	next := 0
	return place.ReplaceAllStringFunc(p.to, func(verb string) string {
		i := next
		if len(verb) > 2 {
			i = int(verb[2] - '1')
		} else {
			next++
		}
		return translate(values[i])
	})
}

// engineWords reads the translations of the engine's formats into a language; there are none into English. The system's
// are those of the words that Go and the operating system add.
func engineWords(code string) (engine, system map[string]string) {
	data, err := assets.Translations.ReadFile("translations/engine/" + code + ".json")
	if err != nil {
		return map[string]string{}, nil
	}
	var d struct{ Engine, System map[string]string }
	if err := json.Unmarshal(data, &d); err != nil {
		panic(fmt.Errorf("the translation %s of the engine's words inside the program: %w", code, err)) // a test reads every one
	}
	return d.Engine, d.System
}

// theirs makes the engine speak the present language; nil until it is needed. It belongs to the UI goroutine, as words.
var theirs *sentences

// told is what the engine says, an error or a remark, in the present language.
func told(text string) string {
	if theirs == nil {
		engine, system := engineWords(language)
		maps.Copy(engine, system)
		theirs = newSentences(engine)
	}
	return theirs.say(text)
}

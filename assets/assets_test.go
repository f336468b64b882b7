package assets

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"io/fs"
	"strconv"
	"testing"
	"unicode"

	"golang.org/x/image/font/sfnt"
)

func TestIconIs512PixelsSquareWithTransparentCorners(t *testing.T) {
	icon, err := png.Decode(bytes.NewReader(Icon))
	if err != nil {
		t.Fatal(err)
	}
	if size := icon.Bounds().Size(); size != image.Pt(512, 512) {
		t.Fatalf("the icon is %v, wanted 512×512", size)
	}
	for _, corner := range []image.Point{{0, 0}, {511, 0}, {0, 511}, {511, 511}} {
		if _, _, _, alpha := icon.At(corner.X, corner.Y).RGBA(); alpha != 0 {
			t.Errorf("the corner %v has alpha %d, wanted 0", corner, alpha)
		}
	}
	if _, _, _, alpha := icon.At(256, 256).RGBA(); alpha != 0xffff {
		t.Errorf("the middle has alpha %d, wanted an opaque one", alpha)
	}
}

func TestBothFontsShowTheWindowsSymbolsAndTranslations(t *testing.T) {
	texts := map[string]string{
		"English":      "The quick brown fox jumps over the lazy dog. 0123456789 #%&()*+,-/:;<=>?@[]^_{|}~ ‘it’s’ “so”…",
		"accents":      "ÀÉÎÕÜàéîõüßçñ",
		"symbols":      "→⇄×÷±≤≥≈·…–—•●○✓✗▶⏸■²³½¼¾ℓ∞√∆Δπσ",
		"punctuation":  "，。、；：？！（）《》「」【】￥　",
		"GB 2312 ends": "啊座亍齄", // the first and last of its two levels
	}
	for name, text := range translated(t) {
		texts[name] = text
	}
	for name, data := range map[string][]byte{"regular": FontRegular, "bold": FontBold} {
		font, err := sfnt.Parse(data)
		if err != nil {
			t.Fatalf("the %s font: %v", name, err)
		}
		for from, text := range texts {
			for _, missing := range lacking(t, font, text) {
				t.Errorf("the %s font cannot show %s of %s: add it to fonts/subset.py, or write another character", name, strconv.QuoteRune(missing), from)
			}
		}
	}
}

func TestFontsTellWhatTheyCannotShow(t *testing.T) {
	font, err := sfnt.Parse(FontRegular)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(lacking(t, font, "好\n🙂a")); got != "🙂" {
		t.Errorf("lacking %q, wanted the smiling face alone", got)
	}
}

func TestFontHasItsOwnNameAndLicence(t *testing.T) {
	for style, data := range map[string][]byte{"Regular": FontRegular, "Bold": FontBold} {
		font, err := sfnt.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if name, err := font.Name(nil, sfnt.NameIDFull); err != nil || name != "Straightway Sans "+style {
			t.Errorf("named %q (%v)", name, err)
		}
	}
	if !bytes.Contains([]byte(FontLicense), []byte("SIL OPEN FONT LICENSE Version 1.1")) {
		t.Error("the licence of the font is not the SIL Open Font License 1.1")
	}
}

// lacking returns the characters of a text that the font has no glyph for, line breaks and tabs aside.
func lacking(t *testing.T, font *sfnt.Font, text string) []rune {
	t.Helper()
	var buffer sfnt.Buffer
	var missing []rune
	for _, r := range text {
		if unicode.IsControl(r) {
			continue
		}
		glyph, err := font.GlyphIndex(&buffer, r)
		if err != nil {
			t.Fatal(err)
		}
		if glyph == 0 {
			missing = append(missing, r)
		}
	}
	return missing
}

// translated returns every text of each translation file, from and to, by the file's name.
func translated(t *testing.T) map[string]string {
	t.Helper()
	var files []string
	for _, folder := range []string{"translations", "translations/engine"} {
		found, err := fs.Glob(Translations, folder+"/*.json")
		if err != nil || len(found) == 0 {
			t.Fatalf("no translations in %s: %v", folder, err)
		}
		files = append(files, found...)
	}
	texts := map[string]string{}
	for _, file := range files {
		data, err := Translations.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var content any
		if err := json.Unmarshal(data, &content); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		texts[file] = textsOf(content)
	}
	return texts
}

// textsOf joins all keys and values below a JSON value; plural forms are objects inside the object.
func textsOf(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case map[string]any:
		var all string
		for key, inner := range value {
			all += key + textsOf(inner)
		}
		return all
	}
	return ""
}

// Package assets holds the files that the program carries inside itself: its icon, its font and its translations.
package assets

import "embed"

// Icon is the program's icon, a PNG of 512×512 pixels with transparent corners, rendered from icon.svg.
//
//go:embed icon.png
var Icon []byte

// FontRegular and FontBold are Straightway Sans in OpenType (CFF), for English and Simplified Chinese.
// fonts/README.md says where it comes from and what is in it.
var (
	//go:embed fonts/StraightwaySans-Regular.otf
	FontRegular []byte
	//go:embed fonts/StraightwaySans-Bold.otf
	FontBold []byte
)

// FontLicense is the text of the SIL Open Font License, which every copy of the font must come with.
//
//go:embed fonts/OFL.txt
var FontLicense string

// Translations has one file a language, translations/<tag>.json with a tag like zh-CN: a JSON object from the English
// text to the translated one; and translations/engine/<tag>.json, which translates the formats of the engine's errors and
// remarks ("engine") and the words that Go and the system add to them ("system"). English itself needs none.
//
//go:embed translations/*.json translations/engine/*.json
var Translations embed.FS

#!/usr/bin/env python3
"""Makes StraightwaySans-Regular.otf and StraightwaySans-Bold.otf beside this file from Noto Sans CJK.

    subset.py NotoSansCJK-Regular.ttc NotoSansCJK-Bold.ttc

The first file gives the regular weight, the second the bold one. README.md says which version they were and which
fonttools made the committed files; the same two give the same bytes again.
"""

import math
import sys
from pathlib import Path

from fontTools.misc.transform import Identity
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.recordingPen import RecordingPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.transformPen import TransformPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection

FAMILY = "Straightway Sans"
SOURCE = "Noto Sans CJK SC"

# Whole blocks, as far as Noto Sans CJK SC has them.
BLOCKS = [
    (0x0020, 0x007E),  # Basic Latin
    (0x00A0, 0x00FF),  # Latin-1
    (0x0100, 0x017F),  # Latin Extended-A; the source has the vowels with macron and caron, and few others
    (0x0370, 0x03FF),  # Greek
    (0x2010, 0x205E),  # general punctuation
    (0x2070, 0x209F),  # superscripts and subscripts
    (0x2190, 0x21FF),  # arrows
    (0x2200, 0x22FF),  # mathematical operators
    (0x25A0, 0x25FF),  # geometric shapes
    (0x3000, 0x303F),  # CJK punctuation
    (0xFF01, 0xFFE6),  # fullwidth forms
]
SINGLES = "½¼¾ℓ№€™✓★☆�"

# The proportional forms that stand for these characters, instead of the fullwidth ones of Chinese print: English text
# has them too, and an apostrophe one ideograph wide is no apostrophe.
PROPORTIONAL = "‘’“”…"

# One ideograph wide in the source, with no proportional form: these get bearings as narrow as a letter's, and the
# operators about the size of the plus sign.
NARROW = {**dict.fromkeys("·‖", 1), **dict.fromkeys("×÷±≈≠≤≥", 0.82)}
BEARING = 50

MIDDLE = 380  # of an ideograph's height, above the baseline

# Line height and baseline of Noto Sans, Fyne's own font, so that no widget grows or moves.
ASCENT, DESCENT = 1069, -293


def gb2312():
    """Every character of GB 2312: its 6763 hanzi, and the symbols, kana and letters before them."""
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            try:
                yield ord(bytes((row, cell)).decode("gb2312"))
            except UnicodeDecodeError:
                pass  # an unassigned place of the table


def substitutions(font, feature):
    """What a feature of single substitutions, such as pwid, makes of each glyph."""
    gsub, found = font["GSUB"].table, {}
    for record in gsub.FeatureList.FeatureRecord:
        if record.FeatureTag == feature:
            for index in record.Feature.LookupListIndex:
                for table in gsub.LookupList.Lookup[index].SubTable:
                    found.update(getattr(table, "ExtSubTable", table).mapping)
    return found


def give(font, character, glyph):
    """Lets character be shown by glyph in every Unicode table of the font."""
    for table in font["cmap"].tables:
        if table.isUnicode() and table.format in (4, 12):
            table.cmap[ord(character)] = glyph


def bars(pen, corners):
    """Draws a filled bar for each (left, bottom, right, top)."""
    for left, bottom, right, top in corners:
        pen.moveTo((left, bottom))
        pen.lineTo((right, bottom))
        pen.lineTo((right, top))
        pen.lineTo((left, top))
        pen.closePath()


def redraw(font, glyph, width, outline):
    """Gives a glyph a new width and a new outline."""
    charstrings = font["CFF "].cff.topDictIndex[0].CharStrings
    private = charstrings[glyph].private
    pen = T2CharStringPen(width - private.nominalWidthX, None)
    outline(pen)
    charstrings[glyph] = pen.getCharString(private, font["CFF "].cff.GlobalSubrs)
    bounds = BoundsPen(None)
    charstrings[glyph].draw(bounds)
    font["hmtx"][glyph] = (width, round(bounds.bounds[0]))


def draw(font, character, donor, outline):
    """Draws a character that the source lacks. A glyph that is left out here, the donor's, becomes it: a new one would
    need a place in the glyph order and in CFF's tables."""
    glyph = font.getBestCmap()[ord(donor)]
    redraw(font, glyph, 1000, outline)
    give(font, character, glyph)


def narrow(font, character, scale):
    """Takes away the empty sides of a character, and makes it smaller about the middle of an ideograph's height."""
    glyph, glyphs = font.getBestCmap()[ord(character)], font.getGlyphSet()
    bounds, outline = BoundsPen(glyphs), RecordingPen()
    glyphs[glyph].draw(bounds)
    glyphs[glyph].draw(outline)
    left, _, right, _ = bounds.bounds
    shifted = Identity.translate(BEARING - left * scale, MIDDLE * (1 - scale)).scale(scale)
    redraw(font, glyph, round((right - left) * scale) + 2 * BEARING, lambda pen: outline.replay(TransformPen(pen, shifted)))


def rename(font, style):
    """Gives the font a name of its own: a modified font must not pass for the source, whose names are protected."""
    names = font["name"]
    version = names.getDebugName(5).split(";")[0]
    kept = {number: names.getDebugName(number) for number in (0, 13, 14)}
    postscript = f"{FAMILY.replace(' ', '')}-{style}"
    names.names = []
    for number, text in {
        **kept,
        1: FAMILY,
        2: style,
        3: f"{version};{postscript}",
        4: f"{FAMILY} {style}",
        5: f"{version}; a subset of {SOURCE}",
        6: postscript,
    }.items():
        names.setName(text, number, 3, 1, 0x409)
    cff = font["CFF "].cff
    cff.fontNames = [postscript]
    top = cff.topDictIndex[0]
    top.FamilyName, top.FullName, top.Weight = FAMILY, f"{FAMILY} {style}", style


def subset(collection, style, output):
    fonts = [f for f in TTCollection(collection, lazy=True).fonts if f["name"].getDebugName(1).startswith(SOURCE)]
    if not fonts:
        sys.exit(f"{collection}: has no {SOURCE}: give NotoSansCJK-{style}.ttc")
    font = fonts[0]
    font.recalcTimestamp = False

    proportional = substitutions(font, "pwid")
    for character in PROPORTIONAL:
        give(font, character, proportional[font.getBestCmap()[ord(character)]])

    for character, scale in NARROW.items():
        narrow(font, character, scale)

    thick = {"Regular": 74, "Bold": 128}[style]  # as the font's own strokes
    half = thick / 2
    slanted = Identity.translate(500, MIDDLE).rotate(math.pi / 4)
    cross = [(-380, -half, 380, half), (-half, half, half, 380), (-half, -380, half, -half)]
    draw(font, "✗", "㌀", lambda pen: bars(TransformPen(pen, slanted), cross))
    draw(font, "⏸", "㌁", lambda pen: bars(pen, [(230, 80, 420, 680), (580, 80, 770, 680)]))

    wanted = {c for first, last in BLOCKS for c in range(first, last + 1)}
    wanted.update(map(ord, SINGLES), map(ord, "✗⏸"), gb2312())

    options = Options()
    options.hinting = False
    options.layout_features = ["kern"]
    options.drop_tables += ["BASE", "GSUB", "VORG", "vhea", "vmtx"]
    options.name_IDs = ["*"]
    options.notdef_outline = True
    options.recalc_bounds = True
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)

    rename(font, style)
    metrics = font["OS/2"]
    font["hhea"].ascent = metrics.sTypoAscender = ASCENT
    font["hhea"].descent = metrics.sTypoDescender = DESCENT
    font["hhea"].lineGap = metrics.sTypoLineGap = 0
    font.save(output)

    have = set(font.getBestCmap())
    print(f"{output.name}: {output.stat().st_size:,} bytes, {len(have)} characters")
    lacking = "".join(chr(c) for c in sorted(set(gb2312()) - have))
    if lacking:
        sys.exit(f"{output.name}: characters of GB 2312 that the source lacks: {lacking}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    here = Path(__file__).resolve().parent
    for path, style in zip(sys.argv[1:], ("Regular", "Bold")):
        subset(path, style, here / f"StraightwaySans-{style}.otf")

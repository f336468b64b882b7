"""Makes the pictures that are measured with, the same every time.

    pictures.py photographs FOLDER COUNT      JPEG of 4000×3000 pixels, quality 90, as a camera writes them
    pictures.py drawings FOLDER COUNT [SIDE]  PNG of discs and bars; FOLDER gets colour/ and line/, of other shapes each
"""

import pathlib
import random
import sys

from PIL import Image, ImageChops, ImageDraw


def photographs(folder, count):
    """Soft shapes under grain, each moved along by another way: some 5 MB a file."""
    rng = random.Random(1)
    soft = Image.frombytes("RGB", (80, 60), rng.randbytes(80 * 60 * 3)).resize((4000, 3000), Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", (4000, 3000), rng.randbytes(4000 * 3000)).point(lambda v: 128 + (v - 128) // 6).convert("RGB")
    base = ImageChops.add(soft, grain, 1, -128)
    folder.mkdir(parents=True)
    for k in range(count):
        ImageChops.offset(base, rng.randrange(4000), rng.randrange(3000)).save(folder / f"{k:05}.jpg", quality=90)


def drawings(folder, count, side=64):
    for domain, seed in (("colour", 1), ("line", 2)):
        rng = random.Random(seed)
        (folder / domain).mkdir(parents=True)
        for k in range(count):
            picture = Image.new("RGB", (side, side), "white")
            draw = ImageDraw.Draw(picture)
            for _ in range(4):
                x, y = (sorted(rng.sample(range(side), 2)) for _ in range(2))
                box = (x[0], y[0], x[1], y[1])
                shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
                if domain == "colour":
                    shape(box, fill=tuple(rng.randbytes(3)))
                else:
                    shape(box, outline="black", width=max(1, side // 24))
            picture.save(folder / domain / f"{k:05}.png")


if __name__ == "__main__":
    what, folder, *numbers = sys.argv[1:]
    {"photographs": photographs, "drawings": drawings}[what](pathlib.Path(folder), *map(int, numbers))

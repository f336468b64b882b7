"""Reads a folder of photographs as a data loader in Python does, by Pillow in two processes.

    pillow_ingest.py FOLDER [--size 64] [--processes 2]

JPEG files are decoded in draft mode, which has libjpeg scale while it decodes, turned upright, cropped to a square in
the middle and resampled to the size. Prints the rate as a line of JSON; the processes are started before.
"""

import argparse
import concurrent.futures
import functools
import json
import pathlib
import time

from PIL import Image, ImageOps


def square(size, path):
    with Image.open(path) as picture:
        picture.draft("RGB", (size, size))
        picture = ImageOps.exif_transpose(picture).convert("RGB")
        return ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS).tobytes()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--size", type=int, default=64)
    p.add_argument("--processes", type=int, default=2)
    a = p.parse_args()
    files = sorted(a.folder.iterdir())
    work = functools.partial(square, a.size)
    with concurrent.futures.ProcessPoolExecutor(a.processes) as pool:
        list(pool.map(abs, range(2 * a.processes)))  # starts the processes
        began = time.perf_counter()
        squares = list(pool.map(work, files))
        took = time.perf_counter() - began
    assert all(len(s) == 3 * a.size**2 for s in squares)
    print(json.dumps({"event": "bench", "name": "folder", "value": len(files) / took, "unit": "images/s", "files": len(files)}))


if __name__ == "__main__":
    main()

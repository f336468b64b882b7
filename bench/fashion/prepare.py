"""Turn Fashion-MNIST's files into folders of PNG images for Straightway.

The 28×28 grey pictures get a black border of two pixels, so that they are 32×32, and three equal channels.
"""

import argparse
import gzip
import pathlib
import struct

import numpy
from PIL import Image


def read(path):
    """An IDX file of bytes as an array."""
    with gzip.open(path) as f:
        zero, kind, dims = struct.unpack(">HBB", f.read(4))
        if zero != 0 or kind != 8:
            raise SystemExit(f"{path} is no IDX file of bytes")
        shape = struct.unpack(">" + "I" * dims, f.read(4 * dims))
        return numpy.frombuffer(f.read(), numpy.uint8).reshape(shape)


def images(folder, name):
    return numpy.pad(read(folder / f"{name}-images-idx3-ubyte.gz"), ((0, 0), (2, 2), (2, 2))), read(folder / f"{name}-labels-idx1-ubyte.gz")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=pathlib.Path, help="folder with the four .gz files")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=10000, help="training images to write")
    options = parser.parse_args()
    pictures, labels = images(options.dataset, "train")
    to = options.out
    to.mkdir(parents=True, exist_ok=True)
    for i in range(options.count):
        Image.fromarray(pictures[i]).convert("RGB").save(to / f"{i:05d}-{labels[i]}.png")
    print(f"{options.count} images in {to}")

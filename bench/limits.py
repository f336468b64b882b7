"""What the machine allows, measured in PyTorch and NumPy on the same cores.

    limits.py products [--size 32] [--base 32] [--batch 32]    the network's products as bare matrix products
    limits.py machine FOLDER                                    the largest rates of arithmetic, memory and disk
    limits.py reading FOLDER                                    reading every file of a folder, and doing nothing with it

Each prints a line of JSON. A convolution is the product [B·H·W, k²·Ci]·[k²·Ci, Co]; training makes two more of the same
size, the gradients by its input and by its weights. Their times, summed over the network, are what a step would take if
nothing had to be moved, normalised or added up. Long products are timed at ROWS rows and counted in proportion.
"""

import argparse
import collections
import json
import os
import pathlib
import tempfile
import time

import torch

from torch_unet import UNet

ROWS = 8192
REPETITIONS = 3


def fastest(work):
    best = float("inf")
    for _ in range(REPETITIONS + 1):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def shapes(size, base, batch):
    """(rows, inner, columns) of every convolution and linear layer, with their number, and the values that one image's
    evaluation reads and writes at the least."""
    found, values = collections.Counter(), 0

    def seen(layer, inputs, output):
        nonlocal values
        x, w = inputs[0], layer.weight
        found[(output.numel() // w.shape[0] * batch, w[0].numel(), w.shape[0])] += 1
        values += x.numel() + output.numel()

    net = UNet(base)
    for layer in net.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            layer.register_forward_hook(seen)
    with torch.no_grad():
        net(torch.zeros(1, 3, size, size), torch.zeros(1))
    return found, values


def products(a):
    forward = backward = flops = 0.0
    found, values = shapes(a.size, a.base, a.batch)
    for (rows, inner, columns), count in found.items():
        m = min(rows, ROWS)
        x, w, y = torch.rand(m, inner), torch.rand(inner, columns), torch.rand(m, columns)
        times = count * rows / m
        forward += times * fastest(lambda: x @ w)
        backward += times * (fastest(lambda: y @ w.T) + fastest(lambda: x.T @ y))
        flops += 2.0 * count * rows * inner * columns
    tell(translate=a.batch / forward, train=a.batch / (forward + backward), flops=flops / a.batch, bytes=4 * values)


def machine(folder):
    n = 2048
    x = torch.rand(n, n)
    large = torch.rand(2**26)  # 256 MiB, more than any cache
    other = torch.empty_like(large)
    with tempfile.NamedTemporaryFile(dir=folder) as f:
        block = os.urandom(2**24)
        for _ in range(24):
            f.write(block)
        f.flush()
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began = time.perf_counter()
        size = read(f.name)
        disk = size / (time.perf_counter() - began)
    tell(flops=2 * n**3 / fastest(lambda: x @ x), memory=2 * 4 * large.numel() / fastest(lambda: other.copy_(large)), disk=disk)


def reading(folder):
    files = sorted(folder.iterdir())
    began = time.perf_counter()
    size = sum(read(f) for f in files)
    tell(files=len(files), bytes=size, seconds=time.perf_counter() - began)


def read(path):
    size = 0
    with open(path, "rb", buffering=0) as f:
        while block := f.read(2**20):
            size += len(block)
    return size


def tell(**fields):
    print(json.dumps({"event": "limit", **fields}))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["products", "machine", "reading"])
    p.add_argument("folder", nargs="?", type=pathlib.Path)
    p.add_argument("--size", type=int, default=32)
    p.add_argument("--base", type=int, default=32)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    if a.what == "products":
        products(a)
    else:
        {"machine": machine, "reading": reading}[a.what](a.folder)


if __name__ == "__main__":
    main()

"""The benchmark's network in ONNX Runtime, exported by Straightway (bench/reference -onnx).

    onnx_unet.py NETWORK.onnx [--size 32] [--batch 32] [--steps 10] [--threads 2]
    onnx_unet.py NETWORK.onnx --check FILE.safetensors

Times one-step translation, the fastest of --steps repetitions after two that do not count, and prints it as a line of
JSON; or compares the velocity with what bench/reference computed.
"""

import argparse
import json
import sys
import time

import numpy as np
import onnxruntime


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("network")
    p.add_argument("--check", metavar="FILE")
    p.add_argument("--size", type=int, default=32)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--steps", type=int, default=10)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = a.threads, 1
    session = onnxruntime.InferenceSession(a.network, options, providers=["CPUExecutionProvider"])

    def velocity(x, t):
        return session.run(None, {"x": x, "t": t})[0]

    if a.check:
        check(velocity, a.check)
    else:
        measure(velocity, a)


def measure(velocity, a):
    x = np.random.default_rng(1).uniform(-1, 1, (a.batch, 3, a.size, a.size)).astype(np.float32)
    t, times = np.zeros(a.batch, np.float32), []
    for _ in range(a.steps + 2):
        began = time.perf_counter()
        x + velocity(x, t)
        times.append(time.perf_counter() - began)
    line = {"event": "bench", "name": "translate", "value": a.batch / min(times[2:]), "unit": "images/s", "batch": a.batch}
    print(json.dumps(line))


def check(velocity, path):
    from torch_unet import read_safetensors

    file = {name: tensor.numpy() for name, tensor in read_safetensors(path).items() if name in ("x0", "x1", "t", "velocity")}
    t = file["t"][:, None, None, None]
    x = ((1 - t) * file["x0"] + t * file["x1"]).transpose(0, 3, 1, 2).astype(np.float32)
    want = file["velocity"].transpose(0, 3, 1, 2)
    error = np.linalg.norm(velocity(x, file["t"].astype(np.float32)) - want) / np.linalg.norm(want)
    print(f"velocity in ONNX Runtime agrees to {error:.1e}")
    if not error <= 1e-4:
        sys.exit("ONNX Runtime computes another velocity")


if __name__ == "__main__":
    main()

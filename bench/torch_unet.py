"""The peer: the network of engine/unet and one step of rectified flow, in PyTorch.

    torch_unet.py [--size 32] [--batch 32] ...     times training steps and one-step translation
    torch_unet.py --check FILE.safetensors         compares with what bench/reference computed

Timing prints a line of JSON each for training and translation, as `straightway bench --json` does: the fastest of
--steps repetitions after two that do not count. As is usual for PyTorch the images are NCHW in its channels_last
layout, which is the faster one on a CPU.
"""

import argparse
import json
import math
import struct
import time

import torch
from torch import nn
from torch.nn import functional as F

GROUPS = 8  # of every group normalisation
FREQUENCIES = 32  # of the embedding of time


class Block(nn.Module):
    """Two convolutions around time, which enters as scale and shift of the second normalisation; residual."""

    def __init__(self, inputs, outputs, embedding):
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time = nn.Linear(embedding, 2 * outputs)
        self.norm2 = nn.GroupNorm(GROUPS, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x, embedding):
        scale, shift = self.time(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return self.skip(x) + h


class UNet(nn.Module):
    """The velocity v(x, t) for x [B,3,S,S] and t [B]: [B,3,S,S]."""

    def __init__(self, base=32, mult=(1, 2, 4), blocks=1):
        super().__init__()
        embedding = 4 * base
        # Rounded once: an angle reaches 1000, where one more rounding would cost 1e-4 of the sine.
        frequencies = [1000 * math.exp(-math.log(10000) * i / FREQUENCIES) for i in range(FREQUENCIES)]
        self.register_buffer("frequencies", torch.tensor(frequencies), persistent=False)
        self.time = nn.ModuleList([nn.Linear(2 * FREQUENCIES, embedding), nn.Linear(embedding, embedding)])
        self.stem = nn.Conv2d(3, base, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        width, skips = base, [base]
        for level, m in enumerate(mult):
            row = nn.ModuleList()
            for _ in range(blocks):
                row.append(Block(width, base * m, embedding))
                width = base * m
                skips.append(width)
            self.down.append(row)
            if level + 1 < len(mult):
                skips.append(width)
        self.middle = Block(width, width, embedding)
        for m in reversed(mult):
            row = nn.ModuleList()
            for _ in range(blocks + 1):
                row.append(Block(width + skips.pop(), base * m, embedding))
                width = base * m
            self.up.insert(0, row)  # so that up[i] is level i
        self.head_norm = nn.GroupNorm(GROUPS, width)
        self.head = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x, t):
        angle = t[:, None] * self.frequencies
        embedding = self.time[0](torch.cat([angle.sin(), angle.cos()], dim=1))
        embedding = F.silu(self.time[1](F.silu(embedding)))
        h = self.stem(x)
        skips = [h]
        for level, row in enumerate(self.down):
            for block in row:
                h = block(h, embedding)
                skips.append(h)
            if level + 1 < len(self.down):
                h = F.avg_pool2d(h, 2)
                skips.append(h)
        h = self.middle(h, embedding)
        for level in reversed(range(len(self.up))):
            for block in self.up[level]:
                h = block(torch.cat([h, skips.pop()], dim=1), embedding)
            if level > 0:
                h = F.interpolate(h, scale_factor=2, mode="nearest")
        return self.head(F.silu(self.head_norm(h)))


def flow_loss(v, x0, x1, t):
    """Mean ‖(X1 − X0) − v(Xt, t)‖² with Xt = t·X1 + (1−t)·X0 (Liu, Gong, Liu 2022, arXiv 2209.03003, eq. 1)."""
    s = t[:, None, None, None]
    return ((x1 - x0 - v(s * x1 + (1 - s) * x0, t)) ** 2).mean()


# --- the same network? ---


def read_safetensors(path):
    """Float32 tensors by name (huggingface.co/docs/safetensors), widened to float64."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = bytearray(f.read())
    header.pop("__metadata__", None)
    out = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        out[name] = torch.frombuffer(data[begin:end], dtype=torch.float32).reshape(entry["shape"]).double()
    return out


def our_name(name):
    """engine/unet's name of a parameter of UNet."""
    module, kind = name.rsplit(".", 1)
    if "norm" in module:
        kind = {"weight": "gain", "bias": "shift"}[kind]
    return {"stem": "in", "head": "out", "head_norm": "out.norm"}.get(module, module) + "." + kind


def our_layout(parameter):
    """A parameter as engine/unet lays it: convolutions [k,k,in,out], matrices [in,out]."""
    if parameter.ndim == 4:
        parameter = parameter.permute(2, 3, 1, 0)
        return parameter.squeeze(0, 1) if parameter.shape[:2] == (1, 1) else parameter
    return parameter.T if parameter.ndim == 2 else parameter


def check(path, tolerance):
    """Exits unless UNet with the file's weights computes the file's velocity, loss and gradient.

    It computes in float64, so that all that is compared with the tolerance is the other side's rounding.
    """
    file = read_safetensors(path)
    net = UNet().double()
    parameters = {our_name(name): p for name, p in net.named_parameters()}
    ours = {n for n in file if "gradient/" + n in file}
    if ours != set(parameters):
        raise SystemExit(f"parameters of one network only: {sorted(ours ^ set(parameters))}")
    for name, p in parameters.items():
        view = our_layout(p.data)
        if view.shape != file[name].shape:
            raise SystemExit(f"{name} is {list(file[name].shape)} in the file and {list(view.shape)} in PyTorch")
        view.copy_(file[name])
    print("parameters", sum(p.numel() for p in parameters.values()), "in", len(parameters), "tensors")

    x0, x1 = (file[n].permute(0, 3, 1, 2) for n in ("x0", "x1"))
    seen = []

    def velocity(x, t):
        seen.append(net(x, t))
        return seen[0]

    loss = flow_loss(velocity, x0, x1, file["t"])
    loss.backward()
    errors = {"velocity": distance(seen[0].permute(0, 2, 3, 1), file["velocity"]), "loss": distance(loss, file["loss"])}
    print(f"velocity agrees to {errors['velocity']:.1e}, loss to {errors['loss']:.1e}", end=", ")
    gradients = {"gradient by " + n: distance(our_layout(p.grad), file["gradient/" + n]) for n, p in parameters.items()}
    print(f"gradients to {max(gradients.values()):.1e}")
    wrong = [f"{what} by {e:.1e}" for what, e in (errors | gradients).items() if not e <= tolerance]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise SystemExit("the networks are not the same; they differ in " + ", ".join(wrong[:5]) + more)


def distance(got, want):
    """‖got − want‖ / ‖want‖."""
    return ((got - want).norm() / want.norm()).item()


# --- how fast? ---


def fastest(work, repetitions, wait):
    """Seconds of the fastest call, and of the first, which compiles."""
    times = []
    for _ in range(repetitions + 2):
        began = time.perf_counter()
        work()
        wait()
        times.append(time.perf_counter() - began)
    return min(times[2:]), times[0]


def tell(name, batch, seconds, first):
    line = {"event": "bench", "name": name, "value": batch / seconds, "unit": "images/s", "batch": batch, "compile_seconds": first}
    print(json.dumps(line), flush=True)


def measure(a):
    torch.set_num_threads(a.threads)
    net = UNet(a.base, blocks=a.blocks).to(a.device).to(memory_format=torch.channels_last)
    forward = torch.compile(net, mode=a.compile) if a.compile else net
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    wait = torch.cuda.synchronize if a.device == "cuda" else lambda: None

    def images():
        x = torch.rand(a.batch, 3, a.size, a.size, device=a.device) * 2 - 1
        return x.to(memory_format=torch.channels_last)

    x0, x1, t = images(), images(), torch.rand(a.batch, device=a.device)
    precision = torch.autocast(a.device, torch.bfloat16, enabled=a.bf16)

    def step():
        with precision:
            loss = flow_loss(forward, x0, x1, t)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    tell("train", a.batch, *fastest(step, a.steps, wait))
    net.eval()
    start = torch.zeros_like(t)

    def translate():
        with torch.no_grad(), precision:
            return x0 + forward(x0, start)

    tell("translate", a.batch, *fastest(translate, a.steps, wait))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--check", metavar="FILE", help="compare with this file instead of timing")
    p.add_argument("--tolerance", type=float, default=1e-4, help="of --check, for ‖difference‖/‖value‖")
    p.add_argument("--size", type=int, default=32, help="side of the images in pixels")
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--base", type=int, default=32, help="channels at full resolution")
    p.add_argument("--blocks", type=int, default=1, help="residual blocks a level")
    p.add_argument("--steps", type=int, default=5, help="repetitions, the fastest counts")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    p.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    p.add_argument("--compile", metavar="MODE", help="torch.compile in this mode, such as default or max-autotune")
    a = p.parse_args()
    if a.check:
        check(a.check, a.tolerance)
    else:
        measure(a)


if __name__ == "__main__":
    main()

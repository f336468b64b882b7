"""How long PyTorch takes to get going: prints "first" after the first training step or the first translated image.

    torch_first.py step [--size 32] [--base 16] [--blocks 1] [--batch 32]
    torch_first.py image IMAGE OUTPUT [--size 32] [--base 16] [--blocks 1]

What the seconds from the start of the interpreter hold: importing PyTorch, making the network, and one step or one
evaluation in eager mode; with an image also reading and writing it by Pillow. bench/compare takes the time.
"""

import argparse

import torch

from torch_unet import UNet, flow_loss


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["step", "image"])
    p.add_argument("files", nargs="*", help="the image, and where its translation goes")
    p.add_argument("--size", type=int, default=32)
    p.add_argument("--base", type=int, default=16)
    p.add_argument("--blocks", type=int, default=1)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    net = UNet(a.base, blocks=a.blocks).to(memory_format=torch.channels_last)
    if a.what == "step":
        step(net, a.batch, a.size)
    else:
        image(net, a.size, *a.files)
    print("first", flush=True)


def step(net, batch, size):
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    x0, x1 = (torch.rand(batch, 3, size, size).to(memory_format=torch.channels_last) * 2 - 1 for _ in range(2))
    flow_loss(net, x0, x1, torch.rand(batch)).backward()
    optimiser.step()


def image(net, size, source, output):
    import numpy
    from PIL import Image

    picture = Image.open(source).convert("RGB").resize((size, size))
    x = torch.from_numpy(numpy.asarray(picture).copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        y = (x + net(x, torch.zeros(1))).clamp(-1, 1)
    Image.fromarray(((y[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()).save(output)


if __name__ == "__main__":
    main()

"""Judge folders of generated Fashion-MNIST images by a classifier of the ten labels.

The classifier is a small convolutional network trained here on the 60,000 labelled images; its accuracy on the 10,000
test images is printed first. Of every folder it tells

  kid         kernel inception distance (Bińkowski et al. 2018, arXiv 1801.01401: cubic polynomial kernel) on the
              classifier's penultimate features, to as many test images, with the standard deviation over subsets; the
              first row is what two halves of the test images are apart
  confident   share of images to whose class it gives a probability above 0.9 (real test images beside it)
  balance     entropy of the classes' shares over that of ten equal shares: 1 where all classes are equally frequent
  classes     share of each of the ten classes, in percent
"""

import argparse
import json
import pathlib

import numpy
import torch
from PIL import Image
from torch import nn

from prepare import images

NAMES = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
            nn.Dropout(0.3), nn.Linear(2048, 128), nn.ReLU())
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.features(x))


def tensor(pixels):
    return torch.from_numpy(numpy.array(pixels, dtype=numpy.float32))[:, None] / 127.5 - 1


def train(x, y, epochs, seed):
    torch.manual_seed(seed)
    net = Classifier()
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    steps = epochs * (len(x) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, steps)
    for epoch in range(epochs):
        order = torch.randperm(len(x))
        for at in range(0, len(x) - 127, 128):
            part = order[at:at + 128]
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x[part]), y[part]).backward()
            optimiser.step()
            schedule.step()
    return net.eval()


@torch.no_grad()
def look(net, x):
    features = torch.cat([net.features(part) for part in x.split(500)])
    return features, net.head(features).softmax(1)


def kid(a, b, subsets=50, size=500, seed=0):
    generator = torch.Generator().manual_seed(seed)
    n, values = min(size, len(a), len(b)), []
    for _ in range(subsets):
        x = a[torch.randperm(len(a), generator=generator)[:n]].double()
        y = b[torch.randperm(len(b), generator=generator)[:n]].double()
        kernel = lambda p, q: (p @ q.T / p.shape[1] + 1) ** 3
        xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
        values.append(((xx.sum() - xx.trace()) + (yy.sum() - yy.trace())) / (n * (n - 1)) - 2 * xy.mean())
    values = torch.stack(values)
    return values.mean().item(), values.std().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=pathlib.Path)
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pictures, labels = images(options.dataset, "train")
    net = train(tensor(pictures), torch.from_numpy(labels.astype(numpy.int64)), options.epochs, 1)
    pictures, labels = images(options.dataset, "t10k")
    features, shares = look(net, tensor(pictures))
    accuracy = (shares.argmax(1).numpy() == labels).mean()
    print(json.dumps({"classifier": "test accuracy", "accuracy": round(float(accuracy), 4)}), flush=True)

    def report(name, f, p, reference):
        distance, deviation = kid(f, reference)
        counts = numpy.bincount(p.argmax(1).numpy(), minlength=10) / len(p)
        entropy = -(counts[counts > 0] * numpy.log(counts[counts > 0])).sum() / numpy.log(10)
        print(json.dumps({
            "folder": name, "images": len(p), "kid": round(distance, 4), "kid_deviation": round(deviation, 4),
            "confident": round(float((p.max(1).values > .9).float().mean()), 3), "balance": round(float(entropy), 4),
            "classes": {n: round(100 * float(c), 1) for n, c in zip(NAMES, counts)}}), flush=True)

    half = len(features) // 2
    report("test images", features[:half], shares[:half], features[half:])
    for folder in options.folders:
        files = sorted(folder.glob("*.png"))
        grey = numpy.stack([numpy.array(Image.open(f).convert("L")) for f in files])
        f, p = look(net, tensor(grey))
        report(folder.name, f, p, features)

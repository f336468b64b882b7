"""Checks exported models: ONNX Runtime must compute what Straightway computes.

    check.py --project DIR [IMAGE...]

Exports the project in every form, has the files checked by onnx.checker, and compares ONNX Runtime's results for real
images with `straightway translate --size model`: the translator in one step and in four, the velocity in eight steps
forward and back, the images one by one and together. Differences are absolute, on images of 0…1. A PNG holds bytes, so
that half a byte, 0.00196, is the least that can be asked for; --tolerance comes on top of it. Without images it takes
the first sixteen of the project's source folder. Exits with 1 where a result is off.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from PIL import Image
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
HALF_BYTE = 0.5 / 255


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--project", required=True)
    p.add_argument("--program", default=str(ROOT / "bin/straightway-headless"), help="default: bin/straightway-headless")
    p.add_argument("--backend", default="", help="of Straightway's side (default: the project's)")
    p.add_argument("--tolerance", type=float, default=2e-4, help="largest difference of two float32 results (default 2e-4)")
    p.add_argument("images", nargs="*")
    a = p.parse_args()
    print(f"ONNX Runtime {onnxruntime.__version__}, onnx {onnx.__version__}, NumPy {np.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        ok = Check(a, pathlib.Path(folder)).run()
    sys.exit(0 if ok else 1)


class Check:
    def __init__(self, a, folder):
        self.a, self.folder, self.ok = a, folder, True

    def run(self):
        one, said = self.export("one.onnx")
        four, _ = self.export("four.onnx", "--steps", "4", "--round", said["round"])
        velocity, way = self.export("velocity.onnx", "--velocity")
        back, _ = self.export("back.onnx", "--reverse", "--round", way["round"])
        inputs, x = self.inputs(said["size"])
        print(f"{len(x)} images of {said['size']}×{said['size']}; translator of round {said['round']}, velocity of {way['round']}")

        bare = self.translate(inputs, "one", "--steps", said["steps"], "--round", said["round"])
        result = one(image=x)
        self.compare("the translator, against translate", result, bare, HALF_BYTE)
        self.compare("images one by one, against all together", np.concatenate([one(image=i[None]) for i in x]), result)
        self.compare("four steps in the graph, against translate", four(image=x), self.translate(inputs, "four", "--steps", 4, "--round", said["round"]), HALF_BYTE)
        self.compare("one step back in the graph, against the velocity", back(image=x), walk(velocity, x, 1, 0, 1))
        forth = walk(velocity, x, 0, 1, 8)
        self.compare("eight steps of the velocity, against translate", forth, self.translate(inputs, "forth", "--steps", 8, "--round", way["round"]), HALF_BYTE)
        self.compare("eight steps back, against translate", walk(velocity, x, 1, 0, 8), self.translate(inputs, "back", "--steps", 8, "--reverse", "--round", way["round"]), HALF_BYTE)
        self.weights(said["round"])
        return self.ok

    def export(self, name, *flags):
        """Writes and opens one ONNX file; returns a function of its inputs by name, and the event."""
        path = self.folder / name
        event = self.straightway("model", "--onnx", path, *flags)
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        operations = sorted({n.op_type for n in model.graph.node})
        print(f"{name}: {event['bytes'] / 1e6:.1f} MB, checked, {len(model.graph.node)} nodes: {' '.join(operations)}")
        return lambda **inputs: session.run(None, inputs)[0], event

    def inputs(self, size):
        """The images as opaque PNG files of the network's size, and as [N,3,S,S] in 0…1."""
        paths = self.a.images
        if not paths:
            source = pathlib.Path(json.loads((pathlib.Path(self.a.project) / "project.json").read_text())["source"])
            paths = [f for f in sorted(source.iterdir()) if f.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")][:16]
        folder = self.folder / "in"
        folder.mkdir()
        planes = []
        for k, path in enumerate(paths):
            picture = Image.open(path).convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB").resize((size, size))
            picture.save(folder / f"{k:04}.png")
            planes.append(np.asarray(picture, np.float32).transpose(2, 0, 1) / 255)
        return folder, np.stack(planes)

    def translate(self, inputs, name, *flags):
        out = self.folder / name
        self.straightway("translate", "--out", out, "--size", "model", *(["--backend", self.a.backend] if self.a.backend else []), *flags, inputs)
        return np.stack([np.asarray(Image.open(f).convert("RGB"), np.float32).transpose(2, 0, 1) / 255 for f in sorted(out.glob("*.png"))])

    def weights(self, round):
        """The safetensors file is read by its own library and holds the numbers of the ONNX file."""
        path = self.folder / "weights.safetensors"
        self.straightway("model", "--safetensors", path, "--round", round)
        tensors = load_file(path)
        initializers = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(self.folder / "one.onnx").graph.initializer}
        for name, ours in tensors.items():
            theirs = initializers[name]
            if theirs.ndim == 4:  # [Co,Ci,k,k], and [Ci,Co] for a convolution of one pixel
                theirs = theirs.transpose(2, 3, 1, 0).reshape(ours.shape)
            if not np.array_equal(ours, theirs.reshape(ours.shape)):
                self.ok = False
                print(f"   DIFFERENT: {name}")
        print(f"weights.safetensors: {len(tensors)} tensors, {sum(t.size for t in tensors.values())} values, as in the ONNX file")

    def compare(self, what, got, want, rounding=0.0):
        """rounding is what writing want as bytes may have cost."""
        off = float(np.abs(got - want).max())
        good = off <= rounding + self.a.tolerance
        self.ok &= good
        values = f"{np.count_nonzero(np.rint(got * 255) != np.rint(want * 255))} of {want.size} bytes differ"
        print(f"{what}: at most {off:.7f} apart, {values}{'' if good else '   WRONG'}")

    def straightway(self, command, *args):
        """Runs the program and returns its last event."""
        line = [self.a.program, command, "--project", self.a.project, "--json", *map(str, args)]
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(line)} ended with status {done.returncode}:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])


def walk(velocity, image, start, end, steps):
    """Euler steps of dx/dt = v(x, t) in the network's range −1…1; image and result are 0…1."""
    x, h = 2 * image - 1, (end - start) / steps
    for k in range(steps):
        t = np.full(len(x), start + k * h, np.float32)
        x = x + np.float32(h) * velocity(x=x, t=t)
    return np.clip((x + 1) / 2, 0, 1)


if __name__ == "__main__":
    main()

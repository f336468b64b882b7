"""Training steps and one-step translation of the same network: Straightway, PyTorch and ONNX Runtime in turn."""

from . import BENCH, say
from .environment import PROBE, REFERENCE, no_compiler
from .results import of, ratio
from .runner import value

EAGER, COMPILED, ONNX = "PyTorch eager", "torch.compile", "ONNX Runtime"


def batch(size, device):
    """Images a step: as many pixels as the presets have, and eight times that on a GPU."""
    return max(1, 1024 // size) * (8 if device == "cuda" else 1)


def agree(run, python, backend, folder):
    """Stops where the networks differ; returns what the peers say about the differences."""
    file, graph = folder / "reference.safetensors", folder / "reference.onnx"
    run(REFERENCE, "-backend", backend, "-onnx", graph, file)
    loose = ["--tolerance", "1e-2"] if backend == "cuda" else []
    said = run(python, BENCH / "torch_unet.py", "--check", file, *loose)["lines"]
    return said + run(python, BENCH / "onnx_unet.py", graph, "--check", file)["lines"]


def measure(run, book, a, python, folder):
    missing = no_compiler(python) if a.device == "cpu" else ""
    if missing:
        say(f"torch.compile is not measured: {missing}")
    for size in a.sizes:
        graph = folder / f"{size}.onnx"
        if a.device == "cpu" and "f32" in a.precision:
            run(REFERENCE, "-size", size, "-onnx", graph)
        for precision in a.precision:
            for k in range(1, a.pairs + 1):
                one_pair(run, book, a, python, size, precision, k, graph, missing)


def one_pair(run, book, a, python, size, precision, k, graph, missing):
    n = batch(size, a.device)
    common = ["--size", size, "--batch", n, "--steps", a.steps]
    torch = [python, BENCH / "torch_unet.py", *common, "--threads", a.cores, "--device", a.device, *(["--bf16"] if precision == "bf16" else [])]
    peers = {}
    if a.device == "cpu":
        peers[EAGER] = torch
    if not missing:
        peers[COMPILED] = [*torch, "--compile", "max-autotune" if a.device == "cuda" else "default"]
    if a.device == "cpu" and precision == "f32":
        peers[ONNX] = [python, BENCH / "onnx_unet.py", graph, *common, "--threads", a.cores]
    ours = [PROBE, "network", "-size", size, "-batch", n, "-steps", a.steps, "-precision", precision, "-backend", a.backend]
    # Every other pair goes the other way round, so that a machine that slows down steadily favours nobody.
    order = [None, *peers][:: 1 if k % 2 else -1]
    done = {peer: run(*(peers[peer] if peer else ours)) for peer in order}
    for what in ("train", "translate"):
        name = f"{what}/{size}px/{precision}"
        for peer in peers:
            if what == "train" and peer == ONNX:
                continue
            book.pair(name, peer, k, "images/s", value(done[None], what), value(done[peer], what), done[None], done[peer])
        if missing:
            book.leave_out(name, COMPILED, missing)
    here = [p for p in of(book.records, "pair") if p["name"].endswith(f"/{size}px/{precision}") and p["pair"] == k]
    say(f"{size} px, {precision}, pair {k} of {a.pairs}: " + ", ".join(f"{p['name'].split('/')[0]} {ratio(p):.2f}× {p['peer']}" for p in here))

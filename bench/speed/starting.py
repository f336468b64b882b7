"""Start-up: seconds from the start of the program to the first translated image, and to the first training step."""

import json
import shutil

from . import BENCH, say
from .environment import PROGRAM
from .results import by_measure, of, ratio, spread

PEER = "PyTorch eager"
PICTURES = 64  # in each domain
LONG = 60  # seconds to a first step, after which it is not waited for again
# What PyTorch's side takes of a preset: channels, blocks a level, and images a step at 32 px (engine/train.NewRecipe).
PRESETS = {"quick": (16, 1, 32), "balanced": (32, 1, 32), "quality": (64, 2, 64)}


def measure(run, book, a, python, folder):
    run(python, BENCH / "pictures.py", "drawings", folder / "drawings", PICTURES)
    domains = ["--source", folder / "drawings/colour", "--target", folder / "drawings/line", "--backend", a.backend]
    project = folder / "project"
    run(PROGRAM, "train", *domains, "--project", project, "--rounds", 1, "--finish", "none", "--loss", "pixel", "--steps", 2, "--json")
    picture = folder / "drawings/colour/00000.png"
    torch = [python, BENCH / "torch_first.py"]
    run.until(first, *torch, "image", picture, folder / "out.png", "--threads", a.cores)  # the first time takes half as long again; ours has run
    presets = ["quick"] if a.check else list(PRESETS)
    for k in range(1, a.pairs + 1):
        out = folder / "out"
        ours = run.until(translated, PROGRAM, "translate", "--project", project, "--backend", a.backend, "--out", out, "--json", picture)
        theirs = run.until(first, *torch, "image", picture, folder / "out.png", "--threads", a.cores)
        shutil.rmtree(out)
        keep(book, "start/first image", k, ours, theirs)
        for preset in presets:
            base, blocks, batch = PRESETS[preset]
            begun = folder / "begun"
            ours = run.until(stepped, PROGRAM, "train", *domains, "--project", begun, "--preset", preset, "--json")
            theirs = run.until(first, *torch, "step", "--base", base, "--blocks", blocks, "--batch", batch, "--threads", a.cores)
            shutil.rmtree(begun)
            keep(book, f"start/first step, {preset}", k, ours, theirs)
            if ours["reached"] > LONG:
                presets = [p for p in presets if p != preset]
    for (name, _), pairs in by_measure(of(book.records, "pair")).items():
        if name.startswith("start/"):
            say(f"{name}: {spread([p['ours'] for p in pairs])[0]:.1f} s, {spread([ratio(p) for p in pairs])[0]:.2f}× {PEER}")


def keep(book, name, k, ours, theirs):
    book.pair(name, PEER, k, "s", ours["reached"], theirs["reached"], ours, theirs)


def translated(line):
    event = json.loads(line)
    return event["event"] == "image" and "output" in event


def stepped(line):
    event = json.loads(line)
    return event["event"] == "step" and event["step"] >= 1


def first(line):
    return line == "first"

"""The tables of docs/performance.md, and their places in it."""

import re

from . import Failure, report
from .report import where
from .results import of
from .runner import BUSY


def put(text, name, lines):
    """Replaces what lies between the markers of a name."""
    begin, end = f"<!-- {name}: made by bench/page -->", f"<!-- end of {name} -->"
    new, count = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _: "\n".join([begin, "", *lines, "", end]), text, flags=re.DOTALL)
    if count != 1:
        raise Failure(f"docs/performance.md should hold {begin} … {end} once and does {count} times")
    return new


def source(path, records):
    made = records[0]
    return f"`{made['command']}` of {made['date'][:10]}, {made['revision']} ([raw](../bench/results/{path.name}))."


def compared(path, records):
    """The comparison on one processor."""
    return [f"### On {where(records[1])}", "", source(path, records), "", *report.machine(records), "", *report.comparison(records), "", *report.alone(records), ""]


def limits(records):
    m, l = records[1], of(records, "limits")[0]
    points = of(records, "network") + of(records, "dataset") + of(records, "folder")
    lines = [
        "| | |",
        "|---|---|",
        f"| machine | {where(m)}, {m.get('memory', 0) / 2**30:.0f} GiB, {m['os']}, Linux {m['kernel']} |",
        f"| arithmetic: float32 product of two 2048×2048 matrices | {l['flops'] / 1e9:.0f} GFLOP/s |",
        f"| memory: copying 256 MiB, read and written bytes together | {l['memory'] / 1e9:.1f} GB/s |",
        f"| disk: reading 400 MB that were written, and dropped from memory, before | {l['disk'] / 1e9:.2f} GB/s |",
    ]
    noisy = [p for p in points if p["others"] > BUSY]
    if noisy:
        lines += ["", f"**{len(noisy)} of {len(points)} points were disturbed** by other work; do not quote them."]
    return lines


# What stands for a plot in the page, with the words for those who cannot see it.
PLOTS = {
    "network plot": "![Milliseconds an image against the side of the image and against the network's width, each with its limits](pictures/performance-network.png)",
    "data plot": "![Seconds to the first step and milliseconds a step against the number of images; seconds to open a folder against its files](pictures/performance-data.png)",
}


def table(points, key, label, memory):
    lines = [
        f"| {label} | MFLOP an image | training, images/s | of its products | of its memory traffic | translation, images/s | of its products | of its memory traffic | peak memory, MiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for p in sorted(points, key=lambda p: p[key]):
        cells = [f"{p[key]}", f"{p['products']['flops'] / 1e6:.0f}"]
        for what, passes in (("train", 3), ("translate", 1)):
            traffic = memory / (passes * p["products"]["bytes"])
            cells += [f"{p[what]:.3g}", f"{p[what] / p['products'][what]:.0%}", f"{p[what] / traffic:.0%}"]
        lines.append("| " + " | ".join(cells + [f"{p['memory'] / 2**20:.0f}"]) + " |")
    return lines


def sizes(records):
    points, memory = of(records, "network"), of(records, "limits")[0]["memory"]
    return table([p for p in points if p["base"] == points[0]["base"]], "size", "side, pixels", memory)


def widths(records):
    points, memory = of(records, "network"), of(records, "limits")[0]["memory"]
    return table([p for p in points if p["size"] == points[0]["size"]], "base", "channels", memory)


def data(records):
    lines = ["| images in each domain | to the first step, s | longest before it | training, images/s | pixels, MiB | peak memory, MiB |", "|---|---|---|---|---|---|"]
    for p in of(records, "dataset"):
        name, seconds = max(p["phases"].items(), key=lambda phase: phase[1], default=("nothing", 0))
        lines.append(f"| {p['images']:,} | {p['begun']:.1f} | {name}, {seconds:.1f} s | {p['rate']:.0f} | {p['bytes'] / 2**20:.1f} | {p['memory'] / 2**20:.0f} |")
    return lines


def folders(records):
    lines = ["| files | seconds | files/s | reading their bytes alone, s | peak memory, MiB |", "|---|---|---|---|---|"]
    for p in of(records, "folder"):
        lines.append(f"| {p['files']:,} | {p['seconds']:.2f} | {p['files'] / p['seconds']:.0f} | {p['reading']['seconds']:.2f} | {p['memory'] / 2**20:.0f} |")
    return lines

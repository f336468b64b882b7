"""Plots of a growth measurement: plots.py GROWTH.jsonl FOLDER writes performance-network.png and performance-data.png."""

import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

from speed.results import of, read

OURS, SECOND, LIMIT = "#0b6e8f", "#d1662a", "#777777"
STYLE = {
    "font.size": 9, "axes.grid": True, "grid.color": "#e4e4e4", "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlesize": 10, "legend.frameon": False, "legend.fontsize": 8, "savefig.dpi": 150, "axes.axisbelow": True,
}  # fmt: skip


def main():
    records, folder = read(sys.argv[1]), pathlib.Path(sys.argv[2])
    with matplotlib.rc_context(STYLE):
        for name, draw in (("performance-network", networks), ("performance-data", data)):
            figure, axes = pyplot.subplots(1, 2, figsize=(9, 4), layout="constrained")
            draw(axes, records)
            # The same figures give the same bytes: nothing about the time or the library is written.
            figure.savefig(folder / f"{name}.png", metadata={"Software": None})
            pyplot.close(figure)


def networks(axes, records):
    points, limits = of(records, "network"), of(records, "limits")[0]
    first = points[0]
    for ax, key, label, fixed in (
        (axes[0], "size", "side of the image, pixels", lambda p: p["base"] == first["base"]),
        (axes[1], "base", "channels at full resolution", lambda p: p["size"] == first["size"]),
    ):
        here = sorted(filter(fixed, points), key=lambda p: p[key])
        x = [p[key] for p in here]
        for what, colour, name, passes in (("train", OURS, "training step", 3), ("translate", SECOND, "one-step translation", 1)):
            ax.plot(x, [1000 / p[what] for p in here], "o-", color=colour, label=name)
            ax.plot(x, [1000 / p["products"][what] for p in here], "--", color=colour, linewidth=1, label="… its matrix products alone")
            ax.plot(x, [passes * 1000 * p["products"]["bytes"] / limits["memory"] for p in here], ":", color=colour, linewidth=1, label="… its memory traffic alone")
        logarithmic(ax, x, label, "milliseconds an image")
    axes[0].set_title(f"Image size, at {first['base']} channels")
    axes[1].set_title(f"Network width, at {first['size']} px")
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(handles, labels, loc="outside lower center", ncols=2)


def data(axes, records):
    sets, folders = of(records, "dataset"), of(records, "folder")
    x = [p["images"] for p in sets]
    axes[0].plot(x, [p["begun"] for p in sets], "o-", color=OURS, label="from Train to the first step, s")
    axes[0].plot(x, [1000 / p["rate"] for p in sets], "s-", color=SECOND, label="a training step, ms an image")
    axes[0].set_title("Data set")
    logarithmic(axes[0], x, "images in each domain", "seconds, or milliseconds an image")
    axes[0].set_yscale("linear")
    axes[0].set_ylim(bottom=0)
    x = [p["files"] for p in folders]
    axes[1].plot(x, [p["seconds"] for p in folders], "o-", color=OURS, label="opening the folder")
    axes[1].plot(x, [p["reading"]["seconds"] for p in folders], "--", color=LIMIT, linewidth=1, label="reading its bytes alone")
    axes[1].set_title("Folder, PNG files of 64×64")
    logarithmic(axes[1], x, "files", "seconds")
    for ax in axes:
        ax.legend()


def logarithmic(ax, x, below, beside):
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_locator(FixedLocator(x))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(below)
    ax.set_ylabel(beside)


if __name__ == "__main__":
    main()

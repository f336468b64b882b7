"""What runs around the network: reading photographs, translating many files."""

from . import BENCH, say
from .environment import PROBE, PROGRAM
from .results import of, ratio
from .runner import value

PHOTOGRAPHS = 80
ENOUGH = 60  # seconds for a case without a peer, after which it is not repeated
PILLOW, BARE = "Pillow, draft mode", "the bare network"
WITH_NETWORK = ("translate/2000-files",)  # cases of `straightway bench` that measure the network alone as well


def ingest(run, book, a, python, folder):
    photographs = folder / "photographs"
    run(python, BENCH / "pictures.py", "photographs", photographs, min(PHOTOGRAPHS, 8 * a.steps))
    for k in range(1, a.pairs + 1):
        ours = run(PROBE, "folder", "-size", 64, photographs)
        theirs = run(python, BENCH / "pillow_ingest.py", photographs, "--size", 64, "--processes", a.cores)
        book.pair("ingest/12-megapixel JPEG", PILLOW, k, "images/s", value(ours, "folder"), value(theirs, "folder"), ours, theirs)
    report(book, "ingest/12-megapixel JPEG")


def alone(run, book, a):
    """The program's own cases: against the bare network where they measure it too, by themselves otherwise."""
    for case in cases(run):
        if a.check and case not in WITH_NETWORK:
            continue  # only ratios are compared
        spent = 0
        for k in range(1, a.pairs + 1):
            done = run(PROGRAM, "bench", "--json", "--backend", a.backend, "--steps", a.steps, "--filter", case)
            (event,) = (e for e in done["events"] if e.get("event") == "bench" and e["name"] == case)
            if case in WITH_NETWORK:
                book.pair(case, BARE, k, event["unit"], event["value"], event["network_images_per_second"], done)
            else:
                memory = event["peak_rss_mib"] * 2**20 if "peak_rss_mib" in event else done["memory"]
                book.add("alone", name=case, unit=event["unit"], value=event["value"], memory=memory, others=done["others"])
            spent += done["seconds"]
            if spent > ENOUGH and case not in WITH_NETWORK:
                break
        report(book, case)


def cases(run):
    """Names of the program's cases other than training and translating whole batches, which networks measures."""
    words = [line.split() for line in run(PROGRAM, "bench", "--help")["lines"] if line.startswith("  ")]
    names = [w[0] for w in words if "/" in w[0]]
    return [n for n in names if not n.endswith("px")]


def report(book, name):
    for p in of(book.records, "pair"):
        if p["name"] == name:
            say(f"{name}, pair {p['pair']}: {ratio(p):.2f}× {p['peer']}")

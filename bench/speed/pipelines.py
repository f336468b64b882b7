"""What runs around the network: reading photographs, translating many files."""

from . import BENCH, say
from .environment import PROBE, PROGRAM
from .results import of, ratio
from .runner import value

PHOTOGRAPHS = 24
ENOUGH = 60  # seconds for a case without a peer, after which it is not repeated
PILLOW, BARE = "Pillow, draft mode", "the bare network"
# Cases of `straightway bench` whose peer is the network alone, which is another case.
AGAINST_NETWORK = {"translate/2000-files": "translate/64px", "export/original-256": "translate/32px"}


def ingest(run, book, a, python, folder):
    photographs = folder / "photographs"
    run(python, BENCH / "pictures.py", "photographs", photographs, min(PHOTOGRAPHS, 4 * a.steps))
    for k in range(1, a.pairs + 1):
        ours = run(PROBE, "folder", "-size", 64, photographs)
        theirs = run(python, BENCH / "pillow_ingest.py", photographs, "--size", 64, "--processes", a.cores)
        book.pair("ingest/12-megapixel JPEG", PILLOW, k, "images/s", value(ours, "folder"), value(theirs, "folder"), ours, theirs)
    report(book, "ingest/12-megapixel JPEG")


def alone(run, book, a):
    """The program's own cases: against the bare network where that is their limit, by themselves otherwise."""
    for case in cases(run):
        limit = AGAINST_NETWORK.get(case)
        if a.check and not limit:
            continue  # only ratios are compared
        spent = 0
        for k in range(1, a.pairs + 1):
            done = own(run, a, case)
            spent += done["seconds"]
            if limit:
                network = own(run, a, limit)
                book.pair(case, BARE, k, "images/s", value(done, case), value(network, limit), done, network)
            else:
                event = next(e for e in done["events"] if e.get("event") == "bench")
                book.add("alone", name=case, unit=event["unit"], value=value(done, case), memory=done["memory"], others=done["others"])
                if spent > ENOUGH:
                    break
        report(book, case)


def own(run, a, case):
    return run(PROGRAM, "bench", "--json", "--backend", a.backend, "--steps", a.steps, "--filter", case)


def cases(run):
    """Names of the program's cases other than training and translating whole batches, which networks measures."""
    words = [line.split() for line in run(PROGRAM, "bench", "--help")["lines"] if line.startswith("  ")]
    names = [w[0] for w in words if "/" in w[0]]
    return [n for n in names if not n.endswith("px")]


def report(book, name):
    for p in of(book.records, "pair"):
        if p["name"] == name:
            say(f"{name}, pair {p['pair']}: {ratio(p):.2f}× {p['peer']}")

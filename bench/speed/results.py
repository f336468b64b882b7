"""What a comparison found, as records: one JSON object a line in bench/results.

    {"event":"pair","name":"train/32px/f32","peer":"PyTorch eager","pair":1,"unit":"images/s","ours":120,"theirs":170,"others":0.02}
    {"event":"alone","name":"ingest/jpeg-1024x768","unit":"images/s","value":63.5}
    {"event":"left out","name":"…","peer":"…","why":"…"}

A pair is Straightway and a peer, measured one after the other. Its ratio is how many times as fast Straightway is.
"""

import datetime
import json
import os
import statistics

from . import Failure
from .runner import BUSY


def ratio(pair):
    """How many times as fast as the peer: of rates the quotient, of seconds its inverse."""
    return pair["theirs"] / pair["ours"] if pair["unit"] == "s" else pair["ours"] / pair["theirs"]


def of(records, event):
    return [r for r in records if r.get("event") == event]


def by_measure(pairs):
    """The pairs of each measure, which is a name with a peer, in the order of their first ones."""
    found = {}
    for p in pairs:
        found.setdefault((p["name"], p["peer"]), []).append(p)
    return found


def spread(values):
    """Median, smallest and largest."""
    return statistics.median(values), min(values), max(values)


def disturbed(pair):
    return pair["others"] > BUSY


class Book:
    """Collects the records of a comparison."""

    def __init__(self):
        self.records = []

    def add(self, event, **fields):
        self.records.append({"event": event, **fields})

    def pair(self, name, peer, k, unit, ours, theirs, *runs):
        self.add("pair", name=name, peer=peer, pair=k, unit=unit, ours=ours, theirs=theirs, others=max(r["others"] for r in runs))

    def leave_out(self, name, peer, why):
        if not any(r["name"] == name and r["peer"] == peer for r in of(self.records, "left out")):
            self.add("left out", name=name, peer=peer, why=why)


def write(records, folder, what, *hidden):
    """Writes the records to DATE-WHAT.jsonl; hidden are (path, name) of this machine, which the commands are freed of."""
    folder.mkdir(parents=True, exist_ok=True)
    path, k = folder / f"{datetime.date.today().isoformat()}-{what}.jsonl", 2
    while path.exists() or path.with_suffix(".md").exists():  # nothing is overwritten
        path, k = folder / f"{datetime.date.today().isoformat()}-{what}-{k}.jsonl", k + 1
    with open(path, "w") as f:
        for r in records:
            line = json.dumps(r, ensure_ascii=False)
            for this, name in hidden:
                line = line.replace(this, name)
            f.write(line + "\n")
    return path


def read(path):
    records = []
    with open(path) as f:
        for line in f:
            if line.startswith("{"):
                records.append(json.loads(line))
    return records


def newest(folder, event, wanted=lambda head, machine: True, processor=None):
    """The newest raw result whose first record is of the event, with its records, if there is one of this processor, or else
    of any; None where there is none."""
    found = newest_of_each(folder, event, wanted)
    return next((f for f in found if kind(f[1][1]) == processor), found[0] if found else None)


def newest_of_each(folder, event, wanted=lambda head, machine: True):
    """Of each kind of processor the newest such result, newest first. A result's name begins with its date, and what was
    measured later on one day has the later date inside."""
    found = []
    for path in folder.glob("*.jsonl"):
        records = read(path)
        if len(records) > 1 and records[0].get("event") == event and wanted(records[0], records[1]):
            found.append((path, records))
    each = {}
    for path, records in sorted(found, key=lambda f: (datetime.datetime.fromisoformat(f[1][0]["date"]), os.fspath(f[0])), reverse=True):
        each.setdefault(kind(records[1]), (path, records))
    return list(each.values())


def kind(machine):
    """What ratios depend on: the processor and the instructions that it has."""
    return machine.get("processor"), *machine.get("instructions", ())


def need(found, what, how):
    if found is None:
        raise Failure(f"there is no {what} in bench/results: make one with {how}")
    return found

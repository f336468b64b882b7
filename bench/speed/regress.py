"""Compares the ratios of two comparisons, never their seconds, and names what fell."""

from .results import by_measure, of, ratio, spread

LIMIT = 0.10  # a median ratio lower by more than this share is a fall


def fell(before, after):
    """What fell, as (measure, spread before, spread after), and how many measures both have. A measure fell where its
    median ratio is more than LIMIT lower and its best is still below the worst of before: a difference within the spread
    is no difference."""
    old, new = ({m: spread([ratio(p) for p in pairs]) for m, pairs in by_measure(of(r, "pair")).items()} for r in (before, after))
    common = [m for m in old if m in new]
    return [(m, old[m], new[m]) for m in common if new[m][0] < (1 - LIMIT) * old[m][0] and new[m][2] < old[m][1]], len(common)


def comparable(made, machine):
    """Tells whether a result can be compared with one of this device and number of cores (first two records)."""
    return lambda head, there: head.get("device") == made["device"] and len(there["cores"]) == len(machine["cores"])


def verdict(path, before, after):
    """The lines that a person reads, and the exit status: 1 where something fell, or nothing could be compared."""
    worse, common = fell(before, after)
    lines = [f"against {path}, {before[0]['revision']}: {common} ratios compared"]
    if before[1].get("processor") != after[1].get("processor"):
        lines.append(f"   that was another processor ({before[1].get('processor')}), whose ratios may differ")
    for r in of(after, "left out"):
        lines.append(f"   not measured: {r['name']} against {r['peer']}: {r['why']}")
    for (name, peer), was, now in worse:
        lines.append(f"   FELL: {name} against {peer}: {now[0]:.2f}× ({now[1]:.2f}–{now[2]:.2f}), was {was[0]:.2f}× ({was[1]:.2f}–{was[2]:.2f})")
    if not common:
        lines.append("   nothing in common: this says nothing")
    elif not worse:
        lines.append(f"   none fell by more than {LIMIT:.0%}")
    return lines, 1 if worse or not common else 0

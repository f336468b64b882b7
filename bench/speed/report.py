"""A comparison as a page of Markdown."""

from .results import by_measure, disturbed, of, ratio, spread
from .runner import BUSY


def page(records):
    made, m = records[0], records[1]
    lines = [
        f"# Straightway side by side on {m.get('gpu', 'a GPU') if made['device'] == 'cuda' else where(m)}",
        "",
        f"Made by `{made['command']}` on {made['date']} from {made['revision']}; the raw lines are in the .jsonl file of the same name.",
        "",
        *machine(records),
        "",
        *comparison(records),
        "",
        *alone(records),
    ]
    lines += ["", "Every pair:", "", "| what | against | pair | Straightway | the other | ratio | cores used by others |", "|---|---|---|---|---|---|---|"]
    for p in of(records, "pair"):
        lines.append(f"| {p['name']} | {p['peer']} | {p['pair']} | {p['ours']:.4g} | {p['theirs']:.4g} | {ratio(p):.2f}× | {p['others']:.2f} |")
    return "\n".join(lines) + "\n"


def where(m):
    return f"{m.get('processor', 'a processor')}, {len(m['cores'])} of {m['cores_of_machine']} cores ({', '.join(m['instructions'])})"


def machine(records):
    made, m = records[0], records[1]
    lines = ["| | |", "|---|---|", f"| machine | {where(m)}, {m.get('memory', 0) / 2**30:.0f} GiB, {m['os']}, Linux {m['kernel']} |"]
    if "gpu" in m:
        lines.append(f"| GPU | {m['gpu']}, {m.get('gpu_memory', 0) / 2**30:.0f} GiB, driver {m.get('gpu_driver')} |")
    modules = ", ".join(f"{path.rsplit('/', 1)[1]} {version}" for path, version in m.get("modules", {}).items())
    lines += [
        f"| Straightway | {made['revision']}, {m.get('go')}, {modules}, {m.get('plugin')} |",
        f"| the others | PyTorch {m['torch']}, ONNX Runtime {m['onnxruntime']}, Pillow {m['pillow']}, Python {m['python']} |",
        f"| variables that matter | {' '.join(f'{k}={v}' for k, v in m['environment'].items()) or 'none set'} |",
    ]
    if made.get("agreement"):
        lines.insert(-1, f"| same network | {'; '.join(made['agreement'])} |")
    return lines


def comparison(records):
    """The table of ratios, and what is to be said about it."""
    pairs, skipped = of(records, "pair"), of(records, "left out")
    lines = ["| what | against | Straightway | the other | times as fast: median | min–max |", "|---|---|---|---|---|---|"]
    for (name, peer), here in by_measure(pairs).items():
        ours, theirs = (spread([p[side] for p in here])[0] for side in ("ours", "theirs"))
        middle, low, high = spread([ratio(p) for p in here])
        lines.append(f"| {name} | {peer} | {quantity(here, 'ours', ours)} | {quantity(here, 'theirs', theirs)} | **{middle:.2f}×** | {low:.2f}–{high:.2f} |")
    for s in skipped:
        lines.append(f"| {s['name']} | {s['peer']} | | | not measured: {s['why']} | |")
    count = max((p["pair"] for p in pairs), default=0)
    lines += ["", f"Medians of {count} run{'s' * (count > 1)} a side, one after the other; of seconds also the smallest and the largest. Times as fast is the "
              "quotient within a pair: above 1 Straightway is faster."]  # fmt: skip
    noisy = [p for p in pairs if disturbed(p)]
    if noisy:
        lines += ["", f"**{len(noisy)} of {len(pairs)} pairs were disturbed**: other work used more than {BUSY} of a core "
                  "(or the hypervisor took it). Do not quote these figures; run again on a quiet machine."]  # fmt: skip
    return lines


def alone(records):
    """The table of what has no peer."""
    found = {}
    for e in of(records, "alone"):
        found.setdefault(e["name"], []).append(e)
    lines = ["Without a counterpart:", "", "| what | rate: median | min–max | peak memory, MiB |", "|---|---|---|---|"]
    for name, here in found.items():
        rate, low, high = spread([e["value"] for e in here])
        lines.append(f"| {name} | {rate:.4g} {here[0]['unit']} | {low:.4g}–{high:.4g} | {max(e['memory'] for e in here) / 2**20:.0f} |")
    return lines if found else ["Nothing was measured without a counterpart."]


def quantity(pairs, side, middle):
    unit = pairs[0]["unit"]
    if unit == "s":
        values = [p[side] for p in pairs]
        return f"{middle:.2f} s ({min(values):.2f}–{max(values):.2f})"
    return f"{middle:.4g} {unit}"

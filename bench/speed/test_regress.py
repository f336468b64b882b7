"""Tests of the comparing: python3 -m unittest discover -s bench -t bench (scripts/check runs it)."""

import json
import pathlib
import tempfile
import unittest

from speed import regress, results


def records(*pairs, device="cpu", cores=2, processor="one", date="2026-01-02T03:04:05+00:00"):
    """A comparison; a pair is (name, unit, ours, theirs)."""
    return [
        {"event": "comparison", "device": device, "date": date, "revision": "r"},
        {"event": "machine", "cores": list(range(cores)), "processor": processor},
        *({"event": "pair", "name": n, "peer": "peer", "pair": 1, "unit": u, "ours": o, "theirs": t, "others": 0} for n, u, o, t in pairs),
    ]


def rates(*ratios):
    return records(*(("train", "images/s", r * 50, 50) for r in ratios))


class Falling(unittest.TestCase):
    def test_what_counts_as_a_fall(self):
        for name, before, after, falls in (
            ("the same", (1.0, 1.02, 1.04), (1.0, 1.02, 1.04), False),
            ("faster", (1.0,), (2.0,), False),
            ("by eight per cent", (1.0,), (0.92,), False),
            ("by twelve per cent", (1.0,), (0.88,), True),
            ("by twelve per cent, within the spread before", (0.85, 1.0, 1.15), (0.87, 0.88, 0.89), False),
            ("by twelve per cent, within the spread after", (0.99, 1.0, 1.01), (0.7, 0.88, 1.0), False),
            ("by half, with spread", (0.9, 1.0, 1.1), (0.4, 0.5, 0.6), True),
        ):
            with self.subTest(name):
                worse, _ = regress.fell(rates(*before), rates(*after))
                self.assertEqual([m for m, _, _ in worse], [("train", "peer")] if falls else [])

    def test_the_machine_being_slower_is_no_fall(self):
        self.assertEqual(regress.fell(records(("train", "images/s", 100, 80)), records(("train", "images/s", 10, 8)))[0], [])

    def test_more_seconds_are_a_fall(self):
        slow, fast = records(("start", "s", 4, 2)), records(("start", "s", 1, 2))
        self.assertEqual(len(regress.fell(fast, slow)[0]), 1)
        self.assertEqual(regress.fell(slow, fast)[0], [])

    def test_the_verdict_names_and_tells_by_its_status(self):
        two = records(("a", "images/s", 2, 1), ("b", "images/s", 2, 1))
        for name, after, status, word in (
            ("as before", two, 0, "none fell"),
            ("one fell", records(("a", "images/s", 1, 1), ("b", "images/s", 2, 1)), 1, "FELL: a against peer: 1.00×"),
            ("one was not taken", records(("a", "images/s", 2, 1)), 0, "1 ratios compared"),
            ("one could not be", [*two[:3], {"event": "left out", "name": "b", "peer": "peer", "why": "no compiler"}], 0, "b against peer: no compiler"),
            ("nothing in common", records(("c", "images/s", 2, 1)), 1, "nothing in common"),
            ("another processor", records(("a", "images/s", 2, 1), processor="two"), 0, "another processor"),
        ):
            with self.subTest(name):
                lines, got = regress.verdict("file", two, after)
                self.assertEqual(got, status)
                self.assertIn(word, "\n".join(lines))


class Choosing(unittest.TestCase):
    def test_the_newest_of_the_same_kind(self):
        now = records()
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            self.assertIsNone(results.newest(folder, "comparison"))
            for name, lines in (
                ("old", records(date="2026-01-01T00:00:00+00:00")),
                ("right", records(date="2026-01-02T00:00:00+01:00")),
                ("graphics", records(date="2026-01-03T00:00:00+00:00", device="cuda")),
                ("four-cores", records(date="2026-01-03T00:00:00+00:00", cores=4)),
                ("something-else", [{"command": "a"}, {"event": "step"}]),
            ):
                (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
            path, found = results.newest(folder, "comparison", regress.comparable(*now[:2]))
            self.assertEqual(path.name, "right.jsonl")
            self.assertEqual(found[0]["device"], "cpu")
            # One of the same processor is preferred, where there is one; where there is none, the newest.
            (folder / "newer.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records(date="2026-01-04T00:00:00+00:00", processor="two")))
            chosen = {p: results.newest(folder, "comparison", regress.comparable(*now[:2]), (p,))[0].name for p in ("one", "two", "three")}
            self.assertEqual(chosen, {"one": "right.jsonl", "two": "newer.jsonl", "three": "newer.jsonl"})

    def test_writing_overwrites_nothing_and_hides_this_machine(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            first = results.write([{"event": "run", "command": "/here/bin/x"}], folder, "cpu", ("/here/", ""))
            second = results.write([{"event": "run"}], folder, "cpu")
            self.assertNotEqual(first, second)
            self.assertEqual(results.read(first), [{"event": "run", "command": "bin/x"}])


if __name__ == "__main__":
    unittest.main()

"""Tests of running, and of the tables that are made of what ran."""

import sys
import unittest

from speed import ROOT, Failure, pages, report, runner

MACHINE = {
    "event": "machine", "processor": "a processor", "cores": [0, 1], "cores_of_machine": 4, "instructions": ["avx2"], "os": "Debian", "kernel": "6",
    "torch": "2.15.0", "onnxruntime": "1", "pillow": "13", "python": "3.11", "environment": {"OMP_NUM_THREADS": "1"},
}  # fmt: skip


def comparison(others=0.0):
    return [
        {"event": "comparison", "command": "bench/compare", "date": "2026-01-02", "revision": "r", "device": "cpu"},
        MACHINE,
        *({"event": "pair", "name": "train", "peer": "PyTorch", "pair": k, "unit": "images/s", "ours": o, "theirs": 100, "others": others} for k, o in enumerate((90, 120, 100))),
        {"event": "pair", "name": "start", "peer": "PyTorch", "pair": 1, "unit": "s", "ours": 2, "theirs": 3, "others": 0},
        {"event": "alone", "name": "scan", "unit": "files/s", "value": 5000, "memory": 3 * 2**20, "others": 0},
        {"event": "left out", "name": "train", "peer": "torch.compile", "why": "no compiler"},
    ]


def growth():
    network = {"event": "network", "batch": 32, "memory": 2**30, "others": 0, "products": {"train": 200, "translate": 800, "flops": 5e8, "bytes": 1e6}}
    return [
        {"event": "growth", "command": "bench/growth", "date": "2026-01-02", "revision": "r"},
        MACHINE,
        {"event": "limits", "flops": 1e11, "memory": 1e9, "disk": 1e9},
        network | {"size": 32, "base": 32, "train": 100, "translate": 600},
        network | {"size": 64, "base": 32, "train": 20, "translate": 100},
        network | {"size": 32, "base": 16, "train": 300, "translate": 900},
        {"event": "folder", "files": 1000, "seconds": 2, "memory": 2**20, "reading": {"seconds": 0.5}, "others": 0},
        {"event": "dataset", "images": 250, "bytes": 2**20, "phases": {"compiling": 7, "coupling": 1}, "begun": 9, "rate": 50, "memory": 2**20, "others": 0},
    ]


class Tables(unittest.TestCase):
    def test_a_comparison_says_what_is_faster_and_what_is_missing(self):
        text = report.page(comparison())
        for line in (
            "| train | PyTorch | 100 images/s | 100 images/s | **1.00×** | 0.90–1.20 |",
            "| start | PyTorch | 2.00 s (2.00–2.00) | 3.00 s (3.00–3.00) | **1.50×** | 1.50–1.50 |",
            "| train | torch.compile | | | not measured: no compiler | |",
            "| scan | 5000 files/s | 5000–5000 | 3 |",
            "| variables that matter | OMP_NUM_THREADS=1 |",
        ):
            self.assertIn(line, text)
        self.assertNotIn("disturbed", text)
        self.assertIn("**3 of 4 pairs were disturbed**", report.page(comparison(others=0.2)))

    def test_growth_is_set_beside_its_limits(self):
        self.assertEqual([line.split(" | ")[0] for line in pages.sizes(growth())[2:]], ["| 32", "| 64"])
        self.assertEqual([line.split(" | ")[0] for line in pages.widths(growth())[2:]], ["| 16", "| 32"])
        # 100 of 200 images/s by its products; 1 GB/s over 3 MB an image is 333 images/s by its memory traffic.
        self.assertIn("| 32 | 500 | 100 | 50% | 30% | 600 | 75% | 60% | 1024 |", pages.sizes(growth()))
        self.assertIn("compiling, 7.0 s", pages.data(growth())[-1])
        self.assertIn("| 1,000 | 2.00 | 500 | 0.50 | 1 |", pages.folders(growth()))

    def test_the_page_has_a_place_for_every_table(self):
        text = (ROOT / "docs/performance.md").read_text()
        for name in ("comparison", "machine", "size", "width", "data", "folder", *pages.PLOTS):
            filled = pages.put(text, name, ["a table"])
            self.assertEqual(pages.put(filled, name, ["another", "table"]), pages.put(text, name, ["another", "table"]))
        with self.assertRaises(Failure):
            pages.put(text, "nothing of that name", [])


class Running(unittest.TestCase):
    def setUp(self):
        self.log = []
        self.run = runner.Runner(1, self.log.append)

    def python(self, *lines):
        return sys.executable, "-c", "\n".join(lines)

    def test_a_run_tells_its_figures(self):
        done = self.run(*self.python("print('{\"event\":\"bench\",\"name\":\"train\",\"value\":7}')"))
        self.assertEqual(runner.value(done, "train"), 7)
        self.assertRaises(Failure, runner.value, done, "translate")
        self.assertEqual([r["event"] for r in self.log], ["run"])

    def test_a_run_that_fails_says_what_it_said(self):
        with self.assertRaisesRegex(Failure, "(?s)status 3.*alas"):
            self.run(*self.python("import sys; print('alas', file=sys.stderr); sys.exit(3)"))

    def test_a_run_is_ended_where_it_got_to(self):
        long = self.python("import time", "print('there', flush=True)", "time.sleep(20)", "print('over')")
        self.assertEqual(self.run.until(lambda line: line == "there", *long)["lines"], ["there"])
        with self.assertRaisesRegex(Failure, "before it got there"):
            self.run.until(lambda line: line == "there", *self.python("print('going')"))


if __name__ == "__main__":
    unittest.main()

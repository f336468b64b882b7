"""What bench/compare, bench/growth and bench/page are made of. Nothing here needs more than Python itself; what needs
PyTorch, ONNX Runtime or Pillow is a program of its own beside this folder, started with the interpreter of bench/.venv."""

import datetime
import pathlib
import sys

BENCH = pathlib.Path(__file__).resolve().parents[1]
ROOT = BENCH.parent
RESULTS = BENCH / "results"


class Failure(Exception):
    """Ends a measurement with a message for the user."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def now():
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def guarded(work):
    """Calls work and leaves with its status, or with the message of its failure."""
    try:
        sys.exit(work())
    except Failure as e:
        sys.exit(f"bench: {e}")
    except KeyboardInterrupt:
        sys.exit(130)

"""Installs and builds what is compared, and describes the machine that it runs on."""

import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

from . import BENCH, ROOT, Failure, say

TORCH = "2.15"  # the version that the project's figures refer to; bench/requirements.txt has all versions
INSTALLED_GB, DOWNLOAD_GB = 5.5, 3
PACKAGES = ("torch", "onnxruntime", "numpy", "PIL", "matplotlib")
# Variables that change what is measured; a run with one of them set says so.
TELLING = re.compile(r"^(XLA_|MALLOC_|GLIBC_|STRAIGHTWAY_|GOMLX_|PJRT_|GO(GC|MAXPROCS|MEMLIMIT)|OMP_|MKL_|KMP_|TORCH|PYTORCH|ATEN_|ORT_|LD_PRELOAD)")
PROGRAM, PROBE, REFERENCE = (ROOT / f for f in ("bin/straightway-headless", ".build/bench-probe", ".build/bench-reference"))


def build(skip=False):
    """Builds the program, the probe and the writer of reference values, unless they are to be used as they are."""
    if not skip:
        say("building")
        call(["make", "-s", "headless"], "building the program")
        for file in (PROBE, REFERENCE):
            package = "./bench/" + file.name.removeprefix("bench-")
            call(["scripts/with-go", "go", "build", "-trimpath", "-tags", "headless", "-o", str(file), package], f"building {package}")
    for file in (PROGRAM, PROBE, REFERENCE):
        if not file.exists():
            raise Failure(f"{file.relative_to(ROOT)} is not there: run without --no-build")


def interpreter(wanted=None):
    """An interpreter with what bench/requirements.txt lists: the one wanted, or bench/.venv's, made on first use."""
    if wanted:
        missing = lacks(wanted)
        if missing:
            raise Failure(f"{wanted} cannot be used: {missing}. Leave --python out, and bench/.venv is made")
        return wanted
    folder = BENCH / ".venv"
    python = folder / "bin/python"
    if not python.exists():
        # Debian's Python has no ensurepip: the machine's own pip installs into the new environment.
        call([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)], "making bench/.venv")
    if lacks(python):
        free_gb = shutil.disk_usage(BENCH).free / 1e9
        if free_gb < INSTALLED_GB + DOWNLOAD_GB:
            raise Failure(f"PyTorch {TORCH} needs {INSTALLED_GB + DOWNLOAD_GB:.0f} GB of disk to install and {free_gb:.1f} GB are free: "
                          "make room, or name an interpreter that has it with --python")  # fmt: skip
        say(f"installing PyTorch {TORCH} and its company into bench/.venv: some {DOWNLOAD_GB} GB to fetch, {INSTALLED_GB} GB on disk")
        call([sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-cache-dir", "--disable-pip-version-check",
              "-r", str(BENCH / "requirements.txt")], "installing PyTorch (is the network up? is Python 3.11 or newer?)")  # fmt: skip
        missing = lacks(python)
        if missing:
            raise Failure(f"PyTorch was installed and cannot be used ({missing}): delete bench/.venv and run this again, or use --python")
    return str(python)


def lacks(python):
    """What keeps an interpreter from being used, or nothing."""
    test = f"import {', '.join(PACKAGES)}; v = torch.__version__; assert v.startswith('{TORCH}.'), 'it has PyTorch ' + v"
    try:
        done = subprocess.run([python, "-c", test], capture_output=True, text=True)
    except OSError as e:
        return str(e)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def no_compiler(python):
    """Why torch.compile has no C++ compiler for a processor, or nothing: it needs g++, OpenMP and Python's headers."""
    compiler = os.environ.get("CXX", "g++")
    found = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('include'))"], capture_output=True, text=True)
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "try.cpp"
        source.write_text("#include <Python.h>\n#include <omp.h>\nint main() { return omp_get_max_threads() == 0; }\n")
        try:
            done = subprocess.run([compiler, "-fopenmp", "-fsyntax-only", f"-I{found.stdout.strip()}", str(source)], capture_output=True, text=True)
        except OSError:
            return f"{compiler} is not there: scripts/setup --bench installs it"
        if done.returncode:
            return f"{compiler} cannot compile for Python ({done.stderr.strip().splitlines()[0]}): scripts/setup --bench installs what is missing"
    return ""


def machine(python, cores, device):
    """What a reader must know to compare with another machine."""
    out = {"cores": cores, "cores_of_machine": os.cpu_count(), "os": os_name(), "kernel": platform.release(), "load_before": os.getloadavg()[0]}
    doctor = subprocess.run([PROGRAM, "doctor", "--json"], capture_output=True, text=True)
    for line in doctor.stdout.splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "system":
            out |= {k: event[k] for k in ("processor", "memory", "gpu", "gpu_memory", "gpu_driver", "go", "go_experiments", "version", "modules") if k in event}
        elif event.get("event") == "backend" and event.get("name") == device:
            out["plugin"] = event.get("version")
    script = "import sys, torch, onnxruntime, PIL; print(sys.version.split()[0], torch.__version__, onnxruntime.__version__, PIL.__version__)"
    done = subprocess.run([python, "-c", script], capture_output=True, text=True)
    out |= dict(zip(("python", "torch", "onnxruntime", "pillow"), done.stdout.split()))
    flags = re.search(r"^flags\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    out["instructions"] = [f for f in wanted if flags and f in flags[1].split()]
    out["environment"] = {k: v for k, v in sorted(os.environ.items()) if TELLING.match(k)}
    return out


def os_name():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()


def revision():
    """The commit, with a mark where the working tree differs from it."""
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def call(command, what):
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode != 0:
        raise Failure(f"{what} failed with status {done.returncode}, see above")

"""Runs commands on the same cores, and notes what else the machine did meanwhile."""

import json
import os
import shlex
import signal
import subprocess
import tempfile
import time

from . import ROOT, Failure

BUSY = 0.1  # cores used by others from which on a run is called disturbed


class Runner:
    def __init__(self, count, log):
        self.cores = sorted(os.sched_getaffinity(0))[:count]
        self.log = log  # takes a record of every run
        if len(self.cores) < count:
            raise Failure(f"{count} cores were asked for and there are {len(self.cores)}: say --cores {len(self.cores)}")

    def __call__(self, *command):
        """Runs a command to its end: its events (lines of JSON), seconds, peak memory and the cores used by others."""
        return self.run(command, None)

    def prepare(self):
        """Binds a child to the cores, and lets it hear an interrupt, which what is started in the background does not."""
        os.sched_setaffinity(0, self.cores)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def until(self, wanted, *command):
        """Seconds from the start of a command to the first line that wanted(line) is true of; ends it then."""
        return self.run(command, wanted)

    def run(self, command, wanted):
        command = [str(c) for c in command]
        busy, began = busy_seconds(), time.monotonic()
        with tempfile.TemporaryFile("w+") as errors:
            child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=self.prepare)
            lines, reached = [], None
            try:
                with child.stdout:
                    for line in child.stdout:
                        lines.append(line.rstrip("\n"))
                        if wanted and reached is None and wanted(lines[-1]):
                            reached = time.monotonic() - began
                            child.send_signal(signal.SIGINT)
            except BaseException:
                child.kill()
                raise
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            said = errors.read()
        wall = time.monotonic() - began
        own = used.ru_utime + used.ru_stime
        others = max(0.0, busy_seconds() - busy - own) / wall
        text = shlex.join(command)
        if wanted and reached is None or not wanted and child.returncode != 0:
            tail = "\n".join(lines)[-500:] + said[-1500:]
            raise Failure(f"{text} ended with status {child.returncode}{' before it got there' if wanted else ''}:\n{tail}")
        result = {"command": text, "seconds": round(wall, 2), "cpu_seconds": round(own, 2), "others": round(others, 2), "memory": used.ru_maxrss * 1024}
        if wanted:
            result["reached"] = round(reached, 3)
        events = [json.loads(line) for line in lines if line.startswith("{")]
        # Of a training that was ended only the last lines tell something.
        self.log({"event": "run", **result, "stdout": lines[-5:] if wanted else lines})
        return {**result, "events": events, "lines": lines}


def value(result, name):
    """The figure of a benchmark in the events of a run."""
    for event in result["events"]:
        if event.get("event") == "bench" and event["name"] == name:
            return event["value"]
    raise Failure(f"{result['command']} printed no figure for {name}:\n" + "\n".join(result["lines"]))


def busy_seconds():
    """Seconds of all cores that were not idle since the machine started, time stolen by a hypervisor included."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")

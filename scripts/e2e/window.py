#!/usr/bin/env python3
"""The whole journey through the real window, by mouse and keyboard, under a display that run has started.

start -> choose both folders in GTK's dialog -> Train (tiny) -> previews change -> Pause -> translate an image that another
client drops (XDND) -> export a folder -> close -> open again and find it all. Places are those of the layout at the
window's first size, 1120x720 at scale 1, in pixels of the window; a change of layout changes the table below.
"""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

PROGRAM, WORK, PICTURES = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""
HERE = pathlib.Path(__file__).parent
PATIENCE = float(os.environ.get("E2E_PATIENCE", "420"))  # seconds for anything that computes

PLACES = {
    "Domains": (46, 26), "Train": (114, 26), "Translate": (184, 26), "Export": (258, 26), "Lab": (314, 26),
    "source Choose": (473, 154), "target Choose": (1047, 154), "Steps": (804, 614), "start": (1022, 694),
    "run": (841, 170), "stop": (965, 170), "Save and close": (632, 417), "viewer": (560, 420),
    "lab run": (711, 79), "inputs": (228, 330), "output": (228, 515), "export": (500, 79),
}


def sh(*args, **kw):
    return subprocess.run(args, check=True, capture_output=True, text=True, **kw).stdout.strip()


def wait(what, ready, patience=60.0):
    """Waits until ready() gives something, which it returns."""
    end = time.time() + patience
    while time.time() < end:
        got = ready()
        if got:
            return got
        time.sleep(0.3)
    shot("failed")
    sys.exit(f"waited {patience:.0f} s in vain: {what}")


def windows(name):
    found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", name], capture_output=True, text=True)
    return found.stdout.split()


class Window:
    def __init__(self, home):
        began = time.time()
        env = dict(os.environ, HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"), XDG_CACHE_HOME=str(home / ".cache"), LC_ALL="C.UTF-8")
        self.log = open(WORK / "window.log", "a")
        self.process = subprocess.Popen([PROGRAM, "--ui-meter"], env=env, stdout=self.log, stderr=self.log)
        self.id = wait("the window", lambda: windows("^Straightway"))[0]
        self.seconds = time.time() - began
        time.sleep(2)

    def origin(self):
        g = sh("xwininfo", "-id", self.id)  # xdotool counts the frame twice
        return tuple(int(re.search(rf"Absolute upper-left {k}: +(-?\d+)", g).group(1)) for k in "XY")

    def click(self, place):
        x, y = PLACES[place] if isinstance(place, str) else place
        ox, oy = self.origin()
        sh("xdotool", "mousemove", str(ox + x), str(oy + y))
        time.sleep(0.3)
        sh("xdotool", "click", "1")
        time.sleep(0.7)

    def title(self):
        return sh("xdotool", "getwindowname", self.id)

    def close(self, name=""):
        """Closes by keyboard, and agrees where the window asks because training goes on."""
        sh("xdotool", "key", "--window", self.id, "ctrl+q")
        time.sleep(2)
        if name:
            shot(name)
        if self.process.poll() is None:
            self.click("Save and close")
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            shot("failed")
            sys.exit("the window did not close")
        if self.process.returncode != 0:
            sys.exit(f"the window ended with status {self.process.returncode}")


def shot(name):
    path = WORK / f"{name}.png"
    subprocess.run(["import", "-window", "root", str(path)], check=False)
    return path


def picture(window, name):
    """A picture of the window for the guide."""
    path = WORK / f"window-{name}.png"
    sh("xdotool", "mousemove", "5", "5")
    time.sleep(0.8)
    sh("import", "-window", window.id, str(path))
    if PICTURES and name in ("domains", "train", "translate", "export", "lab"):
        sh("convert", str(path), "-strip", "-colors", "255", str(pathlib.Path(PICTURES) / path.name))
    return path


def look(window):
    """A hash of what the window shows."""
    return hashlib.sha256(subprocess.run(["import", "-window", window.id, "rgb:-"], capture_output=True, check=True).stdout).hexdigest()


def translated(window):
    """Whether Copy and Save as can be used: their words are white then, and grey while there is no translation yet."""
    grab = subprocess.run(["import", "-window", window.id, "-crop", "190x20+375+109", "+repage", "-depth", "8", "rgb:-"], capture_output=True, check=True)
    return max(grab.stdout) > 230


def choose_folder(window, place, folder):
    """Goes through GTK's own dialog."""
    before = set(windows("."))
    window.click(place)
    dialog = wait("the folder dialog", lambda: set(windows(".")) - before).pop()
    sh("xdotool", "windowfocus", "--sync", dialog)
    time.sleep(1)
    sh("xdotool", "type", "/")  # opens the entry for a path
    time.sleep(1)
    sh("xdotool", "type", "--delay", "20", str(folder)[1:])
    time.sleep(1)
    sh("xdotool", "key", "Return")
    time.sleep(1)
    if dialog in windows("."):  # the first Return may only have completed the name
        sh("xdotool", "key", "Return")
    wait("the folder dialog to close", lambda: dialog not in windows("."))


def drop(window, place, *paths):
    """Drags files from another client onto a place of the window; its GTK binding belongs to Debian's own Python."""
    source = subprocess.Popen(["/usr/bin/python3", str(HERE / "dragsource.py"), *map(str, paths)])
    try:
        wait("the drag source", lambda: windows("^drag source$"))
        time.sleep(1)
        ox, oy = window.origin()
        x, y = PLACES[place]
        sh("xdotool", "mousemove", "40", "30", "mousedown", "1")
        for k in range(1, 21):
            sh("xdotool", "mousemove", str(40 + (ox + x - 40) * k // 20), str(30 + (oy + y - 30) * k // 20))
            time.sleep(0.05)
        time.sleep(0.5)
        sh("xdotool", "mouseup", "1")
        source.wait(20)
    finally:
        source.kill()
    time.sleep(1)


def main():
    home = WORK / "home"
    (home / ".local").mkdir(parents=True)
    plugins = pathlib.Path(os.environ["HOME"]) / ".local/lib"
    if plugins.exists():
        (home / ".local/lib").symlink_to(plugins)
    domains = home / "Pictures"
    (WORK / "domains").rename(domains)
    source, target, unseen = domains / "source", domains / "target", domains / "test_source"

    w = Window(home)
    print(f"window up after {w.seconds:.2f} s")
    picture(w, "start")
    choose_folder(w, "source Choose", source)
    choose_folder(w, "target Choose", target)
    time.sleep(8)
    picture(w, "domains")
    w.click("Steps")
    sh("xdotool", "type", os.environ.get("E2E_STEPS", "400" if PICTURES else "100"))
    w.click("start")
    project = wait("the project folder", lambda: list(home.glob("Straightway/*/project.json")), 60)[0].parent
    print("project:", project.name)
    previews = project / "previews"
    wait("two previews", lambda: previews.exists() and len(list(previews.glob("*.png"))) >= 2, PATIENCE)
    files = sorted(previews.glob("*.png"))
    if files[0].read_bytes() == files[-1].read_bytes():
        sys.exit("the previews do not change")
    wait("a finished round", lambda: list(project.glob("rounds/*/round.json")), PATIENCE)
    time.sleep(2)
    w.click("run")  # pause
    time.sleep(2)
    history = (project / "history.jsonl").read_text()
    time.sleep(4)
    if (project / "history.jsonl").read_text() != history:
        sys.exit("training goes on while it is paused")
    if PICTURES:  # of a translator that has learnt its trade
        w.click("run")
        wait("the last round", lambda: len(list(project.glob("rounds/*/round.json"))) == 3, 3 * PATIENCE)
        time.sleep(4)
    picture(w, "train")

    w.click("Translate")
    before = look(w)
    image = sorted(unseen.glob("*.png"))[3]
    drop(w, "viewer", image)
    wait("the dropped image on the screen", lambda: look(w) != before, PATIENCE)
    wait("its translation", lambda: translated(w), PATIENCE)
    time.sleep(2)
    picture(w, "translate")

    # Pasted from another screen: the path of an image on the clipboard.
    seen = [look(w)]
    w.click("Domains")
    subprocess.run(["xclip", "-selection", "clipboard", "-i"], input=str(sorted(unseen.glob("*.png"))[5]), text=True, check=True, timeout=20)
    sh("xdotool", "mousemove", "5", "5")
    time.sleep(1)
    seen.append(look(w))
    sh("xdotool", "key", "--window", w.id, "ctrl+v")
    wait("the pasted image's translation", lambda: look(w) not in seen and translated(w), PATIENCE)

    w.click("Export")
    drop(w, "inputs", unseen)
    out = home / "translated"
    out.mkdir()
    drop(w, "output", out)
    w.click("export")
    wanted = len(list(unseen.glob("*.png")))
    wait(f"{wanted} exported files", lambda: len(list(out.glob("*.png"))) == wanted, PATIENCE)
    time.sleep(2)
    picture(w, "export")

    if PICTURES:
        w.click("Lab")
        time.sleep(3)
        before = look(w)
        w.click("lab run")
        wait("the laboratory", lambda: look(w) != before, PATIENCE)
        still, since = look(w), time.time()
        while time.time() - since < 12:  # it rests when it is done
            time.sleep(2)
            if (now := look(w)) != still:
                still, since = now, time.time()
        picture(w, "lab")
        w.close()
        return

    w.close("closing")  # while training is paused: it asks, saves and closes
    print((WORK / "window.log").read_text().strip())

    again = Window(home)
    wait("the project in the title", lambda: project.name in again.title())
    preferences = json.loads((home / ".config/straightway/preferences.json").read_text())
    if preferences["recent"][0] != str(project):
        sys.exit("the project is not the first of the recent ones")
    again.click("Train")
    time.sleep(2)
    picture(again, "reopened")
    at = len((project / "history.jsonl").read_text().splitlines())
    again.click("run")
    wait("training to go on", lambda: len((project / "history.jsonl").read_text().splitlines()) > at, PATIENCE)
    again.click("stop")
    again.close()
    print("all of it was there again")


main()

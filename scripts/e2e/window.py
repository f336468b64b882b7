#!/usr/bin/env python3
"""The whole journey through the real window, by mouse and keyboard, under a display that run has started.

start -> choose both folders in GTK's dialog -> Train (tiny) -> previews change -> Pause -> translate an image that another
client drops (XDND) -> export a folder -> close -> open again and find it all. A change of layout changes the table of
places in screen.py.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from screen import PATIENCE, PLACES, WORK, Window, grab, look, new_home, sh, shot, wait, windows

PROGRAM, PICTURES = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
HERE = pathlib.Path(__file__).parent


def picture(window, name):
    """A picture of the window for the guide."""
    path = WORK / f"window-{name}.png"
    ox, oy = window.origin()
    sh("xdotool", "mousemove", str(ox + 700), str(oy + 26))  # where nothing has a tooltip
    time.sleep(1.2)
    grab("-window", window.id, str(path))
    if PICTURES and name in ("domains", "train", "translate", "export", "lab"):
        sh("convert", str(path), "-strip", "-colors", "255", str(pathlib.Path(PICTURES) / path.name))
    return path


def translated(window):
    """Whether Copy and Save as can be used: their words are white then, and grey while there is no translation yet."""
    pixels = grab("-window", window.id, "-crop", "190x20+375+109", "+repage", "-depth", "8", "rgb:-")
    return max(pixels) > 230


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
    home = new_home(WORK / "home")
    domains = home / "Pictures"
    shutil.copytree(HERE / "../../datasets/demo/pictures", domains)
    source, target, unseen = domains / "source", domains / "target", domains / "test_source"

    w = Window(PROGRAM, home)
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

    again = Window(PROGRAM, home)
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

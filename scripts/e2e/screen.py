"""A window of the program on a display that scripts/e2e/display has started, driven by mouse and keyboard."""
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

PATIENCE = float(os.environ.get("E2E_PATIENCE", "420"))  # seconds for anything that computes
WORK = pathlib.Path(os.environ["E2E_WORK"])  # for pictures and what the program prints

# Places of the layout at the window's first size, 1120x720 at scale 1, in pixels of the window.
PLACES = {
    "Domains": (46, 26), "Train": (114, 26), "Translate": (184, 26), "Export": (258, 26), "Lab": (314, 26),
    "source Choose": (473, 154), "target Choose": (1047, 154), "Steps": (804, 614), "start": (1022, 694),
    "run": (841, 162), "stop": (965, 162), "Save and close": (632, 407), "viewer": (560, 420),
    "lab run": (663, 79), "inputs": (228, 330), "output": (228, 515), "export": (500, 79),
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


def new_home(folder):
    """Makes a home folder that has nothing but the plugins of the present one."""
    (folder / ".local").mkdir(parents=True)
    plugins = pathlib.Path(os.environ["HOME"]) / ".local/lib"
    if plugins.exists():
        (folder / ".local/lib").symlink_to(plugins)
    return folder


class Window:
    def __init__(self, program, home, *args):
        began = time.time()
        env = dict(os.environ, HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"), XDG_CACHE_HOME=str(home / ".cache"), LC_ALL="C.UTF-8")
        self.log = open(WORK / "window.log", "a")
        self.process = subprocess.Popen([program, "--ui-meter", *args], env=env, stdout=self.log, stderr=self.log)
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

    def fail(self, why):
        print((WORK / "window.log").read_text()[-20000:])
        sys.exit(why)

    def close(self, name=""):
        """Closes by keyboard, and agrees where the window asks because training goes on."""
        if self.process.poll() is not None:
            self.fail(f"the window was gone before it was closed, with status {self.process.returncode}")
        # The keys are the display's, not sent to the window: that may be gone before they are let go, which xdotool calls an
        # error, and the next window of the program takes them for still held.
        sh("xdotool", "windowactivate", "--sync", self.id)
        sh("xdotool", "key", "ctrl+q")
        time.sleep(2)
        if name:
            shot(name)
        for attempt in range(3):
            if self.process.poll() is None:
                asking = look(self)
                self.click("Save and close")
            try:
                self.process.wait(min(PATIENCE, 30))
                break
            except subprocess.TimeoutExpired:
                same = look(self) == asking
                print(f"the window is still there; it shows {'the same' if same else 'something else'}")
                if not same or attempt == 2:
                    self.process.send_signal(signal.SIGQUIT)  # what all of the program waits for goes to its log
                    self.process.wait()
                    self.fail("the window did not close")
        if self.process.returncode != 0:
            sys.exit(f"the window ended with status {self.process.returncode}")


def shot(name):
    path = WORK / f"{name}.png"
    grab("-window", "root", str(path))
    return path


def look(window):
    """A hash of what the window shows."""
    return hashlib.sha256(grab("-window", window.id, "rgb:-")).hexdigest()


def grab(*args):
    """What ImageMagick's import writes. It once waited for ever and held the display: then it is ended and started again."""
    for _ in range(3):
        try:
            return subprocess.run(["import", *args], capture_output=True, check=True, timeout=20).stdout
        except subprocess.TimeoutExpired:
            print("import did not come back from looking at the screen: once more")
    raise RuntimeError("the screen cannot be looked at")

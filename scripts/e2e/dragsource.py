#!/usr/bin/env python3
"""A small window whose button can be dragged: it offers the files given as arguments, as a file manager does (XDND)."""
import pathlib
import sys

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

uris = [pathlib.Path(p).absolute().as_uri() for p in sys.argv[1:]]
window = Gtk.Window(title="drag source", default_width=90, default_height=60, decorated=False)
window.move(0, 0)
button = Gtk.Button(label="drag me")
button.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
button.drag_source_add_uri_targets()
button.connect("drag-data-get", lambda _w, _c, data, _i, _t: data.set_uris(uris))
button.connect("drag-end", lambda *_: Gtk.main_quit())
window.add(button)
window.connect("destroy", Gtk.main_quit)
window.show_all()
Gtk.main()

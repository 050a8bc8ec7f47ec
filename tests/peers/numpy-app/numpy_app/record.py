"""Writes down what the app did, in the folder that THUNDERLINE_PEER_RECORD names; nothing without it."""

import json
import os
import time
from pathlib import Path

import numpy as np


def folder():
    """The folder to write to, or None."""
    named = os.environ.get("THUNDERLINE_PEER_RECORD")
    return Path(named) if named else None


def event(kind, **facts):
    """Appends one line to events.jsonl. Lines of several processes do not mix: each is one short write."""
    if folder() is None:
        return
    line = json.dumps({"time": time.time(), "event": kind, **facts}) + "\n"
    with open(folder() / "events.jsonl", "ab", buffering=0) as file:
        file.write(line.encode())


def arrays(name, **contents):
    """Writes one .npz whole: a reader sees all of it or nothing. Doing it again replaces it with the same."""
    if folder() is None:
        return
    unfinished = folder() / f".{name}.{os.getpid()}.npz"
    np.savez(unfinished, **contents)
    unfinished.rename(folder() / f"{name}.npz")

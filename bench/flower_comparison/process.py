"""Processes in groups of their own, and what they cost according to /proc."""

import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A program with all that it starts. Every line it prints is kept with the moment it was read."""

    def __init__(self, command, log, env=None, cwd=None):
        self.lines = []
        self._log = open(log, "w", encoding="utf-8")
        self.child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append((time.time(), line.rstrip()))
            self._log.write(f"{self.lines[-1][0]:.3f} {line}")
            self._log.flush()

    def wait_for(self, text, seconds):
        """Returns when a line with this text has been printed."""
        what = f"`{text}` from {self.child.args[0]}"
        wait(lambda: any(text in line for _, line in list(self.lines)), seconds, what, self)

    def times(self, text):
        """When lines with this text were printed."""
        return [moment for moment, line in list(self.lines) if text in line]

    def tree(self):
        """Process ids of the program and its descendants that are alive."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                fields = stat(int(entry.name))
                if fields:
                    parents[int(entry.name)] = int(fields[1])
        found = {self.child.pid}
        while True:
            more = {pid for pid, parent in parents.items() if parent in found} - found
            if not more:
                return found
            found |= more

    def cpu(self):
        """CPU seconds of the tree so far, descendants that have ended included."""
        total = 0
        for pid in self.tree():
            fields = stat(pid)
            if fields:
                total += sum(int(field) for field in fields[11:15])
        return total / TICKS

    def peaks(self):
        """Highest resident memory so far in bytes, by program, of those alive."""
        found = {}
        for pid in self.tree():
            try:
                status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), None)
            if peak is None:
                continue
            names = [os.path.basename(word.decode(errors="replace")) for word in words[:2]]
            name = names[1] if names[0].startswith("python") and len(names) > 1 else names[0]
            found[name] = max(found.get(name, 0), int(peak) * 1024)
        return found

    def stop(self):
        """Asks the group to end, then ends it."""
        for attempt in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.child.pid, attempt)
                self.child.wait(10)
                break
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                break
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._reader.join(5)
        self._log.close()


def stat(pid):
    """The fields of /proc/PID/stat after the name: state, parent, …, utime at 11 to cstime at 14; None when gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None


def wait(ready, seconds, what, process=None, every=0.05):
    """Polls until `ready()` gives something true, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        found = ready()
        if found:
            return found
        if process is not None and process.child.poll() is not None:
            last = "\n".join(line for _, line in process.lines[-15:])
            raise RuntimeError(f"ended while waiting for {what}:\n{last}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds} s in vain for {what}")
        time.sleep(every)


def free_ports(count):
    """Loopback ports that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports

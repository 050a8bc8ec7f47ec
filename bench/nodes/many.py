"""What many registered nodes cost a server.

`many.py [--nodes 10000] [--seconds 120] [--clients 50] [--rounds 1000] [--superlink FOLDER]` builds the programs for release (or takes them
from `--programs FOLDER`: thunderline, many_nodes, swarm), starts a fresh server, lets the nodes come, starts a federation of
`--clients` further nodes beside them, and prints, as one JSON object, the server's processor share and memory, and how long
pulls and heartbeats took. With `--superlink`, the folder of Flower's own programs, the same nodes come to a SuperLink instead,
without a federation. Needs nothing but Python, a Rust toolchain, and `ulimit -n` above the number of nodes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path += [str(REPOSITORY / "bench/flower_comparison"), str(REPOSITORY / "bench/memory")]

from measure import Server  # noqa: E402
from process import Process  # noqa: E402
from superlink import SuperLink  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")

SPEC = """name: beside-many
model_ref: builtin:softmax(64,10)
num_rounds: {rounds}
client_fraction: 0.5
min_clients: {clients}
client_selector: {{ tags: [swarm] }}
evaluation: {{ federated: false }}
"""


def programs(folder):
    """The three programs: those in the folder, or built now."""
    if not folder:
        for words in (["-p", "thunderline"], ["-p", "thunderline-runner", "--example", "swarm"],
                      ["-p", "thunderline-runner", "--example", "many_nodes"]):
            subprocess.run(["cargo", "build", "--release", *words], cwd=REPOSITORY, check=True)
        metadata = subprocess.run(
            ["cargo", "metadata", "--format-version", "1", "--no-deps"],
            cwd=REPOSITORY, check=True, capture_output=True, text=True,
        )
        folder = Path(json.loads(metadata.stdout)["target_directory"]) / "release"
    examples = folder / "examples" if (folder / "examples").is_dir() else folder
    return folder / "thunderline", examples / "swarm", examples / "many_nodes"


def cpu(pid):
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid, key):
    """A line of /proc/PID/status in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(key):
            return round(int(line.split()[1]) / 1000, 1)
    return None


def main():
    """Measures once."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--nodes", type=int, default=10_000)
    arguments.add_argument("--seconds", type=int, default=120)
    arguments.add_argument("--clients", type=int, default=50)
    arguments.add_argument("--rounds", type=int, default=1_000)
    arguments.add_argument("--programs", type=Path)
    arguments.add_argument("--superlink", type=Path)
    chosen = arguments.parse_args()
    server_program, swarm_program, nodes_program = programs(chosen.programs)
    with tempfile.TemporaryDirectory() as folder:
        started = []
        try:
            measure(chosen, [server_program, swarm_program, nodes_program], Path(folder), started)
        finally:
            for process in started:
                process.stop()


def measure(chosen, named, folder, started):
    """Starts everything, which the caller stops, and prints the result."""
    server_program, swarm_program, nodes_program = named
    rhythm = []
    if chosen.superlink:
        server = SuperLink(chosen.superlink, folder)
        # It answers at once.
        server.fleet, chosen.clients, rhythm = server.address, 0, [30, 0, 3]
    else:
        server = Server(server_program, folder)
    started.insert(0, server.process)
    pid = server.process.child.pid
    idle = memory(pid, "VmRSS")
    nodes = Process([nodes_program, server.fleet, chosen.nodes, chosen.seconds, *rhythm], folder / "nodes.log")
    started.insert(0, nodes)
    nodes.wait_for("nodes came in", 1800)
    coming = cpu(pid)
    federation = None
    if chosen.clients:
        started.insert(0, Process([swarm_program, f"http://{server.fleet}", chosen.clients], folder / "swarm.log"))
        spec = folder / "spec.yaml"
        spec.write_text(SPEC.format(rounds=chosen.rounds, clients=chosen.clients), encoding="utf-8")
        federation = server.json("federations", "submit", "--file", spec)["id"]
    nodes.wait_for("measuring", 600)
    before = completed(server, federation)
    used, began = cpu(pid), time.time()
    nodes.wait_for('"came_seconds"', chosen.seconds + 300)
    used, wall = cpu(pid) - used, time.time() - began
    result = json.loads([line for _, line in nodes.lines if line.startswith("{")][-1])
    result |= {
        "server_cpu_percent_of_one_core": round(100 * used / wall, 1),
        "server_cpu_seconds_while_coming": round(coming, 1),
        "server_idle_mb": idle,
        "server_mb": memory(pid, "VmRSS"),
        "server_peak_mb": memory(pid, "VmHWM"),
        "rounds_completed": completed(server, federation) - before,
        "seconds": round(wall, 1),
    }
    print(json.dumps(result, indent=1))


def completed(server, federation):
    """How many rounds are done."""
    return server.json("federations", "show", federation)["completed_rounds"] if federation else 0


if __name__ == "__main__":
    main()

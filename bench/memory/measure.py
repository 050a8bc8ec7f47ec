"""Peak memory of a server while more and more nodes send it large updates.

`measure.py [--clients 10 50 100] [--strategy fedavg] [--parameters 10000000] [--arrays 4] [--rounds 1]` builds the program
and the swarm of made-up nodes for release (or takes them from `--programs FOLDER`), runs one federation for each strategy and
number of nodes on a fresh server, checks the model that comes out, and prints a table in Markdown. Needs nothing but Python,
a Rust toolchain and room for one round's updates below TMPDIR.
"""

import argparse
import itertools
import json
import struct
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "bench/flower_comparison"))

from process import Process, free_ports, wait  # noqa: E402

MEGABYTE = 1_000_000
# What is asked of the server: three models and a constant.
ALLOWED_MODELS, ALLOWED_BYTES = 3, 64 * 1024 * 1024

SPEC = """name: memory
model_ref: {model}
app: {{ command: {{ name: made-up }} }}
num_rounds: {rounds}
min_clients: {clients}
round: {{ deadline: 3600s, quorum: 1.0 }}
evaluation: {{ federated: false }}
strategy: {{ name: {strategy}, params: {params} }}
"""
# What a strategy has to be told for so many clients.
PARAMS = {
    "multikrum": lambda clients: {"num_malicious_nodes": clients // 5, "num_nodes_to_select": clients // 2},
    "krum": lambda clients: {"num_malicious_nodes": clients // 5},
    "bulyan": lambda clients: {"num_malicious_nodes": (clients - 3) // 4},
}


def programs(folder):
    """The two programs: those in the folder, or built now."""
    if folder:
        return folder / "thunderline", folder / "swarm"
    for words in (["-p", "thunderline"], ["-p", "thunderline-runner", "--example", "swarm"]):
        subprocess.run(["cargo", "build", "--release", *words], cwd=REPOSITORY, check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"],
        cwd=REPOSITORY, check=True, capture_output=True, text=True,
    )
    release = Path(json.loads(metadata.stdout)["target_directory"]) / "release"
    return release / "thunderline", release / "examples/swarm"


def write_model(path, parameters, arrays):
    """Writes a model of zeros as safetensors; returns its bytes."""
    length = parameters // arrays * 4
    entries = {
        f"layer{number}": {
            "dtype": "F32", "shape": [length // 4], "data_offsets": [number * length, (number + 1) * length],
        }
        for number in range(arrays)
    }
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for _ in range(arrays):
            file.write(bytes(length))
    return path.stat().st_size


class Server:
    """`thunderline serve` in a folder of its own."""

    def __init__(self, program, folder):
        self.program, self.data = program, folder / "data"
        web, self.fleet, grpc = (f"127.0.0.1:{port}" for port in free_ports(3))
        self.web = f"http://{web}"
        command = [program, "serve", "--data-dir", self.data, "--web", web]
        self.process = Process([*command, "--fleet-http", self.fleet, "--fleet-grpc", grpc], folder / "server.log")
        wait(self._ready, 60, "the server to be ready", self.process)

    def _ready(self):
        try:
            with urllib.request.urlopen(f"{self.web}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def json(self, *words):
        """Runs a command; returns what it printed."""
        command = [self.program, *words, "--json", "--data-dir", self.data]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{words}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def nodes(self):
        """How many nodes are there."""
        request = urllib.request.Request(f"{self.web}/api/v1/nodes?limit=1000")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return sum(node["state"] == "online" for node in json.load(answer)["items"])

    def peak(self):
        """Highest resident memory so far, in bytes."""
        return self.process.peaks()["thunderline"]


def check_model(server, federation, strategy, clients, folder):
    """Node i sends i * (j mod 997) as element j of each chunk: so does the node in the middle, which is their mean and their
    median. Krum and its kin choose among the nodes, and of them it is only known that one factor fits all elements."""
    digest = server.json("federations", "show", federation)["model"]
    models = server.json("artifacts", "list")
    models = models["items"] if isinstance(models, dict) else models
    artifact = next(one for one in models if one["sha256"] == digest)
    path = folder / "model.safetensors"
    subprocess.run(
        [server.program, "artifacts", "get", artifact["id"], "--output", path, "--data-dir", server.data], check=True,
        stdout=subprocess.DEVNULL,
    )
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        file.seek(8 + length)
        found = struct.unpack("<1000f", file.read(4000))
    middle = (clients + 1) / 2
    factor = found[1] if strategy in PARAMS else middle
    if not 1 <= factor <= clients:
        raise RuntimeError(f"no node sent {factor} as its second element")
    for place, value in enumerate(found):
        wanted = factor * (place % 997)
        if abs(value - wanted) > 1e-6 * max(1.0, wanted):
            raise RuntimeError(f"element {place} of the model is {value}, not {wanted}")


def measure(thunderline, swarm, strategy, clients, options):
    """Runs one federation; returns the model's bytes, the peak before it and the peak after it."""
    with tempfile.TemporaryDirectory(prefix="thunderline-memory-") as name:
        folder = Path(name)
        size = write_model(folder / "initial.safetensors", options.parameters, options.arrays)
        spec = folder / "federation.yaml"
        params = json.dumps(PARAMS.get(strategy, lambda _: {})(clients))
        text = SPEC.format(
            model="initial.safetensors", rounds=options.rounds, clients=clients, strategy=strategy, params=params
        )
        spec.write_text(text, encoding="utf-8")
        server, nodes = Server(thunderline, folder), None
        try:
            nodes = Process([swarm, f"http://{server.fleet}", str(clients)], folder / "swarm.log")
            wait(lambda: server.nodes() == clients, 120, "the nodes to be there", nodes, every=0.5)
            idle = server.peak()
            federation = server.json("federations", "submit", "-f", spec)["id"]
            ended = lambda: server.json("federations", "show", federation)["state"] in ("completed", "failed", "cancelled")
            wait(ended, 3600, "the federation to end", server.process, every=1)
            shown = server.json("federations", "show", federation)
            if shown["state"] != "completed":
                raise RuntimeError(f"it is {shown['state']}: {shown.get('reason')}")
            peak = server.peak()
            check_model(server, federation, strategy, clients, folder)
            return size, idle, peak
        finally:
            if nodes:
                nodes.stop()
            server.process.stop()


def main():
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[10, 50, 100])
    parser.add_argument("--strategy", nargs="+", default=["fedavg"])
    parser.add_argument("--parameters", type=int, default=10_000_000)
    parser.add_argument("--arrays", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--programs", type=Path, help="a folder with release builds of thunderline and swarm")
    options = parser.parse_args()
    thunderline, swarm = programs(options.programs)
    kept = True
    print("| strategy | clients | model MB | server before MB | peak MB | 3 models + 64 MiB, MB | kept |")
    print("|---|---|---|---|---|---|---|")
    for strategy, clients in itertools.product(options.strategy, options.clients):
        size, idle, peak = measure(thunderline, swarm, strategy, clients, options)
        most = ALLOWED_MODELS * size + ALLOWED_BYTES
        kept &= peak <= most
        figures = [f"{value / MEGABYTE:.1f}" for value in (size, idle, peak, most)]
        print(f"| `{strategy}` | {clients} | {' | '.join(figures)} | {'yes' if peak <= most else 'NO'} |", flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

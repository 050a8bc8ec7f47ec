"""Thunderline as one process with its embedded store, driven by its own command line."""

import json
import os
import subprocess
import sys
import urllib.request
from datetime import datetime

from process import Process, free_ports, wait

SPEC = """name: comparison
model_ref: {model}
strategy: fedavg
num_rounds: {rounds}
client_fraction: 1.0
min_clients: {nodes}
app: {{ flower: {app} }}
round: {{ deadline: 900s, quorum: 1.0 }}
evaluation: {{ federated: false }}
"""


class Thunderline:
    """`thunderline serve` in a folder of its own."""

    name = "thunderline serve"

    def __init__(self, program, folder):
        self.program, self.folder = program.resolve(), folder
        web, fleet, grpc = (f"127.0.0.1:{port}" for port in free_ports(3))
        self.address, self.web = fleet, f"http://{web}"
        self.env = {"THUNDERLINE_DATA_DIR": str(folder / "data")}
        command = [self.program, "serve", "--data-dir", folder / "data"]
        command += ["--web", web, "--fleet-http", fleet, "--fleet-grpc", grpc]
        self.process = Process(command, folder / "thunderline.log", self.env)
        wait(self._answers, 60, "Thunderline to answer", self.process)

    def _answers(self):
        return self._command("federations", "list", "--json").returncode == 0

    def _command(self, *words):
        return subprocess.run(
            [self.program, *words], env={**os.environ, **self.env}, capture_output=True, text=True, check=False
        )

    def _json(self, *words):
        done = self._command(*words, "--json")
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def run(self, app, model, rounds, nodes, seconds):
        """Runs to the end. Returns begin and end of each round, CPU seconds from submission on, and memory peaks."""
        initial, spec = self.folder / "initial.npz", self.folder / "federation.yaml"
        maker = app.parent / "make_model.py"
        subprocess.run([sys.executable, maker, model, initial], check=True, stdout=subprocess.DEVNULL)
        spec.write_text(SPEC.format(model=initial, rounds=rounds, nodes=nodes, app=app), encoding="utf-8")
        before = self.process.cpu()
        federation = self._json("federations", "submit", "-f", str(spec))["id"]
        # Asking costs the server CPU too, so it is asked seldom; the moments of the rounds come from its records.
        wait(lambda: self._ended(federation), seconds, "the federation to end", self.process, every=0.5)
        cpu, peaks = self.process.cpu() - before, self.process.peaks()
        shown = self._json("federations", "show", federation)
        if shown["state"] != "completed":
            raise RuntimeError(f"the federation ended as {shown['state']}: {shown.get('reason')}")
        with urllib.request.urlopen(f"{self.web}/api/v1/federations/{federation}/rounds?limit=1000", timeout=30) as answer:
            listed = json.load(answer)["items"]
        return [
            {"began": moment(one["created_at"]), "ended": moment(one["completed_at"])} for one in listed
        ], cpu, peaks

    def _ended(self, federation):
        return self._json("federations", "show", federation)["state"] in ("completed", "failed", "cancelled")

    def stop(self):
        """Ends it."""
        self.process.stop()


def moment(text):
    """Seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()

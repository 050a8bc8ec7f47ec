"""Flower's own server: SuperLink, and the FedAvg ServerApp of the bundle that it starts."""

import json
import urllib.error
import urllib.request

from nodes import QUIET
from process import Process, free_ports, wait


class SuperLink:
    """In-memory state, plain HTTP, no installation at run time: its quickest form."""

    name = "flwr SuperLink + FedAvg ServerApp"

    def __init__(self, flwr, folder):
        self.flwr, self.folder = flwr, folder
        (port,) = free_ports(1)
        self.address = f"127.0.0.1:{port}"
        self.records = folder / "records"
        self.records.mkdir()
        home = folder / "home"
        home.mkdir()
        (home / "config.toml").write_text(
            f'[superlink]\ndefault = "bench"\n[superlink.bench]\naddress = "{self.address}"\ninsecure = true\n',
            encoding="utf-8",
        )
        path = f"{flwr}:/usr/bin:/bin"
        self.env = {**QUIET, "PATH": path, "FLWR_HOME": str(home), "THUNDERLINE_PEER_RECORD": str(self.records)}
        self.process = Process(
            [flwr / "flower-superlink", "--insecure", "--port", port, "--disable-runtime-dependency-installation"],
            folder / "superlink.log",
            self.env,
        )
        wait(self._healthy, 90, "SuperLink to answer", self.process)

    def _healthy(self):
        try:
            with urllib.request.urlopen(f"http://{self.address}/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def run(self, app, model, rounds, nodes, seconds):
        """Runs to the end. Returns begin and end of each round, CPU seconds of all rounds, and memory peaks."""
        settings = f'model="{model}" num-server-rounds={rounds} min-nodes={nodes}'
        submit = Process([self.flwr / "flwr", "run", app, "bench", "-c", settings], self.folder / "run.log", self.env)
        try:
            wait(lambda: self._events("round started"), 120, "the first round", self.process)
            before = self.process.cpu()
            wait(lambda: len(self._events("round completed")) == rounds, seconds, "the last round", self.process)
            cpu, peaks = self.process.cpu() - before, self.process.peaks()
        finally:
            submit.stop()
        spans = zip(self._events("round started"), self._events("round completed"))
        return [{"began": began, "ended": ended} for began, ended in spans], cpu, peaks

    def _events(self, kind):
        try:
            lines = (self.records / "events.jsonl").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        events = [json.loads(line) for line in lines if line.endswith("}")]
        return [event["time"] for event in events if event["event"] == kind]

    def stop(self):
        """Ends it with its ServerApp."""
        self.process.stop()

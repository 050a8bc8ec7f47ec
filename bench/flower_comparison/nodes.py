"""Unmodified `flower-supernode` processes, and when messages reached them."""

from process import Process, free_ports

QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1", "OMP_NUM_THREADS": "1"}


class Nodes:
    """SuperNodes numbered from 0, connected to one server."""

    def __init__(self, flwr, folder, address, count):
        self.processes = []
        records = folder / "records"
        records.mkdir(exist_ok=True)
        for number, port in enumerate(free_ports(count)):
            home = folder / f"node-{number}"
            home.mkdir()
            command = [flwr / "flower-supernode", "--insecure", "--superlink", address, "--port", port]
            command += ["--node-config", f"partition-id={number} num-partitions={count}"]
            # A SuperNode looks for its helpers on the path.
            env = {**QUIET, "PATH": f"{flwr}:/usr/bin:/bin", "FLWR_HOME": str(home)}
            env["THUNDERLINE_PEER_RECORD"] = str(records)
            self.processes.append(Process(command, folder / f"node-{number}.log", env))

    def wait_until_active(self):
        """Each has been given its id by the server, and its task runner is up."""
        for process in self.processes:
            process.wait_for("SuperNode ID:", 90)
            process.wait_for("Starting Flower SuperExec", 90)

    def rounds(self):
        """For each round the moments at which each node was told, had all objects, began to send and had sent."""
        columns = []
        for process in self.processes:
            told, begun = process.times("Receiving: train"), process.times("Sending: train")
            received, sent = process.times("Received successfully"), process.times("Sent successfully")
            columns.append([dict(zip(("told", "received", "sending", "sent"), row)) for row in zip(told, received, begun, sent)])
        return [list(row) for row in zip(*columns)]

    def stop(self):
        """Ends them all."""
        for process in self.processes:
            process.stop()

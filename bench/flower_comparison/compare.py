"""Flower's SuperLink and Thunderline side by side, in one run on one machine: same app, same unmodified nodes.

    compare.py --flwr BIN_FOLDER [--thunderline PROGRAM] [--models 10kB,40MB,resnet18] [--rounds 5] [--out result.json]

See README.md for what is measured and how.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
APP = ROOT / "tests/peers/constant-app"
sys.path.insert(0, str(HERE))

import heartbeat  # noqa: E402
import report  # noqa: E402
from counting import Counting  # noqa: E402
from nodes import Nodes  # noqa: E402
from superlink import SuperLink  # noqa: E402
from thunderline import Thunderline  # noqa: E402

#: Requests that come with time rather than with work.
UNCOUNTED = ("pull-messages", "send-node-heartbeat", "register-node", "activate-node", "deactivate-node", "unregister-node")


def arguments():
    """What to compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flwr", type=Path, required=True, help="folder with flower-superlink, flower-supernode, flwr")
    parser.add_argument("--thunderline", type=Path, help="the program; without it only Flower's server is measured")
    parser.add_argument("--only", choices=["superlink", "thunderline"], help="measure one side only")
    parser.add_argument("--models", default="10kB,40MB,resnet18")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--heartbeats", type=int, default=1000, help="requests for the cost of one; 0 leaves it out")
    parser.add_argument("--no-count", action="store_true", help="leave out the passes that count requests")
    parser.add_argument("--seconds", type=int, default=900, help="limit for one pass")
    parser.add_argument("--keep", action="store_true", help="keep the working folder with all logs")
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    return parser.parse_args()


def one_pass(start, folder, model, rounds, options, count=False):
    """One server with its nodes from start to end; everything raw."""
    folder.mkdir(parents=True)
    server = start(folder)
    nodes = relay = None
    try:
        relay = Counting(server.address) if count else None
        nodes = Nodes(options.flwr, folder, relay.address if count else server.address, options.nodes)
        nodes.wait_until_active()
        load = os.getloadavg()[0]
        spans, cpu, peaks = server.run(APP, model, rounds, options.nodes, options.seconds)
        result = {
            "rounds": [span | {"nodes": moments} for span, moments in zip(spans, nodes.rounds())],
            "cpu_seconds": cpu,
            "peak_bytes": peaks,
            "load_before": load,
        }
        if count:
            result["requests"] = dict(relay.counts)
        elif options.heartbeats and model == options.models.split(",")[0]:
            result["heartbeat"] = heartbeat.measure(server, options.heartbeats)
        return result
    finally:
        if nodes:
            nodes.stop()
        server.stop()
        if relay:
            relay.stop()


def servers(options):
    """Name to a function that starts that server in a folder."""
    found = {}
    if options.only != "thunderline":
        found["superlink"] = lambda folder: SuperLink(options.flwr, folder)
    if options.thunderline and options.only != "superlink":
        found["thunderline"] = lambda folder: Thunderline(options.thunderline, folder)
    return found


def main():
    """Returns the exit code."""
    options = arguments()
    # Ends through the same clean-up as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    work = Path(tempfile.mkdtemp(prefix="flower-comparison-"))
    results = {}
    try:
        for model in options.models.split(","):
            for name, start in servers(options).items():
                print(f"{model}, {name}: {options.rounds} rounds", file=sys.stderr, flush=True)
                result = one_pass(start, work / model / name, model, options.rounds, options)
                if not options.no_count:
                    print(f"{model}, {name}: counting requests", file=sys.stderr, flush=True)
                    counted = one_pass(start, work / model / f"{name}-counted", model, 2, options, count=True)
                    work_requests = sum(n for path, n in counted["requests"].items() if path not in UNCOUNTED)
                    result["requests_per_round"] = work_requests / 2
                    result["requests_counted"] = counted["requests"]
                results.setdefault(model, {})[name] = result
        machine = {"cores": os.cpu_count(), "system": platform.platform(), "time": time.strftime("%FT%TZ", time.gmtime())}
        whole = {"machine": machine, "nodes": options.nodes, "rounds": options.rounds, "models": results}
        print(report.table(whole))
        if options.out:
            options.out.write_text(json.dumps(whole, indent=1), encoding="utf-8")
        return 0
    finally:
        if options.keep:
            print(f"logs are in {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

"""Aggregation by Flower's functions and by Thunderline's, on the same arrays, in turn, in one run.

    compare.py TIME_STRATEGIES [--clients 10] [--elements 10000000] [--repeats 5]

TIME_STRATEGIES is the program that `cargo build --release -p thunderline-numerics --example time_strategies` makes. Needs
flwr 1.42 and NumPy. Flower's side is the functions of `flwr.server.strategy.aggregate` on arrays in memory: what is compared
is arithmetic, without messages, disks and networks. One more row is what a Flower 1.42 server does with a round's replies:
its class FedAvg on records, which hold arrays as bytes. Ours reads bytes in either row.
"""

import argparse
import json
import logging
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
from flwr.app import Array, ArrayRecord, MetricRecord, RecordDict
from flwr.server.strategy import aggregate as flower
from flwr.serverapp.strategy import FedAvg


class Reply:
    """What a strategy looks at in a reply."""

    def __init__(self, array, examples):
        records = {"arrays": ArrayRecord({"w": Array(array)}), "metrics": MetricRecord({"num-examples": examples})}
        self.content = RecordDict(records)

    def has_error(self):
        return False


def fedavg_class(replies):
    """One round of the class, as a Flower server runs it; gives the mean's bytes as an array."""
    arrays, _ = FedAvg().aggregate_train(1, replies)
    return [arrays["w"].numpy()]


OF_REPLIES = "fedavg, class FedAvg"


def cases(clients):
    """Name, what Thunderline is told, what Flower computes from (array, examples) pairs, or from replies."""
    bad = max(1, (clients - 3) // 4)
    keep = max(2, clients // 2)
    return [
        ("fedavg", "fedavg", flower.aggregate),
        (OF_REPLIES, "fedavg", fedavg_class),
        ("fedmedian", "fedmedian", flower.aggregate_median),
        ("fedtrimmedavg", "fedtrimmedavg", lambda it: flower.aggregate_trimmed_avg(it, 0.2)),
        ("krum", f"krum num_malicious_nodes={bad}", lambda it: flower.aggregate_krum(it, bad, 0)),
        (
            "multikrum",
            f"multikrum num_malicious_nodes={bad} num_nodes_to_select={keep}",
            lambda it: flower.aggregate_krum(it, bad, keep),
        ),
        (
            "bulyan",
            f"bulyan num_malicious_nodes={bad} iterated=1",
            lambda it: flower.aggregate_bulyan(list(it), bad, flower.aggregate_krum, to_keep=0),
        ),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--elements", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    model = rng.standard_normal(options.elements, dtype=np.float32)
    updates = [
        model + 0.1 * rng.standard_normal(options.elements, dtype=np.float32) for _ in range(options.clients)
    ]
    results = [([update], 10 + client) for client, update in enumerate(updates)]
    replies = [Reply(update, 10 + client) for client, update in enumerate(updates)]
    logging.getLogger("flwr").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "arrays.bin"
        with path.open("wb") as file:
            for array in [model, *updates]:
                array.tofile(file)
        ours = subprocess.Popen([options.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def ask(line):
            ours.stdin.write(line + "\n")
            ours.stdin.flush()

        ask(f"{path} {options.clients} {options.elements}")

        def ours_run(told, threads):
            name, _, params = told.partition(" ")
            ask(f"{name} {threads} {params}")
            seconds, cpu, total = ours.stdout.readline().split()
            return float(seconds), float(cpu), float(total)

        rows = []
        for name, told, function in cases(options.clients):
            if options.only and options.only != name:
                continue
            times = {"flower": [], "flower cpu": [], "one thread": [], "one thread cpu": [], "two threads": []}
            for _ in range(options.repeats):
                started, cpu = time.perf_counter(), time.process_time()
                result = function(replies if name == OF_REPLIES else results)[0]
                times["flower"].append(time.perf_counter() - started)
                times["flower cpu"].append(time.process_time() - cpu)
                for threads, key in [(1, "one thread"), (2, "two threads")]:
                    seconds, cpu, total = ours_run(told, threads)
                    times[key].append(seconds)
                    if threads == 1:
                        times["one thread cpu"].append(cpu)
                near = abs(total - float(result.sum(dtype=np.float64))) <= 1e-5 * options.elements
                assert near, f"{name}: the results differ"
            rows.append((name, {key: statistics.median(values) for key, values in times.items()}))
        ours.stdin.close()
        ours.wait()
    gigabytes = options.clients * options.elements * 4 / 1e9
    print(f"{options.clients} clients of {options.elements} float32, load {os.getloadavg()[0]:.1f}, medians of {options.repeats}")
    print("| strategy | Flower CPU s | ours CPU s | CPU ratio | GB/s a core | Flower s | one thread s | two threads s |")
    print("|---|---|---|---|---|---|---|---|")
    for name, it in rows:
        cpu, theirs = it["one thread cpu"], it["flower cpu"]
        print(
            f"| {name} | {theirs:.3f} | {cpu:.3f} | {theirs / cpu:.1f} | {gigabytes / cpu:.2f} "
            f"| {it['flower']:.3f} | {it['one thread']:.3f} | {it['two threads']:.3f} |"
        )
    print(json.dumps({name: it for name, it in rows}))


if __name__ == "__main__":
    main()

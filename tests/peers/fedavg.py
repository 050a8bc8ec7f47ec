"""Computes FedAvg again, apart from any server, over the updates that nodes of numpy-app wrote down.

`fedavg.py RECORDS FINAL [INITIAL] [--tolerance 1e-6]`: RECORDS is the folder that THUNDERLINE_PEER_RECORD named; FINAL and
INITIAL are models as .npz or .safetensors. Checks that the first round started from INITIAL, that each round started from
the weighted mean of the round before, and that FINAL is the mean of the last. Exits with 1 and says where when not.
"""

import argparse
import json
import re
import struct
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

SAFETENSORS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}


def model(path):
    """Name to array, from .npz or .safetensors."""
    if Path(path).suffix != ".safetensors":
        with np.load(path) as archive:
            return dict(archive)
    raw = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header, body = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(body[begin:end], SAFETENSORS[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def rounds(folder):
    """Round number to the updates written down in it."""
    found = defaultdict(list)
    for path in sorted(Path(folder).glob("round-*-partition-*.npz")):
        number = int(re.match(r"round-(\d+)-", path.name)[1])
        with np.load(path) as archive:
            found[number].append(dict(archive))
    return found


def part(update, kind):
    """The arrays of one kind, `received` or `update`."""
    return {name.removeprefix(f"{kind}/"): array for name, array in update.items() if name.startswith(f"{kind}/")}


def mean(updates):
    """The mean weighted by the number of examples, in float64."""
    total = sum(float(update["num_examples"]) for update in updates)
    averages = defaultdict(float)
    for update in updates:
        for name, array in part(update, "update").items():
            averages[name] = averages[name] + array.astype(np.float64) * (float(update["num_examples"]) / total)
    return dict(averages)


def difference(found, wanted):
    """The largest absolute difference; infinite when names or shapes differ."""
    if found.keys() != wanted.keys() or any(found[name].shape != wanted[name].shape for name in wanted):
        return float("inf")
    return max(float(np.abs(found[name].astype(np.float64) - wanted[name]).max(initial=0.0)) for name in wanted)


def main():
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records")
    parser.add_argument("final")
    parser.add_argument("initial", nargs="?")
    parser.add_argument("--tolerance", type=float, default=1e-6)
    options = parser.parse_args()

    expected = model(options.initial) if options.initial else None
    worst, found = 0.0, rounds(options.records)
    if not found:
        print(f"no updates in {options.records}")
        return 1
    for number, updates in sorted(found.items()):
        if expected is not None:
            for update in updates:
                apart = difference(part(update, "received"), expected)
                worst = max(worst, apart)
                if not apart <= options.tolerance:
                    print(f"round {number} did not start from the mean before it: {apart:.3g} apart")
                    return 1
        expected = mean(updates)
    apart = difference(model(options.final), expected)
    worst = max(worst, apart)
    if not apart <= options.tolerance:
        print(f"{options.final} is not the mean of round {max(found)}: {apart:.3g} apart")
        return 1
    updates = sum(len(updates) for updates in found.values())
    print(f"{len(found)} rounds, {updates} updates: largest difference {worst:.3g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

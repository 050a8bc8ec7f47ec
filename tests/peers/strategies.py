"""Runs Flower's own strategies, and papers' formulas, on cases that a test wrote down: `strategies.py FOLDER`.

FOLDER has `cases.json` (a list of cases, each with its peer, `flower` or `formula`, its strategy, parameters, arrays and the
metrics of every round's clients)
and `data.bin` (for each case the first model, then every round's updates; arrays one after another, little-endian).
Writes `results.bin`: for each case and round the next model and what the strategy keeps (m of every array, then v).
"""

import gc
import json
import logging
import pathlib
import sys

import formulas
import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.serverapp import strategy as strategies


class Reply:
    """What a strategy looks at in a reply."""

    def __init__(self, content):
        self.content = content

    def has_error(self):
        return False


def record(arrays):
    return ArrayRecord({name: Array(value) for name, value in arrays.items()})


def kept(strategy, arrays):
    """m of every array, then v, as far as the strategy remembers them."""
    if isinstance(strategy, strategies.FedAvgM):
        return strategy.momentum_vector or []
    if isinstance(strategy, strategies.FedAdagrad):
        return [strategy.v_t[name] for name in arrays]
    if isinstance(strategy, (strategies.FedAdam, strategies.FedYogi)):
        return [half[name] for half in (strategy.m_t, strategy.v_t) for name in arrays]
    return []


def flower(case):
    # Asked for no clients, a strategy takes note of the model and makes no messages.
    strategy = getattr(strategies, case["strategy"])(fraction_train=0.0, **case["params"])

    def step(number, current, models, metrics):
        strategy.configure_train(number, record(current), ConfigRecord(), None)
        replies = [
            Reply(RecordDict({"arrays": record(arrays), "metrics": MetricRecord(measured)}))
            for arrays, measured in zip(models, metrics, strict=True)
        ]
        aggregated, _ = strategy.aggregate_train(number, replies)
        following = {}
        for name, before in current.items():
            value = aggregated[name].numpy()
            # A NumPy float64 among the factors turns float32 arrays into float64.
            same = value.dtype == before.dtype or case["strategy"] in ("FedAdam", "QFedAvg")
            assert same, f"{case['strategy']} changed the type of {name}"
            following[name] = value.astype(before.dtype)
        return following, kept(strategy, current)

    return step


def reference(case):
    rule = getattr(formulas, case["strategy"])(**case["params"], client_fraction=case["client_fraction"])
    reference = formulas.Reference(rule)

    def step(_, current, models, metrics):
        return reference.aggregate(current, models, [it["num-examples"] for it in metrics], metrics)

    return step


def main(folder):
    logging.getLogger("flwr").setLevel(logging.ERROR)
    data = (folder / "data.bin").read_bytes()
    cases = json.loads((folder / "cases.json").read_text())
    # Flower collects garbage for every record it reads; what is here already need not be looked through each time.
    gc.freeze()
    offset = 0

    def model(case):
        nonlocal offset
        arrays = {}
        for spec in case["arrays"]:
            dtype = np.dtype(spec["dtype"])
            count = int(np.prod(spec["shape"], dtype=np.int64))
            flat = np.frombuffer(data, dtype=dtype, count=count, offset=offset)
            arrays[spec["name"]] = flat.reshape(spec["shape"]).copy()
            offset += count * dtype.itemsize
        return arrays

    with (folder / "results.bin").open("wb") as results:
        for case in cases:
            current = model(case)
            step = reference(case) if case["peer"] == "formula" else flower(case)
            for number, metrics in enumerate(case["metrics"], start=1):
                models = [model(case) for _ in metrics]
                following, kept = step(number, current, models, metrics)
                current = following
                for value in [*current.values(), *kept]:
                    results.write(np.ascontiguousarray(value).tobytes())
    assert offset == len(data), "there are more data than cases"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

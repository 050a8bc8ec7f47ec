"""Runs Flower's own strategies on cases that a test wrote down: `strategies.py FOLDER`.

FOLDER has `cases.json` (a list of cases, each with its strategy, parameters, arrays and the weights of every round's clients)
and `data.bin` (for each case the first model, then every round's updates; arrays one after another, little-endian).
Writes `results.bin`: for each case and round the next model and what the strategy keeps (m of every array, then v).
"""

import json
import logging
import pathlib
import sys

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


def main(folder):
    logging.getLogger("flwr").setLevel(logging.ERROR)
    data = (folder / "data.bin").read_bytes()
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
        for case in json.loads((folder / "cases.json").read_text()):
            build = getattr(strategies, case["strategy"])
            # Asked for no clients, a strategy takes note of the model and makes no messages.
            strategy = build(fraction_train=0.0, **case["params"])
            current = model(case)
            for number, weights in enumerate(case["weights"], start=1):
                strategy.configure_train(number, record(current), ConfigRecord(), None)
                replies = []
                for weight in weights:
                    metrics = MetricRecord({"num-examples": weight})
                    replies.append(Reply(RecordDict({"arrays": record(model(case)), "metrics": metrics})))
                aggregated, _ = strategy.aggregate_train(number, replies)
                following = {}
                for name, before in current.items():
                    value = aggregated[name].numpy()
                    # FedAdam's step size is a NumPy float64, which turns float32 arrays into float64.
                    same = value.dtype == before.dtype or case["strategy"] == "FedAdam"
                    assert same, f"{case['strategy']} changed the type of {name}"
                    following[name] = value.astype(before.dtype)
                current = following
                for value in [*current.values(), *kept(strategy, current)]:
                    results.write(np.ascontiguousarray(value).tobytes())
    assert offset == len(data), "there are more data than cases"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

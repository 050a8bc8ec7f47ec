"""The part that runs on nodes. Needs `--node-config "partition-id=N"` and the package `thunderline`.

What it finds follows from the partition and the round; it writes it down in the folder that THUNDERLINE_PEER_RECORD names,
as numpy-app does, so that `fedavg.py` can compute the mean of what the server never sees.
"""

import os
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from thunderline.secure_mod import secure_mod

app = ClientApp(mods=[secure_mod])


@app.train()
def train(message: Message, context: Context) -> Message:
    """Moves every number by a normal deviate."""
    partition = int(context.node_config["partition-id"])
    server_round = int(message.content["config"]["server-round"])
    received = {name: array.numpy() for name, array in message.content["arrays"].items()}
    drawn = np.random.default_rng([partition, server_round])
    scale = float(context.run_config["scale"])
    update = {
        name: (array + drawn.normal(scale=scale, size=array.shape)).astype(np.float32)
        for name, array in received.items()
    }
    examples = 10 + 7 * partition
    folder = Path(os.environ["THUNDERLINE_PEER_RECORD"])
    name = f"round-{server_round:03}-partition-{partition:03}.npz"
    np.savez(
        folder / f".{name}",
        num_examples=examples,
        **{f"received/{key}": value for key, value in received.items()},
        **{f"update/{key}": value for key, value in update.items()},
    )
    (folder / f".{name}").rename(folder / name)
    arrays = ArrayRecord({key: Array(value) for key, value in update.items()})
    metrics = MetricRecord({"num-examples": examples, "loss": 0.5})
    return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)

"""The part that runs on nodes. Needs `--node-config "partition-id=N"`; the nodes' updates all differ."""

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from constant_app import record

app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    """Adds (partition + 1) / 1024 to every value: exact in float32 as long as values stay small."""
    partition = int(context.node_config["partition-id"])
    config = next(iter(message.content.config_records.values()), {})
    name, arrays = next(iter(message.content.array_records.items()))
    facts = {"round": int(config.get("server-round", 0)), "partition": partition}
    record.event("train", message=message.metadata.message_id, **facts)
    constant = np.float32((partition + 1) / 1024)
    update = ArrayRecord({key: Array(np.asarray(array.numpy() + constant)) for key, array in arrays.items()})
    metrics = MetricRecord({"num-examples": partition + 1, "loss": 1.0 / (1 + facts["round"])})
    reply = Message(content=RecordDict({name: update, "metrics": metrics}), reply_to=message)
    record.event("trained", **facts)
    return reply


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """Reports the mean of the first array, so that a round can be told from the next."""
    arrays = next(iter(message.content.array_records.values()))
    mean = float(next(iter(arrays.values())).numpy().mean(dtype=np.float64))
    metrics = MetricRecord({"num-examples": int(context.node_config["partition-id"]) + 1, "loss": mean})
    return Message(content=RecordDict({"metrics": metrics}), reply_to=message)

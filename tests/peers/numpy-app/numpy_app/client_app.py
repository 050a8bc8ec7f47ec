"""The part that runs on nodes. Needs `--node-config "partition-id=N"`."""

from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from numpy_app import record, task

app = ClientApp()


def received(message):
    """The round and the model in a message."""
    config = next(iter(message.content.config_records.values()), {})
    name, arrays = next(iter(message.content.array_records.items()))
    model = {key: array.numpy() for key, array in arrays.items()}
    return int(config.get("server-round", 0)), name, model


@app.train()
def train(message: Message, context: Context) -> Message:
    """Trains on this node's partition and writes the update down before it is sent."""
    partition = int(context.node_config["partition-id"])
    server_round, name, model = received(message)
    record.event("train", round=server_round, partition=partition, message=message.metadata.message_id)
    features, labels = task.data(partition, "train")
    update = task.train(
        model,
        features,
        labels,
        float(context.run_config["learning-rate"]),
        int(context.run_config["local-epochs"]),
    )
    loss, _ = task.loss_and_accuracy(update, features, labels)
    record.arrays(
        f"round-{server_round:03}-partition-{partition:03}",
        num_examples=len(labels),
        **{f"received/{key}": value for key, value in model.items()},
        **{f"update/{key}": value for key, value in update.items()},
    )
    metrics = MetricRecord({"num-examples": len(labels), "loss": loss})
    arrays = ArrayRecord({key: Array(value) for key, value in update.items()})
    return Message(content=RecordDict({name: arrays, "metrics": metrics}), reply_to=message)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """Scores the model on this node's held-out samples."""
    partition = int(context.node_config["partition-id"])
    server_round, _, model = received(message)
    features, labels = task.data(partition, "test")
    loss, accuracy = task.loss_and_accuracy(model, features, labels)
    record.event("evaluate", round=server_round, partition=partition, loss=loss, accuracy=accuracy)
    metrics = MetricRecord({"num-examples": len(labels), "loss": loss, "accuracy": accuracy})
    return Message(content=RecordDict({"metrics": metrics}), reply_to=message)

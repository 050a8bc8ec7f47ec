"""Flower nodes whose app has `thunderline.secure_mod`, told what they are asked on standard input: one message a line, one
answer a line, both JSON.

A message has `node`, and what a server puts into the message of an exchange: `exchange`, `terms`, `dimension`, `told`
(hexadecimal, or null) and `arrays` (the model's numbers, or null). The answer has `said` (hexadecimal) or `refused`.

Training moves the model of node N by N + 1 hundreds along a direction that all have in common, of length 1.
"""

import inspect
import json
import sys
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.supercore.task_identity import TaskIdentity

sys.path.insert(0, str(Path(__file__).parents[2] / "python" / "src"))

from thunderline.secure_mod import KEY, secure_mod  # noqa: E402

TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1


class Node:
    """A node between two messages."""

    def __init__(self, number):
        more = {"series_id": 1} if "series_id" in inspect.signature(Context).parameters else {}
        self.context = Context(run_id=1, node_id=5, node_config={}, state=RecordDict(), run_config={}, **more)
        self.length = 100.0 * (number + 1)

    def app(self, message, _context):
        model = message.content["arrays"]["w"].numpy()
        signs = np.where(np.arange(model.size) % 2 == 0, 1.0, -1.0).reshape(model.shape)
        trained = (model + self.length / np.sqrt(model.size) * signs).astype(np.float32)
        arrays = ArrayRecord({"w": Array(trained)})
        metrics = MetricRecord({"num-examples": 7})
        return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)

    def answer(self, asked):
        record = {key: asked[key] for key in ("exchange", "terms", "dimension")}
        if asked["told"] is not None:
            record["told"] = bytes.fromhex(asked["told"])
        content = {KEY: ConfigRecord(record)}
        if asked["arrays"] is not None:
            content["arrays"] = ArrayRecord({"w": Array(np.array(asked["arrays"], np.float32))})
        message = Message(RecordDict(content), dst_node_id=5, message_type="train")
        message.metadata.__dict__["_message_id"] = "a" * 64
        reply = secure_mod(message, self.context, self.app).content
        assert all(name.startswith(KEY) for name in reply), "nothing but what is said leaves the node"
        if "refused" in reply[KEY]:
            return {"refused": reply[KEY]["refused"]}
        pieces = [reply[KEY]] + [reply[f"{KEY}.{piece}"] for piece in range(1, len(reply))]
        return {"said": b"".join(piece["said"] for piece in pieces).hex()}


def main():
    """Returns the exit code."""
    nodes = {}
    for line in sys.stdin:
        asked = json.loads(line)
        node = nodes.setdefault(asked["node"], Node(asked["node"]))
        print(json.dumps(node.answer(asked)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

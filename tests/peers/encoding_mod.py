"""Checks `thunderline.flower.encoding_mod` with Flower's own messages, in one process: `encoding_mod.py`."""

import json
import pathlib
import sys
import time

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, Metadata, MetricRecord, RecordDict

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python" / "src"))

from thunderline import encoding as codec  # noqa: E402
from thunderline.flower import encoding_mod  # noqa: E402

RECEIVED = {
    "head": np.ones((40, 50), dtype=np.float32),
    "base": np.ones((40, 50), dtype=np.float32),
    "count": np.array([7], dtype=np.int64),
}


def message(kind: str, terms: str | None) -> Message:
    config = {"server-round": 1} | ({} if terms is None else {codec.KEY: terms})
    arrays = ArrayRecord({name: Array(array) for name, array in RECEIVED.items()})
    content = RecordDict({"arrays": arrays, "config": ConfigRecord(config)})
    metadata = Metadata(
        run_id=1,
        message_id="task",
        src_node_id=2,
        dst_node_id=1,
        reply_to_message_id="",
        group_id="1",
        created_at=time.time(),
        ttl=600.0,
        message_type=kind,
    )
    return Message(content=content, metadata=metadata)


def client(moved: np.ndarray):
    """A client app that moves every float by this."""

    def call(received: Message, _context: Context) -> Message:
        arrays = {name: array.numpy() for name, array in received.content.array_records["arrays"].items()}
        trained = {name: array + (moved if array.dtype.kind == "f" else 0) for name, array in arrays.items()}
        record = ArrayRecord({name: Array(array.astype(arrays[name].dtype)) for name, array in trained.items()})
        metrics = MetricRecord({"num-examples": 3})
        return Message(content=RecordDict({"update": record, "metrics": metrics}), reply_to=received)

    return call


def sent(context: Context, terms, moved, kind="train") -> dict:
    reply = encoding_mod(message(kind, terms and json.dumps(terms)), context, client(moved))
    assert reply.content.metric_records["metrics"]["num-examples"] == 3
    return {name: array.numpy() for name, array in reply.content.array_records["update"].items()}


def context() -> Context:
    return Context(run_id=1, node_id=1, node_config={}, state=RecordDict(), run_config={})


def main() -> None:
    ramp = (np.arange(2000, dtype=np.float32) * np.float32(1e-3)).reshape(40, 50)
    terms = {"encoding": {"by": "rotation", "bits": 4}, "seed": 5, "trainable": ["head", "c*"]}
    arrays = sent(context(), terms, ramp)
    assert list(arrays) == ["head", "count"] and arrays["head"].dtype == np.uint8, arrays.keys()
    assert arrays["head"].ndim == 1 and arrays["head"].size < 1100 and arrays["count"][0] == 7
    encoding = codec.Encoding("rotation", bits=4)
    delta = codec.decode(encoding, arrays["head"], np.float32, (40, 50))
    lost = np.square(delta - ramp.ravel()).sum() / np.square(ramp).sum()
    assert lost < 0.02, lost

    # What top-k leaves out is kept in the context, and sent in the next round.
    own, terms = context(), {"encoding": {"by": "top_k", "fraction": 0.1}, "seed": 5, "trainable": ["head"]}
    moved = np.zeros((40, 50), dtype=np.float32)
    moved[:4], moved[4:8] = 0.5, 0.25
    encoding = codec.Encoding("top_k", fraction=0.1)
    decoded = [codec.decode(encoding, sent(own, terms, step)["head"], np.float32, (40, 50)) for step in (moved, 0 * moved)]
    assert decoded[0][0] == 0.5 and decoded[0][200] == 0 and decoded[1][0] == 0 and decoded[1][200] == 0.25
    assert len(own.state.array_records) == 1
    sent(own, terms | {"last": True}, moved)
    assert not own.state.array_records, "there is no next round"

    # As they are: without terms, with unknown ones, and when nothing is trained.
    for said, kind in ((None, "train"), ({"encoding": "zstd", "seed": 1}, "train"), (terms, "evaluate")):
        arrays = sent(context(), said, ramp, kind)
        assert np.array_equal(arrays["head"], RECEIVED["head"] + ramp), said
    print("ok")


if __name__ == "__main__":
    main()

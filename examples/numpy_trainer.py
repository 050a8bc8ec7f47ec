#!/usr/bin/env python3
r"""A trainer for Thunderline's runner in NumPy: softmax regression on a CSV (label in the last column).

The contract is in docs/trainer-contract.md: one JSON document on standard input, one on standard output. Start the
runner with

    thunderline runner --server http://127.0.0.1:8000 --data shard.csv \
        --command numpy='python3 /absolute/path/to/examples/numpy_trainer.py'

(the trainer runs in a folder of its own, where a relative path would not be found) and submit a federation with
`app: {command: {name: numpy, config: {learning_rate: 0.1, epochs: 2}}}`. The model has a weight (classes x features) and
a bias (classes), under any names.
"""

import json
import struct
import sys

import numpy as np

DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "|u1", "BOOL": "|b1"}


def load(path):
    """Reads a safetensors file: 8 bytes of header length, a JSON header, the arrays."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        array = np.frombuffer(data[start:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        arrays[name] = array.copy()
    return arrays


def save(path, arrays):
    """Writes a safetensors file."""
    names = {numpy: name for name, numpy in DTYPES.items()}
    header, offset = {}, 0
    for name, array in arrays.items():
        end = offset + array.nbytes
        header[name] = {"dtype": names[array.dtype.str], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).tobytes())


def probabilities(features, weight, bias):
    logits = features @ weight.T + bias
    logits -= logits.max(axis=1, keepdims=True)
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def measure(features, labels, weight, bias):
    found = probabilities(features, weight, bias)
    loss = -np.log(np.maximum(found[np.arange(len(labels)), labels], 1e-12)).mean()
    return float(loss), float((found.argmax(axis=1) == labels).mean())


def main():
    job = json.load(sys.stdin)
    if job["version"] != 1:
        sys.exit(f"this trainer speaks version 1 of the contract, not {job['version']}")
    table = np.loadtxt(job["data"], delimiter=",", ndmin=2)
    features, labels = table[:, :-1].astype(np.float32), table[:, -1].astype(int)
    arrays = load(job["input_model"])
    weight = next(name for name, array in arrays.items() if array.ndim == 2)
    bias = next(name for name, array in arrays.items() if array.ndim == 1)

    if job["task"] == "evaluate":
        loss, accuracy = measure(features, labels, arrays[weight], arrays[bias])
        return {"num_examples": len(labels), "metrics": {"loss": loss, "accuracy": accuracy}}

    config = job["config"]
    rate, mu = config.get("learning_rate", 0.1), config.get("proximal-mu", 0.0)
    epochs, batch = config.get("epochs", 1), config.get("batch_size", 16)
    random = np.random.default_rng(job["seed"])
    start = {name: arrays[name].copy() for name in (weight, bias)}
    for _ in range(epochs):
        order = random.permutation(len(labels))
        for begin in range(0, len(order), batch):
            places = order[begin : begin + batch]
            error = probabilities(features[places], arrays[weight], arrays[bias])
            error[np.arange(len(places)), labels[places]] -= 1
            error /= len(places)
            slopes = {weight: error.T @ features[places], bias: error.sum(axis=0)}
            for name, slope in slopes.items():
                arrays[name] -= (rate * (slope + mu * (arrays[name] - start[name]))).astype(arrays[name].dtype)
    save(job["output_model"], arrays)
    loss, accuracy = measure(features, labels, arrays[weight], arrays[bias])
    return {"num_examples": len(labels), "metrics": {"train_loss": loss, "accuracy": accuracy, "epochs": epochs}}


if __name__ == "__main__":
    json.dump(main(), sys.stdout)

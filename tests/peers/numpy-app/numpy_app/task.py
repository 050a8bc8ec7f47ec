"""The model and its data. Both follow from the partition number alone, so that every run gives the same updates."""

import numpy as np

FEATURES = 8
CLASSES = 4


def initial_model():
    """The model every federation starts from: (8, 4) weights and (4,) biases, float32."""
    rng = np.random.default_rng(7)
    return {
        "weight": (0.1 * rng.standard_normal((FEATURES, CLASSES))).astype(np.float32),
        "bias": np.zeros(CLASSES, dtype=np.float32),
    }


def data(partition, split):
    """Samples of one partition; partitions differ in size and in where their features lie."""
    teacher = np.random.default_rng(1).standard_normal((FEATURES, CLASSES))
    rng = np.random.default_rng([2, partition, 0 if split == "train" else 1])
    count = 120 + 40 * partition if split == "train" else 60 + 10 * partition
    features = rng.standard_normal((count, FEATURES)) + 0.3 * partition
    labels = np.argmax(features @ teacher + 0.1 * rng.standard_normal((count, CLASSES)), axis=1)
    return features, labels


def probabilities(model, features):
    """Class probabilities, (samples, 4)."""
    logits = features @ model["weight"].astype(np.float64) + model["bias"].astype(np.float64)
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def loss_and_accuracy(model, features, labels):
    """Mean cross-entropy and the share of samples classified rightly."""
    chances = probabilities(model, features)
    chosen = chances[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean()), float((chances.argmax(axis=1) == labels).mean())


def train(model, features, labels, learning_rate, epochs):
    """Full-batch gradient descent; returns a new model of the same shapes and dtypes."""
    weight, bias = model["weight"].astype(np.float64), model["bias"].astype(np.float64)
    wanted = np.eye(CLASSES)[labels]
    for _ in range(epochs):
        error = probabilities({"weight": weight, "bias": bias}, features) - wanted
        weight = weight - learning_rate * features.T @ error / len(labels)
        bias = bias - learning_rate * error.mean(axis=0)
    return {"weight": weight.astype(model["weight"].dtype), "bias": bias.astype(model["bias"].dtype)}

"""A strategy of one's own: one function from a round's updates to the next model.

    from thunderline.strategy import Result, Round, run

    def aggregate(round: Round) -> Result:
        ...

    if __name__ == "__main__":
        run(aggregate)

The operator of the server names the program (``thunderline serve --strategy NAME='python3 /path/to/it.py'``) and specs ask for it
(``strategy: {external: NAME, params: {…}}``). What the program may do, and what its result must be, is in ``docs/strategies.md``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thunderline import checkpoints

VERSION = 1
"""The contract's version."""


@dataclass(frozen=True)
class Update:
    """What one client sent, or the private mean of all where the federation has ``dp``."""

    arrays: Mapping[str, np.ndarray]
    """The client's model: the arrays of the round's, mapped into memory when they are used."""
    weight: float
    """What the client counts, above 0, as the spec's ``weighting`` says; see ``Round.shares``."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """What it reported."""
    node: int | str | None = None
    """Who it is; none with ``dp``."""
    num_examples: float | None = None
    """How many examples it reported; none with ``dp``."""


@dataclass(frozen=True)
class Round:
    """What there is to aggregate."""

    number: int
    """From 1."""
    model: Mapping[str, np.ndarray]
    """The model that the clients began from."""
    updates: list[Update]
    """In an order that does not depend on who was quick."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """The spec's ``strategy.params``, as they are."""
    state: Mapping[str, np.ndarray] = field(default_factory=dict)
    """What the last round's result kept; empty in the first."""
    seed: int = 0
    """The same for the same federation seed and round."""

    def shares(self) -> np.ndarray:
        """Each client's share of the weight; they add up to 1."""
        weights = np.array([update.weight for update in self.updates])
        return weights / weights.sum()

    def generator(self) -> np.random.Generator:
        """Randomness that repeats itself."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True)
class Result:
    """What came of it."""

    model: Mapping[str, Any]
    """The next model: every array of the round's, with its shape. Values are rounded to the array's own type."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """What the next round begins with: arrays of any name, shape and type. What is not here is forgotten."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Numbers to be shown with the round."""


def run(aggregate: Callable[[Round], Result]) -> None:
    """Answers the server: reads the assignment, calls the function, writes its result.

    What the function prints goes to the server's log. An exception ends the program, and its last lines are the reason of the
    round's failure; so is what is wrong with the result.
    """
    _end_with(os.getppid())
    # Standard output is for the answer alone.
    answer = os.fdopen(os.dup(1), "w")
    sys.stdout.flush()
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)
    assignment = json.load(sys.stdin)
    result = aggregate(read(assignment))
    try:
        metrics = measured(result)
        write(assignment, result)
    except ValueError as wrong:
        # What is wrong with the result says it all; where it was noticed is nobody's business.
        raise SystemExit(f"the result cannot be taken: {wrong}") from None
    json.dump({"metrics": metrics}, answer, allow_nan=False)
    answer.close()


def read(assignment: Mapping[str, Any]) -> Round:
    """The round that an assignment describes."""
    if assignment["version"] != VERSION:
        raise SystemExit(f"this program knows version {VERSION} of the contract, not {assignment['version']}")
    state = assignment["input_state"]
    updates = [
        Update(
            arrays=checkpoints.Arrays(update["model"]),
            weight=update["weight"],
            metrics=update["metrics"],
            node=update.get("node"),
            num_examples=update.get("num_examples"),
        )
        for update in assignment["updates"]
    ]
    return Round(
        number=assignment["round"],
        model=checkpoints.Arrays(assignment["input_model"]),
        updates=updates,
        params=assignment["params"],
        state={} if state is None else checkpoints.Arrays(state),
        seed=assignment["seed"],
    )


def measured(result: Result) -> dict[str, float]:
    """A result's metrics as numbers that JSON can hold."""
    metrics = {}
    for name, value in result.metrics.items():
        try:
            metrics[name] = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"the metric '{name}' is {value!r}, which is no number") from None
        if not np.isfinite(metrics[name]):
            raise ValueError(f"the metric '{name}' is {metrics[name]}; metrics are finite numbers")
    return metrics


def write(assignment: Mapping[str, Any], result: Result) -> None:
    """Writes a result where the assignment wants it, in the types of the model."""
    model = checkpoints.Arrays(assignment["input_model"])
    if missing := [name for name in model if name not in result.model]:
        raise ValueError(f"the result's model lacks {', '.join(missing)}")
    if unknown := [name for name in result.model if name not in model]:
        raise ValueError(f"the model has no {', '.join(unknown)}")
    arrays = {name: np.asarray(result.model[name]) for name in model}
    for name, values in arrays.items():
        if values.shape != model.shape(name):
            raise ValueError(f"'{name}' has the shape {values.shape}; the model's has {model.shape(name)}")
    checkpoints.write(assignment["output_model"], arrays, {name: model.dtype(name) for name in model})
    if result.state:
        checkpoints.write(assignment["output_state"], result.state)


def _end_with(parent: int) -> None:
    """Ends this process when its parent is gone: a server that was killed cannot end it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

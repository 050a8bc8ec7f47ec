"""A strategy that is not built in: the median of each coordinate, with momentum from round to round.

    pip install ./python
    thunderline serve --strategy median="python3 $PWD/examples/median_momentum.py"
    thunderline federations submit -f examples/external.yaml
"""

import numpy as np

from thunderline.strategy import Result, Round, run


def aggregate(round: Round) -> Result:
    momentum = round.params.get("momentum", 0.9)
    model, velocity = {}, {}
    for name, before in round.model.items():
        updates = np.stack([update.arrays[name] for update in round.updates]).astype(np.float64)
        model[name] = np.median(updates, axis=0) + momentum * round.state.get(name, 0.0)
        velocity[name] = model[name] - before
    moved = np.sqrt(sum(np.square(step).sum() for step in velocity.values()))
    return Result(model, state=velocity, metrics={"moved": moved})


if __name__ == "__main__":
    run(aggregate)

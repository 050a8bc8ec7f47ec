"""The formulas of papers that Flower has no strategy for, in NumPy and float64, for comparison.

Each class keeps what the paper's server keeps. `aggregate` takes the model, the clients' models and their shares of the weight
(which add up to 1) as flat float64 arrays, the clients' metrics, and gives the next model; `kept` is the state, or None.
"""

import numpy as np


class Rule:
    def __init__(self, **params):
        self.__dict__.update(params)
        self.kept = None


class GeometricMedian(Rule):
    """Pillutla et al. 2019, arXiv 1912.13445, algorithm 2: smoothed Weiszfeld, from the mean."""

    def aggregate(self, x, models, shares, metrics):
        v = shares @ models
        for _ in range(self.iterations):
            beta = shares / np.maximum(self.smoothing, np.linalg.norm(models - v, axis=1))
            v = (beta / beta.sum()) @ models
        return v


class CenteredClipping(Rule):
    """Karimireddy et al. 2021, arXiv 2012.10333, section 5."""

    def aggregate(self, x, models, shares, metrics):
        v = np.zeros_like(x) if self.kept is None else self.kept
        for _ in range(self.iterations):
            away = models - x - v
            length = np.linalg.norm(away, axis=1)
            scale = np.where(length > self.clipping_radius, self.clipping_radius / np.maximum(length, 1e-300), 1.0)
            v = v + (shares * scale) @ away
        self.kept = v
        return x + v


class NormBounded(Rule):
    """Sun et al. 2019, arXiv 1911.07963, section 4."""

    def aggregate(self, x, models, shares, metrics):
        steps = models - x
        steps = steps / np.maximum(1.0, np.linalg.norm(steps, axis=1) / self.max_norm)[:, None]
        return x + shares @ steps


class FedNova(Rule):
    """Wang et al. 2020, arXiv 2007.07481, equation 7 with the gradient weights of plain SGD."""

    def aggregate(self, x, models, shares, metrics):
        steps = np.array([it["num-steps"] for it in metrics])
        directions = (x - models) / steps[:, None]
        return x - (shares @ steps) * (shares @ directions)


class Scaffold(Rule):
    """Karimireddy et al. 2020, arXiv 1910.06378, algorithm 1 with option II, as client and server together.

    The clients' old control variates cancel out of what they send.
    """

    def aggregate(self, x, models, shares, metrics):
        steps = np.array([it["num-steps"] for it in metrics])
        c = np.zeros_like(x) if self.kept is None else self.kept
        old = np.linspace(-1.0, 1.0, len(models))[:, None] * np.ones_like(x)
        new = old - c + (x - models) / (steps * self.client_learning_rate)[:, None]
        self.kept = c + self.client_fraction * (shares @ (new - old))
        return x + self.server_learning_rate * (shares @ (models - x))


class FedBuff(Rule):
    """Nguyen et al. 2021, arXiv 2106.06639, algorithm 1 with the staleness scaling of its section 5: each update is the step that its
    client took from the model that it began from, so many versions ago."""

    def __init__(self, **params):
        super().__init__(**params)
        self.versions = []

    def aggregate(self, x, models, shares, metrics):
        self.versions.append(x)
        stale = np.array([int(it["staleness"]) for it in metrics])
        began = np.stack([self.versions[-1 - versions] for versions in stale])
        scale = shares / (1.0 + stale) ** self.staleness_exponent
        return x + self.server_learning_rate * (scale @ (models - began))


class Bulyan(Rule):
    """El Mhamdi et al. 2018, arXiv 1802.07927, section 4, with Krum (arXiv 1703.02757) as its rule."""

    def aggregate(self, x, models, shares, metrics):
        f, left, chosen = self.num_malicious_nodes, list(range(len(models))), []
        distances = np.array([[((one - other) ** 2).sum() for other in models] for one in models])
        theta = len(models) - 2 * f
        while len(chosen) < theta:
            scores = []
            for one in left:
                others = sorted(distances[one][other] for other in left if other != one)
                scores.append(sum(others[: max(1, len(left) - f - 2)]))
            chosen.append(left.pop(int(np.argmin(scores))))
        chosen = models[chosen]
        order = np.argsort(np.abs(chosen - np.median(chosen, axis=0)), axis=0, kind="stable")
        return np.take_along_axis(chosen, order[: theta - 2 * f], axis=0).mean(axis=0)


class Krum(Rule):
    """Blanchard et al. 2017, arXiv 1703.02757, section 4, with distances from differences."""

    def aggregate(self, x, models, shares, metrics):
        distances = np.sort([[((one - other) ** 2).sum() for other in models] for one in models], axis=1)
        nearest = max(1, len(models) - self.num_malicious_nodes - 2)
        return models[np.argmin(distances[:, 1 : nearest + 1].sum(axis=1))]


class Reference:
    """A rule behind the interface of the cases: arrays by name, each in its own type."""

    def __init__(self, rule):
        self.rule = rule

    def aggregate(self, current, models, weights, metrics):
        def flat(arrays):
            return np.concatenate([np.asarray(value, dtype=np.float64).ravel() for value in arrays.values()])

        def split(values, dtype):
            parts, at = {}, 0
            for name, like in current.items():
                parts[name] = values[at : at + like.size].reshape(like.shape).astype(dtype(like))
                at += like.size
            return parts

        weights = np.array(weights, dtype=np.float64)
        stacked = np.stack([flat(model) for model in models])
        following = self.rule.aggregate(flat(current), stacked, weights / weights.sum(), metrics)
        kept = []
        if self.rule.kept is not None:
            # The state is kept in 32 bits beside float32, in 64 beside float64.
            kept = split(self.rule.kept, lambda like: like.dtype)
            self.rule.kept = flat(kept)
            kept = list(kept.values())
        return split(following, lambda like: like.dtype), kept

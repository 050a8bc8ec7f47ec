"""How many neighbours, shares and members it takes, and who is whose neighbour.

The reasons are in the documentation of the crate `thunderline-secagg` (`bounds.rs`, `neighbours.rs`): a ring whose
reach is the smallest at which privacy fails with 2^-40 and an honest round with 2^-20, or everybody is everybody's
neighbour. Both ends calculate for themselves and must come to the same.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .errors import Refusal
from .keys import Stream

MOST_MEMBERS = 16_384
_PRIVACY, _COMPLETION = 40.0, 20.0


class Bounds(NamedTuple):
    """The numbers of one cohort. `reach` is None, and `least` 0, where all are neighbours."""

    members: int
    corrupt: int
    dropouts: int
    quorum: int
    reach: int | None
    least: int
    threshold: int


@lru_cache(maxsize=8)
def bounds_of(members, corrupt, dropouts):
    """The bounds of a cohort of whom so many in a thousand are assumed corrupt, or to fall away."""
    if members > MOST_MEMBERS:
        raise Refusal(f"{members} members, and the terms allow {MOST_MEMBERS}")
    corrupt, dropouts = max(members * corrupt // 1000, 1), members * dropouts // 1000
    # Two honest survivors at least, or the sum is somebody's input.
    if corrupt + 2 * dropouts >= members or members - dropouts < corrupt + 2:
        raise Refusal(f"no neighbourhood among {members} members stands what the terms assume")
    quorum = members - dropouts
    whole = Bounds(members, corrupt, dropouts, quorum, None, 0, quorum - 1)
    logs = np.cumsum([0.0] + [math.log(n) for n in range(1, members + 1)])
    reach = 1
    while 8 * reach <= 3 * (members - 1):
        found = _within(whole, logs, reach)
        if found is not None:
            return found
        reach += 1
    return whole


def _within(whole, logs, reach):
    """The same cohort on a ring with this reach, if it stands."""
    members, degree, each = whole.members, 2 * reach, math.log(whole.members)
    privacy, completion = -_PRIVACY * math.log(2) - each, -_COMPLETION * math.log(2) - each
    least = _beyond(logs, members, whole.corrupt, reach, privacy)
    lost = _beyond(logs, members, whole.dropouts, reach, completion)
    threshold = _beyond(logs, members - 1, whole.corrupt, degree, privacy)
    silent = _beyond(logs, members - 1, whole.dropouts, degree, completion)
    if None in (least, lost, threshold, silent):
        return None
    if least + lost > reach + 1 or threshold + silent > degree + 1:
        return None
    return whole._replace(reach=reach, least=least, threshold=threshold)


def _beyond(logs, population, marked, drawn, budget):
    """The smallest x for which so many drawn have x marked ones or more with a probability of at most e^budget.

    None where not even all of them are so improbable."""
    fewest = max(0, drawn + marked - population)
    found = np.arange(min(drawn, marked), fewest - 1, -1)

    def choose(n, k):
        return logs[n] - logs[k] - logs[n - k]

    terms = choose(marked, found) + choose(population - marked, drawn - found) - choose(population, drawn)
    over = np.cumsum(np.exp(terms)) > math.exp(budget)
    if not over.any():
        return fewest
    first = int(found[np.argmax(over)])
    return first + 1 if first < drawn else None


class Ring:
    """The members in an order that the roster decides (Fisher and Yates, without bias)."""

    def __init__(self, bounds, seed):
        self.reach = bounds.reach
        order, stream = list(range(bounds.members)), Stream(seed)
        for last in range(bounds.members - 1, 0, -1):
            other = _below(stream, last + 1)
            order[last], order[other] = order[other], order[last]
        self.order = np.array(order)
        self.places = np.empty(bounds.members, dtype=int)
        self.places[self.order] = np.arange(bounds.members)

    def neighbours(self, member):
        """The neighbours of a member, in ascending order."""
        if self.reach is None:
            return [other for other in range(len(self.order)) if other != member]
        steps = np.arange(1, self.reach + 1)
        around = (self.places[member] + np.concatenate([steps, -steps])) % len(self.order)
        return sorted(int(other) for other in self.order[around])

    def thinnest(self, survivors):
        """How many of these stand in the thinnest `reach` places in a row; None where all are neighbours."""
        if self.reach is None:
            return None
        there = np.zeros(len(self.order), dtype=int)
        there[self.places[survivors]] = 1
        counts = np.cumsum(np.concatenate([[0], there, there[: self.reach]]))
        return int((counts[self.reach :] - counts[: -self.reach])[: len(there)].min())


def _below(stream, bound):
    """A uniform number below `bound`: what would favour the low numbers is drawn again."""
    fair = 0xFFFF_FFFF - 0xFFFF_FFFF % bound
    while (drawn := int.from_bytes(stream.take(4), "little")) >= fair:
        pass
    return drawn % bound

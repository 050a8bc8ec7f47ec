"""What a session is about, what a site asks of any session, and everybody who takes part."""

import json
import math
import struct
import uuid
from dataclasses import dataclass

import numpy as np

from . import keys, messages
from .bounds import MOST_MEMBERS, Ring, bounds_of
from .errors import Refusal, signature, too_few

# By how much a norm is raised before it is compared: more than the sum of 2^30 squares can lose by rounding.
_NORM_SLACK = 1e-6

_COUNTS = ("max_weight", "min_members", "max_members", "corrupt", "dropouts")


@dataclass(frozen=True)
class Terms:
    """The terms of a session; everything that is signed depends on them. `corrupt` and `dropouts` are parts of 1000. With
    `norm` inputs are shortened to this L2 norm, all numbers together, before they are rounded, and all weigh the same."""

    dimension: int
    clip: float
    max_weight: int
    min_members: int
    max_members: int
    corrupt: int
    dropouts: int
    norm: float | None = None

    def __post_init__(self):
        object.__setattr__(self, "clip", float(np.float32(self.clip)))
        if not 0 < self.dimension <= 1 << 30:
            raise Refusal("terms: dimension must be between 1 and 2^30")
        if not (np.isfinite(self.clip) and self.clip > 0):
            raise Refusal("terms: clip must be finite and above 0")
        if self.min_members < 3 or self.max_members < self.min_members:
            raise Refusal("terms: min_members must be at least 3, and max_members no less")
        if self.max_members > MOST_MEMBERS:
            raise Refusal("terms: max_members must be at most 16384")
        if self.max_weight < 1 or self.max_weight * self.max_members > 0xFFFF_FFFF:
            raise Refusal(
                "terms: max_weight must be at least 1, and the weights of all members together below 2^32"
            )
        if not (0 <= self.corrupt <= 1000 and 0 <= self.dropouts <= 1000):
            raise Refusal("terms: corrupt and dropouts are parts of 1000")
        if self.norm is not None and not (np.isfinite(self.norm) and self.norm > 0):
            raise Refusal("terms: norm must be finite and above 0")
        if self.norm is not None and self.max_weight != 1:
            raise Refusal("terms: max_weight must be 1 where there is a norm")


class Session:
    """One run of the protocol: its terms, and a context that no other run has."""

    def __init__(self, context, terms):
        small = (terms.min_members, terms.max_members, terms.corrupt, terms.dropouts)
        layout = struct.pack("<IfI4H", terms.dimension, terms.clip, terms.max_weight, *small)
        self.terms = terms
        if terms.norm is None:
            self.id = keys.digest("secagg session 1", layout, context)
        else:
            # The label says that eight bytes more stand before the context.
            norm = struct.pack("<d", terms.norm)
            self.id = keys.digest("secagg session 1 norm", layout, norm, context)

    @classmethod
    def agreed(cls, text, dimension):
        """The session of the terms that came with a task, as JSON. What is not known is not agreed to."""
        try:
            terms = json.loads(text)
            context = str(uuid.UUID(terms.pop("round"))).encode()
            clip, counts = terms.pop("clip"), [terms.pop(key) for key in _COUNTS]
            norm = terms.pop("norm", None)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Refusal(f"the terms are not as agreed: {error!r}") from None
        if terms:
            raise Refusal(f"the terms are not as agreed: '{min(terms)}' is not known here")
        lengths = [clip] if norm is None else [clip, norm]
        if any(type(length) not in (int, float) for length in lengths) or any(type(n) is not int for n in counts):
            raise Refusal("the terms are not as agreed: a number was expected")
        return cls(context, Terms(dimension, clip, *counts, norm if norm is None else float(norm)))


@dataclass(frozen=True)
class Floor:
    """What a site asks, whatever the server says: the fewest members, the fewest in a thousand that are assumed to work
    with the server, and the identities that may be on a roster. Where `trusted` is None, the server's word is taken for
    who is a client, and a server that makes clients up is not held off."""

    members: int = 0
    corrupt: int = 0
    trusted: frozenset[bytes] | None = None

    def accept(self, roster):
        """Refuses a roster below the floor."""
        corrupt = roster.session.terms.corrupt
        if corrupt < self.corrupt:
            raise Refusal(
                f"terms: corrupt is {corrupt} in a thousand, and this client assumes {self.corrupt}"
            )
        if len(roster.members) < self.members:
            raise too_few("members", len(roster.members), self.members)
        if self.trusted is not None and any(m.identity not in self.trusted for m in roster.members):
            raise Refusal("the roster has an identity that this client was not told to trust")


class Roster:
    """The members of a session in the order of their identities, checked whole.

    `again` is for a roster that this client has checked before, and has kept itself."""

    def __init__(self, session, data, again=False):
        self.session, self.members = session, messages.read_roster(session.id, data)
        if not again:
            self._check()
        terms, have = session.terms, len(self.members)
        if have < terms.min_members:
            raise too_few("members", have, terms.min_members)
        if have > terms.max_members:
            raise Refusal(f"{have} members, and the terms allow {terms.max_members}")
        self.bounds = bounds_of(have, terms.corrupt, terms.dropouts)
        self.data, self.digest = data, keys.digest("roster 1", data)
        self._ring = Ring(self.bounds, keys.digest("ring 1", self.digest))
        self.neighbours = self._ring.neighbours

    def _check(self):
        for left, right in zip(self.members, self.members[1:]):
            if left.identity == right.identity:
                raise Refusal("the roster has the same identity twice")
            if left.identity > right.identity:
                raise Refusal("the roster is not in the order of its identities")
        exchanged = {key for member in self.members for key in (member.seal_key, member.mask_key)}
        if len(exchanged) < 2 * len(self.members):
            raise Refusal("the roster has the same key twice")
        for member in self.members:
            if not keys.fits(member.identity, statement(self.session.id, *member[:4]), member.signature):
                raise signature("advertisement")
            # Any secret tells: a point of low order gives the neutral element for every one.
            keys.agree(b"\x5a" * 32, member.seal_key)
            keys.agree(b"\x5a" * 32, member.mask_key)

    def place(self, identity):
        """The place of an identity; None where it has none."""
        return next((place for place, m in enumerate(self.members) if m.identity == identity), None)

    def same(self, message, digest):
        """Refuses what was made under another roster."""
        if digest != self.digest:
            raise Refusal(f"the {message} was made under another roster")

    def enough(self, what, have):
        """Refuses fewer than must be left."""
        if have < self.bounds.quorum:
            raise too_few(what, have, self.bounds.quorum)

    def connected(self, members):
        """Refuses members of whom a part stands apart from the rest."""
        have, need = self._ring.thinnest(members), self.bounds.least
        if have is not None and have < need:
            raise Refusal(f"{have} members are left in a stretch of the ring, and it takes {need}")

    def quantise(self, values, weight, seed):
        """The levels of an input, weight first, and how many numbers were clipped. `seed` decides the rounding and is
        used once: up with the probability of the remainder, so that a level's mean is the number."""
        terms = self.session.terms
        levels = 0xFFFF_FFFF // len(self.members)
        if values.shape != (terms.dimension,):
            raise Refusal(f"a vector of {values.size} numbers, and the session's have {terms.dimension}")
        if not 0 < weight <= terms.max_weight:
            raise Refusal(f"a weight of {weight} is outside the terms")
        part, scale = weight / terms.max_weight, levels / (2.0 * terms.clip)
        draws = keys.Stream(keys.derive(keys.digest("rounding 1"), seed, b"rounding"))
        words, clipped = np.empty(1 + terms.dimension, dtype=np.uint32), 0
        words[0] = weight
        factor = 1.0 if terms.norm is None else _factor(values, terms.norm)
        for start, drawn in draws.words(terms.dimension):
            given = values[start : start + len(drawn)].astype(np.float64)
            if not np.isfinite(given).all():
                place = start + int(np.argmin(np.isfinite(given)))
                raise Refusal(f"the number at {place} is not finite")
            given *= factor
            within = np.clip(given, -terms.clip, terms.clip)
            clipped += int(np.count_nonzero(within != given))
            level = np.floor((within * part + terms.clip) * scale + drawn / 4_294_967_296.0)
            words[1 + start : 1 + start + len(drawn)] = np.minimum(level, levels)
        return words, clipped


def _factor(values, norm):
    """What the numbers are multiplied by to be no longer than the norm. Summed one after the other, as runners do."""
    total = 0.0
    for start in range(0, len(values), 1 << 18):
        part = values[start : start + (1 << 18)].astype(np.float64)
        total = float(np.cumsum(np.concatenate([[total], part * part]))[-1])
    return min(norm / (math.sqrt(total) * (1.0 + _NORM_SLACK)), 1.0) if total > 0 else 1.0


def statement(session, identity, seal_key, mask_key, commitment):
    """What a client signs when it advertises its keys."""
    return keys.digest("advertisement 1", session, identity, seal_key, mask_key, commitment)

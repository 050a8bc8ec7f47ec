"""A client, as a chain of stages. Each takes what the one before has kept, so a secret serves one roster, one input and
one set of survivors: nothing that a server sends can make a client go back.

    Advertised -- roster --> Shared -- delivery, input --> Masked -- survivors --> Consented -- consents --> reveal

A stage is kept between two messages by `save` and `restore`: a dictionary of bytes, which is secret.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from . import keys, messages
from .errors import Refusal, signature, unknown
from .keys import Identity, number
from .messages import Advertisement
from .session import Roster, Session, statement
from .shamir import split


@dataclass(frozen=True)
class Member:
    """What a client knows of itself from the roster on."""

    identity: Identity
    roster: Roster
    place: int


class Advertised:
    """A client that has made its keys. All of its secrets follow from `seed`: 32 random bytes, never used before."""

    def __init__(self, session: Session, identity: Identity, seed: bytes):
        self.session, self.identity, self.seed = session, identity, seed
        self._own = self._secret(b"own seed")
        public = (identity.public, keys.public(self._secret(b"seal key")), keys.public(self._secret(b"mask key")))
        unsigned = (*public, keys.digest("own seed 1", session.id, self._own))
        self._advertisement = Advertisement(*unsigned, identity.sign(statement(session.id, *unsigned)))

    def _secret(self, purpose):
        return keys.derive(self.session.id, self.seed, purpose)

    def advertisement(self):
        """What to send."""
        return messages.head(messages.ADVERTISEMENT) + self.session.id + b"".join(self._advertisement)

    def share(self, data, floor):
        """Judges the roster, and seals shares for the neighbours that it gives: the next stage, and what to send."""
        roster = Roster(self.session, data)
        floor.accept(roster)
        place = roster.place(self.identity.public)
        if place is None or roster.members[place] != self._advertisement:
            raise Refusal("this client's advertisement is not on the roster as it was made")
        neighbours, threshold = roster.neighbours(place), roster.bounds.threshold
        drawn = keys.Stream(self._secret(b"coefficients"))
        own = split(self._own, threshold, neighbours, drawn)
        mask = split(self._secret(b"mask key"), threshold, neighbours, drawn)
        secret, sealed = self._secret(b"seal key"), []
        for to, *shares in zip(neighbours, own, mask):
            theirs = roster.members[to].seal_key
            sealed.append((to, keys.seal(roster.digest, place, to, secret, theirs, b"".join(shares))))
        message = messages.head(messages.SHARES) + roster.digest + number(place) + messages.entries(sealed)
        return Shared(Member(self.identity, roster, place), self.seed), message

    def save(self):
        """What `restore` takes."""
        return {"stage": "advertised", "seed": self.seed}


class Shared:
    """A client that has sealed its shares."""

    def __init__(self, member: Member, seed: bytes):
        self.member, self.seed = member, seed

    def mask(self, data, values, weight, seed):
        """Opens the neighbours' shares and masks the input among them. `values` are one float32 vector, `seed` decides
        its rounding: 32 random bytes. Gives the next stage, what to send, and how many numbers were clipped."""
        roster, place = self.member.roster, self.member.place
        digest, sharers, sealed = messages.read_delivery(data)
        roster.same("delivery", digest)
        roster.enough("members have shared", len(sharers))
        among = set(sharers)
        if sharers[-1] >= len(roster.members):
            raise unknown("delivery", next(m for m in sharers if m >= len(roster.members)))
        if place not in among:
            raise Refusal("this client is not among the sharers")
        roster.connected(sharers)
        neighbours = [other for other in roster.neighbours(place) if other in among]
        if neighbours != [sender for sender, _ in sealed]:
            raise Refusal("the shares are not for exactly the neighbours")

        seal, mask, own = (
            keys.derive(roster.session.id, self.seed, purpose)
            for purpose in (b"seal key", b"mask key", b"own seed")
        )
        words, clipped = roster.quantise(values, weight, seed)
        held = {}
        for sender, shares in sealed:
            theirs = roster.members[sender]
            held[sender] = keys.unseal(roster.digest, sender, place, seal, theirs.seal_key, shares)
            key = keys.pair_mask(roster.digest, mask, theirs.mask_key, place, sender)
            # Of two neighbours the first on the roster adds their mask and the other takes it off.
            keys.mask(words, key, plus=place < sender)
        keys.mask(words, keys.self_mask(roster.digest, own), plus=True)

        body = words.astype("<u4", copy=False).tobytes()
        among = keys.digest("sharers 1", roster.digest, b"".join(map(number, sharers)))
        hashed = hashlib.sha256(body).digest()
        signed = self.member.identity.sign(input_statement(roster.digest, among, place, hashed))
        head = messages.head(messages.INPUT) + roster.digest + number(place) + among + signed
        message = head + len(words).to_bytes(4, "little") + body
        return Masked(self.member, held, sharers, hashed), message, clipped

    def save(self):
        """What `restore` takes."""
        return {"stage": "shared", "seed": self.seed, "roster": self.member.roster.data}


class Masked:
    """A client that has sent its masked input. What masked it is gone: nothing else can be masked by it."""

    def __init__(self, member, held, sharers, words):
        self.member, self.held, self.sharers, self.words = member, held, sharers, words

    def consent(self, data):
        """Judges the survivors, and signs them: the next stage, and what to send."""
        roster, place = self.member.roster, self.member.place
        digest, survivors = messages.read_survivors(data)
        roster.same("survivors", digest)
        roster.enough("members survive", len(survivors))
        sharers = keys.digest("sharers 1", roster.digest, b"".join(map(number, self.sharers)))
        among = set(self.sharers)
        for member, words, signed in survivors:
            if member not in among:
                raise unknown("survivors", member)
            said = input_statement(roster.digest, sharers, member, words)
            if not keys.fits(roster.members[member].identity, said, signed):
                raise signature("input", member)
        if (place, self.words) not in [(member, words) for member, words, _ in survivors]:
            raise Refusal("this client is not among the survivors")
        members = [survivor.member for survivor in survivors]
        roster.connected(members)
        bodies = b"".join(number(member) + words for member, words, _ in survivors)
        digest = keys.digest("survivors 1", roster.digest, sharers, bodies)
        signed = self.member.identity.sign(consent_statement(roster.digest, digest, place))
        message = messages.head(messages.CONSENT) + roster.digest + number(place) + signed
        return Consented(self.member, self.held, members, digest), message

    def save(self):
        """What `restore` takes."""
        kept = {"roster": self.member.roster.data, "held": _pack(self.held), "words": self.words}
        return {"stage": "masked", "sharers": b"".join(map(number, self.sharers)), **kept}


class Consented:
    """A client that has signed the survivors."""

    def __init__(self, member, held, survivors, digest):
        self.member, self.held, self.survivors, self.digest = member, held, survivors, digest

    def reveal(self, data):
        """Checks that enough survivors were shown the same survivors. Gives what to send: about a survivor its share of
        the own mask, about anybody else its share of the mask key, never both."""
        roster, survivors = self.member.roster, set(self.survivors)
        digest, signatures = messages.read_consents(data)
        roster.same("consents", digest)
        roster.enough("survivors consent", len(signatures))
        for member, signed in signatures:
            if member not in survivors:
                raise unknown("consents", member)
            said = consent_statement(roster.digest, self.digest, member)
            if not keys.fits(roster.members[member].identity, said, signed):
                raise signature("survivors", member)
        shares = [
            (about, both[:32] if about in survivors else both[32:])
            for about, both in sorted(self.held.items())
        ]
        return (
            messages.head(messages.REVEAL) + roster.digest + number(self.member.place) + messages.entries(shares)
        )

    def save(self):
        """What `restore` takes."""
        kept = {"roster": self.member.roster.data, "held": _pack(self.held), "digest": self.digest}
        return {"stage": "consented", "survivors": b"".join(map(number, self.survivors)), **kept}


def restore(session, identity, kept):
    """The stage that was saved."""
    stage = kept["stage"]
    if stage == "advertised":
        return Advertised(session, identity, kept["seed"])
    roster = Roster(session, kept["roster"], again=True)
    member = Member(identity, roster, roster.place(identity.public))
    if stage == "shared":
        return Shared(member, kept["seed"])
    held = {int.from_bytes(entry[:2], "little"): entry[2:] for entry in _cut(kept["held"], 2 + 64)}
    if stage == "masked":
        return Masked(member, held, _numbers(kept["sharers"]), kept["words"])
    return Consented(member, held, _numbers(kept["survivors"]), kept["digest"])


def input_statement(roster, sharers, member, words):
    """What a client signs with its input."""
    return keys.digest("input 1", roster, sharers, number(member), words)


def consent_statement(roster, survivors, member):
    """What a survivor signs."""
    return keys.digest("consent 1", roster, survivors, number(member))


def _pack(held):
    return b"".join(number(sender) + shares for sender, shares in sorted(held.items()))


def _cut(data, length):
    return [data[start : start + length] for start in range(0, len(data), length)]


def _numbers(data):
    return np.frombuffer(data, "<u2").tolist()

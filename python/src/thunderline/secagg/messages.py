"""What clients and server say to each other, as bytes: little-endian, every length checked before it is believed."""

import struct
from typing import NamedTuple

from .errors import Refusal, malformed
from .keys import SEALED, number

_MAGIC, _VERSION = b"TLSA", 1
ADVERTISEMENT, ROSTER, SHARES, DELIVERY, INPUT, SURVIVORS, CONSENT, CONSENTS, REVEAL = range(1, 10)


class Advertisement(NamedTuple):
    """A client's public keys for one session, signed by its identity."""

    identity: bytes
    seal_key: bytes
    mask_key: bytes
    commitment: bytes
    signature: bytes


class Survivor(NamedTuple):
    """One whose input is in the sum, with its own word for it."""

    member: int
    words: bytes
    signature: bytes


def head(kind):
    """What a message of this kind begins with."""
    return _MAGIC + bytes([_VERSION, kind])


def entries(pairs):
    """A list of members, each with some bytes."""
    return number(len(pairs)) + b"".join(number(member) + rest for member, rest in pairs)


class Reader:
    """Reads a message, and says what is wrong with one that is none."""

    def __init__(self, message, kind, data):
        self._message, self._rest = message, memoryview(data)
        if self.take(4) != _MAGIC:
            raise malformed(message, "it does not begin like one")
        version, found = self.take(2)
        if version != _VERSION:
            raise malformed(message, "it is of another version")
        if found != kind:
            raise malformed(message, "it is a message of another kind")

    def take(self, count):
        """The next bytes."""
        if len(self._rest) < count:
            raise malformed(self._message, "it ends too early")
        taken, self._rest = self._rest[:count], self._rest[count:]
        return bytes(taken)

    def number(self):
        """The next two bytes as a number."""
        return int.from_bytes(self.take(2), "little")

    def list(self, layout):
        """A list of entries of this `struct` layout."""
        count, entry = self.number(), struct.Struct(layout)
        return list(entry.iter_unpack(self.take(count * entry.size)))

    def end(self):
        """That nothing follows."""
        if self._rest:
            raise malformed(self._message, "something follows it")


def read_roster(session, data):
    """The advertisements of a roster of this session; what they say is checked by whoever uses them."""
    reader = Reader("roster", ROSTER, data)
    if reader.take(32) != session:
        raise Refusal("the roster belongs to another session")
    members = [Advertisement(*entry) for entry in reader.list("32s32s32s32s64s")]
    reader.end()
    return members


def read_delivery(data):
    """The roster's digest, all who have shared, and what the neighbours among them sealed."""
    reader = Reader("delivery", DELIVERY, data)
    roster = reader.take(32)
    sharers = [member for (member,) in reader.list("<H")]
    _ascending("delivery", sharers)
    sealed = reader.list(f"<H{SEALED}s")
    _ascending("delivery", [member for member, _ in sealed])
    reader.end()
    return roster, sharers, sealed


def read_survivors(data):
    """The roster's digest, and the survivors."""
    reader = Reader("survivors", SURVIVORS, data)
    roster, survivors = reader.take(32), [Survivor(*entry) for entry in reader.list("<H32s64s")]
    reader.end()
    _ascending("survivors", [survivor.member for survivor in survivors])
    return roster, survivors


def read_consents(data):
    """The roster's digest, and who signed with which signature."""
    reader = Reader("consents", CONSENTS, data)
    roster, signatures = reader.take(32), reader.list("<H64s")
    reader.end()
    _ascending("consents", [member for member, _ in signatures])
    return roster, signatures


def _ascending(message, members):
    if any(left >= right for left, right in zip(members, members[1:])):
        raise malformed(message, "its members are not in ascending order")

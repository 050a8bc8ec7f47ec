"""Keys: who a client is, with whom it agrees on what, and what follows from one seed."""

import hashlib

import numpy as np
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import Refusal

SEALED = 64 + 16
_BLOCK = bytes(1 << 20)


def number(value):
    """A place in the roster, as two bytes."""
    return value.to_bytes(2, "little")


def digest(label, *parts):
    """SHA-256 over a label and parts; the parts are of fixed length, or end the statement."""
    return hashlib.sha256(bytes([len(label)]) + label.encode() + b"".join(parts)).digest()


def derive(context, secret, *purpose):
    """32 bytes from a secret by HKDF-SHA256 (RFC 5869), bound to a context and a purpose."""
    return HKDF(hashes.SHA256(), 32, salt=context, info=b"".join(purpose)).derive(secret)


class Identity:
    """A client's lasting Ed25519 key (RFC 8032), whose public half others know it by."""

    def __init__(self, seed):
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, statement):
        """The signature, 64 bytes."""
        return self._key.sign(statement)


def fits(identity, statement, signature):
    """Whether the signature is the identity's on the statement."""
    try:
        Ed25519PublicKey.from_public_bytes(identity).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def public(secret):
    """The public half of an X25519 secret (RFC 7748)."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def agree(secret, theirs):
    """What two parties agree on, unless the other's key is of low order."""
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(theirs))
    except ValueError:
        raise Refusal("a public key of low order") from None


def pair_mask(context, secret, theirs, one, other):
    """The key of the mask between two members, the same from either side."""
    low, high = sorted((one, other))
    return derive(context, agree(secret, theirs), b"pair mask", number(low), number(high))


def self_mask(context, seed):
    """The key of a member's own mask."""
    return derive(context, seed, b"self mask")


def seal(context, sender, receiver, secret, theirs, shares):
    """Seals a pair of shares (RFC 8439). One key a direction, used once: the nonce can be zero."""
    key, about = _envelope(context, sender, receiver, secret, theirs)
    return key.encrypt(bytes(12), shares, about)


def unseal(context, sender, receiver, secret, theirs, sealed):
    """Opens a pair of shares."""
    key, about = _envelope(context, sender, receiver, secret, theirs)
    try:
        return key.decrypt(bytes(12), sealed, about)
    except InvalidTag:
        raise Refusal(f"member {sender}'s sealed share does not open") from None


def _envelope(context, sender, receiver, secret, theirs):
    way = number(sender) + number(receiver)
    key = derive(context, agree(secret, theirs), b"seal", way)
    return ChaCha20Poly1305(key), digest("seal", context, way)


class Stream:
    """The stream of ChaCha20 (RFC 8439) under a key that is used for nothing else, from counter and nonce zero."""

    def __init__(self, key):
        self._stream = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor()

    def take(self, count):
        """The next bytes."""
        return self._stream.update(_BLOCK[:count] if count <= len(_BLOCK) else bytes(count))

    def words(self, count):
        """The next words, in pieces that stay in a near cache: each with where it begins."""
        piece = len(_BLOCK) // 4
        for start in range(0, count, piece):
            yield start, np.frombuffer(self.take(4 * min(piece, count - start)), "<u4")


def mask(words, key, plus):
    """Adds the mask of a key to words modulo 2^32, or takes it off, in place."""
    for start, stream in Stream(key).words(len(words)):
        part = words[start : start + len(stream)]
        (np.add if plus else np.subtract)(part, stream, out=part)

"""Smaller updates: what training changed in each array, in fewer bytes, as Thunderline's server decodes it.

Needs NumPy only. The formats are in docs/encodings.md; the server does the same to the bit. A task says how its update is
to be sent in its configuration, under the key :data:`KEY`::

    terms = Terms.read(config[KEY])
    sent, rest = encode_update(terms, received, trained, rest)

``received``, ``trained`` and ``sent`` are dictionaries of arrays. ``rest`` is what top-k left out: keep it, and give it back in the
next round of the same federation.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from dataclasses import dataclass

import numpy as np

KEY = "thunderline.encoding"
"""The configuration's key under which a task says how its update is to be sent."""

_MAGIC = b"TLE\x01"
_PIECE = 1 << 16
_LARGEST = 4096
_BLOCKS = 64
_KINDS = {"fp16": 1, "bf16": 2, "int8": 3, "rotation": 4, "top_k": 5}
_DTYPES = {"float16": 1, "float32": 3, "float64": 4}
_CENTROIDS = {
    1: [0.7978846],
    2: [0.45278004, 1.5104176],
    3: [0.24509418, 0.7560053, 1.3439093, 2.1519456],
    4: [0.12839504, 0.3880483, 0.65675914, 0.94234043, 1.2562312, 1.6180464, 2.0690172, 2.7325895],
}
_BORDERS = {
    1: [],
    2: [0.9815988],
    3: [0.50054973, 1.0499573, 1.7479275],
    4: [0.25822166, 0.5224037, 0.79954976, 1.0992858, 1.4371388, 1.8435318, 2.4008033],
}


class EncodingError(ValueError):
    """Numbers that cannot be encoded, or bytes that are no encoding of what was expected."""


@dataclass(frozen=True)
class Encoding:
    """How the difference of an array is written: ``full``, ``fp16``, ``bf16``, ``int8``, ``rotation`` or ``top_k``."""

    by: str
    bits: int = 4
    """Bits for each number, 1 to 4, of a rotation."""
    fraction: float = 0.01
    """The share of numbers that top-k sends, above 0 and at most 1."""

    def __post_init__(self):
        if self.by != "full" and self.by not in _KINDS:
            raise EncodingError(f"'{self.by}' is no encoding")
        if self.by == "rotation" and self.bits not in (1, 2, 3, 4):
            raise EncodingError(f"{self.bits} bits instead of 1 to 4")
        if self.by == "top_k" and not 0 < self.fraction <= 1:
            raise EncodingError(f"the fraction {self.fraction} instead of above 0 and at most 1")

    @classmethod
    def read(cls, value) -> "Encoding":
        """The encoding that a document means: a name, or a group with ``by``."""
        settings = {"by": value} if isinstance(value, str) else dict(value)
        own = {"rotation": {"bits"}, "top_k": {"fraction"}}.get(settings.get("by"), set())
        if unknown := set(settings) - own - {"by"}:
            raise EncodingError(f"'{settings.get('by')}' has no setting {', '.join(sorted(unknown))}")
        return cls(**settings)

    @property
    def keeps_rest(self) -> bool:
        """Whether what is lost in one round must be added in the next."""
        return self.by == "top_k"

    def length(self, dtype, shape) -> int | None:
        """How many bytes a payload has, at most with top-k; None for arrays that travel as they are."""
        dtype, elements = np.dtype(dtype), math.prod(shape)
        if self.by == "full" or dtype.name not in _DTYPES:
            return None
        if self.by == "fp16":
            body = 4 + 2 * elements
        elif self.by == "bf16":
            body = 2 * elements
        elif self.by == "int8":
            body = 4 * _rows(shape)[0] + elements
        elif self.by == "rotation":
            body = sum(4 + size // 8 * self.bits for _, _, size in _blocks(elements % _LARGEST))
            body += elements // _LARGEST * (4 + _LARGEST // 8 * self.bits)
        else:
            body = 4 * -(-elements // _PIECE) + 4 * _most(elements, self.fraction)
        length = 16 + 8 * len(shape) + body
        return length if length < elements * dtype.itemsize else None


@dataclass(frozen=True)
class Terms:
    """How a client is to send its update."""

    encoding: Encoding
    seed: int
    trainable: tuple[str, ...] = ()
    """Patterns of the arrays that are sent, with ``*`` and ``?``; all where there are none."""
    last: bool = False
    """Whether this is the last round."""

    @classmethod
    def read(cls, text: str) -> "Terms":
        """Reads what a task says. Raises EncodingError where it asks for something unknown: then send the arrays as they are."""
        try:
            said = json.loads(text)
            terms = cls(
                Encoding.read(said.pop("encoding")),
                int(said.pop("seed")),
                tuple(said.pop("trainable", ())),
                bool(said.pop("last", False)),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise EncodingError(f"the task's encoding cannot be read: {error}") from error
        if said:
            raise EncodingError(f"the task's encoding has unknown settings: {', '.join(sorted(said))}")
        return terms

    def sends(self, name: str) -> bool:
        """Whether the array of this name is sent."""
        return not self.trainable or any(fits(pattern, name) for pattern in self.trainable)

    def seed_of(self, name: str) -> int:
        """The seed of one array."""
        text = b"thunderline encoding 1" + struct.pack("<Q", self.seed) + name.encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def fits(pattern: str, name: str) -> bool:
    """Whether a pattern fits a whole name: ``*`` stands for any characters or none, ``?`` for one."""
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in re.sub(r"\*+", "*", pattern))
    return re.fullmatch("".join(parts), name, re.DOTALL) is not None


def encode_update(terms: Terms, received: dict, trained: dict, rest: dict | None = None) -> tuple[dict, dict]:
    """What is to be sent of a trained model, and what top-k leaves out of it, both by the arrays' names."""
    sent, left = {}, {}
    for name, base in received.items():
        if not terms.sends(name):
            continue
        base, new = np.asarray(base), np.asarray(trained[name])
        if (base.dtype, base.shape) != (new.dtype, new.shape):
            raise EncodingError(f"array '{name}' is {new.dtype}{new.shape} now, and was {base.dtype}{base.shape}")
        if terms.encoding.length(base.dtype, base.shape) is None:
            sent[name] = new
            continue
        delta = difference(base, new)
        before = None if rest is None else rest.get(name)
        if terms.encoding.keeps_rest and before is not None and np.shape(before) == base.shape:
            delta = delta + np.asarray(before, dtype=np.float32).ravel()
        payload = encode(terms.encoding, delta, base.dtype, base.shape, terms.seed_of(name))
        if terms.encoding.keeps_rest and not terms.last:
            left[name] = (delta - decode(terms.encoding, payload, base.dtype, base.shape)).reshape(base.shape)
        sent[name] = payload
    return sent, left


def difference(base: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """``trained − base`` in one dimension, in double precision and rounded once."""
    with np.errstate(over="ignore", invalid="ignore"):
        delta = (_wide(trained) - _wide(base)).astype(np.float32)
    return _finite(delta, "a difference is a NaN or an infinity")


def restore(base: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """``base + delta``, of the type and shape of ``base``."""
    with np.errstate(over="ignore"):
        values = (_wide(base) + delta.astype(np.float64)).astype(base.dtype).reshape(base.shape)
    return _finite(values, "a sum does not fit the type")


def encode(encoding: Encoding, delta: np.ndarray, dtype, shape, seed: int = 0) -> np.ndarray | None:
    """The payload of a difference, as ``uint8``; None for arrays that travel as they are."""
    if encoding.length(dtype, shape) is None:
        return None
    delta = np.ascontiguousarray(delta, dtype=np.float32).ravel()
    if delta.size != math.prod(shape):
        raise EncodingError(f"{delta.size} differences for an array of {math.prod(shape)}")
    _finite(delta, "the difference has a NaN or an infinity")
    if encoding.by == "fp16":
        body = _write_fp16(delta)
    elif encoding.by == "bf16":
        body = _to_bf16(delta).tobytes()
    elif encoding.by == "int8":
        body = _write_int8(delta, shape)
    elif encoding.by == "rotation":
        body = _write_rotation(delta, encoding.bits, seed)
    else:
        body = _write_top_k(delta, encoding.fraction)
    return np.frombuffer(_header(encoding, dtype, shape, seed) + body, dtype=np.uint8)


def decode(encoding: Encoding, payload: np.ndarray, dtype, shape) -> np.ndarray:
    """The difference in a payload, in one dimension. Raises EncodingError where it does not follow the format."""
    longest, raw = encoding.length(dtype, shape), np.asarray(payload, dtype=np.uint8).tobytes()
    if longest is None:
        raise EncodingError("the array travels as it is")
    if len(raw) > longest or (encoding.by != "top_k" and len(raw) < longest):
        raise EncodingError(f"the payload has {len(raw)} bytes, not {longest}")
    seed = struct.unpack_from("<Q", raw, 8)[0] if len(raw) >= 16 else 0
    header = _header(encoding, dtype, shape, seed)
    if not raw.startswith(header):
        raise EncodingError("the payload is of another array, or in another encoding")
    body, elements = raw[len(header) :], math.prod(shape)
    if encoding.by == "fp16":
        scale, halves = _scale(body[:4]), np.frombuffer(body, dtype="<f2", offset=4)
        delta = halves.astype(np.float32) * scale
    elif encoding.by == "bf16":
        delta = _from_bf16(np.frombuffer(body, dtype="<u2"))
    elif encoding.by == "int8":
        delta = _read_int8(body, shape)
    elif encoding.by == "rotation":
        delta = _read_rotation(body, elements, encoding.bits, seed)
    else:
        delta = _read_top_k(body, elements, encoding.fraction)
    return _finite(delta, "the payload has a NaN or an infinity")


def _header(encoding: Encoding, dtype, shape, seed: int) -> bytes:
    bits, seed = (encoding.bits, seed) if encoding.by == "rotation" else (0, 0)
    kinds = bytes([_KINDS[encoding.by], bits, _DTYPES[np.dtype(dtype).name], len(shape)])
    return _MAGIC + kinds + struct.pack("<Q", seed) + b"".join(struct.pack("<Q", axis) for axis in shape)


def _wide(array: np.ndarray) -> np.ndarray:
    # Adding 0 makes a negative zero positive.
    return np.asarray(array).ravel().astype(np.float64) + 0.0


def _finite(values: np.ndarray, why: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise EncodingError(why)
    return values


def _scale(raw: bytes) -> np.float32:
    scale = np.frombuffer(raw, dtype="<f4")[0]
    if not (np.isfinite(scale) and scale >= 0):
        raise EncodingError(f"the scale {scale}")
    return scale


def _write_fp16(delta: np.ndarray) -> bytes:
    most = np.abs(delta).max()
    _, exponent = np.frexp(most)
    scale = np.float32(1.0) if most == 0 else np.ldexp(np.float32(1.0), max(int(exponent) - 15, -126))
    return struct.pack("<f", scale) + (delta / scale).astype("<f2").tobytes()


def _to_bf16(values: np.ndarray) -> np.ndarray:
    bits = values.view(np.uint32)
    short = ((bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16).astype("<u2")
    if ((short & 0x7F80) == 0x7F80).any():
        raise EncodingError("a number is too large for bf16")
    return short


def _from_bf16(short: np.ndarray) -> np.ndarray:
    return (short.astype(np.uint32) << 16).view(np.float32)


def _rows(shape) -> tuple[int, int]:
    elements = math.prod(shape)
    if len(shape) >= 2 and shape[0] > 0 and elements // shape[0] >= 16:
        return shape[0], elements // shape[0]
    return 1, elements


def _write_int8(delta: np.ndarray, shape) -> bytes:
    count, length = _rows(shape)
    rows = delta.reshape(count, length)
    scales = np.abs(rows).max(axis=1) / np.float32(127)
    divisors = np.where(scales == 0, np.float32(np.inf), scales)[:, None]
    out = np.empty((count, 4 + length), dtype=np.uint8)
    out[:, :4] = scales.astype("<f4").view(np.uint8).reshape(count, 4)
    with np.errstate(over="ignore"):
        out[:, 4:] = np.clip(np.rint(rows / divisors), -127, 127).astype(np.int8).view(np.uint8)
    return out.tobytes()


def _read_int8(body: bytes, shape) -> np.ndarray:
    count, length = _rows(shape)
    raw = np.frombuffer(body, dtype=np.uint8).reshape(count, 4 + length)
    scales = np.ascontiguousarray(raw[:, :4]).view("<f4")
    with np.errstate(over="ignore", invalid="ignore"):
        largest = scales * np.float32(127)
    if not (np.isfinite(largest).all() and (scales >= 0).all()) or (raw[:, 4:] == 0x80).any():
        raise EncodingError("a scale or a number that cannot be")
    return (raw[:, 4:].view(np.int8).astype(np.float32) * scales).ravel()


def _blocks(elements: int):
    """Where each block begins, how many elements it has, and how many with what it is filled up with."""
    start = 0
    while left := elements - start:
        if left >= _LARGEST:
            used = size = _LARGEST
        elif left >= 64:
            used = size = 1 << (left.bit_length() - 1)
        else:
            used, size = left, max(8, 1 << (left - 1).bit_length())
        yield start, used, size
        start += used


def _batches(elements: int):
    """Blocks of equal size together: where the first begins, how many elements, how many blocks, their size."""
    whole = elements // _LARGEST
    for first in range(0, whole, _BLOCKS):
        count = min(_BLOCKS, whole - first)
        yield first * _LARGEST, count * _LARGEST, count, _LARGEST
    start = whole * _LARGEST
    for at, used, size in _blocks(elements - start):
        yield start + at, used, 1, size


def _signs(start: int, count: int, seed: int) -> np.ndarray:
    words = np.arange(start // 64, (start + count + 63) // 64, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (words + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    bits = np.unpackbits(z.astype("<u8").view(np.uint8), bitorder="little")[:count]
    return np.where(bits == 1, np.float32(-1), np.float32(1))


def _transform(values: np.ndarray) -> np.ndarray:
    """The Walsh–Hadamard transform of each row, not normalised."""
    half = 1
    while half < values.shape[1]:
        pairs = values.reshape(-1, 2, half)
        low, high = pairs[:, 0], pairs[:, 1]
        values = np.stack((low + high, low - high), axis=1).reshape(values.shape)
        half *= 2
    return values


def _sum(values: np.ndarray) -> np.ndarray:
    """The sum of each row: halves are added until one is left, so that it is the same everywhere."""
    while values.shape[1] > 1:
        half = values.shape[1] // 2
        values = values[:, :half] + values[:, half:]
    return values[:, 0]


def _table(bits: int) -> tuple[np.ndarray, np.ndarray]:
    positive, between = _CENTROIDS[bits], _BORDERS[bits]
    centroids = [-one for one in reversed(positive)] + positive
    borders = [-one for one in reversed(between)] + [0.0] + between
    return np.array(centroids, dtype=np.float32), np.array(borders, dtype=np.float32)


def _write_rotation(delta: np.ndarray, bits: int, seed: int) -> bytes:
    centroids, borders = _table(bits)
    shifts, out = np.arange(bits, dtype=np.uint8), []
    for start, used, count, size in _batches(delta.size):
        values = np.zeros(count * size, dtype=np.float32)
        values[:used] = delta[start : start + used]
        values = values.reshape(count, size)
        norm = _sum(values.astype(np.float64) * values.astype(np.float64))
        nothing = np.sqrt(norm) < 2.0**-100
        first, second = (_signs(start, count * size, one).reshape(count, size) for one in (seed, seed ^ (2**64 - 1)))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            values = _transform(_transform(values * first) * second)
            shorten = (1.0 / np.sqrt(norm * size)).astype(np.float32)
            codes = np.searchsorted(borders, values * shorten[:, None], side="left").astype(np.uint8)
            scales = (norm / _sum(values.astype(np.float64) * centroids[codes].astype(np.float64))).astype(np.float32)
        scales[nothing], codes[nothing] = 0, 0
        if not (np.isfinite(scales).all() and (scales >= 0).all()):
            raise EncodingError("the difference is too large for a rotation")
        packed = (codes.reshape(count, size // 8, 8, 1) >> shifts) & 1
        packed = np.packbits(packed.reshape(count, -1), axis=1, bitorder="little")
        out.append(np.hstack((scales.astype("<f4").view(np.uint8).reshape(count, 4), packed)).tobytes())
    return b"".join(out)


def _read_rotation(body: bytes, elements: int, bits: int, seed: int) -> np.ndarray:
    centroids, _ = _table(bits)
    weights, at = (1 << np.arange(bits, dtype=np.uint8)).astype(np.uint8), 0
    delta = np.empty(elements, dtype=np.float32)
    for start, used, count, size in _batches(elements):
        length = 4 + size // 8 * bits
        raw = np.frombuffer(body, dtype=np.uint8, offset=at, count=count * length).reshape(count, length)
        at += count * length
        scales = np.ascontiguousarray(raw[:, :4]).view("<f4")
        with np.errstate(over="ignore", invalid="ignore"):
            farthest = scales * np.float32(size * size) * np.float32(3)
        if not (np.isfinite(farthest).all() and (scales >= 0).all()):
            raise EncodingError("a scale that cannot be")
        unpacked = np.unpackbits(raw[:, 4:], axis=1, bitorder="little").reshape(count, size, bits)
        values = centroids[(unpacked * weights).sum(axis=2, dtype=np.uint8)]
        first, second = (_signs(start, count * size, one).reshape(count, size) for one in (seed, seed ^ (2**64 - 1)))
        values = _transform(_transform(values) * second) * first * scales
        delta[start : start + used] = values.ravel()[:used]
    return delta


def _most(elements: int, fraction: float) -> int:
    return min(max(math.ceil(fraction * elements), min(elements, 1)), elements)


def _write_top_k(delta: np.ndarray, fraction: float) -> bytes:
    count = _most(delta.size, fraction)
    magnitudes = delta.view(np.uint32) & np.uint32(0x7FFFFFFF)
    least = np.partition(magnitudes, delta.size - count)[delta.size - count]
    chosen = magnitudes > least
    if least > 0:
        chosen[np.flatnonzero(magnitudes == least)[: count - int(chosen.sum())]] = True
    out = []
    for start in range(0, delta.size, _PIECE):
        places = np.flatnonzero(chosen[start : start + _PIECE])
        values = _to_bf16(delta[start : start + _PIECE][places])
        out += [struct.pack("<I", places.size), places.astype("<u2").tobytes(), values.tobytes()]
    return b"".join(out)


def _read_top_k(body: bytes, elements: int, fraction: float) -> np.ndarray:
    delta, at, allowed = np.zeros(elements, dtype=np.float32), 0, _most(elements, fraction)
    for start in range(0, elements, _PIECE):
        dense = delta[start : start + _PIECE]
        if at + 4 > len(body):
            raise EncodingError("the payload is cut off")
        (count,) = struct.unpack_from("<I", body, at)
        allowed -= count
        if allowed < 0 or at + 4 + 4 * count > len(body):
            raise EncodingError("the payload has more elements than agreed, or is cut off")
        places = np.frombuffer(body, dtype="<u2", offset=at + 4, count=count).astype(np.int64)
        values = _from_bf16(np.frombuffer(body, dtype="<u2", offset=at + 4 + 2 * count, count=count))
        if (np.diff(places) <= 0).any() or (places >= dense.size).any():
            raise EncodingError("a place out of order")
        dense[places] = values
        at += 4 + 4 * count
    if at != len(body):
        raise EncodingError(f"{len(body) - at} bytes too many")
    return delta

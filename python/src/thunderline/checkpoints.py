"""Models as files: the safetensors format, with NumPy alone.

``Arrays`` maps a file into memory and shows its arrays by name; nothing is read before it is used. ``write`` makes such a file.
NumPy has no bfloat16: such arrays are shown as float32 copies, and written as bfloat16 where the caller says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

DTYPES = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "U16": np.dtype("<u2"),
    "U32": np.dtype("<u4"),
    "U64": np.dtype("<u8"),
    "I8": np.dtype("i1"),
    "I16": np.dtype("<i2"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
"""How each type of the format lies in the file."""

METADATA = "__metadata__"


class Arrays(Mapping[str, np.ndarray]):
    """A file's arrays by name, in the file's order. They are views of the file and must not be written to."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
        self.metadata: dict[str, str] = header.pop(METADATA, {})
        self._entries = dict(sorted(header.items(), key=lambda item: item[1]["data_offsets"]))
        self._bytes = np.memmap(path, dtype=np.uint8, mode="r")[8 + length :]

    def __getitem__(self, name: str) -> np.ndarray:
        entry = self._entries[name]
        start, end = entry["data_offsets"]
        values = self._bytes[start:end].view(np.ndarray).view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
        return widen(values) if entry["dtype"] == "BF16" else values

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def dtype(self, name: str) -> str:
        """The array's type as the format calls it: ``F32``, ``BF16``, ``I64``, …"""
        return self._entries[name]["dtype"]

    def shape(self, name: str) -> tuple[int, ...]:
        """The lengths of the array's axes."""
        return tuple(self._entries[name]["shape"])


def write(path: str | os.PathLike[str], arrays: Mapping[str, Any], dtypes: Mapping[str, str] | None = None) -> None:
    """Writes arrays in their order. Each becomes the type that ``dtypes`` names for it, or keeps its own."""
    header: dict[str, Any] = {}
    pieces = []
    offset = 0
    for name, values in arrays.items():
        values = np.asarray(values)
        dtype = (dtypes or {}).get(name) or name_of(values.dtype)
        piece = np.ascontiguousarray(cast(values, dtype)).reshape(values.shape)
        header[name] = {"dtype": dtype, "shape": piece.shape, "data_offsets": (offset, offset + piece.nbytes)}
        offset += piece.nbytes
        pieces.append(piece)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for piece in pieces:
            file.write(piece.data if piece.size else b"")


def name_of(dtype: np.dtype) -> str:
    """What the format calls a type of NumPy's."""
    for name, known in DTYPES.items():
        if name != "BF16" and known == dtype.newbyteorder("<"):
            return name
    raise TypeError(f"safetensors has no type for NumPy's {dtype}")


def cast(values: np.ndarray, dtype: str) -> np.ndarray:
    """The values as they lie in a file, rounded once and half to even; integers stay at the ends of their range."""
    target = DTYPES[dtype]
    if dtype == "BF16":
        return narrow(values)
    if target == values.dtype or target.kind == "f":
        return values.astype(target, copy=False)
    if values.dtype.kind == "f":
        if np.isnan(values).any():
            raise ValueError(f"NaN is no value of the type {dtype}")
        values = np.rint(values)
    if target.kind == "b":
        return values != 0
    ends = np.iinfo(target)
    with np.errstate(invalid="ignore"):
        result = values.astype(target)
    return np.where(values >= ends.max, ends.max, np.where(values <= ends.min, ends.min, result)).astype(target)


def widen(halves: np.ndarray) -> np.ndarray:
    """float32 from the bits of bfloat16."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def narrow(values: np.ndarray) -> np.ndarray:
    """The bits of bfloat16, rounded half to even as if there were no float32 on the way."""
    # A NaN may be one of those that arithmetic warns of.
    with np.errstate(over="ignore", invalid="ignore"):
        exact = np.asarray(values, dtype=np.float64)
        nearest = exact.astype(np.float32)
    back = nearest.astype(np.float64)
    # Rounded to odd, so that the second rounding sees whether there was more behind.
    bits = nearest.view(np.uint32) - (np.abs(back) > np.abs(exact)).astype(np.uint32)
    bits = bits | (back != exact).astype(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    special = ~np.isfinite(exact)
    return np.where(special, nearest.view(np.uint32) >> 16 | (np.isnan(exact) << 6), rounded).astype(np.uint16)

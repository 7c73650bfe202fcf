"""A GGUF file, read without copying it: metadata, and where each tensor lies.

Written for this because the ``gguf`` package's reader takes five seconds for the 98,000 strings of a vocabulary, and
this 0.2 s. Source of the layout: the GGUF specification, version 3 (2 is the same here), little-endian.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from everwarm.errors import ModelError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
MAX_DEPTH = 2
"""Nesting of arrays that is read; the specification allows more, no model uses it."""

_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


class TensorInfo(NamedTuple):
    """One tensor as the header lists it. ``shape`` is in GGUF order: the row length first."""

    name: str
    shape: tuple[int, ...]
    kind: int  # ggml type number
    offset: int  # bytes from the start of the data


class GgufHeader(NamedTuple):
    """What precedes the data of a GGUF file."""

    path: Path
    version: int
    meta: dict[str, Any]
    meta_count: int  # keys in the file; more than ``len(meta)`` only where a key is there twice
    tensors: tuple[TensorInfo, ...]
    meta_span: tuple[int, int]  # bytes of the key-value section, to copy it verbatim
    data_start: int
    alignment: int


def read_header(path: Path) -> GgufHeader:
    """Read everything but the weights. ``ModelError`` if ``path`` is missing or no GGUF that can be read here."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _header(path, data)
    except FileNotFoundError:
        raise ModelError(f"there is no model file {path}; give the path of a GGUF file") from None
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped; UnicodeDecodeError is one too
        raise ModelError(f"the model file {path} cannot be read ({error}); give the path of a GGUF file") from error
    except (struct.error, IndexError, OverflowError, KeyError, MemoryError) as error:
        raise ModelError(f"the model file {path} is damaged or cut short; fetch it again") from error


def _header(path: Path, data: mmap.mmap) -> GgufHeader:
    if data[:4] != MAGIC:
        raise ModelError(f"{path} is not a GGUF file (it does not begin with {MAGIC.decode()}); give the path of one")
    cursor = _Cursor(data, 4)
    version = cursor.scalar("I")
    if version not in VERSIONS:
        raise ModelError(f"{path} is GGUF version {version}; versions {VERSIONS} can be read. Convert it anew")
    tensor_count, meta_count = cursor.scalar("Q"), cursor.scalar("Q")
    meta_start = cursor.at
    meta = {cursor.string(): cursor.value(cursor.scalar("I")) for _ in range(meta_count)}
    meta_end = cursor.at
    tensors = tuple(cursor.tensor() for _ in range(tensor_count))
    alignment = int(meta.get("general.alignment", DEFAULT_ALIGNMENT))
    if alignment <= 0:
        raise IndexError("alignment")
    start = -(-cursor.at // alignment) * alignment
    if any(start + t.offset > len(data) for t in tensors):
        raise IndexError("a tensor lies behind the end of the file")
    return GgufHeader(path, version, meta, meta_count, tensors, (meta_start, meta_end), start, alignment)


class _Cursor:
    """Reads values one after another. Beyond the end: ``struct.error`` or ``IndexError``."""

    def __init__(self, data: mmap.mmap, at: int) -> None:
        self.data = data
        self.at = at

    def scalar(self, code: str) -> Any:
        value = struct.unpack_from("<" + code, self.data, self.at)[0]
        self.at += struct.calcsize("<" + code)
        return value

    def string(self) -> str:
        size = self.scalar("Q")
        end = self.at + size
        if end > len(self.data):
            raise IndexError("a string lies behind the end of the file")
        raw = self.data[self.at : end]
        self.at = end
        return raw.decode("utf-8", "replace")

    def value(self, kind: int, depth: int = 0) -> Any:
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY:
            return self.scalar(_SCALARS[kind])
        if depth == MAX_DEPTH:
            raise IndexError("arrays nested too deep")
        inner, count = self.scalar("I"), self.scalar("Q")
        return self._array(inner, count, depth)

    def _array(self, inner: int, count: int, depth: int) -> list[Any]:
        if inner in _SCALARS:
            code = f"<{self._fits(count)}{_SCALARS[inner]}"
            values = list(struct.unpack_from(code, self.data, self.at))
            self.at += struct.calcsize(code)
            return values
        read: Callable[[], Any] = self.string if inner == _STRING else lambda: self.value(inner, depth + 1)
        return [read() for _ in range(self._fits(count))]

    def _fits(self, count: int) -> int:
        """``count``, which a damaged file may claim to be anything: each element takes a byte at least."""
        if count > len(self.data) - self.at:
            raise IndexError("an array lies behind the end of the file")
        return count

    def tensor(self) -> TensorInfo:
        name = self.string()
        rank = self.scalar("I")
        if rank > 8:
            raise IndexError("too many dimensions")
        shape = tuple(self.scalar("Q") for _ in range(rank))
        return TensorInfo(name, shape, self.scalar("I"), self.scalar("Q"))

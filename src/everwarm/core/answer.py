"""A whole answer, in which form it came, and the bytes in which it rests.

What is stored is what the client got, byte for byte: a JSON body, or the events of a stream. The other form is made of
it when it is asked for (``core.dialects``). The format is versioned: docs/formats.md.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from everwarm.core.usage import Usage

MAGIC: Final = b"EWA2"
_HEAD: Final = Struct("<4sBIIIIIId")
# magic, flags, usage (uncached, cache_read, output, cache_write, reasoning, cache_write_long), seconds; then the bytes

_STREAM: Final = 1
_COUNTED: Final = 2
_KNOWN: Final = 4  # the usage is known


_SHORT: Final = 2**16
"""Bytes of an answer that is worth remembering taken apart, and of all that are: a hundred times as many."""


class Form(NamedTuple):
    """How an answer is delivered. ``counted``: with token counts, which JSON always has and a stream may lack."""

    stream: bool
    counted: bool = True


JSON: Final = Form(stream=False)


class Verdict(NamedTuple):
    """What a whole answer turned out to be, read from its own bytes."""

    ended: bool  # it says that it is over; if not, it broke off and the client must be told
    flaw: str | None  # why it may not be stored, in words; None if it is complete and clean
    usage: Usage | None  # None where it does not say


class Stored(NamedTuple):
    """An answer at rest, taken apart. ``seconds`` is how long the original took from request to last byte."""

    form: Form
    body: bytes  # as the client got it
    usage: Usage | None
    seconds: float


NOTHING: Final = Usage(0, 0, 0)


def pack(stored: Stored) -> bytes:
    """The bytes of ``stored``."""
    form, usage = stored.form, stored.usage
    flags = _STREAM * form.stream | _COUNTED * form.counted | _KNOWN * (usage is not None)
    return _HEAD.pack(MAGIC, flags, *(usage or NOTHING), stored.seconds) + stored.body


def unpack(payload: bytes) -> Stored | None:
    """What ``pack`` packed; None if it is of another version or too short. The store's seal proves that it is whole."""
    return _lately(payload) if len(payload) <= _SHORT else _unpack(payload)


def _unpack(payload: bytes) -> Stored | None:
    if len(payload) < _HEAD.size or payload[:4] != MAGIC:
        return None
    _, flags, *counts, seconds = _HEAD.unpack_from(payload)
    form = Form(bool(flags & _STREAM), bool(flags & _COUNTED))
    return Stored(form, payload[_HEAD.size :], Usage(*counts) if flags & _KNOWN else None, seconds)


_lately = lru_cache(maxsize=100)(_unpack)
"""Answers that are served again and again. The same bytes are found by identity, without hashing them anew."""

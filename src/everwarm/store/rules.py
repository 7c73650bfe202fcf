"""What every store agrees on: what an entry weighs, and when it may be found."""

from __future__ import annotations

from everwarm.store.protocol import Entry

OVERHEAD = 576
"""Bytes counted per entry besides proof, payload and tags: objects and indexes (measured, rounded up)."""

TAG_OVERHEAD = 192
"""Bytes counted per tag besides its text, for the index of tags."""


def weight(proof: bytes, entry: Entry) -> int:
    """What an entry counts against a bound, in bytes."""
    size = OVERHEAD + len(proof) + len(entry.payload)
    for tag in entry.tags:
        size += TAG_OVERHEAD + len(tag_bytes(tag))
    return size


def tag_bytes(tag: str) -> bytes:
    """A tag as bytes; any ``str`` has them, also one with a lone surrogate."""
    return tag.encode("utf-8", "surrogatepass")


def alive(entry: Entry, at: float) -> bool:
    """Whether an entry may be found: neither expired nor from the future, so that no age is negative."""
    return entry.created <= at < entry.expires


def moved(entry: Entry, seconds: float) -> Entry:
    """The same entry, dated so much later: from the clock to the ``Timeline`` of a store, or back."""
    if not seconds:
        return entry
    return Entry(entry.payload, entry.created + seconds, entry.expires + seconds, entry.tags)

"""What every store agrees on: what an entry weighs, and when it may be found."""

from __future__ import annotations

from everwarm.store.protocol import Entry

OVERHEAD = 768
"""Bytes counted per entry besides proof, payload and tags: objects and indexes (measured, rounded up)."""

TAG_OVERHEAD = 192
"""Bytes counted per tag besides its text, for the index of tags."""

SKEW = 5.0
"""Seconds by which the ``now`` of calls that overlap may be out of order. A ``now`` further back than that means that
the clock was set back; entries from what is then the future cannot be aged any more and are forgotten (promise r08)."""


def weight(proof: bytes, entry: Entry) -> int:
    """What an entry counts against a bound, in bytes."""
    size = OVERHEAD + len(proof) + len(entry.payload)
    for tag in entry.tags:
        size += TAG_OVERHEAD + len(tag_bytes(tag))
    return size


def tag_bytes(tag: str) -> bytes:
    """A tag as bytes; any ``str`` has them, also one with a lone surrogate."""
    return tag.encode("utf-8", "surrogatepass")


def alive(entry: Entry, now: float) -> bool:
    """Whether an entry may be found: neither expired nor from the future, so that no age is negative."""
    return entry.created <= now < entry.expires

"""Segments: stretches of the model's KV cache at rest, their form, and the contract of who keeps them.

A segment begins a prompt, or continues another one, its parent, from a place inside it or from its end. Its file is
head, payload, MAC. The head says whose it is, what it continues and where, and which tokens it holds; its seal is the
segment's *name*. The parent's name is in the head, so a name stands for all tokens from the prompt's beginning on, of
one namespace, under one identity and one secret.

Names are seals, not hints: a child finds its parent by name alone when a folder is opened, and nobody without the
secret can make two heads of one name. Nothing else trusts a name: whoever reads compares the whole head, tokens and
all, and two segments of one name would never be held together (promise s09).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from struct import Struct, pack, unpack_from
from typing import NamedTuple, Protocol

from everwarm.core.seal import SEAL_BYTES, seal

MAGIC = b"EWK1"
"""The version. A file that begins otherwise is dropped. Raise it with a new golden vector (docs/formats.md)."""

NAME_BYTES = SEAL_BYTES
MAC_BYTES = 32
_FIXED = Struct("<4sQIHHH")  # magic, bytes of the file, start, numbers of: namespace bytes, parent bytes, tokens


class Segment(NamedTuple):
    """What is known of a segment without its payload."""

    namespace: str  # Namespace.id
    name: bytes  # NAME_BYTES
    parent: bytes  # the name of the segment that it continues; empty where it begins a prompt
    start: int  # tokens before it
    tokens: tuple[int, ...]  # 1 to 65,535 of them
    size: int  # bytes of its file

    @property
    def end(self) -> int:
        """Tokens up to and with its own."""
        return self.start + len(self.tokens)

    @property
    def payload(self) -> int:
        """Bytes of its payload."""
        return self.size - self.overhead

    @property
    def overhead(self) -> int:
        """Bytes of its file that are not payload."""
        return _FIXED.size + len(self.namespace.encode()) + len(self.parent) + 4 * len(self.tokens) + MAC_BYTES

    def continues(self, parent: Segment | None) -> bool:
        """Whether it may go on from a place in this one, or from its end; with None, from the beginning."""
        if parent is None:
            return (self.parent, self.start) == (b"", 0)
        inside = parent.start < self.start <= parent.end
        return inside and (self.namespace, self.parent) == (parent.namespace, parent.name)


class SegmentStore(Protocol):
    """Keeps segments; its user decides which. All but ``open`` and ``close`` may be called from any thread.

    What cannot be read or written is a miss and never an error, for it can be computed again.
    """

    capacity: int  # bytes that ``held`` should not pass; the user of the store sees to it

    @property
    def held(self) -> int:
        """Bytes of all segments that are held."""
        ...

    def open(self) -> list[Segment]:
        """All that is held, parents before children; those that nothing continues in order of their last use.

        Raises ``StoreError`` where there can be no such store now: go on without.
        """
        ...

    def write(
        self, namespace: str, parent: bytes, start: int, tokens: Sequence[int], pieces: Sequence[memoryview]
    ) -> Segment | None:
        """Keep the payload, which is all pieces one after the other; None if it cannot be kept now.

        Give the parent first: a segment whose parent is not held is dropped at the next ``open``. The pieces must not
        change meanwhile (if they do, ``read`` will find it out). What is held already is not written again.
        """
        ...

    def read(self, segment: Segment, into: Sequence[memoryview]) -> bool:
        """Read the payload into these buffers, as long together as the pieces were that were written.

        False: it is not held, or no longer since it was not as it was written; what is in the buffers is not to be
        used. Raises ``ValueError`` if the buffers are of another length.
        """
        ...

    def read_many(self, wanted: Sequence[tuple[Segment, Sequence[memoryview]]]) -> list[bool]:
        """The same for several, on several processors at a time."""
        ...

    def touch(self, segment: Segment) -> None:
        """It was used, though not read."""
        ...

    def remove(self, segment: Segment) -> None:
        """Hold it no longer."""
        ...

    def close(self) -> None:
        """Let go. Later calls find nothing and keep nothing."""
        ...


class Seals:
    """Names and seals the segments of one identity under one secret. Those of another one have other names and MACs."""

    def __init__(self, secret: bytes, identity: str) -> None:
        self._secret = secret
        self._identity = identity.encode()
        self._begun = hmac.new(secret, digestmod="sha256")
        for part in (MAGIC, self._identity):
            self._begun.update(b"%d:%b" % (len(part), part))

    def segment(self, namespace: str, parent: bytes, start: int, tokens: Sequence[int], payload: int) -> Segment:
        """The segment of these, with so many bytes of payload, and its name."""
        if not tokens:
            raise ValueError("a segment has at least one token")
        empty = Segment(namespace, b"", parent, start, tuple(tokens), 0)
        nameless = empty._replace(size=empty.overhead + payload)
        return nameless._replace(name=self.name(pack_head(nameless)))

    def name(self, head: bytes) -> bytes:
        """The name of the segment whose file begins with this head: the head's seal."""
        return seal(self._secret, (MAGIC, self._identity, head))

    def mac(self, head: bytes, payload: Iterable[memoryview]) -> bytes:
        """HMAC-SHA-256 of head and payload, MAC_BYTES long. The head says how long it is, so nothing can shift."""
        running = self._begun.copy()
        running.update(head)
        for piece in payload:
            running.update(piece)
        return running.digest()


def pack_head(segment: Segment) -> bytes:
    """What the segment's file begins with: all but the name. Injective: it says how long each of its parts is."""
    space = segment.namespace.encode()
    count = len(segment.tokens)
    fixed = _FIXED.pack(MAGIC, segment.size, segment.start, len(space), len(segment.parent), count)
    return b"".join((fixed, space, segment.parent, pack(f"<{count}I", *segment.tokens)))


def head_length(beginning: bytes) -> int | None:
    """How long the head is of a file that begins so; None if it is none of ours, or of another version."""
    if len(beginning) < _FIXED.size or not beginning.startswith(MAGIC):
        return None
    *_, space, parent, tokens = _FIXED.unpack_from(beginning)
    return int(_FIXED.size + space + parent + 4 * tokens)


def unpack_head(head: bytes, name: bytes) -> Segment:
    """The segment of a head that is known to be whole and ours: the name is its seal."""
    _, size, start, space, parent, tokens = _FIXED.unpack_from(head)
    rest = head[_FIXED.size :]
    numbers = unpack_from(f"<{tokens}I", rest, space + parent)
    return Segment(rest[:space].decode(), name, rest[space : space + parent], start, numbers, size)


def in_order(found: Mapping[bytes, tuple[Segment, float]]) -> list[Segment]:
    """Those of the segments (by name, with the time of their last use) that lead back to a beginning.

    Parents come before children, and those that nothing continues in order of their last use.
    """
    rooted: dict[bytes, tuple[Segment, float]] = {}
    for segment, used in sorted(found.values(), key=lambda one: one[0].start):  # a parent starts before its children
        parent = rooted.get(segment.parent)
        if segment.continues(parent and parent[0]):
            rooted[segment.name] = (segment, used)
    ordered: dict[bytes, Segment] = {}
    for segment, _ in sorted(rooted.values(), key=lambda one: one[1]):
        line = [segment]
        while line[-1].parent not in ordered and line[-1].parent:
            line.append(rooted[line[-1].parent][0])
        ordered.update((one.name, one) for one in reversed(line) if one.name not in ordered)
    return list(ordered.values())

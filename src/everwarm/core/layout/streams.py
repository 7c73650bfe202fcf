"""Which stream a request belongs to, learned from those that passed: in bounded memory, shared through notes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from everwarm.core.layout.chains import Element, Measure, Seen, measure, unmeasured
from everwarm.core.layout.notes import Notes
from everwarm.core.layout.piece import Piece
from everwarm.core.layout.roster import Roster
from everwarm.core.layout.stream import Stream
from everwarm.core.layout.talks import Talks, Turn, chain_of
from everwarm.core.layout.template import Template, common

SEAM: Final = "\n\0\n"
"""Between the parts of a system prompt. A value that holds it is no text of one part."""

ALIKE: Final = 0.5
"""Of a stream's fixed text: what a text must share to be of the stream."""

FRESH: Final = 1.0
"""Seconds until what other processes have learned is looked for again."""


class Reading(NamedTuple):
    """What was understood of one request."""

    stream: Stream
    text: str  # the system prompt, its parts joined by ``SEAM``
    values: tuple[str, ...]  # of the stream's slots
    changed: tuple[bool, ...]  # which of them differ from the request before
    measure: Measure
    learned: bool = False  # whether it taught the stream something new


class Streams:
    """All streams of all namespaces. A namespace learns nothing from another."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._roster = Roster()
        self._looked: dict[str, dict[bytes, int]] = {}  # namespace -> notes that others wrote: name -> hash
        self._refreshed: dict[str, float] = {}
        self._talks = Talks()
        self._seen = Seen()

    @property
    def named(self) -> Collection[str]:
        """Ids that a user has named: kept, whatever others there are, and tried first."""
        return self._roster.named

    @named.setter
    def named(self, named: Collection[str]) -> None:
        self._roster.named = named

    def read(
        self,
        space: str,
        kin: str,
        pieces: Sequence[Piece],
        now: float,
        *,
        closely: bool = True,
        marking: bool = True,
    ) -> Reading:
        """Find or found the stream of a request, and learn from it.

        ``closely``: whether it is also measured. ``marking``: whether marks may be set in requests like it. Only for
        those it counts how long they are and when they come; and which conversation goes on counts only for values.
        """
        self._refresh(space, now)
        text = SEAM.join([p.text for p in pieces if p.tier == "system"])
        stream, values, learned, room = self._find(space, kin, text, now)
        chain = chain_of(space, kin, pieces) if marking or stream.slots else []
        before = self._talks.before(chain)
        changed = stream.note(values, before.turn.marks if before is not None and before.sure else None)
        self._talks.note(chain, Turn(stream.last, now))
        if closely:
            found = measure(self._seen, (space, stream.id), _elements(stream, values, pieces))
        else:
            total = len(text) + sum([len(p.text) for p in pieces if p.tier != "system"]) if marking else 0
            found = unmeasured(total, len(values))
        if marking:
            stream.arrived(now, None if before is None else max(0.0, now - before.turn.at))
        if room and (learned or stream.requests & (stream.requests - 1) == 0):
            self.save(space, stream)
        return Reading(stream, text, values, changed, found, learned)

    def has_named(self, space: str, kin: str, now: float) -> bool:
        """Whether a request of this kin may be of a stream that the user has named."""
        self._refresh(space, now)
        return any(stream.id in self.named for stream in self._roster.of(space, kin))

    def save(self, space: str, stream: Stream) -> None:
        """So that it outlives this process, and others learn of it."""
        data = stream.dump()
        stream.noted = hash(data)
        self._notes.put(space, "stream", stream.id.encode(), data)

    def _find(self, space: str, kin: str, text: str, now: float) -> tuple[Stream, tuple[str, ...], bool, bool]:
        """The stream of a text, what was read of it, whether that taught something new, and whether there was room for
        it: where each text is new, none of them is worth a note before it has come again."""
        streams = self._roster.of(space, kin)
        for stream in streams:
            values = stream.read(text)
            if values is not None:
                return stream, values, False, True
        lines = frozenset(text.splitlines())
        alike = [(common(stream.template, text, lines), stream) for stream in streams]
        for share, stream in sorted(alike, key=lambda both: -both[0]):
            if share >= ALIKE and stream.widen(text):
                values = stream.read(text)
                assert values is not None
                return stream, values, True, True
        stream = Stream(_digest(kin, text), kin, Template.of(text))
        return stream, (), True, self._roster.add(space, stream, now, founded=True)

    def _refresh(self, space: str, now: float) -> None:
        """What other processes know, or this one knew before it was started again."""
        for gone in self._roster.enter(space):
            self._refreshed.pop(gone, None)
            self._looked.pop(gone, None)
        if abs(now - self._refreshed.get(space, -FRESH)) < FRESH:
            return
        self._refreshed[space] = now
        known = {stream.id.encode(): stream for stream in self._roster.all(space)}
        looked = self._looked.get(space, {})
        self._looked[space] = hashes = {}
        for name, data in self._notes.all(space, "stream").items():
            hashes[name] = hash(data)
            mine = known.get(name)
            if hashes[name] not in (looked.get(name), mine.noted if mine is not None else None):
                self._adopt(space, mine, name, data, now)

    def _adopt(self, space: str, known: Stream | None, name: bytes, data: bytes, now: float) -> None:
        """Take over a stream that another process knows better. ``known``: what this one knows of it."""
        other = Stream.load(name, data)
        if other is not None and (known is None or known.version < other.version):
            other.noted = hash(data)
            self._roster.add(space, other, now, replaces=known, founded=False)


def kin_of(dialect: str, model: str, tools: Iterable[str]) -> str:
    """Of requests with the same model and tools of the same names, in any order: the dialect, and a digest of all."""
    return f"{dialect} {_digest(dialect, model, *sorted(tools))}"


def _elements(stream: Stream, values: tuple[str, ...], pieces: Sequence[Piece]) -> Iterator[Element]:
    for piece in pieces:
        if piece.tier == "tools":
            yield Element(piece.text)
    for i, literal in enumerate(stream.template.literals):
        yield Element(literal)
        if i < len(values):
            yield Element(values[i], stream.slots[i])
    for piece in pieces:
        if piece.tier == "messages":
            yield Element(piece.text)


def _digest(*parts: str) -> str:
    state = blake2b(digest_size=8)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        state.update(b"%d:%b" % (len(data), data))
    return state.hexdigest()

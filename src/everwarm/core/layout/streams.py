"""Which stream a request belongs to, learned from those that passed: in bounded memory, shared through notes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from everwarm.core.layout.chains import Element, Measure, Seen, measure, unmeasured
from everwarm.core.layout.notes import Notes
from everwarm.core.layout.piece import Piece
from everwarm.core.layout.stream import Stream
from everwarm.core.layout.talks import Talks, Turn, chain_of
from everwarm.core.layout.template import Template, common

SEAM: Final = "\n\0\n"
"""Between the parts of a system prompt. A value that holds it is no text of one part."""

ALIKE: Final = 0.5
"""Of a stream's fixed text: what a text must share to be of the stream."""

KIN: Final = 8
SPACES: Final = 1_000
"""Bounds: streams with the same tools and model, beside those that a user has named; namespaces."""

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
        self.named: Collection[str] = ()  # ids that a user has named: kept, whatever others there are, and tried first
        self._notes = notes
        self._spaces: OrderedDict[str, dict[str, list[Stream]]] = OrderedDict()  # namespace -> kin -> streams
        self._refreshed: dict[str, float] = {}
        self._talks = Talks()
        self._seen = Seen()

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
        stream, values, learned = self._find(space, kin, text)
        chain = chain_of(space, kin, pieces) if marking or stream.slots else []
        before = self._talks.before(chain)
        changed = stream.note(values, before.turn.marks if before is not None and before.sure else None)
        self._talks.note(chain, Turn(stream.last, now))
        if closely:
            found = measure(self._seen, (space, stream.id), _elements(stream, values, pieces))
        else:
            total = len(text) + sum([len(p.text) for p in pieces if p.tier != "system"]) if marking else 0
            found = unmeasured(total, len(values))
        if learned or stream.requests & (stream.requests - 1) == 0:
            self.save(space, stream)
        if marking:
            stream.arrived(now, None if before is None else max(0.0, now - before.turn.at))
        return Reading(stream, text, values, changed, found, learned)

    def has_named(self, space: str, kin: str, now: float) -> bool:
        """Whether a request of this kin may be of a stream that the user has named."""
        self._refresh(space, now)
        return any(stream.id in self.named for stream in self._spaces[space].get(kin, ()))

    def save(self, space: str, stream: Stream) -> None:
        """So that it outlives this process, and others learn of it."""
        data = stream.dump()
        stream.noted = hash(data)
        self._notes.put(space, "stream", stream.id.encode(), data)

    def _find(self, space: str, kin: str, text: str) -> tuple[Stream, tuple[str, ...], bool]:
        streams = self._spaces[space].setdefault(kin, [])
        for stream in sorted(streams, key=lambda s: s.id not in self.named) if self.named else streams:
            values = stream.read(text)
            if values is not None:
                return stream, values, False
        return self._learn(streams, kin, text)

    def _learn(self, streams: list[Stream], kin: str, text: str) -> tuple[Stream, tuple[str, ...], bool]:
        """A text that no stream reads: the one that is most like it learns to, else it founds one."""
        alike = [(common(stream.template, text), stream) for stream in streams]
        for share, stream in sorted(alike, key=lambda both: -both[0]):
            if share >= ALIKE and stream.widen(text):
                values = stream.read(text)
                assert values is not None
                return stream, values, True
        stream = Stream(_digest(kin, text), kin, Template.of(text))
        streams.append(stream)
        streams.sort(key=lambda s: s.id)  # so that every process tries them in the same order
        spare = [s for s in streams if s.id not in self.named]
        if len(spare) > KIN:
            streams.remove(min((s for s in spare if s is not stream), key=lambda s: s.requests))
        return stream, (), True

    def _refresh(self, space: str, now: float) -> None:
        """What other processes know, or this one knew before it was started again."""
        kins = self._spaces.setdefault(space, {})
        self._spaces.move_to_end(space)
        if abs(now - self._refreshed.get(space, -FRESH)) < FRESH:
            return
        self._refreshed[space] = now
        known = {stream.id.encode(): stream for streams in kins.values() for stream in streams}
        for name, data in self._notes.all(space, "stream").items():
            _adopt(kins, known.get(name), name, data, self.named)
        while len(self._spaces) > SPACES:
            self._refreshed.pop(self._spaces.popitem(last=False)[0], None)


def _adopt(
    kins: dict[str, list[Stream]], known: Stream | None, name: bytes, data: bytes, named: Collection[str]
) -> None:
    """Take over a stream that another process knows better. ``known``: what this one knows of it."""
    if known is not None and known.noted == hash(data):
        return  # as it was noted here, or looked at before
    other = Stream.load(name, data)
    if known is not None:
        known.noted = hash(data)
    if other is None or (known is not None and known.version >= other.version):
        return
    other.noted = hash(data)
    streams = sorted((*(s for s in kins.get(other.kin, ()) if s is not known), other), key=lambda s: s.id)
    spare = [s for s in streams if s.id not in named][KIN:]
    kins[other.kin] = [s for s in streams if s not in spare]


def kin_of(dialect: str, model: str, tools: Iterable[str]) -> str:
    """Of requests with the same model and tools of the same names, in any order."""
    return _digest(dialect, model, *sorted(tools))


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

"""A stream: requests that belong together, and what their system prompts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

import orjson

from everwarm.core.arrivals import Arrivals
from everwarm.core.layout.slots import UNKNOWN, Slot, mark
from everwarm.core.layout.template import Template
from everwarm.core.layout.volatile import find, label

VERSION: Final = 2
"""Of a stream's note. Another one is not read: the stream is learned again."""

LEAST: Final = 40
"""Characters that the texts of a stream with slots have in common, at least."""

WORTH: Final = 200
"""Characters of fixed text behind a value that lasts as long as a conversation: with fewer, moving it gains nothing."""


@dataclass(slots=True)
class Stream:
    """``slots``: one for each slot of the template. ``version`` counts what other processes should know."""

    id: str  # 16 hexadecimal digits
    kin: str  # dialect, model and tool set, see ``kin_of``: streams of one kin look for their texts in turn
    template: Template
    slots: list[Slot] = field(default_factory=list)
    last: tuple[int, ...] = ()  # marks of the values of the request before
    requests: int = 0
    version: int = 0
    arrivals: tuple[Arrivals, Arrivals] = (Arrivals(), Arrivals())  # of all its requests; within conversations
    asked: float | None = None  # seconds since 1970
    noted: int = 0  # hash of the note that was last written or read

    @property
    def dialect(self) -> str:
        """In which its requests come."""
        return self.kin.partition(" ")[0]

    def read(self, text: str) -> tuple[str, ...] | None:
        """The values of the slots; None if this system text is not of this stream."""
        values = self.template.read(text)
        if values and sum(map(len, self.template.literals)) < LEAST:
            return None
        return values

    def widen(self, text: str) -> bool:
        """Learn to read this text, too; whether that was possible without losing what the stream is."""
        before = sum(map(len, self.template.literals))
        wider = self.template.widen(text)
        if wider is None:
            return False
        after = sum(map(len, wider.literals))
        if after < LEAST or 2 * after < before:
            return False
        values = wider.read(text)
        assert values is not None
        self._refit(wider, text, values)
        return True

    def _refit(self, wider: Template, text: str, values: Sequence[str]) -> None:
        """Slots for the wider template: each inherits from those whose fixed surroundings it has swallowed.

        No two have one name. Names of values that are moved stay: they stand in what was sent.
        """
        ancestors = [[self.slots[i] for i in place] for place in _reach(wider, self.template)]
        names = {slot.name for slot in self.slots if slot.moved}
        slots: list[Slot] = []
        for (start, end), theirs in zip(spans(wider, values), ancestors, strict=True):
            kind = kind_of(text, start, end)
            moved = [slot.name for slot in theirs if slot.moved]
            called = label(text, start, end) or kind.removeprefix("a ").removeprefix("an ")
            slots.append(Slot(moved[-1] if moved else _free(called, names), kind))
            slots[-1].inherit(theirs)
        self.template, self.slots, self.last = wider, slots, ()
        self.version += 1

    def note(self, values: Sequence[str], before: tuple[int, ...] | None) -> tuple[bool, ...]:
        """A request was read. ``before``: marks of the one before it in its conversation, if there is one.

        Returns which values differ from those of the request they were compared with.
        """
        marks = tuple(map(mark, values))
        same_talk = before is not None and len(before) == len(marks)
        known = before if same_talk else self.last if len(self.last) == len(marks) else None
        for i, slot in enumerate(self.slots):
            slot.note(marks[i], known[i] if known is not None else None, same_talk)
        self.last = marks
        self.requests += 1
        return tuple(known is None or known[i] != m for i, m in enumerate(marks))

    def arrived(self, now: float, gap: float | None) -> None:
        """A request came. ``gap``: seconds since the one before in its conversation; None: it begins one, so that
        there was nothing to read."""
        stream, talk = self.arrivals
        if self.asked is not None:
            stream = stream.note(max(0.0, now - self.asked))
        self.arrivals, self.asked = (stream, talk.note(inf if gap is None else gap)), now

    def dump(self) -> bytes:
        """For a note."""
        slots = [slot.dump() for slot in self.slots]
        template = self.template.dump().decode()
        head = {"format": VERSION, "kin": self.kin, "version": self.version, "requests": self.requests}
        gaps = [arrivals.dump() for arrivals in self.arrivals]
        return orjson.dumps({**head, "template": template, "slots": slots, "gaps": gaps})

    @classmethod
    def load(cls, name: bytes, data: bytes) -> Stream | None:
        """From a note; None if it is of another format, or damaged."""
        try:
            value = orjson.loads(data)
            if value["format"] != VERSION:
                return None
            template = Template.load(value["template"].encode())
            slots = [Slot.load(s) for s in value["slots"]]
            stream = cls(name.decode(), str(value["kin"]), template, slots)
            stream.requests, stream.version = int(value["requests"]), int(value["version"])
            of_all, of_talks = value["gaps"]
            stream.arrivals = Arrivals.load(of_all), Arrivals.load(of_talks)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return stream if len(slots) == len(template.literals) - 1 else None


def spans(template: Template, values: Sequence[str]) -> list[tuple[int, int]]:
    """Where the values stand in the text that they are read from."""
    at, found = 0, []
    for literal, value in zip(template.literals, values, strict=False):
        start = at + len(literal)
        at = start + len(value)
        found.append((start, at))
    return found


def _free(name: str, names: set[str]) -> str:
    """The name, or with a number behind it one that is not among ``names``, where it is from now on."""
    number, free = 1, name
    while free in names:
        number += 1
        free = f"{name} {number}"
    names.add(free)
    return free


def kind_of(text: str, start: int, end: int) -> str:
    """What stands there, by the recognised span that covers the most of it."""
    best, kind = 0, UNKNOWN
    for span in find(text):
        covered = min(end, span.end) - max(start, span.start)
        if covered > best:
            best, kind = covered, span.kind
    return kind if 2 * best >= end - start else UNKNOWN


def _reach(wider: Template, narrower: Template) -> list[list[int]]:
    """For each slot of the wider template, the slots of the narrower one that lie in it."""
    sample = narrower.join([f"\0{i}\0" for i in range(len(narrower.literals) - 1)])
    values = wider.read(sample)
    assert values is not None  # it reads whatever the narrower one reads: its literals are stretches of that one's
    return [[i for i in range(len(narrower.literals) - 1) if f"\0{i}\0" in value] for value in values]

"""What is known of a text without running the program that makes it: its literal stretches, and what comes between."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final, NamedTuple

SET: Final = "a set's order"
KEYS: Final = "keys in any order"
ENVIRONMENT: Final = "an environment variable"

_MOST: Final = 500  # bits of one text; a program that makes more is not understood further
_LONGEST: Final = 100_000  # literal characters of one bit; more are not counted


class Bit(NamedTuple):
    """A stretch of a text. Literal, or of a kind that changes, or neither: then nothing is known of it."""

    text: str = ""  # the literal characters
    kind: str = ""  # what changes; "" for a literal and for the unknown
    node: ast.expr | None = None  # the expression that it comes from
    hole: ast.FormattedValue | None = None  # where that stands in an f-string
    weak: bool = False  # only its name makes one think that it changes
    raw: bool = False  # a set that nobody has gone through yet: it may only be asked what is in it


Text = tuple[Bit, ...]


def joined(texts: Iterable[Text]) -> Text:
    """One behind the other."""
    bits: list[Bit] = []
    for bit in (bit for text in texts for bit in text):
        if bits and not (bit.kind or bits[-1].kind):
            bits[-1] = Bit((bits[-1].text + bit.text)[:_LONGEST])
        else:
            bits.append(bit)
    return tuple(bits[:_MOST])


def changing(text: Text) -> Text:
    """Only what changes: of a value that was computed from this text, not made of it."""
    return tuple(bit for bit in text if bit.kind)


def repeated(text: Text, times: int) -> Text:
    """So often, one behind the other. Of what changes, and of numbers, nothing is made that way."""
    if any(bit.kind or bit.text.isdigit() for bit in text):
        return changing(text)
    literals = "".join(bit.text for bit in text)
    return (Bit(literals * min(times, _LONGEST // max(1, len(literals)))),)


def ordered(text: Text) -> Text:
    """As it is once it has been sorted."""
    return tuple(bit for bit in text if bit.kind != SET)


def gone_through(text: Text) -> Text:
    """As a row that was made of it, or as part of a text: now the order counts."""
    return tuple(bit._replace(raw=False) if bit.raw else bit for bit in text)


def worst(texts: Iterable[Text]) -> Text:
    """Of several that it may be, the one with the most to say."""
    return max(texts, key=_weight, default=())


def in_hole(text: Text, hole: ast.FormattedValue) -> Text:
    """As it stands in an f-string."""
    return tuple(bit._replace(hole=bit.hole or hole, raw=False) if bit.kind else bit for bit in text)


def literal(text: Text) -> int:
    """How many literal characters there are."""
    return sum(len(bit.text) for bit in text)


def _weight(text: Text) -> tuple[int, int, int]:
    return sum(bool(bit.kind) and not bit.weak for bit in text), sum(bit.weak for bit in text), literal(text)

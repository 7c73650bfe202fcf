"""What the texts of one stream have in common: literals, with slots between them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from everwarm.core.layout.compare import compare
from everwarm.core.layout.tidy import tidy

_FEW: Final = 5
"""Too little is in common if it is less than a fifth of the shorter one of both ..."""

_MANY: Final = 400
"""... and less than this many characters."""


@dataclass(frozen=True, slots=True)
class Template:
    """``n + 1`` literals around ``n`` slots. The first literal and the last one may be empty, no other."""

    literals: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Template:
        """The template of this one text, without a slot."""
        return cls((text,))

    def read(self, text: str) -> tuple[str, ...] | None:
        """The values of the slots in ``text``, each the shortest that is possible; ``None`` if it is not of this form.

        ``join`` of what is read is ``text``, always.
        """
        first, *inner = self.literals
        if not inner:
            return () if text == first else None
        last = inner.pop()
        if not text.startswith(first):
            return None
        values = []
        at = len(first)
        for literal in inner:
            found = text.find(literal, at)
            if found < 0:
                return None
            values.append(text[at:found])
            at = found + len(literal)
        end = len(text) - len(last)
        if end < at or not text.endswith(last):
            return None
        values.append(text[at:end])
        return tuple(values)

    def join(self, values: Sequence[str]) -> str:
        """The text in which the slots have these ``values``, one for each slot."""
        first, *others = self.literals
        return first + "".join(part for pair in zip(values, others, strict=True) for part in pair)

    def widen(self, text: str) -> Template | None:
        """A template that reads ``text`` and all that this one reads; ``None`` if they have too little in common.

        Its literals are stretches of the literals of this one. Itself, if it reads ``text`` already.
        """
        if self.read(text) is not None:
            return self
        literals = tidy(compare(self.literals, text))
        shared, shorter = sum(map(len, literals)), min(sum(map(len, self.literals)), len(text))
        return None if shared * _FEW < shorter and shared < _MANY else Template(literals)

    def dump(self) -> bytes:
        """As it is kept in a note."""
        return orjson.dumps(self.literals)

    @classmethod
    def load(cls, data: bytes) -> Template:
        """What ``dump`` gave. Raises ``ValueError`` if it is none."""
        literals = orjson.loads(data)
        if not isinstance(literals, list) or not all(isinstance(literal, str) for literal in literals):
            raise ValueError("a template is a list of strings")
        if not literals or not all(literals[1:-1]):
            raise ValueError("a template has a literal, and none that is empty between two slots")
        return cls(tuple(literals))


def common(template: Template, text: str, lines: Collection[str] | None = None) -> float:
    """0 to 1: how much of the literals' characters stands in ``text`` too, by lines, in whatever order.

    The part of a line beside a slot is looked for anywhere. ``lines``: those of ``text``, if they are known.
    """
    lines = set(text.splitlines()) if lines is None else lines
    total = shared = 0
    for number, literal in enumerate(template.literals):
        pieces = literal.splitlines()
        for place, piece in enumerate(pieces):
            beside = (number > 0 and place == 0) or (number < len(template.literals) - 1 and place == len(pieces) - 1)
            total += len(piece)
            shared += len(piece) * (piece in lines or (beside and piece in text))
    return shared / total if total else float(not text)

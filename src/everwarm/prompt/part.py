"""The parts of a prompt, and what a part that never changes must not hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.span import KINDS, Span
from everwarm.core.layout.volatile import find
from everwarm.errors import PromptError
from everwarm.prompt.plain import text_of

_SHOWN = 40  # characters of a text that a message repeats
_NAME = re.compile(r'[^"<>\n\r]{1,80}')
_BLOCK = Wishes().block


class Part(NamedTuple):
    """A stretch of text with one stability."""

    text: str
    name: str = ""

    @property
    def block(self) -> str:
        """As it stands at the end of a turn."""
        return _BLOCK.format(name=self.name, value=self.text)


def part(where: str, text: str, name: str) -> Part:
    """``where`` names the method that was called. Raises ``PromptError`` for what is no text, or no name."""
    if name and not _NAME.fullmatch(text_of(name, f"{where} name")):
        raise PromptError(f'{where}: {name!r} is no name. It stands in <context name="...">: no quotes, <, > or lines.')
    return Part(text_of(text, where), name)


def added(parts: tuple[Part, ...], new: Part) -> tuple[Part, ...]:
    """With ``new``: in the place of the one of its name, else at the end. What is empty takes no place."""
    if new.name and any(old.name == new.name for old in parts):
        replaced = tuple(new if old.name == new.name else old for old in parts)
    else:
        replaced = (*parts, new)
    return tuple(p for p in replaced if p.text)


def joined(parts: Iterable[Part]) -> str:
    """The texts, an empty line between them."""
    return "\n\n".join(p.text for p in parts)


def refuse_volatile(where: str, text: str, allow: Iterable[str]) -> None:
    """Raises ``PromptError`` for the first stretch that changes by nature, unless its kind is among ``allow``."""
    allowed = {allow} if isinstance(allow, str) else set(allow)
    unknown = sorted(allowed - set(KINDS))
    if unknown:
        raise PromptError(f"{where}: allow holds {unknown[0]!r}, which is no kind. Kinds are {', '.join(KINDS)}.")
    for span in _volatile(text):
        if span.kind not in allowed:
            raise PromptError(_complaint(where, text, span))


@lru_cache(maxsize=128)
def _volatile(text: str) -> tuple[Span, ...]:
    """A prompt that is built anew for each request has the same static texts each time."""
    return find(text)


def _complaint(where: str, text: str, span: Span) -> str:
    found = text[span.start : span.end]
    shown = found if len(found) <= _SHOWN else found[:_SHOWN] + "..."
    behind = len(text) - span.end
    lost = f"the {behind:,} characters behind it and all that follows are" if behind else "all that follows is"
    return (
        f"{where}: characters {span.start}-{span.end} are {span.kind}: {shown!r}. If that changes, {lost} never found"
        ' in a cache: move it to .dynamic(..., name="..."), or to .session(...) if it stays within a conversation.'
        f' If it never changes, say so: allow=("{span.kind}",).'
    )

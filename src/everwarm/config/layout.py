"""``[layout]``: what the layout engine may do to requests that go to a model, and in which words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from everwarm.config.kinds import Choice, Kind, Switch, Text, Whole, Wrong
from everwarm.config.names import Listed
from everwarm.config.setting import setting
from everwarm.core.layout.finding import Mode, Wishes

MODES: tuple[Mode, ...] = ("off", "advise", "rewrite")
"""From the one that changes least to the one that changes most."""

MODE = cast(Kind[Mode], Choice(*MODES))
_PLAIN = Wishes()


class Wording(Text):
    """A text in which each of some names stands once, in braces; no other braces are in it."""

    def __init__(self, *names: str) -> None:
        self.places = [f"{{{name}}}" for name in names]
        super().__init__(f"a text in which {' and '.join(self.places)} stand{'s' * (len(names) == 1)} once")

    def of_text(self, text: str) -> str:
        """Lines may break in it; it is printable otherwise, with no space around it."""
        rest = text
        for place in self.places:
            if text.count(place) != 1:
                raise Wrong(f"found {text.count(place) or 'no'} {place}; allowed is {self.allowed}.")
            rest = rest.replace(place, "")
        if "{" in rest or "}" in rest:
            raise Wrong(f"found a brace that belongs to no name; allowed is {self.allowed}, and no other braces.")
        if text != text.strip() or not rest.replace("\n", "").isprintable():
            raise Wrong
        return text


class Expression(Text):
    """A regular expression, as Python's ``re`` reads it."""

    def __init__(self) -> None:
        super().__init__("a regular expression")

    def of_text(self, text: str) -> str:
        try:
            empty = re.compile(text).match("") is not None
        except (re.error, OverflowError, RecursionError) as error:
            raise Wrong(f"found what is no regular expression ({error}).") from None
        if empty:
            raise Wrong("found a regular expression that fits an empty text, so it would keep everything as it is.")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    mode: Literal["off", "advise", "rewrite"] = setting(
        "advise",
        MODE,
        "what keeps prompts out of a provider's cache: off looks for nothing, advise tells it, rewrite repairs it",
        flag="--layout",
    )
    reference: str = setting(
        _PLAIN.reference, Wording("name"), "what stands where a value was that rewrite has moved to the end of the turn"
    )
    block: str = setting(_PLAIN.block, Wording("name", "value"), "what holds such a value there")
    keep: tuple[str, ...] = setting(
        (), Listed(Expression()), "text in which one of these is found is never moved; commas only in the file"
    )
    breakpoints: bool = setting(
        _PLAIN.breakpoints, Switch(), "whether rewrite also marks what the provider is to cache, where nobody else has"
    )
    notes_mb: int = setting(32, Whole(1, 65_536), "what it remembers of prompts on disk, at most, in MiB")
    streams: Mapping[str, Mode] = field(default_factory=dict)  # those that have a mode of their own, by id

    def wishes(self, mode: Mode) -> Wishes:
        """What may be done to a request in this mode, whatever its stream."""
        return Wishes(mode, self.reference, self.block, self.keep, self.breakpoints)

"""What should be the same in all prompts of one name, and was not."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from typing import Final

from everwarm.core.common_prefix import common_prefix

_MOST: Final = 256
"""Names that are remembered; of more, those used least recently are forgotten."""

_SHOWN = 30  # characters of a text that a message repeats


class PromptWarning(UserWarning):
    """A prompt's static part changed, so that what a provider had cached of it is of no use."""


_ADVICE: Final = {
    "tools": "List the same ones in the same order each time",
    "static text": 'What changes belongs into .session(...) or .dynamic(..., name="...")',
}


class Drift:
    """What the prompts of one process looked like when they were rendered last, by name."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._told: set[str] = set()

    def note(self, name: str, tools: str, static: str) -> str:
        """Remember them; in words what is not as it was, "" if nothing."""
        before = self._seen.get(name)
        self._seen[name] = tools, static
        self._seen.move_to_end(name)
        if len(self._seen) > _MOST:
            self._told.discard(self._seen.popitem(last=False)[0])
        if before is None or before == (tools, static):
            return ""
        what, old, new = ("tools", before[0], tools) if before[0] != tools else ("static text", before[1], static)
        return _difference(name, what, old, new)

    def tell(self, name: str, complaint: str, depth: int) -> None:
        """Warn, once for each name: a clock would say something new at every request. ``depth``: of the caller's
        frame, as ``warnings.warn`` counts from here."""
        if name not in self._told:
            self._told.add(name)
            warnings.warn(complaint, PromptWarning, stacklevel=depth)


def _difference(name: str, what: str, old: str, new: str) -> str:
    at = common_prefix(old, new)
    return (
        f"The {what} of the prompt {name!r} changed between two renderings: from character {at:,} on it was"
        f" {_cut(old, at)} and is {_cut(new, at)}. {_ADVICE[what]}; prompts that differ on purpose need names of"
        " their own."
    )


def _cut(text: str, at: int) -> str:
    rest = text[at:]
    return repr(rest if len(rest) <= _SHOWN else rest[:_SHOWN] + "...") if rest else "at its end"

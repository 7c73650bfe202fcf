"""Names for what belongs together: calls that share their tools and system prompt, or would, but for what changed."""

from __future__ import annotations

from typing import Final

from everwarm.core.analysis.call import Call
from everwarm.core.analysis.loss import Account
from everwarm.core.analysis.prompts import Prompts

_SHOWN: Final = 40
"""Characters of the text that a name has."""

MOST: Final = 1_000
"""Streams that have names of their own; of those without a system prompt, and of the others."""

_UNKNOWN: Final = "prompts that are not known"
_OTHERS: Final = "others"
_ALONE: Final = "others without a system prompt"


class Streams:
    """Gives each call the name of its stream; calls come in order, as their accounts number them."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._names: list[str] = []
        self._count: dict[str, int] = {}  # by how they begin
        self._counts = {_OTHERS: 0, _ALONE: 0}  # of those that have names, by what is said of the others

    def name(self, call: Call, account: Account) -> str:
        """That of the call which it continues, or a new one: "the system prompt's first words"."""
        name = self._names[account.after] if 0 <= account.after < len(self._names) else self._new(call)
        self._names.append(name)
        return name

    def _new(self, call: Call) -> str:
        row = self._prompts.row(call.prompt)
        if not row:
            return _UNKNOWN
        head = next((block for block in row if block.tier == "system"), row[0])
        others = _ALONE if head.tier == "messages" else _OTHERS
        self._counts[others] += 1
        if self._counts[others] > MOST:  # as of questions that are asked once
            return others
        # of a long text no more words are parted than can be shown
        words = head.said.split(maxsplit=_SHOWN)[:_SHOWN]
        text = " ".join(words)[:_SHOWN]
        self._count[text] = self._count.get(text, 0) + 1
        return text if self._count[text] == 1 else f"{text} ({self._count[text]})"

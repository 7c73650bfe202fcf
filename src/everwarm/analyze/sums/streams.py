"""Names for what belongs together: calls that share their tools and system prompt, or would, but for what changed."""

from __future__ import annotations

from typing import Final

from everwarm.core.analysis.call import Call
from everwarm.core.analysis.loss import Account
from everwarm.core.analysis.prompts import Prompts

_SHOWN: Final = 40
"""Characters of the text that a name has."""


class Streams:
    """Gives each call the name of its stream; calls come in order, as their accounts number them."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._names: list[str] = []
        self._count: dict[str, int] = {}

    def name(self, call: Call, account: Account) -> str:
        """That of the call which it continues, or a new one: "the system prompt's first words"."""
        name = self._names[account.after] if 0 <= account.after < len(self._names) else self._new(call)
        self._names.append(name)
        return name

    def _new(self, call: Call) -> str:
        row = self._prompts.row(call.prompt)
        head = next((block for block in row if block.tier == "system"), row[0] if row else None)
        # of a long text no more words are parted than can be shown
        words = (head.said if head else "prompts that are not known").split(maxsplit=_SHOWN)[:_SHOWN]
        text = " ".join(words)[:_SHOWN]
        self._count[text] = self._count.get(text, 0) + 1
        return text if self._count[text] == 1 else f"{text} ({self._count[text]})"

"""Where the tokens of a prompt went: read from the cache, new, or lost, and to what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from everwarm.core.layout.piece import Tier

Cause = Literal[
    "cold",
    "new",
    "untold",
    "model_changed",
    "tools_changed",
    "system_changed",
    "messages_changed",
    "settings_changed",
    "expired",
    "parallel",
    "minimum",
    "unmarked",
    "lookback",
    "step",
    "replica",
    "evicted",
]
"""In the order of the waterfall. The vendors' reason words where they have them."""

CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)

UNAVOIDABLE: Final = ("cold", "new", "untold")
"""No loss: text that nobody had sent before. ``cold``: the whole prompt of a call that nothing like it preceded. Nor is
it known to be one where a log has counts and no prompts: ``untold``."""

WORDS: Final[dict[Cause, str]] = {
    "cold": "first of its kind",
    "new": "new text",
    "untold": "the log has no prompt",
    "model_changed": "another model",
    "tools_changed": "tools changed",
    "system_changed": "system prompt changed",
    "messages_changed": "earlier messages changed",
    "settings_changed": "a setting changed",
    "expired": "lifetime over (TTL)",
    "parallel": "sent before the first answer began",
    "minimum": "under the provider's minimum",
    "unmarked": "no breakpoint there",
    "lookback": "more blocks than a breakpoint looks back",
    "step": "rounded down to the provider's step",
    "replica": "another replica",
    "evicted": "let go by the provider",
}


class Change(NamedTuple):
    """The first thing that is not as it was, between a prompt and the one that it should have continued."""

    tier: Tier
    what: str  # "a clock", "tools in another order", "history compacted" ...
    path: str  # in the body: "messages[0].content", "tools[3]"
    start: int  # in characters of what stands at the path
    end: int
    was: str  # at most ``SHOWN`` characters; "" if it was not there
    became: str


SHOWN: Final = 120
"""Characters of a value that are kept to be shown."""


@dataclass(slots=True)
class Loss:
    """Some tokens of a call that were not read. ``evidence``: what speaks for the cause, in words."""

    cause: Cause
    tokens: int
    tier: Tier  # in which they begin
    change: Change | None = None  # of the causes that end in "changed"
    evidence: str = ""
    pair: int = -1  # the number of the earlier call that has these tokens, in the order of time; -1: none


@dataclass(slots=True)
class Account:
    """All tokens of one call's prompt: ``read`` and those of ``losses`` add up to ``total``, exactly."""

    total: int
    read: int  # reported by the provider; where it says nothing, what its rules give
    losses: tuple[Loss, ...]  # with what is new
    ideal: int = 0  # what an unlimited cache would have had
    rules: int = 0  # what the provider's rules would give for the prompt as it was sent
    written: int = 0
    written_long: int = 0  # of ``written`` what is for a longer lifetime
    near: bool = False  # whether an earlier call with the same settings asked nearly the same, see ``compare.nearly``
    after: int = -1  # the number of the call that it continues, or that its system prompt and tools are from; -1: none

    @property
    def lost(self) -> int:
        """Tokens that were lost: without what is new."""
        lost = 0
        for loss in self.losses:
            if loss.cause not in UNAVOIDABLE:
                lost += loss.tokens
        return lost

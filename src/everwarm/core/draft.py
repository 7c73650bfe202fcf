"""Drafts by look-up: guesses of what a model says next, for lossless speculative decoding.

An answer often repeats what is known already: the file that it edits, the document that it quotes, itself. So what
followed the last few tokens before is a good guess of what follows them now, and costs nothing. The model verifies a
whole draft in one step; what it would not have said itself is thrown away, so the answer is the same with any draft.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from everwarm.core.lookup import Lookup
from everwarm.core.trust import MEASURED, Costs, Trust

LEAST: Final = 3
"""Tokens that must agree before something is looked up."""

LONG: Final = 8
"""Tokens: an agreement of so many is trusted apart from a shorter one, for it is right far more often."""

Known = Callable[[Sequence[int]], Sequence[int]]
"""What is known from elsewhere to have followed these tokens: prompt and answer so far. Not to be changed or kept."""


class Drafter:
    """Drafts for one choice of one answer.

    Three sources are asked in turn, and the first that knows something and has earned trust makes the draft:

    1. ``prediction``, tokens that the client expects as the answer. It is followed as long as the answer does. Where
       the answer leaves it, the place where both meet again is looked up: that with the longest agreement, of equal
       ones the nearest ahead of where the answer left, else the nearest before.
    2. The prompt and the answer so far: the place with the longest agreement, of equal ones the most recent.
    3. ``also``, what somebody else knows.

    An agreement has at least ``least`` tokens. ``costs`` says what a step costs by its rows (``trust``).
    """

    def __init__(
        self,
        prompt: Sequence[int],
        prediction: Sequence[int] = (),
        *,
        least: int = LEAST,
        costs: Costs = MEASURED,
        also: Known | None = None,
    ) -> None:
        self._said = Lookup(least, prompt)
        self._prediction = Lookup(least, prediction)
        self._at: int | None = 0  # place in the prediction of the token that should be next; None: they have parted
        self._left = 0  # the last such place that the answer has confirmed
        self._costs = costs
        self._also = also
        self._predicted, self._long, self._short, self._known = Trust(0.9), Trust(0.8), Trust(0.5), Trust(0.5)
        self._asked: Trust | None = None  # whose the last draft was

    def extend(self, tokens: Sequence[int]) -> None:
        """These were decoded: drafted or not, the model said them."""
        for token in tokens:
            self._said.add(token)
            self._follow(token)

    def propose(self, limit: int, beside: int = 0) -> list[int]:
        """At most ``limit`` tokens that may come next; none where nothing is known, or drafting does not pay.

        To be called once before each step. ``beside``: rows of other sequences in the same step.
        """
        self._asked = None
        return self._predict(limit, beside) or self._recall(limit, beside) or self._ask(limit, beside)

    def judge(self, proposed: int, accepted: int) -> None:
        """Of the last draft, ``proposed`` tokens were verified and the first ``accepted`` of them were right.

        ``proposed`` may be less than what ``propose`` gave, and 0 if it was not used.
        """
        if self._asked is not None and proposed:
            self._asked.judge(proposed, accepted)

    def _follow(self, token: int) -> None:
        at, tokens = self._at, self._prediction.tokens
        if at is not None and at < len(tokens) and tokens[at] == token:
            self._at = self._left = at + 1
        else:
            self._at = None

    def _predict(self, limit: int, beside: int) -> list[int]:
        tokens = self._prediction.tokens
        if self._at is None:
            self._at = self._meet()
        if self._at is None or self._at == len(tokens):
            return []
        return tokens[self._at :][: self._length(self._predicted, limit, beside)]

    def _meet(self) -> int | None:
        """Where the answer has come to in the prediction; None if they have nothing in common just now."""
        left = self._left
        found = self._prediction.places(self._said.tokens)
        best = max(found, key=lambda f: (f[1], f[0] >= left, -abs(f[0] - left)), default=None)
        return best[0] if best else None

    def _recall(self, limit: int, beside: int) -> list[int]:
        best = max(
            self._said.places(self._said.tokens), key=lambda found: found[1], default=None
        )  # the first of equals
        if best is None:
            return []
        trust = self._long if best[1] >= LONG else self._short
        return self._said.copy(best[0], self._length(trust, limit, beside))

    def _ask(self, limit: int, beside: int) -> list[int]:
        known = self._also(self._said.tokens) if self._also is not None else ()
        return list(known[: self._length(self._known, limit, beside)]) if known else []

    def _length(self, trust: Trust, limit: int, beside: int) -> int:
        length = trust.length(limit, self._costs, beside)
        if length:
            self._asked = trust
        return length

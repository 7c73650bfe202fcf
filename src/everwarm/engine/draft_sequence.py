"""How far the draft model has read one sequence."""

from __future__ import annotations

from itertools import takewhile

from everwarm.engine.answer import Sequence
from everwarm.engine.lease import Lease
from everwarm.engine.model import Span


class DraftSequence:
    """Its part of the draft model's KV: that of what was said, and behind it that of guesses which may come true."""

    def __init__(self, sequence: Sequence, lease: Lease) -> None:
        """``lease``: over the sequence's own list of tokens, which grows."""
        self.sequence = sequence
        self.lease = lease
        self.guesses: list[int] = []  # what may follow what was read; of all but the last one there is KV

    def settle(self) -> None:
        """More was said. Keep the KV of guesses that came true; the last token is read again in any case."""
        said = self.lease.tokens[self.lease.computed : -1]
        pairs = zip(said, self.guesses[:-1], strict=False)
        self.lease.advance(sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)))
        self.guesses = []

    def next(self, count: int) -> Span:
        """The next ``count`` tokens that were said; what follows is asked for if these are all."""
        begin, end = self.lease.computed, self.lease.computed + count
        return self._span(self.lease.tokens[begin:end], begin, sampled=count == self.lease.pending)

    def behind(self) -> Span:
        """The last guess, after all others."""
        return self._span(self.guesses[-1:], self.lease.computed + len(self.guesses) - 1, sampled=True)

    def _span(self, tokens: list[int], past: int, *, sampled: bool) -> Span:
        end = past + len(tokens)
        self.lease.reach(end)
        return Span(
            tokens, past, self.lease.blocks[: -(-end // self.lease.block)], (len(tokens) - 1,) if sampled else ()
        )

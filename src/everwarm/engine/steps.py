"""What a step computes, in each of the two modes.

``ToTheToken`` (mode "fast"): all that decode, and beside them as much of the prompts as fits the time that a token of
the others may be late. Nothing but unseen tokens is computed. The shapes of steps differ from time to time, so the last
bits of the logits do, and at a near tie greedy decoding may take another word.

``ToTheBit`` (mode "exact"): steps of two shapes only. Prompts go alone, cut at multiples of ``CHUNK`` wherever reuse
ended; answers go together, in steps of exactly ``WIDTH`` rows of one token each, some of which may be padding. What a
row gives then depends neither on its place nor on the other rows (tried out when the engine starts), so greedy answers
are the same to the bit, cold or warm, alone or among others. Drafts take the place of padding.
"""

from __future__ import annotations

from collections.abc import Sequence as Row
from typing import NamedTuple, Protocol

from everwarm.engine.answer import Sequence
from everwarm.engine.cache import TO_THE_TOKEN, Reuse
from everwarm.engine.model import Span
from everwarm.engine.pool import SCRATCH

CHUNK = 128
"""Tokens of an exact prefill step, and the grain of exact reuse."""

WIDTH = 8
"""Rows of an exact decode step."""

ALONE = 512
"""Tokens of a prompt that are computed at once while nobody decodes; cancelling waits for no more than that."""

LATE = 0.15
"""Seconds that prompts may make a step of others longer."""

LEAST_BESIDE = 32
"""Tokens of prompts in a step beside decoding, however slow the machine: fewer cost nearly as much."""

FIRST_GUESS = 0.002
"""Seconds a token of a prompt, before it has been measured."""

PADDING = Span((0,), 0, (SCRATCH,), ())


class Part(NamedTuple):
    """What one sequence has in a step."""

    sequence: Sequence
    spans: list[Span]
    pending: int  # tokens of it that were pending
    drafts: Row[int]
    rows: int  # of logits that are its own


class Steps(Protocol):
    """A way to fill steps."""

    reuse: Reuse
    parallel: int  # sequences that can run at a time
    seconds_a_token: float  # that a prompt takes: learned

    def compose(self, running: Row[Sequence]) -> list[Part]:
        """The next step. ``running``: all sequences, whose prompt is more urgent first. Empty only if they are."""
        ...

    def padding(self, parts: Row[Part]) -> list[Span]:
        """What makes the step complete, behind ``parts``."""
        ...

    def took(self, parts: Row[Part], seconds: float) -> None:
        """That step took so long."""
        ...


class ToTheToken:
    """See above."""

    reuse = TO_THE_TOKEN

    def __init__(self, parallel: int) -> None:
        self.parallel = parallel
        self.seconds_a_token = FIRST_GUESS

    def compose(self, running: Row[Sequence]) -> list[Part]:
        decoding = [_decoding(sequence) for sequence in running if sequence.pending == 1]
        room = max(LEAST_BESIDE, int(LATE / self.seconds_a_token)) if decoding else ALONE
        parts = decoding
        for sequence in running:
            if sequence.pending > 1 and room > 0:
                part = _prefilling(sequence, min(sequence.pending, room))
                room -= part.pending
                parts.append(part)
        return parts

    def padding(self, parts: Row[Part]) -> list[Span]:
        return []

    def took(self, parts: Row[Part], seconds: float) -> None:
        if (tokens := _of_prompts_alone(parts)) >= ALONE // 2:
            self.seconds_a_token += (seconds / tokens - self.seconds_a_token) / 8


class ToTheBit:
    """See above."""

    reuse = Reuse(CHUNK, answers=False)
    parallel = WIDTH

    def __init__(self) -> None:
        self.seconds_a_token = FIRST_GUESS
        self._decoded = False  # in the last step: prompts and answers take turns

    def compose(self, running: Row[Sequence]) -> list[Part]:
        prompts = [sequence for sequence in running if sequence.pending > 1]
        answers = [sequence for sequence in running if sequence.pending == 1]
        self._decoded = bool(answers) and not (prompts and self._decoded)
        if self._decoded:
            return [_decoding(sequence) for sequence in answers]
        return [_prefilling(s, min(s.pending, CHUNK - s.lease.computed % CHUNK)) for s in prompts[:1]]

    def padding(self, parts: Row[Part]) -> list[Span]:
        return [PADDING] * (WIDTH - len(parts)) if self._decoded else []

    def took(self, parts: Row[Part], seconds: float) -> None:
        if (tokens := _of_prompts_alone(parts)) == CHUNK:
            self.seconds_a_token += (seconds / tokens - self.seconds_a_token) / 8


def _of_prompts_alone(parts: Row[Part]) -> int:
    """Tokens of a step, if all of them are of prompts."""
    return sum(part.pending for part in parts) if all(part.pending > 1 for part in parts) else 0


def _decoding(sequence: Sequence) -> Part:
    return _part(sequence, 1, last=True)


def _prefilling(sequence: Sequence, tokens: int) -> Part:
    return _part(sequence, tokens, last=tokens == sequence.pending)


def _part(sequence: Sequence, count: int, *, last: bool) -> Part:
    """The next ``count`` pending tokens. ``last``: none is pending behind them, so the next one is sampled."""
    lease = sequence.lease
    end = lease.computed + count
    lease.reach(end)
    size = -(-end // lease.block)
    span = Span(
        sequence.tokens[lease.computed : end], lease.computed, lease.blocks[:size], (count - 1,) if last else ()
    )
    return Part(sequence, [span], count, (), int(last))

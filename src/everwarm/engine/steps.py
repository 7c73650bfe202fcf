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

from everwarm.engine.answer import NO_DRAFT, Draft, Sequence
from everwarm.engine.cache import TO_THE_TOKEN, Reuse
from everwarm.engine.model import Span
from everwarm.engine.pool import SCRATCH
from everwarm.engine.proposer import Proposer, drafts_for

CHUNK = 128
"""Tokens of an exact prefill step, and the grain of exact reuse."""

WIDTH = 8
"""Rows of an exact decode step."""

ALONE = (64, 128, 256, 512)
"""Tokens of a prompt, of which one is computed at once while nobody decodes (``measure``)."""

LATE = 0.15
"""Seconds that prompts may make a step of others longer."""

LEAST_BESIDE = 32
"""Tokens of prompts in a step beside decoding, however slow the machine: fewer cost nearly as much."""

MOST_ROWS = 32
"""Rows of a fast decode step, of which drafts are what is not needed for one token each."""

PADDING = Span((0,), 0, (SCRATCH,), ())


class Part(NamedTuple):
    """What one sequence has in a step."""

    sequence: Sequence
    spans: list[Span]
    pending: int  # tokens of it that were pending
    draft: Draft
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

    def __init__(self, parallel: int, alone: int, seconds_a_token: float, proposer: Proposer) -> None:
        """``alone``: tokens of prompts in a step while nobody decodes; cancelling waits for no more than that."""
        self.parallel = parallel
        self.seconds_a_token = seconds_a_token
        self._alone = alone
        self._proposer = proposer

    def compose(self, running: Row[Sequence]) -> list[Part]:
        decoding = self._decoding([sequence for sequence in running if sequence.pending == 1])
        room = max(LEAST_BESIDE, int(LATE / self.seconds_a_token)) if decoding else self._alone
        parts = decoding
        for sequence in running:
            if sequence.pending > 1 and room > 0:
                part = _prefilling(sequence, min(sequence.pending, room))
                room -= part.pending
                parts.append(part)
        return parts

    def padding(self, parts: Row[Part]) -> list[Span]:
        return []

    def _decoding(self, sequences: Row[Sequence]) -> list[Part]:
        drafts = drafts_for(sequences, MOST_ROWS - len(sequences), self._proposer)
        return [_decoding(*both) for both in zip(sequences, drafts, strict=True)]

    def took(self, parts: Row[Part], seconds: float) -> None:
        if (tokens := _of_prompts_alone(parts)) >= self._alone // 2:
            self.seconds_a_token += (seconds / tokens - self.seconds_a_token) / 8


class ToTheBit:
    """See above."""

    reuse = Reuse(CHUNK, answers=False)
    parallel = WIDTH

    def __init__(self, seconds_a_token: float, proposer: Proposer) -> None:
        self.seconds_a_token = seconds_a_token
        self._proposer = proposer
        self._decoded = False  # in the last step: prompts and answers take turns

    def compose(self, running: Row[Sequence]) -> list[Part]:
        prompts = [sequence for sequence in running if sequence.pending > 1]
        answers = [sequence for sequence in running if sequence.pending == 1]
        self._decoded = bool(answers) and not (prompts and self._decoded)
        if self._decoded:
            return self._decoding(answers)
        return [_prefilling(s, min(s.pending, CHUNK - s.lease.computed % CHUNK)) for s in prompts[:1]]

    def padding(self, parts: Row[Part]) -> list[Span]:
        return [PADDING] * (WIDTH - sum(len(part.spans) for part in parts)) if self._decoded else []

    def _decoding(self, sequences: Row[Sequence]) -> list[Part]:
        """One row a sequence; drafts, each a row of its own that sees what stands in the rows before, fill up the rest.

        A step's KV is all written before any of it is read, in each layer. So to verify a draft is to take the very
        step that decoding takes, and costs nothing.
        """
        drafts = drafts_for(sequences, WIDTH - len(sequences), self._proposer)
        wide = [_decoding(*both) for both in zip(sequences, drafts, strict=True)]
        return [part._replace(spans=_rows(part.spans[0], part.sequence.lease.block)) for part in wide]

    def took(self, parts: Row[Part], seconds: float) -> None:
        if (tokens := _of_prompts_alone(parts)) == CHUNK:
            self.seconds_a_token += (seconds / tokens - self.seconds_a_token) / 8


def _of_prompts_alone(parts: Row[Part]) -> int:
    """Tokens of a step, if all of them are of prompts."""
    return sum(part.pending for part in parts) if all(part.pending > 1 for part in parts) else 0


def _rows(span: Span, block: int) -> list[Span]:
    """Each token of a span as a span of its own."""
    places = range(span.past, span.past + len(span.tokens))
    return [
        Span((token,), at, span.blocks[: at // block + 1], (0,)) for token, at in zip(span.tokens, places, strict=True)
    ]


def _prefilling(sequence: Sequence, tokens: int) -> Part:
    tokens = min(tokens, sequence.lease.gap)
    last = tokens == sequence.pending
    return Part(sequence, [_span(sequence, tokens, (), sampled=last)], tokens, NO_DRAFT, int(last))


def _decoding(sequence: Sequence, draft: Draft) -> Part:
    return Part(sequence, [_span(sequence, 1, draft.tokens, sampled=True)], 1, draft, 1 + len(draft.tokens))


def _span(sequence: Sequence, count: int, drafts: Row[int], *, sampled: bool) -> Span:
    """The next ``count`` pending tokens and ``drafts`` behind them. The last pending one and the drafts are sampled."""
    lease = sequence.lease
    past, end = lease.computed, lease.computed + count
    lease.reach(end + len(drafts))
    size = -(-(end + len(drafts)) // lease.block)
    places = range(count - 1, count + len(drafts)) if sampled else ()
    return Span([*sequence.tokens[past:end], *drafts], past, lease.blocks[:size], places)

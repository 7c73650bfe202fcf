"""A second, smaller model that guesses what the model says next; the model verifies the guesses in one step.

It has a KV pool and a prefix tree of its own, so what prompts share is computed once by it, too. Nothing of it goes to
disk, and what it says never decides what an answer is, only how soon it comes.

It is asked when drafting pays: by what became of its guesses in the same namespace, by what a guess costs beside a step
of the model, and only where the answer may become long enough to be worth the reading of the prompt.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Row
from functools import partial

import numpy as np

from everwarm.core.key import Namespace
from everwarm.core.pace import Pace
from everwarm.core.trust import Trust
from everwarm.engine.answer import Draft, Sequence
from everwarm.engine.cache import TO_THE_TOKEN, KvCache
from everwarm.engine.draft_sequence import DraftSequence
from everwarm.engine.model import Logits, PagedModel, Span
from everwarm.engine.proposer import Figure

HOPE = 0.6
"""Of a guess to be right, before any was judged."""

AT_ONCE = 128
"""Tokens that it reads in one step: meanwhile answers wait. A longer prompt is read beside several of their steps."""

WORTH = 32
"""Tokens that are read for each token which the answer may still have. Reading one takes about a twentieth of guessing
one; beyond this the reading takes what guesses can spare at best."""

MOST_TRUSTS = 256
"""Namespaces of which is known how well guesses did."""

_log = logging.getLogger("everwarm.engine")


class DraftModel:
    """A ``Proposer``. It is trusted in each namespace apart: nobody's speed tells of others' texts."""

    def __init__(self, model: PagedModel, context: int, vocabulary: int, pace: Pace, own: Pace) -> None:
        """``context``: tokens that it can read. ``vocabulary``: tokens that the model knows. ``pace``: of the model's
        steps; ``own``: of this one's."""
        self.cache = KvCache(model.pool, TO_THE_TOKEN, time.monotonic)
        self.pace, self.own = pace, own
        self._model = model
        self._context = context
        self._vocabulary = vocabulary
        self._readers: dict[Sequence, DraftSequence | None] = {}  # None: it goes without
        self._trusts: dict[Namespace, Trust] = {}
        self._drafted = self._accepted = 0
        self._broken = False

    def propose(self, sequences: Row[Sequence], room: int, beside: int) -> Mapping[Sequence, Draft]:
        """See ``Proposer``."""
        if self._broken:
            return {}
        wanted = self._wanted(sequences, room, beside)
        readers = [reader for sequence in wanted if (reader := self._reader(sequence, wanted)) is not None]
        try:
            if readers:
                self._guess(readers, wanted)
        except Exception as error:  # noqa: BLE001  # whatever native code raises ends drafting, and not the answers
            _log.error("the draft model failed, and is not used any more: %s", type(error).__name__)
            self._broken = True
            return {}
        return {reader.sequence: self._draft(reader) for reader in readers if reader.guesses}

    def took(self, rows: int, seconds: float) -> None:
        """See ``Proposer``."""
        self.pace.took(rows, seconds)

    def leave(self, sequence: Sequence) -> None:
        """See ``Proposer``. What was computed stays in the tree."""
        reader = self._readers.pop(sequence, None)
        if reader is not None:
            reader.lease.close()

    def figures(self) -> Iterator[Figure]:
        """See ``Proposer``."""
        yield ("tokens", "drafted_by_model"), self._drafted
        yield ("tokens", "accepted_by_model"), self._accepted

    def _wanted(self, sequences: Row[Sequence], room: int, beside: int) -> dict[Sequence, int]:
        """How many tokens are worth guessing, of those for which it is any."""
        beside += len(sequences) - 1
        each = self.own.of(len(sequences)) / len(sequences) / self.pace.seconds
        wanted = {}
        for sequence in sequences:
            limit = min(room, sequence.room, self._context - len(sequence.tokens) - 1)
            if limit < 1 or (sequence in self._readers and self._readers[sequence] is None):
                continue
            if length := self._trust(sequence).length(limit, self.pace.costs, beside, each):
                wanted[sequence] = length
                room -= length
                beside += length
        return wanted

    def _trust(self, sequence: Sequence) -> Trust:
        namespace = sequence.answer.job.task.namespace
        if namespace not in self._trusts and len(self._trusts) == MOST_TRUSTS:
            del self._trusts[next(iter(self._trusts))]
        return self._trusts.setdefault(namespace, Trust(HOPE))

    def _reader(self, sequence: Sequence, wanted: Iterable[Sequence]) -> DraftSequence | None:
        """Its part of the KV, if it can have one now.

        Of one namespace one prompt is read at a time: what it has in common with the next is then read only once.
        """
        if sequence in self._readers:
            return self._readers[sequence]
        namespace = sequence.answer.job.task.namespace
        others = (reader.lease for other in wanted if (reader := self._readers.get(other)) is not None)
        if any(lease.node.root.namespace == namespace and lease.pending > lease.block for lease in others):
            return None
        reader = self._readers[sequence] = self._begin(sequence, namespace)
        return reader

    def _begin(self, sequence: Sequence, namespace: Namespace) -> DraftSequence | None:
        """None if there are too few blocks, or if reading would not pay."""
        lease = self.cache.lease(namespace, sequence.tokens, min(sequence.most, self._context))
        if lease is not None and lease.pending > WORTH * sequence.room:
            lease.close()
            return None
        return None if lease is None else DraftSequence(sequence, lease)

    def _guess(self, readers: list[DraftSequence], wanted: Mapping[Sequence, int]) -> None:
        """As many tokens as are ``wanted``, for those who have then read all that was said."""
        for reader in readers:
            reader.settle()
        going = self._read(readers)
        while going := [reader for reader in going if len(reader.guesses) < wanted[reader.sequence]]:
            self._add(going, self._step([reader.behind() for reader in going]))

    def _read(self, readers: list[DraftSequence]) -> list[DraftSequence]:
        """Read what was said since, as far as it fits into a step. Gives those who have read all, with one guess."""
        room, counts = AT_ONCE, []
        for reader in sorted(readers, key=lambda reader: reader.lease.pending):
            if count := min(reader.lease.pending, room):
                counts.append((reader, count))
                room -= count
        rows = self._step([reader.next(count) for reader, count in counts])
        for reader, count in counts:
            reader.lease.advance(count)
        complete = [reader for reader, _ in counts if not reader.lease.pending]
        self._add(complete, rows)
        return complete

    def _add(self, readers: list[DraftSequence], rows: Logits) -> None:
        for reader, row in zip(readers, rows, strict=True):
            reader.guesses.append(reader.sequence.likeliest(row))

    def _step(self, spans: list[Span]) -> Logits:
        """A row of logits for each span that asks for one, over the vocabulary of the model."""
        started = time.monotonic()
        logits = self._model.step(spans)
        tokens = sum(len(span.tokens) for span in spans)
        if tokens <= 2 * len(spans):  # guessing, and no prompt
            self.own.took(tokens, time.monotonic() - started)
        missing = self._vocabulary - logits.shape[1]
        if missing > 0:
            return np.pad(logits, ((0, 0), (0, missing)), constant_values=-np.inf)
        return logits[:, : self._vocabulary]

    def _draft(self, reader: DraftSequence) -> Draft:
        kept = reader.sequence.fitting(reader.guesses)
        judge = partial(self._judge, self._trust(reader.sequence))
        if not kept:  # the answer's format refuses what would be verified
            judge(len(reader.guesses), 0)
        return Draft(kept, judge)

    def _judge(self, trust: Trust, drafted: int, accepted: int) -> None:
        self._drafted += drafted
        self._accepted += accepted
        trust.judge(drafted, accepted)

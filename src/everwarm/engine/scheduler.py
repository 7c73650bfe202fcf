"""Many answers at a time, by one model: who is let in, and what each step is for."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from everwarm.core.prefix import common
from everwarm.engine.answer import Answer, Sequence, Voice
from everwarm.engine.cache import KvCache
from everwarm.engine.line import Job, Line, shut_down
from everwarm.engine.model import PagedModel
from everwarm.engine.proposer import Proposer
from everwarm.engine.steps import Part, Steps
from everwarm.errors import Broken, EverwarmError

TOKENS_A_SECOND = 500.0
"""Who has waited for a second is as urgent as who has so many known tokens more, or so many fewer to compute."""

NEARLY = 64
"""Tokens that a prompt may have left for it to be complete in a step or two: then its last, half-filled block is shared
too, which spares each of a herd some tokens."""

CROWDED = 256
"""Events that a client has not taken: its answer is not gone on with until it has, and others may take its turn."""

_log = logging.getLogger("everwarm.engine")


class Scheduler:
    """Continuous batching: with each step sequences come and go. Runs in the engine's thread.

    Longest known prefix first, with ageing. A prompt that begins as one that is being computed waits for it instead of
    computing the same twice. Who is let in has all its blocks promised, so nobody is ever thrown out half-way.
    """

    def __init__(
        self, model: PagedModel, cache: KvCache, steps: Steps, voice: Voice, proposer: Proposer, line: Line
    ) -> None:
        self.failures = 0  # answers that ended in an error of the model or of this code
        self._model = model
        self._cache = cache
        self._steps = steps
        self._voice = voice
        self._proposer = proposer
        self._line = line
        self._answers: list[Answer] = []  # with choices that were not begun
        self._running: list[Sequence] = []
        self._computed = self._drafted = self._accepted = 0  # tokens: of prompts; guessed; rightly
        self._last_in = time.monotonic()

    def step(self) -> bool:
        """One step of the model for whoever is here. False if nobody is."""
        self._drop([s for s in self._running if s.answer.job.cancelled])
        self._answers = [a for a in self._answers if a.waiting and not a.job.cancelled]
        self._let_in()
        ready = sorted((s for s in self._running if not _crowded(s)), key=_urgency)
        parts = self._steps.compose(ready)
        if not parts:
            return False
        try:
            self._compute(parts)
        except Exception as error:  # noqa: BLE001  # whatever native code raises ends these answers, not the thread
            _log.error("a step failed: %s", type(error).__name__)  # its message could hold what was asked
            for job in {part.sequence.answer.job for part in parts}:
                self.failures += 1
                _end(job, Broken("the model failed while answering; ask again"))
        self._finish([part.sequence for part in parts if part.sequence.done])
        return True

    def figures(self) -> Iterator[tuple[tuple[str, str], float]]:
        """See ``core.upstream``."""
        pool, spare = self._cache.pool, self._cache.tree.spare
        yield ("answers", "running"), len(self._running)
        yield ("blocks", "free"), pool.free
        yield ("blocks", "cached"), spare
        yield ("blocks", "in_use"), pool.blocks - pool.free - spare
        yield ("tokens", "computed"), self._computed
        yield ("tokens", "drafted"), self._drafted
        yield ("tokens", "accepted"), self._accepted
        yield from self._proposer.figures()

    @property
    def busy(self) -> bool:
        """Whether anybody is being answered."""
        return bool(self._running)

    def close(self) -> None:
        """End all answers with ``Broken``."""
        jobs = {s.answer.job for s in self._running} | {a.job for a in self._answers}
        self._drop(list(self._running))
        self._answers = []
        for job in jobs:
            job.post(shut_down())

    def _compute(self, parts: list[Part]) -> None:
        started = time.monotonic()
        spans = [span for part in parts for span in part.spans]
        logits = self._model.step(spans + self._steps.padding(parts))
        seconds = time.monotonic() - started
        self._steps.took(parts, seconds)
        if all(part.pending == 1 for part in parts):
            self._proposer.took(len(logits), seconds)
        self._cache.seconds_a_token = self._steps.seconds_a_token
        at = 0
        for part in parts:
            self._computed += part.pending - (part.rows > 0)
            self._drafted += len(part.draft.tokens)
            try:
                self._accepted += part.sequence.read(part.pending, part.draft, logits[at : at + part.rows])
            except EverwarmError as error:  # its format has led to where the model cannot go on
                _end(part.sequence.answer.job, error)
            at += part.rows

    def _let_in(self) -> None:
        """Begin whatever there are turns and blocks for."""
        candidates = self._candidates()  # not asked while all turns are taken: to put them in order takes look-ups
        while sum(not _crowded(s) for s in self._running) < self._steps.parallel:
            candidate = next(candidates, None)
            if candidate is None or not self._begin(*candidate):
                return  # whoever needs fewer blocks must not go ahead of it for ever

    def _candidates(self) -> Iterator[tuple[Answer, int]]:
        """Choices to begin: of answers that have begun, then of those in the line, the most urgent first."""
        for answer in self._answers:
            for choice in list(answer.waiting):
                yield answer, choice
        waiting = self._line.waiting()
        waiting.sort(key=lambda job: -self._known(job) - TOKENS_A_SECOND * (time.monotonic() - job.entered))
        for job in waiting:
            yield Answer(job), 0

    def _begin(self, answer: Answer, choice: int) -> bool:
        """Let a choice in, unless it had better wait. False if there are too few blocks for it."""
        job = answer.job
        if self._computed_by_another(job):
            return True
        sequence = Sequence(answer, choice, self._voice)
        lease = self._cache.lease(job.task.namespace, sequence.tokens, sequence.most)
        if lease is None:
            return False
        lease.rests = job.task.rests
        sequence.lease = lease
        if choice == 0 and not self._line.take(job):  # it has left meanwhile
            lease.close()
            return True
        answer.waiting.remove(choice)
        if choice == 0:
            self._answers.append(answer)
            self._line.took(time.monotonic() - self._last_in)
            self._last_in = time.monotonic()
        if job.task.shifted:
            self._cache.borrow(lease)
        self._running.append(sequence)
        return True

    def _known(self, job: Job) -> int:
        return self._cache.known(job.task.namespace, job.task.packed)

    def _computed_by_another(self, job: Job) -> bool:
        """Whether a running sequence will soon have computed more of its prompt than is known now."""
        task = job.task
        known: int | None = None
        for other in self._running:
            theirs = other.answer.job.task
            if other.pending < 2 or theirs.namespace != task.namespace:
                continue
            shared = min(common(theirs.packed, task.packed), len(task.prompt) - 1, other.lease.shares)
            shared -= shared % self._cache.reuse.grain
            known = self._known(job) if known is None else known
            if shared - known >= self._cache.pool.size or (shared > known and other.pending <= NEARLY):
                return True
        return False

    def _finish(self, sequences: list[Sequence]) -> None:
        """Of those that only warm a prompt, the end is told when their KV is the tree's."""
        self._drop(sequences)
        for answer in (s.answer for s in sequences):
            if answer.job.task.limit or answer.job.cancelled:
                continue
            try:
                answer.warmed()
            except EverwarmError as error:
                _end(answer.job, error)

    def _drop(self, sequences: list[Sequence]) -> None:
        for sequence in sequences:
            self._running.remove(sequence)
            sequence.lease.close()
            self._proposer.leave(sequence)


def _end(job: Job, error: EverwarmError) -> None:
    """Nothing more comes of ``job``; the next step begins with dropping it. What was computed for it is sound."""
    job.cancelled = True
    job.post(error)


def _crowded(sequence: Sequence) -> bool:
    return sequence.answer.job.events.qsize() > CROWDED


def _urgency(sequence: Sequence) -> float:
    return sequence.pending - TOKENS_A_SECOND * (time.monotonic() - sequence.answer.job.entered)

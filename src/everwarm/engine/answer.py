"""One request that is being answered, and its choices."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence as Row
from typing import Any, Literal, NamedTuple

from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Finish, Prefilled
from everwarm.engine.lease import Lease
from everwarm.engine.line import Job
from everwarm.engine.sampler import Sampler
from everwarm.engine.stops import Stops
from everwarm.engine.tokens import TextStream, Tokenizer


class Voice(NamedTuple):
    """What turns tokens into text, and ends it."""

    tokenizer: Tokenizer
    ends: frozenset[int]  # tokens that end an answer
    vocabulary: int


class Draft(NamedTuple):
    """Tokens that may come next: a guess, which the model verifies."""

    tokens: Row[int] = ()
    judge: Callable[[int, int], None] = lambda proposed, accepted: None  # is told what became of it


NO_DRAFT = Draft()


class Answer:
    """What its choices have in common. Every sampled token counts as output, also the one that ends a choice and those
    of a stop string that is cut away: the model computed them. vLLM counts in the same way.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.started = time.monotonic()
        self.waiting = list(range(job.task.sampling.n))  # choices that were not begun
        self._open = job.task.sampling.n  # choices that were not finished
        self._reused: int | None = None  # of the prompt, by the choice that was first to have it computed
        self._output = 0
        self._drafted = self._accepted = 0

    def prefilled(self, known: int, shifted: int) -> None:
        """A choice has the whole prompt, of which it found ``known`` tokens, ``shifted`` ones among them.

        The first one tells.
        """
        if self._reused is None:
            self._reused = known
            self.job.post(Prefilled(len(self.job.task.prompt), known, time.monotonic() - self.started, shifted))

    def drafted(self, tokens: int, accepted: int) -> None:
        """So many tokens were guessed and verified, and so many of them were right."""
        self._drafted += tokens
        self._accepted += accepted

    def finished(self, choice: int, reason: Literal["stop", "length"], sampled: int) -> None:
        """A choice is complete, and with the last one the answer."""
        self.job.post(Finish(choice, reason))
        self._open -= 1
        self._output += sampled
        if not self._open:
            self._complete()

    def warmed(self) -> None:
        """No answer was wanted, and the prompt's KV is the tree's. Raises what ``Task.then`` does."""
        if self.job.task.then is not None:
            self.job.task.then()
        self._complete()

    def _complete(self) -> None:
        reused = self._reused or 0
        uncached = len(self.job.task.prompt) - reused
        usage = Usage(uncached=uncached, cache_read=reused, output=self._output)
        self.job.post(Done(usage, self._accepted, self._drafted - self._accepted))


class Sequence:
    """One choice, while it is computed: the prompt's tokens and those decoded, of which the last has no KV yet."""

    def __init__(self, answer: Answer, choice: int, voice: Voice) -> None:
        task = answer.job.task
        self.answer = answer
        self.choice = choice
        self.tokens = list(task.prompt)
        self.most = len(task.prompt) + task.limit  # tokens, prompt and answer together
        self.done = False
        self._reason: Literal["stop", "length"] = "length"  # why it is done
        self._voice = voice
        self._lease: Lease | None = None
        self._drafter, self._constraint = task.helps[choice]
        self._sampler = Sampler(task.sampling, voice.vocabulary, choice, self._constraint)
        self._stream, self._stops = TextStream(), Stops(task.sampling.stop)

    @property
    def lease(self) -> Lease:
        """Its KV. It has some from when it is let in until it ends."""
        assert self._lease is not None
        return self._lease

    @lease.setter
    def lease(self, lease: Lease) -> None:
        self._lease = lease

    @property
    def pending(self) -> int:
        """Tokens to compute until the next one can be sampled: one while it decodes."""
        return self.lease.pending

    @property
    def room(self) -> int:
        """Tokens that may be drafted: one more will follow them."""
        return self.most - len(self.tokens) - 1

    def draft(self, limit: int, beside: int) -> Draft:
        """At most ``limit`` tokens that the format forces, or that have followed before, to be verified beside so many
        rows of others. Asked for once a step."""
        limit = min(limit, self.room)
        if limit < 1:
            return NO_DRAFT
        if self._constraint is not None and (forced := self._constraint.forced()):
            return Draft(forced[:limit])
        if self._drafter is None:
            return NO_DRAFT
        return Draft(self.fitting(self._drafter.propose(limit, beside)), self._drafter.judge)

    def fitting(self, tokens: list[int]) -> list[int]:
        """How much of a draft the answer's format allows."""
        return tokens[: self._constraint.fits(tokens)] if self._constraint is not None and tokens else tokens

    def likeliest(self, logits: Any) -> int:
        """What would be chosen at temperature 0: another model's guess. Its format is not looked at."""
        return self._sampler.likeliest(logits)

    def read(self, computed: int, draft: Draft, logits: Any) -> int:
        """``computed`` pending tokens and the ``draft`` behind them were computed.

        ``logits``: a row for what follows the last pending token, and one for what follows each of the draft; none if
        more is pending. A drafted token that is not what the sampler chooses is forgotten, with those behind it. Gives
        how many were right.
        """
        self.lease.advance(computed)
        if not len(logits):
            return 0
        if len(self.tokens) == len(self.answer.job.task.prompt):
            self.answer.prefilled(self.lease.known, self.lease.shifted)
            if self.answer.job.task.limit == 0:
                self.done = True
                return 0
            self.lease.publish()
        before = len(self.tokens)
        for row, guess in zip(logits, [*draft.tokens, None], strict=True):
            token = self._sampler.choose(row)
            self._say(token)
            if self.done or token != guess:
                break
        accepted = len(self.tokens) - before - 1
        self.lease.advance(accepted)
        self.answer.drafted(len(draft.tokens), accepted)
        if draft.tokens:
            draft.judge(len(draft.tokens), accepted)
        if self._drafter is not None:
            self._drafter.extend(self.tokens[before:])
        if self.done:  # not sooner: with the last choice all is counted
            self.answer.finished(self.choice, self._reason, len(self.tokens) - len(self.answer.job.task.prompt))
        return accepted

    def _say(self, token: int) -> None:
        """The next token of the answer."""
        self.tokens.append(token)
        ended = token in self._voice.ends
        if not ended:
            self._tell(self._stops.feed(self._stream.feed(self._voice.tokenizer.bytes_of(token))))
        complete = ended or self._stops.hit or (self._constraint is not None and self._constraint.done)
        if complete or len(self.tokens) == self.most:
            self._tell(self._stops.finish())
            self.done = True
            self._reason = "stop" if complete else "length"

    def _tell(self, text: str) -> None:
        if text:
            self.answer.job.post(Delta(self.choice, text))

"""One answer: prefill, then choice after choice, token by token. Runs in the engine's thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from everwarm.core.key import Namespace
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Prefilled, Sampling
from everwarm.engine.model import Logits, PagedModel
from everwarm.engine.prefix import LastPrompt
from everwarm.engine.sampler import Sampler
from everwarm.engine.stops import Stops
from everwarm.engine.tokens import TextStream, Tokenizer


class Task(NamedTuple):
    """What to answer: a request after its template, in tokens."""

    namespace: Namespace
    prompt: tuple[int, ...]
    sampling: Sampling
    limit: int  # output tokens of one choice, at least 1


class Voice(NamedTuple):
    """What answers: the model, its words, and what it remembers of the prompt before."""

    model: PagedModel
    tokenizer: Tokenizer
    ends: frozenset[int]  # tokens that end an answer
    vocabulary: int
    last: LastPrompt


Pause = Callable[[], None]
"""Called before every step of the model; raises whatever ends the answer early."""


def answer(task: Task, voice: Voice, pause: Pause) -> Iterator[Event]:
    """The events of one answer. Each choice starts from the prompt's KV, which is computed once.

    Every sampled token counts as output, also the one that ends an answer and those of a stop string that is cut away:
    the model computed them. vLLM counts in the same way.
    """
    started = time.monotonic()
    reused = voice.last.take(task.namespace, task.prompt)
    logits = _prefill(task.prompt, reused, voice, pause)
    yield Prefilled(len(task.prompt), reused, time.monotonic() - started)
    output = 0
    for choice in range(task.sampling.n):
        output += yield from _decode(task, voice, choice, logits, pause)
    yield Done(Usage(uncached=len(task.prompt) - reused, cache_read=reused, output=output))


def _prefill(prompt: tuple[int, ...], at: int, voice: Voice, pause: Pause) -> Logits:
    """Compute ``prompt`` from ``at`` on, in steps that end at multiples of the chunk. Logits of its last token."""
    while True:
        pause()
        piece = prompt[at : at + voice.model.chunk]
        at += len(piece)
        last = at == len(prompt)
        logits = voice.model.step(piece, at - len(piece), (len(piece) - 1,) if last else ())
        voice.last.add(piece)
        if last:
            after: Logits = logits[0]
            return after


def _decode(task: Task, voice: Voice, choice: int, logits: Logits, pause: Pause) -> Generator[Event, None, int]:
    """The events of one choice; returns how many tokens were sampled. ``logits`` are those of the prompt."""
    sampler = Sampler(task.sampling, voice.vocabulary, choice)
    stream, stops = TextStream(), Stops(task.sampling.stop)
    sampled = 0
    while True:
        token = sampler.choose(logits)
        sampled += 1
        if token in voice.ends:
            break
        if text := stops.feed(stream.feed(voice.tokenizer.bytes_of(token))):
            yield Delta(choice, text)
        if stops.hit or sampled == task.limit:
            break
        pause()
        logits = voice.model.step((token,), len(task.prompt) + sampled - 1, (0,))[0]
    if text := stops.finish():
        yield Delta(choice, text)
    yield Finish(choice, "stop" if stops.hit or token in voice.ends else "length")
    return sampled

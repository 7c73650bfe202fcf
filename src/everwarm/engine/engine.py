"""The model inside as one more upstream."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from everwarm.core.draft import Drafter
from everwarm.core.key import Namespace
from everwarm.core.prefix import pack
from everwarm.core.upstream import ModelCard
from everwarm.core.wire import Done, Event, Request
from everwarm.engine import weights
from everwarm.engine.assemble import Inside, Keep, assemble
from everwarm.engine.demands import may_shift, prediction_of, require_honourable
from everwarm.engine.disk import Disk
from everwarm.engine.facts import Facts
from everwarm.engine.grammar import Constraint, Grammars, constraint_for, revision
from everwarm.engine.line import Help, Job, Line, Task, shut_down
from everwarm.engine.packaged import ALIASES, PACKAGED, Progress
from everwarm.engine.scheduler import Scheduler
from everwarm.engine.settings import DEFAULTS, Settings
from everwarm.engine.template import ChatTemplate
from everwarm.engine.weights import Weights, slug
from everwarm.errors import BadRequest, EverwarmError, ModelError, Unsupported

MIN_CONTEXT = 256

MOST_DRAFTERS = 4
"""Choices of one answer for which drafts are looked up."""

SOON = 0.02
"""Seconds after which the engine looks whether a client has taken what it was sent."""


class Engine:
    """Answers many requests at a time with one model, in one thread of its own (``scheduler``).

    Whatever of a prompt anybody of the same namespace has sent before is not computed again (``cache``); for another
    namespace it was never there. What "not again" means to the token and to the bit is the mode (``steps``).
    """

    name = "engine"

    def __init__(self, inside: Inside, template: ChatTemplate, card: ModelCard, settings: Settings = DEFAULTS) -> None:
        self.inside = inside
        self._template = template
        self._card = card
        self._settings = settings
        self._line = Line(settings.waiting)
        self._disk: Disk | None = None
        self._scheduler = Scheduler(inside.model, inside.cache, inside.steps, inside.voice, self._line)
        self._grammars = Grammars(inside.facts)
        self._tokenising = ThreadPoolExecutor(1, "everwarm-tokens")
        self._thread = threading.Thread(target=self._serve, name="everwarm-engine", daemon=True)

    @classmethod
    def load(
        cls,
        gguf: Path | None,
        data: Path,
        secret: bytes,
        settings: Settings = DEFAULTS,
        progress: Progress = lambda what, done: None,
        keep: Keep | None = None,
    ) -> Engine:
        """The engine for ``gguf``, None for the packaged model, with its files under ``data``. Takes seconds, blocks.

        ``secret``: the installation's; it seals what is converted. ``keep``: where KV goes that outlives the process.
        ``ModelError``, in words for the operator, if anything is missing.
        """
        ready = weights.prepare(gguf, data, secret, progress)
        room = _context(ready.facts, settings.context)
        progress("loading the model", 0.0)
        inside = assemble(ready, room, settings)
        template = ChatTemplate(ready.facts.chat_template, _special(ready.facts))
        engine = cls(inside, template, _card(ready, inside, room, settings), settings)
        if keep is not None:
            engine._disk = inside.below(keep, _identity(ready, inside, settings), engine._line.nudge)
        engine._thread.start()
        progress("loading the model", 1.0)
        return engine

    @property
    def failures(self) -> int:
        """Answers that ended in an error of the model or of this code."""
        return self._scheduler.failures

    def models(self) -> Sequence[ModelCard]:
        """The one model."""
        return (self._card,)

    def check(self, request: Request) -> None:
        """``BadRequest`` or ``Unsupported`` for what this engine cannot do. Whether the prompt fits, ``ask`` tells."""
        require_honourable(request, self.inside.voice.vocabulary)
        if may_shift(request) and self.inside.cache.shift is None:
            exact = "the model inside answers exactly (engine.mode = 'exact')"
            why = exact if self._settings.mode == "exact" else "the KV of this model cannot be shifted"
            raise Unsupported(f"everwarm.reuse: {why}; leave it out", param="everwarm.reuse")

    def ask(self, request: Request, namespace: Namespace) -> AsyncIterator[Event]:
        """Prefilled, Delta..., Finish for each choice, Done. See ``core.upstream``.

        ``BadRequest`` with the code ``context_length_exceeded`` if the prompt leaves no room for an answer,
        ``Overloaded`` if too many wait: both before the first event. ``Broken`` if a step fails or the engine closes.
        """
        return self._ask(request, namespace)

    async def close(self) -> None:
        """End the thread, within one step. Answers under way end with ``Broken``."""
        for job in self._line.close():
            job.post(shut_down())
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._tokenising.shutdown(wait=False)
        self._grammars.close()

    def tokens_of(self, request: Request) -> list[int]:
        """The prompt of ``request`` as the model reads it."""
        text = request.prompt
        if text is None:
            text = self._template.render(request.messages, request.tools, datetime.now().astimezone())
        return self.inside.voice.tokenizer.encode(text)

    async def count(self, request: Request) -> int:
        """Tokens of the prompt, counted in the thread that tokenises."""
        self.check(request)
        loop = asyncio.get_running_loop()
        return len(await loop.run_in_executor(self._tokenising, self.tokens_of, request))

    async def _ask(self, request: Request, namespace: Namespace) -> AsyncIterator[Event]:
        self.check(request)
        self._line.require_room()
        loop = asyncio.get_running_loop()
        held = () if request.format is None else await loop.run_in_executor(None, self._constraints, request)
        job = Job(await loop.run_in_executor(self._tokenising, self._task, request, namespace, held))
        self._line.enter(job)
        try:
            while True:
                event = await job.events.get()
                if isinstance(event, EverwarmError):
                    raise event
                yield event
                if isinstance(event, Done):
                    return
        finally:
            self._line.leave(job)

    def _constraints(self, request: Request) -> tuple[Constraint | None, ...]:
        """For each choice one of its own. A schema that was not seen before takes up to seconds."""
        return tuple(constraint_for(request, self._grammars) for _ in range(request.sampling.n))

    def _task(self, request: Request, namespace: Namespace, held: tuple[Constraint | None, ...]) -> Task:
        context = self._card.context
        texts = [request.prompt or "", *(m.text for m in request.messages)]
        least = sum(len(text.encode("utf-8", "replace")) for text in texts) // self.inside.voice.tokenizer.longest
        if least > context:  # known without the seconds that it takes to count megabytes
            raise _too_long(f"more than {least}", context, request)
        prompt = tuple(self.tokens_of(request))
        left = context - len(prompt)
        if left < 1:
            raise _too_long(str(len(prompt)), context, request)
        sampling = request.sampling
        if sampling.temperature is None:
            sampling = replace(sampling, temperature=self._settings.temperature)
        limit = self._settings.max_tokens if sampling.max_tokens is None else sampling.max_tokens
        drafters = self._drafters(request, prompt)
        helps = tuple(Help(*both) for both in zip(drafters, held or (None,) * len(drafters), strict=True))
        return Task(namespace, prompt, pack(prompt), sampling, min(limit, left), helps, may_shift(request))

    def _drafters(self, request: Request, prompt: tuple[int, ...]) -> tuple[Drafter | None, ...]:
        """For each choice one; for many choices of one prompt none, for to know it by heart costs time for each."""
        choices = request.sampling.n
        if not self._settings.drafts or choices > MOST_DRAFTERS:
            return (None,) * choices
        text = prediction_of(request)
        prediction = self.inside.voice.tokenizer.encode(text) if text else ()
        return tuple(Drafter(prompt, prediction, costs=self.inside.costs) for _ in range(choices))

    def _serve(self) -> None:
        while not self._line.closed:
            worked = self._scheduler.step()
            if self._disk is not None:
                self._disk.work()
            if not worked:
                self._line.rest(SOON if self._scheduler.busy else None)
        self._scheduler.close()
        if self._disk is not None:
            self._disk.close()


def _too_long(tokens: str, context: int, request: Request) -> BadRequest:
    where = "messages" if request.prompt is None else "prompt"
    return BadRequest(
        f"the prompt has {tokens} tokens and the model's context is {context}, with at least one for the answer; "
        f"shorten the {where}",
        param=where,
        code="context_length_exceeded",
    )


def _context(facts: Facts, wanted: int | None) -> int:
    if wanted is None:
        return facts.context
    if not MIN_CONTEXT <= wanted <= facts.context:
        raise ModelError(f"engine.context is {wanted} tokens, but this model takes {MIN_CONTEXT} to {facts.context}")
    return wanted


def _special(facts: Facts) -> dict[str, str]:
    named = {"bos_token": facts.bos, "eos_token": facts.eos}
    return {name: "" if token is None else facts.tokens[token] for name, token in named.items()}


def _card(ready: Weights, inside: Inside, context: int, settings: Settings) -> ModelCard:
    """The model's card. Its fingerprint covers whatever changes the bits of an answer."""
    identity = f"{_identity(ready, inside, settings)} {context} {settings.temperature} {revision()}"
    fingerprint = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
    made_by = "everwarm"
    if ready.packaged:
        return ModelCard(PACKAGED, ALIASES, ready.facts.created, made_by, context, fingerprint)
    return ModelCard(slug(ready.facts.name), ("default",), ready.facts.created, made_by, context, fingerprint)


def _identity(ready: Weights, inside: Inside, settings: Settings) -> str:
    """All that decides the bits of a token's KV beside the tokens before it."""
    return f"{ready.fingerprint} {ready.facts.gguf} {inside.model.settings} {settings.mode} {inside.model.pool.layout}"

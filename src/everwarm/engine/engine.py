"""The model inside as one more upstream."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from everwarm.core.draft import Drafter
from everwarm.core.key import Namespace
from everwarm.core.prefix import pack
from everwarm.core.upstream import ModelCard, Prefix, Warmed
from everwarm.core.wire import Done, Event, Request
from everwarm.engine import drafting, weights
from everwarm.engine.assemble import Inside, Keep, assemble
from everwarm.engine.cuts import cuts_of
from everwarm.engine.demands import may_shift, prediction_of, require_honourable
from everwarm.engine.disk import Disk
from everwarm.engine.facts import Facts, room
from everwarm.engine.grammar import Constraint, Grammars, constraint_for, revision
from everwarm.engine.head import going_on, head_of
from everwarm.engine.line import Help, Job, Line, Task, shut_down
from everwarm.engine.packaged import ALIASES, Progress
from everwarm.engine.reader import Reader
from everwarm.engine.scheduler import Scheduler
from everwarm.engine.settings import DEFAULTS, Settings
from everwarm.engine.template import ChatTemplate
from everwarm.engine.warming import Warming
from everwarm.engine.weights import Weights
from everwarm.errors import BadRequest, Unsupported

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
        self._scheduler = Scheduler(inside.model, inside.cache, inside.steps, inside.voice, inside.proposer, self._line)
        self._warming = Warming(inside, self._line, card.context)
        self._grammars = Grammars(inside.facts)
        self._reader = Reader(inside.voice.tokenizer, cuts_of(inside.facts, inside.voice.tokenizer.bare))
        self._tokenising = ThreadPoolExecutor(1, "everwarm-tokens")
        self._thread = threading.Thread(target=self._serve, name="everwarm-engine", daemon=True)

    @classmethod
    def load(
        cls,
        source: Path | None,
        data: Path,
        secret: bytes,
        settings: Settings = DEFAULTS,
        progress: Progress = lambda what, done: None,
        keep: Keep | None = None,
    ) -> Engine:
        """The engine for ``source``, a GGUF or a folder of OpenVINO files; None is the packaged model.

        Its files are under ``data``. Takes seconds, blocks.

        ``secret``: the installation's; it seals what is converted. ``keep``: where KV goes that outlives the process.
        ``ModelError``, in words for the operator, if anything is missing.
        """
        ready = weights.prepare(source, data, secret, progress)
        context = room(ready.facts, settings.context)
        draft = drafting.prepare(settings, ready, data, secret, progress)
        inside = assemble(ready, draft, context, settings, secret, progress)
        template = ChatTemplate(ready.facts.chat_template, _special(ready.facts))
        engine = cls(inside, template, _card(ready, inside, context, settings), settings)
        if keep is not None:
            engine._disk = inside.below(keep, _identity(ready, inside, settings), engine._line.nudge)
        engine._thread.start()
        return engine

    @property
    def failures(self) -> int:
        """Answers that ended in an error of the model or of this code."""
        return self._scheduler.failures

    def figures(self) -> Mapping[tuple[str, str], float]:
        """Of the pool, the line, drafts and the disk. Read beside the thread that changes them."""
        told = dict(self._scheduler.figures())
        told["answers", "waiting"] = len(self._line)
        if self._disk is not None:
            told["tokens", "restored"] = self._disk.restored
            told["disk_bytes", "held"] = self._disk.held
        return told

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

    async def warm(self, request: Request, namespace: Namespace, *, pin: bool = False) -> Warmed:
        """See ``core.upstream``. In mode "exact" whole chunks are warmed, for nothing else would be reused."""
        self.check(going_on(request, ""))
        self._line.require_room()
        loop = asyncio.get_running_loop()
        prompt = await loop.run_in_executor(self._tokenising, self._head, request, namespace)
        return await self._warming.warm(prompt, namespace, pin=pin, rests=request.rests)

    async def prefixes(self, namespace: Namespace, limit: int) -> Sequence[Prefix]:
        """See ``core.upstream``."""
        return await self._warming.prefixes(namespace, limit)

    async def unpin(self, namespace: Namespace, name: str) -> bool:
        """See ``core.upstream``."""
        return await self._warming.unpin(namespace, name)

    async def close(self) -> None:
        """End the thread, within one step. Answers under way end with ``Broken``."""
        for job in self._line.close():
            job.post(shut_down())
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._tokenising.shutdown(wait=False)
        self._grammars.close()

    def tokens_of(self, request: Request, namespace: Namespace | None = None) -> list[int]:
        """The prompt of ``request`` as the model reads it. ``namespace``: in which its segments are remembered."""
        text = request.prompt
        if text is None:
            text = self._template.render(request.messages, request.tools, datetime.now().astimezone())
        return self._reader.read(text, namespace) if namespace else self.inside.voice.tokenizer.encode(text)

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
                event = await job.next()
                yield event
                if isinstance(event, Done):
                    return
        finally:
            self._line.leave(job)

    def _constraints(self, request: Request) -> tuple[Constraint | None, ...]:
        """For each choice one of its own. A schema that was not seen before takes up to seconds."""
        return tuple(constraint_for(request, self._grammars) for _ in range(request.sampling.n))

    def _task(self, request: Request, namespace: Namespace, held: tuple[Constraint | None, ...]) -> Task:
        prompt = self._fitting(request, partial(self.tokens_of, namespace=namespace))
        sampling = request.sampling
        if sampling.temperature is None:
            sampling = replace(sampling, temperature=self._settings.temperature)
        limit = self._settings.max_tokens if sampling.max_tokens is None else sampling.max_tokens
        limit = min(limit, self._card.context - len(prompt))
        drafters = self._drafters(request, prompt)
        helps = tuple(Help(*both) for both in zip(drafters, held or (None,) * len(drafters), strict=True))
        return Task(namespace, prompt, pack(prompt), sampling, limit, helps, request.rests, shifted=may_shift(request))

    def _head(self, request: Request, namespace: Namespace) -> tuple[int, ...]:
        """What can be reused by those who go on from ``request``."""
        tokens_of = partial(self.tokens_of, namespace=namespace)
        head = self._fitting(request, lambda request: head_of(request, tokens_of))
        grain = self.inside.cache.reuse.grain
        if len(head) < grain:
            raise BadRequest(
                f"there is nothing to warm: what requests have in common here are {len(head)} tokens, and prefixes are "
                f"reused in multiples of {grain}",
                param=_where(request),
            )
        return head[: len(head) // grain * grain]

    def _fitting(self, request: Request, tokens_of: Callable[[Request], Sequence[int]]) -> tuple[int, ...]:
        """The tokens of ``request``, with room for one more at least."""
        context = self._card.context
        texts = [request.prompt or "", *(m.text for m in request.messages)]
        least = sum(len(text.encode("utf-8", "replace")) for text in texts) // self.inside.voice.tokenizer.longest
        if least > context:  # known without the seconds that it takes to count megabytes
            raise _too_long(f"more than {least}", context, request)
        prompt = tuple(tokens_of(request))
        if len(prompt) >= context:
            raise _too_long(str(len(prompt)), context, request)
        return prompt

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
            if not self._warming.errands.do_one() and not worked:
                self._line.rest(SOON if self._scheduler.busy else None)
        self._scheduler.close()
        self._warming.errands.close()
        if self._disk is not None:
            self._disk.close()


def _where(request: Request) -> str:
    """The member that holds the prompt."""
    return "messages" if request.prompt is None else "prompt"


def _too_long(tokens: str, context: int, request: Request) -> BadRequest:
    where = _where(request)
    return BadRequest(
        f"the prompt has {tokens} tokens and the model's context is {context}, with at least one for the answer; "
        f"shorten the {where}",
        param=where,
        code="context_length_exceeded",
    )


def _special(facts: Facts) -> dict[str, str]:
    named = {"bos_token": facts.bos, "eos_token": facts.eos}
    return {name: "" if token is None else facts.tokens[token] for name, token in named.items()}


def _card(ready: Weights, inside: Inside, context: int, settings: Settings) -> ModelCard:
    """The model's card. Its fingerprint covers whatever changes the bits of an answer."""
    identity = f"{_identity(ready, inside, settings)} {context} {settings.temperature} {revision()}"
    fingerprint = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
    aliases = ALIASES if ready.packaged else ("default",)
    return ModelCard(ready.id, aliases, ready.facts.created, "everwarm", context, fingerprint)


def _identity(ready: Weights, inside: Inside, settings: Settings) -> str:
    """All that decides the bits of a token's KV beside the tokens before it.

    The number of threads decides the last bits of what is decoded. In mode "fast" so does what else is in a step.
    """
    mode = settings.mode if settings.mode == "fast" else f"{settings.mode} {inside.model.threads} threads"
    return f"{ready.fingerprint} {ready.facts.gguf} {inside.model.settings} {mode} {inside.model.pool.layout}"

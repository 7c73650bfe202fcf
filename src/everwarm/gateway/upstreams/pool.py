"""Upstreams that serve the same model: which one is asked, when it is asked again, and when the next one is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from hashlib import blake2b
from math import inf, log
from time import monotonic, time

from everwarm.core import manners
from everwarm.errors import ClientError, Overloaded, TimedOut, UpstreamError
from everwarm.gateway.upstreams import retry_after
from everwarm.gateway.upstreams.provider import Answer, Provider
from everwarm.gateway.upstreams.source import Opening, Sending, Sink

ANCHOR = 4096
"""Bytes of a request's beginning that stand for a session where there is no question in it."""

SOON = 0.01
"""Seconds. Who is ready by then is ready now: timers are not exact."""


class Pool:
    """A ``Source`` over one or more providers of one dialect. Fail-over and retries end where an answer begins."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self.name = providers[0].name
        self.providers = tuple(providers)
        self._weighted = any(p.settings.weight is not None for p in providers)

    def check(self, sending: Sending) -> None:
        """The upstream judges by itself."""

    async def fetch(self, sending: Sending, sink: Sink) -> None:
        """See ``source.Source``. Raises what the last attempt failed with, or gives its answer, if all failed."""
        trial = _Trial(self._order(sending))
        while True:
            provider = trial.next()
            answer = await self._begun(trial, provider, sending)
            if answer is not None:
                sink.open(answer.opening)
                if not await answer.relay(sink, trial.until):
                    raise _late(trial, provider)
                return
            await asyncio.sleep(trial.pause)

    async def _begun(self, trial: _Trial, provider: Provider, sending: Sending) -> Answer | None:
        """An answer that has begun, or None: try again. Raises ``UpstreamError`` if there is nothing left to try."""
        try:
            answer = await provider.begin(sending, trial.left)
        except UpstreamError as e:
            provider.breaker.failed(monotonic())
            if trial.left <= 0:
                raise _late(trial, provider) from None
            if trial.goes_on(provider, None):
                return None
            raise e
        except BaseException:
            provider.breaker.unknown()
            raise
        if self._judged(trial, provider, answer.opening):
            return answer
        answer.close()
        return None

    def _judged(self, trial: _Trial, provider: Provider, opening: Opening) -> bool:
        """Whether this is what the client gets."""
        if opening.status in manners.FAILURES:
            provider.breaker.failed(monotonic())
        else:
            provider.breaker.succeeded()
        if opening.status < 400:
            return True
        headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in opening.headers}
        again = manners.retryable(opening.status, headers)
        return not (again and trial.goes_on(provider, retry_after.seconds(headers, time())))

    def _order(self, sending: Sending) -> Sequence[Provider]:
        """Who is asked first, second ...: in the order of the configuration, or, with weights, such that a session
        stays where its prefix is cached (rendezvous hashing: an upstream more or less moves no other's sessions)."""
        if not self._weighted:
            return self.providers
        anchor = blake2b(sending.namespace.id.encode() + _anchor(sending), digest_size=16).digest()
        return sorted(self.providers, key=lambda p: _score(anchor, p), reverse=True)


def _anchor(sending: Sending) -> bytes:
    """What stays the same while a session grows: all messages up to the first question."""
    try:
        messages = sending.request().messages
    except ClientError:  # what we do not understand, the upstream may
        messages = ()
    first = next((i for i, m in enumerate(messages, 1) if m.role == "user"), 0)
    lines = [f"{m.role}\0{m.text}\0" for m in messages[:first]]
    return "".join(lines).encode("utf-8", "surrogatepass") or sending.data[:ANCHOR]


def _late(trial: _Trial, provider: Provider) -> TimedOut:
    return TimedOut(f"The upstream {provider.settings.name} did not give a whole answer within {trial.seconds:g} s.")


def _score(anchor: bytes, provider: Provider) -> float:
    weight = 1.0 if provider.settings.weight is None else provider.settings.weight
    digest = blake2b(anchor + provider.name.encode(), digest_size=8).digest()
    share = (int.from_bytes(digest, "big") + 1) / (2**64 + 1)
    return -weight / log(share) if weight > 0 else 0.0


class _Trial:
    """One request's way through its upstreams: once along the line, then again after pauses, within bounds."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._ready = dict.fromkeys(providers, 0.0)  # when each may be asked, in the order of the line
        self._tried = dict.fromkeys(providers, 0)  # how often each was
        self.seconds = max(p.settings.seconds for p in providers)
        self.until = monotonic() + self.seconds  # when the whole answer must be there
        self.pause = 0.0  # seconds to wait before ``next``

    @property
    def left(self) -> float:
        """Seconds until the whole answer must be there."""
        return self.until - monotonic()

    def next(self) -> Provider:
        """The first that is ready and may be asked now. Raises ``Overloaded`` if none may."""
        now = monotonic()
        for provider in sorted(self._ready, key=self._ready.__getitem__):
            if self._ready[provider] <= now + SOON and provider.breaker.admits(now):
                if self._tried[provider]:
                    provider.again += 1
                else:
                    provider.budget.asked()
                self._tried[provider] += 1
                return provider
        soonest = min(p.breaker.wait(now) for p in self._ready)
        names = ", ".join(p.settings.name for p in self._ready)
        raise Overloaded(f"No upstream for this model answers now ({names}).", retry_after=max(1.0, soonest))

    def goes_on(self, failed: Provider, asked: float | None) -> bool:
        """Whether there is another attempt; ``pause`` says after how long. ``asked``: what ``failed`` wants."""
        now = monotonic()
        attempt = self._tried[failed] - 1
        wait = manners.pause(attempt, asked, random.random())  # noqa: S311  # jitter, no secret
        self._ready[failed] = inf if wait is None or attempt >= failed.settings.retries else now + wait
        willing = [p for p, at in self._ready.items() if p.breaker.might_admit(max(now, at))]
        chosen = min(willing, key=self._ready.__getitem__, default=failed)
        at = max(now, self._ready[chosen])
        if not willing or at >= self.until or (self._tried[chosen] and not chosen.budget.take()):
            return False
        self.pause = at - now
        return True

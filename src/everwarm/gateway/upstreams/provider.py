"""One upstream over HTTP: one attempt at one request, byte for byte."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

import orjson

from everwarm.config import UpstreamSettings
from everwarm.core import sse
from everwarm.core.answer import Form
from everwarm.core.manners import Breaker, Budget
from everwarm.errors import Broken, UpstreamError
from everwarm.gateway.auth import is_own
from everwarm.gateway.upstreams.client import Body, Client
from everwarm.gateway.upstreams.headers import Headers, back, onward
from everwarm.gateway.upstreams.reply import Reply
from everwarm.gateway.upstreams.source import Opening, Sending, Sink

_PREFIX: Final = {"openai": "/v1", "anthropic": ""}
"""What of a path here is part of the base URL there, as the vendors' SDKs take it."""

_COUNTED: Final = b',"stream_options":{"include_usage":true}'
"""Put at the end of a body whose stream would not say what it took."""


class Provider:
    """An upstream of the configuration. ``breaker`` and ``budget`` are kept by who asks it."""

    def __init__(self, settings: UpstreamSettings, credential: str | None) -> None:
        self.name = f"upstream:{settings.name}"
        self.settings = settings
        self.breaker = Breaker()
        self.budget = Budget()
        self.credential = credential
        self.answered = [0] * 10  # responses so far, by the first digit of their status; [0]: requests without one
        self.again = 0  # requests that were sent here once more
        self._prefix = _PREFIX[settings.dialect]
        self._identified = _identified(settings, credential)
        self._client: Client | None = None

    async def send(
        self, method: str, path: str, query: bytes, headers: Headers, body: Body = b"", within: float | None = None
    ) -> Reply:
        """The reply to a request, when its head has come. Nothing of a request can change the host (promise s16).

        ``path``: as it is here. ``headers``: as the client sent them. ``within``: seconds for the head to come, if less
        than the configuration gives it. Raises ``Unreachable``, ``TimedOut`` or ``Broken``.
        """
        target = path.removeprefix(self._prefix).encode("ascii")
        if query:
            target += b"?%b" % query
        sent = onward(headers, self.credential, is_own) + self._identified
        longest = self.settings.first_byte_seconds
        longest = longest if within is None else min(within, longest)
        try:
            reply = await self._connected().send(method.encode("ascii"), target, sent, body, within=longest)
        except UpstreamError:
            self.answered[0] += 1
            raise
        self.answered[min(reply.status // 100, 9)] += 1
        if not 200 <= reply.status < 600:
            reply.close()
            raise Broken(f"The upstream {self.settings.name} answered with status {reply.status}, which ends nothing.")
        return reply

    async def begin(self, sending: Sending, within: float) -> Answer:
        """One attempt at an answer. Raises as ``send``."""
        data, wanted = self._written(sending)
        reply = await self.send("POST", sending.path, sending.query, sending.headers, data, within)
        opening = Opening(reply.status, back(reply.headers), _form(reply, wanted), self.name)
        return Answer(opening, reply)

    def _written(self, sending: Sending) -> tuple[bytes, Form]:
        """What is sent, and the form that it asks for: the client's bytes; with ``count_streams`` one member more."""
        data, form = sending.data, sending.form
        if not self.settings.count_streams or form.counted or b'"stream_options"' in data:
            return data, form
        start, end, rest = data.rpartition(b"}")
        return start + _COUNTED + end + rest, Form(stream=True, counted=True)

    def _connected(self) -> Client:
        """Made at the first use, in the event loop that uses it."""
        if self._client is None:
            settings = self.settings
            self._client = Client(
                settings.name,
                settings.url,
                connect_seconds=settings.connect_seconds,
                idle_seconds=settings.idle_seconds,
            )
        return self._client

    async def retire(self) -> None:
        """Close when what is under way has ended: the upstream is no longer one of ours."""
        while self._client is not None and self._client.busy:  # noqa: ASYNC110  what ends tells nobody
            await asyncio.sleep(1)
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()


class Answer:
    """An answer that has begun."""

    def __init__(self, opening: Opening, reply: Reply) -> None:
        self.opening = opening
        self._reply = reply

    async def relay(self, sink: Sink, until: float) -> bool:
        """All of it, as it comes: of a stream whole events. False: it is not over, but ``until`` (monotonic) is.

        Raises ``Broken`` or ``TimedOut`` where it breaks off.
        """
        form = self.opening.form
        framer = sse.Framer() if form is not None and form.stream else None
        try:
            while piece := await self._reply.read():
                if framer is not None:
                    piece = framer.feed(piece)
                if monotonic() > until:
                    return False
                if piece:
                    sink.push(piece)
                    if sink.crowded:
                        await sink.room()
            if framer is not None and framer.rest and _is_whole(framer.rest):
                sink.push(framer.rest)
        finally:
            self._reply.close()
        return True

    def close(self) -> None:
        """Nothing of it is wanted."""
        self._reply.close()


def _identified(settings: UpstreamSettings, credential: str | None) -> Headers:
    """As the vendor's SDK sends it; Bedrock takes a bearer token in both dialects."""
    if credential is None:
        return []
    if settings.dialect == "anthropic" and settings.provider != "bedrock":
        return [(b"x-api-key", credential.encode())]
    return [(b"authorization", b"Bearer %b" % credential.encode())]


def _form(reply: Reply, wanted: Form) -> Form | None:
    """What kind of answer this is, by what it says itself: a server may ignore ``stream``."""
    if reply.status != 200 or reply.packed:
        return None
    kind = next((v for n, v in reply.headers if n == b"content-type"), b"")
    kind = kind.partition(b";")[0].strip().lower()
    if kind == b"text/event-stream":
        return Form(stream=True, counted=wanted.counted and wanted.stream)
    return Form(stream=False) if kind == b"application/json" else None


def _is_whole(rest: bytes) -> bool:
    """Whether what stands after the last empty line of a stream is an event all the same, or the rest of that line."""
    if not rest.strip(b"\r\n"):
        return True
    data = "".join(event.data for event in sse.events(rest))
    if data == "[DONE]":
        return True
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True
